"""What a unit of a monolith gives to others, what it uses of them, and how often it may be compiled.

What ``lens.homes.dealing`` decides by. Nothing is guessed where tokens can't tell: what may be one object, or
is not understood, counts as something that can't be said or compiled twice.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from enum import Enum, auto

from mergeguard.cpp.declaration import Declaration, declares_by_name
from mergeguard.cpp.definitions import has_local_state, only_read
from mergeguard.cpp.source import Item, Kind, Unit, code_tokens, identifiers, nested, parse
from mergeguard.lens.homes.filefacts import FileFacts, declared_in, is_call
from mergeguard.lens.homes.handles import reached_types
from mergeguard.lens.homes.macrocalls import call_arguments, expanded
from mergeguard.lens.homes.unclear import why_unclear
from mergeguard.values import dataclass, field, replace


class Way(Enum):
    """How a name is given to text in another file."""

    TEXT = auto()  # by its text: the header has it, or each unit that needs it
    DECLARATION = auto()  # by a declaration that can be said again
    NONE = auto()  # not at all: what uses it stands in the same file


@dataclass(slots=True)
class Traits:
    """Of one unit. ``gives`` are unqualified names; ``once``: two units must not both compile it.

    ``root``: it defines what other files can call, and so is what is dealt; ``registers``: it does something
    at start-up; ``members``: names by which a class may be needed though nothing names it; ``near``: classes
    that it is a member of, whose users may need it; ``shown``: text that every file must see; ``idle``:
    nothing depends on where it is; ``dynamic``: an object that is initialised at start-up; ``starts``: names
    that run then, or when it is destroyed. ``functions`` are those that ``Way.DECLARATION`` is about, ``key``
    is what is hashed. ``unclear``: why it can't be dealt as it is written. ``generic``: a template, whose
    names may be found by its arguments where it is used, behind it.
    """

    gives: dict[str, Way] = field(default_factory=dict)
    members: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    once: bool = False
    root: bool = False
    registers: bool = False
    shown: bool = False
    idle: bool = False
    dynamic: bool = False
    key: str = ""
    starts: frozenset[str] = frozenset()
    functions: list[Item] = field(default_factory=list)
    unclear: str = ""
    generic: bool = False
    always_declared: bool = False

    @property
    def is_declared_alone(self) -> bool:
        """Whether a declaration is all that another file needs of the unit."""
        return all(way is Way.DECLARATION for way in self.gives.values())

    def copy(self) -> Traits:
        """The same, to be added to."""
        return replace(self, gives=dict(self.gives), functions=list(self.functions))


_WEAK = frozenset({"inline", "constexpr"})
IMPLICIT = frozenset(
    "swap begin end rbegin rend cbegin cend size data get hash_value to_json from_json to_string PrintTo "
    "tag_invoke intrusive_ptr_add_ref intrusive_ptr_release".split()
)
_BUILTIN = frozenset(
    "static const volatile constexpr unsigned signed char short int long float double bool size_t ssize_t "
    "void struct enum wchar_t char16_t char32_t std __constant__ __device__ alignas * [ ] :: ( )".split()
)
# Words of any class, which say nothing about which one is meant.
_MOST_CUT_APART = 200  # tokens of a block
_DEFINING_MACROS = frozenset({"PyDoc_STRVAR"})
_WORDS = frozenset(
    "void bool char short int long float double unsigned signed auto const constexpr static inline virtual "
    "override final public private protected struct class enum union template typename using typedef return "
    "if else for while do switch case default break continue this nullptr true false new delete operator std "
    "string vector size_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t noexcept friend "
    "explicit mutable namespace sizeof static_cast reinterpret_cast const_cast throw try catch".split()
)
_SAYINGS = (("error",), ("warning",))  # directives that only say something where they are compiled
_PRAGMA_LOCAL = re.compile(r"#pragma (once|region|endregion|mark)\b")
_CALL_AHEAD = frozenset({"(", "{", "<"})


def traits_of(file: FileFacts) -> list[Traits]:
    """The traits of every unit of a file."""
    return _TraitReader(file).read()


class _TraitReader:
    def __init__(self, file: FileFacts) -> None:
        self.file = file
        self.source = file.source

    def read(self) -> list[Traits]:
        declared = self.file.declarations
        found = [self.unit(unit, ones) for unit, ones in zip(self.file.units, declared, strict=True)]
        for number, names in reached_types(self.source, declared).items():
            found[number].uses |= names
        self.made_by_calls(found)
        if self.file.in_c:
            for traits in found:  # what starts is constant: nothing runs before `main`
                traits.dynamic, traits.starts = False, frozenset()
        return found

    def made_by_calls(self, found: Sequence[Traits]) -> None:
        """What a foreign macro's call seems to define by its first argument: ``PyDoc_STRVAR(doc, "…");``.

        A name that nothing else in the file gives, that comes up there first, and that is used below.
        """
        calls: dict[str, list[int]] = defaultdict(list)
        for number, ones in enumerate(self.file.declarations):
            for one in ones:
                if (name := self.made_by(one)) is not None:
                    calls[name].append(number)
        given = {name for traits in found for name in traits.gives}
        for name, (number, *more) in calls.items():
            users = [n for n, traits in enumerate(found) if name in traits.uses and n != number]
            if not more and name not in given and users and min(users) > number:
                found[number].gives[name] = Way.NONE

    def made_by(self, one: Declaration) -> str | None:
        """The name that is the first argument of a foreign macro's call without a body."""
        if one.item.kind is not Kind.DECLARATION or one.item.body is not None or not is_call(one):
            return None
        if one.short in self.file.macros.names or declares_by_name(one.short):
            return None
        arguments, _ = call_arguments(list(one.tokens[1:]))
        first = next(iter(arguments or ()), ())
        return first[0] if len(first) == 1 and first[0].isidentifier() else None

    def unit(self, unit: Unit, declared: Sequence[Declaration]) -> Traits:
        found = Traits(uses=self.file.words(unit))
        kinds = {item.kind for item in unit.items} - {Kind.CONDITIONAL}
        if not unit.items or kinds <= {Kind.COMMENT}:
            found.idle = True
            found.uses = frozenset()
            return found
        if unit.items[0].kind is Kind.NAMESPACE and self.is_closed(unit.items[0]):
            self.closed_block(found, unit.items[0])
        for one in declared:
            self.item(found, one.item, one)
        self.local_macros(found, unit)
        found.idle = found.idle and not (found.gives or found.once or found.shown)
        if found.root or found.once:
            # What it gives by its text could only be given by compiling the rest twice.
            for name, way in found.gives.items():
                if way is Way.TEXT:
                    found.gives[name] = Way.NONE
        return found

    def closed_block(self, found: Traits, item: Item) -> None:
        """A block that conditions cut apart is compiled once, beside what may use a name declared in it.

        More than a few lines could hold anything.
        """
        assert item.body is not None
        names = Declaration(item, self.source).declared - _WORDS
        if not names or len(code_tokens(self.source, *item.body)) > _MOST_CUT_APART:
            found.unclear = "conditions cut this block apart: what is in it can't be told"
        found.once = True
        found.gives |= dict.fromkeys(names, Way.NONE)

    def is_closed(self, item: Item) -> bool:
        """Whether a block has code in it that can't be read by itself."""
        if item.body is None or nested(self.source, item, calls_end=True):
            return False
        return len(code_tokens(self.source, *item.body)) > 2

    def local_macros(self, found: Traits, unit: Unit) -> None:
        """Macros that a definition leaves behind are given with it."""
        lexed = self.source.lexed
        left: dict[str, bool] = {}
        for directive in lexed.directives_in(unit.start, unit.end):
            if directive.name in ("define", "undef") and directive.first + 2 < directive.last:
                left[lexed.word(directive.first + 2)] = directive.name == "define"
        for name, defined in left.items():
            if defined:
                found.gives.setdefault(name, Way.TEXT)

    # -- one item ----------------------------------------------------------------------------------

    def item(self, found: Traits, item: Item, one: Declaration) -> None:
        kind = item.kind
        found.unclear = found.unclear or why_unclear(self.file, item, one)
        found.generic |= one.is_template
        if kind in (Kind.FUNCTION, Kind.KERNEL) and one.is_definition and not is_call(one):
            self.function(found, item, one)
        elif kind is Kind.VARIABLE:
            self.variable(found, item, one)
        elif kind in (Kind.TYPE, Kind.ALIAS, Kind.MACRO):
            self.text(found, item, one)
        elif kind in (Kind.INCLUDE, Kind.USING):
            found.shown = True
        elif kind is Kind.PRAGMA:
            found.shown = not _PRAGMA_LOCAL.match(item.name)
            found.idle = not found.shown
        elif kind is Kind.INSTANTIATION:
            if "extern" in item.flags:
                found.shown = True
            else:
                found.root = found.once = True
                name = f"{item.name}<{item.arguments}>"
                found.key = found.key or (self.function_key(one) if self.file.overloads else name)
        elif kind in (Kind.DECLARATION, Kind.FUNCTION, Kind.KERNEL):
            self.declaration(found, item, one)
        elif kind is Kind.OPAQUE and one.tokens[:1] == ("#",) and one.tokens[1:2] in _SAYINGS:
            found.idle = True
        elif kind is Kind.OPAQUE:
            found.once = found.registers = True

    def shared_item(self, found: Traits, item: Item, one: Declaration) -> None:
        """What other units may use by a declaration, though no other file can."""
        found.root = found.once = True
        found.key = found.key or item.name
        found.gives[one.short] = Way.DECLARATION
        found.functions.append(item)

    def function(self, found: Traits, item: Item, one: Declaration) -> None:
        if item.start in self.file.shared:
            self.shared_item(found, item, one)
            return
        name = one.short
        owners = one.owners
        operator = item.name.find("operator") >= 0 and not item.name.rpartition("::")[2].isidentifier()
        internal = one.is_internal or self.file.is_hidden(item)
        weak = one.is_template or one.linkage & _WEAK or "inline" in one.tokens[:8]
        declared = self.file.kernels and not (weak or internal or "specialization" in item.flags)
        if item.kind is Kind.KERNEL and not declared:
            found.once = found.once or not one.is_template
            found.key = found.key or item.name
            found.gives[name] = Way.TEXT
        elif weak or internal or "device" in item.flags:
            if internal and has_local_state(one):
                found.once = True
                found.key = found.key or item.name
            found.gives[name] = Way.TEXT
            found.near |= frozenset(owners)
            # What no token names (an operator, what a library finds by its arguments) is for all.
            found.shown = found.shown or operator or name in IMPLICIT or "specialization" in item.flags
        else:
            found.root = found.once = True
            found.key = found.key or self.function_key(one)
            special = "specialization" in item.flags
            if owners and not special:
                return
            # A unit that does not see a specialisation takes the general text, without a word.
            way = Way.DECLARATION if self.can_be_declared(item) else Way.NONE
            found.gives |= dict.fromkeys(owners or (name,), way)
            if way is Way.DECLARATION:
                found.functions.append(item)
            found.always_declared |= operator or name in IMPLICIT or special

    def function_key(self, one: Declaration) -> str:
        """What a function goes by: its name, or all by which overloads and specialisations differ."""
        item = one.item
        if not self.file.overloads:
            return item.name
        arguments = f"<{item.arguments}>" if item.arguments else ""
        return f"{item.name}{arguments}({','.join(one.types)})"

    def variable(self, found: Traits, item: Item, one: Declaration) -> None:
        name = one.short
        if "definition" not in item.flags or not name:
            found.gives.setdefault(name, Way.TEXT)
            return
        if one.is_template or one.linkage & _WEAK or "inline" in one.tokens[:6]:
            found.gives[name] = Way.TEXT
            found.near |= frozenset(one.owners)
            return
        if item.start in self.file.shared:
            self.shared_item(found, item, one)
            self.starting(found, one)
            return
        external = item.name in self.file.external and not one.hidden
        external |= self.file.in_c and "static" not in item.flags
        plain = self.file.in_c or self.is_plain(one)  # C has no code that runs before `main`
        constant = one.is_constant or (self.file.in_c and only_read(self.source, one))
        if one.is_internal and constant and plain and not external:
            found.gives |= dict.fromkeys((name, *one.objects), Way.TEXT)
            return
        found.once = True
        found.root = found.root or external or not (one.is_internal or self.file.is_hidden(item))
        found.key = found.key or item.name
        self.starting(found, one)
        # What the file itself declares `extern` can be used in any unit by that.
        if not one.owners and item.name not in self.file.declared:
            found.gives |= dict.fromkeys((name, *one.objects), Way.NONE)

    def text(self, found: Traits, item: Item, one: Declaration) -> None:
        if item.kind is Kind.TYPE and one.objects:
            self.typed_objects(found, item, one)
        if not item.name:
            # An unnamed enum or union gives what is in it, unless an object gives it; words are no names.
            way = Way.NONE if found.once else Way.TEXT
            if one.objects and "enum" not in one.tokens[:3]:
                return
            for word in identifiers(self.source, item.code_start, item.code_end) - _WORDS:
                found.gives.setdefault(word, way)
            return
        found.gives[one.short] = Way.TEXT
        if item.kind is Kind.ALIAS and one.tokens[:1] == ("namespace",):
            found.shown = True
        if item.kind is Kind.TYPE:
            if item.body is not None:
                found.members |= identifiers(self.source, *item.body) - _WORDS
            found.shown = found.shown or bool(item.arguments) or "specialization" in item.flags
            found.once = found.once or bool(one.hidden and _static_member(one.tokens))
            if "enum" in one.tokens[:2] and one.tokens[1:2] not in (("class",), ("struct",)):
                assert item.body is not None
                words = identifiers(self.source, *item.body)
                for word in self.file.environment.closure(words, item.code_start):
                    found.gives.setdefault(word, Way.TEXT)

    def typed_objects(self, found: Traits, item: Item, one: Declaration) -> None:
        """Objects that are defined with their type: one of each, unless they are constants of the file."""
        found.gives |= dict.fromkeys(one.objects, Way.TEXT)
        hidden = "static" in item.flags or one.hidden
        if not (hidden and one.is_constant):
            found.once = True
            found.root = found.root or not hidden
            found.key = found.key or one.objects[0]
            found.dynamic = True
            found.starts |= self.at_both_ends(one)

    def starting(self, found: Traits, one: Declaration) -> None:
        """What an object asks for when it is made, and when it is destroyed."""
        if self.is_plain(one):
            found.starts |= _called(one.tokens)
        else:
            found.dynamic = True
            found.starts |= self.at_both_ends(one)

    def at_both_ends(self, one: Declaration) -> frozenset[str]:
        """The names that may be reached while an object is made or destroyed."""
        return _called(one.tokens) | self.file.lifetimes.made(one) | self.file.lifetimes.ended(one)

    def declaration(self, found: Traits, item: Item, one: Declaration) -> None:
        if one.short in ("static_assert", "_Static_assert"):
            found.idle = True
            return
        if is_call(one):
            self.call(found, item, one)
            return
        if self.file.is_object(item, one):
            found.once = found.registers = found.dynamic = True
            found.key = found.key or item.name
            found.starts |= self.at_both_ends(one)
            found.gives[one.short] = Way.NONE
            return
        if one.is_defined_in_a_branch:
            found.root = found.once = True
            found.key = found.key or item.name
            found.gives |= dict.fromkeys(one.owners or (one.short,), Way.NONE)
            return
        if one.owners and one.tokens[-3:] == ("=", "default", ";") and "template" not in item.flags:
            found.root = found.once = True
            found.key = found.key or item.name
            return
        if one.short:
            found.gives.setdefault(one.short, Way.TEXT)
            found.near |= frozenset(one.owners)
        if "operator" in item.name or one.short in IMPLICIT or "specialization" in item.flags:
            found.shown = True

    # -- macro calls -------------------------------------------------------------------------------

    def call(self, found: Traits, item: Item, one: Declaration) -> None:
        """A macro of the file is what it expands to; any other does something at start-up."""
        expansion = expanded(self.source, self.file.macros.at(item.code_start), one.tokens)
        if expansion is None and item.body is None and declares_by_name(one.short):
            found.shown = True
            return
        if expansion is None or item.body is not None:
            found.once = found.registers = True
            found.key = found.key or _call_key(one.tokens)
            found.starts |= _called(one.tokens[1:])
            if name := self.named_by_call(item, one):
                found.gives[name] = Way.NONE
            return
        inner = parse(expansion, calls_end=True)
        if inner.problems:
            found.once = found.registers = True
            return
        reader = _TraitReader(self.file.of_expansion(inner))
        whole = Unit(0, len(expansion), inner.items)
        inside = reader.unit(whole, declared_in(inner, whole))
        inside.functions.clear()  # there is no text of theirs to say again
        for name, way in inside.gives.items():
            found.gives[name] = Way.NONE if way is Way.DECLARATION else way
        found.uses |= inside.uses
        found.members |= inside.members
        found.near |= inside.near
        for flag in ("once", "root", "registers", "shown", "dynamic"):
            setattr(found, flag, getattr(found, flag) or getattr(inside, flag))
        found.starts |= inside.starts
        found.key = found.key or inside.key

    def named_by_call(self, item: Item, one: Declaration) -> str:
        """What a macro of another file defines by its first argument, as far as uses tell; "" for nothing.

        ``PyDoc_STRVAR(doc, "…")``. In C++ such an argument may as well be a class that a header declares.
        """
        if item.body is not None or not (self.file.in_c or one.short in _DEFINING_MACROS):
            return ""
        name = next(iter(one.tokens[2:3]), "")
        if not name.isidentifier() or name in self.file.values or one.tokens[3:4] not in ((",",), (")",)):
            return ""
        lexed = self.source.lexed
        first = lexed.index_at(item.code_start)
        return "" if name in lexed.names(0, first) else name

    # -- questions ---------------------------------------------------------------------------------

    def can_be_declared(self, item: Item) -> bool:
        if item.parameter_list is None or item.body is None:
            return False
        head = self.source.text[item.code_start : item.body[0]]
        if b"#" in head or any(p.default_start is not None for p in item.parameters):
            return False
        tail = code_tokens(self.source, item.parameter_list[1], item.body[0])
        said = code_tokens(self.source, item.code_start, item.parameter_list[0])
        if "decltype" in (*said, *tail):
            return False  # of what may not be declared where the header says it
        deduced = "auto" in said
        return ":" not in tail and not (deduced and "->" not in tail)

    @staticmethod
    def is_plain(one: Declaration) -> bool:
        """Whether a variable is of built-in type and is initialised without a call."""
        tokens = one.tokens
        cut = next((n for n, t in enumerate(tokens) if t in ("=", "{")), len(tokens) - 1)
        head = [t for t in tokens[:cut] if t not in _BUILTIN and t != one.short]
        simple = all(t.endswith("_t") or t.isdigit() or t.isupper() or t == ";" for t in head)
        value = tokens[cut + 1 :] if cut < len(tokens) and tokens[cut] == "=" else tokens[cut:]
        pairs = zip(value, value[1:], strict=False)
        calls = any(b == "(" and re.match(r"[A-Za-z_>]", a) and a != "sizeof" for a, b in pairs)
        return simple and not calls and "[" not in value[:1] and "constexpr" not in tokens


def _call_key(tokens: Sequence[str]) -> str:
    """What a macro's call goes by: its name and first two arguments, which name what it makes."""
    arguments, _ = call_arguments(list(tokens[1:]))
    first = ["".join(argument[:8]) for argument in (arguments or [])[:2]]
    return f"{tokens[0]}({','.join(first)})"


def _called(tokens: Sequence[str]) -> frozenset[str]:
    """The names that an initialiser may call."""
    pairs = zip(tokens, tokens[1:], strict=False)
    return frozenset(a for a, b in pairs if b in _CALL_AHEAD and (a[0].isalpha() or a[0] == "_"))


def _static_member(tokens: Sequence[str]) -> bool:
    """Whether a class has a writable static member that it defines itself."""
    for position, token in enumerate(tokens):
        if token == "static":
            ahead = list(tokens[position + 1 : position + 40])
            stop = next((n for n, t in enumerate(ahead) if t in (";", "=", "{", "(")), len(ahead))
            if ahead[stop : stop + 1] != ["("] and not {"const", "constexpr"} & set(ahead[:stop]):
                return True
    return False
