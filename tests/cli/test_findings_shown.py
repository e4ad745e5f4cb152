"""How findings stand on the terminal."""

from __future__ import annotations

import pytest

from mergeguard.cli import render
from mergeguard.findings import Finding, Severity, in_tree


def note(name: str, line: int, path: str = "a.h", message: str = "inline now") -> Finding:
    return in_tree("visibility", Severity.NOTE, message, path, line, name, rule="a", hint="look")


def test_what_is_said_of_several_things_in_a_file_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    render.print_findings(
        [note("f", 1), note("g", 7), note("h", 3, "b.h"), note("i", 4, "b.h", "static now")]
    )
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note")]
    assert [line.partition("  ")[0] for line in said] == [
        "note a.h:1, 7 (f, g)",
        "note b.h:3 (h)",
        "note b.h:4 (i)",
    ]


def test_of_many_the_first_and_their_number(capsys: pytest.CaptureFixture[str]) -> None:
    render.print_findings(note(f"f{n}", n) for n in range(1, 31))
    out = capsys.readouterr().out
    assert out.count("look") == 1
    assert "f8 and 22 more" in " ".join(out.split()) and "f9" not in out
