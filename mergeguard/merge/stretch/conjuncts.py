"""Conditions that both sides add to one chain of ``&&`` or ``||`` at one place: both hold, theirs first.

A chain of one operator means the same in any order, but for what its operands do; so it is with the chains of
``#if`` lines. Not where anything else stands between the operands: what that binds is for a person.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

from mergeguard.cpp.tokens import CLOSERS, OPENERS, Tokens, is_comment_anywhere, nesting
from mergeguard.merge.lines import Region

Slice = tuple[Tokens, int, int]

_CHAIN = frozenset((b"&&", b"||"))
_ENDS = frozenset((b";", b"\n", b","))
_TESTS = frozenset(b"if elif while return ! = == != <= >= && || (".split())
_NAME = re.compile(rb"[A-Za-z_]\w*|[*&]|::|\.\.\.")
# What binds less than the operators of a chain, or ends an expression.
_LOOSER = frozenset(b"? : , ; = += -= *= /= %= &= |= ^= <<= >>= { } return throw co_yield co_return".split())


def conjuncts(b: Tokens, o: Tokens, t: Tokens, r: Region) -> list[Slice] | None:
    """What to copy, in order, of two insertions that each add operands to one chain (what both add, once);
    None for any others."""
    mine, other = (o, r.o0, r.o1), (t, r.t0, r.t1)
    ours, theirs = _operands(*mine), _operands(*other)
    if ours is None or theirs is None or ours[0] != theirs[0]:
        return None
    if not _is_tested(b.keys, r.b0) and not all(map(_is_no_type, (*ours[1], *theirs[1]))):
        return None  # `T&& name`
    there = {_said(part) for part in theirs[1]}
    return [other, *(part for part in ours[1] if _said(part) not in there)]


def _operands(source: Tokens, start: int, end: int) -> tuple[tuple[bytes, bool], list[Slice]] | None:
    """The operator of a run that only adds operands to a chain, and whether it comes before each of them; and
    the operands, each with its operator."""
    keys = source.keys[start:end]
    signs = [key.removeprefix(b"#") for key in keys]
    if len(keys) < 2 or nesting(keys) != (0, 0) or any(map(is_comment_anywhere, keys)):
        return None
    leading, trailing = signs[0] in _CHAIN, signs[-1] in _CHAIN
    operator = signs[0] if leading else signs[-1]
    at = _places(signs, operator)
    if leading == trailing or at is None:
        return None
    starts = [*at, len(keys)] if leading else [0, *(place + 1 for place in at)]
    return (operator, leading), [(source, start + i, start + j) for i, j in pairwise(starts)]


def _places(signs: Sequence[bytes], operator: bytes) -> list[int] | None:
    """Where the operator stands outside of brackets; None where anything else there binds as little."""
    depth = 0
    found: list[int] = []
    for index, sign in enumerate(signs):
        depth += (sign in OPENERS) - (sign in CLOSERS)
        if depth == 0 and sign == operator:
            found.append(index)
        elif depth == 0 and (sign in _LOOSER or sign in _CHAIN or sign == b"\n"):
            return None
    return found


def _is_tested(keys: Sequence[bytes], at: int) -> bool:
    """Whether a place is in an expression: in a test, behind ``return`` or a sign, on a line of ``#if``, or
    in a chain that is there already."""
    before, opener = _in_brackets([key.removeprefix(b"#") for key in reversed(keys[:at])], OPENERS, CLOSERS)
    behind, _ = _in_brackets([key.removeprefix(b"#") for key in keys[at:]], CLOSERS, OPENERS)
    return opener in _TESTS or not _TESTS.isdisjoint(before) or not _CHAIN.isdisjoint(behind)


def _in_brackets(
    signs: Sequence[bytes], ends: AbstractSet[bytes], begins: AbstractSet[bytes]
) -> tuple[set[bytes], bytes]:
    """What stands up to the bracket (one of ``ends``) that a place is in, or to a comma or the end of a
    statement, inner brackets left out; and what is behind that bracket."""
    found: set[bytes] = set()
    depth = 0
    for index, sign in enumerate(signs):
        if depth == 0 and (sign in ends or sign in _ENDS):
            return found, signs[index + 1] if sign in ends and index + 1 < len(signs) else b""
        depth += (sign in begins) - (sign in ends)
        if depth == 0:
            found.add(sign)
    return found, b""


def _is_no_type(part: Slice) -> bool:
    """Whether an operand says more than names: what stands behind the sign of a reference to a temporary does
    not."""
    return any(not _NAME.fullmatch(key.removeprefix(b"#")) for key in _said(part)[1:-1])


def _said(part: Slice) -> tuple[bytes, ...]:
    source, start, end = part
    return source.keys[start:end]
