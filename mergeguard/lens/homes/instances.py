"""What an item instantiates, in whichever way upstream writes it down.

``template void f<float>(float*);``, with deduced arguments (``template void f(float*);``), by a macro of
the file (``INSTANTIATE_F(float)``), or in the place of the general text, as a specialisation.
"""

from __future__ import annotations

from collections.abc import Sequence

from mergeguard.cpp.blocks import qualified_name, space_of
from mergeguard.cpp.declaration import linkage
from mergeguard.cpp.items import Item, Kind, Source, Unit
from mergeguard.cpp.source import code_tokens, parse
from mergeguard.lens.homes.macrocalls import expansion
from mergeguard.values import dataclass

_KEY = "written instantiations"


@dataclass(frozen=True, slots=True)
class Written:
    """One instantiation: the template's name as it is written, its arguments.

    Without arguments ``deduced`` are the parameters' types, which they follow from.
    """

    name: str
    arguments: str
    deduced: str = ""

    @property
    def asked(self) -> str:
        """What a rule's globs are held against."""
        return self.arguments or self.deduced


def written_instantiations(source: Source, item: Item) -> tuple[Written, ...]:
    """What ``item`` instantiates or specialises, in the order of the text."""
    key = (_KEY, item.start, item.name)
    if key not in source.derived:
        source.derived[key] = tuple(_written(source, item))
    found: tuple[Written, ...] = source.derived[key]
    return found


def template_arguments(text: str) -> tuple[str, ...]:
    """Template arguments apart; () where there are none."""
    found = [""]
    depth = 0
    for character in text:
        depth += (character in "<([{") - (character in ">)]}")
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return tuple(part.strip() for part in found) if text.strip() else ()


def full_name(unit: Unit, item: Item, written: Written) -> str:
    """The qualified name of what ``item`` of ``unit`` instantiates, which a macro's text does not know."""
    if item.kind in (Kind.INSTANTIATION, Kind.FUNCTION):
        return qualified_name(unit, item)
    return "::".join(filter(None, (space_of(unit.scopes), written.name.removeprefix("::"))))


def _written(source: Source, item: Item) -> Sequence[Written]:
    if item.kind is Kind.INSTANTIATION:
        return [] if "extern" in item.flags else [_one(source, item)]
    if item.kind is Kind.FUNCTION and "specialization" in item.flags and "definition" in item.flags:
        return [] if {"inline", "static", "device"} & linkage(source, item) else [_one(source, item)]
    if item.kind not in (Kind.DECLARATION, Kind.OPAQUE) or item.body is not None:
        return []
    text = expansion(source, code_tokens(source, item.code_start, item.code_end), item.code_start)
    inner = parse(text, calls_end=True) if text is not None else None
    if inner is None or inner.problems:
        return []
    return [w for i in inner.items if i.kind is Kind.INSTANTIATION for w in _written(inner, i)]


def _one(source: Source, item: Item) -> Written:
    deduced = "" if item.arguments else ", ".join(_types(source, item))
    return Written(item.name, item.arguments, deduced)


def _types(source: Source, item: Item) -> list[str]:
    """The types of an instantiation's parameters, without names."""
    found = []
    for parameter in item.parameters:
        words = code_tokens(source, parameter.start, parameter.end)
        if parameter.name in words[1:]:
            words.remove(parameter.name)
        found.append(" ".join(words))
    return found
