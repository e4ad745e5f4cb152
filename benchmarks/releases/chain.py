"""A fork through time: local edits made at a file's oldest release, then sync release by release.

Beside it an unsplit fork with the same edits is merged by git. Three edits, as a maintainer makes them:
a line inside a kernel, a line in a launch macro, a new helper function. After every step each edit must be
in the monolith that the layout stands for, in the right declaration, or the merge must have said so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.census.compiling import Compiled, Program
from benchmarks.releases.forks import Bench, release
from mergeguard.cpp.blocks import opened
from mergeguard.cpp.source import Item, Kind, parse
from mergeguard.errors import MergeguardError
from mergeguard.fork.workspace import Workspace
from mergeguard.treemerge.trees import Fate, Merged, merge_trees
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import compare, failures
from tests.support import corpus

HELPER = b"__device__ __forceinline__ int fork_helper(int x) {\n  return x + 1;  // fork: helper\n}\n\n"
KERNEL_LINE = b"  // fork: in the kernel\n"
MACRO_MARK = b"/* fork: in the macro */"


@dataclass(frozen=True, slots=True)
class LocalEdit:
    """One local edit: the text that is looked for, and the declaration it belongs to ("" for its own)."""

    mark: bytes
    item: str


@dataclass(frozen=True, slots=True)
class Step:
    """One sync of the chain. ``arrived`` counts edits in place, ``lost`` those neither there nor reported.

    ``faults`` are what ``verify`` finds, by tokens, in the layout of the outcome, ``compiled`` is what a
    compiler made of it, if one was asked.
    """

    name: str
    version: str
    state: str
    arrived: int
    unmapped: int
    lost: int
    conflict: bool
    git_conflict: bool
    faults: int = 0
    compiled: Compiled | None = None

    @property
    def bad(self) -> bool:
        """Whether it lost something, is another program, or is worse than git."""
        wrong = self.compiled is not None and bool(self.compiled.problem)
        return bool(self.lost or self.faults or wrong or (self.conflict and not self.git_conflict))


class Edited(NamedTuple):
    """A file with local edits; ``typed`` are its insertions where a user types them into the layout."""

    text: bytes
    edits: tuple[LocalEdit, ...]
    typed: tuple[tuple[int, bytes], ...] = ()


def edited(text: bytes) -> Edited:
    """The monolith with the three edits, as far as it has places for them."""
    source = parse(text)
    items = [i for i in source.items if i.body is not None or i.kind is Kind.MACRO]
    kernel = _largest(i for i in items if i.kind is Kind.KERNEL)
    macros = [
        i
        for i in items
        if i.kind is Kind.MACRO
        and b"\\\n" in text[i.code_start : i.code_end]
        and any(word in i.name.upper() for word in ("LAUNCH", "CALL", "DISPATCH", "DOT2C"))
    ]
    macro = _largest(macros)
    inserts: list[tuple[int, bytes]] = []
    edits: list[LocalEdit] = []
    if kernel is not None and kernel.body is not None:
        inserts += [
            (_middle_line(text, *kernel.body), KERNEL_LINE),
            (kernel.start, b"\n" + HELPER.rstrip(b"\n") + b"\n"),
        ]
        edits += [
            LocalEdit(KERNEL_LINE.strip(), kernel.name),
            LocalEdit(b"return x + 1;  // fork: helper", "fork_helper"),
        ]
    if macro is not None:
        end = text.find(b"\\\n", macro.code_start)
        inserts.append((end, MACRO_MARK + b" "))
        edits.append(LocalEdit(MACRO_MARK, macro.name))
    for offset, insert in sorted(inserts, reverse=True):
        text = text[:offset] + insert + text[offset:]
    return Edited(text, tuple(edits))


def _largest(items: Iterable[Item]) -> Item | None:
    return max(items, key=lambda i: i.end - i.start, default=None)


def _middle_line(text: bytes, start: int, end: int) -> int:
    """A line start near the middle, where a statement has just ended."""
    at = (start + end) // 2
    while at < end:
        at = text.find(b"\n", at) + 1
        if text[:at].rstrip().endswith(b";") and text[at : at + 1] == b" ":
            return at
    return text.find(b"\n", start) + 1


@dataclass(frozen=True, slots=True)
class Version:
    """One release of upstream's: where it has the file (None: nowhere) and the tree around it.

    ``near`` are files that git needs to see to follow the file, asked for by its former path.
    ``compiles`` compiles a layout of the file, and the file, within this release.
    """

    version: str
    path: str | None
    text: bytes | None
    build: bytes
    near: Callable[[str], dict[str, bytes]] = lambda _: {}
    compiles: Callable[[Program], Compiled] | None = None


def chain(name: str, versions: Sequence[str]) -> Iterator[Step]:
    """Sync a fork of ``name`` from its oldest release of ``versions`` to the newest."""
    having = corpus.releases_with(name, versions)
    order = [*versions]
    releases = (_version(v, dict(having).get(v)) for v in order[order.index(having[0][0]) :])
    with tempfile.TemporaryDirectory() as folder:
        yield from steps(Bench.make(Path(folder) / "repository", name), releases, edited)


def _version(version: str, path: str | None) -> Version:
    text = release(version, path)[0] if path else None
    build = corpus.file(version, "CMakeLists.txt")
    if path is None:
        return Version(version, path, text, build, partial(_neighbours, version))
    return Version(version, path, text, build)


def steps(
    bench: Bench,
    releases: Iterable[Version],
    edit: Callable[[bytes], Edited],
) -> Iterator[Step]:
    """Sync a fork with ``edit`` from the first of ``releases``, which has the file, to the last."""
    first, *later = releases
    path, text = first.path, first.text
    assert path is not None and text is not None
    mine, edits, typed = edit(text)
    upstream = bench.commit(bench.tree(path, text, first.build), message=first.version)
    tree = bench.tree(path, mine, first.build)
    fork = bench.commit(bench.split_tree(tree, path, mine, text, typed), upstream)
    unsplit = bench.commit(bench.tree(path, mine, first.build), upstream)
    for new in later:
        near = new.near(path)
        tree = bench.tree(new.path, new.text, new.build, near)
        upstream = bench.commit(tree, upstream, message=new.version)
        git = bench.repository.merge_trees(unsplit, upstream)
        try:
            bases = bench.repository.merge_bases(fork, upstream)
            merged = merge_trees(bench.repository, bases, fork, upstream)
        except MergeguardError as error:
            yield Step(bench.name, new.version, f"refused: {error}", 0, 0, 0, True, not git.clean)
            return
        step = _step(bench, new, merged, edits, new.path or path, not git.clean)
        yield step
        if merged.rules[0].state in (Fate.RETIRED, Fate.GONE_EDITED):
            return
        if not merged.clean or not git.clean:
            if new.path is None or new.text is None:
                return  # upstream has the file elsewhere: nothing to make the edits anew in
            # Both forks start again from upstream's file with the edits made anew.
            text, path = new.text, new.path
            mine, edits, typed = edit(text)
            tree = bench.tree(path, mine, new.build)
            try:
                split = bench.split_tree(tree, path, mine, text, typed)
            except MergeguardError as error:
                yield Step(bench.name, new.version, f"no layout: {error}", 0, 0, 0, False, False)
                return
            fork = bench.commit(split, fork, upstream)
            unsplit = bench.commit(tree, unsplit, upstream)
            continue
        fork = bench.commit(merged.tree, fork, upstream)
        unsplit = bench.commit(git.tree, unsplit, upstream)
        path = new.path or path


def _neighbours(version: str, path: str) -> dict[str, bytes]:
    folder = corpus.path(version) / path
    return (
        {
            str(f.relative_to(corpus.path(version))): f.read_bytes()
            for f in sorted(folder.parent.glob("*"))
            if f.is_file()
        }
        if folder.parent.is_dir()
        else {}
    )


def _step(
    bench: Bench, new: Version, merged: Merged, edits: Sequence[LocalEdit], path: str, git_conflict: bool
) -> Step:
    rule = merged.rules[0]
    unmapped = len(rule.unmapped)
    workspace = Workspace.load(bench.repository, merged.tree)
    arrived = faults = 0
    compiled = None
    if merged.clean and workspace.split_rules:
        monolith = workspace.unsplit(workspace.split_rules[0]).monolith
        layout = bench.layout(path, monolith)
        files = [LayoutText(f.path, f.text, f.is_unit) for f in layout.files]
        faults = len(failures(compare(path, monolith, files)))
        arrived = sum(_in_place(monolith, edit) for edit in edits)
        if new.compiles is not None:
            # As it is in the fork's tree, with what was typed into it.
            typed = {f.path: workspace.read(f.path) or b"" for f in layout.files}
            units = tuple(f.path for f in layout.files if f.is_unit)
            compiled = new.compiles(Program(path, monolith, typed, units))
    elif merged.clean:
        texts = [
            bench.repository.read_blob(e.oid)
            for e in bench.repository.list_tree(merged.tree, path.partition("/")[0]).values()
        ]
        arrived = sum(any(edit.mark in text for text in texts) for edit in edits)
    lost = 0 if not merged.clean else max(0, len(edits) - arrived - unmapped)
    return Step(
        bench.name,
        new.version,
        rule.state.value,
        arrived,
        unmapped,
        lost,
        conflict=not merged.clean,
        git_conflict=git_conflict,
        faults=faults,
        compiled=compiled,
    )


def _in_place(monolith: bytes, edit: LocalEdit) -> bool:
    at = monolith.find(edit.mark)
    if at < 0 or monolith.count(edit.mark) != 1:
        return False
    items = (item for unit in opened(parse(monolith, calls_end=True)).units for item in unit.items)
    return any(i.start <= at < i.end and edit.item in ("", i.name) for i in items)


def table(steps: Sequence[Step]) -> str:
    """Markdown: per file the syncs, edits that arrived, conflicts (git's), unmapped, lost, faults.

    And of the layouts how many compile to the monolith's symbols, of those whose monolith compiles.
    """
    compiled = any(s.compiled is not None for s in steps)
    lines = [
        "| file | syncs | edits in place | conflicts (git's) | unmapped | lost | verify |"
        + (" compile (of) |" if compiled else ""),
        "|-|-|-|-|-|-|-|" + ("-|" if compiled else ""),
    ]
    names = [*dict.fromkeys(s.name for s in steps)]
    for name in [*names, ""]:
        rows = [s for s in steps if name in ("", s.name)]
        lines.append(
            f"| {name or 'all'} | {len(rows)} | {sum(s.arrived for s in rows)} "
            f"| {sum(s.conflict for s in rows)} ({sum(s.git_conflict for s in rows)}) "
            f"| {sum(s.unmapped for s in rows)} | {sum(s.lost for s in rows)} "
            f"| {sum(s.faults for s in rows)} |" + (f" {_compiling(rows)} |" if compiled else "")
        )
    return "\n".join(lines)


def _compiling(rows: Sequence[Step]) -> str:
    found = [s.compiled for s in rows if s.compiled is not None and not s.compiled.skipped]
    return f"{sum(one.same for one in found)} ({len(found)})"
