"""A local edit, as the screens name it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mergeguard.values import dataclass

if TYPE_CHECKING:
    from mergeguard.cpp.source import Item, Source
    from mergeguard.fork.workspace import Guarded, Workspace


@dataclass(frozen=True, slots=True)
class LocalEdit:
    """A local edit that is mapped: the layout file and 1-based line where it is now, and its item."""

    path: str
    line: int
    item: str
    added: int
    removed: int


def _named(source: Source, start: int, end: int) -> Item | None:
    """The declaration that an edit is in; of a block that it adds, the first one in it."""
    from mergeguard.cpp.source import Kind, item_at, opened_items

    item = item_at(source, start)
    if item is None or item.kind is not Kind.NAMESPACE:
        return item
    return next((one for one in opened_items(source) if start <= one.start < end and one.name), item)


def local_edits(workspace: Workspace, guarded: Guarded) -> tuple[LocalEdit, ...]:
    """The fork's edits of one monolith, each with the file, line and item in which it is now."""
    known = workspace.outline(guarded)
    if known is not None:
        return known.edits
    unsplit = workspace.unsplit(guarded)
    if not unsplit.edits:
        return ()
    from mergeguard.cpp.source import parse  # here, as `status` knows of edits without the lens

    pristine = workspace.pristine(guarded)
    replayed: list[LocalEdit] = []
    grown = 0
    for edit in unsplit.edits:
        # What was typed names its item, new or not; what only goes away names the one it was in.
        typed = edit.text.strip()
        at = edit.start + (grown + edit.text.index(typed) if typed else 0)
        source = parse(unsplit.monolith if typed else pristine.monolith)
        grown += len(edit.text) - (edit.end - edit.start)
        item = _named(source, at, at + len(typed)) or (source.items[-1] if source.items else None)
        removed = pristine.monolith[edit.start : edit.end]
        name = item.name if item else ""
        replayed.append(
            LocalEdit(edit.path, edit.line, name, len(edit.text.splitlines()), len(removed.splitlines()))
        )
    return tuple(replayed)
