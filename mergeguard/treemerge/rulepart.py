"""What the merge of one rule works on: its three sides, and git's merge of the monolith among them."""

from __future__ import annotations

from collections.abc import Iterator

from mergeguard.errors import MergeguardError
from mergeguard.fork.workspace import Guarded
from mergeguard.git.merging import MergeOutcome
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.hunks import Hunk
from mergeguard.lens.layout import Layout
from mergeguard.merge import MergeResult, Resolved, merge
from mergeguard.merge.result import join
from mergeguard.treemerge import fates, structured
from mergeguard.treemerge.fates import Fate, TracedFate
from mergeguard.treemerge.mergevalues import Laid, Side, Sides
from mergeguard.values import cached_property, dataclass


@dataclass(frozen=True)
class RulePart:
    """One rule's part of a merge: ``sides`` have the monoliths whole, ``outcome`` is git's merge of them,
    ``laid`` gathers what all rules add to that."""

    sides: Sides
    guarded: Guarded
    outcome: MergeOutcome
    laid: Laid

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.guarded.name

    @property
    def repository(self) -> Repository:
        """Where objects are read and written."""
        return self.sides.repository

    @property
    def both(self) -> tuple[Side, Side]:
        """Ours and theirs."""
        return self.sides.ours, self.sides.theirs

    @property
    def three(self) -> Iterator[Side]:
        """Base (where there is a single one), ours and theirs."""
        return (s for s in (self.sides.base, *self.both) if s is not None)

    @property
    def fate(self) -> TracedFate | None:
        """What became of a monolith that one side has no more at its old path."""
        return self.sides.fates.get(self.name)

    def entry(self, side: Side | None, path: str) -> Entry | None:
        """The monolith's entry on a side."""
        return self.repository.entry(side.tree, path) if side is not None else None

    def keeper(self, path: str) -> Side:
        """The side that still has the monolith at ``path``."""
        return self.both[0] if self.entry(self.both[0], path) else self.both[1]

    def splitter(self) -> Side:
        """A side that has the monolith split, ours first."""
        return next(side for side in self.both if side.guarded(self.name) is not None)

    def other(self, side: Side) -> Side:
        """The side that ``side`` (ours or theirs) is merged with."""
        return self.both[1] if side is self.both[0] else self.both[0]

    def conflicts_at(self, path: str) -> bool:
        """Whether git has a conflict at ``path``."""
        return any(conflict.path == path for conflict in self.outcome.conflicts)

    def hunks(self) -> tuple[Hunk, ...]:
        """The fork's overlay and unmapped hunks before the merge."""
        for side in self.both:
            own = side.guarded(self.name)
            if own is not None:
                return side.workspace.hunks(own)
        return ()

    # -- the monolith --------------------------------------------------------------------------------

    def stays_split(self) -> bool:
        """Whether the result is split: the side that changed that since the base decides."""
        ours, theirs = (side.guarded(self.name) is not None for side in self.both)
        base = self.sides.base is not None and self.sides.base.guarded(self.name) is not None
        return theirs if ours == base else ours

    def is_deleted(self, path: str) -> bool:
        """Whether a side deleted what the other changed (what one side added merges without a conflict)."""
        return not all(self.entry(side, path) for side in self.both) and self.conflicts_at(path)

    def is_taken(self, path: str) -> bool:
        """Whether both sides have the monolith though the base has none: the fork's own came back."""
        base = self.sides.base
        if base is None or self.entry(base, path) is not None:
            return False
        return all(self.entry(side, path) is not None for side in self.both)

    def versions(self, path: str) -> tuple[bytes, bytes, bytes]:
        """The monolith in the base, ours and theirs; empty where a side has none."""

        def text(side: Side | None) -> bytes:
            entry = self.entry(side, path)
            return self.repository.read_blob(entry.oid) if entry and entry.is_file else b""

        base = text(self.sides.base)
        if self.is_taken(path):
            # What the fork split before upstream had it is what upstream took.
            base = self.repository.read_blob(self._lock_blob)
        return base, text(self.sides.ours), text(self.sides.theirs)

    @cached_property
    def _lock_blob(self) -> str:
        """The monolith that the fork's layout was derived from."""
        own = self.splitter().guarded(self.name)
        assert own is not None and own.lock is not None
        return own.lock.upstream

    def merged(self, path: str, entry: Entry) -> MergeResult:
        """The merged monolith, as ``merge-file`` and the driver have it: what is doubtful is a conflict
        everywhere, what is certain is taken everywhere.

        ``entry`` is what git's merge has at ``path``.
        """
        found = None if self.conflicts_at(path) else self.repository.read_blob(entry.oid)
        base, ours, theirs = self.versions(path)
        if found is not None and (found in (ours, theirs) or not self._has_three(path)):
            # Without three versions at this path (git followed a rename) its result stands.
            return MergeResult(join([Resolved(found)]))
        result = structured.merged(self.repository, base, ours, theirs)
        if found is None or result.clean:
            return result
        # By attributes or a driver of the user's own, git has a result all the same.
        return merge(base, ours, theirs, git_clean=found)

    def _has_three(self, path: str) -> bool:
        return all(self.entry(side, path) for side in (self.sides.base, *self.both))

    def traced(self, path: str) -> TracedFate:
        """What the side that is not split has done with the monolith since the base."""
        if self.fate is not None:
            return self.fate
        here = TracedFate(Fate.HERE)
        other = next((s for s in reversed(self.both) if s.guarded(self.name) is None), None)
        base = self.sides.base
        if other is None or base is None:
            return here
        before, now = self.entry(base, path), self.entry(other, path)
        if before is None or before == now:
            return here
        text = self.repository.read_blob(before.oid)
        return fates.trace(self.repository, base.tree, other.tree, path, text)

    # -- its layout ----------------------------------------------------------------------------------

    def derive(self, path: str, text: bytes) -> Layout:
        """The layout by the rule as merged. Errors: MergeguardError where the rule does not fit."""
        guarded = self.guarded
        return self.sides.splitting.split(
            guarded.name, lambda: guarded.rule, guarded.rule_oid, path, text, emission_of(guarded.rule)
        )

    def layout(self, path: str, text: bytes) -> Layout | None:
        """The layout by the rule as merged; None where it does not fit."""
        try:
            return self.derive(path, text)
        except MergeguardError:
            return None
