"""The spelling of glue, and how to know it again.

All glue that can stand between two pieces of the monolith has a spelling that no sensible source
uses by itself (``MG_`` names, ``inline`` alone on a line), so that text a user adds can be told from
glue that a split added to text of the user's. The bytes are pinned by golden tests: another spelling
is another emission version.
"""

from __future__ import annotations

import re

_SHARD = rb"MG_SHARD_\w+"
_GLUE_LINE = re.compile(
    rb"""
      [ \t]*\#[ \t]*if[ ]defined\(MG_SHARD_\w+\)
    | [ \t]*\#[ \t]*else[ ]{2}//[ ]MG_SHARD_\w+
    | [ \t]*\#[ \t]*endif[ ]{2}//[ ]MG_SHARD_\w+
    | if[ ]\(false\)[ ]\{[ ]\}[ ]{2}//[ ]MG_SHARD_\w+
    | [ \t]*MG_ONLY_\w+\((?:[ ]\\)?
    | [ \t]*/\*[ ]MG_ONLY_\w+[ ]\*/\)(?:[ ]\\)?
    | inline
    | static
    """,
    re.VERBOSE,
)
_INLINE_KEEP = re.compile(rb"MG_ONLY_\w+\( | /\* MG_ONLY_\w+ \*/\)")
_QUOTED_INCLUDE = re.compile(rb'^([ \t]*#[ \t]*include[ \t]*")([^"\n]*)(")', re.MULTILINE)
LINKAGE_LINES = frozenset({b"inline", b"static"})


def symbol(shard: str) -> str:
    """A shard file's name as an identifier: its path without the suffix, other characters as ``_``."""
    return re.sub(r"\W", "_", re.sub(r"\.[^./]+$", "", shard))


def namespace(folder: str, shard: str) -> str:
    """The namespace of one shard's copy of the body; ``folder`` is the layout folder's name."""
    return f"mergeguard_{symbol(folder)}_{symbol(shard)}"


def guard_open(name: str) -> bytes:
    """Start of arms that only one shard compiles."""
    return b"#if defined(MG_SHARD_%s)" % name.encode()


def guard_else(name: str) -> bytes:
    """What the other shards compile instead of the first arm of a chain."""
    return b"#else  // MG_SHARD_%s" % name.encode()


def guard_nothing(name: str) -> bytes:
    """An `if` for the `else` of the next arm to belong to."""
    return b"if (false) { }  // MG_SHARD_%s" % name.encode()


def guard_close(name: str) -> bytes:
    """End of what ``guard_open`` started."""
    return b"#endif  // MG_SHARD_%s" % name.encode()


def keep_open(name: str) -> bytes:
    """As ``guard_open``, where no directive can stand: inside a macro's body or arguments."""
    return b"MG_ONLY_%s(" % name.encode()


def keep_close(name: str) -> bytes:
    """End of what ``keep_open`` started."""
    return b"/* MG_ONLY_%s */)" % name.encode()


def is_glue_line(line: bytes) -> bool:
    """Whether a line (with or without its line ending) is transparent glue and nothing else."""
    return _GLUE_LINE.fullmatch(line.rstrip(b"\r\n")) is not None


def mentions_glue(text: bytes) -> bool:
    """Whether the text uses a name that only glue uses."""
    return b"MG_SHARD_" in text or b"MG_ONLY_" in text or b"MG_NS" in text


def without_glue(text: bytes) -> bytes:
    """Text that stands in a layout file, without the transparent glue in it."""
    kept = b"".join(line for line in text.splitlines(keepends=True) if not is_glue_line(line))
    return _INLINE_KEEP.sub(b"", kept)


def unrebase_includes(text: bytes, prefix: bytes) -> bytes:
    """Quoted includes of a file in the layout's folder as the monolith would spell them.

    ``prefix`` is what re-basing put before the path. A path that does not start with it is left as it
    is: it is found through the compiler's search path, or it names a file of the layout.
    """
    if not prefix:
        return text
    return _QUOTED_INCLUDE.sub(lambda m: m[1] + m[2].removeprefix(prefix) + m[3], text)


def rebase_point(line: bytes) -> tuple[int, bytes] | None:
    """For a quoted include: the offset of the path in ``line``, and the path."""
    found = _QUOTED_INCLUDE.search(line)
    return None if found is None else (found.start(2), found[2])
