"""Our lines in an attributes file: a marked block, everything else byte for byte as it was."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mergeguard.git.process import encode

BEGIN = b"# mergeguard: begin (written by `mergeguard install`, removed by `mergeguard uninstall`)"
END = b"# mergeguard: end"
_BLOCK = re.compile(
    rb"^# mergeguard: begin[^\n]*\n(.*?)^# mergeguard: end[^\n]*(?:\n|\Z)", re.MULTILINE | re.DOTALL
)


def pattern(path: str, *, rooted: bool = True) -> bytes:
    """The attribute pattern that matches ``path`` (from the root) and nothing else.

    Not ``rooted``: a file's name, wherever it is.
    """
    raw = (b"/" if rooted else b"") + re.sub(rb"([\\*?\[])", rb"\\\1", encode(path))
    if not re.search(rb'[\s"\\\x00-\x20\x7f-\xff]', raw):
        return raw
    # Quoted as in C, which is how git reads a pattern that begins with a double quote.
    quoted = b"".join(
        {0x22: b'\\"', 0x5C: b"\\\\"}.get(byte, bytes([byte]) if 0x20 <= byte < 0x7F else b"\\%03o" % byte)
        for byte in raw
    )
    return b'"' + quoted + b'"'


def without_block(text: bytes) -> bytes:
    """``text`` without our block, as it was before ``with_block``."""
    match = _BLOCK.search(text)
    if match is None:
        return text
    before, after = text[: match.start()], text[match.end() :]
    # The newline that with_block had to add to a file that did not end in one.
    if match[0].split(b"\n", 1)[0].rstrip(b"\r").endswith(b"+newline"):
        before = before.removesuffix(b"\n").removesuffix(b"\r")
    return before + after


def with_block(text: bytes, lines: Iterable[bytes]) -> bytes:
    """``text`` with our block holding ``lines`` (at the end, where they win), or without it for no lines."""
    rest = without_block(text)
    wanted = list(lines)
    if not wanted:
        return rest
    newline = b"\r\n" if b"\r\n" in rest else b"\n"
    begin = BEGIN
    if rest and not rest.endswith(b"\n"):
        begin += b" +newline"
        rest += newline
    return rest + newline.join([begin, *wanted, END]) + newline


def block_lines(text: bytes) -> tuple[bytes, ...]:
    """The lines of our block, none if there is no block."""
    match = _BLOCK.search(text)
    return tuple(match[1].splitlines()) if match else ()
