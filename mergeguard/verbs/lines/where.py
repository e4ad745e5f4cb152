"""where: a layout file's line in the monolith, and the other way round."""

from __future__ import annotations

from mergeguard.cpp.source import item_at, parse
from mergeguard.errors import LayoutError, Location
from mergeguard.fork.fork import Fork
from mergeguard.fork.report import line_across
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.lens.layout import Glue
from mergeguard.values import dataclass


@dataclass(frozen=True, slots=True)
class LinePlace:
    """Where a line is on the other side of the lens. ``line`` is 1-based, None with ``glue`` set."""

    path: str
    line: int | None
    item: str
    glue: Glue | None = None
    upstream_line: int | None = None


def where(fork: Fork, path: str, line: int) -> LinePlace:
    """The monolith's place for a layout file's line, and the other way round (lines are 1-based).

    Raises LayoutError if no rule of the work tree knows the path, or the file has no such line.
    """
    workspace = fork.work_tree()
    for guarded in workspace.split_rules:
        lock = guarded.lock
        assert lock is not None
        layout = workspace.unsplit(guarded).layout
        if path in layout.by_path and not (path == layout.path and workspace.read(path) is None):
            return _to_monolith(workspace, guarded, path, line)
    raise LayoutError(
        "no split rule has this file",
        where=Location(path),
        hint="`mergeguard status` lists them; for a monolith's line: `mergeguard where --monolith FILE:LINE`",
    )


def where_monolith(fork: Fork, path: str, line: int) -> LinePlace:
    """The layout's place for a line of the monolith (the fork's, as ``unsplit`` prints it)."""
    found = in_layout(fork.work_tree(), path, line)
    if found is not None:
        return found
    raise LayoutError(
        "no split rule has this monolith", where=Location(path), hint="`mergeguard status` lists them"
    )


def in_layout(workspace: Workspace, path: str, line: int) -> LinePlace | None:
    """The layout's place for a line (1-based) of a monolith that the workspace keeps split; None of any other
    file.

    Raises LayoutError if the monolith has no such line.
    """
    for guarded in workspace.split_rules:
        unsplit = workspace.unsplit(guarded)
        if unsplit.layout.path != path:
            continue
        offset = _offset(unsplit.monolith, line, path)
        file, at = unsplit.layout.to_layout(offset)
        derived_line = file.text.count(b"\n", 0, at)
        now = workspace.read(file.path) or b""
        return LinePlace(
            file.path, line_across(file.text, now, derived_line) + 1, _item_at(unsplit.monolith, offset)
        )
    return None


def _to_monolith(workspace: Workspace, guarded: Guarded, path: str, line: int) -> LinePlace:
    unsplit = workspace.unsplit(guarded)
    file = unsplit.layout.by_path[path]
    now = workspace.read(path) or b""
    _offset(now, line, path)
    derived_line = line_across(now, file.text, line - 1)
    offset = _offset(file.text, derived_line + 1, path)
    # The first byte of the line that is the monolith's speaks for the line.
    end = file.text.find(b"\n", offset)
    there: int | Glue = unsplit.layout.to_monolith(path, offset)
    for at in range(offset, end if end >= 0 else len(file.text)):
        there = unsplit.layout.to_monolith(path, at)
        if not isinstance(there, Glue):
            break
    if isinstance(there, Glue):
        return LinePlace(unsplit.layout.path, None, "", there)
    monolith_line = unsplit.monolith.count(b"\n", 0, there)
    pristine = workspace.pristine(guarded).monolith
    upstream_line = line_across(unsplit.monolith, pristine, monolith_line)
    return LinePlace(
        unsplit.layout.path, monolith_line + 1, _item_at(unsplit.monolith, there), None, upstream_line + 1
    )


def _offset(text: bytes, line: int, path: str) -> int:
    lines = text.splitlines(keepends=True)
    if not 1 <= line <= len(lines):
        raise LayoutError(f"the file has {len(lines)} lines", where=Location(path, line))
    return sum(map(len, lines[: line - 1]))


def _item_at(text: bytes, offset: int) -> str:
    item = item_at(parse(text), offset)
    return item.name if item is not None else ""
