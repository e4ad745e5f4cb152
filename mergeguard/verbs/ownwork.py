"""ledger: the fork's own work by feature, and what the last merge with upstream made of each piece of it.

History is the witness: the merge commit, its two parents and their base say everything, so nothing is
recorded but what people decide: features, pins, and losses that were meant, in ``.mergeguard/ledger.toml``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from mergeguard import store
from mergeguard.audit.ownwork import Work, WorkFate, WorkOutcome, outcomes, works
from mergeguard.errors import LayoutError, Location, RuleError
from mergeguard.findings import Finding, Reporter
from mergeguard.fork import treelens
from mergeguard.fork.fork import LEDGER, Fork
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import REGULAR, Workspace
from mergeguard.git.objects import Entry, TreeChange
from mergeguard.git.repository import Repository
from mergeguard.tables import table
from mergeguard.treemerge import resolution
from mergeguard.values import dataclass
from mergeguard.verbs.lines.where import in_layout

PATH = LEDGER
#: Larger files are data, not somebody's work by declarations.
_MOST_BYTES = 2_000_000
_OWN = ".mergeguard/"

Progress = Callable[[str], None]


@table
class Feature:
    """A named part of the fork's work: what stands in these paths, or has these names."""

    name: str
    paths: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@table
class Pin:
    """A text that must never go: a regular expression, the files it is looked for in, how often it must be
    there."""

    text: str
    paths: tuple[str, ...] = ("*",)
    count: int | None = None
    why: str = ""


@table
class Accepted:
    """A loss that was meant: the id of the work, and why."""

    id: str
    why: str


@table
class Notebook:
    """What people decided: ``.mergeguard/ledger.toml``."""

    feature: tuple[Feature, ...] = ()
    pin: tuple[Pin, ...] = ()
    accepted: tuple[Accepted, ...] = ()

    def feature_of(self, work: Work) -> str:
        """The first feature that has the work; "" if none has."""
        for feature in self.feature:
            if any(fnmatchcase(work.path, glob) for glob in feature.paths):
                return feature.name
            if work.name and any(fnmatchcase(work.name, glob) for glob in feature.names):
                return feature.name
        return ""

    def reason(self, work: Work) -> str | None:
        """Why the loss of the work is accepted; None where it is not."""
        return next((accepted.why for accepted in self.accepted if accepted.id == work.id), None)


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One line of the ledger: a piece of work, what became of it, its feature, and why a loss is accepted."""

    outcome: WorkOutcome
    feature: str
    accepted: str | None

    @property
    def open(self) -> bool:
        """Whether it is a loss that nobody accepted."""
        return self.outcome.fate.is_loss and self.accepted is None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger. ``merge`` is the merge that it tells of, None where none was made: then all work
    survives."""

    merge: str | None
    upstream: str
    lines: tuple[LedgerLine, ...]
    broken_pins: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing is lost but what was meant."""
        return not self.broken_pins and not any(line.open for line in self.lines)


def read(workspace: Workspace) -> Notebook:
    """The tree's ledger file. Raises RuleError where it can't be read."""
    text = workspace.read(PATH)
    if text is None:
        return Notebook()
    try:
        notebook = store.convert(store.read_toml(text), Notebook)
        for pin in notebook.pin:
            re.compile(pin.text)
    except store.Unreadable as error:
        raise RuleError(error.message, where=Location(PATH, error.line), hint=f"correct {PATH}") from None
    except re.error as error:
        raise RuleError(f"a pin is no regular expression: {error}", where=Location(PATH)) from None
    return notebook


def ledger(
    fork: Fork,
    revision: str | None = None,
    upstream: str | None = None,
    progress: Progress = lambda _: None,
    *,
    workspace: Workspace | None = None,
) -> Ledger:
    """The fork's own work, and what the merge ``revision`` (the last with upstream if None) made of it.

    What people decided is read from ``workspace`` (the work tree if None).

    Raises LayoutError where no upstream is known and no merge is named, or where the revision is no merge.
    """
    repository = fork.repository
    workspace = fork.work_tree() if workspace is None else workspace
    notebook = read(workspace)
    ref = fork.upstream(upstream)
    merge = _merge(repository, revision, ref)
    if merge is None:
        if ref is None:
            raise LayoutError("no upstream is known", hint="`git config mergeguard.upstream REF` once")
        bases = repository.merge_bases(fork.head(), repository.resolve(ref))
        reader = _WorkFileReader(repository, bases[0], fork.head(), bases[0], fork.head())
    else:
        ours, theirs = repository.commit_info(merge).parents[:2]
        base = repository.merge_bases(ours, theirs)[0]
        reader = _WorkFileReader(repository, base, ours, theirs, resolution.settled(repository, merge))
    progress("reading")
    found = reader.outcomes(everything=True)
    lines = tuple(LedgerLine(one, notebook.feature_of(one.work), notebook.reason(one.work)) for one in found)
    pins = tuple(_broken_pins(workspace, notebook))
    return Ledger(merge, ref or "", lines, pins)


def findings(workspace: Workspace, head: str, upstream: str | None) -> Iterator[Finding]:
    """What ``check``, ``sync`` and the hooks say: pins that do not hold, and work that the last merge lost;
    nothing without a ledger file."""
    if workspace.read(PATH) is None:
        return
    notebook = read(workspace)
    yield from _broken_pins(workspace, notebook)
    repository = workspace.repository
    merge = _merge(repository, None, upstream, head)
    if merge is None:
        return
    ours, theirs = repository.commit_info(merge).parents[:2]
    base = repository.merge_bases(ours, theirs)[0]
    now = resolution.settled(repository, merge, head)
    for one in _WorkFileReader(repository, base, ours, theirs, now).outcomes(everything=False):
        if one.fate.is_loss and notebook.reason(one.work) is None:
            before = Workspace.load(repository, repository.tree_of(ours), workspace.splitting)
            yield _lost(merge, one, workspace, before)


def _place(workspace: Workspace, path: str, line: int) -> tuple[str, int]:
    """Where a line of upstream's layout stands in the tree: of a split file, in which file of its layout."""
    try:
        place = in_layout(workspace, path, line) if line else None
    except LayoutError:  # the file has been cut short since
        return path, 0
    return (path, line) if place is None else (place.path, place.line or 0)


def _lost(merge: str, one: WorkOutcome, workspace: Workspace, before: Workspace) -> Finding:
    work = one.work
    typed_in, _ = _place(before, work.path, work.line)
    path, line = _place(workspace, one.path or work.path, one.line)
    what = f"{work.kind} {work.name}" if work.name else "the file"
    message = f"{what}, {work.change} by the fork, was {one.fate} in the merge {merge[:9]}"
    if one.fate is WorkFate.BACK:
        message = f"{what}, removed by the fork, is back since the merge {merge[:9]}"
    meant = f"`mergeguard ledger --accept {work.id} --why TEXT`"
    there = f"`git show {shlex.quote(f'{merge[:9]}^1:{typed_in}')}`"
    hint = f"bring it back ({there} has it), or say that it was meant: {meant}"
    return Reporter("").error("ledger", message, path, line or None, work.name, hint)


def accept(fork: Fork, identity: str, why: str) -> str:
    """The index with a loss accepted in the ledger file; nothing is staged. Raises LayoutError for an unknown
    id."""
    import tomlkit  # here, as every sync asks this module what became of the fork's work

    known = {line.outcome.work.id for line in ledger(fork).lines if line.outcome.fate.is_loss}
    if identity not in known:
        raise LayoutError(f"no loss has the id {identity}", hint="`mergeguard ledger` lists them")
    workspace = fork.staged()
    document = tomlkit.parse((workspace.read(PATH) or b"").decode("utf-8-sig"))
    entries = document.setdefault("accepted", tomlkit.aot())
    entry = tomlkit.table()
    entry.update({"id": identity, "why": why})
    entries.append(entry)
    blob = fork.repository.write_blob(document.as_string().encode())
    return fork.repository.edit_tree(workspace.tree, {PATH: Entry(REGULAR, blob)})


# -- reading ---------------------------------------------------------------------------------------------


def _merge(
    repository: Repository, revision: str | None, upstream: str | None, head: str = "HEAD"
) -> str | None:
    """The merge meant: the one named, else the newest on HEAD's line that merged what upstream has."""
    if revision is not None:
        commit = repository.resolve(revision)
        if len(repository.commit_info(commit).parents) < 2:
            raise LayoutError(f"{revision} is no merge", hint="name a merge commit, or none for the last")
        return commit
    merges = repository.rev_list("--merges", "--first-parent", "--max-count=50", head)
    if upstream is None:
        return merges[0] if merges else None
    tip = repository.resolve(upstream)
    return next(
        (m for m in merges if repository.is_ancestor(repository.commit_info(m).parents[1], tip)), None
    )


class _WorkFileReader:
    """A merge's four versions, as upstream would have them."""

    def __init__(self, repository: Repository, base: str, ours: str, theirs: str, merged: str) -> None:
        self.repository = repository
        splitting = Splitting.of(repository)
        self.base, self.ours, self.theirs, self.merged = (
            treelens.monolithic_tree(Workspace.load(repository, repository.tree_of(commit), splitting))
            for commit in (base, ours, theirs, merged)
        )

    def outcomes(self, *, everything: bool) -> tuple[WorkOutcome, ...]:
        """What became of the fork's work; without ``everything``, only in files that the merge changed."""
        mine = {c.new: c.after for c in self._changes(self.base, self.ours)}
        merged = {c.new: c.after for c in self._changes(self.ours, self.merged)}
        moved = [path for path in mine if path in merged]
        base, ours = self._texts(self.base, moved), self._texts(self.ours, moved)
        read = works(base, ours)
        found = outcomes(read, self._texts(self.theirs, merged), self._texts(self.merged, merged))
        if not everything:
            return found
        still = [path for path in mine if path not in merged]
        kept = works(self._texts(self.base, still), self._texts(self.ours, still))
        same = (
            WorkOutcome(work, WorkFate.SURVIVES, work.path, work.line, len(work.lines), len(work.lines))
            for work in kept
        )
        return tuple(sorted((*found, *same), key=lambda one: (one.work.path, one.work.line)))

    def _changes(self, old: str, new: str) -> list[TreeChange]:
        changes = self.repository.diff_trees(old, new, renames=False)
        return [change for change in changes if not change.new.startswith(_OWN)]

    def _texts(self, tree: str, paths: Iterable[str]) -> Mapping[str, bytes]:
        texts: dict[str, bytes] = {}
        for path in paths:
            text = self.repository.read_file(tree, path)
            if text is not None and len(text) <= _MOST_BYTES and b"\0" not in text:
                texts[path] = text
        return texts


def _broken_pins(workspace: Workspace, notebook: Notebook) -> Iterator[Finding]:
    if not notebook.pin:
        return
    tree = treelens.monolithic_tree(workspace)
    entries = workspace.repository.list_tree(tree)
    for pin in notebook.pin:
        pattern = re.compile(pin.text.encode())
        files = [
            p for p, e in entries.items() if e.is_file and any(fnmatchcase(p, glob) for glob in pin.paths)
        ]
        count = sum(len(pattern.findall(workspace.repository.read_blob(entries[path].oid))) for path in files)
        if count == pin.count if pin.count is not None else count:
            continue
        wanted = "at least once" if pin.count is None else f"{pin.count} times"
        why = f" ({pin.why})" if pin.why else ""
        message = f"the pin `{pin.text}`{why} must be there {wanted}, and is there {count} times"
        hint = f"bring the text back, or change the pin in {PATH}"
        yield Reporter("").error("pin", message, PATH, hint=hint)
