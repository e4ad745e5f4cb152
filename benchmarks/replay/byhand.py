"""`python -m benchmarks.replay.byhand REPOSITORY FOLDER [--only NAME…]`: the same on a pull request's files.

FOLDER holds a split as people made it, ``NAME/<path of each file>``, and ``pristine/<path>``, the file that
it was made of. For each commit that changes that file, the split is carried to the commit's two sides by
lines alone: a line of the split that is the pristine file's changes with it, all others stay. So nothing of
mergeguard says what is right. A merge is right if each file has the words that the carried split has. Where a
version has more than a few lines that the split has in no file (it was made of another version), or its
brackets would not close, the commit is left out, and counted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.replay.__main__ import Count, commit_of, sizes_of
from mergeguard.cpp.leaves import leaves_of
from mergeguard.git.repository import Repository
from mergeguard.treemerge.trees import merge_trees

_SOURCES = (".cu", ".cuh", ".h")
_COPY = 20  # lines of a run that may be a copy
_FAITHFUL = 10  # lines of a version that the split may lack: it was made of another one
_TELLING = 12  # bytes that a line has at least which says where a run of lines is from


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", help="a git directory with upstream's history")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--loosely", action="store_true", help="commits where the split lacks lines as well")
    parser.add_argument("--show", action="store_true", help="each conflict and difference as well")
    chosen = parser.parse_args(arguments)
    counts = {"git": Count(), "follow": Count()}
    left_out = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "-q", folder], check=True)
        repository = Repository.discover(Path(folder))
        for name in chosen.only or sorted(p.name for p in chosen.folder.iterdir() if p.is_dir()):
            if name == "pristine":
                continue
            for commit, step in _steps(
                chosen.repository, read_split(chosen.folder, name), loosely=chosen.loosely
            ):
                if step is None:
                    left_out += 1
                    continue
                said = _replay(repository, step, f"{name}@{commit[:9]}", counts, chosen.show)
                print(f"{name:14} {commit[:9]}  {said}", flush=True)
    print(f"{left_out} commits left out: the split can't be carried to them by lines")
    for way, count in counts.items():
        steps = count.clean + count.conflicts + len(count.wrong)
        print(
            f"{way:8} {steps} steps, {count.clean} right, {count.conflicts} conflicts of {count.lines} "
            f"lines, largest {count.largest}, {len(count.wrong)} other  {' '.join(count.wrong)}"
        )
    return 0


# -- a split, carried by lines ---------------------------------------------------------------------------


@dataclass(frozen=True)
class ByHand:
    """A split as people made it: its files, the file it was made of, and the entry's path."""

    path: str
    pristine: bytes
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class Step:
    """One commit: the whole file before and after, the split before and after."""

    path: str
    before: bytes
    after: bytes
    split_before: Mapping[str, bytes]
    split_after: Mapping[str, bytes]
    rewritten: bool  # whether it changes lines that the split has in no file, or at the edge of two


def read_split(folder: Path, name: str) -> ByHand:
    """The split called ``name`` in the folder, and the file that it was made of."""
    root = folder / name
    files = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.suffix in _SOURCES}
    path = next(p for p in files if (folder / "pristine" / p).exists())
    return ByHand(path, (folder / "pristine" / path).read_bytes(), files)


def carried(main: str, old: bytes, new: bytes, files: Mapping[str, bytes]) -> tuple[dict[str, bytes], bool]:
    """The ``files`` of a split of ``old`` as they would be of ``new``, ``main`` being the path of both; and
    whether a change is of lines that the split has in no one place."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    changes = list(_hunks(old, new))
    placed: set[int] = set()
    done: dict[str, bytes] = {}
    for path, where in _homes(before, files).items():
        lines = files[path].splitlines(keepends=True)
        for number in range(len(changes) - 1, -1, -1):
            a, b, c, d = changes[number]
            there = [where[n] for n in range(a, b) if n in where]
            if a == b:
                at = where[a - 1] + 1 if a - 1 in where else where.get(a)
            else:
                at = there[0] if there else None
            if at is None or there != list(range(at, at + b - a)):
                continue  # in part or not at all in this file
            placed.add(number)
            lines[at : at + b - a] = [_rebased(line, path, main) for line in after[c:d]]
        done[path] = b"".join(lines)
    told = {n for n, (a, b, c, d) in enumerate(changes) if b"".join([*before[a:b], *after[c:d]]).strip()}
    return done, not told <= placed


def _lacking(pristine: bytes, text: bytes, files: Mapping[str, bytes]) -> int:
    """How many telling lines of a version the split carried to it lacks, those of the pristine file apart."""
    there = {line.strip(b" \t\\") for file in (pristine, *files.values()) for line in file.splitlines()}
    lines = (line.strip(b" \t\\") for line in text.splitlines())
    return sum(len(line) >= _TELLING and line not in there for line in lines)


def _homes(before: Sequence[bytes], files: Mapping[str, bytes]) -> dict[str, dict[int, int]]:
    """By file: which of its lines each line of the old file is (0-based). A line is in several files only
    where each has a long copy: a list of parameters that was written anew is not upstream's."""
    runs = {path: list(_runs(before, text)) for path, text in files.items()}
    longest: dict[int, int] = {}
    for found in runs.values():
        for start, _, size in found:
            for n in range(start, start + size):
                longest[n] = max(longest.get(n, 0), size)
    return {
        path: {
            n: there + n - start
            for start, there, size in found
            for n in range(start, start + size)
            if size >= min(_COPY, longest[n])
        }
        for path, found in runs.items()
    }


def _runs(before: Sequence[bytes], text: bytes) -> Iterator[tuple[int, int, int]]:
    """The lines of the old file that ``text`` has: first line, first line there, how many."""
    lines = text.splitlines(keepends=True)
    counted = Counter(before)
    at_old = at_new = 0
    ends = (len(before), len(before), len(lines), len(lines))
    for a, b, _, d in [*_hunks(b"".join(map(_plain, before)), b"".join(map(_plain, lines))), ends]:
        if any(counted[line] == 1 and len(line.strip()) >= _TELLING for line in before[at_old:a]):
            yield at_old, at_new, a - at_old
        at_old, at_new = b, d


def _rebased(line: bytes, home: str, main: str) -> bytes:
    """An include by dots as it reads from a deeper folder."""
    deeper = home.count("/") - main.count("/")
    if line.lstrip().startswith(b"#include") and b'"../' in line and deeper > 0:
        return line.replace(b'"../', b'"' + b"../" * deeper + b"../")
    return line


def _plain(line: bytes) -> bytes:
    """An include by its file's name alone: the split's folder lies deeper."""
    if line.lstrip().startswith(b"#include") and b"/" in line:
        return b"#include " + line.rsplit(b"/", 1)[1]
    return line


def _hunks(old: bytes, new: bytes) -> Iterator[tuple[int, int, int, int]]:
    """The changed line ranges of two texts (0-based, ends excluded)."""
    with tempfile.NamedTemporaryFile() as one, tempfile.NamedTemporaryFile() as other:
        for file, text in ((one, old), (other, new)):
            file.write(text)
            file.flush()
        words = ["git", "diff", "--no-index", "--histogram", "-U0", "--text", one.name, other.name]
        said = subprocess.run(words, capture_output=True).stdout
    for line in said.splitlines():
        if line.startswith(b"@@ -"):
            minus, plus = line.split(b" ")[1:3]
            a, n = _range(minus[1:])
            c, m = _range(plus[1:])
            yield a, a + n, c, c + m


def _range(said: bytes) -> tuple[int, int]:
    first, _, count = said.partition(b",")
    size = int(count) if count else 1
    return int(first) - (1 if size else 0), size


def _steps(git_dir: str, split: ByHand, *, loosely: bool) -> Iterator[tuple[str, Step | None]]:
    def git(*words: str) -> bytes:
        done = subprocess.run(["git", "-C", git_dir, *words], capture_output=True)
        return done.stdout if done.returncode == 0 else b""

    names = {
        split.path,
        split.path.replace("libtorch_stable/", ""),
        split.path.replace("libtorch_stable/mamba", "mamba/mamba_ssm"),
    }
    seen: set[str] = set()
    for path in sorted(names):
        for line in git("log", "--all", "--no-merges", "--format=%H %P", "--", path).decode().splitlines():
            commit, *parents = line.split()
            before = git("show", f"{parents[0]}:{path}") if len(parents) == 1 else b""
            after = git("show", f"{commit}:{path}")
            if not before or not after or before == after or commit in seen:
                continue
            seen.add(commit)
            first, _ = carried(split.path, split.pristine, before, split.files)
            lacking = _lacking(split.pristine, before, first) > _FAITHFUL
            second, rewritten = carried(split.path, before, after, first)
            whole = all(leaves_of(text)[1] for text in (*first.values(), *second.values()))
            step = Step(split.path, before, after, first, second, rewritten)
            yield commit, step if whole and (loosely or not lacking) else None


# -- one step --------------------------------------------------------------------------------------------


def _replay(repository: Repository, step: Step, name: str, counts: Mapping[str, Count], show: bool) -> str:
    base = commit_of(repository, {step.path: step.before}, ())
    ours = commit_of(repository, step.split_before, (base,))
    theirs = commit_of(repository, {step.path: step.after}, (base,))
    outcome = repository.merge_trees(ours, theirs)
    said = [_said(repository, counts["git"], step, name, outcome.tree, bool(outcome.conflicts), False)]
    merged = merge_trees(repository, (base,), ours, theirs, placed=False)
    said.append(_said(repository, counts["follow"], step, name, merged.tree, bool(merged.stages), show))
    return "  ".join(f"{word:>16}" for word in [*said, "rewritten there" if step.rewritten else ""])


def _said(
    repository: Repository, count: Count, step: Step, name: str, tree: str, conflict: bool, show: bool
) -> str:
    got = {path: repository.read_blob(entry.oid) for path, entry in repository.objects.walk(tree)}
    if conflict:
        sizes = [size for text in got.values() for size in sizes_of(text)]
        count.conflicts += 1
        count.lines += sum(sizes)
        count.largest = max([count.largest, *sizes])
        if show:
            _print_conflicts(got)
        return f"conflict {sum(sizes)}"
    wanted = {path: sorted(text.split()) for path, text in step.split_after.items()}
    if {path: sorted(text.split()) for path, text in got.items()} == wanted:
        count.clean += 1
        return "right"
    count.wrong.append(name)
    if show:
        _print_difference(step.split_after, got)
    return "other"


def _print_conflicts(files: Mapping[str, bytes]) -> None:
    for path, text in files.items():
        inside = False
        for number, line in enumerate(text.splitlines(), 1):
            inside |= line.startswith(b"<<<<<<< ")
            if inside:
                print(f"    {path}:{number} {line.decode(errors='replace')}")
            inside &= not line.startswith(b">>>>>>> ")


def _print_difference(wanted: Mapping[str, bytes], got: Mapping[str, bytes]) -> None:
    for path in sorted({*wanted, *got}):
        old, new = wanted.get(path, b""), got.get(path, b"")
        a, b = old.splitlines(), new.splitlines()
        for start, end, first, last in _hunks(old, new):
            print(f"    {path}:{start + 1}")
            print("\n".join(f"      wanted {line.decode(errors='replace')}" for line in a[start:end]))
            print("\n".join(f"      got    {line.decode(errors='replace')}" for line in b[first:last]))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
