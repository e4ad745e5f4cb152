"""Putting a layout and what the user did beside the map together again.

``unsplit`` leaves three texts of every layout file: what the user has, ``kept`` (the same without
overlay and unmapped hunks), and what a new split derives. Merging the three carries overlay and
unmapped hunks over; glue that the user did not touch is simply derived again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mergeguard.lens.hunks import Unsplit
from mergeguard.lens.layout import Layout
from mergeguard.merge import MergeResult
from mergeguard.values import dataclass

TextMerge = Callable[[bytes, bytes, bytes], MergeResult]


@dataclass(frozen=True, slots=True)
class Recomposed:
    """The layout's files as they should be: path to bytes, and the merges that conflict."""

    files: Mapping[str, bytes]
    conflicts: Mapping[str, MergeResult]
    removed: tuple[str, ...]


def recompose(
    before: Unsplit, now: Mapping[str, bytes | None], derived: Layout, merge: TextMerge
) -> Recomposed:
    """``derived`` with the overlay and the unmapped hunks of ``before`` in it.

    ``now`` is the user's layout that ``before`` was made of (None for a removed file). Paths of
    ``now`` that the new layout does not have any more are ``removed`` unless the user changed them
    beyond the map, in which case they stay, as a conflict of the user's text with nothing.
    """
    files: dict[str, bytes] = {}
    conflicts: dict[str, MergeResult] = {}
    removed: list[str] = []
    moved = _folder_change(before.layout, derived)
    done: set[str] = set()
    for file in derived.files:
        old_path = moved.get(file.path, file.path)
        done.add(old_path)
        base = before.kept.get(old_path)
        mine = now.get(old_path, base)
        if base is None or mine == base:
            files[file.path] = file.text
        elif mine is None:
            removed.append(file.path)
        elif base == file.text:
            files[file.path] = mine
        else:
            result = merge(base, mine, file.text)
            files[file.path] = result.render("ours")
            if result.conflicts:
                conflicts[file.path] = result
    for path, base in before.kept.items():
        if path in done:
            continue
        mine = now.get(path, base)
        if mine is None or mine == base:
            removed.append(path)
        else:
            result = merge(base, mine, b"")
            files[path] = mine
            conflicts[path] = result
    return Recomposed(files, conflicts, tuple(removed))


def _folder_change(before: Layout, derived: Layout) -> dict[str, str]:
    """New path to old path of each layout file, where the monolith was renamed."""
    if before.path == derived.path:
        return {}
    old_folder, new_folder = _folder(before), _folder(derived)
    moved = {derived.path: before.path}
    for file in derived.files[1:]:
        if new_folder is not None and old_folder is not None and file.path.startswith(new_folder):
            moved[file.path] = old_folder + file.path.removeprefix(new_folder)
    return moved


def _folder(layout: Layout) -> str | None:
    rest = [file.path for file in layout.files[1:]]
    return min((p.rsplit("/", 1)[0] + "/" for p in rest), key=len, default=None)
