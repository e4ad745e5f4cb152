"""A merge in which one side only laid the text out anew (a formatter, another indentation).

Token for token the result is then what the other side says. No check of a result finds anything that this
side does not have by itself, and reading four texts for it would be half of such a merge.
"""

from __future__ import annotations

from mergeguard.cpp.tokens import tokens_of


def is_one_sides_own(base: bytes, ours: bytes, theirs: bytes, result: bytes) -> bool:
    """Whether the result says, with its comments, what one side says, and the other what the base does."""
    said, before = tokens_of(result).keys, tokens_of(base).keys
    mine, other = tokens_of(ours).keys, tokens_of(theirs).keys
    return (said == other and mine == before) or (said == mine and other == before)
