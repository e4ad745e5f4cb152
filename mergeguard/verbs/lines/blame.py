"""blame: who wrote the lines of a layout file, upstream's commits included.

The history of the monolith is put together again as virtual commits: what ``unsplit`` gives of every
commit that has the layout, on top of upstream's real commits. git blames that, the lines are carried to
the layout file through the map, and virtual commits are named by the commits they stand for. Glue is
blamed where it is: in the layout file itself.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path

from mergeguard.cpp.diff import matches
from mergeguard.errors import GitError, MergeguardError
from mergeguard.fork.fork import Fork
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import REGULAR, Guarded, Workspace
from mergeguard.git.objects import Entry, Identity
from mergeguard.git.process import encode, pass_through
from mergeguard.git.repository import Repository
from mergeguard.gitquote import quoted
from mergeguard.lens.hunks import Unsplit
from mergeguard.lens.layout import LayoutFile
from mergeguard.values import dataclass, replace
from mergeguard.verbs.lines.annotate import Annotated, Style, annotate, parse_porcelain

_STATE = ".mergeguard"
# More ranges than this are not worth naming to git.
_MAX_RANGES = 40


class BlameFailed(GitError):
    """git refused; ``code`` is its exit status, the message what it said on standard error."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said)
        self.code = code


def by_git(arguments: Sequence[str], folder: Path, contents: bytes | None = None) -> int:
    """``git blame`` itself, on the user's terminal: its exit status. ``contents`` is its standard input."""
    return pass_through(["blame", *arguments], cwd=folder, stdin=contents)


@dataclass(frozen=True, slots=True)
class Request:
    """What to blame: a file (from the root), the revisions as git takes them (none: the work tree).

    ``ranges`` are git's ``-L``; ``options`` other options of git's that change who is blamed (``-w``, ``-M``,
    ``-C``, ``--since=…``). ``ignored`` are commits that are passed over, ``ignore_files`` files that list
    such (an empty name forgets those before it, and those of the configuration). ``contents`` is text to
    blame in place of the file's.
    """

    path: str
    revisions: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    ignore_files: tuple[str, ...] = ()
    contents: bytes | None = None


@dataclass(frozen=True)
class LocatedLine:
    """A layout file to blame: its tree and rule, the commit below the tree, and commits that are excluded."""

    workspace: Workspace
    guarded: Guarded
    tip: str
    excluded: tuple[str, ...]


def blame(fork: Fork, request: Request) -> tuple[Annotated, ...]:
    """The lines of a file with their origins; for a file that is not of a layout as git has it.

    While a layout can't be read (conflicts are not resolved yet, say), the answer is git's own, too.
    Errors: BlameFailed with git's own words and exit status.
    """
    found = locate(fork, request)
    return _git_blame(fork.repository, request) if found is None else origins(fork, request, found)


def origins(fork: Fork, request: Request, found: LocatedLine) -> tuple[Annotated, ...]:
    """The lines of a layout file with their origins. Errors: BlameFailed."""
    repository, workspace, guarded = fork.repository, found.workspace, found.guarded
    # git resolves -L (numbers, /regex/, :function) on the file itself, and blames what is glue.
    own = _git_blame(repository, request)
    tip, excluded = found.tip, found.excluded
    history = _History(repository, guarded, tip, workspace.splitting)
    in_work_tree = workspace.tree != repository.tree_of(tip)
    uncommitted = next((a for a in own if a.oid == history.zero), None)
    blamed = history.with_work_tree(workspace, uncommitted) if in_work_tree else history.tip
    lines = _lines_of(workspace, guarded, request.path)
    wanted = sorted({lines[a.line] for a in own if a.line in lines})
    if not wanted:
        return own
    there = Request(
        workspace.unsplit(guarded).layout.path,
        (blamed, *(f"^{history.virtual_of(oid)}" for oid in excluded)),
        _ranges(wanted),
        request.options,
        (
            *(history.virtual_of(repository.resolve(oid)) for oid in request.ignored),
            *history.rewritten(_listed(repository, request.ignore_files)),
        ),
        request.ignore_files,
    )
    whole = {a.line: a for a in _git_blame(repository, there)}
    return tuple(
        history.renamed(whole[lines[a.line]], a, request.path) if lines.get(a.line) in whole else a
        for a in own
    )


def locate(fork: Fork, request: Request) -> LocatedLine | None:
    """The layout file that a request names; None for any other file, or where the layout can't be read."""
    repository = fork.repository
    try:
        tip, excluded = _revisions(repository, request.revisions)
        if tip is None:
            workspace = fork.work_tree()
            tip = fork.head()
        else:
            workspace = Workspace.load(repository, repository.tree_of(tip))
        if request.contents is not None:
            text = request.contents
            oid = repository.git("hash-object", "-w", "--stdin", f"--path={request.path}", stdin=text).text
            entry = repository.entry(workspace.tree, request.path)
            edits = {request.path: Entry(entry.mode if entry is not None else REGULAR, oid)}
            tree = repository.edit_tree(workspace.tree, edits)
            workspace = Workspace.load(repository, tree, workspace.splitting)
        guarded = _rule_of(workspace, request.path)
    except MergeguardError:
        return None
    return None if guarded is None else LocatedLine(workspace, guarded, tip, excluded)


def _revisions(repository: Repository, given: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The commit to blame (None: the work tree) and those whose history does not count."""
    if not given:
        return None, ()
    named = repository.git("rev-parse", "--revs-only", *given).text.split()
    tips = [repository.resolve(name) for name in named if not name.startswith("^")]
    excluded = tuple(repository.resolve(name[1:]) for name in named if name.startswith("^"))
    return (tips[0] if tips else None), excluded


def _git_blame(repository: Repository, request: Request) -> tuple[Annotated, ...]:
    arguments = [f"-L{given}" for given in request.ranges]
    arguments += [f"--ignore-rev={name}" for name in request.ignored]
    arguments += [f"--ignore-revs-file={name}" for name in request.ignore_files]
    if request.contents is not None:
        arguments.append("--contents=-")
    done = repository.git(
        "blame", "--porcelain", *arguments, *request.options, *request.revisions, "--", request.path,
        stdin=request.contents, ok=range(256),
    )  # fmt: skip
    if done.code:
        raise BlameFailed(done.code, done.err)
    return parse_porcelain(done.out)


def _listed(repository: Repository, files: Sequence[str]) -> list[str]:
    """The object names in the files of ``blame.ignoreRevsFile`` and of the options, as git reads them."""
    key = "blame.ignoreRevsFile"
    configured: list[str] = []
    if repository.config_all(key):
        configured = repository.git("config", "--type=path", "--get-all", key, ok=(0, 1)).text.splitlines()
    found: list[str] = []
    for name in (*configured, *files):
        if not name:
            found = []
            continue
        # git reads them where it runs: at the root.
        text = (repository.work_tree / name).read_bytes()
        lines = (line.partition(b"#")[0].strip() for line in text.splitlines())
        found += [line.decode("ascii", "replace").lower() for line in lines if line]
    return found


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
        if _is_near(workspace, guarded, path) and path in workspace.unsplit(guarded).layout.by_path:
            return guarded
    return None


def _is_near(workspace: Workspace, guarded: Guarded, path: str) -> bool:
    """Whether the path may be one of the rule's layout, told without deriving that."""
    known = workspace.outline(guarded)
    if known is not None:
        return path in known.entries
    assert guarded.lock is not None
    monolith = guarded.lock.monolith
    return path == monolith or path.startswith(workspace.rule_of_lock(guarded).folder(monolith) + "/")


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
    starts = [0, *(ending.end() for ending in re.finditer(b"\n", monolith))]
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
class _BlameState:
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
        self.zero = repository.object_format.zero  # what git calls a commit that is not made yet
        self.name, self.lock_path = guarded.name, guarded.lock_path
        self.splitting = splitting
        self.virtual: dict[str, str] = {}
        self.real: dict[str, str] = {}
        self.states: dict[str, _BlameState | None] = {}
        self._layout_paths: dict[str, tuple[str, ...]] = {}
        self._known: dict[tuple[str, ...], _BlameState | None] = {}
        self._places: dict[int, dict[int, tuple[str, int]]] = {}
        self.head = commit
        # What git says of lines that are not committed; b"" where it has none in the file itself.
        self.summary = b""
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
        # Where one commit brought the layout, what came before it is as it is.
        before = [f"^{p}" for oid in adders for p in repository.commit_info(oid).parents]
        bound = before if len(adders) == 1 else []
        listed = repository.git(
            "rev-list", "--topo-order", "--reverse", "--parents", commit, *bound, "--"
        ).text
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

    def _state(self, tree: str) -> _BlameState | None:
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
                    f.path for layout in (workspace.over(guarded), unsplit.layout) for f in layout.files
                )
            )
            blob = repository.write_blob(unsplit.monolith)
            state = _BlameState(unsplit.layout.path, blob, paths, workspace, guarded)
        except MergeguardError:
            return None
        self._layout_paths[rules.oid] = paths
        self._known[self._key(tree, rules.oid, paths)] = state
        return state

    def _key(self, tree: str, rules: str, paths: Sequence[str]) -> tuple[str, ...]:
        entries = [self.repository.entry(tree, path) for path in paths]
        return (rules, *(entry.oid if entry is not None else "" for entry in entries))

    def rewritten(self, oids: Iterable[str]) -> list[str]:
        """The virtual commits among what stands for these."""
        return [self.virtual[oid] for oid in oids if oid in self.virtual]

    def with_work_tree(self, workspace: Workspace, uncommitted: Annotated | None) -> str:
        """A virtual commit for what is not committed yet, on top of the tip.

        ``uncommitted`` is a line that git itself calls so: its author is that of all such lines.
        """
        repository = self.repository
        state = self._state(workspace.tree)
        if state is None:
            return self.tip
        edits: dict[str, Entry | None] = dict.fromkeys(state.paths)
        tree = repository.edit_tree(workspace.tree, {**edits, state.path: Entry(REGULAR, state.blob)})
        nobody = Identity(b"Not Committed Yet <not.committed.yet> %d +0000" % time.time())
        if uncommitted is not None:
            facts = (
                uncommitted.fact(name) for name in (b"author", b"author-mail", b"author-time", b"author-tz")
            )
            nobody = Identity(b" ".join(facts))
            self.summary = uncommitted.fact(b"summary")
        made = repository.commit_object(tree, (self.tip,), b"work tree\n", nobody, nobody)
        self.real[made] = self.zero
        self.states[self.zero] = state
        return made

    # -- names ---------------------------------------------------------------------------------------

    def renamed(self, there: Annotated, here: Annotated, path: str) -> Annotated:
        """The origin of a monolith's line as the origin of the layout file's line ``here``."""
        moved = there.at(here.line, here.text)
        real = self.real.get(there.oid)
        if there.previous is not None and there.previous[0] in self.real:
            moved = replace(moved, previous=(self.real[there.previous[0]], there.previous[1]))
        if real is None:
            return moved
        if real == self.zero:
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
            b"summary " + (self.summary or b"Version of %s from %s" % (name, name))
            if fact.startswith(b"summary ")
            else fact
            for fact in moved.facts
        )
        return replace(
            moved, oid=self.zero, origin_line=here.line, path=raw, facts=facts, previous=(self.head, raw)
        )

    def _in_layout(self, state: _BlameState, line: int) -> tuple[str, int] | None:
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
    zero, head = repository.object_format.zero, fork.head()
    named = {line.oid for line in lines} - {zero}
    dates: dict[str, str] = {}
    short = 0  # git shortens a name no further than it does HEAD's
    raw = repository.git(
        "log", "--no-walk=unsorted", "--stdin", f"--date={date}", "--format=%H%x00%h%x00%ad",
        stdin="\n".join([*sorted(named), head]).encode() + b"\n",
    ).text  # fmt: skip
    for line in raw.splitlines():
        oid, name, when = line.split("\0")
        short = max(short, len(name))
        if oid in named:
            dates[oid] = when
    uncommitted = next((line for line in lines if line.oid == zero), None)
    if uncommitted is not None:
        # git formats a date only for an object.
        now = b" ".join(uncommitted.fact(name) for name in (b"author-time", b"author-tz"))
        somebody = Identity(b"Not Committed Yet <not.committed.yet> " + now)
        oid = repository.commit_object(repository.empty_tree, (), "date\n", somebody, somebody)
        dates[zero] = repository.git("log", "-1", f"--date={date}", "--format=%ad", oid).text
    width = _DATE_WIDTHS.get(date) or max(len(when) for when in dates.values())
    return annotate(
        lines,
        style,
        blamed=encode(path),
        abbreviated=abbrev if abbrev is not None else short,
        dates=dates,
        date_width=width,
    )
