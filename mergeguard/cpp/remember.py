"""Remembering what was made of texts: up to a total of their bytes, not a number of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

# What is made of a text (tokens, items) takes some twenty times its bytes.
_MOST_BYTES = 6 << 20

Parameters = ParamSpec("Parameters")
Made = TypeVar("Made")


def remembered(function: Callable[Parameters, Made]) -> Callable[Parameters, Made]:
    """Keep what ``function`` made of the texts (its first argument) that were asked for last.

    Arguments are told apart as they are given: call it with positional ones only.
    """
    made: dict[tuple[object, ...], Made] = {}
    total = 0

    @wraps(function)
    def remembering(*arguments: Parameters.args, **named: Parameters.kwargs) -> Made:
        nonlocal total
        assert not named
        found = made.pop(arguments, None)
        if found is None:
            found = function(*arguments, **named)
            total += len(cast(bytes, arguments[0]))
            while total > _MOST_BYTES and made:
                oldest = next(iter(made))
                del made[oldest]
                total -= len(cast(bytes, oldest[0]))
        made[arguments] = found  # as the last
        return found

    return remembering
