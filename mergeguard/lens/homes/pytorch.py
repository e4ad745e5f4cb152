"""What of PyTorch a thin layout knows: its large headers, its light ones, its dispatch macros."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fnmatch import fnmatchcase

from mergeguard.cpp.lexer import SPLICE
from mergeguard.cpp.source import Item, Kind, Source, code_tokens
from mergeguard.cpp.text import places_of
from mergeguard.lens.rule import Thin

# PyTorch's dispatch macros that call a lambda once for each of these, as `scalar_t`.
DISPATCHED: dict[str, tuple[str, ...]] = {
    "AT_DISPATCH_REDUCED_FLOATING_TYPES": ("c10::Half", "c10::BFloat16"),
    "AT_DISPATCH_FLOATING_TYPES": ("double", "float"),
    "AT_DISPATCH_FLOATING_TYPES_AND_HALF": ("double", "float", "c10::Half"),
}
SCALAR = "scalar_t"
# Types of c10 that have a header of their own, which reads nothing else of PyTorch's.
LIGHT_TYPES = {
    name: f"c10/util/{name}.h" for name in ("Half", "BFloat16", "Float8_e4m3fn", "Float8_e4m3fnuz")
}
_HOST_WORDS = frozenset({"at", "torch", "Tensor", "ATen", "pybind11"})
_HOST_PREFIXES = ("TORCH_", "STD_TORCH_", "AT_DISPATCH", "AT_CUDA", "C10_CUDA", "VLLM_DISPATCH_")
_BEGINS = tuple(word.encode() for word in ("c10", *sorted(_HOST_WORDS), *_HOST_PREFIXES))
_IN_WORDS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_HOST_INCLUDES = ("<torch/*", "<ATen/*", "<c10/*", "<caffe2/*", "<pybind11/*")


def is_of_the_host(source: Source, item: Item, thin: Thin) -> bool:
    """Whether an item needs the headers that only the entry reads."""
    if item.kind is Kind.INCLUDE:
        globs = (*_HOST_INCLUDES, *thin.host)
        light = any(header in item.name for header in LIGHT_TYPES.values())
        return not light and any(fnmatchcase(item.name.replace('"', ""), glob) for glob in globs)
    if item.kind is Kind.MACRO:
        return False  # means nothing until it is used
    start, end = item.code_start, item.code_end
    places = _places(source)
    number = bisect_left(places, start)
    is_possible = number < len(places) and places[number] < end
    return is_possible and has_host_words(code_tokens(source, start, end))


def _places(source: Source) -> list[int]:
    """Where in a text there may be a word of the host: one that begins so, or goes on in the next line."""
    key = (_places,)
    if key not in source.derived:
        text = source.text
        begins = (at for at in places_of(text, _BEGINS) if not at or text[at - 1] not in _IN_WORDS)
        source.derived[key] = sorted([*begins, *(found.start() for found in SPLICE.finditer(text))])
    places: list[int] = source.derived[key]
    return places


def has_host_words(words: Sequence[str]) -> bool:
    """Whether text speaks of what only PyTorch's large headers declare."""
    for position, word in enumerate(words):
        if word in _HOST_WORDS or word.startswith(_HOST_PREFIXES):
            return True
        if word == "c10" and words[position + 2 : position + 3] and words[position + 2] not in LIGHT_TYPES:
            return True
    return False
