"""What runs when an object of a file's own classes is made, and when it is destroyed.

Objects at file scope are made in the order of their unit and destroyed in the reverse one; several units have
no order. So whoever parts a file asks which other objects a constructor or a destructor may reach. By tokens:
the words in constructors, destructors and initialisers of members, for bases and members of other classes of
the file, too. What a class of another file does is not known here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.items import Kind
from mergeguard.values import dataclass, field

_NAME = re.compile(r"[A-Za-z_]\w*")
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_ACCESS = frozenset({"public", "private", "protected"})
_CONSTANT = frozenset({"constexpr", "constinit", "extern"})
_SAYS_NOTHING = frozenset(
    {"default", "delete", "noexcept", "override", "final", "public", "private", "protected"}
)
_NO_MEMBER = frozenset(
    {"static", "constexpr", "using", "typedef", "friend", "enum", "class", "struct", "union", "template"}
)
# Of the standard library: classes whose objects hold something that a destructor gives back.
OWNING = frozenset(
    "string wstring vector map multimap set multiset unordered_map unordered_multimap unordered_set list"
    " deque forward_list queue stack priority_queue unique_ptr shared_ptr function thread future promise any"
    " ofstream ifstream fstream ostringstream stringstream condition_variable".split()
)


@dataclass(slots=True)
class _Class:
    """The words that run at the two ends, and the words of its bases' and members' types."""

    made: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)


class Lifetimes:
    """Of the classes that ``declarations`` define, by their short names."""

    def __init__(self, declarations: Iterable[Declaration]) -> None:
        self._classes: dict[str, _Class] = defaultdict(_Class)
        for one in declarations:
            if one.kind is Kind.TYPE and one.item.body is not None and one.short:
                _read_class(one.tokens, one.short, self._classes[one.short])
            elif one.kind is Kind.FUNCTION and one.owners:
                name = one.short.removeprefix("~")
                if name == one.owners[-1]:
                    known = self._classes[name]
                    (known.made if one.short == name else known.ended).update(_words(one.tokens) - {name})

    def made(self, one: Declaration) -> frozenset[str]:
        """The words that may run before the object ``one`` is there; its own initialiser apart."""
        return frozenset(word for known in self._reached(one) for word in known.made)

    def ended(self, one: Declaration) -> frozenset[str]:
        """The words that may run while the object ``one`` is destroyed."""
        return frozenset(word for known in self._reached(one) for word in known.ended)

    def is_owning(self, one: Declaration) -> bool:
        """Whether the object is certain to be destroyed by more than giving up its bytes."""
        types = _types(one)
        reached = list(self._reached(one))
        return any(known.ended for known in reached) or not OWNING.isdisjoint(
            types.union(*(known.parts for known in reached))
        )

    def _reached(self, one: Declaration) -> Iterator[_Class]:
        if not self._classes:
            return
        seen: set[str] = set()
        waiting = list(_types(one))
        while waiting:
            name = waiting.pop()
            if name not in seen and name in self._classes:
                seen.add(name)
                yield self._classes[name]
                waiting += self._classes[name].parts


def _types(one: Declaration) -> frozenset[str]:
    """The words of an object's type; none where it is a pointer, a reference or a constant expression."""
    if one.kind is Kind.TYPE:
        return frozenset({one.short} if one.objects else ())
    head = _type_of(one)
    is_none = head[-1:] in (("*",), ("&",)) or not _CONSTANT.isdisjoint(head)
    return frozenset() if is_none else _words(head)


def _type_of(one: Declaration) -> tuple[str, ...]:
    """What stands before an object's name, without the classes that a static member is defined for."""
    tokens = list(one.head)
    for _ in one.owners:
        if tokens[-1:] != ["::"]:
            break
        tokens.pop()
        depth = 0
        while tokens:  # a name, with its arguments behind it
            depth += {">": 1, ">>": 2, "<": -1}.get(token := tokens.pop(), 0)
            if depth == 0 and token != "<":
                break
    return tuple(tokens)


def _read_class(tokens: Sequence[str], name: str, into: _Class) -> None:
    opening = tokens.index("{") if "{" in tokens else len(tokens)
    into.parts |= _words(tokens[:opening]) - {name}
    for statement in _statements(tokens[opening + 1 :]):
        head = [token for token in statement if token not in ("explicit", "inline", "virtual")]
        if head[:2] == ["~", name]:
            into.ended |= _words(head[2:])
        elif head[:2] == [name, "("]:  # a `constexpr` one runs nothing at start-up
            into.made |= _words(head[2:])
        elif _NO_MEMBER.isdisjoint(head[:2]):
            _read_member(head, into)


def _read_member(tokens: Sequence[str], into: _Class) -> None:
    """An object that a class holds: its type, and what its initialiser says. A function is none."""
    value = next((n for n, token in enumerate(tokens) if token in ("=", "{", "(", ";")), len(tokens))
    if tokens[value : value + 1] == ["("] or value < 2 or tokens[value - 2] in ("*", "&"):
        return
    into.parts |= _words(tokens[: value - 1])
    into.made |= _words(tokens[value:])


def _statements(tokens: Sequence[str]) -> Iterator[list[str]]:
    """What stands in a class, apart: up to a ``;``, or a body's end that nothing goes on behind."""
    found: list[str] = []
    depth = 0
    for position, token in enumerate(tokens):
        depth += (token in _OPENING) - (token in _CLOSING)
        if depth < 0:
            break
        found.append(token)
        behind = tokens[position + 1] if position + 1 < len(tokens) else ""
        ends = token == "}" and behind not in (",", "{", ";", "=")
        if depth == 0 and (token == ";" or ends or (token == ":" and found[0] in _ACCESS)):
            yield found
            found = []
    if found:
        yield found


def _words(tokens: Iterable[str]) -> frozenset[str]:
    return frozenset(token for token in tokens if _NAME.fullmatch(token)) - _SAYS_NOTHING
