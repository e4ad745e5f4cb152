"""A certificate in words: what each side brought into a merged text and took away, for people to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from mergeguard.certify import Text
from mergeguard.cpp.text import line_of

_WIDTH = 72  # of the code that an entry shows
_REMOVED = {
    (False, True): "removed by ours",
    (True, False): "removed by theirs",
    (False, False): "removed by both",
}


def account(
    base: bytes, ours: bytes, theirs: bytes, result: bytes, certificate: Mapping[str, Any]
) -> list[str]:
    """One entry for each stretch of the result that a side added, then for each of the base that one removed,
    with its lines (1-based); what is not named is the base's and in all four."""
    texts = {"base": Text(base), "result": Text(result)}
    pairs = {name: [*_spread(certificate[name])] for name in texts}
    old = {side: {pair[side] for pair in pairs["base"]} for side in (0, 1)}

    def added(pair: tuple[int, int]) -> str:
        mine, other = pair[0] >= 0, pair[1] >= 0
        if mine and other:
            return "" if pair[0] in old[0] or pair[1] in old[1] else "added by both"
        return "added by ours" if mine else "added by theirs"

    def removed(pair: tuple[int, int]) -> str:
        return _REMOVED.get((pair[0] >= 0, pair[1] >= 0), "")

    return [
        *_entries("result", texts["result"], [*map(added, pairs["result"])]),
        *_entries("base", texts["base"], [*map(removed, pairs["base"])]),
    ]


def written(certificate: Mapping[str, Any], told: Sequence[str]) -> bytes:
    """The certificate as JSON that people can read: a line for each entry and each of its parts."""
    parts = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in certificate.items()]
    if told:
        entries = ",\n  ".join(json.dumps(entry, ensure_ascii=False) for entry in told)
        parts.append(f'"account": [\n  {entries}\n]')
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def _spread(runs: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    for count, one, two in runs:
        for step in range(count):
            yield (one + step if one >= 0 else -1, two + step if two >= 0 else -1)


def _entries(name: str, text: Text, what: Sequence[str]) -> Iterator[str]:
    """``what`` is said of each token, "" for nothing; neighbours of which the same is said are one entry."""
    for said, group in groupby(range(len(what)), key=what.__getitem__):
        tokens = [*group]
        if not said:
            continue
        start = text.offsets[tokens[0]]
        end = text.offsets[tokens[-1] + 1] if tokens[-1] + 1 < len(text.offsets) else len(text.text)
        code = text.text[start:end].rstrip()
        first = line_of(text.text, start)
        last = first + code.count(b"\n")
        shown = b" ".join(code.split()).decode("utf-8", "replace")
        shown = shown if len(shown) <= _WIDTH else shown[: _WIDTH - 1].rstrip() + "…"
        lines = f"{first}" if first == last else f"{first}-{last}"
        yield f"{name} {lines}: {said}: {shown}"
