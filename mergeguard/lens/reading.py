"""A monolith's bytes as a source that a rule can be held against, or the reason why they are none."""

from __future__ import annotations

from mergeguard.cpp.source import Source, line_of, parse
from mergeguard.errors import Location, SourceError
from mergeguard.lens.rule import Rule


def require_text(path: str, text: bytes) -> None:
    """Raises SourceError where ``text``, the file at ``path``, is binary: it holds a NUL byte."""
    if b"\0" in text:
        raise SourceError("binary file (it holds a NUL byte)", where=Location(path))


def monolith_source(rule: Rule, path: str, text: bytes) -> Source:
    """The monolith at ``path`` as ``rule`` reads it.

    Raises SourceError where the text can't be read as items: binary, unbalanced, unterminated.
    """
    require_text(path, text)
    source = parse(text, calls_end=bool(rule.deal))
    if source.problems:
        offset, problem = source.problems[0]
        raise SourceError(problem, where=Location(path, line_of(text, offset)))
    return source
