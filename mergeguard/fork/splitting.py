"""Splits and readings of layouts, found once in a process and kept for the next ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mergeguard.fork.knownlists import KnownLists
from mergeguard.fork.layoutcache import LayoutCache
from mergeguard.fork.locks import Lock
from mergeguard.fork.outlines import Outlines
from mergeguard.fork.readings import Readings
from mergeguard.git.repository import Repository
from mergeguard.lens.hunks import Tracing, Unsplit, untouched
from mergeguard.lens.layout import Layout, Splitter

if TYPE_CHECKING:
    from mergeguard.fork.workspace import Workspace
    from mergeguard.lens.order import Hint
    from mergeguard.lens.rule import Rule

_MOST_TRACED = 8  # layouts; each is as large as its monolith


class Splitting:
    """Splits of one process, by rule, path, text and emission, and trees read, so that none is done twice."""

    def __init__(
        self,
        cache: LayoutCache | None = None,
        readings: Readings | None = None,
        outlines: Outlines | None = None,
        lists: KnownLists | None = None,
        texts: Path | None = None,
    ) -> None:
        self.workspaces: dict[str, Workspace] = {}
        self.outlines = outlines or Outlines()
        self.lists = lists or KnownLists()
        self.locks: dict[tuple[str, str, str, bytes, bool], Lock] = {}  # made, for ``treelens.lock``
        self._cache = cache
        self._readings = readings
        self._texts = texts
        self._done: dict[tuple[str, str, int, bytes], Layout] = {}
        self._own: set[tuple[str, str, int, bytes]] = set()  # those that this code has derived
        self._unkept: set[tuple[str, str, int, bytes]] = set()  # those that were derived in passing
        self._is_passing = False
        self._traced: dict[tuple[object, ...], Unsplit] = {}
        self._shown: Mapping[tuple[object, ...], Unsplit] = {}  # what another has traced

    @classmethod
    def of(cls, repository: Repository) -> Splitting:
        """With the layouts that earlier processes have derived in this repository."""
        folder = repository.private_dir
        return cls(LayoutCache(folder), Readings(folder), Outlines(folder), KnownLists(folder), folder)

    def with_trees_anew(self) -> Splitting:
        """The same splits, for trees that are to be read once more: by way of another repository."""
        other = Splitting(self._cache, self._readings, self.outlines, self.lists, self._texts)
        other._done, other._own, other.locks = self._done, self._own, self.locks
        return other

    def presuming(self) -> Presuming:
        """The same splits, for readings that are presumed."""
        other = Presuming(self._cache, None, self.outlines, self.lists)
        other._done, other._own, other.locks = self._done, self._own, self.locks
        other._unkept, other._is_passing = self._unkept, True
        other._shown = self._traced
        return other

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Inside, trees are read that no command after this one asks for (commits on the way to another):
        what is found out is not written to the repository's caches, in which it would only take the place
        of what is asked for. ``keep`` makes up for the tree that was arrived at."""
        self._is_passing = True
        try:
            yield
        finally:
            self._is_passing = False

    def keep(self, layouts: Iterable[tuple[Lock, Layout]]) -> None:
        """Write layouts, each with its lock, to the repository's cache if they were derived in passing."""
        for lock, layout in layouts:
            key = (lock.rule, lock.monolith, lock.emission, layout.monolith)
            if self._cache is not None and key in self._unkept:
                self._unkept.remove(key)
                self._cache.put(lock.rule, lock.monolith, lock.emission, layout)

    @property
    def has_passed(self) -> bool:
        """Whether something was derived in passing that the repository's cache would keep."""
        return self._cache is not None and bool(self._unkept)

    def split(
        self, name: str, rule: Callable[[], Rule], rule_oid: str, path: str, text: bytes, emission: int
    ) -> Layout:
        """As ``lens.emit.split``; what an earlier process has derived comes from the repository's cache, and
        nobody is asked for the rule."""
        key = (rule_oid, path, emission, text)
        layout = self._done.get(key)
        if layout is None and self._cache is not None and (kept := self._cache.get(*key)) is not None:
            layout, is_own = kept
            if is_own:
                self._own.add(key)
        if layout is None:
            layout = _derived(rule(), name, path, text, emission, self._texts)
            self._own.add(key)
            if self._is_passing:
                self._unkept.add(key)
            elif self._cache is not None:
                self._cache.put(rule_oid, path, emission, layout)
        self._done[key] = layout
        return layout

    def afresh(
        self, name: str, rule: Callable[[], Rule], rule_oid: str, path: str, text: bytes, emission: int
    ) -> Layout:
        """The same split by this code, whatever another version of it has derived."""
        key = (rule_oid, path, emission, text)
        return self._done[key] if key in self._own else _derived(rule(), name, path, text, emission)

    def unsplit(
        self,
        lock: Lock,
        pristine: Layout,
        files: Mapping[str, bytes | None],
        split: Splitter,
        basis: Layout | None = None,
    ) -> Unsplit:
        """As ``lens.unsplit.unsplit``; what an earlier process has traced is not traced again."""
        over, trace = basis or pristine, self.tracing(lock.rule, lock.emission)
        if all(files[file.path] == file.text for file in over.files):
            return untouched(over) if basis is None else trace(pristine, files, split, lock.order, basis)
        found = self._readings.get(lock, pristine, files, split, over) if self._readings else None
        if found is None:
            found = trace(pristine, files, split, lock.order, basis)
            if self._readings is not None and not self._is_passing:
                self._readings.put(lock, pristine, files, found, split)
        return found

    def tracing(self, rule_oid: str, emission: int) -> Tracing:
        """``lens.unsplit.unsplit`` by a rule's blob and an emission, remembered for the last layouts.

        Who makes a layout asks how it will be read, and then it is.
        """

        def trace(
            pristine: Layout,
            files: Mapping[str, bytes | None],
            split: Splitter,
            order: Sequence[Hint] = (),
            basis: Layout | None = None,
        ) -> Unsplit:
            over = pristine.path, pristine.monolith, basis.monolith if basis is not None else None
            key = (rule_oid, emission, *over, tuple(order), *sorted(files.items()))
            found = self._traced.pop(key, None) or self._shown.get(key)
            found = found or _traced(pristine, files, split, order, basis)
            self._traced[key] = found  # as the last
            if len(self._traced) > _MOST_TRACED:
                del self._traced[next(iter(self._traced))]
            return found

        return trace


class Presuming(Splitting):
    """Readings that take each edit of a layout to hold where it was typed, without a split that shows it.

    Good for who has the outcome of a merge shown by a split. Nothing of it goes to the repository's caches.
    """

    def unsplit(
        self,
        lock: Lock,
        pristine: Layout,
        files: Mapping[str, bytes | None],
        split: Splitter,
        basis: Layout | None = None,
    ) -> Unsplit:
        """As ``lens.unsplit.unsplit``, with a layout that is presumed where none is known."""
        from mergeguard.lens.inplace import edited_in_place

        def presumed(text: bytes) -> Layout:
            if (lock.rule, lock.monolith, lock.emission, text) in self._done:
                return split(text)
            return edited_in_place(basis or pristine, text) or split(text)

        return super().unsplit(lock, pristine, files, presumed, basis)


# What derives and traces is half of all that a process loads, and most find their layouts known: it is
# loaded here, where one is not.


def _derived(
    rule: Rule, name: str, path: str, text: bytes, emission: int, texts: Path | None = None
) -> Layout:
    from mergeguard.lens.emit import split

    if texts is None:
        return split(rule, name, path, text, emission)
    from mergeguard.fork.readtexts import ReadTexts

    with ReadTexts.of(texts).reading(path, text):
        return split(rule, name, path, text, emission)


def _traced(
    pristine: Layout,
    files: Mapping[str, bytes | None],
    split: Splitter,
    order: Sequence[Hint],
    basis: Layout | None,
) -> Unsplit:
    from mergeguard.lens.unsplit import unsplit

    return unsplit(pristine, files, split, order, basis)
