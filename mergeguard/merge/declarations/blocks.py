"""Conditions and namespaces among leaves: what a stretch opens and closes, and what goes inside."""

from __future__ import annotations

from collections.abc import Sequence

from mergeguard.cpp.items import Kind
from mergeguard.cpp.leaves import Leaf
from mergeguard.merge.result import Note

BLOCK_KINDS = (Kind.CONDITIONAL, Kind.OPAQUE)


def depths(leaves: Sequence[Leaf]) -> tuple[int, int]:
    """(conditions and namespaces closed that were not opened here, those left open)."""
    closed = opened = 0
    for leaf in leaves:
        code = leaf.code
        if leaf.kind is Kind.CONDITIONAL:
            word = code[1] if len(code) > 1 else b""
            delta = 1 if word.startswith(b"#if") else -1 if word == b"#endif" else 0
            if delta == 0 and opened == 0:
                return 1, 1  # a bare #else is both
        elif leaf.kind is Kind.OPAQUE:
            delta = sum(k == b"{" for k in code) - sum(k == b"}" for k in code)
        else:
            continue
        if delta < 0 and opened + delta < 0:
            closed -= opened + delta
            opened = 0
        else:
            opened += delta
    return closed, opened


def unconditional(leaves: Sequence[Leaf]) -> bool:
    """Whether the leaves close what they open, and nothing else."""
    return depths(leaves) == (0, 0)


def only_closes(leaves: Sequence[Leaf]) -> bool:
    """Whether the leaves close blocks that were opened before them, and leave none open."""
    closed, opened = depths(leaves)
    return closed > 0 and opened == 0


def only_opens(leaves: Sequence[Leaf]) -> bool:
    """Whether the leaves leave blocks open, and close none from before."""
    closed, opened = depths(leaves)
    return closed == 0 and opened > 0


def place_of_block(block: Sequence[Leaf], rest: Sequence[Leaf]) -> int | None:
    """Where among new leaves what the other side opened or closed at the same place goes: an end behind all
    of them, a beginning behind the last include and the conditions around it; None if it is both."""
    if only_closes(block):
        return len(rest)
    if not only_opens(block):
        return None
    place = depth = 0
    found = False
    for index, leaf in enumerate(rest, 1):
        closed, opened = depths([leaf])
        depth += opened - closed
        found = found or leaf.kind is Kind.INCLUDE
        if found and depth == 0:
            place, found = index, False
    return place


def opened_by(leaves: Sequence[Leaf]) -> str:
    """How the first condition or namespace among the leaves begins, for people."""
    return next((leaf.name for leaf in leaves if leaf.kind in BLOCK_KINDS), "a block")


def outside(block: Sequence[Leaf], before: Sequence[Leaf]) -> list[Note]:
    """The finding that new code came to stand before a block that the other side opened there; or none."""
    names = ", ".join(sorted({x.name for x in before if x.kind is not Kind.INCLUDE and not x.placed}))
    if not names or not only_opens(block):
        return []
    message = f"{names}: placed before `{opened_by(block)}`, which the other side opened there, not in it"
    return [Note("placed", message, True)]


def all_includes(leaves: Sequence[Leaf]) -> bool:
    """Whether the leaves are ``#include`` lines alone."""
    return all(leaf.kind is Kind.INCLUDE for leaf in leaves)
