"""What mergeguard keeps on disk, read and written in one place: TOML for people, JSON for the machine.

What is read may have been written by anybody (a rule in a pull request) or by nobody (half a file after a
power cut), so every reader has one way to fail: ``Unreadable``, which says what is wrong and where. Values
whose strings may be paths with odd bytes are carried as git carries them: lone surrogates within, JSON
escapes in a state file, git's quotes in TOML, which knows no such character.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from mergeguard import gitquote
from mergeguard.digests import digest

T = TypeVar("T")

#: No rule, lock or mark is longer; what is longer was not written to be one.
MOST_BYTES = 1 << 20


class Unreadable(ValueError):
    """Data that is not what it should be; ``line`` is 1-based, None where it can't be told."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


# -- TOML ----------------------------------------------------------------------------------------------


def read_toml(data: bytes) -> dict[str, Any]:
    """The document's values (a byte order mark is let pass). Raises Unreadable."""
    if len(data) > MOST_BYTES:
        raise Unreadable(f"it has {len(data)} bytes, more than the {MOST_BYTES} that are read")
    import tomllib

    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8: {error.reason}", data.count(b"\n", 0, error.start) + 1) from None
    except RecursionError:
        raise Unreadable("not TOML: its brackets are nested too deeply") from None
    except ValueError as error:  # of TOML, and of Python's limit on the digits of a number
        found = re.search(r"line (\d+)", str(error))
        raise Unreadable(f"not TOML: {error}", int(found[1]) if found else None) from None


def write_toml(comment: str, values: Mapping[str, object]) -> bytes:
    """A document with a comment on top; the same for the same values. Strings may hold anything but lone
    surrogates: a path goes through ``quoted`` first.
    """
    if all(key.isidentifier() and key.isascii() and _is_plain(value) for key, value in values.items()):
        # What nearly every lock is, without a library that takes longer to load than a merge of it.
        lines = [f"# {comment}", *(f"{key} = {_plain(value)}" for key, value in values.items())]
        return "".join(f"{line}\n" for line in lines).encode()
    import tomlkit  # here, as hooks read and write state without ever needing it

    document = tomlkit.document()
    document.add(tomlkit.comment(comment))
    for key, value in values.items():
        item = tomlkit.item(value)
        if isinstance(item, tomlkit.items.Array):
            item.multiline(True)
        document.add(key, item)
    return tomlkit.dumps(document).encode()


def _is_plain(value: object) -> bool:
    """Whether TOML has no two ways to spell the value: a number, or text that needs no escape."""
    if isinstance(value, str):
        return value.isascii() and value.isprintable() and not set(value) & {'"', "\\"}
    return isinstance(value, int) and not isinstance(value, bool)


def _plain(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def convert(values: object, type_: type[T]) -> T:
    """Plain values as a typed one. Raises Unreadable."""
    from mergeguard import tables  # typed documents are fewer than rows and seals

    try:
        return tables.read(values, type_)
    except (tables.Odd, RecursionError):
        pass
    try:
        return tables.by_msgspec(values, type_)
    except RecursionError:
        raise Unreadable("its values are nested too deeply") from None
    except ValueError as error:  # msgspec's errors are ValueErrors
        raise Unreadable(str(error)) from None


def toml_string(text: str) -> str:
    """The text as TOML spells a string, for documents that are written line by line."""
    import tomlkit

    return tomlkit.item(text).as_string()


# -- paths in TOML -------------------------------------------------------------------------------------


def quoted(path: str) -> str:
    """The path as TOML can hold it: as it is, or, where that could be misread, in git's quotes."""
    if path.isprintable() and "\\" not in path and path[:1] != '"':  # lone surrogates are not printable
        return path
    return gitquote.quoted(path.encode("utf-8", "surrogateescape"), always=True).decode()


def unquoted(text: str) -> str:
    """The path that ``quoted`` (or git) has written. Raises Unreadable for quotes that do not close."""
    try:
        raw = gitquote.unquoted(text.encode("utf-8", "surrogateescape"))
    except ValueError as error:
        raise Unreadable(f"`{text}`: {error}") from None
    return raw.decode("utf-8", "surrogateescape")


# -- JSON ----------------------------------------------------------------------------------------------


def encode(value: object) -> bytes:
    """The value (a dataclass, a mapping of them) as ASCII JSON."""
    from mergeguard import tables

    return json.dumps(tables.plain(value)).encode()


def read_json(data: bytes) -> Any:
    """The plain values of a JSON document. Raises Unreadable."""
    try:
        return json.loads(data)
    except RecursionError:
        raise Unreadable("not JSON: its brackets are nested too deeply") from None
    except ValueError as error:  # of JSON, of UTF-8, of Python's limit on the digits of a number
        raise Unreadable(f"not JSON: {error}") from None


def decode(data: bytes, type_: type[T]) -> T:
    """The value that ``encode`` wrote. Raises Unreadable where the data is no such value."""
    return convert(read_json(data), type_)


# -- rows that nobody else reads ---------------------------------------------------------------------------


def packed(rows: object) -> bytes:
    """Lists, numbers, strings and bytes, for ``unpacked``; of bytes it gives strings, see ``raw``."""
    return json.dumps(rows, default=lambda value: value.decode("latin-1"), separators=(",", ":")).encode()


def unpacked(data: bytes) -> Any:
    """What was ``packed``. Raises Unreadable."""
    return read_json(data)


def raw(text: str) -> bytes:
    """The bytes that ``packed`` was given, of the string that ``unpacked`` gave."""
    return text.encode("latin-1")


# -- checksums -----------------------------------------------------------------------------------------


def sealed(data: bytes) -> bytes:
    """The data behind the digest of itself, for ``opened``."""
    return digest(data).encode() + b"\n" + data


def opened(data: bytes) -> bytes:
    """What was ``sealed``. Raises Unreadable where a byte of it was changed or is missing."""
    seal, _, content = data.partition(b"\n")
    if digest(content).encode() != seal:
        raise Unreadable("its checksum is not that of its content")
    return content
