"""The values of the source model: items, parameters, identity keys, units."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mergeguard.values import dataclass, field

if TYPE_CHECKING:
    from mergeguard.cpp.lexer import Lexed


class Kind(StrEnum):
    """What an item is. OPAQUE is what can't be named: it still covers its bytes."""

    INCLUDE = "include"
    MACRO = "macro"
    UNDEF = "undef"
    PRAGMA = "pragma"
    CONDITIONAL = "conditional"
    FUNCTION = "function"
    KERNEL = "kernel"
    TYPE = "type"
    ALIAS = "alias"
    VARIABLE = "variable"
    DECLARATION = "declaration"
    INSTANTIATION = "instantiation"
    NAMESPACE = "namespace"
    USING = "using"
    COMMENT = "comment"
    OPAQUE = "opaque"


#: What goes by a name of its own: two of them at one place do not contradict each other.
NAMED_KINDS = frozenset(
    (
        Kind.FUNCTION,
        Kind.KERNEL,
        Kind.TYPE,
        Kind.ALIAS,
        Kind.MACRO,
        Kind.DECLARATION,
        Kind.VARIABLE,
        Kind.INSTANTIATION,
        Kind.USING,
    )
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its byte range without the separating comma or outer white space.

    ``name`` is "" if unnamed; ``default_start`` is the byte of the ``=`` before a default argument.
    """

    start: int
    end: int
    name: str
    default_start: int | None


@dataclass(frozen=True, slots=True)
class ItemKey:
    """Identity of an item within a file, stable under edits of bodies, comments and white space.

    ``condition`` is the short path (an ``#elif`` by its own condition, an ``#else`` by the first one
    negated), so that a new ``#elif`` does not rename its neighbours; ``ordinal`` counts equals in file order.
    """

    kind: Kind
    name: str
    arguments: str = ""
    returns: str = ""
    template: str = ""
    parameters: str = ""
    condition: tuple[str, ...] = ()
    ordinal: int = 0

    # Who it is, in three grades; every question of identity asks one of them.

    @property
    def overload(self) -> tuple[object, ...]:
        """This very declaration: overloads that only their template header tells apart are two."""
        return (
            self.kind,
            self.name,
            self.arguments,
            self.returns,
            self.template,
            self.parameters,
            self.condition,
        )

    @property
    def signature(self) -> tuple[object, ...]:
        """What a caller names, under its condition: another type or template header is an edit."""
        return (self.kind, self.name, self.arguments, self.parameters, self.condition)

    @property
    def named(self) -> tuple[Kind, str]:
        """All that go by one name, in whatever namespace."""
        return (self.kind, self.name.rsplit("::", 1)[-1])


@dataclass(frozen=True, slots=True)
class Item:
    """A top-level piece of a file; see ``parse``. All positions are byte offsets into the file."""

    kind: Kind
    name: str
    start: int
    end: int
    code_start: int
    code_end: int
    key: ItemKey
    condition: tuple[str, ...] = ()
    flags: frozenset[str] = frozenset()
    arguments: str = ""
    returns: str = ""
    template_header: tuple[int, int] | None = None
    declarator_start: int = 0
    parameters: tuple[Parameter, ...] = ()
    parameter_list: tuple[int, int] | None = None
    name_range: tuple[int, int] | None = None
    body: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A file as items; ``problems`` are (byte offset, what is wrong there), empty for sound files.

    ``lexed`` holds the tokens, for the passes that look inside items. ``derived`` keeps what such passes have
    found, so that none does its work twice on one source; it is theirs to fill and never decides anything.
    """

    text: bytes
    items: tuple[Item, ...]
    problems: tuple[tuple[int, str], ...] = ()
    lexed: Lexed = field(compare=False, repr=False, kw_only=True)
    derived: dict[tuple[object, ...], Any] = field(
        default_factory=dict, compare=False, repr=False, kw_only=True
    )


@dataclass(frozen=True, slots=True)
class ItemScope:
    """A block whose text can be in several files, since each can open it again.

    A namespace, an ``extern "C"`` block, or one branch of an ``#if``. ``opening`` are lines (of a later
    branch: the earlier ones', too) and ``closing`` is one, without the last line ending; ``name`` is "" for
    what qualifies no name. ``start`` (the byte offset of what opens it) tells two blocks of one name apart.
    """

    start: int
    name: str
    opening: bytes
    closing: bytes
    hidden: bool = False  # an anonymous namespace

    @property
    def is_of_c(self) -> bool:
        """Whether names in it have C linkage."""
        return self.name == 'extern "C"'

    @property
    def is_branch(self) -> bool:
        """Whether it is a branch of an ``#if``, which is a condition of what stands in it."""
        return self.closing == b"#endif"


@dataclass(frozen=True, slots=True)
class Unit:
    """What moves as one: an item, or an ``#if`` .. ``#endif`` with everything in it.

    ``scopes`` are the blocks that it stands in, outermost first; none where blocks move as a whole.
    """

    start: int
    end: int
    items: tuple[Item, ...]
    scopes: tuple[ItemScope, ...] = ()
