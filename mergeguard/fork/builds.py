"""The build files of a fork: which ones list a rule's monolith, and which units none of them lists."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from mergeguard.fork.knownlists import KnownLists
from mergeguard.git.repository import Repository
from mergeguard.lens import buildlists
from mergeguard.lens.layout import Layout, shard_paths
from mergeguard.lens.rule import Rule
from mergeguard.values import dataclass

#: Folders at the root in which projects keep parts of their build.
_ELSEWHERE = ("cmake", "build_tools", "tools", "scripts")
_USUAL = ("CMakeLists.txt", "setup.py", "pyproject.toml", "BUILD", "BUILD.bazel", "meson.build", "Makefile")


@dataclass(frozen=True, slots=True)
class UnitListing:
    """What a build has to list of a layout: the units beside the monolith; ``declared`` is ``Rule.build``."""

    declared: tuple[str, ...] | None
    monolith: str
    units: tuple[str, ...]

    @classmethod
    def of(cls, rule: Rule, layout: Layout) -> UnitListing:
        """Of a layout that was derived by the rule."""
        return cls(rule.build, layout.path, shard_paths(layout))


class BuildFiles:
    """The build files of a tree; each folder is looked into once."""

    def __init__(self, repository: Repository, tree: str, known: KnownLists | None = None) -> None:
        self._repository = repository
        self._tree = tree
        self._known = known or KnownLists()
        self._in_reach: dict[str, tuple[tuple[str, str], ...]] = {}

    def of(self, declared: tuple[str, ...] | None, monolith: str) -> tuple[str, ...]:
        """The build files in which a rule's shards stand beside the monolith at ``monolith``.

        Those that the rule names (``declared``); where it names none, those that list the monolith: in its
        folder, in the folders above it, and in the root's folders for build files.
        """
        if declared is not None:
            return declared
        folder = posixpath.dirname(monolith)
        if folder not in self._in_reach:
            self._in_reach[folder] = tuple(_candidates(self._repository, self._tree, monolith))
        lists, repository = self._known.lists, self._repository
        return tuple(path for path, oid in self._in_reach[folder] if lists(repository, path, oid, monolith))


def may_list(repository: Repository, tree: str, rule: Rule, monolith: str) -> frozenset[str]:
    """Every path at which a build file lists, or could come to list, the monolith: those to watch."""
    if rule.build is not None:
        return frozenset(rule.build)
    usual = {posixpath.join(folder, name) for folder in _folders(monolith) for name in _USUAL}
    return frozenset(usual | {path for path, _ in _candidates(repository, tree, monolith)})


def _folders(monolith: str) -> tuple[str, ...]:
    parts = posixpath.dirname(monolith).split("/") if "/" in monolith else []
    above = ["/".join(parts[:n]) for n in range(len(parts) + 1)]
    return tuple(dict.fromkeys((*above, *_ELSEWHERE)))


def _candidates(repository: Repository, tree: str, monolith: str) -> Iterator[tuple[str, str]]:
    """The build files that may list the monolith, with their blobs; the nearest to the root first."""
    for folder in _folders(monolith):
        for name, found in sorted(repository.files_in(tree, folder).items()):
            if buildlists.is_build_file(name) and found.is_file:
                yield posixpath.join(folder, name), found.oid


#: How builds ask for device code that is linked between units (nvcc, hipcc, CMake, PyTorch's extensions).
_RELOCATABLE = re.compile(
    rb"-rdc[= ]true|-rdc\b(?!=false)|--?relocatable-device-code|-fgpu-rdc|-dc\b|CUDA_SEPARABLE_COMPILATION"
    rb"|HIP_SEPARABLE_COMPILATION|dlink\s*=\s*True"
)


def links_device_code(repository: Repository, tree: str, paths: Iterable[str]) -> bool:
    """Whether a build file that may list one of ``paths`` asks for relocatable device code."""
    found = {oid for path in paths for _, oid in _candidates(repository, tree, path)}
    return any(_RELOCATABLE.search(repository.read_blob(oid)) for oid in found)


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A translation unit that no build file lists, and what to do about it."""

    unit: str
    hint: str


def unlisted(repository: Repository, tree: str, rule: Rule, layout: Layout) -> tuple[Unlisted, ...]:
    """The units of a layout that nothing compiles; none where the rule says ``build = []`` on purpose."""
    if rule.build == ():
        return ()
    if rule.build is None:
        found = _candidates(repository, tree, layout.path)
        files = {path: repository.read_blob(oid) for path, oid in found}
    else:
        read = ((path, repository.read_file(tree, path)) for path in rule.build)
        files = {path: text for path, text in read if text is not None}
    missing = [
        unit
        for unit in (layout.path, *shard_paths(layout))
        if not any(buildlists.lists(path, text, unit) for path, text in files.items())
    ]
    hint = _hint(rule, layout, files.items(), missing)
    return tuple(Unlisted(unit, hint) for unit in missing)


def _hint(rule: Rule, layout: Layout, files: Iterable[tuple[str, bytes]], missing: list[str]) -> str:
    lines = ", ".join(missing)
    for path, text in files:
        for line in buildlists.unclear(path, text, layout.path):
            return f"{path}:{line} names the file in a way that can't be added to: list there {lines}"
    if rule.build:
        return (
            f"list in the rule's build files ({', '.join(rule.build)}), by paths from their folder or the"
            f" root: {lines}; or say `build = []` in the rule and list them as they are spelled there"
        )
    added = ", ".join(unit for unit in missing if unit != layout.path) or lines
    return (
        f"have what compiles {layout.path} compile {added}, too; or say `build = []` in the rule, where it"
        " takes every file of a folder"
    )
