"""The spelling of glue, and how to know it again.

All glue that can stand between two pieces of the monolith has a spelling that no sensible source
uses by itself (``MG_`` names, ``inline`` alone on a line), so that text a user adds can be told from
glue that a split added to text of the user's. The bytes are pinned by golden tests: another spelling
is another emission version.
"""

from __future__ import annotations

import re

from mergeguard.cpp.declaration import OF_ANONYMOUS, OF_FILE

_SHARD = rb"MG_SHARD_\w+"
_GLUE_LINE = re.compile(
    rb"""
      [ \t]*\#[ \t]*if[ ]defined\(MG_SHARD_\w+\)
    | [ \t]*\#[ \t]*else[ ]{2}//[ ]MG_SHARD_\w+
    | [ \t]*\#[ \t]*endif[ ]{2}//[ ]MG_SHARD_\w+
    | if[ ]\(false\)[ ]\{[ ]\}[ ]{2}//[ ]MG_SHARD_\w+
    | \#(?:if|include|else|endif|define)\b[^\n]*//[ ]MG_INCLUDE
    | [ \t]*MG_ONLY_\w+\((?:[ ]\\)?
    | [ \t]*/\*[ ]MG_ONLY_\w+[ ]\*/\)(?:[ ]\\)?
    | [^\n]*[ ]{2}//[ ]MG_DECLARATION
    | [^\n]*[ ]{2}//[ ]MG_SCOPE
    | inline
    | static
    """,
    re.VERBOSE,
)
_INCLUDE_CHOICE = re.compile(rb"^#(?:if|include|else|endif|define)\b[^\n]*// MG_INCLUDE\r?\n", re.MULTILINE)
_ASKED = re.compile(rb'^#if __has_include\("([^"\n]+)"\)  // MG_INCLUDE\r?$', re.MULTILINE)
# Glue amid a line: macros around arms, a linkage word, and the end of a line that the monolith does not end.
_IN_LINE = re.compile(
    rb"""
      MG_ONLY_\w+\([ ]
    | [ ]/\*[ ]MG_ONLY_\w+[ ]\*/\)
    | (?:inline|static)[ ]/\*[ ]MG_LINKAGE[ ]\*/[ ]
    | /\*[ ]MG_SHARED[ ]
    | [ ]MG_SHARED[ ]\*/
    | [ ]{2}//[ ](?:MG_SHARD_\w+|MG_LINE)\r?\n
    """,
    re.VERBOSE,
)
_QUOTED_INCLUDE = re.compile(rb'^([ \t]*#[ \t]*include[ \t]*")([^"\n]*)(")', re.MULTILINE)
_NAMES = (
    *(b"MG_SHARD_", b"MG_ONLY_", b"MG_NS", b"MG_LINE", b"MG_LINKAGE", b"MG_INCLUDE", b"MG_DECLARATION"),
    *(b"MG_SHARED", b"MG_PARTED", b"MG_LAUNCH", b"MG_OFFER", b"MG_END", b"MG_SCOPE", b"MG_CONSTANT"),
)
#: Behind a constant of a host function that a launch function declares again.
CONSTANT = b"// MG_CONSTANT"
LINKAGE_LINES = frozenset({b"inline", b"static"})


def is_quoted_include(line: bytes) -> bool:
    """Whether a line includes a file by a quoted path, which may be re-based."""
    return _QUOTED_INCLUDE.match(line) is not None


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


def include_choice(target: bytes, rebased: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """Lines before and after an include that means the file beside the monolith if there is one.

    A compiler looks beside the including file first, and the line no longer stands where it stood.
    """
    name = rebased + target
    before = (
        b'#if __has_include("%s")  // MG_INCLUDE' % name,
        b'#include "%s"  // MG_INCLUDE' % name,
        b"#else  // MG_INCLUDE",
    )
    return before, b"#endif  // MG_INCLUDE"


def asked_for(text: bytes) -> list[str]:
    """The paths that a file's ``include_choice`` lines look for beside the monolith."""
    return [name.decode("utf-8", "surrogateescape") for name in _ASKED.findall(text)]


def blank_include_choices(text: bytes) -> bytes:
    """The text, of the same length, with only the monolith's own line left of each ``include_choice``."""
    return _INCLUDE_CHOICE.sub(lambda line: b" " * (len(line[0]) - 1) + b"\n", text)


def linkage_in_line(word: bytes) -> bytes:
    """A linkage word for a definition that does not start its line."""
    return word + b" /* MG_LINKAGE */ "


def shared_open() -> bytes:
    """Before the word `static` of what several units share: it stands in a comment then."""
    return b"/* MG_SHARED "


def shared_close() -> bytes:
    """Behind what ``shared_open`` stands before."""
    return b" MG_SHARED */"


def shared_space(folder: str, *, anonymous: bool = False) -> str:
    """The namespace of what the units of a layout share; in C what a name of it begins with.

    ``anonymous``: of what stood in an anonymous namespace.
    """
    return f"mergeguard_{symbol(folder)}{OF_ANONYMOUS if anonymous else OF_FILE}"


def declaration(text: bytes) -> bytes:
    """A declaration, on one line, of what the shards instantiate."""
    return text + b"  // MG_DECLARATION"


def scope_line(text: bytes) -> bytes:
    """What opens a block of the monolith again in another file, or closes it there."""
    return text + b"  // MG_SCOPE"


def defined_for_includes(definition: bytes) -> bytes:
    """The line that defines a macro by which headers choose what they read."""
    return b"#define %s  // MG_INCLUDE" % definition


def added_include(target: bytes) -> bytes:
    """An include of the layout's own: ``target`` with its quotes or angles."""
    return b"#include %s  // MG_INCLUDE" % target


def offer_open() -> bytes:
    """Before functions of the entry that shards call, and before their declarations."""
    return b"// MG_OFFER"


def offer_close() -> bytes:
    """End of what ``offer_open`` started."""
    return b"// MG_END MG_OFFER"


def parted_open(name: str) -> bytes:
    """Where lines of a host function stood that are dealt; in the body, before them."""
    return b"// MG_PARTED " + name.encode("utf-8", "surrogateescape")


def parted_close(name: str) -> bytes:
    """Behind dealt text in the body."""
    return b"// MG_END " + name.encode("utf-8", "surrogateescape")


def launch_open(name: str) -> bytes:
    """Start of what the entry has in the place of a launch function's text."""
    return b"/* MG_LAUNCH %s */" % name.encode("utf-8", "surrogateescape")


def launch_close(name: str) -> bytes:
    """End of what ``launch_open`` started."""
    return b"/* MG_END %s */" % name.encode("utf-8", "surrogateescape")


def line_end(name: str | None = None) -> bytes:
    """What goes before a line ending that the monolith does not have; ``name`` if it is for a guard."""
    return b"  // MG_LINE" if name is None else b"  // MG_SHARD_%s" % name.encode()


def is_glue_line(line: bytes) -> bool:
    """Whether a line (with or without its line ending) is transparent glue and nothing else."""
    return _GLUE_LINE.fullmatch(line.rstrip(b"\r\n")) is not None


def mentions_glue(text: bytes) -> bool:
    """Whether the text uses a name that only glue uses."""
    return any(name in text for name in _NAMES)


def parts(text: bytes, prefix: bytes, *, linkage: bool = True) -> tuple[tuple[bytes, bool], ...]:
    """Text that stands in a layout file, as runs of the monolith's bytes (True) and transparent glue.

    ``prefix`` is what re-basing put before the path of a quoted include. A path that does not start
    with it is the monolith's as it is: it is found through the compiler's search path, or it names a
    file of the layout. ``linkage`` says whether `inline` alone on a line is glue.
    """
    found: list[tuple[bytes, bool]] = []
    for line in text.splitlines(keepends=True):
        if is_glue_line(line) and (linkage or line.strip() not in LINKAGE_LINES):
            found.append((line, False))
            continue
        include = _QUOTED_INCLUDE.match(line) if prefix else None
        if include is not None and include[2].startswith(prefix):
            start = include.start(2)
            middle = start + len(prefix)
            found += [(line[:start], True), (line[start:middle], False), (line[middle:], True)]
            continue
        at = 0
        for keep in _IN_LINE.finditer(line):
            found += [(line[at : keep.start()], True), (keep[0], False)]
            at = keep.end()
        found.append((line[at:], True))
    return tuple((part, own) for part, own in found if part)


def rebase_point(line: bytes) -> tuple[int, bytes] | None:
    """For a quoted include: the offset of the path in ``line``, and the path."""
    found = _QUOTED_INCLUDE.search(line)
    return None if found is None else (found.start(2), found[2])
