"""Verify, cost and budget on real repositories: what a reviewer asks of a split."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mergeguard.build import trust
from mergeguard.build.commands import CommandError, step_of
from mergeguard.build.measure import Progress
from mergeguard.errors import RuleError
from mergeguard.lens.rule import parse_rule
from mergeguard.verbs.compiled import compiling, proof
from tests.git.conftest import Sandbox
from tests.support import forks, toolchain

NAMES = tuple(toolchain.MONOLITHS)
BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "compile"
PA = "csrc/libtorch_stable/attention/paged_attention_v1"


@pytest.fixture
def sandbox(tmp_path):
    return Sandbox(tmp_path / "fork")


def test_every_rule_is_verified_before_and_after_the_split(sandbox):
    workspace = forks.fork(sandbox, *NAMES)
    assert {one.name: one.same for one in proof.verify(workspace)} == dict.fromkeys(NAMES, True)
    for name in NAMES:
        workspace = forks.split(workspace, name)
    for against_upstream in (False, True):
        proofs = proof.verify(workspace, against_upstream=against_upstream)
        assert {one.name: one.same for one in proofs} == dict.fromkeys(NAMES, True)
        assert all(one.files > 3 for one in proofs)


def test_a_local_edit_is_the_forks_own_program_and_not_upstreams(sandbox):
    workspace = forks.split(forks.fork(sandbox, "paged_attention_v1"), "paged_attention_v1")
    text = workspace.read(f"{PA}/dispatch.cuh").replace(b"NUM_THREADS / WARP_SIZE", b"NUM_THREADS / 64")
    edited = forks.written(workspace, f"{PA}/dispatch.cuh", text)
    (own,) = proof.verify(edited)
    assert own.same, own.findings
    (upstream,) = proof.verify(edited, against_upstream=True)
    assert [f.code for f in upstream.findings] == ["changed"]
    assert upstream.findings[0].path == f"{PA}/dispatch.cuh"


def test_broken_glue_is_named_with_its_place(sandbox):
    workspace = forks.split(forks.fork(sandbox, "paged_attention_v1"), "paged_attention_v1")
    text = workspace.read(f"{PA}.cu").replace(b"    case 80:\n", b"")
    (broken,) = proof.verify(forks.written(workspace, f"{PA}.cu", text))
    assert not broken.same
    assert [(f.code, f.path) for f in broken.findings] == [("dispatch", f"{PA}.cu")]
    assert broken.to_json()["same"] is False

    build = workspace.read("CMakeLists.txt").replace(f'  "{PA}/shard_small.cu"\n'.encode(), b"")
    (unlisted,) = proof.verify(forks.written(workspace, "CMakeLists.txt", build))
    assert [f.code for f in unlisted.findings] == ["build list"]

    (gone,) = proof.verify(forks.written(workspace, f"{PA}/shard_large.cu", None))
    assert "arm" in {f.code for f in gone.findings}


@pytest.fixture
def heavy(sandbox):
    """A fork whose one rule is the portable benchmark's, with a command of its own."""
    compiler = toolchain.require_compiler()
    compile_line = f'compile = "{compiler} -std=c++17 -O1 -fPIC -DROWS=8 -c {{source}} -o {{output}}"\n'
    rule = (BENCHMARK / "heavy.toml").read_text().replace("[[move]]", compile_line + "\n[[move]]", 1)
    sandbox.commit_files(
        {
            "heavy.cpp": (BENCHMARK / "heavy.cpp").read_bytes(),
            "unrelated/notes.txt": b"notes\n",
            "unrelated/picture.bin": b"\0" * 100,
            ".mergeguard/rules/heavy.toml": rule.encode(),
        }
    )
    return forks.load(sandbox)


def test_compiled_verification_and_cost_share_what_was_measured(heavy):
    workspace = forks.split(heavy, "heavy")
    (subject,) = proof.subjects(workspace)
    assert len(subject.units) == 6
    assert len(subject.namespaces) == 5
    with pytest.raises(CommandError, match="nobody has accepted"):
        compiling.command_for(workspace, subject)
    trust.accept(workspace.repository, compiling.proposal_for(workspace, subject))
    command = compiling.command_for(workspace, subject)
    outcome = proof.verify_compiled(workspace, subject, command)
    assert outcome.same, outcome.findings
    assert outcome.symbols >= 1
    seen: list[Progress] = []
    cost = proof.cost(workspace, subject, command, on_progress=seen.append)
    assert all(one.event == "cached" for one in seen if not one.name.startswith("headers of"))
    shards = [f"heavy/n{n}.cpp" for n in range(1, 6)]
    assert [unit.source for unit in cost.units] == ["heavy.cpp", *shards]
    private = workspace.repository.private_dir
    assert (private / "build" / "heavy" / "after" / "heavy" / "n1.cpp").is_file()
    assert not (private / "build" / "heavy" / "after" / "unrelated" / "picture.bin").exists()
    assert not list(Path(workspace.repository.private_dir).rglob("*after/*headers_of*"))

    proposal = proof.budget(subject, cost, 4 * cost.monolith.peak, jobs=2)
    assert proposal.chosen is not None
    rule = parse_rule(proof.rewritten_rule(workspace, subject, proposal), "heavy.toml")
    assert len(rule.partition[0].shards) == len(proposal.chosen.shards)
    nothing = proof.budget(subject, cost, 1, jobs=1)
    with pytest.raises(RuleError, match="no dealing"):
        proof.rewritten_rule(workspace, subject, nothing)


def test_a_file_that_the_commit_lost_is_never_included(heavy):
    (subject,) = proof.subjects(heavy)
    directory = compiling.build_directory(heavy) / "heavy"
    stale = directory / "after" / "heavy" / "stale.h"
    stale.parent.mkdir(parents=True)
    stale.write_text("#error stale\n")
    before, after = compiling.place(heavy, subject, directory)
    assert not stale.exists()
    assert [unit for unit in after.units if not (after.root / unit).is_file()] == []
    assert (before.root / "heavy.cpp").read_bytes() == subject.monolith


def test_without_any_command_the_ways_to_give_one_are_named(sandbox):
    workspace = forks.fork(sandbox, "paged_attention_v1")
    (subject,) = proof.subjects(workspace)
    with pytest.raises(CommandError, match="no command to compile") as caught:
        compiling.command_for(workspace, subject)
    assert "--command" in (caught.value.hint or "")


def test_a_rule_without_its_monolith_is_no_subject(sandbox):
    workspace = forks.fork(sandbox, "paged_attention_v1")
    gone = forks.written(workspace, f"{PA}.cu", None)
    assert proof.subjects(gone) == ()
    with pytest.raises(RuleError, match="there is no rule"):
        proof.subjects(workspace, ["nothing"])


# What hipify does, as far as it matters here: a copy of each unit under another name, with other words in it.
HIPIFY = """import sys
from pathlib import Path
tree, root, *units = map(Path, sys.argv[1:])
for unit in units:
    assert unit.is_relative_to(root) and (tree / unit.relative_to(root)).is_file()
    unit.with_suffix(".hip").write_text(unit.read_text().replace("CUDA_ONLY(", "HIP("))
(root / "csrc" / "compat.h").write_text("#pragma once\\n#define HIP(x) x\\n")
"""
TO_HIPIFY = b"""#include "compat.h"
int CUDA_ONLY(made) = 1;
template <int N> int kernel(int x) { return N * x; }
int run(int n, int x) {
  switch (n) {
    case 1: return kernel<1>(x);
    case 2: return kernel<2>(x);
    default: return 0;
  }
}
"""
TO_HIPIFY_RULE = b"""schema = 1
monolith = "csrc/heavy.cu"
build = []

[[move]]
to = "common.h"
items = ["include *", "template kernel"]

[[partition]]
entry = "run"
over = { in = "run", switch = "n" }
body = "dispatch.h"
rest = "n2.cu"

[partition.shards]
"n1.cu" = [1]
"n2.cu" = [2]
"""
STEP = "python3 tools/hipify.py {tree} {root} {units}"


@pytest.fixture
def hipified(sandbox):
    """A fork whose build compiles nothing but what its hipify step makes; the database is of such a build."""
    compiler = toolchain.require_compiler()
    sandbox.commit_files(
        {
            "csrc/heavy.cu": TO_HIPIFY,
            "csrc/compat.h": b"#pragma once\n#error not hipified\n",
            "tools/hipify.py": HIPIFY.encode(),
            ".mergeguard/rules/heavy.toml": TO_HIPIFY_RULE,
        }
    )
    build = sandbox.root / "out" / "csrc"
    build.mkdir(parents=True)
    words = [compiler, "-std=c++17", "-O0", "-x", "c++", f"-I{build}", f"-I{sandbox.root}/csrc"]
    words += ["-c", f"{build}/heavy.hip", "-o", "heavy.o"]
    entry = {"directory": str(build.parent), "file": f"{build}/heavy.hip", "arguments": words}
    (build.parent / "compile_commands.json").write_text(json.dumps([entry]))
    return forks.load(sandbox)


def test_a_build_of_hipified_copies_is_followed_and_its_step_is_taken(hipified):
    workspace = forks.split(hipified, "heavy")
    (subject,) = proof.subjects(workspace)
    database = workspace.repository.work_tree / "out" / "compile_commands.json"
    with pytest.raises(CommandError, match=r"the copy that hipify made of it: .*heavy\.hip") as caught:
        compiling.command_for(workspace, subject, database=database)
    assert "--prepare" in (caught.value.hint or "")

    command = compiling.command_for(workspace, subject, database=database, step=STEP)
    assert command.arguments.count("-I{root}/csrc") == 2
    outcome = proof.verify_compiled(workspace, subject, command)
    assert outcome.same, outcome.findings
    assert outcome.layout.program.copies["csrc/heavy/n1.cu"] == "csrc/heavy/n1.hip"
    cost = proof.cost(workspace, subject, command)
    assert set(cost.floors) == set(subject.units)

    # The trees as laid out stay as they are, and what is unchanged is not made again.
    directory = compiling.build_directory(workspace) / "heavy"
    assert not list((directory / "after").rglob("*.hip"))
    made = directory / "after.prepared" / "csrc" / "heavy.hip"
    made.write_text("kept")
    compiling.place(workspace, subject, directory, command.step)
    assert made.read_text() == "kept"
    (workspace.repository.work_tree / "tools" / "hipify.py").write_text(HIPIFY + "# another step\n")
    compiling.place(workspace, subject, directory, command.step)
    assert made.read_text() != "kept"


def test_a_step_that_fails_leaves_no_copy_and_says_what_ran(hipified):
    (subject,) = proof.subjects(hipified)
    directory = compiling.build_directory(hipified) / "heavy"
    step = "python3 -c 'import sys; sys.exit(\"no such header\")' {root}"
    with pytest.raises(CommandError, match=r"failed \(exit 1\)\nno such header") as caught:
        compiling.place(hipified, subject, directory, step_of(step))
    assert "python3 -c" in (caught.value.hint or "")
    assert not (directory / "before.prepared").exists()
    with pytest.raises(CommandError, match="can't be started"):
        compiling.place(hipified, subject, directory, step_of("no-such-program {root}"))
    with pytest.raises(CommandError, match=r"neither \{root\} nor \{units\}"):
        step_of("python3 cmake/hipify.py")


def test_a_step_that_the_repository_proposes_runs_only_once_it_is_accepted(hipified, sandbox):
    path = ".mergeguard/rules/heavy.toml"
    text = sandbox.root.joinpath(path).read_text().replace("[[move]]", f"prepare = {STEP!r}\n[[move]]", 1)
    sandbox.commit_files({path: text.encode()})
    workspace = forks.load(sandbox)
    (subject,) = proof.subjects(workspace)
    template = "g++ -c {source} -o {output}"
    with pytest.raises(CommandError, match=r"nobody has accepted it in this clone: python3 tools/hipify\.py"):
        compiling.command_for(workspace, subject, template=template)
    (proposed,) = compiling.proposals_for(workspace, subject)
    trust.accept(workspace.repository, proposed)
    assert compiling.command_for(workspace, subject, template=template).step == step_of(STEP)
    # The bytes of the script are part of what was accepted; the user's own word needs none.
    sandbox.root.joinpath("tools/hipify.py").write_text("import os\n")
    with pytest.raises(CommandError, match="nobody has accepted"):
        compiling.command_for(workspace, subject, template=template)
    sandbox.git("config", "mergeguard.prepare", "true {root}")
    assert compiling.command_for(workspace, subject, template=template).step == step_of("true {root}")
