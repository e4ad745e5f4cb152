"""blame against git's own: the unsplit twin of the fork's history, and the command lines of editors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mergeguard.errors import GitError
from mergeguard.fork.workspace import Workspace
from mergeguard.git.objectnames import SHA1
from mergeguard.treemerge.virtual import Wholes
from mergeguard.verbs import sync
from mergeguard.verbs.lines import blameargs
from mergeguard.verbs.lines.annotate import parse_porcelain, porcelain
from mergeguard.verbs.lines.blame import Request, _lines_of, blame
from mergeguard.verbs.lines.blameargs import Form
from tests.support.exchange import BODY, COMMON, KERNEL, LAYOUT, MONOLITH, Pair

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Upstream with three commits, a fork with edits before and after merging them, and its twin."""
    made = Pair.make(tmp_path_factory.mktemp("blame") / "repo")
    made.change(KERNEL, "  int waves = div2;", "  int waves = div2 + 0;", "Waves", GIT_AUTHOR_NAME="Zoë")
    made.git("checkout", "-q", "main")
    made.change(MONOLITH, "return a < b ? a : b;", "return b > a ? a : b;", "upstream: second")
    made.change(MONOLITH, "struct scalar {};", "struct  scalar {};\n", "upstream: spaces")
    made.git("checkout", "-q", "fork")
    assert sync.sync(made.fork, "main").commit
    made.change(BODY, "        WVSPLIT_TILE(sYT, 3)", "        WVSPLIT_TILE(sYT, 3 + 0)", "Arm")
    return made


def twin_of(pair):
    """The fork's history as if it had never been split: (its tip, the real commits by the twin's)."""
    repository = pair.repository
    wholes = Wholes(repository)
    twins: dict[str, str] = {}
    for oid in pair.git("rev-list", "--reverse", "--topo-order", "fork", "^main").split():
        info = repository.commit_info(oid)
        parents = [twins.get(parent, parent) for parent in info.parents]
        twins[oid] = repository.commit_object(
            wholes.of_commit(oid).tree, parents, info.message, info.author, info.committer
        )
    return twins[pair.git("rev-parse", "fork")], {twin: oid for oid, twin in twins.items()}


@pytest.mark.parametrize("options", [(), ("-w",), ("-C", "--root"), ("--first-parent",)])
def test_lines_are_blamed_as_on_the_twin_that_was_never_split(pair, options):
    tip, real = twin_of(pair)
    there = parse_porcelain(
        pair.git("blame", "--line-porcelain", *options, tip, "--", MONOLITH).encode() + b"\n"
    )
    workspace = Workspace.load(pair.repository, pair.repository.tree_of("fork"))
    compared = upstreams = 0
    for path in (COMMON, KERNEL, BODY, MONOLITH, LAYOUT + "instantiate_n2.cu"):
        lines = _lines_of(workspace, workspace.rule("skinny_gemms"), path)
        for found in blame(pair.fork, Request(path, ("fork",), options=options)):
            if found.line not in lines:
                continue
            twin = there[lines[found.line] - 1]
            compared += 1
            assert found.facts == twin.facts
            assert found.boundary == twin.boundary
            assert found.oid == real.get(twin.oid, twin.oid)
            if twin.oid not in real:
                upstreams += 1
                # All that git prints of the line, to the last byte, but its number in the blamed file.
                own = porcelain([found], every_line=True).split(b"\n\t")[0].split(b" ", 3)
                its = porcelain([twin], every_line=True).split(b"\n\t")[0].split(b" ", 3)
                assert [own[0], own[1], own[3]] == [its[0], its[1], its[3]]
    assert compared == len(there)
    assert upstreams > 0.9 * compared


def raw(pair, *arguments, folder=".", stdin=b"", program=("-m", "mergeguard")):
    """(exit status, standard output, standard error) of a blame, by mergeguard or git."""
    command = ["git"] if program == "git" else [sys.executable, *program]
    done = subprocess.run(
        [*command, "blame", *arguments],
        cwd=pair.root / folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=stdin,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("folder", "arguments"),
    [
        ("csrc/rocm", ("--incremental", "--root", "--", "ops.h")),
        ("csrc", ("-sne", "-L1,2", "rocm/ops.h", "fork~1")),
        (".", ("--bogus", KERNEL)),
        ("csrc/rocm/skinny_gemms", ("-L", "/no such line/", "kernel.cuh")),
        (".", ("-L99999,", "--", KERNEL)),
        (".", ("--ignore-revs-file", "nope", "--", KERNEL)),
        (".", ("main", "--", KERNEL)),
    ],
)
def test_other_files_and_errors_are_gits_own_to_the_last_byte(pair, folder, arguments):
    assert raw(pair, *arguments, folder=folder) == raw(pair, *arguments, folder=folder, program="git")


def test_contents_for_another_file_reach_git(pair):
    arguments = ("-p", "--contents", "-", "csrc/rocm/ops.h")
    ours, gits = (
        raw(pair, *arguments, stdin=b"// typed\n" + pair.read("csrc/rocm/ops.h"), program=program)
        for program in (("-m", "mergeguard"), "git")
    )
    stamps = (b"author-time", b"committer-time")
    kept = [[x for x in out.split(b"\n") if not x.startswith(stamps)] for out in (ours[1], gits[1])]
    assert kept[0] == kept[1]
    assert ours[0] == gits[0] == 0


def test_what_an_editor_has_not_saved_yet(pair):
    """GitLens, gitsigns and magit: `--incremental --contents - `, from the file's folder."""
    text = pair.read(KERNEL).replace(b"  int waves = div2 + 0;", b"  int typed;\n  int waves = div2 + 0;")
    assert text != pair.read(KERNEL)
    folder, name = KERNEL.rsplit("/", 1)
    code, out, _ = raw(pair, "--incremental", "--root", "--contents", "-", name, folder=folder, stdin=text)
    assert code == 0
    line = text.split(b"\n").index(b"  int typed;") + 1
    assert f"{SHA1.zero} {line} {line} 1\n".encode() in out
    assert b"author Not Committed Yet\n" in out or b"author External file" in out
    assert b"summary Version of %s from standard input\n" % KERNEL.encode() in out
    assert b"summary upstream: second\n" in out, "every other line is still its author's"
    heads = [h.split() for h in out.split(b"\n") if len(h.split()) == 4 and len(h.split()[0]) == 40]
    covered = sorted(n for h in heads for n in range(int(h[2]), int(h[2]) + int(h[3])))
    assert covered == list(range(1, text.count(b"\n") + 1))


def test_incremental_says_what_line_porcelain_says(pair):
    code, out, _ = raw(pair, "--incremental", "fork", "--", BODY)
    assert code == 0
    heads = [h.split() for h in out.decode().split("\n") if len(h.split()) == 4 and len(h.split()[0]) == 40]
    said = {(h[0], int(h[1]) + n, int(h[2]) + n) for h in heads for n in range(int(h[3]))}
    lines = blame(pair.fork, Request(BODY, ("fork",)))
    assert said == {(a.oid, a.origin_line, a.line) for a in lines}
    assert out.count(b"\nsummary ") == len({a.oid for a in lines})
    assert out.count(b"filename ") == len(heads)


def test_commits_are_passed_over_by_file_by_option_and_by_configuration(pair):
    waves = pair.git("log", "-1", "--format=%H", "--grep=Arm", "fork")
    spaces = pair.git("log", "-1", "--format=%H", "--grep=upstream: second", "main")
    listed = pair.root / ".git" / "ignored"
    listed.write_text(f"# reformatting\n{waves}  # the arm\n\n{spaces}\n")

    def subjects(**options):
        lines = (*blame(pair.fork, Request(BODY, **options)), *blame(pair.fork, Request(KERNEL, **options)))
        return {a.fact(b"summary").decode() for a in lines}

    gone = {"Arm", "upstream: second"}
    assert gone <= subjects()
    assert not gone & subjects(ignore_files=(".git/ignored",))
    assert not gone & subjects(ignored=(waves, spaces))
    pair.git("config", "blame.ignoreRevsFile", ".git/ignored")
    try:
        assert not gone & subjects()
        assert gone <= subjects(ignore_files=("",)), "an empty name forgets the configured ones"
    finally:
        pair.git("config", "--unset", "blame.ignoreRevsFile")


def test_ranges_of_revisions(pair):
    """`A..B`: what is older than A is A's, marked as a boundary."""
    first = pair.git("rev-parse", "main~1")
    lines = blame(pair.fork, Request(KERNEL, (f"{first}..fork",)))
    old = [a for a in lines if a.boundary]
    assert first in {a.oid for a in old} <= set(pair.git("rev-list", first).split())
    assert {a.fact(b"summary") for a in lines if not a.boundary} == {b"split", b"Waves", b"upstream: spaces"}
    with pytest.raises(GitError):
        blame(pair.fork, Request(KERNEL, ("main", "fork")))


def test_a_function_by_name(pair):
    some = blame(pair.fork, Request(KERNEL, ("fork",), ranges=(":mindiv",)))
    assert some[0].text.startswith(b"int mindiv(")


def test_what_has_no_meaning_in_a_layout_is_refused(pair):
    code, out, err = raw(pair, "--reverse", "main..fork", "--", KERNEL)
    assert (code, out) == (128, b"")
    assert err.startswith(b"fatal: --reverse has no meaning for " + KERNEL.encode())


def test_the_settings_for_people_count(pair):
    folder, name = (LAYOUT + "instantiate_n2.cu").rsplit("/", 1)
    for settings in (("blame.showEmail", "true"), ("blame.blankBoundary", "true"), ("blame.date", "short")):
        pair.git("config", *settings)
        try:
            assert raw(pair, "fork", "--", name, folder=folder) == raw(
                pair, "fork", "--", name, folder=folder, program="git"
            )
        finally:
            pair.git("config", "--unset", settings[0])


def test_arguments_are_read_as_git_reads_them():
    def parse(arguments, is_revision=lambda _: False):
        found = blameargs.parse(arguments, is_revision)
        assert found is not None
        return found

    assert parse(["-sneL1,5", "-L", ":f", "-wMC", "-C3", "--", "x"]).ranges == ("1,5", ":f")
    found = parse(["-plt", "-w", "-C", "-C5", "-MC", "a..b", "^c", "--", "x"])
    assert (found.form, found.revisions, found.path) == (Form.PORCELAIN, ("a..b", "^c"), "x")
    assert found.options == ("-w", "-C", "-C5", "-MC")
    assert found.style.long and found.style.raw_time and not found.style.number
    assert parse(["--incremental", "--line-porcelain", "f"]).form is Form.INCREMENTAL
    assert parse(["--date", "iso", "--abbrev=5", "--since=1.week", "f"]).options == ("--since=1.week",)
    assert parse(["f", "HEAD"], lambda name: name == "HEAD").path == "f"
    assert parse(["--", "f", "HEAD"]).revisions == ("HEAD",)
    assert parse(["HEAD", "f"], lambda name: name == "HEAD").path == "f"
    assert parse(["--ignore-rev=a", "--ignore-revs-file", "b", "f"]).ignore_files == ("b",)
    assert parse(["--contents=-", "-e", "--no-show-email", "f"]).email is False
    for refused in ([], ["-L"], ["--abbrev=x", "f"], ["-z", "f"], ["--", "a", "b", "c"], ["--date"]):
        assert blameargs.parse(refused) is None
    assert parse(["-S", "revs", "--", "f"]).refused == "-S"
