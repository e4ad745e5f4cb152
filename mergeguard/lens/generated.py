"""A layout as files of a build folder: includes that reach back into the source tree, ``#line`` for every
tool.

In build mode the monolith stays in git as it is, and the build makes the layout. Its files then stand
elsewhere, so a quoted include of a file beside the monolith has to say where that is; and compilers,
debuggers and coverage should name the monolith's lines, not those of a generated file.

Pure: bytes in, bytes out. A ``#line`` (C++17 [cpp.line]) stands only where a directive may: not inside a
comment, a string, another directive or parentheses (they may be a macro's arguments, [cpp.replace] 15.6/11).
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_right
from collections.abc import Callable

from mergeguard.cpp.lexer import TokenKind, lex
from mergeguard.cpp.source import parse
from mergeguard.lens.layout import Glue, Layout, LayoutFile, Piece
from mergeguard.values import cached_property, dataclass

_BOM = b"\xef\xbb\xbf"
_INCLUDE = re.compile(
    rb'(?:^[ \t]*#[ \t]*include(?:_next)?[ \t]*|\b__has_include[ \t]*\([ \t]*)"([^"\n]+)"', re.MULTILINE
)
# Directives, and the end of a line that the monolith does not end.
_LINE_OF_ITS_OWN = re.compile(rb"[ \t]*(?:#|//)|if ")
_LINE_END = re.compile(rb"(?: \\)?\r?\n\Z")
# Glue that stands inside the monolith's text: what follows it is still the monolith.
_AMID = (Glue.GUARD, Glue.LINKAGE, Glue.INCLUDE_PATH)


def joined(file: LayoutFile) -> LayoutFile:
    """The file with the glue that stands amid the monolith's text on no lines of its own, where it can be so.

    Nobody edits a generated file, and inside a macro's arguments, where no ``#line`` can stand, lines then
    stay those of the monolith.
    """
    pieces: list[Piece] = []
    for number, piece in enumerate(file.pieces):
        text = piece.text
        after = file.pieces[number + 1].text.lstrip(b" \t") if number + 1 < len(file.pieces) else b"#"
        if piece.glue in _AMID and not after.startswith(b"#") and not _LINE_OF_ITS_OWN.match(text):
            text = _LINE_END.sub(b" ", text)
        pieces.append(piece._replace(text=text))
    return LayoutFile(file.path, file.role, tuple(pieces))


def relocate(layout: Layout, file: LayoutFile, place: Callable[[str], str | None]) -> bytes:
    """The file's bytes with its quoted includes of the source tree said anew.

    ``place`` says for a path of the repository how the file in the build folder names it; None where the
    repository has no such file, whose include is then left to the search path. Includes of the layout's own
    files stay.
    """
    text = file.text
    out: list[bytes] = []
    done = 0
    for match in _INCLUDE.finditer(text):
        # What is not glue is said from where the monolith stands: compilers look there first.
        own = file.pieces[file.piece_at(match.start(1))].source is not None
        folder = posixpath.dirname(layout.path if own else file.path)
        path = posixpath.normpath(posixpath.join(folder, match[1].decode("utf-8", "surrogateescape")))
        if path in layout.by_path or not _is_directive(text, match.start()):
            continue
        name = place(path)
        if name is not None:
            out += [text[done : match.start(1)], name.encode("utf-8", "surrogateescape")]
            done = match.end(1)
    return b"".join([*out, text[done:]])


def _is_directive(text: bytes, start: int) -> bool:
    """Whether what looks like a line at ``start`` is one: in a raw string it is the program's data."""
    if b'R"' not in text:
        return True
    lexed = lex(text)
    index = lexed.index_at(start)
    return index < len(lexed) and lexed.directive_of[index] >= 0


@dataclass(frozen=True)
class LineMap:
    """Where the lines of a monolith begin, and before which of them a ``#line`` may stand."""

    text: bytes

    @cached_property
    def starts(self) -> list[int]:
        """The offset of each line's first byte."""
        return [0, *(match.end() for match in re.finditer(rb"\n", self.text))]

    def line_at(self, offset: int) -> int:
        """The 0-based line that holds the byte at ``offset``."""
        return bisect_right(self.starts, offset) - 1

    @cached_property
    def unsafe(self) -> frozenset[int]:
        """The 0-based lines before which no directive may stand."""
        lexed = lex(self.text)
        # A bracket that only one branch of an #if closes must not count for the rest of the file.
        fresh = {item.code_start for item in parse(self.text).items}
        found: set[int] = set()
        for directive in lexed.directives:
            found |= self._inside(directive.start, directive.end)
        depth, opened = 0, 0
        for index, (start, kind, raw) in enumerate(zip(lexed.starts, lexed.kinds, lexed.texts, strict=True)):
            if start in fresh:
                depth = 0
            if kind in (TokenKind.COMMENT, TokenKind.STRING):
                found |= self._inside(start, start + len(raw))
            elif kind == TokenKind.PUNCT and lexed.directive_of[index] < 0:
                if raw == b"(":
                    opened = start if depth == 0 else opened
                    depth += 1
                elif raw == b")" and depth > 0:
                    depth -= 1
                    found |= self._inside(opened, start + 1) if depth == 0 else set()
        return frozenset(found | self._continuations)

    @cached_property
    def _continuations(self) -> set[int]:
        return {self.line_at(m.end()) for m in re.finditer(rb"\\[ \t\v\f]*\r?\n", self.text)}

    def _inside(self, start: int, end: int) -> set[int]:
        """The lines that begin after ``start`` and before ``end``."""
        return set(range(self.line_at(start) + 1, self.line_at(max(start, end - 1)) + 1))


def with_lines(file: LayoutFile, text: bytes, lines: LineMap, monolith: str, own: str) -> bytes:
    """``text`` (the file, includes relocated) with ``#line`` wherever the compiler would count wrongly.

    ``monolith`` and ``own`` are the names of the monolith and of this file, as tools shall say them. Glue is
    counted as this file's own lines, but for guards around arms: they are no code.
    """
    bom = _BOM if text.startswith(_BOM) else b""
    out: list[bytes] = []
    thinks: tuple[str, int] = (own, 1)
    for line, origin in zip(text[len(bom) :].split(b"\n"), _origins(file, lines), strict=True):
        if line.strip():
            wants = _wanted(origin, lines, monolith, own, len(out))
            if wants is not None and wants != thinks:
                name, number = wants
                # The directive takes a line of this file, too.
                number += name == own
                out.append(b'#line %d "%s"' % (number, _quoted(name)))
                thinks = (name, number)
        out.append(line)
        thinks = (thinks[0], thinks[1] + 1)
    return bom + b"\n".join(out)


@dataclass(frozen=True, slots=True)
class _Origin:
    """Of one line: the monolith's 0-based line (None: glue alone), and whether glue holds it in
    parentheses."""

    line: int | None
    held: bool
    amid: bool


def _origins(file: LayoutFile, lines: LineMap) -> list[_Origin]:
    found: list[_Origin] = []
    held, line, amid, fresh = False, None, False, True
    depth = 0
    for piece in file.pieces:
        at = None if piece.source is None else lines.line_at(piece.source)
        parts = piece.text.split(b"\n")
        for number, part in enumerate(parts):
            if number:
                found.append(_Origin(line, held, amid))
                line, amid, fresh = None, False, True
            if not part:
                continue
            if fresh:
                held, fresh = depth > 0, False
                amid = piece.glue in _AMID
            if line is None and at is not None and part.strip():
                line, amid = at + number, False
        if piece.glue is Glue.GUARD:
            depth += piece.text.count(b"MG_ONLY_") if b"*/)" not in piece.text else -1
            held = held or depth > 0
    found.append(_Origin(line, held, amid))
    return found


def _wanted(origin: _Origin, lines: LineMap, monolith: str, own: str, written: int) -> tuple[str, int] | None:
    """Which file and 1-based line the compiler should take the next line for; None where it can't be told."""
    if origin.held or origin.amid:
        return None
    if origin.line is None:
        return own, written + 1
    return None if origin.line in lines.unsafe else (monolith, origin.line + 1)


def _quoted(name: str) -> bytes:
    return name.replace("\\", "\\\\").replace('"', '\\"').encode("utf-8", "surrogateescape")
