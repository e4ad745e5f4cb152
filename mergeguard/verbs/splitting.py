"""split and leave: into a layout, and the way back out."""

from __future__ import annotations

from collections.abc import Iterable

from mergeguard.errors import LayoutError, Location, MergeguardError, RuleError, RuleMismatch, counted
from mergeguard.findings import Finding
from mergeguard.fork import patches, treelens
from mergeguard.fork.builds import UnitListing, Unlisted, unlisted
from mergeguard.fork.fork import Fork
from mergeguard.fork.report import hunk_ids
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.git import landing
from mergeguard.git.objects import Entry
from mergeguard.lens import agreement
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.hunks import Hunk
from mergeguard.lens.layout import Layout, shard_paths
from mergeguard.treemerge import handmade
from mergeguard.values import dataclass, replace
from mergeguard.verbs.ownheaders import parted_by_units, repository_headers
from mergeguard.verbs.unmapped import DROPPED
from mergeguard.verify import same_program
from mergeguard.verify.flatten import LayoutText


@dataclass(frozen=True, slots=True)
class Split:
    """One rule's layout as it will be staged; ``unmapped`` are hunks that stay in it as they are,
    ``unlisted`` units that no build file lists, ``parted`` what a header defines for one unit alone.
    """

    name: str
    layout: Layout
    refreshed: bool
    unmapped: tuple[Hunk, ...]
    unlisted: tuple[Unlisted, ...] = ()
    parted: tuple[Finding, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the layout can be compiled and linked as it is, as far as is known."""
        return not self.unlisted and not self.parted


@dataclass(frozen=True, slots=True)
class Refused:
    """A rule that does not fit its file; the file stays as it is."""

    name: str
    error: MergeguardError


@dataclass(frozen=True, slots=True)
class Derived:
    """The layouts of several rules: what was ``done`` and ``refused``, and the tree that holds them.

    ``build_files`` are those whose lists of sources change.
    """

    done: tuple[Split, ...]
    refused: tuple[Refused, ...]
    tree: str
    build_files: tuple[str, ...]


def split(fork: Fork, names: Iterable[str], upstream: str | None) -> tuple[tuple[Split, ...], str]:
    """As ``derive``, for callers that want all of the rules or none."""
    derived = derive(fork, names, upstream)
    if derived.refused:
        raise derived.refused[0].error
    return derived.done, derived.tree


def derive(fork: Fork, names: Iterable[str], upstream: str | None) -> Derived:
    """Derive the layouts of the named rules (all that apply, if none are named) over the index.

    Nothing is staged yet. A rule that is split already is derived again: from its monolith with the local
    edits, by the rule as it is now. A rule that does not fit costs its own file only; where none fits, the
    first error is raised.
    """
    return _derive(fork, fork.staged(), names, upstream)


def split_in(fork: Fork, workspace: Workspace, names: Iterable[str], upstream: str | None) -> str:
    """The tree of ``workspace`` with all the named layouts derived. Errors: those of the rule that does not
    fit."""
    derived = _derive(fork, workspace, names, upstream)
    if derived.refused:
        raise derived.refused[0].error
    return derived.tree


def _derive(fork: Fork, workspace: Workspace, names: Iterable[str], upstream: str | None) -> Derived:
    chosen = [workspace.rule(name) for name in names] or [
        g for g in workspace.guarded if workspace.monolith_path(g) is not None and not g.in_build
    ]
    if not chosen:
        raise workspace.nothing_applies()
    splitter = _Splitter(fork, workspace, fork.upstream(upstream))
    refused: list[Refused] = []
    for guarded in chosen:
        try:
            splitter.add(guarded)
        except MergeguardError as error:
            refused.append(Refused(guarded.name, _by_hand(fork, workspace, guarded) or error))
    if not splitter.done:
        raise refused[0].error
    tree, build_files = splitter.tree()
    rules = {guarded.name: guarded.rule for guarded in chosen}
    headers = repository_headers(workspace)
    done = [
        replace(
            one,
            unlisted=unlisted(fork.repository, tree, rules[one.name], one.layout),
            parted=parted_by_units(headers, one.layout),
        )
        for one in splitter.done
    ]
    return Derived(tuple(done), tuple(refused), tree, build_files)


def split_by_hand(fork: Fork) -> tuple[str, ...]:
    """The rules of the index whose files the fork has split by hand, before it had the rule."""
    workspace, base = fork.staged(), handmade.known_base(fork)
    return tuple(g.name for g in workspace.guarded if handmade.find(workspace, g, base) is not None)


def _by_hand(fork: Fork, workspace: Workspace, guarded: Guarded) -> MergeguardError | None:
    """What to say of a rule that does not fit because the fork has split its file by hand already."""
    if workspace.lost_lock(guarded) is not None:
        return None  # the layout is ours, and what is wrong with it has been said
    made = handmade.find(workspace, guarded, handmade.known_base(fork))
    if made is None:
        return None
    return LayoutError(
        f"it is split by hand already, into {counted(len(made.files), 'file')}",
        where=Location(made.path),
        hint=f"`mergeguard adopt {guarded.name}` changes it over; `mergeguard sync` follows it as it is",
    )


class _Splitter:
    """Layouts gathered rule by rule; each is taken whole, or refused and leaves nothing behind."""

    def __init__(self, fork: Fork, workspace: Workspace, upstream: str | None) -> None:
        self.repository = fork.repository
        self.workspace = workspace
        self.fork = fork
        self.upstream = upstream
        self.done: list[Split] = []
        self._own = _readable_paths(workspace)
        self._edits: dict[str, Entry | None] = {}
        self._layouts: dict[str, tuple[Guarded, Layout]] = {}
        self._replaced: list[UnitListing] = []

    def add(self, guarded: Guarded) -> None:
        """Derive one rule's layout. Errors: RuleError, RuleMismatch, LayoutError."""
        workspace = self.workspace
        if guarded.in_build:
            raise RuleError(
                f"rule {guarded.name} is in build mode: the build makes its layout, git keeps the monolith",
                where=Location(guarded.rule_path),
                hint=f"`mergeguard mode tree {guarded.name}` splits it in the tree",
            )
        path = workspace.monolith_path(guarded)
        if path is None:
            raise RuleMismatch(
                f"rule {guarded.name}: the monolith is not in the tree",
                where=Location(guarded.rule.monolith),
                hint=f"list its path in `also` of {guarded.rule_path}, or remove the rule",
            )
        if (lost := workspace.lost_lock(guarded)) is not None:
            raise lost
        _require_file(workspace, path)
        pristine, text, entry = _texts(self.fork, workspace, guarded, path, self.upstream)
        _require_agreement(guarded, path, text)
        laid = treelens.lay_out(workspace, guarded, path, text)
        _require_usable(guarded, laid.layout)
        if laid.recomposed.conflicts:
            conflicted = sorted(laid.recomposed.conflicts)
            raise LayoutError(
                f"rule {guarded.name}: your edits of glue and the newly derived glue conflict",
                where=Location(conflicted[0]),
                hint="undo your edit of glue there (`mergeguard check` shows it), then split again",
            )
        layouts = {name: layout for name, (_, layout) in self._layouts.items()} | {guarded.name: laid.layout}
        treelens.check_outputs(self.repository, workspace.tree, layouts, self._own)
        self._edits |= treelens.layout_edits(workspace, guarded, laid, pristine, entry.mode)
        self._layouts[guarded.name] = (guarded, laid.layout)
        if guarded.is_split:
            old = workspace.unsplit(guarded).layout
            if set(shard_paths(old)) != set(shard_paths(laid.layout)):
                self._replaced.append(UnitListing.of(workspace.rule_of_lock(guarded), old))
        unmapped = workspace.unsplit(guarded).unmapped if guarded.is_split else ()
        self.done.append(Split(guarded.name, laid.layout, guarded.is_split, unmapped))

    def tree(self) -> tuple[str, tuple[str, ...]]:
        """The index with all that was derived, and the build files that list other units now."""
        tree = treelens.apply(self.repository, self.workspace.tree, self._edits)
        made = [UnitListing.of(guarded.rule, layout) for guarded, layout in self._layouts.values()]
        listed = treelens.list_shards(
            self.repository, tree, made, self._replaced, self.workspace.splitting.lists
        )
        return self.repository.edit_tree(tree, listed), tuple(sorted(listed))


def _require_file(workspace: Workspace, path: str) -> None:
    """LayoutError where something else than a file stands at the monolith's or the entry's path."""
    entry = workspace.repository.entry(workspace.tree, path)
    if entry is not None and not entry.is_file:
        raise treelens.no_file(path, entry)


def _readable_paths(workspace: Workspace) -> set[str]:
    """The paths of the layouts that the tree has; of one that can't be read back, none."""
    found: set[str] = set()
    for guarded in workspace.split_rules:
        try:
            layouts = (workspace.over(guarded), workspace.unsplit(guarded).layout)
        except MergeguardError:
            continue
        found |= {file.path for layout in layouts for file in layout.files}
    return found


def _require_agreement(guarded: Guarded, path: str, text: bytes) -> None:
    """RuleMismatch where the rule has the entry choose by another value than the body does.

    Of a text that can't be read as items: SourceError.
    """
    for choice in agreement.all_choices(guarded.rule, path, text):
        if choice.differs:
            raise RuleMismatch(
                f"rule {guarded.name} has the entry choose by `{choice.stated}`, the body chooses by "
                f"`{choice.origin.text}`",
                where=Location(path, item=choice.entry),
                hint=f"take `discriminator` out of {guarded.rule_path}: it is derived from the text",
            )


def _require_usable(guarded: Guarded, layout: Layout) -> None:
    """RuleMismatch where the layout could never be compiled and linked."""
    files = [LayoutText(file.path, file.text, file.is_unit) for file in layout.files]
    for found in same_program.unusable(files):
        raise RuleMismatch(
            f"rule {guarded.name} can't split this: {found.message}",
            where=Location(found.path, found.line, found.name or None),
            hint=f"deal a C++ function that it calls instead, or remove {guarded.rule_path}",
        )


def _texts(
    fork: Fork, workspace: Workspace, guarded: Guarded, path: str, upstream: str | None
) -> tuple[str, bytes, Entry]:
    """The blob of upstream's monolith, the fork's monolith, and the entry's tree entry."""
    repository = fork.repository
    entry = repository.entry(workspace.tree, path)
    if guarded.lock is not None:
        before = workspace.unsplit(guarded)
        if entry is None:
            raise LayoutError(
                "the layout's entry file is missing",
                where=Location(path),
                hint=f"`git checkout HEAD -- {path}` brings it back",
            )
        return guarded.lock.upstream, before.monolith, entry
    assert entry is not None
    own = repository.read_blob(entry.oid)
    if upstream is not None:
        try:
            bases = repository.merge_bases(fork.head(), repository.resolve(upstream))
        except MergeguardError:
            bases = ()
        for base in bases:
            there = repository.entry(repository.tree_of(base), path)
            # The lock may name upstream's blob only if the rule fits it: the layout is read over it.
            if there is not None and _fits(workspace, guarded, path, repository.read_blob(there.oid)):
                return there.oid, own, entry
    return entry.oid, own, entry


def _fits(workspace: Workspace, guarded: Guarded, path: str, pristine: bytes) -> bool:
    try:
        workspace.split_now(guarded, path, pristine, emission_of(guarded.rule))
    except MergeguardError:
        return False
    return True


def leave(fork: Fork, names: Iterable[str]) -> tuple[str, frozenset[str], tuple[Hunk, ...]]:
    """The index with the named layouts replaced by their monoliths, local edits in them.

    Returns the tree, the rules whose monoliths became whole, and the hunks that have no place in a monolith
    (they would be lost: the caller refuses to go on while there are any).
    """
    workspace = fork.staged()
    chosen = [workspace.rule(name) for name in names]
    for guarded in chosen:
        if (lost := workspace.lost_lock(guarded)) is not None:
            raise lost
    left = Workspace(
        workspace.repository,
        workspace.tree,
        tuple(g for g in chosen if g.is_split),
        workspace.splitting,
    )
    tree = treelens.monolithic_tree(left)
    gone = {g.rule_path: None for g in chosen if fork.repository.entry(tree, g.rule_path)}
    hunks = tuple(h for g in left.guarded for h in workspace.hunks(g))
    return treelens.apply(fork.repository, tree, gone), frozenset(g.name for g in left.guarded), hunks


def leftovers(fork: Fork, names: Iterable[str]) -> tuple[landing.StateFile, ...]:
    """The hunks that ``leave`` would lose, as patches of the pristine layout to keep in the git folder."""
    workspace = fork.staged()
    found: list[landing.StateFile] = []
    for guarded in (workspace.rule(name) for name in names):
        if not guarded.is_split:
            continue
        pristine = {file.path: file.text for file in workspace.over(guarded).files}
        for name, hunk in hunk_ids(workspace.unsplit(guarded).hunks).items():
            before = pristine.get(hunk.path)
            lines = (before or b"").splitlines(keepends=True)
            at = hunk.old_line - 1
            lines[at : at + len(hunk.old.splitlines())] = [hunk.new]
            after = None if hunk.reason.without_file else b"".join(lines)
            patch = patches.unified(hunk.path, before, after)
            found.append(landing.StateFile(f"{DROPPED}/{name}.patch", patch))
    return tuple(found)
