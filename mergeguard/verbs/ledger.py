"""The report's values, read from a fork: every rule of the work tree, and what the last sync brought."""

from __future__ import annotations

from collections.abc import Iterable

from mergeguard.cpp.source import opened_items, parse
from mergeguard.errors import MergeguardError
from mergeguard.fork import keepmarks
from mergeguard.fork.fork import Fork
from mergeguard.fork.localedits import LocalEdit, local_edits
from mergeguard.fork.report import (
    Arrival,
    ForkReport,
    LastSync,
    RuleLedger,
    Unresolved,
    arrivals,
    hunk_ids,
    marker_lines,
    views,
)
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.git import worktree
from mergeguard.git.repository import Repository
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.layout import Layout
from mergeguard.treemerge import fates, handmade, lastsync, witness
from mergeguard.treemerge.fates import Standing
from mergeguard.values import replace
from mergeguard.verbs import rebase, unmapped


def ledger(fork: Fork, upstream: str | None = None, *, suggest: bool = True) -> ForkReport:
    """Everything there is to report about the work tree.

    ``upstream``: the ref to compare with, None for the configured one. ``suggest`` looks for places of
    unmapped hunks (slower). While conflicts are unresolved, the rules are those of HEAD.
    """
    repository = fork.repository
    head = fork.head()
    conflicts = tuple(_unresolved(repository, path) for path in repository.unmerged())
    notes: tuple[str, ...] = ()
    if conflicts:
        workspace = fork.at_head()
        notes = ("conflicts are not resolved yet: the rules are shown as of HEAD",)
    else:
        workspace = fork.work_tree()
    last = lastsync.read(repository)
    ref = fork.upstream(upstream)
    theirs: str | None = None
    if last is not None and (last.state == lastsync.WAITING or ref is None):
        theirs = last.theirs
    elif ref is not None:
        theirs = repository.resolve(ref)
    came = last if last is not None and _is_shown(last, conflicts) else None
    reader = _LedgerReader(fork, workspace, came, theirs, suggest)
    rules = tuple(reader.rule(guarded) for guarded in workspace.guarded)
    if not conflicts:
        held = witness.problems(workspace, head)
        rules = tuple(replace(rule, problem=rule.problem or held.get(rule.name)) for rule in rules)
    return ForkReport(
        head,
        repository.head().name,
        ref,
        last,
        rules,
        conflicts,
        (*notes, *_stale_marks(workspace, rules)),
        resume(repository),
    )


def _is_shown(last: LastSync, conflicts: tuple[Unresolved, ...]) -> bool:
    """Whether the rules as shown have what the last sync brought; HEAD's, while it waits, have not."""
    return last.state == lastsync.LANDED or (last.state == lastsync.WAITING and not conflicts)


def _unresolved(repository: Repository, path: str) -> Unresolved:
    there = worktree.read_file(repository.work_tree / path)
    return Unresolved(path, () if there is None else marker_lines(there[1]))


def resume(repository: Repository) -> str:
    """The command that goes on with what has stopped for conflicts."""
    operation = repository.operation_in_progress()
    if operation == "merge" or rebase.read_pending(repository) is not None:
        return "mergeguard sync --continue"
    if operation in (None, "bisect"):
        return "git commit"  # `mergeguard repair`, a squashed merge, a stash that was popped
    return f"git {operation} --continue"


def _edits_of(path: str, base: bytes, own: bytes) -> tuple[LocalEdit, ...]:
    """The fork's edits of a whole monolith, by item."""
    items = {item.name: item for item in reversed(opened_items(parse(own)))}
    return tuple(
        LocalEdit(
            path,
            own.count(b"\n", 0, items[found.item].start) + 1 if found.item in items else 1,
            found.item,
            found.added,
            found.removed,
        )
        for found in arrivals(base, own)
    )


def _stale_marks(workspace: Workspace, rules: Iterable[RuleLedger]) -> tuple[str, ...]:
    """Marks of kept hunks that fit no hunk any more, as notes; none while a rule can't be read."""
    rules = tuple(rules)
    if any(rule.problem for rule in rules):
        return ()
    known = {case.id for rule in rules for case in rule.unmapped}
    known |= {name for rule in rules for name in hunk_ids(rule.overlay)}
    stale = sorted(set(keepmarks.marks(workspace)) - known)
    return tuple(
        f"no hunk fits the mark {keepmarks.KEPT}/{name}.toml any more: `git rm` it" for name in stale
    )


class _LedgerReader:
    def __init__(
        self, fork: Fork, workspace: Workspace, came: LastSync | None, theirs: str | None, suggest: bool
    ) -> None:
        self.fork = fork
        self.repository = fork.repository
        self.workspace = workspace
        self.came = came
        self.theirs = self._workspace(theirs)
        self.base = fates.base_tree(self.repository, fork.head(), theirs) if self.theirs and theirs else None
        # What upstream's branch names has been merged, and perhaps more: nothing waits there.
        self.merged = theirs is not None and self.repository.is_ancestor(theirs, fork.head())
        self.suggest = suggest
        self.unstaged = unmapped.unstaged_paths(fork.repository)
        self.synced = (
            self._workspace(None if came is None else came.ours),
            self._workspace(None if came is None else came.theirs),
        )

    def _workspace(self, commit: str | None) -> Workspace | None:
        if commit is None or not self.repository.has_object(commit):
            return None
        try:
            tree = self.repository.tree_of(commit)
            return Workspace.load(self.repository, tree, self.workspace.splitting)
        except MergeguardError:
            return None

    def rule(self, guarded: Guarded) -> RuleLedger:
        path = self.workspace.monolith_path(guarded)
        if guarded.in_build and path is not None:
            return self._built_rule(guarded, path)
        if guarded.lock is None:
            state = "not split" if path is not None else "no monolith"
            unfit = None if path is None else self._unfit(guarded, path, self.workspace.read(path))
            if unfit is not None and self._is_by_hand(guarded):
                way = f"`mergeguard adopt {guarded.name}` changes it over; `sync` follows it as it is"
                return RuleLedger(guarded.name, path, "split by hand", notes=(way,))
            return RuleLedger(
                guarded.name,
                path,
                self._standing(guarded, path).state or state,
                problem=None if unfit is None else f"the rule does not fit: {unfit}",
            )
        try:
            return self._split_rule(guarded, path)
        except MergeguardError as error:
            return RuleLedger(guarded.name, path, "broken", guarded.lock.upstream, problem=str(error))

    def _is_by_hand(self, guarded: Guarded) -> bool:
        return handmade.find(self.workspace, guarded, handmade.known_base(self.fork)) is not None

    def _built_rule(self, guarded: Guarded, path: str) -> RuleLedger:
        """A rule whose layout the build makes: all there is stands in the monolith."""
        workspace = self.workspace
        own = workspace.read(path) or b""
        base = None if self.base is None else self.repository.read_file(self.base, path)
        newer = None
        if self.theirs is not None and not self.merged:
            newer = self._monolith(self.theirs, guarded)
        unfit = self._unfit(guarded, path, own)
        ahead = self._unfit(guarded, path, newer)
        return RuleLedger(
            guarded.name,
            path,
            "made by the build",
            self.repository.hash_blob(own if base is None else base),
            self._arrived_whole(guarded),
            () if newer is None or base is None else arrivals(base, newer),
            () if base is None else _edits_of(path, base, own),
            notes=() if ahead is None else (f"the rule does not fit upstream's newest version: {ahead}",),
            problem=None if unfit is None else f"the rule does not fit: {unfit}",
        )

    def _unfit(self, guarded: Guarded, path: str, text: bytes | None) -> str | None:
        """Why the rule does not fit a text; None where it does, or there is none."""
        try:
            if text is not None:
                self.workspace.split_now(guarded, path, text, emission_of(guarded.rule))
        except MergeguardError as error:
            return str(error)
        return None

    def _arrived_whole(self, guarded: Guarded) -> tuple[Arrival, ...]:
        if self.came is None or self.synced[0] is None or self.synced[1] is None:
            return ()
        base = fates.base_tree(self.repository, self.came.ours, self.came.theirs)
        new = self._monolith(self.synced[1], guarded)
        paths = guarded.rule.paths()
        texts = (self.repository.read_file(base, known) for known in paths) if base is not None else ()
        old = next((text for text in texts if text is not None), None)
        return () if old is None or new is None else arrivals(old, new)

    def _split_rule(self, guarded: Guarded, path: str | None) -> RuleLedger:
        workspace = self.workspace
        lock = guarded.lock
        assert lock is not None
        pristine = workspace.pristine(guarded)
        before = workspace.unsplit(guarded)
        standing = self._standing(guarded, path)
        state = standing.state or ("split" if lock.rule == guarded.rule_oid else "split by an older rule")
        newer = None
        if self.theirs is not None and not self.merged:
            newer = self._monolith(self.theirs, guarded, standing.path)
        layout: Layout | None = None
        notes = list(pristine.notes)
        if newer is not None and newer != pristine.monolith:
            try:
                layout = workspace.split_with_lock(guarded, newer)
            except MergeguardError as error:
                notes.append(f"the rule does not fit upstream's newest version: {error}")
        return RuleLedger(
            guarded.name,
            path,
            state,
            lock.upstream,
            self._arrived(guarded),
            () if newer is None else arrivals(pristine.monolith, newer),
            local_edits(workspace, guarded),
            before.overlay,
            unmapped.cases(workspace, guarded, suggest=self.suggest, unstaged=self.unstaged),
            tuple(notes),
            None,
            views(pristine, workspace.layout_files(pristine), layout),
        )

    def _arrived(self, guarded: Guarded) -> tuple[Arrival, ...]:
        ours, theirs = self.synced
        if ours is None or theirs is None:
            return ()
        old = ours.split_rule(guarded.name)
        new = self._monolith(theirs, guarded)
        if old is None or new is None:
            return ()
        return arrivals(ours.pristine(old).monolith, new)

    def _standing(self, guarded: Guarded, path: str | None) -> Standing:
        if self.theirs is None:
            return Standing()
        return fates.standing(self.repository, guarded, path, self.base, self.theirs.tree)

    def _monolith(self, there: Workspace, guarded: Guarded, moved: str | None = None) -> bytes | None:
        """The rule's monolith in another tree, whole, at ``moved`` or a known path; None if that has none."""
        split = there.split_rule(guarded.name)
        if split is not None:
            return there.unsplit(split).monolith
        first = guarded.lock.monolith if guarded.lock else guarded.rule.monolith
        known = (first, *guarded.rule.paths(), *((moved,) if moved else ()))
        return next((text for p in known if (text := there.read(p)) is not None), None)
