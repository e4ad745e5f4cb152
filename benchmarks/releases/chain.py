"""A fork through time: local edits made at a file's oldest release, then sync release by release.

Beside it an unsplit fork with the same edits is merged by git. Three edits, as a maintainer makes them:
a line inside a kernel, a line in a launch macro, a new helper function. After every step each edit must be
in the monolith that the layout stands for, in the right declaration, or the merge must have said so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.releases.forks import Bench, release
from mergeguard.cpp.source import Item, Kind, parse
from mergeguard.errors import MergeguardError
from mergeguard.fork.workspace import Workspace
from mergeguard.treemerge.trees import Fate, Merged, merge_trees
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
    """One sync of the chain. ``arrived`` counts edits in place, ``lost`` those neither there nor reported."""

    name: str
    version: str
    state: str
    arrived: int
    unmapped: int
    lost: int
    conflict: bool
    git_conflict: bool


def edited(text: bytes) -> tuple[bytes, tuple[LocalEdit, ...]]:
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
    return text, tuple(edits)


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


def chain(name: str, versions: Sequence[str]) -> Iterator[Step]:
    """Sync a fork of ``name`` from its oldest release of ``versions`` to the newest."""
    having = corpus.releases_with(name, versions)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench.make(Path(folder) / "repository", name)
        (first, path), *_ = having
        text, cmake = release(first, path)
        mine, edits = edited(text)
        upstream = bench.commit(bench.tree(path, text, cmake), message=first)
        fork = bench.commit(bench.split_tree(bench.tree(path, mine, cmake), path, mine, text), upstream)
        unsplit = bench.commit(bench.tree(path, mine, cmake), upstream)
        order = [*versions]
        for version in order[order.index(first) + 1 :]:
            there = dict(having).get(version)
            new = release(version, there)[0] if there else None
            # What git needs to see to follow a file: the folder it may have gone to.
            near = _neighbours(version, path) if there is None else {}
            cmake = corpus.file(version, "CMakeLists.txt")
            upstream = bench.commit(bench.tree(there, new, cmake, near), upstream, message=version)
            git = bench.repository.merge_trees(unsplit, upstream)
            try:
                merged = merge_trees(
                    bench.repository, bench.repository.merge_bases(fork, upstream), fork, upstream
                )
            except MergeguardError as error:
                yield Step(name, version, f"refused: {error}", 0, 0, 0, True, not git.clean)
                return
            yield _step(bench, name, version, merged, edits, not git.clean)
            state = merged.rules[0].state
            if state in (Fate.RETIRED, Fate.GONE_EDITED):
                return
            if not merged.clean or not git.clean:
                if there is None or new is None:
                    return  # upstream has the file elsewhere: nothing to make the edits anew in
                # Both forks start again from upstream's file with the edits made anew.
                text, path = new, there
                mine, edits = edited(text)
                fork = bench.commit(
                    bench.split_tree(bench.tree(path, mine, cmake), path, mine, text), fork, upstream
                )
                unsplit = bench.commit(bench.tree(path, mine, cmake), unsplit, upstream)
                continue
            fork = bench.commit(merged.tree, fork, upstream)
            unsplit = bench.commit(git.tree, unsplit, upstream)
            path = there or path


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
    bench: Bench, name: str, version: str, merged: Merged, edits: Sequence[LocalEdit], git_conflict: bool
) -> Step:
    rule = merged.rules[0]
    unmapped = len(rule.unmapped)
    workspace = Workspace.load(bench.repository, merged.tree)
    arrived = 0
    if merged.clean and workspace.split_rules:
        monolith = workspace.unsplit(workspace.split_rules[0]).monolith
        arrived = sum(_in_place(monolith, edit) for edit in edits)
    elif merged.clean:
        texts = [
            bench.repository.read_blob(e.oid)
            for e in bench.repository.list_tree(merged.tree, "csrc").values()
        ]
        arrived = sum(any(edit.mark in text for text in texts) for edit in edits)
    lost = 0 if not merged.clean else max(0, len(edits) - arrived - unmapped)
    return Step(name, version, rule.state.value, arrived, unmapped, lost, not merged.clean, git_conflict)


def _in_place(monolith: bytes, edit: LocalEdit) -> bool:
    at = monolith.find(edit.mark)
    if at < 0 or monolith.count(edit.mark) != 1:
        return False
    return any(i.start <= at < i.end and i.name == edit.item for i in parse(monolith).items)


def table(steps: Sequence[Step]) -> str:
    """Markdown: per file the syncs, edits that arrived, conflicts of sync and of git, unmapped, lost."""
    lines = ["| file | syncs | edits in place | conflicts (git's) | unmapped | lost |", "|-|-|-|-|-|-|"]
    names = [*dict.fromkeys(s.name for s in steps)]
    for name in [*names, ""]:
        rows = [s for s in steps if name in ("", s.name)]
        lines.append(
            f"| {name or 'all'} | {len(rows)} | {sum(s.arrived for s in rows)} "
            f"| {sum(s.conflict for s in rows)} ({sum(s.git_conflict for s in rows)}) "
            f"| {sum(s.unmapped for s in rows)} | {sum(s.lost for s in rows)} |"
        )
    return "\n".join(lines)
