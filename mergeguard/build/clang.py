"""libclang, loaded only when asked for: an oracle for the lexer, and names as a compiler sees them.

Nothing else imports libclang, and nothing of it is needed to read, split or merge: where it is missing,
``available`` is false and the checks that use it say so. Files are handed over in memory; missing headers
are tolerated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from mergeguard.errors import MergeguardError
from mergeguard.values import dataclass

# The macros under which the real files select their architecture branches.
VIEWS: dict[str, tuple[str, ...]] = {
    "fallback": (),
    "gfx9": ("__HIPCC__", "__gfx90a__", "__gfx942__", "__GFX9__", "__HIP__GFX9__"),
    "gfx11": ("__HIPCC__", "__GFX11__", "__gfx1100__"),
    "gfx12": ("__HIPCC__", "__GFX12__", "__gfx1201__"),
}

_ARGUMENTS = (
    *("-x", "cuda", "--cuda-host-only", "-nocudainc", "-nocudalib", "-std=c++17", "-w"),
    "-ferror-limit=0",
)
_KEEP_GOING = 0x200
_SKIP_BODIES = 0x40
_NAMED = frozenset(
    {
        "FUNCTION_DECL",
        "FUNCTION_TEMPLATE",
        "CXX_METHOD",
        "STRUCT_DECL",
        "CLASS_DECL",
        "UNION_DECL",
        "ENUM_DECL",
        "CLASS_TEMPLATE",
        "CLASS_TEMPLATE_PARTIAL_SPECIALIZATION",
        "TYPEDEF_DECL",
        "TYPE_ALIAS_DECL",
        "TYPE_ALIAS_TEMPLATE_DECL",
        "VAR_DECL",
        "NAMESPACE",
        "NAMESPACE_ALIAS",
    }
)


class ClangError(MergeguardError):
    """libclang is missing, or can't read a file at all."""


@dataclass(frozen=True, slots=True)
class AstDeclaration:
    """A top-level declaration as clang sees it: cursor kind, name, byte range, whether it is a definition."""

    kind: str
    name: str
    start: int
    end: int
    definition: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """An error that clang reports in the file itself: its message, and the 1-based line."""

    message: str
    line: int


@cache
def _library() -> Any:
    try:
        from clang import cindex

        cindex.Config().lib.clang_getClangVersion  # noqa: B018 - the library is loaded by the first use
    except (ImportError, OSError, AttributeError) as error:
        raise ClangError(f"libclang can't be loaded: {error}", hint="pip install libclang") from error
    except Exception as error:  # cindex.LibclangError: known only once cindex is imported
        raise ClangError(f"libclang can't be loaded: {error}", hint="pip install libclang") from error
    return cindex


def available() -> bool:
    """Whether libclang can be used here."""
    try:
        _library()
    except ClangError:
        return False
    return True


def _translation_unit(text: bytes, defines: Sequence[str], *, bodies: bool) -> Any:
    cindex = _library()
    name = "mergeguard-in-memory.cu"
    options = _KEEP_GOING | (0 if bodies else _SKIP_BODIES)
    arguments = [*_ARGUMENTS, *(f"-D{define}" for define in defines)]
    try:
        return cindex.TranslationUnit.from_source(
            name, args=arguments, unsaved_files=[(name, text)], options=options
        )
    except cindex.TranslationUnitLoadError as error:
        raise ClangError("libclang can't parse the file") from error


def token_ranges(text: bytes) -> Iterator[tuple[int, int]]:
    """Byte ranges of all tokens of ``text``, comments and inactive branches included."""
    cindex = _library()
    unit = _translation_unit(text, (), bodies=False)
    whole = unit.get_extent(unit.spelling, (0, len(text)))
    for token in cindex.TokenGroup.get_tokens(unit, whole):
        extent = token.extent
        yield extent.start.offset, extent.end.offset


def declarations(text: bytes, view: str = "fallback") -> tuple[AstDeclaration, ...]:
    """Named top-level declarations, those in namespaces too, under one of ``VIEWS``.

    What clang can't parse for want of headers is left out: the list checks names, it is no source of them.
    """
    unit = _translation_unit(text, VIEWS[view], bodies=True)
    found: list[AstDeclaration] = []
    pending = list(unit.cursor.get_children())[::-1]
    while pending:
        cursor = pending.pop()
        location = cursor.location
        if location.file is None or location.file.name != unit.spelling:
            continue
        kind = cursor.kind.name
        if kind in _NAMED and cursor.spelling:
            extent = cursor.extent
            found.append(
                AstDeclaration(
                    kind, cursor.spelling, extent.start.offset, extent.end.offset, cursor.is_definition()
                )
            )
        if kind in ("NAMESPACE", "LINKAGE_SPEC", "UNEXPOSED_DECL"):
            pending.extend(list(cursor.get_children())[::-1])
    return tuple(found)


def problems(text: bytes, view: str = "fallback") -> tuple[Problem, ...]:
    """The errors of a file under one of ``VIEWS``; want of headers makes many, the same in every version."""
    cindex = _library()
    unit = _translation_unit(text, VIEWS[view], bodies=True)
    return tuple(
        Problem(diagnostic.spelling, diagnostic.location.line)
        for diagnostic in unit.diagnostics
        if diagnostic.severity >= cindex.Diagnostic.Error
        and diagnostic.location.file is not None
        and diagnostic.location.file.name == unit.spelling
    )
