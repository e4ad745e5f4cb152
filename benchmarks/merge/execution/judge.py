"""What programs do, told by g++: many of them in one translation unit, each in a namespace of its own."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

_BATCH = 400
_COMPILER = ("g++", "-std=c++20", "-O0", "-w", "-fmax-errors=0", "-x", "c++")
_ERROR = re.compile(r"^(p\d+):\d+(?::\d+)?: (?:fatal )?error", re.MULTILINE)

Behaviour = str  # what a program prints with X off and with X on; "" if it does not compile


def has_compiler() -> bool:
    """Whether g++ is there."""
    return shutil.which("g++") is not None


class Judge:
    """Runs programs, each text once."""

    def __init__(self) -> None:
        self.known: dict[str, Behaviour] = {}

    def run(self, texts: Iterable[str]) -> None:
        """Learn what the texts do."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        for at in range(0, len(new), _BATCH):
            batch = new[at : at + _BATCH]
            for text, off, on in zip(batch, _outputs(batch, 0), _outputs(batch, 1), strict=True):
                self.known[text] = f"{off}/{on}" if off and on else ""

    def behaviour(self, text: str) -> Behaviour:
        """What a text does; ``run`` must have seen it."""
        return self.known[text]


def _outputs(texts: Sequence[str], x: int) -> list[str]:
    """What each program prints; empty for those that do not compile."""
    out = dict.fromkeys(range(len(texts)), "")
    left = list(range(len(texts)))
    with tempfile.TemporaryDirectory(prefix="mergeguard-execution-") as folder:
        while left:
            source, program = Path(folder, "all.cpp"), Path(folder, "all")
            source.write_text(_unit(texts, left, x))
            done = subprocess.run(
                [*_COMPILER, str(source), "-o", str(program)], capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                ran = subprocess.run([str(program)], capture_output=True, text=True, check=True, timeout=60)
                for line in ran.stdout.splitlines():
                    number, value = line.split()
                    out[int(number)] = value
                break
            bad = {int(name[1:]) for name in _ERROR.findall(done.stderr)}
            if not bad & set(left):
                bad = _by_itself(texts, left, x, folder)
            left = [number for number in left if number not in bad]
    return [out[number] for number in range(len(texts))]


def _by_itself(texts: Sequence[str], left: Sequence[int], x: int, folder: str) -> set[int]:
    """The programs that do not compile alone: an error at the end of all is told of none of them."""
    bad: set[int] = set()
    for number in left:
        source = Path(folder, "one.cpp")
        source.write_text(_unit(texts, [number], x))
        done = subprocess.run([*_COMPILER, "-fsyntax-only", str(source)], capture_output=True, check=False)
        if done.returncode:
            bad.add(number)
    if not bad:
        raise RuntimeError("the programs compile one by one, and not together")
    return bad


def _unit(texts: Sequence[str], numbers: Sequence[int], x: int) -> str:
    parts = [f"#include <cstdio>\n#define X {x}\n"]
    parts += (f'namespace p{n} {{\n#line 1 "p{n}"\n{texts[n]}\n}}\n' for n in numbers)
    call = '  try {{ std::printf("{0} %d\\n", p{0}::run()); }} catch (...) {{ std::puts("{0} throws"); }}\n'
    calls = "".join(call.format(n) for n in numbers)
    return "".join(parts) + f'#line 1 "main"\nint main() {{\n{calls}}}\n'


def sane(text: str) -> bool:
    """Whether a text can't break the programs beside it: brackets and conditions pair by count."""
    plain = re.sub(r"/\*.*?\*/|//[^\n]*", "", text)
    opened = len(re.findall(r"^\s*#\s*if", plain, re.MULTILINE))
    closed = len(re.findall(r"^\s*#\s*endif", plain, re.MULTILINE))
    depth = 0
    for sign in re.findall(r"[{}]", plain):
        depth += 1 if sign == "{" else -1
        if depth < 0:
            return False
    return depth == 0 and opened == closed


def digest(text: str) -> str:
    """A short name for a text."""
    return hashlib.sha1(text.encode()).hexdigest()[:8]
