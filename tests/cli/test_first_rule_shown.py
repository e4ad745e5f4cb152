"""What ``init`` shows of a file that has more branchings than anybody reads."""

from __future__ import annotations

from pathlib import Path

from tests.support.story import Story, git

ARM = "case {label}: return {calls}(x, {label}) + x * {label};"


def switch(number: int, light: int) -> str:
    """A function of one switch, of whose arms the heaviest is the lighter the more others there are."""
    arms = " ".join(ARM.format(label=label, calls=f"work{number}") for label in range(1, light))
    return f"int choose{number}(int n, int x) {{ switch (n) {{ {arms} default: return 0; }} }}\n"


def test_the_best_branchings_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    made = Story(tmp_path, tmp_path / "fork")
    made.fork.mkdir()
    git(made.fork, "init", "-q", "-b", "main")
    declared = "".join(f"int work{number}(int, int);\n" for number in range(3, 13))
    text = declared + "".join(switch(number, number) for number in range(3, 13))
    made.write("many.cpp", text.encode())
    made.commits("upstream")
    ran = made.run("init", "many.cpp", "--dry-run")
    assert ran.code == 0, ran.err
    shown = [number for number in range(3, 13) if f"in choose{number}," in ran.out.split("more choices")[0]]
    assert shown == [5, 6, 7, 8, 9, 10, 11, 12], ran.out
    assert "- 2 more choices, heaviest unit" in ran.out
