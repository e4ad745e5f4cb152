"""A merged monolith laid out again: the derived files, what is beside the map, conflicts in the shards."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from mergeguard.cpp.diff import diff
from mergeguard.errors import LayoutError, Location, MergeguardError
from mergeguard.fork import treelens
from mergeguard.fork.workspace import REGULAR, path_in
from mergeguard.git.objects import Entry
from mergeguard.lens.layout import Layout
from mergeguard.lens.overlay import recompose
from mergeguard.merge import Conflict, MergeResult, Piece, Resolved, merge
from mergeguard.merge.lines import merge_lines
from mergeguard.merge.markers import render_markers
from mergeguard.merge.reasons import told
from mergeguard.merge.result import join
from mergeguard.treemerge.fates import Fate, TracedFate
from mergeguard.treemerge.mergevalues import RuleOutcome, Side, layout_paths
from mergeguard.treemerge.rulepart import RulePart
from mergeguard.values import dataclass, replace


@dataclass(frozen=True)
class Fitting:
    """A merge of the monolith that can be laid out: ``layout`` is that of our side of it, ``others`` those
    of the base's and theirs where it conflicts (none for a side that does not fit)."""

    result: MergeResult
    layout: Layout
    others: Mapping[str, Layout]


def fitting(part: RulePart, path: str, result: MergeResult) -> Fitting:
    """The merge in a form that the rule fits on both sides of each conflict.

    A conflict that cuts through brackets has no side that can be laid out by itself; the two whole files
    have.
    Errors: MergeguardError where the rule does not fit, so that the file can only be merged whole.
    """
    if result.clean:
        return _checked(part, Fitting(result, part.derive(path, result.render("ours")), {}))
    forms = (result, MergeResult((Conflict(*part.versions(path)),), result.notes))
    for form in forms:
        layouts = {side: part.layout(path, form.render(side)) for side in ("base", "ours", "theirs")}
        ours, theirs = layouts["ours"], layouts["theirs"]
        if ours is not None and theirs is not None:
            others = {"theirs": theirs, **({"base": layouts["base"]} if layouts["base"] else {})}
            return _checked(part, Fitting(form, ours, others))
    for text in part.versions(path)[1:]:
        part.derive(path, text)
    raise LayoutError("neither side of its conflict can be laid out", where=Location(path))


def _checked(part: RulePart, fit: Fitting) -> Fitting:
    """The fitting, if its files are the rule's to write."""
    if taken := _taken(part, fit.layout):
        raise LayoutError(
            f"upstream has files of its own where the layout would have them: {', '.join(taken)}"
        )
    mine = part.sides.own_paths | part.laid.settled
    treelens.check_outputs(part.repository, part.outcome.tree, {part.name: fit.layout}, mine)
    owners = part.laid.owners
    for file in fit.layout.files:
        if file.path in owners:
            raise LayoutError(
                f"the rule {owners[file.path]} writes this file, too", where=Location(file.path)
            )
    return fit


def _taken(part: RulePart, layout: Layout) -> list[str]:
    """The files that a side that is not split has of its own where the layout would have them."""
    whole = [side for side in part.both if side.guarded(part.name) is None]
    return [
        file.path
        for file in layout.files
        if file.path != layout.path
        and any(part.repository.entry(side.workspace.tree, file.path) for side in whole)
    ]


def lay_out(part: RulePart, path: str, entry: Entry, fit: Fitting, traced: TracedFate) -> RuleOutcome:
    """Put the layout, its conflicts and its lock into the merge. ``entry`` gives the entry file's mode."""
    laid, layout, result = part.laid, fit.layout, fit.result
    laid.settled.add(path)
    files, conflicted = _with_overlays(part, layout)
    has_our_glue = False
    if not result.clean:
        found, has_our_glue = _conflicts(part, fit, files)
        conflicted |= found
    for merged_path, merged in conflicted.items():
        files[merged_path] = markers(part, merged)
    for side in part.both:
        laid.edits |= dict.fromkeys(layout_paths(side, part.name))
    write = part.repository.write_blob
    laid.edits |= {
        p: Entry(entry.mode if p == path else _mode(part, p), write(text)) for p, text in files.items()
    }
    workspace, upstream = part.both[0].workspace, _upstream_blob(part, path)
    lock = treelens.lock(workspace, part.guarded, layout, upstream, unfinished=has_our_glue)
    laid.edits[part.guarded.lock_path] = Entry(REGULAR, write(lock.to_toml()))
    laid.add(part.guarded, layout)
    laid.stages |= _stages(part, path, conflicted)
    hunks = part.hunks()
    return RuleOutcome(
        part.name,
        path,
        Fate.CONFLICT if conflicted else _fate(part, path, traced),
        overlay=tuple(h for h in hunks if h.is_overlay),
        unmapped=tuple(h for h in hunks if not h.is_overlay),
        conflicts=tuple(sorted(conflicted)),
        notes=(
            *([traced.said(path)] if traced.fate is not Fate.HERE else ()),
            *layout.notes,
            *(n.message for n in result.notes if not n.finding),
            *(why for p, merged in conflicted.items() for why in told(p, merged.pieces, part.sides.style)),
        ),
        findings=tuple(n.message for n in result.findings),
    )


def _mode(part: RulePart, path: str) -> int:
    """The mode of a layout's file: that of the side that changed it."""
    modes = [_mode_in(part, side, path) for side in part.three]
    base, ours, theirs = modes if len(modes) == 3 else (REGULAR, *modes)
    return theirs if ours == base else ours


def _mode_in(part: RulePart, side: Side, path: str) -> int:
    entry = part.repository.entry(side.workspace.tree, path) if side.guarded(part.name) else None
    return entry.mode if entry is not None and entry.is_file else REGULAR


def _fate(part: RulePart, path: str, traced: TracedFate) -> Fate:
    if part.is_taken(path):
        return Fate.TAKEN
    if path_in(part.sides.ours.workspace, part.guarded) != path:
        return Fate.MOVED
    if traced.fate is Fate.SPLIT_UPSTREAM:
        return Fate.SPLIT_UPSTREAM
    base, theirs = part.entry(part.sides.base, path), part.entry(part.sides.theirs, path)
    return Fate.UNCHANGED if part.sides.base is not None and base == theirs else Fate.MERGED


def _with_overlays(part: RulePart, layout: Layout) -> tuple[dict[str, bytes], dict[str, MergeResult]]:
    """The derived layout with what each side has beside the map: merged where both have something of their
    own there, which the base has not."""
    base, ours, theirs = (_beside(side, part.name) for side in (part.sides.base, *part.both))
    if base in (theirs, ours):
        changed = part.both[0] if base == theirs else part.both[1]
        files, conflicts = _recomposed(changed, part.name, layout)
        return dict(files), dict(conflicts)
    return _merged_overlays(part, layout)


def _beside(side: Side | None, name: str) -> object:
    """What a side has beside the map of its layout, as far as it can be compared; None for nothing."""
    own = side.guarded(name) if side is not None else None
    hunks = side.workspace.hunks(own) if side is not None and own is not None else ()
    if not hunks:
        return None
    assert own is not None and own.lock is not None
    lock = own.lock
    over = (lock.monolith, lock.upstream, lock.rule, lock.emission, lock.basis)  # what hunks are in lines of
    return over, [replace(hunk, line=0) for hunk in hunks]


def _recomposed(
    side: Side, name: str, layout: Layout
) -> tuple[Mapping[str, bytes], Mapping[str, MergeResult]]:
    """The derived layout with what one side has beside the map, and the conflicts of that."""
    own = side.guarded(name)
    if own is None:
        return {f.path: f.text for f in layout.files}, {}
    now = side.workspace.layout_files(side.workspace.over(own))
    recomposed = recompose(side.workspace.unsplit(own), now, layout, treelens.merge_text)
    return recomposed.files, recomposed.conflicts


def _merged_overlays(part: RulePart, layout: Layout) -> tuple[dict[str, bytes], dict[str, MergeResult]]:
    conflicted: dict[str, MergeResult] = {}
    base = {f.path: f.text for f in layout.files}
    if part.sides.base is not None:
        base = dict(_recomposed(part.sides.base, part.name, layout)[0])
    ours, theirs = (_recomposed(side, part.name, layout) for side in part.both)
    conflicted |= ours[1]
    conflicted |= theirs[1]
    files: dict[str, bytes] = {}
    for path in dict.fromkeys((*ours[0], *theirs[0])):
        mine, yours, common = ours[0].get(path), theirs[0].get(path), base.get(path)
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


# -- conflicts -----------------------------------------------------------------------------------------


def _conflicts(part: RulePart, fit: Fitting, files: dict[str, bytes]) -> tuple[dict[str, MergeResult], bool]:
    """The conflicts of the monolith's merge, in the layout files in which they stand.

    And whether glue, too, depends on what they become.

    The three renderings of the merge (each conflict resolved to one side) differ only where it conflicts, so
    their layouts differ only there and in glue that follows from it. Glue is derived again from what the
    conflict becomes, so it is none itself: the sides get ours.
    """
    laid = {side: _with_overlays(part, layout)[0] for side, layout in fit.others.items()}
    sides = {
        side: {
            path: _with_glue_of(fit.layout, fit.others[side], path, files, text)
            for path, text in there.items()
        }
        for side, there in laid.items()
    }
    conflicted: dict[str, MergeResult] = {}
    whole_file = len(fit.result.pieces) == 1
    for file, mine in [*files.items()]:
        yours = sides["theirs"].get(file, b"")
        if mine == yours:
            continue
        merged = MergeResult(merge_lines(sides.get("base", {}).get(file, b""), mine, yours))
        if merged.clean and whole_file:
            files[file] = merged.render()
        else:
            conflicted[file] = _forced(merged, mine, yours)
    for file, yours in sides["theirs"].items():
        if file not in files:
            conflicted[file] = MergeResult((Conflict(b"", b"", yours),))
    return conflicted, sides != laid


def _with_glue_of(ours: Layout, other: Layout, path: str, files: Mapping[str, bytes], text: bytes) -> bytes:
    """A side's file with the glue that ours has, wherever nothing but glue differs; as it is with overlay."""
    mine, yours = ours.by_path.get(path), other.by_path.get(path)
    if mine is None or yours is None or mine.text != files.get(path) or yours.text != text:
        return text
    own, there = mine.text.splitlines(keepends=True), text.splitlines(keepends=True)
    own_at, there_at = (list(accumulate(map(len, lines), initial=0)) for lines in (own, there))
    out: list[bytes] = []
    at = 0
    for change in diff(own, there):
        out += there[at : change.b0]
        at = change.b1
        derived = mine.is_glue(own_at[change.a0], own_at[change.a1]) and yours.is_glue(
            there_at[change.b0], there_at[change.b1]
        )
        out += own[change.a0 : change.a1] if derived else there[change.b0 : change.b1]
    return b"".join([*out, *there[at:]])


def markers(part: RulePart, merged: MergeResult) -> bytes:
    """A conflicted text as it is written, with git's markers in the user's style."""
    ours, theirs = part.sides.labels
    return render_markers(merged.pieces, (ours, "merge base", theirs), part.sides.style)


def _stages(part: RulePart, path: str, conflicted: Mapping[str, MergeResult]) -> dict[str, dict[int, Entry]]:
    """Index stages: each side's own file, or what its monolith's layout would have there."""
    stages: dict[str, dict[int, Entry]] = {file: {} for file in conflicted}
    for side in part.three if conflicted else ():
        derived: Mapping[str, bytes] | None = None
        for file in conflicted:
            own = part.repository.entry(side.workspace.tree, file)
            if own is not None and side.guarded(part.name) is not None:
                stages[file][side.number] = own
                continue
            if derived is None:
                derived = _derived(part, side, path)
            if file in derived:
                stages[file][side.number] = Entry(REGULAR, part.repository.write_blob(derived[file]))
    return stages


def _derived(part: RulePart, side: Side, path: str) -> Mapping[str, bytes]:
    """What the layout of a side's monolith would have, by path; nothing where the rule does not fit it."""
    entry = part.entry(side, path)
    layout = part.layout(path, part.repository.read_blob(entry.oid)) if entry else None
    return {f.path: f.text for f in layout.files} if layout else {}


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


# -- the lock ------------------------------------------------------------------------------------------


def _upstream_blob(part: RulePart, path: str) -> str:
    """The blob of upstream's monolith for the new lock: the side that moved on since the base has it.

    It must be a blob that history holds, never one that only a virtual tree has.
    """
    base, ours, theirs = (_blob(part, side, path) for side in (part.sides.base, *part.both))
    if theirs is None or (theirs == base and ours is not None):
        assert ours is not None
        return ours
    if ours is None or ours == base or part.sides.theirs.guarded(part.name) is None:
        return theirs
    return ours


def _blob(part: RulePart, side: Side | None, path: str) -> str | None:
    """What a side says upstream's monolith is: its lock, or the file that it has whole."""
    if side is None:
        return None
    own = side.guarded(part.name)
    if own is not None and own.lock is not None:
        return own.lock.upstream
    known = (path_in(side.workspace, part.guarded), path)
    found = (part.repository.entry(side.workspace.tree, p) for p in known if p is not None)
    return next((entry.oid for entry in found if entry is not None), None)


def why(error: MergeguardError) -> str:
    """An error of the rule as a clause of a note."""
    return error.message if error.where is None or error.where.line is None else str(error)
