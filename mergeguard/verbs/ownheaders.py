"""The headers of the repository that the files of rules read, and what stands in them for one unit alone."""

from __future__ import annotations

from mergeguard.cpp.source import parse
from mergeguard.findings import Finding, Severity, in_tree
from mergeguard.fork.workspace import Workspace
from mergeguard.lens.layout import Layout
from mergeguard.propose.headers import RepositoryHeaders
from mergeguard.propose.included import OfOneUnit, of_one_unit, parted


def repository_headers(workspace: Workspace) -> RepositoryHeaders:
    """The headers that a tree has."""
    return RepositoryHeaders(workspace.repository.sizes(workspace.tree), workspace.read)


def parted_by_units(headers: RepositoryHeaders, layout: Layout) -> tuple[Finding, ...]:
    """What a header of the tree defines for one unit, and several units of a layout would have.

    No fault of what is written in the layout: a rule moves its file's text, not that of headers.
    """
    units = frozenset(file.path for file in layout.files if file.is_unit)
    found = tuple(of_one_unit(parse(layout.monolith), layout.path, headers, units))
    return tuple(_finding(one, headers) for one in parted(layout, found))


def _finding(one: OfOneUnit, headers: RepositoryHeaders) -> Finding:
    code = "divided state" if one.divided else "doubled"
    line = headers.text(one.header).count(b"\n", 0, one.offset) + 1
    return in_tree(code, Severity.ERROR, one.message, one.header, line, one.name, hint=_HINT)


_HINT = "make it `inline`, or declare it there and define it in a unit; or keep what uses it in one unit"
