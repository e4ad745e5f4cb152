"""A monolith's bytes as a source that a rule can be held against, or the reason why they are none."""

from __future__ import annotations

from mergeguard.cpp.source import Source, parse
from mergeguard.cpp.text import line_of
from mergeguard.errors import Location, SourceError
from mergeguard.lens.rule import Rule


def opens_blocks(rule: Rule, opens: bool | None = None) -> bool:
    """Whether what stands in one block (a namespace, an ``#if``) may go different ways.

    So for rules that deal, for rules that name what stands in a block, and wherever the emission says it.
    """
    return bool(rule.deal) or (rule.is_qualified if opens is None else opens)


def require_text(path: str, text: bytes) -> None:
    """Raises SourceError where ``text``, the file at ``path``, is binary: it holds a NUL byte."""
    if b"\0" in text:
        raise SourceError("binary file (it holds a NUL byte)", where=Location(path))


def monolith_source(rule: Rule, path: str, text: bytes, *, opens: bool | None = None) -> Source:
    """The monolith at ``path`` as ``rule`` reads it; ``opens`` is an emission's, if not that of new layouts.

    Raises SourceError where the text can't be read as items: binary, unbalanced, unterminated.
    """
    require_text(path, text)
    source = parse(text, calls_end=opens_blocks(rule, opens))
    if source.problems:
        offset, problem = source.problems[0]
        raise SourceError(problem, where=Location(path, line_of(text, offset)))
    return source
