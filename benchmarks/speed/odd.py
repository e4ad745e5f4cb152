"""`python -m benchmarks.speed.odd [--bytes N] [--verbs V,…] [SHAPE…]`: what each verb costs on odd text.

Each shape of text, which no person would write, is a repository's monolith, behind a small file
that a rule splits. A cell is the CPU of one verb in it, in milliseconds; a refusal is an answer, and stands
beside its cost. 1 if one is over two seconds.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed import worlds
from benchmarks.speed.measure import MERGEGUARD, environment, run
from benchmarks.speed.texts import edits_that_meet, odd_texts
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


@dataclass
class World:
    """A fork whose monolith is the small one with an odd text behind it.

    Tags: ``old`` is upstream's first commit, ``new`` changes three lines of the text, ``byhand`` has a split
    made by hand. The branch ``fork`` is split (if it can be) and has an edit of its own.
    ``verbs`` are those that are measured; all where it is empty.
    """

    folder: Path
    shape: str
    text: bytes
    verbs: Set[str] = frozenset()

    def make(self) -> None:
        """Upstream's commits, and the rule."""
        worlds.many_rules(self.folder, 1, is_split=False)
        git(self.folder, "checkout", "-q", "-B", "upstream", "old")
        small = (self.folder / _MONOLITH).read_bytes()
        self._commit(small + self.text, "old", "csrc/odd.cu", self.text)
        lines = self.text.splitlines(keepends=True)
        places = {len(lines) * part // 4 for part in (1, 2, 3)}
        edited = b"".join(
            b"int theirs%d;\n" % at + line if at in places else line for at, line in enumerate(lines)
        )
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

    def measure(self, verb: str, *words: str) -> Cell:
        """Measure one command; the tree is left as it leaves it."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            words,
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

    def _cell(self, verb: str, *words: str, needed: bool = False) -> Iterator[Cell]:
        """The cell of a verb that was asked for; one that the next ones need is run in any case."""
        if self._wants(verb):
            yield self.measure(verb, *MERGEGUARD, *words)
        elif needed:
            self.measure(verb, *MERGEGUARD, *words)

    def _merged_by_git(self, verb: str) -> Iterator[Cell]:
        """The cell of a plain `git merge` with hooks."""
        if self._wants(verb):
            run(self.folder, *MERGEGUARD, "install")
            yield self.measure(verb, "git", "merge", "-q", "new")
            run(self.folder, *MERGEGUARD, "uninstall")

    def _wants(self, verb: str) -> bool:
        return not self.verbs or verb in self.verbs

    def cells(self) -> Iterator[Cell]:
        """Each verb in turn, in the order in which a user meets them."""
        self.make()
        yield from self._merged_files()
        yield from self._cell("init", "init", "--dry-run", "csrc/odd.cu")
        yield from self._cell("preview", "preview", "new")
        yield from self._cell("split", "split", "--upstream", "old", needed=True)
        if git(self.folder, "status", "--porcelain"):
            worlds.commit(self.folder, "split")
            yield from self._split_cells()

    def _merged_files(self) -> Iterator[Cell]:
        """`merge-file` on three versions: both sides edit at other places, and at the same."""
        base, theirs, mine = edits_that_meet(self.text)
        lines = self.text.splitlines(keepends=True)
        apart = _with_lines(lines, {len(lines) * part // 5 for part in (1, 2, 3)}, b"int mine%d;\n")
        with tempfile.TemporaryDirectory() as folder:
            for verb, ours in (("merge-file", apart), ("merge-file conflicts", mine)):
                names = worlds.sides_of(Path(folder), "odd", base, ours, theirs)
                yield from self._cell(verb, "merge-file", "-p", *(f"{folder}/{name}" for name in names))

    def _split_cells(self) -> Iterator[Cell]:
        file, line = self._edit()
        yield from self._cell("status", "status")
        yield from self._cell("check", "check")
        yield from self._cell("verify", "verify")
        yield from self._cell("unsplit", "unsplit", _RULE)
        yield from self._cell("report", "report")
        yield from self._cell("unmapped", "unmapped", "list")
        worlds.commit(self.folder, "an edit in the layout")
        yield from self._cell("where", "where", f"{file}:{line}")
        yield from self._cell("blame", "blame", file)
        yield from self._cell("export", "export", "--stdout", "--upstream", "old")
        yield from self._cell("ledger", "ledger", "--upstream", "old")
        yield from self._cell("plan", "plan", "new")
        yield from self._cell("leave", "leave", "--dry-run", _RULE)
        yield from self._cell("mode", "mode", "--dry-run", "build", _RULE, "--upstream", "old")
        git(self.folder, "tag", "edited")
        self._known()
        yield from self._cell("sync", "sync", "new", needed=True)
        yield from self._cell("audit", "audit")
        self._back()
        yield from self._cell("rebase", "sync", "--rebase", "new")
        self._back()
        yield from self._merged_by_git("git merge")
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

    def _back(self, to: str = "edited") -> None:
        run(self.folder, *MERGEGUARD, "sync", "--abort", ok=range(128))
        run(self.folder, "git", "merge", "--abort", ok=range(129))
        git(self.folder, "reset", "-q", "--hard")
        git(self.folder, "checkout", "-q", "-f", "-B", "fork", to)
        git(self.folder, "clean", "-q", "-f", "-d")
        shutil.rmtree(self.folder / ".git/mergeguard")
        shutil.copytree(self._kept, self.folder / ".git/mergeguard")

    @property
    def _kept(self) -> Path:
        return self.folder.parent / "what was known before the merges"

    def _known(self) -> None:
        """Each merge starts with what the clone knows now, not with what another has found out."""
        shutil.copytree(self.folder / ".git/mergeguard", self._kept)

    def _conflicting(self, file: str) -> Iterator[Cell]:
        """Merges where the fork wrote another line at each place that upstream edits."""
        lines, count = (self.folder / file).read_bytes().splitlines(keepends=True), self.text.count(b"\n")
        places = {min(len(lines) - count + count * part // 4, len(lines) - 1) for part in (1, 2, 3)}
        (self.folder / file).write_bytes(_with_lines(lines, places, b"int mine%d;\n"))
        worlds.commit(self.folder, "edits that meet upstream's")
        git(self.folder, "tag", "meeting")
        yield from self._cell("sync conflicts", "sync", "new")
        self._back("meeting")
        yield from self._cell("rebase conflicts", "sync", "--rebase", "new")
        self._back("meeting")
        yield from self._merged_by_git("git merge conflicts")
        self._back()

    def _by_hand(self) -> Iterator[Cell]:
        """The layout as if somebody had made it by hand."""
        locks = git(self.folder, "ls-files", ".mergeguard").split()
        git(self.folder, "rm", "-q", *(name for name in locks if "/rules/" not in name))
        worlds.commit(self.folder, "as if by hand")
        yield from self._cell("adopt", "adopt", _RULE, "--dry-run", "--upstream", "old")


def _with_lines(lines: Sequence[bytes], places: Set[int], line: bytes) -> bytes:
    """The text of ``lines`` with ``line``, numbered, before some of them."""
    return b"".join(line % at + old if at in places else old for at, old in enumerate(lines))


def _give_up() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_GIVEN_UP, _GIVEN_UP))


def table(size: int, shapes: Sequence[str] = (), verbs: Set[str] = frozenset()) -> Iterator[list[Cell]]:
    """The cells of each shape."""
    for shape, text in odd_texts(size).items():
        if shapes and shape not in shapes:
            continue
        with tempfile.TemporaryDirectory() as folder:
            yield [*World(Path(folder) / "fork", shape, text, verbs).cells()]


def main(arguments: list[str]) -> int:
    """Print the table; 1 if a cell is over the limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.odd", description=__doc__)
    parser.add_argument("--bytes", type=int, default=_SIZE)
    parser.add_argument("--verbs", default="")
    parser.add_argument("shapes", nargs="*", metavar="SHAPE")
    chosen = parser.parse_args(arguments)
    over = 0
    for cells in table(chosen.bytes, chosen.shapes, {*filter(None, chosen.verbs.split(","))}):
        print(cells[0].shape if cells else "")
        for cell in cells:
            dear = cell.cost > MOST
            over += dear
            print(
                f"  {'MISS' if dear else 'ok  '} {cell.verb:<20} {cell.cost:8.0f} {cell.refusal}".rstrip(),
                flush=True,
            )
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
