"""adopt where a split and a feature are one commit: one question, two answers, both a layout that checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergeguard.adopt.model import Keep
from mergeguard.errors import LayoutError
from mergeguard.fork.fork import Fork
from mergeguard.treemerge import handmade, witness
from mergeguard.verbs import adopting, checking, ledger, splitting, status, sync
from mergeguard.verbs.adopting import AdoptionRefused
from tests.adopt.test_account import DISPATCH, KERNEL, MONOLITH, PATH, RULE_TEXT, hand_made
from tests.git.conftest import Sandbox

RULE = ".mergeguard/rules/scale.toml"


@pytest.fixture
def fork(tmp_path: Path) -> Fork:
    """A fork with upstream's file split by hand, and a rule that is not used yet."""
    sandbox = Sandbox(tmp_path / "fork")
    listed = b'add_library(scale\n    "src/scale.cu"\n    "src/other.cu"\n)\n'
    base: dict[str, bytes | str | None] = {PATH: MONOLITH, "src/check.h": b"#define CHECK(...)\n"}
    sandbox.commit_files({**base, "CMakeLists.txt": listed})
    sandbox.git("update-ref", "refs/remotes/upstream/main", "HEAD")
    shards = b'    "src/scale/n1.cu"\n    "src/scale/n2.cu"\n'
    split: dict[str, bytes | str | None] = {**hand_made()}
    sandbox.commit_files(
        {**split, "CMakeLists.txt": listed.replace(b'    "src/other', shards + b'    "src/other')}
    )
    sandbox.commit_files({RULE: RULE_TEXT})
    return Fork.open(str(sandbox.root))


def commit(fork: Fork, keep: Keep) -> adopting.Adopted:
    change = adopting.adopted(fork, "scale", keep=keep)
    adopting.stage(fork, change)
    fork.repository.git("commit", "-q", "-m", "adopt")
    return change


def failures(fork: Fork) -> list[str]:
    found = [*checking.run(fork.work_tree(), None, lambda: handmade.known_base(fork))]
    found += witness.findings(fork.work_tree(), fork.head())
    return [f"{one.code}: {one.message}" for one in checking.failures(found)]


def text(fork: Fork, path: str) -> bytes:
    return (fork.repository.work_tree / path).read_bytes()


def test_the_question_names_both_answers(fork: Fork) -> None:
    with pytest.raises(AdoptionRefused, match="one decision is left: whose code scale keeps") as refused:
        adopting.adopted(fork, "scale")
    assert "--keep upstream" in (refused.value.hint or "")
    assert "--keep fork" in (refused.value.hint or "")


def test_upstreams_text_is_kept_and_the_forks_is_listed(fork: Fork) -> None:
    change = commit(fork, Keep.UPSTREAM)
    assert failures(fork) == []
    assert change.listing == ".mergeguard/adopted/scale.md"
    listing = text(fork, change.listing)
    assert b"inline void dispatch_rows(T* out, const T* in, int n, int group) {" in listing
    assert b"src/scale/dispatch.cuh:" in listing
    assert b"LAUNCH_ROWS(1)" in text(fork, DISPATCH)


def test_the_forks_function_is_kept(fork: Fork) -> None:
    change = commit(fork, Keep.FORK)
    assert failures(fork) == []
    assert change.listing == ""
    assert b"dispatch_rows(T* out" in text(fork, KERNEL)
    assert b"launch_rows_2(out, in, n, group);" in text(fork, DISPATCH)


@pytest.mark.parametrize("keep", Keep)
def test_upstream_merges_from_then_on(fork: Fork, keep: Keep) -> None:
    commit(fork, keep)
    sandbox = Sandbox.at(fork.repository.work_tree)
    here = fork.head()
    sandbox.git("checkout", "-q", "refs/remotes/upstream/main")
    sandbox.commit_files({PATH: MONOLITH.replace(b"in[at + row * n] * 2;", b"in[at + row * n] * 4;")})
    sandbox.git("update-ref", "refs/remotes/upstream/main", "HEAD")
    sandbox.git("checkout", "-q", here)
    synced = sync.sync(Fork.open(str(fork.repository.work_tree)), "refs/remotes/upstream/main")
    assert synced.commit
    assert b"* 4;" in text(fork, KERNEL)


def test_what_is_split_by_hand_is_said_where_a_rule_does_not_fit(fork: Fork) -> None:
    (rule,) = ledger.ledger(fork).rules
    assert (rule.state, rule.problem) == ("split by hand", None)
    assert "mergeguard adopt scale" in rule.notes[0]
    (row,) = status.status(fork, "refs/remotes/upstream/main")
    assert (row.state, row.problem) == ("split by hand", None)
    with pytest.raises(LayoutError, match="split by hand already, into 6 files") as refused:
        splitting.split(fork, (), None)
    assert "mergeguard adopt scale" in (refused.value.hint or "")
    assert splitting.split_by_hand(fork) == ("scale",)
