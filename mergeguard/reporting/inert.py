"""Text that is not ours, for each medium: it is shown, and does nothing.

File names, code, commit subjects and rule names are upstream's or a stranger's. In a terminal they could
move the cursor or hide a line, in Markdown call somebody or close a block, in HTML be elements, in SARIF be
links. Everything that is printed goes through here; nothing else escapes.
"""

from __future__ import annotations

import re

#: Controls, directions and other marks without a glyph, bytes that are no text, breaks of lines.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def visible(text: str, keep: str = "\n\t") -> str:
    """The text with every character that could act instead of being shown written as an escape.

    ``keep`` are the ones that may act. Bytes of paths that are no UTF-8 stay for the stream to write, but
    for those that a terminal of eight bits takes for controls.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in keep or not _acts(c) else _escape(c) for c in text)


def plain(text: str) -> str:
    """The same for a document, which holds no odd bytes either: each is escaped."""
    shown = visible(text)
    return "".join(_escape(c) if 0xD800 <= ord(c) <= 0xDFFF else c for c in shown)


def _acts(char: str) -> bool:
    if char.isascii():
        return not char.isprintable()
    if 0xDCA0 <= ord(char) <= 0xDCFF:
        return False
    import unicodedata  # hardly any text needs it

    return unicodedata.category(char) in _UNSEEN


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    if code < 256:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def one_line(text: str) -> str:
    """The text on one line, for what a line break would end."""
    return plain(" ".join(text.splitlines()))


# -- HTML ----------------------------------------------------------------------------------------------


def html(text: str) -> str:
    """Text for an element in Markdown; in pages Jinja escapes, see ``page``."""
    from html import escape

    return escape(plain(text), quote=False)


# -- Markdown ------------------------------------------------------------------------------------------

_MARKUP = re.compile(r"([\\`*_~\[\]<>#&|!])")
#: What code hosts make links of by themselves, wherever it stands in a text.
_CALLS = re.compile(r"@(?=\w)|#(?=\d)|(?<=\w)(?=://)|(?<=\bwww)(?=\.)")


def markdown(text: str) -> str:
    """Text in which nothing is markup, and nothing calls somebody."""
    pieces, at = [], 0
    line = one_line(text)
    for call in _CALLS.finditer(line):
        pieces += [_MARKUP.sub(r"\\\1", line[at : call.end()]), "<!-- -->"]
        at = call.end()
    return "".join([*pieces, _MARKUP.sub(r"\\\1", line[at:])])


def code(text: str) -> str:
    """An inline code span of Markdown that no text in it can end."""
    line = one_line(text) or " "
    fence = "`" * (_longest_ticks([line]) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def fenced(lines: list[str], language: str) -> list[str]:
    """A fenced block of Markdown that no text in it can end."""
    shown = [plain(line) for line in lines]
    fence = "`" * max(3, _longest_ticks(shown) + 1)
    return [f"{fence}{language}", *shown, fence]


def _longest_ticks(lines: list[str]) -> int:
    return max((len(run) for line in lines for run in re.findall("`+", line)), default=0)


# -- SARIF ---------------------------------------------------------------------------------------------


def sarif(text: str) -> str:
    """A plain text message, in which SARIF (3.11.6) takes ``[text](target)`` for a link."""
    return re.sub(r"\[([^\[\]]*)\](?=\()", r"\\[\1\\]", plain(text))
