"""Edits that follow their declarations from file to file, on the three trees of a merge.

Where one side moved a declaration that the other side edited, the trees are changed before git merges them
(``mergeguard.merge.moved.moves`` says how), so that what is merged is the edit where the declaration is
now. Only files that both sides changed are looked at, and only where such a move is likely are the other
files read that the moving side changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from mergeguard.cpp.filenames import SOURCES
from mergeguard.git.objects import MODE_FILE, Entry
from mergeguard.git.repository import Repository
from mergeguard.values import dataclass, field, replace

if TYPE_CHECKING:
    from mergeguard.lens.layout import Layout
    from mergeguard.merge.moved.carrying import Carried, Rewritten
    from mergeguard.merge.moved.leftovers import Leftovers
    from mergeguard.merge.moved.loose import Loose
    from mergeguard.merge.moved.movedvalues import BaseDefinition, File
    from mergeguard.merge.moved.moves import SplitFiles


class Destination(StrEnum):
    """What became of an edit whose declaration is elsewhere now."""

    FOLLOWED = "followed"
    CONFLICT = "conflict at the new place"
    UNSURE = "not followed"


@dataclass(frozen=True, slots=True)
class DeclarationPlace:
    """Where a declaration is: path, 1-based line (0: not known) and name."""

    path: str
    line: int
    name: str


@dataclass(frozen=True, slots=True)
class Followed:
    """An edit of declaration ``name`` in ``path``, which the other side has in ``places`` (candidates, more
    than one or none certain, where it was not followed)."""

    name: str
    path: str
    fate: Destination
    places: tuple[DeclarationPlace, ...]
    why: str = ""
    beside: bool = False  # it has no place of its own and went with its neighbours

    @property
    def message(self) -> str:
        """One sentence for people."""
        there = ", ".join(f"{p.path}:{p.line}" if p.line else p.path for p in self.places)
        if self.fate is Destination.UNSURE:
            return f"{self.path}: {self.why}: look at {there}"
        if self.beside:
            verb = "goes to" if self.fate is Destination.FOLLOWED else "conflicts at"
            left = self.why or "with what it stood beside"
            return f"{self.name}, changed in {self.path}, {verb} {there} ({left})"
        renamed = self.places[0].name
        called = f", as {renamed}" if renamed != self.name else ""
        verb = "follows it" if self.fate is Destination.FOLLOWED else "conflicts there"
        left = f" ({self.why})" if self.why else ""
        return f"{self.name} moved from {self.path} to {there}{called}: the edit {verb}{left}"


Changes = Mapping[str, tuple[Entry | None, Entry | None]]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What was done to a file before the merge; ``gains``: an edit went there, not away from there."""

    before: Entry
    after: Entry
    gains: bool


Rewrites = Mapping[str, Rewrite]


@dataclass(frozen=True)
class FollowedTrees:
    """The three trees to merge, with edits carried over; ``carried`` is what to look for in the result,
    ``loose`` are the changes between declarations that went with their neighbours.

    ``rewritten`` has each file that was changed for that, with its entry before and after on the side where
    it was: files that edits went to on the moving side, files that they left on the editing side.
    """

    base: str
    ours: str
    theirs: str
    unsure: tuple[Followed, ...] = ()
    carried: tuple[Carried, ...] = ()
    loose: tuple[Loose, ...] = ()
    rewritten: Rewrites = field(default_factory=dict)


def follow(repository: Repository, base: str, ours: str, theirs: str) -> FollowedTrees:
    """Carry the edits of each side over to where the other side has their declarations (trees in and out)."""
    trees = FollowedTrees(base, ours, theirs)
    both = [
        file.path
        for file in repository.objects.changed_by_both(base, ours, theirs)
        if file.path.endswith(SOURCES)
        and all(e is None or e.is_file for e in (file.before, file.one, file.other))
    ]
    for editor_is_ours in (True, False) if both else ():
        mover = theirs if editor_is_ours else ours
        trees = _Direction(repository, trees, (base, mover), both, editor_is_ours).run()
    return trees


def _changed(repository: Repository, old: str, new: str) -> Changes:
    """The C++, CUDA and HIP files in which two trees differ, renames not followed."""
    return {
        change.old: (change.before, change.after)
        for change in repository.diff_trees(old, new, renames=False)
        if change.old.endswith(SOURCES) and all(e is None or e.is_file for e in (change.before, change.after))
    }


class _Direction:
    """One side's edits carried over to where the other, the mover, has their declarations."""

    def __init__(
        self,
        repository: Repository,
        trees: FollowedTrees,
        moving: tuple[str, str],
        both: list[str],
        editor_is_ours: bool,
    ) -> None:
        self.repository = repository
        self.trees = trees
        self.moving = moving  # the base and the mover as they were before any edit was carried over
        self.both = both
        self.editor_is_ours = editor_is_ours
        self.editor, self.mover = (trees.ours, trees.theirs) if editor_is_ours else (trees.theirs, trees.ours)

    def run(self) -> FollowedTrees:
        from mergeguard.merge.moved.carrying import carry, rewrite
        from mergeguard.merge.moved.moves import find_changes

        if not self._likely():
            return self.trees
        files = self._files()
        moves, unsure, changes, splits = find_changes(files)
        notes = [
            Followed(
                u.name,
                f"{u.path}:{u.line}" if u.line else u.path,
                Destination.UNSURE,
                tuple(DeclarationPlace(c.path, c.line, c.name) for c in u.candidates),
                u.why,
            )
            for u in unsure
        ]
        homes = {file.home: file for file in files if file.mover is not None}
        carried: list[Carried] = []
        for move in moves:
            edit = carry(move, editor_is_ours=self.editor_is_ours)
            if edit is not None and (edit.clean or self._is_untouched(homes[move.home])):
                carried.append(edit)
                continue
            text = homes[move.home].mover or b""
            place = DeclarationPlace(move.home, text.count(b"\n", 0, move.start) + 1, move.new_name)
            why = f"{move.name} was edited here, and moved and edited on the other side"
            notes.append(Followed(move.name, move.path, Destination.UNSURE, (place,), why))
        self.trees = replace(self.trees, unsure=(*self.trees.unsure, *notes))
        loose = self._certain(changes, carried, files, homes)
        new = rewrite(carried, files, loose)
        loose, new = self._with_leftovers(carried, files, homes, loose, new, splits)
        if not new.editor:
            return self.trees
        return self._rewritten(carried, loose, new)

    def _rewritten(self, carried: list[Carried], loose: list[Loose], new: Rewritten) -> FollowedTrees:
        """The three trees with the new texts in them."""
        base = self._written(self.trees.base, new.base)
        editor, mover = self._written(self.editor, new.editor), self._written(self.mover, new.mover)
        ours, theirs = (editor, mover) if self.editor_is_ours else (mover, editor)
        left = {path: text for path, text in new.editor.items() if path not in new.mover}
        return FollowedTrees(
            base,
            ours,
            theirs,
            self.trees.unsure,
            (*self.trees.carried, *carried),
            (*self.trees.loose, *loose),
            {
                **self.trees.rewritten,
                **self._entries(self.editor, editor, left, gains=False),
                **self._entries(self.mover, mover, new.mover, gains=True),
            },
        )

    def _with_leftovers(
        self,
        carried: list[Carried],
        files: list[File],
        homes: Mapping[str, File],
        loose: list[Loose],
        new: Rewritten,
        splits: SplitFiles,
    ) -> tuple[list[Loose], Rewritten]:
        """What else was edited in what the moving side took out, each edit at a place of its own."""
        from mergeguard.merge.moved.carrying import rewrite

        found = {
            file.path: left
            for file, declared in splits
            if (left := self._leftovers(file, declared, files, homes, new))
        }
        more = self._certain([x for left in found.values() for x in left.loose], carried, files, homes, loose)
        done = {(x.path, x.home, x.e0) for x in more}
        for path, left in list(found.items()):
            if not all((x.path, x.home, x.e0) in done for x in left.loose):
                del found[path]
        loose = [*loose, *(x for x in more if x.path in found)]
        new = rewrite(carried, files, loose)
        for path, left in found.items():
            new.editor[path] = left.editor
            if left.here:
                new.base[path], new.mover[path] = left.base, left.mover
        return [*loose, *(x for left in found.values() for x in left.here)], new

    def _leftovers(
        self,
        file: File,
        declared: tuple[BaseDefinition, ...],
        files: list[File],
        homes: Mapping[str, File],
        new: Rewritten,
    ) -> Leftovers | None:
        from mergeguard.merge.moved.leftovers import SplitFile, leftovers

        if file.path in new.base or file.base is None or file.editor is None or file.mover is None:
            return None
        others = {path: other.mover or b"" for path, other in homes.items() if path != file.path}
        before = {f.path: f.base for f in files if f.base is not None and f is not file}
        free = frozenset(path for path, other in homes.items() if self._is_untouched(other))
        editor, mover = new.editor.get(file.path, file.editor), new.mover.get(file.path, file.mover)
        return leftovers(SplitFile(file.path, file.base, editor, mover, declared, others, before, free))

    def _certain(
        self,
        changes: list[Loose],
        carried: list[Carried],
        files: list[File],
        homes: Mapping[str, File],
        settled: Sequence[Loose] = (),
    ) -> list[Loose]:
        """The changes that can go to their new places beside those that are ``settled``: as they are where
        that leaves everything under its conditions, else as conflicts of their own; none where even that is
        not so."""
        from mergeguard.merge.moved.loose import contested

        loose = [x for x in changes if x.clean or self._is_untouched(homes[x.home])]
        loose = [x if x.clean else contested(x) for x in loose]
        for _ in range(2):
            upset = self._upset([*settled, *loose], carried, files, homes) if loose else set()
            if not upset:
                return loose
            loose = [
                contested(x) if x.home in upset and self._is_untouched(homes[x.home]) else x for x in loose
            ]
        return [] if self._upset([*settled, *loose], carried, files, homes) else loose

    def _upset(
        self, loose: list[Loose], carried: list[Carried], files: list[File], homes: Mapping[str, File]
    ) -> set[str]:
        """The files of the moving side in which something would not be as the editor has it."""
        from mergeguard.merge.moved.carrying import rewrite
        from mergeguard.merge.moved.loose import is_upset, out_of_sight

        if not loose:
            return set()
        mover = rewrite(carried, files, loose).mover
        texts = {home: mover.get(home, file.mover or b"") for home, file in homes.items()}
        editors = {change.home: change.path for change in loose}
        by_path = {file.home: file for file in files} | {file.path: file for file in files}
        upset = {
            home
            for home, path in editors.items()
            if is_upset(by_path[path].editor or b"", homes[home].mover or b"", mover[home])
        }
        before = {home: file.mover or b"" for home, file in homes.items()}
        return upset | {x.home for x in loose if x.clean and out_of_sight(x, before[x.home], texts)}

    def _entries(self, before: str, after: str, paths: Iterable[str], *, gains: bool) -> Rewrites:
        found = {p: (self.repository.entry(before, p), self.repository.entry(after, p)) for p in paths}
        return {p: Rewrite(a, b, gains) for p, (a, b) in found.items() if a is not None and b is not None}

    def _likely(self) -> bool:
        from mergeguard.merge.moved.moves import suspicious

        read = self.repository.read_file
        for path in self.both:
            base, editor = read(self.trees.base, path), read(self.editor, path)
            if base is None or editor is None:
                continue
            if suspicious(base, editor, read(self.mover, path)):
                return True
        return False

    def _files(self) -> list[File]:
        """What the mover changed, the two names of a renamed file made one."""
        from mergeguard.merge.moved.movedvalues import File

        moved = _changed(self.repository, *self.moving)
        gone = any(new is None for _, new in moved.values())
        came = any(old is None for old, _ in moved.values())
        renamed: dict[str, str] = {}
        if gone and came:
            renamed = self.repository.renames(self.trees.base, self.mover)
        targets = set(renamed.values())
        read = self.repository.read_file
        files = []
        for path, (old, _) in moved.items():
            if old is None and path in targets:
                continue
            home = renamed.get(path, path)
            base, mover = read(self.trees.base, path), read(self.mover, home)
            if any(text is not None and b"\0" in text for text in (base, mover)):
                continue
            files.append(File(path, home, base, read(self.editor, path), mover))
        return files

    def _is_untouched(self, home: File) -> bool:
        """Whether the editor left a file alone, so that a conflict can stand in it."""
        if home.editor != home.base:
            return False
        return home.home == home.path or self.repository.entry(self.editor, home.home) is None

    def _written(self, tree: str, texts: Mapping[str, bytes]) -> str:
        edits: dict[str, Entry | None] = {}
        for path, text in texts.items():
            there = self.repository.entry(tree, path) or self.repository.entry(self.mover, path)
            edits[path] = Entry(there.mode if there else MODE_FILE, self.repository.write_blob(text))
        return self.repository.edit_tree(tree, edits) if edits else tree


def contested(trees: FollowedTrees | None) -> frozenset[str]:
    """The files in which a change that went there is a person's to place: no merge settles them."""
    return frozenset(x.home for x in trees.loose if not x.clean) if trees is not None else frozenset()


def report(
    repository: Repository, trees: FollowedTrees, tree: str, layouts: Mapping[str, Callable[[], Layout]]
) -> tuple[Followed, ...]:
    """Each edit that was to follow its declaration, and where that is in ``tree``, the merge's result.

    ``layouts`` give the layouts of the result, by the monolith's path.
    """
    done = []
    beside = {change.name for change in trees.loose if change.clean}
    for edit in trees.carried:
        move = edit.move
        fate = Destination.FOLLOWED if edit.clean else Destination.CONFLICT
        place = _found(repository, tree, layouts, move.home, edit.alone())
        uses = [name for name in move.uses if name not in beside]
        left = f"it uses {', '.join(uses)}, new in {move.path}" if uses else ""
        done.append(Followed(move.name, move.path, fate, (DeclarationPlace(*place, move.new_name),), left))
    for change in trees.loose:
        fate = Destination.FOLLOWED if change.clean else Destination.CONFLICT
        path, line = _found(repository, tree, layouts, change.home, change.new)
        there = DeclarationPlace(path, line if change.new else 0, change.name)
        why = "" if change.new else "removed there, too"
        if change.leftover:
            why = "where its lines are now" if change.clean else "in what the other side took out"
        done.append(Followed(change.name, change.path, fate, (there,), why, beside=True))
    return (*done, *trees.unsure)


def _found(
    repository: Repository,
    tree: str,
    layouts: Mapping[str, Callable[[], Layout]],
    home: str,
    text: bytes,
) -> tuple[str, int]:
    """Path and 1-based line of ``text`` in the result (line 0 where it is not there as such)."""
    lead = len(text) - len(text.lstrip())
    derive = layouts.get(home)
    layout = derive() if derive is not None else None
    if layout is not None:
        at = layout.monolith.find(text)
        if at < 0:
            return home, 0
        file, offset = layout.to_layout(at + lead)
        return file.path, file.text.count(b"\n", 0, offset) + 1
    whole = repository.read_file(tree, home)
    if whole is None:
        return home, 0
    at = whole.find(text)
    return home, whole.count(b"\n", 0, at + lead) + 1 if at >= 0 else 0
