"""What a tool's outcome is worth against the known answer of a case."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from benchmarks.merge.scenarios import Case
from benchmarks.merge.tools import Outcome
from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import Leaf, leaves_of
from mergeguard.merge.declarations.order import runs_commute
from mergeguard.merge.stretch.weave import unbalanced

VERDICTS = ("equal", "white space", "order", "conflict", "conflict right", "finding", "wrong")
SETTLED = frozenset(("equal", "white space"))

_SPLICE = re.compile(rb"\\\r?\n")
_BLOCK_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
_ORNAMENT = re.compile(rb"\\\r?\n[ \t]*\*?")  # of a comment in a macro's body
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')


def squeeze(text: bytes) -> bytes:
    """``text`` without what formatters change.

    Dropped: white space, line continuations, the ``//`` and ``*`` of a comment's further lines, a string
    literal closed and opened again. A run of ``#include`` lines is sorted. Where a ``//`` comment or a
    preprocessor line ends is kept (as a byte 1): there the newline is not layout.
    """
    out: list[bytes] = []
    includes: list[bytes] = []
    in_comment = in_block = False
    text = _BLOCK_COMMENT.sub(lambda comment: _ORNAMENT.sub(b" ", comment[0]), text)
    for line in _SPLICE.sub(b" ", text).splitlines():
        bare = line.strip()
        if bare.startswith(b"#include") and not in_comment:
            includes.append(bare + b"\1")
            continue
        if bare and includes:
            out += sorted(includes)
            includes = []
        comment = b"//" in _STRING.sub(b"", bare)
        if in_block and bare.startswith(b"*") and not bare.startswith(b"*/"):
            bare = bare[1:]  # the ornament of a block comment's further lines
        in_block = bare.rfind(b"/*") > bare.rfind(b"*/") or (in_block and b"*/" not in bare)
        if in_comment and bare.startswith(b"//"):
            bare = bare.lstrip(b"/").removeprefix(b"!")
        elif in_comment:
            out.append(b"\1")
        out.append(bare)
        in_comment = comment
        if bare.startswith(b"#") and not comment:
            out.append(b"\1")
    joined = b"".join(b"".join(out + sorted(includes)).split())
    return joined.rstrip(b"\1").replace(b'""', b"")


@dataclass(frozen=True)
class _Node:
    """A declaration, or a namespace or ``#if`` with everything up to its end; ``key`` without layout and
    without the order of what is inside."""

    key: Hashable
    leaves: tuple[Leaf, ...]
    inner: tuple[_Node, ...] = ()


def same_but_for_order(one: bytes, two: bytes) -> bool:
    """Whether two texts have the same declarations, in an order that differs only in declarations neither of
    which names what the other declares (see ``mergeguard.merge.declarations.order``)."""
    trees = []
    for text in (one, two):
        leaves, sound = leaves_of(text)
        if not sound:
            return False
        trees.append(_tree(leaves))
    return _same(trees[0], trees[1])


def _tree(leaves: Sequence[Leaf]) -> list[_Node]:
    stack: list[list[_Node]] = [[]]
    opened: list[Leaf] = []
    for leaf in leaves:
        word = leaf.code[1] if leaf.kind is Kind.CONDITIONAL and len(leaf.code) > 1 else b""
        if word.startswith(b"#if") or (leaf.kind is Kind.OPAQUE and leaf.name.startswith("namespace ")):
            opened.append(leaf)
            stack.append([])
        elif (word == b"#endif" or (leaf.kind is Kind.OPAQUE and leaf.name == "}")) and opened:
            inner = tuple(stack.pop())
            first = opened.pop()
            key = (squeeze(first.text), frozenset(Counter(n.key for n in inner).items()), squeeze(leaf.text))
            stack[-1].append(_Node(key, (first, *(x for n in inner for x in n.leaves), leaf), inner))
        else:
            stack[-1].append(_Node(squeeze(leaf.text), (leaf,)))
    return [node for level in stack for node in level]


def _same(one: Sequence[_Node], two: Sequence[_Node]) -> bool:
    if Counter(n.key for n in one) != Counter(n.key for n in two):
        return False
    places: dict[Hashable, list[int]] = defaultdict(list)
    for index, node in enumerate(two):
        places[node.key].append(index)
    order = [places[node.key].pop(0) for node in one]
    for index, node in enumerate(one):
        if node.inner and not _same(node.inner, two[order[index]].inner):
            return False
        for later in range(index + 1, len(one)):
            if order[later] < order[index] and not _commute(node, one[later]):
                return False
    return True


def _commute(one: _Node, two: _Node) -> bool:
    return runs_commute(one.leaves, two.leaves)


def has_half(case: Case) -> bool:
    """Whether a side opens brackets that it does not close (or the reverse), unlike the base."""
    return any(
        base is not None and any(side is not None and unbalanced(base, side) for side in sides)
        for base, *sides in case.files.values()
    )


def score(case: Case, outcome: Outcome) -> str:
    """One of ``VERDICTS``."""
    if case.answer is not None and not outcome.conflicts:
        if outcome.files == case.answer:
            return "equal"
        same = outcome.files.keys() == case.answer.keys()
        if same and all(squeeze(outcome.files[p]) == squeeze(case.answer[p]) for p in case.answer):
            return "white space"
        if same and all(same_but_for_order(outcome.files[p], case.answer[p]) for p in case.answer):
            return "order"
    if outcome.conflicts:
        return "conflict" if case.answer is not None else "conflict right"
    return "finding" if outcome.findings else "wrong"
