"""Verify, cost and budget on real repositories: what a reviewer asks of a split."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergeguard.build import trust
from mergeguard.build.commands import CommandError
from mergeguard.build.measure import Progress
from mergeguard.errors import RuleError
from mergeguard.lens.rule import parse_rule
from mergeguard.verbs import proof
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
    assert [f.check for f in upstream.findings] == ["changed"]
    assert upstream.findings[0].path == f"{PA}/dispatch.cuh"


def test_broken_glue_is_named_with_its_place(sandbox):
    workspace = forks.split(forks.fork(sandbox, "paged_attention_v1"), "paged_attention_v1")
    text = workspace.read(f"{PA}.cu").replace(b"    case 80:\n", b"")
    (broken,) = proof.verify(forks.written(workspace, f"{PA}.cu", text))
    assert not broken.same
    assert [(f.check, f.path) for f in broken.findings] == [("dispatch", f"{PA}.cu")]
    assert broken.to_json()["same"] is False

    build = workspace.read("CMakeLists.txt").replace(f'  "{PA}/shard_small.cu"\n'.encode(), b"")
    (unlisted,) = proof.verify(forks.written(workspace, "CMakeLists.txt", build))
    assert [f.check for f in unlisted.findings] == ["build list"]

    (gone,) = proof.verify(forks.written(workspace, f"{PA}/shard_large.cu", None))
    assert "arm" in {f.check for f in gone.findings}


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
        proof.command_for(workspace, subject)
    trust.accept(workspace.repository, proof.proposal_for(workspace, subject))
    command = proof.command_for(workspace, subject)
    outcome = proof.verify_compiled(workspace, subject, command)
    assert outcome.same, outcome.findings
    assert outcome.symbols >= 1
    seen: list[Progress] = []
    cost = proof.cost(workspace, subject, command, on_progress=seen.append)
    assert all(one.event == "cached" for one in seen if "headers_only" not in one.name)
    shards = [f"heavy/n{n}.cpp" for n in range(1, 6)]
    assert [unit.source for unit in cost.units] == ["heavy.cpp", *shards]
    private = workspace.repository.private_dir
    assert (private / "build" / "heavy" / "after" / "heavy" / "n1.cpp").is_file()
    assert not (private / "build" / "heavy" / "after" / "unrelated" / "picture.bin").exists()
    assert not list(Path(workspace.repository.private_dir).rglob("*headers_only.cpp"))

    proposal = proof.budget(subject, cost, 4 * cost.monolith.peak, jobs=2)
    assert proposal.chosen is not None
    rule = parse_rule(proof.rewritten_rule(workspace, subject, proposal), "heavy.toml")
    assert len(rule.partition[0].shards) == len(proposal.chosen.shards)
    nothing = proof.budget(subject, cost, 1, jobs=1)
    with pytest.raises(RuleError, match="no dealing"):
        proof.rewritten_rule(workspace, subject, nothing)


def test_a_file_that_the_commit_lost_is_never_included(heavy):
    (subject,) = proof.subjects(heavy)
    directory = proof.build_directory(heavy) / "heavy"
    stale = directory / "after" / "heavy" / "stale.h"
    stale.parent.mkdir(parents=True)
    stale.write_text("#error stale\n")
    before, after = proof.place(heavy, subject, directory)
    assert not stale.exists()
    assert [unit for unit in after.units if not (after.root / unit).is_file()] == []
    assert (before.root / "heavy.cpp").read_bytes() == subject.monolith


def test_without_any_command_the_ways_to_give_one_are_named(sandbox):
    workspace = forks.fork(sandbox, "paged_attention_v1")
    (subject,) = proof.subjects(workspace)
    with pytest.raises(CommandError, match="no command to compile") as caught:
        proof.command_for(workspace, subject)
    assert "--command" in (caught.value.hint or "")


def test_a_rule_without_its_monolith_is_no_subject(sandbox):
    workspace = forks.fork(sandbox, "paged_attention_v1")
    gone = forks.written(workspace, f"{PA}.cu", None)
    assert proof.subjects(gone) == ()
    with pytest.raises(RuleError, match="there is no rule"):
        proof.subjects(workspace, ["nothing"])
