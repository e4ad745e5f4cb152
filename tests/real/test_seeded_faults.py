"""Each seeded fault, without a compiler: verify names it; check, too, unless it is an edit of one's own."""

from __future__ import annotations

from tests.support.faults import FAULTS, ROOT, table
from tests.support.seeded import SeededForks


def test_the_documented_table_is_the_truth_and_nothing_is_missed(tmp_path):
    forks = SeededForks(tmp_path)
    rows = table(forks.checked)
    assert len(rows) == len(FAULTS) + 2
    assert not [row for row in rows if "NOTHING" in row]
    assert "\n".join(rows) in (ROOT / "docs" / "verify-and-cost.md").read_text(encoding="utf-8")
