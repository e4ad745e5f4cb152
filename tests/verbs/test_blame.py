"""blame: lines in shards are their authors', upstream's and the fork's, wherever they were moved."""

from __future__ import annotations

import pytest

from mergeguard.errors import GitError
from mergeguard.git.objectnames import SHA1
from mergeguard.verbs import splitting, sync
from mergeguard.verbs.lines.annotate import parse_porcelain
from mergeguard.verbs.lines.blame import Request, blame
from tests.support.exchange import BODY, COMMON, KERNEL, LAYOUT, MONOLITH, Pair


@pytest.fixture
def pair(tmp_path):
    made = Pair.make(tmp_path / "repo")
    # A second commit of upstream, merged, and local edits before and after it.
    made.change(KERNEL, "  int waves = div2;", "  int waves = div2 + 0;", "Waves", GIT_AUTHOR_NAME="Zoë")
    made.git("checkout", "-q", "main")
    made.change(MONOLITH, "return a < b ? a : b;", "return b > a ? a : b;", "upstream: second")
    made.git("checkout", "-q", "fork")
    assert sync.sync(made.fork, "main").commit
    made.change(BODY, "        WVSPLIT_TILE(sYT, 3)", "        WVSPLIT_TILE(sYT, 3 + 0)", "Arm")
    return made


def origins(pair, path, **options):
    return blame(pair.fork, Request(path, **options))


def subject(pair, line):
    return line.fact(b"summary").decode()


def one(lines, text):
    (found,) = [line for line in lines if text in line.text]
    return found


def test_every_line_has_its_author(pair):
    kernel = origins(pair, KERNEL)
    assert one(kernel, b"int waves = div2 + 0").fact(b"summary") == b"Waves"
    assert one(kernel, b"return b > a").fact(b"summary") == b"upstream: second"
    assert one(kernel, b"struct scalar {};").fact(b"summary") == b"upstream: first"
    assert one(kernel, b"#pragma once").fact(b"summary") == b"split"
    assert {subject(pair, line) for line in kernel} == {
        "Waves",
        "upstream: first",
        "upstream: second",
        "split",
    }
    body = origins(pair, BODY)
    assert one(body, b"sYT, 3 + 0").fact(b"summary") == b"Arm"
    assert one(body, b"namespace MG_NS {").fact(b"summary") == b"split"


@pytest.mark.parametrize(
    "path", [COMMON, KERNEL, BODY, MONOLITH, LAYOUT + "instantiate_n2.cu", "csrc/rocm/ops.h"]
)
def test_every_origin_holds_the_line(pair, path):
    """What blame names is there: line N of the file in the commit, as `git show` prints it."""
    found = origins(pair, path)
    text = pair.read(path).splitlines(keepends=True)
    assert [line.text for line in found] == text
    assert [line.line for line in found] == list(range(1, len(text) + 1))
    for line in found:
        there = pair.git("show", f"{line.oid}:{line.path.decode()}").splitlines()
        own = line.text.decode().rstrip("\n")
        # An include of a moved file has its path re-based: that part of the line is glue.
        assert there[line.origin_line - 1] in (own, own.replace('"../', '"', 1))


def test_previous_commits_are_real(pair):
    line = one(origins(pair, KERNEL), b"int waves = div2 + 0")
    assert line.previous == (pair.git("rev-parse", f"{line.oid}^"), KERNEL.encode())
    line = one(origins(pair, KERNEL), b"return b > a")
    assert line.previous == (pair.git("rev-parse", "main~1"), MONOLITH.encode())


def test_as_if_never_split(pair):
    """Upstream's own blame of the lines that the fork did not touch."""
    upstream = {
        (a.text, a.oid, a.origin_line) for a in blame(pair.fork, Request(MONOLITH, revisions=("main",)))
    }
    shards = {
        (a.text, a.oid, a.origin_line)
        for path in (COMMON, KERNEL, BODY, MONOLITH)
        for a in origins(pair, path)
        if a.path == MONOLITH.encode() and subject(pair, a).startswith("upstream")
    }
    missing = {text for text, *_ in upstream - shards if b'#include "' not in text}
    assert missing == {b"  int waves = div2;\n", b"        WVSPLIT_TILE(sYT, 3)\n"}
    assert {text for text, *_ in shards - upstream} <= {t for t, *_ in shards if b'#include "' in t}


def test_ranges_are_of_the_file_itself(pair):
    whole = origins(pair, KERNEL)
    assert origins(pair, KERNEL, ranges=("10,20",)) == whole[9:20]
    some = origins(pair, KERNEL, ranges=("/^int mindiv/,+4",))
    assert some[0].text == b"int mindiv(int N, int div1, int div2) {\n"
    assert len(some) == 4
    with pytest.raises(GitError):
        origins(pair, KERNEL, ranges=("100000,",))


def test_uncommitted_lines(pair):
    pair.edit(KERNEL, "  int waves = div2 + 0;", "  int waves = div2 + 0;\n  waves += 0;")
    pair.write(LAYOUT + "instantiate_n2.cu", b"// mine\n" + pair.read(LAYOUT + "instantiate_n2.cu"))
    kernel = origins(pair, KERNEL)
    line = one(kernel, b"waves += 0")
    assert (line.oid, line.path, line.origin_line) == (SHA1.zero, KERNEL.encode(), line.line)
    assert line.fact(b"author") == b"Not Committed Yet"
    assert line.previous == (pair.git("rev-parse", "HEAD"), KERNEL.encode())
    assert one(kernel, b"return b > a").fact(b"summary") == b"upstream: second"
    assert [a.oid == SHA1.zero for a in origins(pair, LAYOUT + "instantiate_n2.cu")][:3] == [
        True,
        False,
        False,
    ]
    assert SHA1.zero not in {a.oid for a in origins(pair, KERNEL, revisions=("HEAD",))}


def test_a_revision(pair):
    kernel = origins(pair, KERNEL, revisions=("HEAD~2",))
    assert one(kernel, b"return a < b").fact(b"summary") == b"upstream: first"


def test_ignored_commits(pair):
    waves = pair.git("log", "-1", "--format=%H", "--grep=Waves", "fork")
    line = one(origins(pair, KERNEL, ignored=(waves,)), b"int waves = div2 + 0")
    assert line.fact(b"summary") == b"upstream: first"


def test_files_of_no_rule_are_gits(pair):
    assert {subject(pair, a) for a in origins(pair, "csrc/rocm/ops.h")} == {"upstream: first"}
    with pytest.raises(GitError):
        origins(pair, "csrc/none.h")


def test_while_conflicts_are_unresolved(pair):
    pair.git("checkout", "-q", "-b", "other", "HEAD~1")
    pair.change("csrc/rocm/ops.h", "#pragma once", "#pragma once  // a", "a")
    pair.git("checkout", "-q", "fork")
    pair.change("csrc/rocm/ops.h", "#pragma once", "#pragma once  // b", "b")
    pair.git("merge", "-q", "other", ok=False)
    assert pair.git("ls-files", "-u")
    assert origins(pair, KERNEL) == blame_of_git(pair, KERNEL)


def blame_of_git(pair, path):
    raw = pair.git("blame", "--line-porcelain", "--", path) + "\n"
    return parse_porcelain(raw.encode("utf-8", "surrogateescape"))


def test_split_again_after_leaving(pair):
    tree, _, hunks = splitting.leave(pair.fork, ["skinny_gemms"])
    assert not hunks
    pair.fork.stage(tree, "leave")
    pair.git("commit", "-q", "-m", "Leave")
    pair.git("checkout", "-q", "HEAD~1", "--", ".mergeguard/rules")
    _, tree = splitting.split(pair.fork, (), None)
    pair.fork.stage(tree, "split")
    pair.git("commit", "-q", "-m", "Split again")
    kernel = origins(pair, KERNEL)
    assert one(kernel, b"int waves = div2 + 0").fact(b"summary") == b"Waves"
    assert one(kernel, b"return b > a").fact(b"summary") == b"upstream: second"


def test_a_commit_that_can_not_be_read_is_passed_over(pair):
    good = pair.read(".mergeguard/locks/skinny_gemms.toml")
    pair.write(".mergeguard/locks/skinny_gemms.toml", b"<<<<<<< broken\n")
    pair.git("commit", "-q", "-a", "-m", "broken")
    pair.write(".mergeguard/locks/skinny_gemms.toml", good)
    pair.git("commit", "-q", "-a", "-m", "mended")
    assert one(origins(pair, KERNEL), b"int waves = div2 + 0").fact(b"summary") == b"Waves"
