"""A split that the fork made by hand: which files belong to it, before a rule takes it over.

Nothing derives these files and nothing keeps them together, so they are found: what the fork added since the
merge base, and that includes, is included by, is called from, or holds declarations of upstream's file.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from mergeguard.cpp import filenames
from mergeguard.cpp.definitions import definitions
from mergeguard.cpp.leaves import leaves_of
from mergeguard.cpp.source import Kind, parse
from mergeguard.errors import LayoutError, Location, MergeguardError
from mergeguard.fork.fork import Fork
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.lens.layout import LayoutFile, Piece, Role
from mergeguard.values import cached_property, dataclass
from mergeguard.verify.flatten import LayoutText, included

_QUOTED = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"\n]*)"', re.MULTILINE)


@dataclass(frozen=True)
class HandMade:
    """Upstream's file at ``path`` as it is at the merge base, and what the fork has in its place.

    Like a layout it has files with roles, the entry first; unlike one it has no map.
    """

    path: str
    monolith: bytes
    files: tuple[LayoutFile, ...]

    @cached_property
    def by_path(self) -> dict[str, LayoutFile]:
        """The files by their path."""
        return {file.path: file for file in self.files}

    @property
    def texts(self) -> list[LayoutText]:
        """The files as the checks of a program take them."""
        return [LayoutText(file.path, file.text, file.is_unit) for file in self.files]


def known_base(fork: Fork) -> str | None:
    """The tree of the merge base with upstream; None where no upstream is known, or has nothing in common."""
    try:
        ref = fork.upstream(None)
        if ref is None:
            return None
        bases = fork.repository.merge_bases(fork.head(), fork.repository.resolve(ref))
    except MergeguardError:
        return None
    return fork.repository.tree_of(bases[0]) if bases else None


def find(workspace: Workspace, guarded: Guarded, base: str | None) -> HandMade | None:
    """The hand-made split of a rule's monolith, None if there is none (or no ``base`` to tell it from)."""
    if guarded.is_split or base is None:
        return None
    repository = workspace.repository
    path = next((p for p in guarded.rule.paths() if repository.entry(base, p)), None)
    pristine = None if path is None else repository.entry(base, path)
    if path is None or pristine is None or pristine == repository.entry(workspace.tree, path):
        return None
    monolith = repository.read_blob(pristine.oid)
    texts = {p: t for p in (path, *files(workspace, base, path, monolith)) if (t := workspace.read(p))}
    taken = {found for name, text in texts.items() for found in _included(name, text, texts)}
    roles = {p: _role(p, path, taken) for p in texts}
    if Role.SHARD not in roles.values():
        return None
    made = tuple(LayoutFile(p, roles[p], (Piece(text, None),)) for p, text in texts.items())
    return HandMade(path, monolith, made)


def _role(path: str, entry: str, taken: set[str]) -> Role:
    if path == entry:
        return Role.ENTRY
    # What another file takes in is compiled with that one, whatever its suffix.
    return Role.SHARD if path.endswith(filenames.UNITS) and path not in taken else Role.HEADER


def files(workspace: Workspace, base: str, path: str, monolith: bytes) -> tuple[str, ...]:
    """The fork's own files that belong to the split of upstream's file at ``path``."""
    mine = _added(workspace, base, path)
    texts = {path: workspace.read(path) or b"", **mine}
    links: dict[str, set[str]] = {}
    for one, other in (*_by_include(texts, mine), *_by_call(texts, monolith)):
        links.setdefault(one, set()).add(other)
        links.setdefault(other, set()).add(one)
    own = {leaf.code for leaf in leaves_of(monolith)[0] if leaf.defines}
    reached = {name for name, text in mine.items() if _is_made_of(text, own)}
    pending = [path, *reached]
    while pending:
        for other in links.get(pending.pop(), ()):
            if other not in reached and other != path:
                reached.add(other)
                pending.append(other)
    return tuple(sorted(reached, key=lambda p: (not p.endswith(filenames.UNITS), p)))[::-1]


def _is_made_of(text: bytes, own: set[tuple[bytes, ...]]) -> bool:
    """Whether most of what a file defines is what upstream's file defines."""
    leaves = [leaf for leaf in leaves_of(text)[0] if leaf.defines]
    return bool(leaves) and sum(leaf.code in own for leaf in leaves) * 2 > len(leaves)


def _added(workspace: Workspace, base: str, path: str) -> dict[str, bytes]:
    """The sources that the fork has and the merge base has not, those of other rules left out."""
    repository = workspace.repository
    others = [
        folder
        for g in workspace.guarded
        for p in g.rule.paths()
        if path not in g.rule.paths() and (folder := g.rule.folder(p) + "/")
    ]
    mine: dict[str, bytes] = {}
    for status, _, new in repository.diff_names(base, workspace.tree):
        if new.startswith(tuple(others)):
            continue
        if status in "ARC" and new.endswith(filenames.SOURCES) and repository.entry(base, new) is None:
            mine[new] = workspace.read(new) or b""
    return mine


def _by_include(texts: Mapping[str, bytes], mine: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    for name, text in texts.items():
        for target in _included(name, text, mine):
            yield name, target


def _by_call(texts: Mapping[str, bytes], monolith: bytes) -> Iterator[tuple[str, str]]:
    """Pairs of files of which one declares a function, unknown to the monolith, that the other defines."""
    known = {one.plain for one in definitions(parse(monolith))}
    declared: dict[str, list[str]] = {}
    defined: dict[str, list[str]] = {}
    for path, text in texts.items():
        for one in definitions(parse(text)):
            if one.plain in known or one.is_internal:
                continue
            if one.item.kind is Kind.DECLARATION:
                declared.setdefault(one.plain, []).append(path)
            elif one.item.kind is Kind.FUNCTION and one.is_definition:
                defined.setdefault(one.plain, []).append(path)
    for name, places in declared.items():
        for path in places:
            yield from ((path, other) for other in defined.get(name, ()) if other != path)


def _included(name: str, text: bytes, mine: Mapping[str, bytes]) -> set[str]:
    found = set()
    for quoted in _QUOTED.finditer(text):
        target = quoted[1].decode("utf-8", "surrogateescape")
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        found |= {p for p in (beside, target) if p in mine}
        if beside not in mine and target not in mine:
            found |= {p for p in mine if p.endswith("/" + target)}
    return found


# -- units that the user names ---------------------------------------------------------------------------


def roots_of(paths: Sequence[str]) -> tuple[str, ...]:
    """The folders that ``-I`` most likely names for these files: those that they are in, innermost first."""
    folders: dict[str, None] = {}
    for path in paths:
        folder = posixpath.dirname(path)
        while folder:
            folders[folder] = None
            folder = posixpath.dirname(folder)
    return (*sorted(folders, key=lambda folder: -folder.count("/")), "")


def units(workspace: Workspace, paths: Sequence[str]) -> list[LayoutText]:
    """The files called ``paths`` as units, and every file of the tree that they include, however deep.

    Raises LayoutError for a path that the tree does not have.
    """
    tree = workspace.repository.list_tree(workspace.tree)
    roots = roots_of(paths)
    texts: dict[str, bytes] = {}
    pending = list(dict.fromkeys(paths))
    for path in pending:
        if path not in tree:
            raise LayoutError("no such file", where=Location(path), hint="name it from the repository's root")
    while pending:
        path = pending.pop(0)
        texts[path] = workspace.read(path) or b""
        for quoted in _QUOTED.finditer(texts[path]):
            target = included(quoted[1].decode("utf-8", "surrogateescape"), path, tree, roots)
            if target is not None and target not in texts and target not in pending:
                pending.append(target)
    return [LayoutText(path, text, path in paths) for path, text in texts.items()]
