"""Real moves: functions that upstream moved between files from one release to the next, edited in a fork.

The moves are found without mergeguard's own matching: by name, and by the lines of the body. The fork edits
one statement whose neighbours are the same before and after the move, so the right result is known: the next
release with that edit at the function's new place, and nothing else.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.releases.forks import Bench
from mergeguard.cpp.filenames import SOURCES
from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import Leaf, leaves_of
from mergeguard.data import shipped_rules
from mergeguard.errors import MergeguardError
from mergeguard.fork.workspace import REGULAR
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.treemerge.trees import merge_trees
from mergeguard.treemerge.virtual import Wholes
from tests.support import corpus

RIGHT, SPACE, NAMED, CONFLICT, WRONG, LOST = "right", "=space", "named", "conflict", "wrong", "lost"
VERDICTS = (RIGHT, SPACE, NAMED, CONFLICT, WRONG, LOST)
KINDS = ("insert", "change")
MONOLITHS = {path: name for name, paths in corpus.MONOLITHS.items() for path in paths}
_MARK = "fork_was_here"
_ALIKE = 0.6  # of the lines of the body, at the new place
_PER_PAIR = 2  # functions of one pair of files


@dataclass(frozen=True, slots=True)
class Move:
    """Function ``name``, in ``old`` at one release and in ``new`` at the next. ``edit`` has the line of the
    old file and of the new that the fork changes (0-based)."""

    versions: tuple[str, str]
    name: str
    old: str
    new: str
    lines: tuple[int, int]
    renamed: bool  # git takes the new file for the old one renamed
    copies: bool  # other files had the function too, and have it no more


@dataclass(frozen=True, slots=True)
class Result:
    """The verdicts on one move and kind of edit; ``split``: of a fork that keeps the old file split."""

    move: Move
    kind: str
    git: str
    own: str
    split: bool = False


@dataclass
class Releases:
    """The releases as commits of a scratch repository."""

    repository: Repository
    versions: Sequence[str]
    _parsed: dict[str, list[tuple[Leaf, int]]] = field(default_factory=dict)

    @classmethod
    def make(cls, folder: Path, versions: Sequence[str]) -> Releases:
        corpus.repository(list(versions), folder)
        return cls(Repository.discover(folder), versions)

    def tree(self, version: str) -> str:
        return self.repository.tree_of(f"v{version}")

    def functions(self, entry: Entry | None) -> list[tuple[Leaf, int]]:
        """The functions that a file defines, each with its first line (0-based)."""
        if entry is None:
            return []
        if entry.oid not in self._parsed:
            found, line = [], 0
            for leaf in leaves_of(self.repository.read_blob(entry.oid))[0]:
                if leaf.defines and leaf.kind in (Kind.FUNCTION, Kind.KERNEL):
                    found.append((leaf, line))
                line += leaf.text.count(b"\n")
            self._parsed[entry.oid] = found
        return self._parsed[entry.oid]

    def moves(self) -> Iterator[Move]:
        """Every move between successive releases, a few of each pair of files."""
        for old, new in zip(self.versions, self.versions[1:], strict=False):
            yield from self._between(old, new)

    def _between(self, old: str, new: str) -> Iterator[Move]:
        before, after = self.tree(old), self.tree(new)
        changed = {
            change.old: (change.before, change.after)
            for change in self.repository.diff_trees(before, after, renames=False)
            if change.old.endswith(SOURCES)
        }
        renames = {o: n for letter, o, n in self.repository.diff_names(before, after) if letter == "R"}
        origin = {new: old for old, new in renames.items()}
        came: dict[str, list[tuple[str, Leaf, int]]] = defaultdict(list)
        left: Counter[str] = Counter()
        for path, (was, now) in changed.items():
            if path in origin:
                was = self.repository.entry(before, origin[path])
            had = {leaf.short for leaf, _ in self.functions(was)}
            if path not in renames:
                left.update(had - {leaf.short for leaf, _ in self.functions(now)})
            for leaf, line in self.functions(now):
                if leaf.short not in had or path in origin:
                    came[leaf.short].append((path, leaf, line))
        count: Counter[tuple[str, str]] = Counter()
        for path, (was, now) in sorted(changed.items()):
            if was is None:
                continue
            has = {leaf.short for leaf, _ in self.functions(now)}
            names = Counter(leaf.short for leaf, _ in self.functions(was))
            for leaf, line in self.functions(was):
                places = [
                    place
                    for place in came.get(leaf.short, [])
                    if renames.get(path) == place[0] or not self._had(before, origin.get(place[0]), leaf)
                ]
                if leaf.short in has or names[leaf.short] > 1 or len(places) != 1:
                    continue
                home, target, at = places[0]
                if home == path or count[path, home] >= _PER_PAIR or _alike(leaf, target) < _ALIKE:
                    continue
                spot = _spot(leaf.text, target.text)
                if spot is None:
                    continue
                count[path, home] += 1
                lines = (line + spot[0], at + spot[1])
                renamed, copies = renames.get(path) == home, left[leaf.short] > 1
                yield Move((old, new), leaf.short, path, home, lines, renamed, copies)

    def _had(self, tree: str, path: str | None, leaf: Leaf) -> bool:
        """Whether a file had the function before."""
        entry = self.repository.entry(tree, path) if path else None
        return leaf.short in {x.short for x, _ in self.functions(entry)}


def _stripped(text: bytes) -> list[bytes]:
    return [line.strip() for line in text.splitlines()]


def _alike(one: Leaf, other: Leaf) -> float:
    a, b = (Counter(line for line in _stripped(leaf.text) if len(line) > 3) for leaf in (one, other))
    return 2 * (a & b).total() / max(1, a.total() + b.total())


def _spot(old: bytes, new: bytes) -> tuple[int, int] | None:
    """A statement in the middle that stands once in both, between the same two lines."""
    a, b = _stripped(old), _stripped(new)
    candidates = [
        i
        for i in range(2, len(a) - 2)
        if a[i].endswith(b";") and len(a[i]) > 8 and not a[i].startswith((b"//", b"*", b"#", b"return", b"}"))
    ]
    candidates.sort(key=lambda i: abs(i - len(a) // 2))
    for i in candidates:
        if a.count(a[i]) == b.count(a[i]) == 1:
            j = b.index(a[i])
            if 0 < j < len(b) - 1 and a[i - 1 : i + 2] == b[j - 1 : j + 2]:
                return i, j
    return None


def edited(text: bytes, line: int, kind: str) -> bytes:
    """The file with the fork's edit at a line: ``insert`` a statement after it, or ``change`` it."""
    lines = text.splitlines(keepends=True)
    body = lines[line].rstrip()
    end = lines[line][len(body) :]
    if kind == "change":
        lines[line] = body[:-1] + f" + {_MARK};".encode() + end
    else:
        indent = body[: len(body) - len(body.lstrip())]
        lines.insert(line + 1, indent + f"{_MARK}();".encode() + end)
    return b"".join(lines)


def run(move: Move, kind: str, releases: Releases, *, split: bool = False) -> Result:
    """Merge the next release into a fork of the first that has the edit, by git and by mergeguard.

    With ``split``, the fork keeps the old file split by the shipped rule, and git has the unsplit fork.
    """
    repository = releases.repository
    old, new = (releases.tree(version) for version in move.versions)
    before, after = repository.entry(old, move.old), repository.entry(new, move.new)
    assert before is not None and after is not None
    text = repository.read_blob(before.oid)
    mine = edited(text, move.lines[0], kind)
    right = edited(repository.read_blob(after.oid), move.lines[1], kind)
    write = repository.write_blob
    answer = repository.edit_tree(new, {move.new: Entry(after.mode, write(right))})
    fork = repository.edit_tree(old, {move.old: Entry(before.mode, write(mine))})
    base = repository.commit_object(old, (), "base\n")
    ours, theirs = (repository.commit_object(tree, (base,), "side\n") for tree in (fork, new))
    by_git = repository.merge_trees(ours, theirs)
    verdict = _verdict(releases, by_git.tree, answer, by_git.clean)
    if split:
        name = MONOLITHS[move.old]
        bench = Bench(repository, name, shipped_rules()[f"vllm/{name}.toml"])
        ours = bench.commit(bench.split_tree(old, move.old, mine, text), base)
    try:
        merged = merge_trees(repository, (base,), ours, theirs, placed=False)
    except MergeguardError:
        return Result(move, kind, verdict, CONFLICT, split)
    tree = Wholes(repository).of_tree(merged.tree).tree if merged.clean else merged.tree
    own = _verdict(releases, tree, answer, merged.clean)
    if own == CONFLICT and any(p.path == move.new for edit in merged.followed for p in edit.places):
        own = NAMED
    return Result(move, kind, verdict, own, split)


def _verdict(releases: Releases, tree: str, answer: str, clean: bool) -> str:
    repository = releases.repository
    if not clean:
        return CONFLICT
    differing = repository.diff_trees(answer, tree, renames=False)
    if not differing:
        return RIGHT
    texts = [
        tuple(b"".join(repository.read_blob(e.oid).split()) if e else b"" for e in (c.before, c.after))
        for c in differing
    ]
    if all(one == other for one, other in texts):
        return SPACE
    for _, entry in repository.objects.walk(tree):
        if entry.mode == REGULAR and _MARK.encode() in repository.read_blob(entry.oid):
            return WRONG
    return LOST


def table(results: Sequence[Result]) -> str:
    """Markdown: what became of the edits, git beside mergeguard."""
    lines = ["| moves | edits | tool | " + " | ".join(VERDICTS) + " |", "|-|-|-|" + "-|" * len(VERDICTS)]
    kinds: tuple[tuple[str, Callable[[Result], bool]], ...] = (
        ("to another file", lambda r: not (r.move.renamed or r.move.copies or r.split)),
        ("of several copies into one", lambda r: r.move.copies and not (r.move.renamed or r.split)),
        ("with the file, renamed to git", lambda r: r.move.renamed and not r.split),
        ("of what the fork keeps split", lambda r: r.split),
    )
    for title, wanted in kinds:
        rows = [r for r in results if wanted(r)]
        for tool, verdicts in (
            ("git merge-ort", [r.git for r in rows]),
            ("mergeguard", [r.own for r in rows]),
        ):
            counted = Counter(verdicts)
            cells = " | ".join(str(counted[v]) for v in VERDICTS)
            lines.append(f"| {title} | {len(rows)} | {tool} | {cells} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] = ()) -> int:
    """``[--renames-every N] [VERSION…]``: print the table.

    Moves along with a whole file that git takes for renamed are many and alike: every Nth (12) is run. The
    exit status is 1 if an edit went wrong or was lost, or if git was right alone.
    """
    words = list(arguments)
    every = int(words.pop(1)) if words[:1] == ["--renames-every"] else 12
    versions = [word for word in words if not word.startswith("--")] or corpus.all_versions()
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        releases = Releases.make(Path(folder) / "releases", versions)
        found = list(releases.moves())
        moves = [m for m in found if not m.renamed] + [m for m in found if m.renamed][::every]
        for move in moves:
            results += [run(move, kind, releases) for kind in KINDS]
        for move in (m for m in found if m.old in MONOLITHS):
            results += [run(move, kind, releases, split=True) for kind in KINDS]
    print(table(results))
    for r in results:
        if r.own not in (RIGHT, SPACE):
            print(
                f"{'..'.join(r.move.versions)} {r.kind}: git {r.git}, mergeguard {r.own}:"
                f" {r.move.name} of {r.move.old}, now in {r.move.new}"
            )
    bad = (r.own in (WRONG, LOST) or (r.git == RIGHT and r.own not in (RIGHT, SPACE)) for r in results)
    return int(any(bad))
