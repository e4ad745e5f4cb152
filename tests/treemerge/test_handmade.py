"""The trap of a split made by hand, as check and verify name it; and that a rule's layout has none.

Upstream's file has one launcher template with all its arms. A person gives every shard its own arms of it by
#ifdef: it compiles, links without a word, and runs the wrong arm (tests/build/test_symbols.py shows that).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mergeguard.errors import LayoutError
from mergeguard.findings import Finding, Severity
from mergeguard.fork.fork import Fork
from mergeguard.treemerge import handmade
from mergeguard.verbs import checking
from mergeguard.verbs.checking import layouts
from mergeguard.verbs.compiled import compiling, proof
from tests.git.conftest import Sandbox
from tests.support import forks, toolchain

TRAP = Path(__file__).resolve().parents[1] / "build" / "odr_trap"
PATH, FOLDER = "src/attention.cpp", "src/attention"
SHARDS = [f"{FOLDER}/{size}.cpp" for size in ("small", "medium", "large")]
RULE = b"""schema = 1
monolith = "src/attention.cpp"

[[move]]
to = "common.h"
items = ["include *"]

[[partition]]
entry = "run"
over = { in = "launcher", switch = "head_size" }
discriminator = "head_size"
body = "dispatch.h"
rest = "large.cpp"
shards = { "small.cpp" = [32, 64], "medium.cpp" = [96, 128], "large.cpp" = [192, 256] }
"""


def cmake(*paths: str) -> bytes:
    listed = "".join(f'\n  "{path}"' for path in paths)
    return f"add_executable(attention{listed})\n".encode()


def upstreams() -> bytes:
    """Upstream's file: the launcher with all arms, and what calls it."""
    launcher = re.sub(
        rb"^(#ifdef|#endif|#pragma|//).*\n", b"", (TRAP / "launcher.h").read_bytes(), flags=re.M
    )
    callers = re.sub(rb"^#.*\n", b"", (TRAP / "monolith.cpp").read_bytes(), flags=re.M)
    return b"#include <initializer_list>\n" + launcher + callers


@pytest.fixture
def fork(tmp_path: Path) -> Fork:
    """A fork of a small upstream, with a rule that has not been used yet."""
    sandbox = Sandbox(tmp_path / "fork")
    sandbox.commit_files({PATH: upstreams(), "CMakeLists.txt": cmake(PATH)})
    sandbox.git("update-ref", "refs/remotes/upstream/main", "HEAD")
    sandbox.commit_files({".mergeguard/rules/attention.toml": RULE})
    return Fork.open(str(sandbox.root))


def split_by_hand(fork: Fork, listed: list[str]) -> None:
    """The person's commit; ``listed`` is what CMake is told."""
    names = ("launcher.h", "small.cpp", "medium.cpp", "large.cpp")
    made: dict[str, bytes | str | None] = {f"{FOLDER}/{name}": (TRAP / name).read_bytes() for name in names}
    made |= {PATH: (TRAP / "entry.cpp").read_bytes(), "CMakeLists.txt": cmake(PATH, *listed)}
    Sandbox.at(fork.repository.work_tree).commit_files(made, "Split by hand")


def checked(fork: Fork) -> list[Finding]:
    return list(checking.run(fork.work_tree(), None, lambda: handmade.known_base(fork)))


def test_check_names_the_trap(fork: Fork) -> None:
    split_by_hand(fork, SHARDS)
    note, trap = checked(fork)
    assert (note.code, note.severity, note.path) == ("not split", Severity.NOTE, PATH)
    assert "split by hand into 5 files" in note.message
    assert "mergeguard adopt attention" in note.hint
    assert (trap.code, trap.severity, trap.name) == ("odr", Severity.ERROR, "launcher")
    assert (trap.path, trap.line) == (f"{FOLDER}/launcher.h", 6)
    assert re.search(
        r"SHARD_\w+, SHARD_\w+ differ between \S+\.cpp and \S+\.cpp: the linker keeps one", trap.message
    )
    assert "a name of its own" in trap.hint


def test_check_of_files_needs_no_rule_and_no_upstream(fork: Fork) -> None:
    split_by_hand(fork, SHARDS)
    (trap,) = layouts.run_units(fork.work_tree(), SHARDS)
    assert (trap.rule, trap.code, trap.name) == ("", "odr", "launcher")
    assert layouts.run_units(fork.work_tree(), SHARDS[:1]) == ()
    with pytest.raises(LayoutError, match="no such file"):
        layouts.run_units(fork.work_tree(), ["src/none.cpp"])


def test_verify_names_it_by_tokens_and_by_objects(fork: Fork) -> None:
    split_by_hand(fork, [one for one in SHARDS if "medium" not in one])
    base = handmade.known_base(fork)
    workspace = fork.work_tree()
    (outcome,) = proof.verify(workspace, base=base)
    assert outcome.by_hand
    assert not outcome.same
    found = {(one.code, one.name) for one in outcome.findings}
    assert ("odr", "launcher") in found
    unlisted = [one for one in outcome.findings if one.code == "build list"]
    assert [one.message for one in unlisted] == [f"{SHARDS[1]} is listed 0 times, the monolith 1"]

    (subject,) = proof.subjects(workspace, base=base)
    compiler = toolchain.require_compiler()
    line = f"{compiler} -std=c++17 -O0 -c {{source}} -o {{output}}"
    compiled = proof.verify_compiled(
        workspace, subject, compiling.command_for(workspace, subject, template=line)
    )
    (trap,) = [one for one in compiled.findings if one.code == "odr"]
    assert trap.name.startswith("int launcher<float>(")
    assert sorted(trap.units) == sorted(SHARDS)


def test_a_name_for_each_shard_is_no_trap(fork: Fork) -> None:
    """What the hint says helps: with internal linkage nothing is shared."""
    split_by_hand(fork, SHARDS)
    header = fork.repository.work_tree / FOLDER / "launcher.h"
    text = header.read_text().replace("template <typename T>", "namespace {\ntemplate <typename T>")
    header.write_text(text + "}\n")
    assert [one.code for one in checked(fork)] == ["not split"]


def test_the_rules_own_layout_is_immune(fork: Fork) -> None:
    workspace = forks.split(fork.work_tree(), "attention")
    found = checking.run(workspace, None, lambda: handmade.known_base(fork))
    assert checking.failures(found) == ()
    units = [path for path in proof.subjects(workspace)[0].units if path != PATH]
    assert len(units) == 3
    assert layouts.run_units(workspace, units) == ()


def test_without_an_upstream_nothing_is_called_hand_made(fork: Fork) -> None:
    assert [one.code for one in checked(fork)] == ["not split"]
    split_by_hand(fork, SHARDS)
    (finding,) = checking.run(fork.work_tree())
    assert finding.severity is Severity.ERROR
    assert finding.code == "rule"
