"""Parameters of a function: ranges, names, default arguments."""

from __future__ import annotations

from collections.abc import Sequence

from mergeguard.cpp.classifying.head import DeclarationHead
from mergeguard.cpp.items import Parameter

TYPE_WORDS = frozenset({"struct", "class", "union", "enum"})
BUILTIN = frozenset(
    {
        "void", "bool", "char", "short", "int", "long", "float", "double", "signed", "unsigned", "auto",
        "const", "volatile", "wchar_t", "char8_t", "char16_t", "char32_t", "__restrict__", "__restrict",
        "restrict",
    }
)  # fmt: skip
_CV = frozenset(
    {"const", "volatile", "typename", "struct", "class", "union", "enum", "unsigned", "signed", "long"}
)


def parameters(head: DeclarationHead, opening: int, close: int) -> tuple[Parameter, ...]:
    """The parameters between the parentheses at ``opening`` and ``close``; ``(void)`` has none."""
    found: list[Parameter] = []
    first = opening + 1
    position = first
    while position <= close:
        word = head.words[position]
        if position < close and head.match[position] > position:
            position = head.match[position] + 1
            continue
        if word == "," or position == close:
            if position > first:
                found.append(_parameter(head, first, position))
            first = position + 1
        position += 1
    if len(found) == 1 and close == opening + 2 and head.words[opening + 1] == "void":
        return ()
    return tuple(found)


def _parameter(head: DeclarationHead, first: int, stop: int) -> Parameter:
    words = head.words
    default = first
    while default < stop and words[default] != "=":
        default = max(head.match[default], default) + 1
    start, end = head.start(first), head.end(stop - 1)
    default = min(default, stop)
    default_start = head.start(default) if default < stop else None
    name = ""
    position = first
    before = ""  # what stands before the candidate, brackets skipped
    while position < default:
        word = words[position]
        if word == "(" and position + 2 < default and words[position + 1] in ("*", "&"):
            name = words[position + 2] if head.is_name(position + 2) else ""
            break
        if head.match[position] > position:
            if word == "<":
                name = ""
                before = ">"
            position = head.match[position] + 1
            continue
        if head.is_name(position) and word not in BUILTIN:
            unnamed = before in ("::", "") or (before in _CV and _only_qualifiers(words, first, position))
            name = "" if unnamed else word
        else:
            name = ""
        if word not in ("[", "]"):
            before = word
        position += 1
    return Parameter(start, end, name, default_start)


def _only_qualifiers(words: Sequence[str], first: int, stop: int) -> bool:
    """Whether nothing before ``stop`` is a type yet: ``const T`` is unnamed, ``unsigned n`` is not."""
    return all(word in ("const", "volatile", "typename", *TYPE_WORDS) for word in words[first:stop])
