"""Each conflict says in one line why it is one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mergeguard.hooks.mergefile import main
from mergeguard.merge import Conflict, Resolved
from mergeguard.merge.markers import render_markers
from mergeguard.merge.reasons import reason, reasons, told

CALL = b"  run(a, b, c);\n"


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "said"),
    [
        (
            CALL,
            CALL.replace(b"b", b"x"),
            CALL.replace(b"b", b"y"),
            "both changed the second argument of `run`",
        ),
        (CALL, b"", CALL.replace(b"b", b"y"), "you removed what they edited: `run(a, b, c);`"),
        (CALL, CALL.replace(b"b", b"y"), b"", "they removed what you edited: `run(a, b, c);`"),
        (b"", b"int f() { return 1; }\n", b"int f() { return 2; }\n", "both added `f`, in other words"),
        (b"", b"int f();\n", b"int g();\n", "both added something at one place: `int f();` and `int g();`"),
        (b"int x = 1;\n", b"int x = 2;\n", b"int x = 3;\n", "both changed `int x = 1;`"),
        (b"#if A\n", b"#if A && B\n", b"#if A && C\n", "both changed `#if A`"),
        (b"// one\n", b"// two\n", b"// three\n", "both changed the words of a comment"),
        (
            b"",
            b"auto n = w.numel();\n",
            b"auto n = w.numel() + 1;\n",
            "both added something at one place: `auto n = w.numel();` and `auto n = w.numel() + 1;`",
        ),
        (b"run(a,\n    b);\n", b"", b"run(a,\n    c);\n", "you removed what they edited: `run(a, b);`"),
        (
            b"".join(b"a%d(x);\n" % n for n in range(12)),
            b"ours(1);\n",
            b"theirs(2);\n",
            "both wrote anew what began with `a0(x);`",
        ),
        (b"f(1);\n", b"f(2);\n", b"f( 1 );\n", "one side edited what the other laid out anew: `f(1);`"),
        (b"f(1);\n", b"f( 1 );\n", b"f(1) ;\n", "the two sides differ in layout only"),
    ],
)
def test_why(base, ours, theirs, said):
    assert reason(Conflict(base, ours, theirs)).startswith(said)


@pytest.mark.parametrize("style", ["merge", "diff3", "zdiff3"])
def test_the_line_is_that_of_the_marker(style):
    pieces = (
        Resolved(b"int a;\n"),
        Conflict(CALL, CALL.replace(b"b", b"x"), CALL.replace(b"b", b"y")),
        Resolved(b"\n".join(b"int v%d;" % i for i in range(9)) + b"\n"),
        Conflict(CALL, b"", CALL.replace(b"c", b"z")),
    )
    lines = render_markers(pieces, style=style).splitlines()
    assert [line for line, _ in reasons(pieces, style)] == [
        number for number, line in enumerate(lines, 1) if line.startswith(b"<<<<<<<")
    ]


def test_each_part_of_a_conflict_is_told_of_by_its_own_lines():
    same = b"".join(b"same%d();\n" % n for n in range(5))
    conflict = Conflict(
        b"a(1);\n" + same + b"b(1, 2);\n",
        b"a(2);\n" + same + b"b(3, 2);\n",
        b"a(4);\n" + same + b"b(5, 2);\n",
    )
    assert [said for _, said in reasons([conflict])] == [
        "both changed the first argument of `a`",
        "both changed the first argument of `b`",
    ]


def test_a_screen_shows_the_first_few():
    pieces = tuple(
        piece
        for n in range(20)
        for piece in (Conflict(b"", b"int f%d();\n" % n, b"int g%d();\n" % n), Resolved(b"x;\n" * 9))
    )
    lines = told("f.cu", pieces, "merge")
    assert (
        len(lines) == 9
        and lines[0].startswith("f.cu:1: both added")
        and lines[-1] == "f.cu: 12 more conflicts"
    )


def test_merge_file_says_it(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for name, word in (("base", "b"), ("ours", "x"), ("theirs", "y")):
        (tmp_path / f"{name}.cu").write_bytes(b"void f() {\n" + CALL.replace(b"b", word.encode()) + b"}\n")
    assert main(["merge-file", "ours.cu", "base.cu", "theirs.cu"]) == 1
    assert "conflict: ours.cu:2: both changed the second argument of `run`" in capfd.readouterr().err


_TOLD = """
import sys
from pathlib import Path
from mergeguard.merge import merge
for folder in sys.argv[1:]:
    texts = [Path(folder, name + ".cu").read_bytes() for name in ("base", "ours", "theirs")]
    result = merge(*texts)
    print(result.render(), result.notes)
"""


def test_what_is_said_does_not_depend_on_the_hash_of_bytes() -> None:
    """Faults are told in the order of the file: the same merge says the same in every process."""
    scenarios = Path(__file__).parents[1] / "scenarios" / "merge"
    names = ("kernels-removed-here-and-given-stubs-there", "one-more-of-a-statement-that-the-other-moves")
    folders = [str(folder) for name in names for folder in scenarios.glob(f"*/{name}")]
    assert len(folders) == len(names)
    said = {
        subprocess.run(
            [sys.executable, "-c", _TOLD, *folders],
            check=True,
            capture_output=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
