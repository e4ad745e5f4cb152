"""What a function has declared where: parameters, locals and local types that are in scope at an offset.

By tokens alone: a declaration is a statement that reads ``type name``, followed by ``=``, an initialiser or
its end. What looks like none of that declares nothing here, so a name may be missed, never invented.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mergeguard.cpp.items import Item, Source
from mergeguard.cpp.lexer import TokenKind
from mergeguard.cpp.text import code_tokens, join_expression, join_type
from mergeguard.values import dataclass, field

_QUALIFIERS = frozenset(
    "const volatile static constexpr constinit register mutable typename struct class".split()
)
_SIZES = frozenset("unsigned signed long short".split())
_NO_DECLARATION = frozenset(
    "return if else for while do switch case default break continue goto throw delete new try catch using "
    "typedef template namespace public private protected co_return co_await co_yield static_assert".split()
)
_BEHIND_A_NAME = frozenset({"=", "(", "{", "[", ",", ":"})
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
# Members of tensors and the like that give a 64-bit size, whatever the object.
_SIZE_MEMBERS = frozenset({"size", "stride", "numel", "dim", "element_size", "storage_offset"})


@dataclass(frozen=True, slots=True)
class Local:
    """A name of a function. ``type`` is its type's text, "" if it can't be told; of an alias what it names.

    ``deduced``: upstream wrote ``auto``, and the type follows from the initialiser. ``value`` is a constant's
    initialiser, or a template parameter's default ("" without one).
    """

    name: str
    type: str
    kind: str  # "parameter", "local", "constant" (constexpr), "alias" or "template" (a template parameter)
    deduced: bool = False
    value: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is in scope at an offset of a function, in order of declaration, and what is being called there.

    ``calls`` are the names before the parentheses that are still open, outermost first: those of the macros
    in whose arguments the offset stands.
    """

    names: dict[str, Local]
    calls: tuple[str, ...]


@dataclass(slots=True)
class _Block:
    """An open brace: what it declares, where its statement began, how many parentheses it has open."""

    names: dict[str, Local] = field(default_factory=dict)
    start: int = 0
    calls: list[str] = field(default_factory=list)


def scope_at(source: Source, function: Item, offset: int) -> Scope:
    """The names that the function's text at ``offset`` (in its body) can use."""
    assert function.body is not None
    outer = _Block(names=dict(_head(source, function)))
    blocks = [outer, _Block()]
    words = _code(source, function.body[0] + 1, offset)
    for position, word in enumerate(words):
        block = blocks[-1]
        if word == "{":
            blocks.append(_Block(start=position + 1))
        elif word == "}":
            if len(blocks) > 2:
                blocks.pop()
                if not blocks[-1].calls and not _is_initialiser(words, blocks[-1].start, position):
                    blocks[-1].start = position + 1
        elif word in ("(", "["):
            block.calls.append(words[position - 1] if position else "")
        elif word in (")", "]"):
            if block.calls:
                block.calls.pop()
        elif word == ";" and not block.calls:
            for local in _declared(words[block.start : position]):
                block.names[local.name] = local
            block.start = position + 1
    names: dict[str, Local] = {}
    for block in blocks:
        for name, local in block.names.items():
            names.pop(name, None)  # an inner one hides an outer one
            names[name] = local
    return Scope(names, tuple(call for block in blocks for call in block.calls))


def _code(source: Source, start: int, end: int) -> list[str]:
    """The tokens of a range that are no directive's."""
    lexed = source.lexed
    return [
        lexed.word(index)
        for index in range(lexed.index_at(start), lexed.index_at(end))
        if lexed.directive_of[index] < 0 and lexed.kinds[index] != TokenKind.COMMENT
    ]


def _head(source: Source, function: Item) -> Iterator[tuple[str, Local]]:
    """Template parameters and parameters."""
    if function.template_header is not None:
        yield from _template_parameters(code_tokens(source, *function.template_header))
    for parameter in function.parameters:
        if not parameter.name:
            continue
        end = parameter.end if parameter.default_start is None else parameter.default_start
        words = code_tokens(source, parameter.start, end)
        words.reverse()
        words.remove(parameter.name)
        words.reverse()
        yield parameter.name, Local(parameter.name, "" if "[" in words else join_type(words), "parameter")


def _template_parameters(words: Sequence[str]) -> Iterator[tuple[str, Local]]:
    depth = 0
    start = 2  # behind `template <`
    for position, word in enumerate(words):
        depth += {"<": 1, ">": -1, ">>": -2}.get(word, 0)
        if (word == "," and depth == 1) or (depth <= 0 and position > 1):
            part = list(words[start:position])
            at = part.index("=") if "=" in part else len(part)
            part, default = part[:at], join_expression(part[at + 1 :])
            if len(part) > 1 and "..." not in part:
                yield part[-1], Local(part[-1], join_type(part[:-1]), "template", value=default)
            start = position + 1
            if depth <= 0:
                return


def _is_initialiser(words: Sequence[str], start: int, closing: int) -> bool:
    """Whether the braces that close at ``closing`` initialise what their statement declares."""
    opening = _opening(words, closing)
    before = words[opening - 1] if opening > start else ""
    return before == "=" or (
        (before.isidentifier() or before in (">", "]"))
        and before not in ("else", "do", "try")
        and any(_declared(words[start:opening]))
    )


def _opening(words: Sequence[str], closing: int) -> int:
    depth = 0
    for position in range(closing, -1, -1):
        depth += (words[position] in _CLOSING) - (words[position] in _OPENING)
        if depth == 0:
            return position
    return 0


def _declared(words: Sequence[str]) -> Iterator[Local]:
    """What one statement (without its semicolon) declares."""
    if words[:1] == ["using"] and words[2:3] == ["="]:
        yield Local(words[1], join_type(words[3:]), "alias")
        return
    if words[:1] == ["typedef"] and len(words) > 2 and words[-1].isidentifier():
        yield Local(words[-1], join_type(words[1:-1]), "alias")
        return
    position = _behind_type(words)
    if position is None:
        return
    base = list(words[:position])
    while position < len(words):
        stars = []
        while position < len(words) and words[position] in ("*", "&", "&&", "const"):
            stars.append(words[position])
            position += 1
        if position >= len(words) or not words[position].isidentifier():
            return
        name = words[position]
        behind = words[position + 1] if position + 1 < len(words) else ""
        if behind and behind not in _BEHIND_A_NAME:
            return
        end = _declarator_end(words, position + 1)
        yield _local(name, [*base, *stars], words[position + 1 : end])
        position = end + 1


def _local(name: str, type_words: Sequence[str], rest: Sequence[str]) -> Local:
    kept = [word for word in type_words if word not in ("static", "constinit", "register", "mutable")]
    if "constexpr" in kept and rest[:1] == ["="]:
        return Local(name, join_type(kept), "constant", value=join_expression(rest[1:]))
    if rest[:1] == ["["] or "constexpr" in kept:
        return Local(name, "", "local")
    if "auto" not in kept:
        return Local(name, join_type(kept), "local")
    plain = {"auto", "const"} >= set(kept)
    if plain and rest[:1] == ["="] and _is_size(rest[1:]):
        return Local(name, "int64_t", "local", deduced=True)
    return Local(name, "", "local", deduced=True)


def _behind_type(words: Sequence[str]) -> int | None:
    """The position behind the type that a declaration starts with (its ``*`` and ``&`` excluded)."""
    if not words or words[0] in _NO_DECLARATION:
        return None
    position = 0
    core = False
    while position < len(words):
        word = words[position]
        if word in _QUALIFIERS:
            position += 1
        elif word in _SIZES:
            core, position = True, position + 1
        elif (word in ("int", "char", "double") and words[position - 1] in _SIZES) if core else word == "::":
            position += 1
        elif word.isidentifier() and not core:
            core, position = True, _behind_name(words, position)
        else:
            break
    return position if core and position < len(words) else None


def _behind_name(words: Sequence[str], position: int) -> int:
    """The position behind a qualified name with its template arguments."""
    position += 1
    while position < len(words):
        if words[position] == "::" and words[position + 1 : position + 2]:
            position += 2
        elif words[position] == "<":
            depth = 0
            while position < len(words):
                depth += {"<": 1, ">": -1, ">>": -2}.get(words[position], 0)
                position += 1
                if depth <= 0:
                    break
        else:
            break
    return position


def _declarator_end(words: Sequence[str], position: int) -> int:
    """The position of the comma before the next declarator, or the end."""
    depth = 0
    for at in range(position, len(words)):
        depth += (words[at] in _OPENING) - (words[at] in _CLOSING)
        if words[at] == "," and depth == 0:
            return at
    return len(words)


def _is_size(words: Sequence[str]) -> bool:
    """Whether every value that an expression may have is a size, and one at least is no plain number."""
    leaves = list(_leaves(list(words)))
    sized = [leaf for leaf in leaves if _is_size_call(leaf)]
    return bool(sized) and all(
        _is_size_call(leaf) or (len(leaf) == 1 and leaf[0].isdigit()) for leaf in leaves
    )


def _leaves(words: list[str]) -> Iterator[list[str]]:
    """The values of nested ``? :``, each without the parentheses around it."""
    while words[:1] == ["("] and _closing(words, 0) == len(words) - 1:
        words = words[1:-1]
    question = _top(words, 0, "?")
    if question is None:
        yield words
        return
    depth = 0
    for position in range(question + 1, len(words)):
        word = words[position]
        depth += (word in _OPENING or word == "?") - (word in _CLOSING)
        if word == ":" and depth == 0:
            yield from _leaves(words[question + 1 : position])
            yield from _leaves(words[position + 1 :])
            return
        if word == ":":
            depth -= 1


def _top(words: Sequence[str], start: int, wanted: str) -> int | None:
    depth = 0
    for position in range(start, len(words)):
        if words[position] == wanted and depth == 0:
            return position
        depth += (words[position] in _OPENING) - (words[position] in _CLOSING)
    return None


def _closing(words: Sequence[str], opening: int) -> int:
    depth = 0
    for position in range(opening, len(words)):
        depth += (words[position] in _OPENING) - (words[position] in _CLOSING)
        if depth == 0:
            return position
    return len(words)


def _is_size_call(words: Sequence[str]) -> bool:
    if len(words) < 5 or words[-1] != ")":
        return False
    opening = _opening(words, len(words) - 1)
    return (
        opening >= 3
        and words[opening - 1] in _SIZE_MEMBERS
        and words[opening - 2] in (".", "->")
        and words[0].isidentifier()
        and all(word.isidentifier() or word in (".", "->", "::") for word in words[: opening - 1])
    )
