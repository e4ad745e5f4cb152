"""The ways in which a split ends with a merge, one function each; what is left of it is the file, whole.

Nothing is lost with a split: the monolith's merge has the edits of its text, and what the fork has beside the
map stays in the layout's files, as git has it for a file that one side deleted and the other changed.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from mergeguard.cpp.diff import changed_ranges
from mergeguard.errors import MergeguardError
from mergeguard.git.objects import Entry
from mergeguard.lens.hunks import Unsplit
from mergeguard.merge import Conflict, MergeResult
from mergeguard.merge.moved.finddefinitions import items_in
from mergeguard.treemerge.fates import Fate, TracedFate
from mergeguard.treemerge.layingout import markers, why
from mergeguard.treemerge.mergevalues import RuleOutcome, Side, layout_paths
from mergeguard.treemerge.rulepart import RulePart
from mergeguard.values import replace

_MOVE_KEPT = "what you had typed into the layout alone is kept: move it to where it belongs, then `git rm` it"


def not_split(part: RulePart, path: str | None) -> RuleOutcome:
    """The monolith is not split in the result; git's own merge of it stands."""
    # A commit that is replayed onto where the split has ended may bring its lock along.
    part.laid.edits[part.guarded.lock_path] = None
    part.laid.settled.add(part.guarded.lock_path)
    if path is None:
        return RuleOutcome(part.name, part.guarded.rule.monolith, Fate.NOT_SPLIT)
    if part.fate is not None and lives_on(part) and part.conflicts_at(path):
        said = f"upstream has {part.fate.listed}; make your edits there, then `git rm` the old file"
        return RuleOutcome(part.name, path, _gone(part), notes=(said,))
    base, ours = part.sides.base, part.sides.ours
    had = [part.repository.entry(side.tree, path) for side in (base, ours) if side is not None]
    if any(had) or base is None:
        return RuleOutcome(part.name, path, Fate.NOT_SPLIT)
    note = f"`mergeguard split {part.name}` splits it again"
    return RuleOutcome(part.name, path, Fate.RETURNED, notes=(note,))


def unfit(
    part: RulePart, path: str, traced: TracedFate, result: MergeResult, error: MergeguardError
) -> RuleOutcome:
    """The rule does not fit what the merge gives: the monolith's own merge stands, whole, in the result."""
    moved = traced.fate is Fate.MOVED or traced.hollow
    said = (
        f"{traced.said(path)}, and the rule does not fit what is there" if moved else "the rule does not fit"
    )
    rule = part.guarded.rule_path
    way = f"adapt {rule}, then `mergeguard split {part.name}`; or `mergeguard leave {part.name}`"
    if moved:
        way = f"adapt the rule, or `git rm {rule}`"
    notes = [f"{said} ({why(error)}); it is no longer split: {way}"]
    kept = _end(part, path, result)
    if kept:
        notes.append(_MOVE_KEPT)
    before = _before(part, part.splitter())
    fate = (Fate.MOVED if traced.fate is Fate.MOVED else Fate.SPLIT_UPSTREAM) if moved else Fate.UNFIT
    return RuleOutcome(
        part.name,
        path,
        Fate.CONFLICT if kept or not result.clean else fate,
        overlay=before.overlay,
        unmapped=before.unmapped,
        conflicts=kept if result.clean else (*kept, path),
        notes=tuple(notes),
    )


def replaced(part: RulePart, path: str, entry: Entry) -> RuleOutcome:
    """A side has made the monolith a link, a submodule or a folder: git's own merge of that stands."""
    laid, keeper = part.laid, part.splitter()
    laid.edits |= {part.guarded.lock_path: None}
    laid.moved.add(path)
    kept = _keep_files(part, keeper, {h.path for h in _before(part, keeper).hunks} - {path})
    notes = (f"{path} is {entry.kind} now; it is no longer split", *((_MOVE_KEPT,) if kept else ()))
    outcome = _ended(part, path, keeper, kept, notes)
    return replace(outcome, state=Fate.CONFLICT if kept or part.conflicts_at(path) else Fate.UNFIT)


def _end(part: RulePart, path: str, result: MergeResult) -> tuple[str, ...]:
    """Put the monolith's merge, whole, into the result; gives the conflicted paths of what is kept."""
    laid = part.laid
    laid.edits |= {part.guarded.lock_path: None}
    laid.moved.add(path)
    laid.settled.add(path)
    entry = part.repository.entry(part.outcome.tree, path)
    assert entry is not None
    text = result.render("ours") if result.clean else markers(part, result)
    laid.edits[path] = Entry(entry.mode, part.repository.write_blob(text))
    if not result.clean:
        found = {side.number: part.entry(side, path) for side in part.three}
        laid.stages[path] = {number: e for number, e in found.items() if e is not None}
    keeper = part.splitter()
    return _keep_files(part, keeper, {h.path for h in _before(part, keeper).hunks})


# -- monoliths that are gone ---------------------------------------------------------------------------


def lives_on(part: RulePart) -> bool:
    """Whether what one side has no more is in other files of it now."""
    return part.fate is not None and part.fate.fate in (Fate.SPLIT_UPSTREAM, Fate.JOINED)


def _gone(part: RulePart) -> Fate:
    return part.fate.fate if part.fate is not None and lives_on(part) else Fate.RETIRED


def renamed(part: RulePart, path: str, target: str, *, fits: bool) -> RuleOutcome:
    """git followed the file to another name and carried the edits of the monolith there; only what is beside
    the map is left here. ``fits``: whether the rule would, but for a conflict there."""
    keeper = part.keeper(path)
    before = _before(part, keeper)
    said = f"upstream renamed {path} to {target}" + ("" if fits else ", and the rule does not fit it there")
    kept = _keep_files(part, keeper, {h.path for h in before.hunks})
    notes = (f"{said}; it is no longer split", *((_MOVE_KEPT,) if kept else ()))
    return _ended(part, path, keeper, kept, notes)


def retired(part: RulePart, path: str) -> RuleOutcome:
    """Upstream has the file no more, and there is nothing of the fork's in it: the layout goes, too."""
    keeper = part.keeper(path)
    own = keeper.guarded(part.name)
    assert own is not None
    edited = _before(part, keeper).monolith != keeper.workspace.pristine(own).monolith
    _drop(part, path)
    left = "all local edits moved on" if edited else "no local edits"
    lives = (f"upstream has {part.fate.listed}",) if part.fate and lives_on(part) else ()
    return RuleOutcome(part.name, path, _gone(part), notes=(*lives, f"{left}: the layout went with it"))


def scattered(part: RulePart, path: str) -> RuleOutcome:
    """The code is in other files of upstream's now; edits that could not follow wait in the old files."""
    assert part.fate is not None
    keeper = part.keeper(path)
    own = keeper.guarded(part.name)
    assert own is not None
    before, pristine = _before(part, keeper), keeper.workspace.pristine(own)
    _drop(part, path)
    # Edits that were carried to where the code is now are not in this version any more.
    rest = changed_ranges(pristine.monolith, part.versions(path)[keeper.number - 1])
    edits = [e for e in before.edits if any(e.start <= end and start <= e.end for start, end in rest)]
    kept = _keep_files(part, keeper, {e.path for e in edits} | {h.path for h in before.hunks})
    items = {i.name for e in edits for i in items_in(pristine.monolith, e.start, e.end)}
    notes = (
        f"upstream has {part.fate.listed}; the file is no longer split",
        *(f"you edited {f.name}, which is in {f.path}:{f.line} now" for f in part.fate.places(items)),
        "make your edits where the code is now, then `git rm` the old files",
    )
    return _ended(part, path, keeper, kept, notes)


def deleted(part: RulePart, path: str) -> RuleOutcome:
    """Upstream deleted what the fork has edited: a person decides, as about any file."""
    keeper = part.keeper(path)
    before = _before(part, keeper)
    _drop(part, path)
    every = sorted(layout_paths(keeper, part.name))
    kept = _keep_files(part, keeper, every)
    lock = part.guarded.lock_path
    part.laid.edits[lock] = part.repository.entry(keeper.workspace.tree, lock)
    part.laid.add(part.guarded, before.layout)
    note = (
        "upstream deleted the file; to keep your edited layout `git add` what is in conflict;"
        f" to delete it: `git rm -- {shlex.join([*every, lock])}`"
    )
    return _ended(part, path, keeper, kept, (note,))


def _ended(
    part: RulePart, path: str, keeper: Side, kept: tuple[str, ...], notes: tuple[str, ...]
) -> RuleOutcome:
    before = _before(part, keeper)
    fate = _gone(part) if not kept or lives_on(part) else Fate.GONE_EDITED
    return RuleOutcome(
        part.name,
        path,
        fate,
        overlay=before.overlay,
        unmapped=before.unmapped,
        conflicts=kept,
        notes=notes,
    )


def _before(part: RulePart, keeper: Side) -> Unsplit:
    own = keeper.guarded(part.name)
    assert own is not None
    return keeper.workspace.unsplit(own)


def _drop(part: RulePart, path: str) -> None:
    part.laid.settled.add(path)
    part.laid.edits.setdefault(path, None)


def _keep_files(part: RulePart, keeper: Side, paths: Iterable[str]) -> tuple[str, ...]:
    """Keep layout files that the other side has no more; the edited ones as git has it for a file that one
    side deleted and the other changed. Gives the conflicted paths.
    """
    own = keeper.guarded(part.name)
    assert own is not None
    over = keeper.workspace.over(own)
    other = part.other(keeper)
    write = part.repository.write_blob
    conflicted: list[str] = []
    for path in sorted(paths):
        entry = part.repository.entry(keeper.workspace.tree, path)
        if entry is None:
            continue
        part.laid.edits[path] = entry
        base = over.by_path.get(path)
        stages = {keeper.number: entry}
        if base is not None:
            stages[1] = Entry(entry.mode, write(base.text))
        taken = part.repository.entry(other.workspace.tree, path)
        if taken is not None and other.guarded(part.name) is None:
            # The other side has a file of its own there.
            stages[other.number] = taken
            texts = (part.repository.read_blob(e.oid) for e in (entry, taken))
            both = MergeResult((Conflict(base.text if base is not None else b"", *texts),))
            part.laid.edits[path] = Entry(entry.mode, write(markers(part, both)))
        if base is None or stages[1].oid != entry.oid:
            part.laid.stages[path] = stages
            conflicted.append(path)
    return tuple(conflicted)
