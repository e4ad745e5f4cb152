"""What a call of one of the file's own macros stands for: its text, as tokens tell it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from mergeguard.cpp.blocks import opened
from mergeguard.cpp.conditions import facts, possible
from mergeguard.cpp.source import Item, Kind, Source, code_tokens


class Macros:
    """The macros that a file's items define, each from its place on until it is defined anew or undefined."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._steps: dict[str, list[tuple[int, Item | None]]] = defaultdict(list)
        for item in items:
            if item.kind in (Kind.MACRO, Kind.UNDEF):
                step = item if item.kind is Kind.MACRO else None
                self._steps[item.name].append((item.code_start, step))

    @property
    def names(self) -> Collection[str]:
        """All that are defined somewhere."""
        return self._steps.keys()

    def may_replace(self, item: Item) -> bool:
        """Whether a macro of an item's name may be in force where the item stands.

        One that another branch of the same ``#if`` defines is not.
        """
        assumed: dict[str, bool] = {}
        for condition in item.condition:
            assumed.update(facts(condition, True))
        opposites = set(map(_opposite, _conjuncts(item.condition)))
        return any(
            macro is not None
            and opposites.isdisjoint(_conjuncts(macro.condition))
            and start < item.code_start
            and all(possible(assumed, facts(condition, True)) for condition in macro.condition)
            for start, macro in self._steps.get(item.name.rpartition("::")[2], ())
        )

    def at(self, offset: int) -> Mapping[str, Item]:
        """The macros in force at a byte offset, by name."""
        found: dict[str, Item] = {}
        for name, steps in self._steps.items():
            before = bisect_left(steps, offset, key=lambda step: step[0])
            if before and (item := steps[before - 1][1]) is not None:
                found[name] = item
        return found


def expansion(source: Source, tokens: Sequence[str], offset: int) -> bytes | None:
    """What a call of a macro of the file (as tokens) at an offset stands for; None if it is none, or can't be
    told.
    """
    macros = _macros_of(source)
    if not tokens or tokens[0] not in macros.names:
        return None
    return expanded(source, macros.at(offset), tokens)


def _macros_of(source: Source) -> Macros:
    key = (_macros_of,)
    if key not in source.derived:
        source.derived[key] = Macros(item for unit in opened(source).units for item in unit.items)
    found: Macros = source.derived[key]
    return found


def expanded(source: Source, macros: Mapping[str, Item], tokens: Sequence[str]) -> bytes | None:
    """What a call of a macro of the file stands for; None if it is not the file's, or can't be told."""
    found = _call(source, macros, list(tokens), frozenset()) if tokens else None
    if found is None:
        return None
    text, rest = found
    return " ".join(text + rest).encode("utf-8", "surrogateescape")


_MOST_TOKENS = 20_000
_MOST_OF_A_CALL = 400


_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}
_COMPARISON = re.compile(r"([^&|!<>=]+)(<|>=|>|<=|==|!=)([^&|!<>=]+)")


def _conjuncts(conditions: Iterable[str]) -> set[str]:
    """The parts of conditions that all hold, without white space."""
    found: set[str] = set()
    for condition in conditions:
        text = "".join(condition.split())
        found |= {text} if "||" in text or "(" in text else {*text.split("&&")}
    return found


def _opposite(condition: str) -> str:
    """What holds where a comparison does not; of anything else what no condition says."""
    found = _COMPARISON.fullmatch(condition)
    return f"{found[1]}{_OPPOSITE[found[2]]}{found[3]}" if found else "-"


def pasting(source: Source, macros: Iterable[Item]) -> frozenset[str]:
    """The macros that make names, by ``##``, or by calling one that does."""
    bodies = {m.name: frozenset(code_tokens(source, m.code_start, m.code_end)[3:]) for m in macros}
    found = {name for name, body in bodies.items() if "##" in body}
    while more := {name for name, body in bodies.items() if name not in found and not found.isdisjoint(body)}:
        found |= more
    return frozenset(found)


def pasted(
    source: Source, macros: Mapping[str, Item], names: Collection[str], tokens: Sequence[str]
) -> frozenset[str]:
    """The identifiers in what the calls of the macros ``names`` among ``tokens`` stand for."""
    found: set[str] = set()
    for position, token in enumerate(tokens):
        if token in names:
            text = expanded(source, macros, tokens[position : position + _MOST_OF_A_CALL])
            words = (text or b"").decode("utf-8", "surrogateescape").split()
            found.update(word for word in words if word.isidentifier())
    return frozenset(found)


def _call(
    source: Source, macros: Mapping[str, Item], tokens: list[str], hidden: frozenset[str]
) -> tuple[list[str], list[str]] | None:
    """What the macro call at the head of ``tokens`` stands for, macros in it expanded, and what follows it.

    None where it is no call. ``hidden`` are the macros that are being expanded, which stand for themselves.
    """
    name = tokens[0]
    macro = macros.get(name)
    if macro is None or name in hidden:
        return None
    words = code_tokens(source, macro.code_start, macro.code_end)[3:]  # after `# define NAME`
    rest = tokens[1:]
    if macro.parameter_list is not None:
        close = words.index(")")
        arguments, rest = call_arguments(rest)
        values = _values([w for w in words[1:close] if w != ","], arguments)
        if values is None:
            return None
        words = _substituted(words[close + 1 :], values)
    return _rescanned(source, macros, words, hidden | {name}), rest


def _rescanned(
    source: Source, macros: Mapping[str, Item], tokens: list[str], hidden: frozenset[str]
) -> list[str]:
    found: list[str] = []
    while tokens:
        inner = None if len(found) > _MOST_TOKENS else _call(source, macros, tokens, hidden)
        if inner is None:
            found.append(tokens[0])
            tokens = tokens[1:]
        else:
            found += inner[0]
            tokens = inner[1]
    return found


def _values(names: list[str], arguments: list[list[str]] | None) -> dict[str, list[str]] | None:
    """The argument of each parameter; None where they do not fit."""
    variadic = names[-1:] == ["..."]
    if arguments is None or (len(arguments) < len(names) and not variadic):
        return None
    if variadic:
        others = arguments[len(names) - 1 :]
        joined = [t for n, a in enumerate(others) for t in ([","] if n else []) + a]
        arguments = [*arguments[: len(names) - 1], joined]
        names = [*names[:-1], "__VA_ARGS__"]
    return dict(zip(names, arguments, strict=False))


def _substituted(body: Sequence[str], values: Mapping[str, list[str]]) -> list[str]:
    """A macro's body with its arguments in place: ``#`` makes a string of one, ``##`` joins."""
    out: list[str] = []
    for word in body:
        part = values.get(word, [word])
        if out and out[-1] == "#" and word in values:
            out.pop()
            said = " ".join(part).replace("\\", "\\\\").replace('"', '\\"')
            part = [f'"{said}"']
        if out and out[-1] == "##":
            out.pop()
            left = out.pop() if out else ""
            part = [left + (part[0] if part else ""), *part[1:]]
        out += part
    return out


def call_arguments(tokens: list[str]) -> tuple[list[list[str]] | None, list[str]]:
    """The arguments of a macro call, and what follows it; None if they do not end."""
    if tokens[:1] != ["("]:
        return None, tokens
    depth = 0
    arguments: list[list[str]] = [[]]
    for number, token in enumerate(tokens):
        if token in ("(", "[", "{"):
            depth += 1
            if depth == 1:
                continue
        elif token in (")", "]", "}"):
            depth -= 1
            if depth == 0:
                return arguments, tokens[number + 1 :]
        if token == "," and depth == 1:
            arguments.append([])
        else:
            arguments[-1].append(token)
    return None, tokens
