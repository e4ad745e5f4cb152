"""Unmapped hunks reviewed to the end: listed, put where they belong, taken out, rewritten, or kept.

Every change is proved through the lens before it lands, and lands staged in one step. What leaves the
layout is kept as a patch under ``<git-dir>/mergeguard/dropped``.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from mergeguard import store
from mergeguard.cpp.text import line_of
from mergeguard.errors import LayoutError, Location, MergeguardError
from mergeguard.fork import candidates, keepmarks, patches
from mergeguard.fork.candidates import Anchor, Desk, MovedText
from mergeguard.fork.fork import Fork
from mergeguard.fork.keepmarks import KEPT
from mergeguard.fork.report import Case, hunk_ids, nearest
from mergeguard.fork.workspace import REGULAR, Guarded, Workspace
from mergeguard.git import landing
from mergeguard.git.durable import write_atomic
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.lens.hunks import Unsplit
from mergeguard.values import dataclass, replace

DROPPED = "mergeguard/dropped"

_EDIT_HELP = """\
# {reason}.
# This patch puts the hunk into the layout; what you save is applied instead of it, staged.
# You may change the added lines, the file and the line numbers; counts in @@ lines are corrected.
# Lines up to the first `---` are ignored. An empty file leaves everything as it is.
"""


# -- reading -----------------------------------------------------------------------------------------


def desk(workspace: Workspace, guarded: Guarded) -> Desk:
    """A split rule's layout in this tree, ready for review."""
    pristine = workspace.pristine(guarded)
    return Desk(
        pristine,
        workspace.layout_files(workspace.over(guarded)),
        workspace.unsplit(guarded),
        lambda text: workspace.split_with_lock(guarded, text),
        guarded.lock.order if guarded.lock is not None else (),
        workspace.basis(guarded),
    )


def cases(
    workspace: Workspace,
    guarded: Guarded,
    *,
    suggest: bool = True,
    unstaged: frozenset[str] = frozenset(),
) -> tuple[Case, ...]:
    """The unmapped hunks of one split rule, kept ones included; ``suggest`` looks for places (slower)."""
    if all(hunk.is_overlay for hunk in workspace.hunks(guarded)):
        return ()
    here = desk(workspace, guarded)
    marks = keepmarks.marks(workspace)
    found: list[Case] = []
    for name, hunk in hunk_ids(here.before.unmapped).items():
        why = marks.get(name)
        item, line = (
            nearest(here.over.monolith, hunk) if hunk.anchor is not None else candidates.alike(here, name)
        )
        found.append(
            Case(
                name,
                guarded.name,
                hunk,
                item,
                line,
                candidates.candidates(here, name) if suggest and why is None else (),
                why,
                hunk.path in unstaged,
                case_patch(here, name),
            )
        )
    return tuple(found)


def case_patch(here: Desk, name: str) -> bytes:
    """The patch that puts a hunk into the layout without it; ``git apply -R`` takes it out."""
    hunk = hunk_ids(here.before.unmapped)[name]
    out = candidates.without(here, name)
    if out is not None:
        return patches.unified(hunk.path, out[hunk.path], here.files.get(hunk.path))
    return patches.unified(hunk.path, here.over.by_path[hunk.path].text, here.files.get(hunk.path))


def unstaged_paths(repository: Repository) -> frozenset[str]:
    """Tracked files whose content on disk is not the index's."""
    return frozenset(e.path for e in repository.dirty() if e.unstaged not in ".?")


def review(fork: Fork, *, suggest: bool = True) -> tuple[Case, ...]:
    """All unmapped hunks of the work tree."""
    workspace = fork.work_tree()
    unstaged = unstaged_paths(fork.repository)
    return tuple(
        case
        for guarded in workspace.split_rules
        for case in cases(workspace, guarded, suggest=suggest, unstaged=unstaged)
    )


def pick(found: Iterable[Case], name: str) -> Case:
    """The one hunk whose id starts with ``name``; LayoutError lists the ids there are."""
    known = list(found)
    matching = [c for c in known if name and c.id.startswith(name.lower())]
    if len(matching) == 1:
        return matching[0]
    listed = ", ".join(c.id for c in (matching or known)) or "none"
    raise LayoutError(
        f"{'several hunks begin' if matching else 'no unmapped hunk begins'} with `{name}` ({listed})",
        hint="`mergeguard unmapped list` shows them",
    )


def find(fork: Fork, name: str, *, suggest: bool = True) -> Case:
    """One hunk of the work tree by id; places are looked for only for it."""
    workspace = fork.work_tree()
    unstaged = unstaged_paths(fork.repository)
    case = pick(
        (
            c
            for guarded in workspace.split_rules
            for c in cases(workspace, guarded, suggest=False, unstaged=unstaged)
        ),
        name,
    )
    if not suggest:
        return case
    here = desk(workspace, workspace.rule(case.rule))
    return replace(case, places=candidates.candidates(here, case.id))


# -- changing ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a command did: the case, the layout files it staged, and where the old text is kept, if it is.

    ``mapped`` says whether the text is in the monolith now, ``left`` are hunks that are still unmapped.
    """

    case: Case
    files: tuple[str, ...]
    saved: str | None = None
    mapped: bool = False
    left: tuple[Case, ...] = ()
    place: tuple[str, int] | None = None


@dataclass(frozen=True)
class _Table:
    """A hunk picked up from the index."""

    workspace: Workspace
    guarded: Guarded
    desk: Desk
    case: Case


def _pick_up(fork: Fork, name: str, *, suggest: bool = False) -> _Table:
    workspace = fork.staged()
    found = {guarded.name: cases(workspace, guarded, suggest=False) for guarded in workspace.split_rules}
    every = [c for group in found.values() for c in group]
    if not any(c.id.startswith(name.lower()) for c in every):
        case = pick(review(fork, suggest=False), name)
        raise LayoutError(
            "the hunk is in changes that are not staged",
            where=Location(case.hunk.path, case.hunk.line),
            hint=f"`git add -- {case.hunk.path}`, then run this again",
        )
    case = pick(every, name)
    guarded = workspace.rule(case.rule)
    here = desk(workspace, guarded)
    if suggest:
        case = replace(case, places=candidates.candidates(here, case.id))
    return _Table(workspace, guarded, here, case)


def _taken_out(table: _Table) -> dict[str, bytes | None]:
    out = candidates.without(table.desk, table.case.id)
    if out is None:
        hunk = table.case.hunk
        raise LayoutError(
            "the hunk shares its lines with another local edit and can't be taken out alone",
            where=Location(hunk.path, hunk.line),
            hint=f"edit {hunk.path} by hand: put the two on lines of their own",
        )
    return out


def _land(
    fork: Fork,
    table: _Table,
    files: Mapping[str, bytes | None],
    what: str,
    *,
    save: bool = True,
    unmark: bool = True,
) -> str | None:
    """Stage the files, save the hunk's patch in the same step, drop its mark. Gives the patch's path."""
    repository = fork.repository
    base = repository.index_tree()
    edits: dict[str, Entry | None] = {}
    for path, text in files.items():
        entry = repository.entry(base, path)
        if entry is not None and not entry.is_file:
            raise LayoutError(
                f"{entry.kind} stands where the layout's file would be",
                where=Location(path),
                hint=f"move it away first: `git rm -r --cached -- {path}`, and rename it",
            )
        if text is not None:
            mode = REGULAR if entry is None else entry.mode
            edits[path] = Entry(mode, repository.write_blob(text))
        elif entry is not None:
            edits[path] = None
    mark = f"{KEPT}/{table.case.id}.toml"
    if unmark and repository.entry(base, mark) is not None:
        edits[mark] = None
    saved = f"{DROPPED}/{table.case.id}.patch"
    landing.land(
        repository,
        landing.Outcome(
            tree=repository.edit_tree(base, edits),
            expected_head=fork.head(),
            reflog=f"mergeguard unmapped {what}",
            base_tree=base,
            state=(landing.StateFile(saved, table.case.patch),) if save else (),
        ),
    )
    return str(repository.git_dir / saved) if save else None


def apply(
    fork: Fork,
    name: str,
    to: tuple[str, int] | None = None,
    anchor: Anchor | None = None,
    *,
    dry_run: bool = False,
) -> Resolution:
    """Put a hunk's text where it maps into the monolith: before line ``to[1]`` of layout file ``to[0]``, or
    where ``anchor`` says.

    Without either, the only candidate place there is. Raises LayoutError, nothing changed, if the text
    would not be mapped there or is no text for that place, or where the choice is not certain.
    """
    table = _pick_up(fork, name, suggest=to is None and anchor is None)
    if anchor is not None:
        to = _anchored(table, anchor)
    if to is None:
        options = table.case.places
        if len(options) != 1:
            listed = ", ".join(f"{p.path}:{p.line} ({p.side} {p.item})" for p in options)
            raise LayoutError(
                f"{len(options)} places would do: {listed}" if options else "no place for it was found",
                where=Location(table.case.hunk.path, table.case.hunk.line),
                hint=f"name the place: `mergeguard unmapped apply {table.case.id} --after NAME`",
            )
        to = (options[0].path, options[0].line)
    moved = candidates.put(table.desk, table.case.id, _taken_out(table), *to)
    if not isinstance(moved, MovedText):
        raise LayoutError(
            f"the text can't go there: {moved}",
            where=Location(*to),
            hint=f"`mergeguard unmapped show {table.case.id}` lists places that work",
        )
    moved = candidates.refreshed(table.desk, moved)
    saved = None if dry_run else _land(fork, table, moved.files, f"apply {table.case.id}")
    place = _place_of(candidates.added_text(table.case.hunk), moved.files) or to
    return Resolution(table.case, tuple(sorted(moved.files)), saved, True, place=place)


def _place_of(text: bytes, files: Mapping[str, bytes | None]) -> tuple[str, int] | None:
    """The file and 1-based line at which a text stands; None where it does not stand once."""
    found = [(path, now.index(text)) for path, now in files.items() if now and now.count(text) == 1]
    if len(found) != 1:
        return None
    path, at = found[0]
    return path, line_of(files[path] or b"", at + len(text) - len(text.lstrip()))


def _anchored(table: _Table, anchor: Anchor) -> tuple[str, int]:
    """The one place that an anchor names; LayoutError with what tells several apart."""
    found = candidates.anchored(table.desk, anchor)
    if len(found) == 1:
        return found[0].path, found[0].line
    where = Location(table.case.hunk.path, table.case.hunk.line)
    if not found:
        raise LayoutError(
            f"there is no `{anchor.name}`"
            + (f" under {anchor.when}" if anchor.when else "")
            + (f" with the line `{anchor.below}`" if anchor.below else ""),
            where=where,
            hint=f"`mergeguard unmapped show {table.case.id}` lists places that work",
        )
    listed = "; ".join(f"{p.path}:{p.line}, {p.condition or 'always'}" for p in found)
    raise LayoutError(
        f"there are {len(found)} of them: {listed}",
        where=where,
        hint="say which with `--when CONDITION`, or name the line: `--to FILE:LINE`",
    )


def drop(fork: Fork, name: str, *, dry_run: bool = False) -> Resolution:
    """Take a hunk out of the layout; its patch is kept below ``<git-dir>/mergeguard/dropped``."""
    table = _pick_up(fork, name)
    out = _taken_out(table)
    saved = None if dry_run else _land(fork, table, out, f"drop {table.case.id}")
    return Resolution(table.case, tuple(sorted(out)), saved)


def keep(fork: Fork, name: str, why: str = "", *, undo: bool = False) -> Resolution:
    """Record, staged, that a hunk belongs to the layout, or that an edit of glue is meant; ``undo`` opens it
    again.

    The mark names the hunk by its text: when the text or what it replaces changes, the hunk is open again.
    An edit of glue needs a reason: what `check` says of it is a note then, with that reason.
    """
    table = _glue(fork.staged(), name) or _pick_up(fork, name)
    if table.case.hunk.is_overlay and not why and not undo:
        raise LayoutError(
            "an edit of glue is accepted with a reason only",
            where=Location(table.case.hunk.path, table.case.hunk.line),
            hint=f"`mergeguard unmapped keep {table.case.id} --why TEXT`",
        )
    case = table.case
    path = f"{KEPT}/{case.id}.toml"
    if undo and case.kept is None:
        raise LayoutError(
            f"the hunk {case.id} is open already", where=Location(case.hunk.path, case.hunk.line)
        )
    mark = None if undo else _mark(case, why)
    _land(fork, table, {path: mark}, f"keep {case.id}", save=False, unmark=False)
    return Resolution(replace(case, kept=None if undo else why), (path,))


def _glue(workspace: Workspace, name: str) -> _Table | None:
    """The edit of glue whose id begins with ``name``; None where there is not exactly one."""
    found = [
        (guarded, identity, hunk)
        for guarded in workspace.split_rules
        for identity, hunk in hunk_ids([h for h in workspace.hunks(guarded) if h.is_overlay]).items()
        if name and identity.startswith(name.lower())
    ]
    if len(found) != 1:
        return None
    guarded, identity, hunk = found[0]
    case = Case(identity, guarded.name, hunk, kept=keepmarks.marks(workspace).get(identity))
    return _Table(workspace, guarded, desk(workspace, guarded), case)


def _mark(case: Case, why: str) -> bytes:
    return store.write_toml(
        "Written by `mergeguard unmapped keep`: this hunk belongs to the layout.",
        {
            "rule": store.quoted(case.rule),
            "file": store.quoted(case.hunk.path),
            "why": why.encode("utf-8", "replace").decode(),
        },
    )


# -- editing -----------------------------------------------------------------------------------------


def edit(fork: Fork, name: str) -> Resolution | None:
    """Open git's editor on the hunk's patch and apply what is saved instead; None if nothing was changed."""
    table = _pick_up(fork, name)
    out = _taken_out(table)
    before = _EDIT_HELP.format(reason=table.case.message).encode() + table.case.patch
    path, opened, after = _edited(fork.repository, f"edit-{table.case.id}.patch", before)
    done = None
    if after != opened and after.strip():
        try:
            done = replacement(fork, table.case.id, after, out=out)
        except MergeguardError as error:
            error.changed = f"nothing was changed; your patch is in {path}"
            raise
    path.unlink()
    return done


def replacement(
    fork: Fork, name: str, patch: bytes, *, out: Mapping[str, bytes | None] | None = None
) -> Resolution:
    """Apply ``patch`` to the layout without the hunk, in place of the hunk.

    It may touch files of the hunk's layout only. Raises LayoutError, nothing changed, if it does not
    apply, or if it would change another hunk.
    """
    table = _pick_up(fork, name)
    taken = _taken_out(table) if out is None else out
    body = _body(patch)
    if not body:
        raise LayoutError(
            "the patch is empty", hint=f"`mergeguard unmapped drop {table.case.id}` takes the hunk out"
        )
    read = patches.read(body, recount=True)
    strange = [p.path for p in read if p.path not in table.desk.over.by_path]
    if strange:
        raise LayoutError(
            f"this file is not of the layout of rule {table.guarded.name}",
            where=Location(strange[0]),
            hint="the patch may change: " + ", ".join(table.desk.over.by_path),
        )
    changed = {**taken, **patches.apply(read, {**table.desk.files, **taken})}
    after = table.desk.unsplit(changed)
    left = _left(table, after)
    saved = _land(fork, table, changed, f"edit {table.case.id}")
    return Resolution(table.case, tuple(sorted(changed)), saved, not left, left)


def _left(table: _Table, after: Unsplit) -> tuple[Case, ...]:
    """The hunks that the edited text leaves unmapped; LayoutError if it changes another one."""
    before = table.desk.before
    others = candidates.texts(before.unmapped) - candidates.texts([table.case.hunk])
    if lost := others - candidates.texts(after.unmapped):
        raise LayoutError(
            "the edited patch changes the lines of another unmapped hunk",
            where=Location(next(iter(lost))[0]),
            hint="resolve that one first; `mergeguard unmapped list` shows them",
        )
    fresh = candidates.texts(after.unmapped) - others
    return tuple(
        Case(i, table.guarded.name, hunk, *nearest(table.desk.over.monolith, hunk))
        for i, hunk in hunk_ids(after.unmapped).items()
        if (hunk.path, hunk.old, hunk.new) in fresh
    )


def _body(patch: bytes) -> bytes:
    """The patch without the help above it."""
    lines = patches.git_lines(patch)
    start = next((n for n, line in enumerate(lines) if line.startswith((b"--- ", b"diff --git "))), None)
    return b"" if start is None else b"".join(lines[start:])


def _edited(repository: Repository, name: str, text: bytes) -> tuple[Path, bytes, bytes]:
    """The file, what it held, and what the user makes of it in git's editor. Errors: MergeguardError."""
    folder = repository.private_dir
    path = folder / name
    if path.exists() and path.read_bytes() != text:
        # A run that was killed, or whose patch was refused, left what the user had typed.
        kept = folder / "saved" / f"{path.stem}-{int(path.stat().st_mtime)}.patch"
        write_atomic(kept, path.read_bytes(), folder / "tmp")
        text = f"# What you had typed here before is in {kept}\n".encode() + text
    write_atomic(path, text, folder / "tmp")
    editor = repository.git("var", "GIT_EDITOR").text
    # As git starts an editor: by the shell, with the file as its last argument.
    ended = subprocess.run(["sh", "-c", f'{editor} "$@"', editor, str(path)], check=False)
    if ended.returncode:
        raise MergeguardError(
            f"the editor `{editor}` ended with status {ended.returncode}", hint=f"the patch is in {path}"
        )
    return path, text, path.read_bytes()
