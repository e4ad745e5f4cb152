"""What a whole file says that bears on each of its declarations: names, linkage, macros, lifetimes."""

from __future__ import annotations

from collections.abc import Container, Iterable

from mergeguard.cpp.blocks import Opened, walk
from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.environment import environment_of
from mergeguard.cpp.source import Item, Kind, Source, Unit, code_tokens, identifiers
from mergeguard.lens.homes.macrocalls import Macros, expanded, pasted, pasting
from mergeguard.lens.lifetimes import Lifetimes
from mergeguard.values import cached_property


class FileFacts:
    """The facts about the file ``source``, whose blocks are ``found``; ``external`` are constants that a
    header declares ``extern``.

    ``in_c``: by the rules of C, where a constant is external, too. ``overloads``: a function goes by its
    parameters' types as well, so that overloads of a name go by themselves. ``kernels``: a kernel is declared
    to units that launch it. ``shared`` are the byte offsets of what is internal and becomes known to all
    units.
    """

    def __init__(
        self,
        source: Source,
        found: Opened,
        external: Iterable[str] = (),
        *,
        in_c: bool = False,
        overloads: bool = False,
        kernels: bool = False,
        shared: Container[int] = (),
    ) -> None:
        self.in_c = in_c
        self.shared = shared
        self.overloads = overloads
        self.kernels = kernels
        self.source = source
        self.environment = environment_of(source)
        self.units = found.units
        items = [item for unit in found.units for item in unit.items]
        self.macros = Macros(items)
        self.pasting = pasting(source, (item for item in items if item.kind is Kind.MACRO))
        self.hidden_types = frozenset(
            item.name.rpartition("::")[2]
            for unit in found.units
            for item, hidden in walk(source, unit)
            if hidden and item.kind in (Kind.TYPE, Kind.ALIAS) and item.name
        )

        # A constant that was declared `extern` before is one object, as its other uses say.
        self.declared = frozenset(
            item.name
            for unit in found.units
            for item, _ in walk(source, unit)
            if item.kind is Kind.VARIABLE and "extern" in item.flags and "definition" not in item.flags
        )
        self.external = self.declared | frozenset(external)
        defined = [
            item
            for unit in found.units
            for item, _ in walk(source, unit)
            if item.kind in (Kind.FUNCTION, Kind.KERNEL, Kind.VARIABLE) and item.name
        ]
        kinds = (Kind.FUNCTION, Kind.KERNEL)
        self.functions = {i.name.rpartition("::")[2] for i in defined if i.kind in kinds}
        self.functions |= self.made_by_macros()
        self.values = {i.name.rpartition("::")[2] for i in defined}
        self.static = self.prototypes("static")
        self.emitted = self.prototypes("extern")

    def of_expansion(self, text: Source) -> FileFacts:
        """The facts about what a macro's call in the file stands for: text of its own, the file's names."""
        found = FileFacts(text, Opened((), ()), overloads=self.overloads)
        found.hidden_types, found.functions, found.values = self.hidden_types, self.functions, self.values
        found.lifetimes = self.lifetimes
        return found

    def prototypes(self, flag: str) -> frozenset[tuple[str, str]]:
        """The functions (by name and parameters) that a declaration with ``flag`` names."""
        return frozenset(
            (item.name, item.key.parameters)
            for unit in self.units
            for item, _ in walk(self.source, unit)
            if item.kind is Kind.DECLARATION and flag in item.flags
        )

    def made_by_macros(self) -> set[str]:
        """The names before a parenthesis in what the file's calls of its own macros stand for."""
        found: set[str] = set()
        for ones in self.declarations:
            for one in ones:
                if one.short in self.macros.names and is_call(one):
                    text = expanded(self.source, self.macros.at(one.item.code_start), one.tokens) or b""
                    words = text.decode("utf-8", "surrogateescape").split()
                    found |= {a for a, b in zip(words, words[1:], strict=False) if b == "("}
        return found

    @cached_property
    def lifetimes(self) -> Lifetimes:
        """Of the file's own classes."""
        return Lifetimes(one for ones in self.declarations for one in ones)

    @cached_property
    def declarations(self) -> list[list[Declaration]]:
        """What each unit declares, blocks that were not opened included."""
        return [declared_in(self.source, unit) for unit in self.units]

    def words(self, unit: Unit) -> frozenset[str]:
        """The identifiers of a unit; what an include names is a file."""
        if all(item.kind is not Kind.INCLUDE for item in unit.items):
            return identifiers(self.source, unit.start, unit.end) | self.pasted(unit)
        rest = (i for i in unit.items if i.kind is not Kind.INCLUDE)
        return frozenset[str]().union(*(identifiers(self.source, i.start, i.end) for i in rest))

    def pasted(self, unit: Unit) -> frozenset[str]:
        """The names that calls of the file's macros in a unit make of several."""
        if not self.pasting or all(item.kind is Kind.MACRO for item in unit.items):
            return frozenset()
        tokens = code_tokens(self.source, unit.start, unit.end)
        if self.pasting.isdisjoint(tokens):
            return frozenset()
        return pasted(self.source, self.macros.at(unit.end), self.pasting, tokens)

    def is_hidden(self, item: Item) -> bool:
        """Whether no other file can call it: it was declared static, or names a type that is hidden."""
        if (item.name, item.key.parameters) in self.static:
            return True
        if not self.hidden_types:
            return False
        end = item.parameter_list[1] if item.parameter_list else item.code_end
        return not self.hidden_types.isdisjoint(identifiers(self.source, item.code_start, end))

    def is_object(self, item: Item, one: Declaration) -> bool:
        """Whether what reads as a prototype is an object that is initialised: ``static Reg r(one);``.

        A function that the file keeps to itself it has to define; and a value is no parameter's type.
        """
        if item.parameter_list is None or one.owners or "template" in item.flags or not item.returns:
            return False
        if "operator" in item.name or "extern" in item.flags:
            return False
        if ("static" in item.flags or one.hidden) and one.short not in self.functions:
            return True
        words = [code_tokens(self.source, p.start, p.end) for p in item.parameters]
        return bool(words) and all(len(w) == 1 and w[0] in self.values for w in words)


def is_call(one: Declaration) -> bool:
    """Whether an item is a macro's call: a name and parentheses, with nothing before it."""
    tokens = one.tokens
    if not tokens or one.item.returns or one.item.flags & {"template", "specialization"}:
        return False
    return tokens[0] == one.short and tokens[1:2] in (("(",), (";",), ())


def declared_in(source: Source, unit: Unit) -> list[Declaration]:
    """What a unit of a source declares."""
    return [Declaration(item, source, hidden) for item, hidden in walk(source, unit)]
