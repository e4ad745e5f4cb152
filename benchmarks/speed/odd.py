"""`python -m benchmarks.speed.odd [--bytes N] [--verbs V,…] [SHAPE…]`: what each verb costs on odd text.

Each shape of text, which no person would write, is a repository's monolith, behind a small file
that a rule splits. A cell is the CPU of one verb in it, in milliseconds; a refusal is an answer, and stands
beside its cost. 1 if one is over two seconds.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.speed import worlds
from benchmarks.speed.measure import MERGEGUARD, environment, run
from benchmarks.speed.worlds import git

#: The most that a verb may cost, in milliseconds of CPU.
MOST = 2_000
_SIZE = 256_000
_GIVEN_UP = 20  # seconds of CPU
_MONOLITH = "csrc/rocm/kernels_000.cu"
_RULE = "kernels_000"


@dataclass(frozen=True)
class Cell:
    """What one verb cost on one shape; what it said where it refused."""

    shape: str
    verb: str
    cost: float
    refusal: str


def texts(size: int) -> dict[str, bytes]:
    """Texts of about ``size`` bytes, by what they are of."""

    def lines(line: bytes) -> bytes:
        return line * (size // len(line))

    def numbered(line: bytes) -> bytes:
        """``line`` with ascending numbers in place of its ``%d``."""
        count = size // (len(line) + 3 * line.count(b"%d"))
        return b"".join(line.replace(b"%d", b"%d" % number) for number in range(count))

    return _brackets(size, lines) | _flat(size, lines) | _named(lines, numbered)


def _brackets(size: int, lines: Callable[[bytes], bytes]) -> dict[str, bytes]:
    """What nests, or does not end."""
    return {
        "open brackets": b"(\n" * (size // 4) + b")\n" * (size // 4),
        "nested blocks": b"{\n" * (size // 4) + b"}\n" * (size // 4),
        "conditions": b"#if A\n" * (size // 14) + b"#endif\n" * (size // 14),
        "namespaces": b"namespace a {\n" * (size // 16) + b"}\n" * (size // 16),
        "elifs": b"#if A\n" + lines(b"#elif B\nint x;\n") + b"#endif\n",
        "closing brackets": lines(b"}\n"),
        "closing parentheses": lines(b")"),
        "blocks of macros": lines(b"A_BEGIN\nA_END\n"),
        "classes in each other": b"struct A {\n" * (size // 24) + b"};\n" * (size // 24),
        "definitions in conditions": b"#if A\nvoid f() {}\n" * (size // 26) + b"#endif\n" * (size // 26),
        "cut braces": lines(b"#if A\nvoid f() {\n#else\nvoid g() {\n#endif\n}\n"),
    }


def _flat(size: int, lines: Callable[[bytes], bytes]) -> dict[str, bytes]:
    """Rows of one thing, and things of one piece."""
    return {
        "hashes": lines(b"#\n"),
        "one line": lines(b"int a; "),
        "one expression": b"int x = " + lines(b"a +\n") + b"1;\n",
        "words": lines(b"a\n"),
        "apostrophes": lines(b"'\n"),
        "macro calls": lines(b"REGISTER(op, f)\n"),
        "a macro of lines": b"#define A \\\n" + lines(b"x = 1; \\\n") + b"\n",
        "a table": b"int t[] = {\n" + lines(b"0, 0, 0,\n") + b"};\n",
        "else-ifs": b"void f(int x) {\n" + lines(b"else if (x == 1) { g(); }\n") + b"}\n",
        "quotes": lines(b"'\"'\n"),
        "semicolons": lines(b";"),
        "signs": lines(b"@"),
        "one function": b"void f(int x) {\n" + lines(b"  x = g(x, 1);\n") + b"}\n",
        "a string": b'const char* s = "' + lines(b"words ") + b'";\n',
        "a raw string": b'const char* s = R"(' + lines(b"words\n") + b')";\n',
        "a comment": b"/*\n" + lines(b"words\n") + b"*/\n",
        "a switch": b"int f(int x) {\n  switch (x) {\n"
        + b"".join(b"    case %d: return g<%d>();\n" % (n, n) for n in range(size // 32))
        + b"  }\n  return 0;\n}\n",
    }


def _named(lines: Callable[[bytes], bytes], numbered: Callable[[bytes], bytes]) -> dict[str, bytes]:
    """Thousands of declarations."""
    return {
        "small items": numbered(b"int v%d = %d;\n"),
        "small functions": numbered(b"int f%d() { return %d; }\n"),
        "static functions": numbered(b"static int f%d() { return %d; }\n"),
        "calls in a chain": b"int f0();\n" + _chain(b"int f%d() { return f%d(); }\n", numbered),
        "one name": lines(b"void f() { g(); }\n"),
        "overloads": numbered(b"void f(A%d a) { g(a); }\n"),
        "specialisations": b"template <int N> int s();\n"
        + numbered(b"template <> int s<%d>() { return %d; }\n"),
        "instantiations": b"template <int N> void s() {}\n" + numbered(b"template void s<%d>();\n"),
        "types": numbered(b"struct S%d { int a; };\n"),
        "defines": numbered(b"#define M%d %d\n"),
        "chained macros": b"#define M0 1\n" + _chain(b"#define M%d M%d\n", numbered),
        "includes": numbered(b'#include "header%d.h"\n'),
        "templates": numbered(b"template <typename T> T t%d(T a) { return a; }\n"),
        "kernels": numbered(b"__global__ void k%d(int* a) { a[0] = %d; }\n"),
    }


def _chain(line: bytes, numbered: Callable[[bytes], bytes]) -> bytes:
    """Numbered lines of which each speaks of the one before."""
    count = numbered(line).count(b"\n")
    return b"".join(line % (number, number - 1) for number in range(1, count))


@dataclass
class World:
    """A fork whose monolith is the small one with an odd text behind it.

    Tags: ``old`` is upstream's first commit, ``new`` changes three lines of the text, ``byhand`` has a split
    made by hand. The branch ``fork`` is split (if it can be) and has an edit of its own.
    """

    folder: Path
    shape: str
    text: bytes
    refused: set[str] = field(default_factory=set)

    def make(self) -> None:
        """Upstream's commits, and the rule."""
        worlds.many_rules(self.folder, 1, is_split=False)
        git(self.folder, "checkout", "-q", "-B", "upstream", "old")
        small = (self.folder / _MONOLITH).read_bytes()
        self._commit(small + self.text, "old", "csrc/odd.cu", self.text)
        lines = self.text.splitlines(keepends=True)
        places = {len(lines) * part // 4 for part in (1, 2, 3)}
        edited = b"".join(b"int theirs;\n" + line if at in places else line for at, line in enumerate(lines))
        self._commit(small + edited, "new")
        git(self.folder, "checkout", "-q", "-B", "fork", "old")
        worlds.add_rules(self.folder, 1)
        worlds.commit(self.folder, "a rule")

    def _commit(self, text: bytes, tag: str, *also: str | bytes) -> None:
        worlds.write(self.folder / _MONOLITH, text)
        if also:
            worlds.write(self.folder / str(also[0]), bytes(also[1]))
        worlds.commit(self.folder, tag)
        git(self.folder, "tag", "-f", tag)

    def cell(self, verb: str, *words: str) -> Cell:
        """Measure one call; the tree is left as the verb leaves it."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            (*MERGEGUARD, *words),
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            check=False,
            preexec_fn=_give_up,
        )
        status, said = done.returncode, done.stderr.decode(errors="replace")
        if status < 0:
            status, said = 2, "given up"
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if "Traceback" in said or "internal error" in said.lower():
            raise RuntimeError(f"{self.shape}: {' '.join(words)}\n{said}")
        cost = 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        return Cell(self.shape, verb, cost, said.split("\n")[0] if status > 1 else "")

    def cells(self) -> Iterator[Cell]:
        """Each verb in turn, in the order in which a user meets them."""
        self.make()
        yield self.cell("init", "init", "--dry-run", "csrc/odd.cu")
        yield self.cell("preview", "preview", "new")
        split = self.cell("split", "split", "--upstream", "old")
        yield split
        if git(self.folder, "status", "--porcelain"):
            worlds.commit(self.folder, "split")
            yield from self._split_cells()

    def _split_cells(self) -> Iterator[Cell]:
        file, line = self._edit()
        yield self.cell("status", "status")
        yield self.cell("check", "check")
        yield self.cell("verify", "verify")
        yield self.cell("unsplit", "unsplit", _RULE)
        yield self.cell("report", "report")
        yield self.cell("unmapped", "unmapped", "list")
        worlds.commit(self.folder, "an edit in the layout")
        yield self.cell("where", "where", f"{file}:{line}")
        yield self.cell("blame", "blame", file)
        yield self.cell("export", "export", "--stdout", "--upstream", "old")
        yield self.cell("ledger", "ledger", "--upstream", "old")
        yield self.cell("plan", "plan", "new")
        yield self.cell("leave", "leave", "--dry-run", _RULE)
        yield self.cell("mode", "mode", "--dry-run", "build", _RULE, "--upstream", "old")
        git(self.folder, "tag", "edited")
        yield self.cell("sync", "sync", "new")
        yield self.cell("audit", "audit")
        self._back()
        yield self.cell("rebase", "sync", "--rebase", "new")
        self._back()
        yield from self._conflicting(file)
        yield from self._by_hand()

    def _edit(self) -> tuple[str, int]:
        """Type a line into the middle of the layout's largest file; the file and the line."""
        files = [p for p in (self.folder / "csrc/rocm/kernels_000").rglob("*") if p.is_file()]
        file = max([*files, self.folder / _MONOLITH], key=lambda path: path.stat().st_size)
        lines = file.read_bytes().splitlines(keepends=True)
        at = len(lines) * 2 // 3
        file.write_bytes(b"".join([*lines[:at], b"int ours;\n", *lines[at:]]))
        return file.relative_to(self.folder).as_posix(), at + 1

    def _back(self) -> None:
        run(self.folder, *MERGEGUARD, "sync", "--abort", ok=range(128))
        git(self.folder, "reset", "-q", "--hard")
        git(self.folder, "checkout", "-q", "-f", "-B", "fork", "edited")
        git(self.folder, "clean", "-q", "-f", "-d")

    def _conflicting(self, file: str) -> Iterator[Cell]:
        """A sync where the fork wrote another line at each place that upstream edits."""
        theirs = git(self.folder, "show", f"new:{_MONOLITH}").splitlines(keepends=True)
        after = {theirs[at + 1].rstrip("\n") for at, line in enumerate(theirs) if line == "int theirs;\n"}
        lines = (self.folder / file).read_bytes().splitlines(keepends=True)
        base = len(lines) - self.text.count(b"\n")
        places = {base + self.text.count(b"\n") * part // 4 for part in (1, 2, 3)} if after else set()
        edited = b"".join(b"int mine;\n" + line if at in places else line for at, line in enumerate(lines))
        (self.folder / file).write_bytes(edited)
        worlds.commit(self.folder, "edits that meet upstream's")
        yield self.cell("sync, conflicts", "sync", "new")
        self._back()

    def _by_hand(self) -> Iterator[Cell]:
        """The layout as if somebody had made it by hand."""
        locks = git(self.folder, "ls-files", ".mergeguard").split()
        git(self.folder, "rm", "-q", *(name for name in locks if "/rules/" not in name))
        worlds.commit(self.folder, "as if by hand")
        yield self.cell("adopt", "adopt", _RULE, "--dry-run", "--upstream", "old")


def _give_up() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_GIVEN_UP, _GIVEN_UP))


def table(size: int, shapes: list[str], verbs: list[str]) -> Iterator[list[Cell]]:
    """The cells of each shape."""
    for shape, text in texts(size).items():
        if shapes and shape not in shapes:
            continue
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder) / "fork", shape, text)
            yield [cell for cell in world.cells() if not verbs or cell.verb in verbs]


def main(arguments: list[str]) -> int:
    """Print the table; 1 if a cell is over the limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.odd", description=__doc__)
    parser.add_argument("--bytes", type=int, default=_SIZE)
    parser.add_argument("--verbs", default="")
    parser.add_argument("shapes", nargs="*", metavar="SHAPE")
    chosen = parser.parse_args(arguments)
    over = 0
    for cells in table(chosen.bytes, chosen.shapes, [*filter(None, chosen.verbs.split(","))]):
        print(cells[0].shape if cells else "")
        for cell in cells:
            dear = cell.cost > MOST
            over += dear
            print(
                f"  {'MISS' if dear else 'ok  '} {cell.verb:<16} {cell.cost:8.0f} {cell.refusal}".rstrip(),
                flush=True,
            )
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
