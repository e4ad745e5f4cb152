"""blame: who wrote the lines of a layout file, upstream's commits included.

The history of the monolith is put together again as virtual commits: what ``unsplit`` gives of every
commit that has the layout, on top of upstream's real commits. git blames that, the lines are carried to
the layout file through the map, and virtual commits are named by the commits they stand for. Glue is
blamed where it is: in the layout file itself.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from mergeguard.core.annotate import ZERO, Annotated, Style, annotate, parse_line_porcelain, quoted
from mergeguard.core.diff import matches
from mergeguard.core.layout import LayoutFile
from mergeguard.core.unsplit import Unsplit
from mergeguard.errors import MergeguardError
from mergeguard.fork import Fork
from mergeguard.git.objects import Entry, Identity
from mergeguard.git.process import encode
from mergeguard.git.repository import EMPTY_TREE, Repository
from mergeguard.workspace import REGULAR, Guarded, Splitting, Workspace

_STATE = ".mergeguard"
# More ranges than this are not worth naming to git.
_MAX_RANGES = 40


@dataclass(frozen=True, slots=True)
class Request:
    """What to blame: a file, a commit (None for the work tree), git's ``-L`` ranges.

    ``options`` are options of git's that change who is blamed (``-w``, ``-M``, ``-C``, ``--first-parent``),
    ``ignored`` commits that are passed over.
    """

    path: str
    revision: str | None = None
    ranges: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def blame(fork: Fork, request: Request) -> tuple[Annotated, ...]:
    """The lines of a file with their origins; for a file that is not of a layout as git has it.

    While a layout can't be read (conflicts are not resolved yet, say), the answer is git's own, too.
    Errors: GitError as git words it.
    """
    repository = fork.repository
    ignored = tuple(f"--ignore-rev={repository.resolve(oid)}" for oid in request.ignored)
    # git resolves -L (numbers, /regex/, :function) on the file itself, and blames what is glue.
    own = _git_blame(repository, request.revision, request.path, request.ranges, request.options, ignored)
    if not own:
        return own
    try:
        if request.revision is None:
            workspace = fork.work_tree()
            tip = fork.head()
        else:
            tip = repository.resolve(request.revision)
            workspace = Workspace.load(repository, repository.tree_of(tip))
        guarded = _rule_of(workspace, request.path)
    except MergeguardError:
        return own
    if guarded is None:
        return own
    history = _History(repository, guarded, tip, workspace.splitting)
    blamed = history.with_work_tree(workspace) if request.revision is None else history.tip
    lines = _lines_of(workspace, guarded, request.path)
    wanted = sorted({lines[a.line] for a in own if a.line in lines})
    if not wanted:
        return own
    ignored = tuple(f"--ignore-rev={history.virtual_of(repository.resolve(o))}" for o in request.ignored)
    path = workspace.unsplit(guarded).layout.path
    whole = {
        a.line: a for a in _git_blame(repository, blamed, path, _ranges(wanted), request.options, ignored)
    }
    return tuple(
        history.renamed(whole[lines[a.line]], a, request.path) if lines.get(a.line) in whole else a
        for a in own
    )


def _git_blame(
    repository: Repository,
    revision: str | None,
    path: str,
    ranges: Iterable[str],
    options: Sequence[str],
    ignored: Sequence[str],
) -> tuple[Annotated, ...]:
    arguments = [f"-L{given}" for given in ranges]
    at = [revision] if revision is not None else []
    raw = repository.git("blame", "--line-porcelain", *arguments, *options, *ignored, *at, "--", path).out
    return parse_line_porcelain(raw)


def _ranges(lines: Sequence[int]) -> tuple[str, ...]:
    """``-L`` arguments for sorted line numbers; none where they would be too many."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return tuple(f"{a},{b}" for a, b in runs) if len(runs) <= _MAX_RANGES else ()


def _rule_of(workspace: Workspace, path: str) -> Guarded | None:
    for guarded in workspace.split_rules:
        assert guarded.lock is not None
        monolith = guarded.lock.monolith
        near = path == monolith or path.startswith(workspace.rule_of_lock(guarded).folder(monolith) + "/")
        if near and path in workspace.unsplit(guarded).layout.by_path:
            return guarded
    return None


# -- lines -------------------------------------------------------------------------------------------


def _lines_of(workspace: Workspace, guarded: Guarded, path: str) -> dict[int, int]:
    """1-based lines of a layout file to lines of the monolith; glue lines are left out."""
    unsplit = workspace.unsplit(guarded)
    file = unsplit.layout.by_path[path]
    derived = _monolith_lines(unsplit, file)
    now = (workspace.read(path) or b"").split(b"\n")
    found: dict[int, int] = {}
    for run in matches(now, file.text.split(b"\n")):
        for step in range(run.size):
            there = derived.get(run.b + step + 1)
            if there is not None:
                found[run.a + step + 1] = there
    return found


def _monolith_lines(unsplit: Unsplit, file: LayoutFile) -> dict[int, int]:
    """1-based lines of a derived layout file to the monolith's lines, by the first byte that has one."""
    found: dict[int, int] = {}
    monolith = unsplit.monolith
    line_at = 1
    starts = [0, *(i + 1 for i, byte in enumerate(monolith) if byte == 10)]
    for piece in file.pieces:
        if piece.source is None:
            line_at += piece.text.count(b"\n")
            continue
        first = bisect_right(starts, piece.source)
        count = piece.text.count(b"\n")
        whole = count + (0 if piece.text.endswith(b"\n") else 1)
        for step in range(whole):
            # The rest of a line that another piece began belongs to that piece's line.
            found.setdefault(line_at + step, first + step)
        line_at += count
    return found


# -- history -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _State:
    """A rule's layout in one commit: the monolith's path and blob, and the layout files' paths."""

    path: str
    blob: str
    paths: tuple[str, ...]
    workspace: Workspace
    guarded: Guarded


class _History:
    """The virtual history of one monolith up to ``commit``."""

    def __init__(self, repository: Repository, guarded: Guarded, commit: str, splitting: Splitting) -> None:
        self.repository = repository
        self.name, self.lock_path = guarded.name, guarded.lock_path
        self.splitting = splitting
        self.virtual: dict[str, str] = {}
        self.real: dict[str, str] = {}
        self.states: dict[str, _State | None] = {}
        self._layout_paths: dict[str, tuple[str, ...]] = {}
        self._known: dict[tuple[str, ...], _State | None] = {}
        self._places: dict[int, dict[int, tuple[str, int]]] = {}
        self.head = commit
        self._build(commit)
        self.tip = self.virtual_of(commit)

    def virtual_of(self, commit: str) -> str:
        """The virtual commit for a real one; itself where history needs no change."""
        return self.virtual.get(commit, commit)

    def _build(self, commit: str) -> None:
        """Rewrite every commit that has the layout, and what descends from one."""
        repository = self.repository
        log = repository.git(
            "log", "--format=%H", "-m", "--full-history", "--diff-filter=A", commit, "--", self.lock_path
        )
        adders = set(log.text.split())
        listed = repository.git("rev-list", "--topo-order", "--reverse", "--parents", commit, "--").text
        for line in listed.splitlines():
            oid, *parents = line.split(" ")
            if oid in adders or any(parent in self.virtual for parent in parents):
                self._rewrite(oid, parents)

    def _rewrite(self, oid: str, parents: list[str]) -> None:
        repository = self.repository
        info = repository.commit_info(oid)
        state = self._state(info.tree)
        tree = info.tree
        if (
            state is None
            and any(self.states.get(p) for p in parents)
            and repository.entry(tree, self.lock_path)
        ):
            # A layout that can't be read (markers committed, say): as if the commit had not touched it.
            state = next(s for p in parents if (s := self.states.get(p)))
        if state is not None:
            edits: dict[str, Entry | None] = dict.fromkeys(state.paths)
            tree = repository.edit_tree(tree, {**edits, state.path: Entry(REGULAR, state.blob)})
        made = repository.commit_object(
            tree,
            [self.virtual_of(parent) for parent in parents],
            info.message,
            info.author,
            info.committer,
            encoding=info.encoding,
            # Two commits may be alike in everything else.
            extra=(("mergeguard-commit", oid.encode()),),
        )
        self.states[oid] = state
        self.virtual[oid], self.real[made] = made, oid

    def _state(self, tree: str) -> _State | None:
        """The rule's layout in a tree; None where it is not split, or can't be read back."""
        repository = self.repository
        lock = repository.entry(tree, self.lock_path)
        rules = repository.entry(tree, _STATE)
        if lock is None or rules is None:
            return None
        paths = self._layout_paths.get(rules.oid)
        if paths is not None:
            key = self._key(tree, rules.oid, paths)
            if key in self._known:
                return self._known[key]
        try:
            workspace = Workspace.load(repository, tree, self.splitting)
            guarded = workspace.rule(self.name)
            unsplit = workspace.unsplit(guarded)
            paths = tuple(
                dict.fromkeys(
                    f.path for layout in (workspace.pristine(guarded), unsplit.layout) for f in layout.files
                )
            )
            blob = repository.write_blob(unsplit.monolith)
            state = _State(unsplit.layout.path, blob, paths, workspace, guarded)
        except MergeguardError:
            return None
        self._layout_paths[rules.oid] = paths
        self._known[self._key(tree, rules.oid, paths)] = state
        return state

    def _key(self, tree: str, rules: str, paths: Sequence[str]) -> tuple[str, ...]:
        entries = [self.repository.entry(tree, path) for path in paths]
        return (rules, *(entry.oid if entry is not None else "" for entry in entries))

    def with_work_tree(self, workspace: Workspace) -> str:
        """A virtual commit for what is not committed yet, on top of the tip."""
        repository = self.repository
        if workspace.tree == repository.tree_of(self.head):
            return self.tip
        state = self._state(workspace.tree)
        if state is None:
            return self.tip
        edits: dict[str, Entry | None] = dict.fromkeys(state.paths)
        tree = repository.edit_tree(workspace.tree, {**edits, state.path: Entry(REGULAR, state.blob)})
        nobody = Identity(b"Not Committed Yet <not.committed.yet> %d +0000" % time.time())
        made = repository.commit_object(tree, (self.tip,), b"work tree\n", nobody, nobody)
        self.real[made] = ZERO
        self.states[ZERO] = state
        return made

    # -- names ---------------------------------------------------------------------------------------

    def renamed(self, there: Annotated, here: Annotated, path: str) -> Annotated:
        """The origin of a monolith's line as the origin of the layout file's line ``here``."""
        moved = replace(there, line=here.line, text=here.text)
        real = self.real.get(there.oid)
        if there.previous is not None and there.previous[0] in self.real:
            moved = replace(moved, previous=(self.real[there.previous[0]], there.previous[1]))
        if real is None:
            return moved
        if real == ZERO:
            return self._uncommitted(moved, here, path)
        moved = replace(moved, oid=real)
        state = self.states.get(real)
        if state is None:
            return moved
        place = self._in_layout(state, there.origin_line)
        if place is None:
            return moved
        file, line = place
        if moved.previous is not None:
            parent = self.repository.commit_info(moved.previous[0]).tree
            if self.repository.entry(parent, file) is not None:
                moved = replace(moved, previous=(moved.previous[0], encode(file)))
        return replace(moved, path=encode(file), origin_line=line)

    def _uncommitted(self, moved: Annotated, here: Annotated, path: str) -> Annotated:
        raw = encode(path)
        name = quoted(raw)
        facts = tuple(
            b"summary Version of %s from %s" % (name, name) if fact.startswith(b"summary ") else fact
            for fact in moved.facts
        )
        return replace(
            moved, oid=ZERO, origin_line=here.line, path=raw, facts=facts, previous=(self.head, raw)
        )

    def _in_layout(self, state: _State, line: int) -> tuple[str, int] | None:
        """The layout file and 1-based line that a commit has for a line of its monolith."""
        key = id(state)
        if key not in self._places:
            found: dict[int, tuple[str, int]] = {}
            for file in state.workspace.unsplit(state.guarded).layout.files:
                for own, there in _lines_of(state.workspace, state.guarded, file.path).items():
                    found.setdefault(there, (file.path, own))
            self._places[key] = found
        return self._places[key].get(line)


# -- for people ----------------------------------------------------------------------------------------

# What git pads dates to, in columns.
_DATE_WIDTHS = {
    "rfc": 31,
    "rfc2822": 31,
    "iso8601-strict": 25,
    "iso-strict": 25,
    "iso8601": 25,
    "iso": 25,
    "raw": 16,
    "unix": 10,
    "short": 10,
    "relative": 22,
    "human": 19,
    "default": 30,
}


def shown(
    fork: Fork, lines: Sequence[Annotated], path: str, style: Style, *, date: str | None, abbrev: int | None
) -> bytes:
    """The lines as ``git blame`` prints them; ``date`` and ``abbrev`` as for git's options."""
    repository = fork.repository
    date = date or repository.config("blame.date") or "iso"
    oids = list(dict.fromkeys(line.oid for line in lines))
    named = [oid for oid in oids if oid != ZERO]
    dates: dict[str, str] = {}
    short = len(repository.git("rev-parse", "--short", "HEAD").text)
    if named:
        raw = repository.git(
            "log", "--no-walk=unsorted", "--stdin", f"--date={date}", "--format=%H%x00%h%x00%ad",
            stdin="\n".join(named).encode() + b"\n",
        ).text  # fmt: skip
        for line in raw.splitlines():
            oid, name, when = line.split("\0")
            dates[oid] = when
            short = max(short, len(name))
    uncommitted = next((line for line in lines if line.oid == ZERO), None)
    if uncommitted is not None:
        # git formats a date only for an object.
        now = b" ".join(uncommitted.fact(name) for name in (b"author-time", b"author-tz"))
        somebody = Identity(b"Not Committed Yet <not.committed.yet> " + now)
        oid = repository.commit_object(EMPTY_TREE, (), "date\n", somebody, somebody)
        dates[ZERO] = repository.git("log", "-1", f"--date={date}", "--format=%ad", oid).text
    width = _DATE_WIDTHS.get(date) or max(len(when) for when in dates.values())
    return annotate(
        lines,
        style,
        blamed=encode(path),
        abbreviated=abbrev if abbrev is not None else short,
        dates=dates,
        date_width=width,
    )
