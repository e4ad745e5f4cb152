"""Whether every line of a split made by hand is in the new monolith, or in the report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from mergeguard.adopt.takenapart import rows_of
from mergeguard.cpp.environment import environment_of
from mergeguard.cpp.source import parse
from mergeguard.cpp.tokens import is_comment, tokens_of

_LEAST_CODE = 2  # bytes of a line's key that say something: a lone brace is everywhere


def unaccounted(
    files: Mapping[str, bytes], monolith: bytes, report: Iterable[tuple[str, bytes]]
) -> Iterator[tuple[str, int, bytes, bool]]:
    """Lines of the hand-made files that are neither in ``monolith`` nor reported: path, 1-based line, bytes,
    and whether it is but a comment that is missing (behind a directive that is there, say).

    ``report`` has the texts that the report shows, each with its file. White space, linkage words and where
    a statement is wrapped do not count: a line is there if its tokens are, one behind the other.
    """
    there = {row.key for row in rows_of(monolith)}
    flat = _flat(monolith)
    shown: dict[str, set[bytes]] = {}
    for path, text in report:
        shown.setdefault(path, set()).update(row.key for row in rows_of(text))
    for path, text in files.items():
        told = shown.get(path, set())
        for row in rows_of(text):
            if len(row.key) < _LEAST_CODE or row.key in there or row.key in told or _is_plain(row.key):
                continue
            raw = text[row.start : row.end]
            if not row.key.startswith((b"//", b"/*", b"*", b"#")) and _flat(raw) in flat:
                continue
            code = row.key.partition(b"//")[0]
            comment = code.startswith((b"/*", b"*")) or not code or code in there or code in told
            yield path, text.count(b"\n", 0, row.start) + 1, raw, comment or _is_plain(code)


def _is_plain(key: bytes) -> bool:
    """Brackets alone, and what every header has."""
    return not re.search(rb"\w", key) or key in (b"#pragmaonce", b"#else", b"#endif")


def _flat(text: bytes) -> bytes:
    """The code without comments, white space, continuations and linkage words."""
    tokens = tokens_of(text)
    code = (raw for key, raw in zip(tokens.keys, tokens.texts, strict=True) if not is_comment(key))
    return b"".join(b"".join(raw.split()) for raw in code if raw not in (b"inline", b"static", b"extern"))


def undefined_macros(text: bytes, known: frozenset[str]) -> dict[str, int]:
    """Uses of macros where they are not defined (yet, or any more): name to the 1-based line of the first.

    ``known`` names what is a macro although ``text`` does not define it.
    """
    source = parse(text)
    environment, lexed = environment_of(source), source.lexed
    names = environment.names | known
    found: dict[str, int] = {}
    for number, start in enumerate(lexed.starts):
        if lexed.directive_of[number] >= 0 or (word := lexed.word(number)) not in names:
            continue
        for name in environment.closure((word,), start) & names:
            steps = environment.history(name, start)
            undone = not steps or (steps[-1][1] is None and not steps[-1][0])
            if undone and name not in found:
                found[name] = text.count(b"\n", 0, start) + 1
    return found


def macros_of(texts: Iterable[bytes]) -> frozenset[str]:
    """The names of the macros that some texts define."""
    return frozenset(name for text in texts for name in environment_of(parse(text)).names)
