"""What a segment of code declares: kind, name, flags, template header, parameters, body.

Works on the tokens before the body only. Where an item holds ``#if`` branches, the first that can be taken is
read (two signatures over one body keep the first name).
"""

from __future__ import annotations

from collections.abc import Sequence

from mergeguard.cpp.classifying.head import DeclarationHead, body_end
from mergeguard.cpp.classifying.parameters import BUILTIN, TYPE_WORDS, parameters
from mergeguard.cpp.items import Kind, Parameter
from mergeguard.cpp.knownitems import Segment
from mergeguard.cpp.lexer import Lexed, TokenKind
from mergeguard.cpp.text import join_type
from mergeguard.cpp.view import PARENTHESISED_ATTRIBUTES, OpenBlock
from mergeguard.values import dataclass, field


@dataclass(slots=True)
class Facets:
    """What was found out about an item; ``Item`` says what the fields mean. Token texts feed the identity."""

    kind: Kind = Kind.OPAQUE
    name: str = ""
    flags: set[str] = field(default_factory=set)
    arguments: str = ""
    returns: str = ""
    template_header: tuple[int, int] | None = None
    template_text: str = ""
    declarator_start: int = 0
    parameters: tuple[Parameter, ...] = ()
    parameter_list: tuple[int, int] | None = None
    parameter_text: str = ""
    name_range: tuple[int, int] | None = None
    body: tuple[int, int] | None = None


_SPECIFIERS = {
    "static": "static", "inline": "inline", "constexpr": "constexpr", "consteval": "constexpr",
    "__device__": "device", "__host__": "host", "__global__": "global", "extern": "extern",
    "__forceinline__": "inline", "__forceinline": "inline", "__inline__": "inline", "__inline": "inline",
    "always_inline": "inline", "__always_inline__": "inline",
}  # fmt: skip
# Words that are no part of a type or name.
_NOISE = frozenset(
    {
        "virtual", "explicit", "friend", "constinit", "thread_local", "register", "mutable", "__constant__",
        "__shared__", "__managed__", "__grid_constant__", "__restrict__", "__extension__", "typename",
        "__noinline__",
    }
)  # fmt: skip


def classify(lexed: Lexed, segment: Segment) -> Facets:
    """Names and describes a segment of code (not a preprocessor line)."""
    facets = Facets(declarator_start=lexed.starts[segment.first])
    if segment.opaque:
        return facets
    head = DeclarationHead(lexed, segment)
    if not len(head):
        return facets
    if segment.brace >= 0 and segment.block is not OpenBlock.INITIALIZER:
        facets.body = (lexed.starts[segment.brace], body_end(lexed, segment))
    position = _template_headers(head, facets)
    position = _skip_attributes(head, position, facets)
    if position >= len(head):
        return facets
    facets.declarator_start = head.start(position)
    _declaration(head, position, segment, facets)
    return facets


def _template_headers(head: DeclarationHead, facets: Facets) -> int:
    """Reads ``template <...>`` as often as it comes; returns the position behind."""
    position = 0
    texts: list[str] = []
    start = -1
    while position + 1 < len(head):
        word = head.words[position]
        if word != "template" or head.words[position + 1] != "<" or head.match[position + 1] < 0:
            break
        if start < 0:
            start = head.start(position)
        close = head.match[position + 1]
        texts += head.words[position : close + 1]
        if close == position + 2:
            facets.flags.add("specialization")
        facets.flags.add("template")
        facets.template_header = (start, head.end(close))
        position = close + 1
        if position < len(head) and head.words[position] == "requires":
            position += 1
            if position < len(head) and head.match[position] >= 0:
                position = head.match[position] + 1
    if "specialization" in facets.flags and any(text not in ("template", "<", ">") for text in texts):
        facets.flags.discard("specialization")
    facets.template_text = join_type(texts)
    return position


def _skip_attributes(head: DeclarationHead, position: int, facets: Facets) -> int:
    while position + 1 < len(head) and head.words[position] == "[" and head.words[position + 1] == "[":
        if head.match[position] < 0:
            return position
        facets.flags |= {
            _SPECIFIERS[w] for w in head.words[position : head.match[position]] if w in _SPECIFIERS
        }
        position = head.match[position] + 1
    return position


def _declaration(head: DeclarationHead, position: int, segment: Segment, facets: Facets) -> None:
    words = head.words
    first = words[position]
    second = words[position + 1] if position + 1 < len(words) else ""
    body = facets.body is not None
    if first == ";" or first in (")", "]", "}"):
        return
    if first == "namespace" or (first == "inline" and second == "namespace"):
        _namespace(head, position, facets)
        return
    if first == "extern" and head.kind(position + 1 if second else position) == TokenKind.STRING:
        facets.flags.add("extern")
        if segment.block is OpenBlock.NAMESPACE and position + 2 >= len(words):
            facets.kind, facets.name = Kind.NAMESPACE, f"extern {second}"
            return
        position += 2
        if position >= len(words):
            return
        first = words[position]
        second = words[position + 1] if position + 1 < len(words) else ""
    if first == "using":
        _using(head, position, facets)
        return
    if first == "typedef":
        _typedef(head, position, facets)
        return
    if first == "template" or (first == "extern" and second == "template"):
        if first == "extern":
            facets.flags.add("extern")
            position += 1
        _entity(head, position + 1, segment, facets)
        facets.kind = Kind.INSTANTIATION
        facets.declarator_start = head.start(position)
        return
    if first in ("static_assert", "_Static_assert", "asm", "__asm__"):
        facets.kind, facets.name = Kind.DECLARATION, first
        facets.parameter_text = join_type(words[position + 1 :])
        return
    if first == "concept" and head.is_name(position + 1):
        facets.kind = Kind.TYPE
        _set_name(head, position + 1, position + 1, facets)
        facets.flags.add("definition")
        return
    _entity(head, position, segment, facets)
    if body:
        facets.flags.add("definition")


def _set_name(head: DeclarationHead, first: int, last: int, facets: Facets) -> None:
    """Names the item by the tokens ``first`` .. ``last``; template lists inside are no part of the name."""
    texts: list[str] = []
    position = first
    while position <= last:
        if head.words[position] == "<" and head.match[position] >= 0 and head.match[position] <= last:
            position = head.match[position] + 1
            continue
        texts.append(head.words[position])
        position += 1
    facets.name = _operator_name(texts)
    facets.name_range = (head.start(last), head.end(last))


def _operator_name(texts: Sequence[str]) -> str:
    if "operator" in texts:
        cut = texts.index("operator")
        return join_type(texts[:cut]) + join_type(texts[cut:])
    return join_type(texts)


def _namespace(head: DeclarationHead, position: int, facets: Facets) -> None:
    facets.kind = Kind.NAMESPACE
    if head.words[position] == "inline":
        facets.flags.add("inline")
        position += 1
    position = _skip_attributes(head, position + 1, facets)
    last = position
    while last + 1 < len(head) and (head.is_name(last + 1) or head.words[last + 1] == "::"):
        last += 1
    if position < len(head) and head.is_name(position):
        if last + 1 < len(head) and head.words[last + 1] == "=":
            facets.kind = Kind.ALIAS
        _set_name(head, position, last, facets)
        return
    facets.flags.add("anonymous")


def _using(head: DeclarationHead, position: int, facets: Facets) -> None:
    words = head.words
    facets.kind = Kind.USING
    position += 1
    if position < len(words) and words[position] == "namespace":
        position += 1
    if "=" in words[position : position + 2]:
        facets.kind = Kind.ALIAS
        last = position
    else:
        last = len(words) - 1
        if words[last] == ";":
            last -= 1
    if position <= last:
        _set_name(head, position, last, facets)


def _typedef(head: DeclarationHead, position: int, facets: Facets) -> None:
    """``typedef T name;``, ``typedef struct {...} name;`` and ``typedef T (*name)(...);``."""
    words = head.words
    facets.kind = Kind.ALIAS
    if facets.body is not None:
        facets.kind = Kind.TYPE
        facets.flags.add("definition")
        lexed = head.lexed
        start = lexed.index_at(facets.body[1])
        start = _past_attributes(lexed, start)
        if start < len(lexed):
            facets.name = lexed.word(start)
            facets.name_range = (lexed.starts[start], lexed.end(start))
        return
    for opening in range(position, len(words) - 2):
        if words[opening] == "(" and words[opening + 1] in ("*", "&") and head.is_name(opening + 2):
            _set_name(head, opening + 2, opening + 2, facets)
            return
    last = _typedef_name(head, position)
    if last >= 0:
        _set_name(head, last, last, facets)


def _typedef_name(head: DeclarationHead, position: int) -> int:
    """The last name outside of brackets, or else the one alone in them (``typedef int (F)(int);``); -1."""
    last = alone = builtin = -1
    at = position + 1
    while at < len(head):
        if head.words[at] in ("(", "[", "{") and head.match[at] >= 0:
            if alone < 0 and head.match[at] == at + 2 and head.is_name(at + 1):
                alone = at + 1
            at = head.match[at]
        elif head.is_name(at) and head.words[at] in BUILTIN:
            builtin = at
        elif head.is_name(at) and head.words[at] not in PARENTHESISED_ATTRIBUTES:
            last = at
        at += 1
    return next((found for found in (last, alone, builtin) if found >= 0), -1)


_NO_TYPEDEF_NAMES = PARENTHESISED_ATTRIBUTES | {"const", "volatile"}


def _past_attributes(lexed: Lexed, start: int) -> int:
    """The first name behind a type's body: what ``__attribute__((packed))`` has in parentheses is none."""
    depth = 0
    for position in range(start, len(lexed)):
        word = lexed.word(position)
        if word in ("(", ")"):
            depth += 1 if word == "(" else -1
        if word == ";":
            break
        named = lexed.kinds[position] == TokenKind.IDENT and word not in _NO_TYPEDEF_NAMES
        if named and (depth == 0 or lexed.word(position - 1) == "*"):
            return position
    return len(lexed)


def _entity(head: DeclarationHead, position: int, segment: Segment, facets: Facets) -> None:
    """A type, function or variable."""
    words = head.words
    begin = position
    type_word = False
    last = len(words) - 1
    cursor = position
    while cursor <= last:
        word = words[cursor]
        if word in _SPECIFIERS:
            facets.flags.add(_SPECIFIERS[word])
        elif word in TYPE_WORDS:
            type_word = True
        if word in PARENTHESISED_ATTRIBUTES and word != "requires":
            if cursor < last and words[cursor + 1] == "(" and head.match[cursor + 1] >= 0:
                close = head.match[cursor + 1]
                facets.flags |= {_SPECIFIERS[w] for w in words[cursor:close] if w in _SPECIFIERS}
                cursor = close + 1
                continue
        if word == "operator":
            _operator(head, begin, cursor, facets)
            return
        if word == "[" and cursor < last and words[cursor + 1] == "[" and head.match[cursor] >= 0:
            cursor = _skip_attributes(head, cursor, facets)
            continue
        if word == "<" and head.match[cursor] >= 0:
            close = head.match[cursor]
            if words[close] == ">" or close + 1 <= last:
                cursor = close + 1
                continue
        if word == "(":
            if _is_declarator_parenthesis(head, cursor):
                _pointer_variable(head, cursor, facets)
                return
            if _is_macro_type(head, cursor):
                cursor = head.match[cursor] + 1
                continue
            _function(head, begin, cursor, facets)
            return
        if word in ("=", "{", ";", ",", "[") or (word == ":" and type_word):
            break
        cursor += 1
    if type_word and segment.block is not OpenBlock.FUNCTION and _type(head, begin, cursor, segment, facets):
        return
    _variable(head, begin, cursor, segment, facets)


def _is_declarator_parenthesis(head: DeclarationHead, opening: int) -> bool:
    """``int (*table[4])(int)``: the parenthesis holds the declared name."""
    words = head.words
    return (
        opening > 0
        and opening + 2 < len(words)
        and words[opening + 1] in ("*", "&")
        and head.is_name(opening + 2)
        and head.match[opening] >= 0
        and head.match[opening] + 1 < len(words)
        and words[head.match[opening] + 1] in ("(", "[")
    )


def _is_macro_type(head: DeclarationHead, opening: int) -> bool:
    """``STACK_OF(X509) * f(int)``: a macro with arguments is the type, the name comes behind it."""
    position = head.match[opening] + 1
    if position <= 0 or position >= len(head) or head.words[position] not in ("*", "&"):
        return False
    while position < len(head) and head.words[position] in ("*", "&", "const"):
        position += 1
    return head.is_name(position) and position + 1 < len(head) and head.words[position + 1] in ("(", "::")


def _pointer_variable(head: DeclarationHead, opening: int, facets: Facets) -> None:
    facets.kind = Kind.VARIABLE
    _set_name(head, opening + 2, opening + 2, facets)
    if "extern" not in facets.flags:
        facets.flags.add("definition")


def _name_start(head: DeclarationHead, last: int, begin: int) -> int:
    """First token of the qualified name that ends at ``last``: steps back over ``a::b<c>::``."""
    first = last
    while first - 1 >= begin:
        if head.words[first - 1] in ("~", "!"):
            first -= 1
            continue
        if head.words[first - 1] != "::":
            break
        if first - 2 < begin:
            return first - 1
        before = first - 2
        if head.words[before] in (">", ">>"):
            opening = head.opening_angle(before, begin)
            if opening < 0:
                break
            before = opening - 1
        if not head.is_name(before) or head.words[before] in _SPECIFIERS or head.words[before] in BUILTIN:
            return first - 1
        first = before
    return first


def _function(head: DeclarationHead, begin: int, opening: int, facets: Facets) -> None:
    last = opening - 1
    if last >= begin and head.words[last] in (">", ">>", ">>>"):
        angle = head.opening_angle(last, begin)
        if angle > begin:
            facets.arguments = join_type(head.words[angle + 1 : last])
            last = angle - 1
    close = head.match[opening]
    if last < begin or not head.is_name(last):
        facets.kind = Kind.DECLARATION if facets.body is None else Kind.FUNCTION
        return
    first = _name_start(head, last, begin)
    _set_name(head, first, last, facets)
    if not facets.arguments and "specialization" in facets.flags:
        facets.arguments = _class_arguments(head, first, last)
    after = head.words[opening + 1] if opening + 1 < len(head) else ""
    constructed = opening + 1 < len(head) and head.kind(opening + 1) in (
        TokenKind.NUMBER,
        TokenKind.STRING,
        TokenKind.CHAR,
    )
    if facets.body is None and first > begin and (constructed or after in ("-", "+", "!", "sizeof")):
        facets.kind = Kind.VARIABLE
        facets.flags.add("definition")
        return
    if facets.body is None:
        facets.kind = Kind.DECLARATION
    else:
        facets.kind = Kind.KERNEL if "global" in facets.flags else Kind.FUNCTION
    facets.returns = _returns(head, begin, first, close)
    if close >= 0:
        facets.parameter_list = (head.start(opening), head.end(close))
        facets.parameters = parameters(head, opening, close)
        facets.parameter_text = join_type(head.words[opening : close + 1])


def _class_arguments(head: DeclarationHead, first: int, last: int) -> str:
    """The template arguments of the class whose member ``first`` .. ``last`` names, "" if there are none."""
    opening = next((n for n in range(first, last) if head.words[n] == "<" and head.match[n] >= 0), -1)
    return join_type(head.words[opening + 1 : head.match[opening]]) if opening >= 0 else ""


def _operator(head: DeclarationHead, begin: int, operator: int, facets: Facets) -> None:
    """``operator+``, ``operator()``, ``operator bool``."""
    opening = operator + 1
    if opening < len(head) and head.words[opening] == "(" and opening + 1 < len(head):
        if head.words[opening + 1] == ")":
            opening += 2
    while opening < len(head) and head.words[opening] != "(":
        opening += 1
    first = _name_start(head, operator, begin)
    _set_name(head, first, min(opening, len(head)) - 1, facets)
    facets.name_range = (head.start(operator), head.end(min(opening, len(head)) - 1))
    facets.kind = Kind.DECLARATION if facets.body is None else Kind.FUNCTION
    if opening >= len(head):
        return
    close = head.match[opening]
    facets.returns = _returns(head, begin, first, close)
    if close >= 0:
        facets.parameter_list = (head.start(opening), head.end(close))
        facets.parameters = parameters(head, opening, close)
        facets.parameter_text = join_type(head.words[opening : close + 1])


def _returns(head: DeclarationHead, begin: int, name: int, close: int) -> str:
    words = head.words
    if close >= 0:
        for position in range(close + 1, len(words)):
            if words[position] == "->":
                stop = position + 1
                while stop < len(words) and words[stop] not in ("{", ";"):
                    stop += 1
                return join_type(words[position + 1 : stop])
            if words[position] in ("{", ";", "="):
                break
    texts: list[str] = []
    position = begin
    while position < name:
        word = words[position]
        if word in PARENTHESISED_ATTRIBUTES and word not in ("decltype", "typeof", "__typeof__"):
            if position + 1 < name and words[position + 1] == "(" and head.match[position + 1] >= 0:
                position = head.match[position + 1]
        elif word == "[" and words[position + 1] == "[" and head.match[position] >= 0:
            position = head.match[position]
        elif word not in _SPECIFIERS and word not in _NOISE:
            texts.append(word)
        position += 1
    return join_type(texts)


def _type(head: DeclarationHead, begin: int, stop: int, segment: Segment, facets: Facets) -> bool:
    """A class-like type, its forward declaration; False if the words only introduce a variable's type."""
    words = head.words
    position = begin
    while position < len(words) and words[position] not in TYPE_WORDS:
        position += 1
    defined = segment.block is OpenBlock.TYPE
    position += 1
    if position < len(words) and words[position] in TYPE_WORDS:
        position += 1  # enum class
    while position < len(words):
        if (
            words[position] in PARENTHESISED_ATTRIBUTES
            and position + 1 < len(words)
            and head.match[position + 1] >= 0
        ):
            position = head.match[position + 1] + 1
        elif words[position] == "[" and head.match[position] >= 0:
            position = head.match[position] + 1
        elif (
            head.is_name(position)
            and head.is_name(position + 1)
            and words[position + 1] != "final"
            and defined
        ):
            position += 1  # an attribute macro
        elif head.is_name(position) and defined and position + 1 < len(words) and words[position + 1] == "(":
            if head.match[position + 1] < 0:
                break
            position = head.match[position + 1] + 1
        else:
            break
    if not head.is_name(position):
        facets.kind = Kind.TYPE if defined else Kind.OPAQUE
        facets.flags |= {"anonymous", "definition"} if defined else set()
        return defined
    first = last = position
    while last + 1 < len(words):
        if words[last + 1] == "::" and head.is_name(last + 2):
            last += 2
        elif words[last + 1] == "<" and head.match[last + 1] >= 0:
            if head.match[last + 1] + 1 < len(words) and words[head.match[last + 1] + 1] == "::":
                last = head.match[last + 1] + 2
            else:
                facets.arguments = join_type(words[last + 2 : head.match[last + 1]])
                break
        else:
            break
    after = head.match[last + 1] + 1 if facets.arguments else last + 1
    if not defined and after < len(words) and words[after] not in (";", ":"):
        facets.arguments = ""
        return False
    _set_name(head, first, min(last, len(words) - 1), facets)
    facets.kind = Kind.TYPE if defined else Kind.DECLARATION
    if defined:
        facets.flags.add("definition")
    return True


def _variable(head: DeclarationHead, begin: int, stop: int, segment: Segment, facets: Facets) -> None:
    last = stop - 1
    if last >= begin and head.words[last] in (">", ">>"):
        angle = head.opening_angle(last, begin)
        if angle > begin:
            facets.arguments = join_type(head.words[angle + 1 : last])
            last = angle - 1
    if last < begin or not head.is_name(last):
        return
    first = _name_start(head, last, begin)
    _set_name(head, first, last, facets)
    if first == begin and segment.block is OpenBlock.NONE and "=" not in head.words:
        # A lone word with `;`: a macro used as a statement.
        facets.kind = Kind.DECLARATION
        return
    facets.kind = Kind.VARIABLE
    facets.returns = _returns(head, begin, first, -1)
    if "extern" not in facets.flags or "=" in head.words or segment.brace >= 0:
        facets.flags.add("definition")
