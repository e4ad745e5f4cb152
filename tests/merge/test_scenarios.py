"""The merge cases in ``tests/scenarios/merge``: a new one is a folder, no Python.

``working/<case>/``: base.cu, ours.cu, theirs.cu, expected.cu (with diff3 conflict markers where a conflict is
right) and findings.txt (codes, one a line, sorted). ``failing/<case>/``: expected.cu is the ideal, today.cu
what comes out; a change of either is to be looked at: a case that comes out right moves to ``working``.
``classes.toml``: which scenarios hold which class of wrong merges.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mergeguard.merge import Conflict, merge
from mergeguard.merge.lines import merge_lines
from mergeguard.merge.markers import render_markers, size_of_conflicts

ROOT = Path(__file__).parents[1] / "scenarios" / "merge"


def _cases(kind: str) -> list[Path]:
    return sorted(path for path in (ROOT / kind).iterdir() if path.is_dir())


def _merged(case: Path) -> tuple[bytes, list[str]]:
    base, ours, theirs = ((case / f"{side}.cu").read_bytes() for side in ("base", "ours", "theirs"))
    result = merge(base, ours, theirs)
    lines = merge_lines(base, ours, theirs)
    if any(isinstance(piece, Conflict) for piece in lines):
        assert size_of_conflicts(result.pieces) <= size_of_conflicts(lines), "larger than the lines'"
    return render_markers(result.pieces, style="diff3"), sorted({note.code for note in result.findings})


@pytest.mark.parametrize("case", _cases("working"), ids=lambda case: case.name)
def test_working(case: Path) -> None:
    merged, findings = _merged(case)
    assert merged == (case / "expected.cu").read_bytes()
    assert findings == (case / "findings.txt").read_text().split()


@pytest.mark.parametrize("case", _cases("failing"), ids=lambda case: case.name)
def test_failing_is_still_what_it_was_and_never_silently_wrong(case: Path) -> None:
    merged, findings = _merged(case)
    assert merged != (case / "expected.cu").read_bytes(), "solved: move the case to working/"
    assert merged == (case / "today.cu").read_bytes()
    assert b"<<<<<<<" in merged or findings


def test_every_class_of_wrong_merges_has_scenarios_with_its_outcome() -> None:
    classes = tomllib.loads((ROOT / "classes.toml").read_text())["class"]
    outcomes = {
        name: "conflict" if b"<<<<<<<" in (ROOT / "working" / name / "expected.cu").read_bytes() else "clean"
        for one in classes
        for name in one["scenarios"]
    }
    assert all(one["scenarios"] for one in classes)
    assert [
        one["what"] for one in classes if {outcomes[n] for n in one["scenarios"]} != {one["outcome"]}
    ] == []
