"""Each seeded fault, without a compiler: verify names it; check, too, unless it is an edit of one's own."""

from __future__ import annotations

import pytest

from mergeguard.fork.splitting import Splitting
from mergeguard.verbs import layoutaudit
from tests.support.faults import FAULTS, ROOT, table
from tests.support.seeded import SeededForks


def test_the_documented_table_is_the_truth_and_nothing_is_missed(tmp_path):
    forks = SeededForks(tmp_path)
    rows = table(forks.checked)
    assert len(rows) == len(FAULTS) + 2
    assert not [row for row in rows if "NOTHING" in row]
    assert "\n".join(rows) in (ROOT / "docs" / "verify-and-cost.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [
        "stale discriminator",
        "arm never called",
        "include not re-based",
        "C linkage doubled",
        "added item behind its use",
        "unit that is compiled as C",
    ],
)
def test_a_merge_that_brings_a_fault_says_what_check_says(tmp_path, name):
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    forks = SeededForks(tmp_path)
    bad = forks.spoilt(fault)
    repository = bad.repository
    good = repository.commit_object(forks.split[fault.base].tree, (), "good\n")
    found = layoutaudit.findings(repository, good, good, bad.tree, Splitting())
    said = {located.finding.message.partition(":")[0] for located in found}
    assert said == set(forks.checked(fault)) and said
    # What was there before the merge is not what the merge brought.
    worse = repository.commit_object(bad.tree, (), "bad\n")
    assert layoutaudit.findings(repository, worse, good, bad.tree, Splitting()) == ()
