"""Names that text may have from around it though tokens do not tell: asked before the text moves.

What ``lens.locals`` knows of a function is passed to a launch function. What it may have missed (the variable
of a ``for``, a structured binding, a lambda's parameter) or can't know (a member of the function's class)
would be another name in a shard, or none: that is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence

from mergeguard.cpp.declaration import qualifiers
from mergeguard.cpp.items import Item, Kind, Source
from mergeguard.cpp.source import nested
from mergeguard.cpp.text import code_tokens, identifiers
from mergeguard.lens.locals import Scope
from mergeguard.values import cached_property

_MEMBER = frozenset({".", "->", "::"})
_ENDS_DECLARATOR = frozenset({"=", ";", ",", ")", ":", "{", "[", "]"})
_NO_TYPE = frozenset(
    "return case goto else throw new delete co_return co_yield co_await sizeof typename do and or not".split()
)


# Words of the language, and its own types: no member is called so.
_LANGUAGE = frozenset(
    """
    alignas alignof auto bool break case catch char class const consteval constexpr const_cast continue
    decltype default delete do double dynamic_cast else enum explicit extern false final float for friend
    goto if inline int long mutable namespace new noexcept nullptr operator override private protected public
    register reinterpret_cast requires return short signed sizeof static static_assert static_cast struct
    switch template this thread_local throw true try typedef typename union unsigned using virtual void
    volatile while
    """.split()
)


def _declared_in_class(body: Sequence[str]) -> frozenset[str]:
    """The identifiers of a class's body, rather too many: not what only qualifies another, as `std` does."""
    pairs = zip(body, [*body[1:], ""], strict=True)
    return frozenset(word for word, after in pairs if word.isidentifier() and after != "::") - _LANGUAGE


class Unseen:
    """Asked of text in ``function`` that would move; ``scope`` is what is known of the names there."""

    def __init__(self, source: Source, function: Item, scope: Scope) -> None:
        self.source = source
        self.function = function
        self.scope = scope

    def first(self, text: Sequence[str]) -> str:
        """What speaks against moving text with these tokens, as a message; "" if nothing does."""
        own = self.declared_in(text)
        for before, word in zip(["", *text], text, strict=False):
            if not word.isidentifier() or before in _MEMBER or word in self.scope.names or word in own:
                continue
            if word in self.local:
                return f"an arm uses `{word}`, whose declaration can't be read"
            if word in self.members:
                return f"an arm uses `{word}`, a member of `{self.owner}`"
        return ""

    @cached_property
    def local(self) -> frozenset[str]:
        """Names that the function's text may declare."""
        assert self.function.body is not None
        start = self.function.parameter_list[0] if self.function.parameter_list else self.function.code_start
        return self.declared_in(code_tokens(self.source, start, self.function.body[1]))

    @staticmethod
    def declared_in(text: Sequence[str]) -> frozenset[str]:
        """Names that stand where a declarator does, so rather too many."""
        found: set[str] = set()
        bracket = False
        for before, word, after in zip(["", *text], text, [*text[1:], ""], strict=False):
            bracket = (bracket or (word == "[" and before in ("auto", "&"))) and word != "]"
            if not word.isidentifier() or after not in _ENDS_DECLARATOR:
                continue
            typed = before.isidentifier() and before not in _NO_TYPE or before in ("*", "&", "&&", ">")
            if typed or bracket:
                found.add(word)
        return frozenset(found)

    @property
    def owner(self) -> str:
        return "::".join(qualifiers(self.source, self.function))

    @cached_property
    def members(self) -> frozenset[str]:
        """Names of the function's class, as the file has it; of an unknown class what is written like one."""
        owners = qualifiers(self.source, self.function)
        if not owners or owners[-1] in self.spaces:
            return frozenset()
        for item in self.every(self.source.items):
            if item.kind is Kind.TYPE and item.body and item.name.rpartition("::")[2] == owners[-1]:
                return _declared_in_class(code_tokens(self.source, *item.body)) - self.file_names
        assert self.function.body is not None
        words = identifiers(self.source, *self.function.body)
        return frozenset(w for w in words if w.endswith("_") or w.startswith("m_"))

    @cached_property
    def spaces(self) -> frozenset[str]:
        items = (item for item in self.every(self.source.items) if item.kind is Kind.NAMESPACE)
        return frozenset(part for item in items for part in item.name.split("::"))

    @cached_property
    def file_names(self) -> frozenset[str]:
        """What the file itself declares outside of classes."""
        items = (item for item in self.every(self.source.items) if item.kind is not Kind.NAMESPACE)
        return frozenset(i.name.rpartition("::")[2] for i in items if not qualifiers(self.source, i))

    def every(self, items: Sequence[Item]) -> list[Item]:
        """The items, and those in namespaces."""
        found: list[Item] = []
        for item in items:
            found.append(item)
            if item.kind is Kind.NAMESPACE:
                found += self.every(nested(self.source, item, calls_end=True))
        return found
