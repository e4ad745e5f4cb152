"""What ships with the program is what the repository holds."""

from __future__ import annotations

from pathlib import Path

from mergeguard.data import shipped_rules

RULES = Path(__file__).resolve().parent.parent / "rules"


def test_shipped_rules_are_the_repositorys():
    here = {path.relative_to(RULES).as_posix(): path.read_bytes() for path in RULES.rglob("*.toml")}
    assert shipped_rules() == here
    assert list(shipped_rules()) == sorted(here)
