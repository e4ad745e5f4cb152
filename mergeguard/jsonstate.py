"""State files as JSON, for values whose strings may be paths with odd bytes.

msgspec's own JSON refuses lone surrogates, as which such bytes are carried; Python's escapes them.
"""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

T = TypeVar("T")


def encode(value: object) -> bytes:
    """The value (a Struct, a dataclass, a mapping of them) as ASCII JSON."""
    return json.dumps(msgspec.to_builtins(value)).encode()


def decode(data: bytes, type_: type[T]) -> T:
    """The value again. Raises ``msgspec.MsgspecError`` where the data is no such value."""
    try:
        found = json.loads(data)
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from None
    return msgspec.convert(found, type_)
