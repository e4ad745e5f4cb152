"""The heads of functions and macros, found by their brackets alone: quick enough for every merge."""

from __future__ import annotations

import re
from collections import Counter

from mergeguard.cpp.diff import unequal_middle
from mergeguard.merge.edits import COMMENT

_BLANK = re.compile(rb"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_DEFINING = (b"{", b"noexcept", b"const ", b"const\n", b"override")
_PAREN = re.compile(rb"[()]")
_NAMED = re.compile(rb"([A-Za-z_]\w*)\s*(?=[(/])")
_BESIDE_SIGNS = re.compile(rb"\s*([^\w\s])\s*")
_LONGEST = 1000  # bytes before a name that are looked at
_LINKAGE = frozenset(
    (b"static", b"inline", b"extern", b"constexpr", b"__forceinline__", b"[[nodiscard]]", b"explicit")
)
_MACRO_HEAD = re.compile(rb"#\s*define\s+$")


def definitions(text: bytes, name: bytes) -> Counter[bytes]:
    """How often ``text`` defines a function or macro ``name``, and with which head (template header, return
    type, parameters; no white space, comments or words of linkage); found by its brackets alone, since this
    runs on every merge."""
    found: Counter[bytes] = Counter()
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        alone = not (text[at - 1 : at].isalnum() or text[at - 1 : at] == b"_") if at else True
        parameters = _defined_with(text, at, end) if alone and not _initialises(text, at) else None
        if parameters is not None:
            found[_before(text, at) + parameters] += 1
        at = text.find(name, end)
    return found


def _initialises(text: bytes, at: int) -> bool:
    """Whether the name at ``at`` stands in the list of initialisers of a constructor."""
    before = text[max(0, at - _LONGEST) : at].rstrip()
    if before.endswith(b",") or (before.endswith(b":") and not before.endswith(b"::")):
        return before[:-1].rstrip().endswith((b")", b"}"))
    return False


def _defined_with(text: bytes, at: int, end: int) -> bytes | None:
    """The parameters of the function or macro whose name is ``text[at:end]``; None if it is no definition."""
    opening = _BLANK.match(text, end)
    at_paren = opening.end() if opening else end
    if text[at_paren : at_paren + 1] != b"(":
        return None
    depth, close = 0, at_paren
    for match in _PAREN.finditer(text, at_paren):
        depth += 1 if match.group() == b"(" else -1
        if depth == 0:
            close = match.end()
            break
    rest = _BLANK.match(text, close)
    following = text[rest.end() if rest else close :][:9]
    line = text[text.rfind(b"\n", 0, at) + 1 : at]
    if following.startswith(_DEFINING) or _MACRO_HEAD.search(line):
        return b"".join(COMMENT.sub(b"", text[at_paren:close]).split())
    return None


def _before(text: bytes, at: int) -> bytes:
    """What stands before a function's name in its declaration: the template header and the return type."""
    start = max(text.rfind(end, max(0, at - _LONGEST), at) for end in (b";", b"{", b"}")) + 1
    line = text[text.rfind(b"\n", 0, start) + 1 : start]
    if b"//" in line or line.lstrip().startswith(b"#"):
        start = text.find(b"\n", start, at) + 1 or at  # the mark was in a comment or a directive
    code = COMMENT.sub(b" ", text[start:at])
    lines = (x for x in code.split(b"\n") if not x.lstrip().startswith(b"#"))
    words = b" ".join(word for word in b" ".join(lines).split() if word not in _LINKAGE)
    return _BESIDE_SIGNS.sub(rb"\1", words)


def head_changed(name: str, who: str) -> str:
    """What is said of a new call under a head that ``who`` (our, their) side changed."""
    return f"the head of {name} changed on {who} side, and the other side brings new calls of it"


def changed_parameters(base: bytes, side: bytes) -> frozenset[bytes]:
    """The functions and macros of ``base`` that ``side`` no longer defines with the same parameters, by the
    brackets alone as ``definitions``; only around what differs, so that a small edit costs little."""
    start, end_b, end_s = unequal_middle(base, side)
    start = max(base.rfind(b"\n}", 0, start), 0)  # a parameter list is not longer than its declaration
    tail = base.find(b"\n}", end_b)
    rest = len(base) - end_b if tail < 0 else tail + 2 - end_b
    old, new = (
        Counter(
            (match.group(1), parameters)
            for match in _NAMED.finditer(text)
            if (parameters := _defined_with(text, match.start(1), match.end(1))) is not None
        )
        for text in (base[start : end_b + rest], side[start : end_s + rest])
    )
    return frozenset(name for name, _ in old - new)
