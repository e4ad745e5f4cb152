"""One rule's part of a merge: its merged monolith laid out again, its conflicts in the shards, its lock.

Works on three sides whose monoliths are whole (``Sides``) and on what git made of them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from mergeguard.cpp.diff import changed_ranges, diff
from mergeguard.errors import Location, MergeguardError, RuleMismatch
from mergeguard.fork import treelens
from mergeguard.fork.workspace import REGULAR, Guarded
from mergeguard.git.merging import MergeOutcome
from mergeguard.git.objects import Entry
from mergeguard.lens.emit import CURRENT_EMISSION
from mergeguard.lens.layout import Layout
from mergeguard.lens.overlay import recompose
from mergeguard.lens.unsplit import Hunk
from mergeguard.merge import Conflict, MergeResult, Note, Piece, Resolved, merge
from mergeguard.merge.lines import merge_lines
from mergeguard.merge.markers import parse_markers, render_markers
from mergeguard.merge.result import join
from mergeguard.merge.whereabouts import items_in
from mergeguard.treemerge import fates
from mergeguard.treemerge.fates import Fate, Traced
from mergeguard.treemerge.sides import Laid, RuleOutcome, Side, Sides, State, layout_paths, path_in

# Longer than any run of marker characters in sources, so that regions can be told from text.
_MARKER_SIZE = 47
# What the structured merge settles and points out: both sides edited one expression.
_DOUBTFUL = frozenset({"close-edits"})


def merge_rule(sides: Sides, guarded: Guarded, outcome: MergeOutcome, laid: Laid) -> RuleOutcome:
    """Lay out one rule's merged monolith, into ``laid``. Raises RuleMismatch where the rule does not fit."""
    return _RuleMerge(sides, guarded, outcome, laid).run()


class _RuleMerge:
    def __init__(self, sides: Sides, guarded: Guarded, outcome: MergeOutcome, laid: Laid) -> None:
        self.repository = sides.repository
        self.base, self.ours, self.theirs = sides.base, sides.ours, sides.theirs
        self.paths = sides.paths
        self.labels, self.style = sides.labels, sides.style
        self.splitting = sides.splitting
        self.fate = sides.fates.get(guarded.name)
        self.guarded = guarded
        self.outcome = outcome
        self.laid = laid

    def run(self) -> RuleOutcome:
        guarded, outcome, laid = self.guarded, self.outcome, self.laid
        path = self.paths.get(guarded.name)
        if path is None or not self._stays_split(guarded):
            return self._whole(guarded, path)
        entry = self.repository.entry(outcome.tree, path)
        if entry is None or self._is_deleted(path):
            return self._gone(guarded, path, outcome, laid)
        return self._lay_out(guarded, path, entry, outcome, laid)

    def _whole(self, guarded: Guarded, path: str | None) -> RuleOutcome:
        """The monolith is not split in the result; git's own merge of it stands."""
        # A commit that is replayed onto where the split has ended may bring its lock along.
        self.laid.edits[guarded.lock_path] = None
        self.laid.settled.add(guarded.lock_path)
        if path is None:
            return RuleOutcome(guarded.name, guarded.rule.monolith, State.NOT_SPLIT)
        if self._lives_on and any(conflict.path == path for conflict in self.outcome.conflicts):
            assert self.fate is not None
            said = f"upstream has {self.fate.listed}; make your edits there, then `git rm` the old file"
            return RuleOutcome(guarded.name, path, self._ended, notes=(said,))
        had = [self.repository.entry(s.tree, path) for s in (self.base, self.ours) if s is not None]
        if any(had) or self.base is None:
            return RuleOutcome(guarded.name, path, State.NOT_SPLIT)
        note = f"`mergeguard split {guarded.name}` splits it again"
        return RuleOutcome(guarded.name, path, State.RETURNED, notes=(note,))

    def _is_deleted(self, path: str) -> bool:
        """Whether a side deleted what the other changed (what one side added merges without a conflict)."""
        if all(self.repository.entry(side.tree, path) for side in (self.ours, self.theirs)):
            return False
        return any(conflict.path == path for conflict in self.outcome.conflicts)

    def _stays_split(self, guarded: Guarded) -> bool:
        """Whether the result is split: the side that changed that since the base decides."""
        ours, theirs = (s.guarded(guarded.name) is not None for s in (self.ours, self.theirs))
        base = self.base is not None and self.base.guarded(guarded.name) is not None
        return theirs if ours == base else ours

    def _lay_out(
        self, guarded: Guarded, path: str, entry: Entry, outcome: MergeOutcome, laid: Laid
    ) -> RuleOutcome:
        conflict = any(c.path == path for c in outcome.conflicts)
        result = self._monolith(path, entry, conflict)
        traced = self._traced(guarded, path)
        ends = traced.fate is Fate.MOVED or traced.hollow
        layout = self._derive(guarded, path, result.render("ours"), must=result.clean and not ends)
        if layout is None and not result.clean:
            # A conflict that cuts through brackets has no side that can be laid out by itself; the two
            # whole files have. Their layouts are merged file by file instead.
            result = MergeResult((Conflict(*self._versions(path)),), result.notes)
            layout = self._derive(guarded, path, result.render("ours"), must=not ends)
        if layout is None:
            said = f"{traced.said(path)}, and the rule does not fit what is there"
            return self._end(guarded, path, traced, result, said)
        if taken := self._taken(layout):
            said = f"upstream has files of its own where the layout would have them: {', '.join(taken)}"
            return self._end(guarded, path, traced, result, said)
        laid.settled.add(path)
        files, conflicted = self._with_overlays(guarded, layout)
        if not result.clean:
            conflicted |= self._conflicts(guarded, path, result, layout, files)
        for merged_path, merged in conflicted.items():
            files[merged_path] = self._markers(merged)
        for side in (self.ours, self.theirs):
            laid.edits |= dict.fromkeys(layout_paths(side, guarded.name))
        write = self.repository.write_blob
        laid.edits |= {
            p: Entry(entry.mode if p == path else REGULAR, write(text)) for p, text in files.items()
        }
        lock = treelens.lock(guarded, path, self._upstream_blob(guarded, path))
        laid.edits[guarded.lock_path] = Entry(REGULAR, write(lock.to_toml()))
        laid.layouts.append((guarded, layout))
        laid.stages |= self._stages(guarded, path, conflicted)
        hunks = self._hunks(guarded.name)
        return RuleOutcome(
            guarded.name,
            path,
            self._state(guarded, path, bool(conflicted), traced),
            overlay=tuple(h for h in hunks if h.is_overlay),
            unmapped=tuple(h for h in hunks if not h.is_overlay),
            conflicts=tuple(sorted(conflicted)),
            notes=(
                *([traced.said(path)] if traced.fate is not Fate.HERE else ()),
                *layout.notes,
                *(n.message for n in result.notes if not n.finding),
            ),
            findings=tuple(n.message for n in result.findings),
        )

    def _traced(self, guarded: Guarded, path: str) -> Traced:
        """What the side that is not split has done with the monolith since the base."""
        if self.fate is not None:
            return self.fate
        here = Traced(Fate.HERE)
        other = next((s for s in (self.theirs, self.ours) if s.guarded(guarded.name) is None), None)
        if other is None or self.base is None or self.repository.entry(self.base.tree, path) is None:
            return here
        before, now = (self.repository.entry(side.tree, path) for side in (self.base, other))
        if before is None or before == now:
            return here
        text = self.repository.read_blob(before.oid)
        return fates.trace(self.repository, self.base.tree, other.tree, path, text)

    def _taken(self, layout: Layout) -> list[str]:
        """The files that a side that is not split has of its own where the layout would have them."""
        whole = [s for s in (self.ours, self.theirs) if s.guarded(self.guarded.name) is None]
        return [
            file.path
            for file in layout.files
            if file.path != layout.path
            and any(self.repository.entry(side.workspace.tree, file.path) for side in whole)
        ]

    def _end(self, guarded: Guarded, path: str, traced: Traced, result: MergeResult, why: str) -> RuleOutcome:
        """The split ends with this merge: the monolith's own merge stands, whole, in the result."""
        laid = self.laid
        laid.edits |= {guarded.lock_path: None}
        laid.moved.add(path)
        keeper = self.ours if self.ours.guarded(guarded.name) is not None else self.theirs
        before = keeper.workspace.unsplit(self._own(keeper))
        if result.clean:
            laid.settled.add(path)
            entry = self.repository.entry(self.outcome.tree, path)
            assert entry is not None
            laid.edits[path] = Entry(entry.mode, self.repository.write_blob(result.render("ours")))
        kept = self._keep_files(keeper, guarded.name, {h.path for h in before.hunks}, laid)
        notes = [f"{why}; it is no longer split: adapt the rule, or `git rm {guarded.rule_path}`"]
        if kept:
            notes.append("what you had beside the map is kept: move it to where it belongs, then `git rm` it")
        fate = State.MOVED if traced.fate is Fate.MOVED else State.SPLIT_UPSTREAM
        return RuleOutcome(
            guarded.name,
            path,
            State.CONFLICT if kept or not result.clean else fate,
            overlay=before.overlay,
            unmapped=before.unmapped,
            conflicts=kept if result.clean else (*kept, path),
            notes=tuple(notes),
        )

    def _own(self, side: Side) -> Guarded:
        own = side.guarded(self.guarded.name)
        assert own is not None
        return own

    def _state(self, guarded: Guarded, path: str, conflicted: bool, traced: Traced) -> State:
        if conflicted:
            return State.CONFLICT
        if self._is_taken(path):
            return State.TAKEN
        if path_in(self.ours.workspace, guarded) != path:
            return State.MOVED
        if traced.fate is Fate.SPLIT:
            return State.SPLIT_UPSTREAM
        versions = [self.repository.entry(s.tree, path) for s in (self.base, self.theirs) if s is not None]
        return State.UNCHANGED if len(versions) == 2 and versions[0] == versions[1] else State.MERGED

    def _monolith(self, path: str, entry: Entry, conflict: bool) -> MergeResult:
        """The merged monolith: git's own result where it is clean and accepted, else the structured one."""
        repository = self.repository
        base, ours, theirs = self._versions(path)
        if not conflict:
            merged = repository.read_blob(entry.oid)
            sides = (self.base, self.ours, self.theirs)
            if merged in (ours, theirs) or not all(s and repository.entry(s.tree, path) for s in sides):
                # Without three versions at this path (git followed a rename) its result stands.
                return MergeResult(join([Resolved(merged)]))
            result = merge(base, ours, theirs, git_clean=merged)
            # git's own clean result is taken as it is, or doubted; it is never replaced by another.
            return MergeResult(join([Resolved(merged)]), result.notes) if result.clean else result
        text, count = repository.merge_file(base, ours, theirs, style="diff3", marker_size=_MARKER_SIZE)
        if count == 0:
            return merge(base, ours, theirs, git_clean=text)
        pieces = parse_markers(text, _MARKER_SIZE)
        result = merge(base, ours, theirs, git_pieces=pieces)
        if any(note.code in _DOUBTFUL for note in result.notes):
            # A commit is made of this: what git calls a conflict is settled only without a doubt.
            return MergeResult(pieces, tuple(n for n in result.notes if n.code not in _DOUBTFUL))
        return result

    def _versions(self, path: str) -> tuple[bytes, bytes, bytes]:
        """The monolith in the base, ours and theirs; empty where a side has none."""

        def text(side: Side | None) -> bytes:
            entry = self.repository.entry(side.tree, path) if side is not None else None
            return self.repository.read_blob(entry.oid) if entry else b""

        base = text(self.base)
        if self._is_taken(path):
            # What the fork split before upstream had it is what upstream took.
            base = self.repository.read_blob(self._lock_blob())
        return base, text(self.ours), text(self.theirs)

    def _is_taken(self, path: str) -> bool:
        """Whether both sides have the monolith though the base has none: the fork's own came back."""
        if self.base is None or self.repository.entry(self.base.tree, path) is not None:
            return False
        return all(self.repository.entry(s.tree, path) is not None for s in (self.ours, self.theirs))

    def _lock_blob(self) -> str:
        """The monolith that the fork's layout was derived from."""
        for side in (self.ours, self.theirs):
            own = side.guarded(self.guarded.name)
            if own is not None and own.lock is not None:
                return own.lock.upstream
        raise AssertionError(f"no side has {self.guarded.name} split")

    def _derive(self, guarded: Guarded, path: str, text: bytes, *, must: bool = False) -> Layout | None:
        """The layout by the rule as merged; None (or RuleMismatch with the next step) if it does not fit."""
        try:
            return self.splitting.split(
                guarded.name, guarded.rule, guarded.rule_oid, path, text, CURRENT_EMISSION
            )
        except MergeguardError as error:
            if not must:
                return None
            raise RuleMismatch(
                f"rule {guarded.name} does not fit the merged file: {error}",
                where=Location(path),
                hint=f"adapt {guarded.rule_path}, or end the split first: `mergeguard leave {guarded.name}`",
            ) from error

    def _with_overlays(
        self, guarded: Guarded, layout: Layout
    ) -> tuple[dict[str, bytes], dict[str, MergeResult]]:
        """The derived layout with what each side has beside the map: merged where both have something."""
        derived = {f.path: f.text for f in layout.files}
        versions: list[Mapping[str, bytes]] = []
        conflicted: dict[str, MergeResult] = {}
        for side in (self.base, self.ours, self.theirs):
            own = side.guarded(guarded.name) if side is not None else None
            if side is None or own is None:
                versions.append(derived)
                continue
            now = side.workspace.layout_files(side.workspace.pristine(own))
            recomposed = recompose(side.workspace.unsplit(own), now, layout, treelens.merge_text)
            versions.append(recomposed.files)
            if side is not self.base:
                conflicted |= recomposed.conflicts
        base, ours, theirs = versions
        files: dict[str, bytes] = {}
        for path in dict.fromkeys((*ours, *theirs)):
            mine, yours, common = ours.get(path), theirs.get(path), base.get(path)
            if mine == yours or yours == common:
                chosen = mine
            elif mine == common:
                chosen = yours
            else:
                merged = merge(common or b"", mine or b"", yours or b"")
                chosen = merged.render("ours")
                if merged.conflicts:
                    conflicted[path] = merged
            if chosen is not None:
                files[path] = chosen
        return files, conflicted

    def _conflicts(
        self, guarded: Guarded, path: str, result: MergeResult, layout: Layout, files: dict[str, bytes]
    ) -> dict[str, MergeResult]:
        """The conflicts of the monolith's merge, in the layout files in which they stand.

        The three renderings of the merge (each conflict resolved to one side) differ only where it
        conflicts, so their layouts differ only there and in glue that follows from it.
        """
        sides: dict[str, dict[str, bytes]] = {}
        for side in ("base", "theirs"):
            other = self._derive(guarded, path, result.render(side))
            if other is not None:
                sides[side] = self._with_overlays(guarded, other)[0]
        conflicted: dict[str, MergeResult] = {}
        whole_file = len(result.pieces) == 1
        for file, mine in [*files.items()]:
            yours = sides.get("theirs", files).get(file, b"")
            if mine == yours:
                continue
            merged = MergeResult(merge_lines(sides.get("base", {}).get(file, b""), mine, yours))
            if merged.clean and whole_file:
                files[file] = merged.render()
            else:
                conflicted[file] = _forced(merged, mine, yours)
        for file, yours in sides.get("theirs", {}).items():
            if file not in files:
                conflicted[file] = MergeResult((Conflict(b"", b"", yours),))
        if conflicted:
            return conflicted
        # Their side can't be laid out: the conflict stands where our side of it is.
        return dict([_in_place(result, layout, files)])

    def _markers(self, merged: MergeResult) -> bytes:
        return render_markers(merged.pieces, (self.labels[0], "merge base", self.labels[1]), self.style)

    def _stages(
        self, guarded: Guarded, path: str, conflicted: Mapping[str, MergeResult]
    ) -> dict[str, dict[int, Entry]]:
        """Index stages: each side's own file, or what its monolith's layout would have there."""
        stages: dict[str, dict[int, Entry]] = {file: {} for file in conflicted}
        if not conflicted:
            return stages
        for side in (self.base, self.ours, self.theirs):
            if side is None:
                continue
            derived: Mapping[str, bytes] | None = None
            for file in conflicted:
                own = self.repository.entry(side.workspace.tree, file)
                if own is not None and side.guarded(guarded.name) is not None:
                    stages[file][side.number] = own
                    continue
                if derived is None:
                    entry = self.repository.entry(side.tree, path)
                    text = self.repository.read_blob(entry.oid) if entry else None
                    layout = self._derive(guarded, path, text) if text is not None else None
                    derived = {f.path: f.text for f in layout.files} if layout else {}
                if file in derived:
                    stages[file][side.number] = Entry(REGULAR, self.repository.write_blob(derived[file]))
        return stages

    def _upstream_blob(self, guarded: Guarded, path: str) -> str:
        """The blob of upstream's monolith for the new lock: the side that moved on since the base has it.

        It must be a blob that history holds, never one that only a virtual tree has.
        """

        def blob(side: Side | None) -> str | None:
            if side is None:
                return None
            own = side.guarded(guarded.name)
            if own is not None and own.lock is not None:
                return own.lock.upstream
            known = (path_in(side.workspace, guarded), path)
            found = (self.repository.entry(side.workspace.tree, p) for p in known if p is not None)
            return next((entry.oid for entry in found if entry is not None), None)

        base, ours, theirs = blob(self.base), blob(self.ours), blob(self.theirs)
        if theirs is None or (theirs == base and ours is not None):
            assert ours is not None
            return ours
        if ours is None or ours == base or self.theirs.guarded(guarded.name) is None:
            return theirs
        return ours

    def _hunks(self, name: str) -> tuple[Hunk, ...]:
        """The fork's overlay and unmapped hunks before the merge."""
        for side in (self.ours, self.theirs):
            own = side.guarded(name)
            if own is not None:
                return side.workspace.unsplit(own).hunks
        return ()

    # -- monoliths that are gone -------------------------------------------------------------------

    def _gone(self, guarded: Guarded, path: str, outcome: MergeOutcome, laid: Laid) -> RuleOutcome:
        """One side no longer has the monolith, or git followed it to another name."""
        keeper = self.ours if self.repository.entry(self.ours.tree, path) else self.theirs
        own = keeper.guarded(guarded.name)
        laid.edits |= {guarded.lock_path: None}
        if own is None:
            return RuleOutcome(guarded.name, path, State.RETIRED)
        before, pristine = keeper.workspace.unsplit(own), keeper.workspace.pristine(own)
        notes: list[str] = []
        target = self._renamed_to(path, keeper)
        entry = self.repository.entry(outcome.tree, target) if target else None
        if target is not None and entry is not None:
            note = f"upstream renamed {path} to {target}"
            laid.moved.add(target)
            if not any(c.path == target for c in outcome.conflicts):
                if self._derive(guarded, target, self.repository.read_blob(entry.oid)) is not None:
                    self.paths[guarded.name] = target
                    laid.edits.pop(guarded.lock_path)
                    return self._lay_out(guarded, target, entry, outcome, laid)
                note += ", and the rule does not fit it there"
            # git has carried the edits of the monolith to the new name; only the rest is left here.
            kept = self._keep_files(keeper, guarded.name, {h.path for h in before.hunks}, laid)
            notes.append(f"{note}; it is no longer split")
        elif self._versions(path)[keeper.number - 1] == pristine.monolith and not before.hunks:
            laid.settled.add(path)
            laid.edits.setdefault(path, None)
            left = "no local edits" if before.monolith == pristine.monolith else "all local edits moved on"
            lives = (f"upstream has {self.fate.listed}",) if self.fate and self._lives_on else ()
            return RuleOutcome(
                guarded.name, path, self._ended, notes=(*lives, f"{left}: the layout went with it")
            )
        elif self._lives_on:
            assert self.fate is not None
            laid.settled.add(path)
            laid.edits.setdefault(path, None)
            # Edits that were carried to where the code is now are not in this version any more.
            rest = changed_ranges(pristine.monolith, self._versions(path)[keeper.number - 1])
            edits = [e for e in before.edits if any(e.start <= end and start <= e.end for start, end in rest)]
            edited = {e.path for e in edits} | {h.path for h in before.hunks}
            kept = self._keep_files(keeper, guarded.name, edited, laid)
            notes.append(f"upstream has {self.fate.listed}; the file is no longer split")
            items = {i.name for e in edits for i in items_in(pristine.monolith, e.start, e.end)}
            places = self.fate.places(items)
            notes += [f"you edited {f.name}, which is in {f.path}:{f.line} now" for f in places]
            notes.append("make your edits where the code is now, then `git rm` the old files")
        else:
            laid.settled.add(path)
            laid.edits.setdefault(path, None)
            every = sorted(layout_paths(keeper, guarded.name))
            kept = self._keep_files(keeper, guarded.name, every, laid)
            laid.edits[guarded.lock_path] = self.repository.entry(keeper.workspace.tree, guarded.lock_path)
            laid.layouts.append((guarded, before.layout))
            notes.append(
                "upstream deleted the file; to keep your edited layout `git add` what is in conflict;"
                f" to delete it: `git rm -- {shlex.join([*every, guarded.lock_path])}`"
            )
        if kept and target is not None:
            notes.append("what you had beside the map is kept: move it to where it belongs, then `git rm` it")
        return RuleOutcome(
            guarded.name,
            path,
            self._ended if not kept or self._lives_on else State.GONE_EDITED,
            overlay=before.overlay,
            unmapped=before.unmapped,
            conflicts=kept,
            notes=tuple(notes),
        )

    @property
    def _lives_on(self) -> bool:
        """Whether what one side has no more is in other files of it now."""
        return self.fate is not None and self.fate.fate in (Fate.SPLIT, Fate.JOINED)

    @property
    def _ended(self) -> State:
        if self.fate is None or not self._lives_on:
            return State.RETIRED
        return State.JOINED if self.fate.fate is Fate.JOINED else State.SPLIT_UPSTREAM

    def _keep_files(self, keeper: Side, name: str, paths: Iterable[str], laid: Laid) -> tuple[str, ...]:
        """Keep layout files that the other side has no more; the edited ones as git has it for a file
        that one side deleted and the other changed. Gives the conflicted paths.
        """
        own = keeper.guarded(name)
        assert own is not None
        pristine = keeper.workspace.pristine(own)
        conflicted: list[str] = []
        for path in sorted(paths):
            entry = self.repository.entry(keeper.workspace.tree, path)
            if entry is None:
                continue
            laid.edits[path] = entry
            base = pristine.by_path.get(path)
            stages = {keeper.number: entry}
            if base is not None:
                stages[1] = Entry(entry.mode, self.repository.write_blob(base.text))
            other = self.theirs if keeper is self.ours else self.ours
            taken = self.repository.entry(other.workspace.tree, path)
            if taken is not None and other.guarded(name) is None:
                # The other side has a file of its own there.
                stages[other.number] = taken
                texts = (self.repository.read_blob(e.oid) for e in (entry, taken))
                both = MergeResult((Conflict(base.text if base is not None else b"", *texts),))
                laid.edits[path] = Entry(entry.mode, self.repository.write_blob(self._markers(both)))
            if base is None or stages[1].oid != entry.oid:
                laid.stages[path] = stages
                conflicted.append(path)
        return tuple(conflicted)

    def _renamed_to(self, path: str, keeper: Side) -> str | None:
        if self.base is None:
            return None
        other = self.theirs if keeper is self.ours else self.ours
        return self.repository.renames(self.base.tree, other.tree).get(path)


def _forced(merged: MergeResult, ours: bytes, theirs: bytes) -> MergeResult:
    """A merge of two layouts that differ where the monolith's merge conflicts, and so must conflict."""
    if not merged.clean:
        return merged
    own, other = ours.splitlines(keepends=True), theirs.splitlines(keepends=True)
    pieces: list[Piece] = []
    at = 0
    for change in diff(own, other):
        pieces.append(Resolved(b"".join(own[at : change.a0])))
        pieces.append(
            Conflict(b"", b"".join(own[change.a0 : change.a1]), b"".join(other[change.b0 : change.b1]))
        )
        at = change.a1
    pieces.append(Resolved(b"".join(own[at:])))
    return MergeResult(join(pieces))


def _in_place(result: MergeResult, layout: Layout, files: Mapping[str, bytes]) -> tuple[str, MergeResult]:
    """The first conflict of the monolith, whole, in the layout file that holds our side of it."""
    offset = 0
    for piece in result.pieces:
        if isinstance(piece, Conflict):
            break
        offset += len(piece.text)
    else:
        raise AssertionError("a merge without a conflict")
    file, at = layout.to_layout(min(offset, max(0, len(layout.monolith) - 1)))
    end = at + len(piece.ours) if file.text[at:].startswith(piece.ours) else at
    text = files[file.path] if files.get(file.path) == file.text else file.text
    pieces = (Resolved(text[:at]), Conflict(piece.base, text[at:end], piece.theirs), Resolved(text[end:]))
    return file.path, MergeResult(join(pieces), (Note("conflict", "the other side can't be laid out"),))
