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
_LIMIT = 5  # seconds that the programs of a batch may take; they take far less than one
_COMPILER = ("g++", "-std=c++20", "-O0", "-w", "-fmax-errors=0", "-x", "c++")
_ERROR = re.compile(r"^(p\d+):\d+(?::\d+)?: (?:fatal )?error", re.MULTILINE)
_UNLINKED = re.compile(r"undefined reference to `(p\d+)::")

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
                out.update(_ran(program, left))
                break
            bad = {int(name[1:]) for fault in (_ERROR, _UNLINKED) for name in fault.findall(done.stderr)}
            if not bad & set(left):
                bad = _by_itself(texts, left, x, folder)
            left = [number for number in left if number not in bad]
    return [out[number] for number in range(len(texts))]


def _ran(program: Path, numbers: Sequence[int]) -> dict[int, str]:
    """What the programs print; one that does not end, or crashes, is told so, and the others are run without
    it."""
    out: dict[int, str] = {}
    while len(out) < len(numbers):
        first = str(numbers[len(out)])
        try:
            ran = subprocess.run([str(program), first], capture_output=True, check=True, timeout=_LIMIT)
            said, ending = ran.stdout, ""
        except subprocess.TimeoutExpired as late:
            said, ending = late.stdout or b"", "endless"
        except subprocess.CalledProcessError as died:
            said, ending = died.stdout, "crashes"
        for line in said.decode("ascii").splitlines():
            number, value = line.split()
            out[int(number)] = value
        if len(out) < len(numbers):
            out[numbers[len(out)]] = ending
    return out


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
    parts = [f"#include <cstdio>\n#include <cstdlib>\n#define X {x}\n"]
    parts += (f'namespace p{n} {{\n#line 1 "p{n}"\n{texts[n]}\n}}\n' for n in numbers)
    call = (
        '  if ({0} >= first) try {{ std::printf("{0} %d\\n", p{0}::run()); }}'
        ' catch (...) {{ std::puts("{0} throws"); }}\n'
        "  std::fflush(stdout);\n"
    )
    calls = "".join(call.format(n) for n in numbers)
    main = f"int main(int, char** said) {{\n  int first = std::atoi(said[1]);\n{calls}}}\n"
    return "".join(parts) + f'#line 1 "main"\n{main}'


def sane(text: str) -> bool:
    """Whether a text can't break the programs beside it: comments end, brackets and conditions pair by
    count."""
    plain = re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)
    plain = re.sub(r"/\*.*?\*/|//[^\n]*", "", plain, flags=re.DOTALL)
    if "/*" in plain or "*/" in plain:
        return False
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
