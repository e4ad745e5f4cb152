"""Each hard shape of ``fixtures/deal/shapes.cpp``, dealt: its units compile, and together have its symbols.

A namespace for each shape, and one file for the first units of all, one for the second ones: so there are few
runs of the compiler.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mergeguard.errors import RuleMismatch
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import parse_rule
from tests.support import layouts

TEXT = (layouts.ROOT / "fixtures" / "deal" / "shapes.cpp").read_text()
SHAPES = dict(re.findall(r"^// -- (\w+)\n(.*?)(?=^// --|\Z)", TEXT, re.MULTILINE | re.DOTALL))


def _dealt(text: str, seed: int) -> Layout | None:
    table = f"units = 2\nentry = true\nseed = {seed}"
    rule = f'schema = 1\nmonolith = "m.cpp"\n[[deal]]\nheader = "internal.h"\n{table}\n'
    try:
        return split(parse_rule(rule.encode(), "rule.toml"), "m", "m.cpp", text.encode())
    except RuleMismatch:
        return None  # by this seed all of it goes to the entry


@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_dealt_is_the_same_program(seed):
    dealt = {name: layout for name, text in SHAPES.items() if (layout := _dealt(text, seed)) is not None}
    assert len(dealt) > len(SHAPES) * 2 / 3
    assert [found for layout in dealt.values() for found in layouts.findings(layout)] == []


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")
def test_what_is_dealt_compiles_to_the_same_symbols(tmp_path):
    units: dict[str, list[str]] = {"whole.cpp": []}
    for name, text in SHAPES.items():
        layout = _dealt(text, 1)
        if layout is None:
            continue
        for file in layout.files:
            (tmp_path / name / file.path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file.path).write_bytes(file.text)
            if file.is_unit:
                units.setdefault(Path(file.path).name, []).append(_inside(name, f"{name}/{file.path}"))
        (tmp_path / name / "whole.cpp").write_text(text)
        units["whole.cpp"].append(_inside(name, f"{name}/whole.cpp"))
    objects = []
    for unit, lines in units.items():
        (tmp_path / unit).write_text("".join(lines))
        command = ["g++", "-std=c++20", "-O0", "-w", "-c", unit, "-o", f"{unit}.o"]
        subprocess.run(command, cwd=tmp_path, check=True)
        objects.append(f"{unit}.o")
    subprocess.run(["ld", "-r", "-o", "all.o", *objects[1:]], cwd=tmp_path, check=True)
    assert _strong(tmp_path / "all.o") == _strong(tmp_path / objects[0]) != set()


def _inside(name: str, path: str) -> str:
    return f'namespace shape_{name} {{\n#include "{path}"\n}}\n'


def _strong(path: Path) -> set[str]:
    lines = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines()
    return {line.split()[-1] for line in lines if line.split()[-2] in "TDBR"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "#define LIST X(a) X(b)\n#define X(n) int n##_f() { return 1; }\nLIST\n#undef X\nenum E { K };\n",
            "no `;`",
        ),
        ('int impl() { return 1; }\nint ali() __attribute__((alias("impl")));\n', "another name of"),
        ("inline int q(int x) { return x; }\nextern inline int q(int x);\n", "is inline and `extern`"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(text, reason):
    text += "int one() { return 1; }\nint two() { return 2; }\nint three() { return 3; }\n"
    rule = b'schema = 1\nmonolith = "m.cpp"\n[[deal]]\nheader = "i.h"\nunits = 3\n'
    with pytest.raises(RuleMismatch, match=reason):
        split(parse_rule(rule, "rule.toml"), "m", "m.cpp", text.encode())
