"""What a unit pays for its headers, which no split can save: units that include the same and define nothing.

The floor of a unit is measured on the layout itself, with nothing but preprocessor lines left in its files.
Units that read the same headers have one floor.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping

from mergeguard.cpp.lexer import Directive, Lexed, lex
from mergeguard.values import dataclass

# A condition can ask for what the file defined before; a directive can be continued on the next line.
_KEPT = frozenset("include if ifdef ifndef else elif elifdef elifndef endif define undef pragma".split())
# Pragmas of a statement or a definition that follows, which a bare file does not have.
_OF_A_STATEMENT = frozenset("omp acc unroll nounroll ivdep loop nv_exec_check_disable".split())
_MONOLITH = "mergeguard_headers_of_"


@dataclass(frozen=True, slots=True)
class Floors:
    """``files`` are to stand in the place of the layout's; ``of`` names, for each unit, the one whose cost is
    its floor, and ``monolith`` the monolith's.
    """

    files: Mapping[str, bytes]
    of: Mapping[str, str]
    monolith: str

    @property
    def units(self) -> tuple[str, ...]:
        """The units to measure: as few as there are different sets of headers."""
        return tuple(dict.fromkeys((self.monolith, *self.of.values())))


def floors(path: str, monolith: bytes, files: Mapping[str, bytes], units: Iterable[str]) -> Floors:
    """The bare files of a layout and of its ``monolith``, which has the ``path`` of the layout's entry."""
    bare = {name: bare_text(text) for name, text in files.items()}
    alone = posixpath.join(posixpath.dirname(path), _MONOLITH + posixpath.basename(path))
    bare[alone] = bare_text(monolith)
    seen: dict[frozenset[str], str] = {}
    of = {unit: seen.setdefault(_headers(unit, bare), unit) for unit in units}
    whole = seen.get(_headers(alone, bare), alone)
    if whole != alone:
        del bare[alone]
    return Floors(bare, of, whole)


def bare_text(text: bytes) -> bytes:
    """A file without what it defines: its conditions, includes and macros."""
    lexed = lex(text)
    kept = [
        text[one.start : one.end]
        for one in lexed.directives
        if one.name in _KEPT and not (one.name == "pragma" and _is_of_a_statement(lexed, one))
    ]
    return b"".join(line + b"\n" for line in kept)


def _is_of_a_statement(lexed: Lexed, pragma: Directive) -> bool:
    """Whether a pragma stands for what follows it: ``omp parallel for``, ``GCC unroll 4``, ``clang loop``."""
    words = [lexed.word(index) for index in range(pragma.first + 2, min(pragma.first + 4, pragma.last))]
    if words[:1] and words[0] in ("GCC", "clang"):
        words = words[1:]
    return words[:1] != [] and words[0] in _OF_A_STATEMENT


def _headers(unit: str, files: Mapping[str, bytes]) -> frozenset[str]:
    """The base names of the headers that a unit reads and that are none of the layout's own.

    Not their paths: the same header is written otherwise in another folder.
    """
    found: set[str] = set()
    waiting, done = [unit], set[str]()
    while waiting:
        path = waiting.pop()
        if path in done:
            continue
        done.add(path)
        for name in _included(files[path]):
            inside = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
            if inside in files:
                waiting.append(inside)
            else:
                found.add(posixpath.basename(name))
    return frozenset(found)


def _included(text: bytes) -> Iterator[str]:
    lexed = lex(text)
    for directive in lexed.directives:
        if directive.name == "include":
            name = text[directive.start : directive.end].partition(b"include")[2].strip()
            yield name.strip(b'<>"').decode("utf-8", "surrogateescape")
