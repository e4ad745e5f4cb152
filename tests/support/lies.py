"""Results of a merge with one thing wrong, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from mergeguard.certify import Text
from mergeguard.cpp.diff import diff


def _span(text: Text, index: int) -> tuple[int, int]:
    """The bytes of a token and the layout behind it."""
    end = text.offsets[index + 1] if index + 1 < len(text.offsets) else len(text.text)
    return text.offsets[index], end


def _tokens(text: Text) -> list[int]:
    """Tokens that have bytes of their own, as words of a comment have not; no includes, which are a set."""
    starts = [*text.offsets, len(text.text)]
    return [
        i
        for i, token in enumerate(text.tokens)
        if starts[i] < starts[i + 1] and token != b"#end" and not token.startswith((b"#include", b'"', b"//"))
    ]


def dropped(rng: random.Random, text: Text, *_: bytes) -> bytes:
    start, end = _span(text, rng.choice(_tokens(text)))
    return text.text[:start] + b" " + text.text[end:]


def doubled(rng: random.Random, text: Text, *_: bytes) -> bytes:
    index = rng.choice([i for i in _tokens(text) if not text.tokens[i].startswith(b"#")])
    start, end = _span(text, index)
    return text.text[:end] + b" " + text.text[start:end] + text.text[end:]


def moved(rng: random.Random, text: Text, *_: bytes) -> bytes:
    """A statement, without the brackets in it, that comes to stand in front of another scope's first one."""
    ends = [i for i, token in enumerate(text.tokens) if token in (b";", b"{", b"}")]
    runs = [
        (a + 1, b)
        for a, b in zip(ends, ends[1:], strict=False)
        if text.tokens[b] == b";" and not any(t[:1] in b"#/" for t in text.tokens[a + 1 : b])
    ]
    first, last = rng.choice(runs)
    opened = [
        i
        for i in ends
        if text.tokens[i] == b"{" and i not in (text.brackets[first], first - 1) and text.brackets[first] != i
    ]
    start, end = text.offsets[first], _span(text, last)[1]
    target = _span(text, rng.choice(opened))[1]
    run = text.text[start:end]
    if target <= start:
        return text.text[:target] + run + text.text[target:start] + text.text[end:]
    return text.text[:start] + text.text[end:target] + run + text.text[target:]


def unguarded(rng: random.Random, text: Text, *_: bytes) -> bytes:
    """Without the lines of one ``#if`` and what ends it."""
    lines = text.text.split(b"\n")
    opened: list[int] = []
    pairs: list[tuple[int, int]] = []
    for number, line in enumerate(lines):
        if line.lstrip().startswith(b"#if"):
            opened.append(number)
        elif line.lstrip().startswith(b"#endif") and opened:
            pairs.append((opened.pop(), number))
    gone = rng.choice(pairs)
    return b"\n".join(line for number, line in enumerate(lines) if number not in gone)


def swapped(rng: random.Random, text: Text, base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """Without one hunk of one side's edit: the base stands there again."""
    result, side = text.text.splitlines(True), rng.choice((ours, theirs)).splitlines(True)
    old = base.splitlines(True)
    hunks = [
        (b"".join(side[h.b0 : h.b1]), b"".join(old[h.a0 : h.a1]))
        for h in diff(old, side)
        if h.b1 > h.b0 and text.text.count(b"".join(side[h.b0 : h.b1])) == 1
    ]
    assert result
    new, was = rng.choice(hunks)
    return text.text.replace(new, was)


LIES: tuple[Callable[..., bytes], ...] = (dropped, doubled, moved, unguarded, swapped)


def lies(
    seed: str, base: bytes, ours: bytes, theirs: bytes, result: bytes, each: int
) -> Iterator[tuple[str, bytes]]:
    """``each`` lies of every kind that the texts have room for, with the name of the kind."""
    text = Text(result)
    for kind in LIES:
        rng = random.Random(f"{seed} {kind.__name__}")
        for _ in range(each):
            try:
                lie = kind(rng, text, base, ours, theirs)
            except IndexError:  # nothing to choose from
                break
            if Text(lie).tokens != text.tokens:
                yield kind.__name__, lie
