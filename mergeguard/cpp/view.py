"""One reading of a declaration: bracket stack and what has been seen, token by token.

A view is what the compiler would see under some assumption about conditions. Stacks are numbers into a shared
table, so that equal stacks are equal numbers and nesting costs no recursion.
"""

from __future__ import annotations

from enum import Enum, auto

from mergeguard.cpp.conditions import Facts
from mergeguard.cpp.lexer import Lexed, TokenKind, TokenRole


class OpenBlock(Enum):
    """What the first brace outside parentheses opened."""

    NONE = auto()
    FUNCTION = auto()
    TYPE = auto()
    NAMESPACE = auto()
    INITIALIZER = auto()


PARENTHESISED_ATTRIBUTES = frozenset(
    {
        "alignas", "__align__", "__attribute__", "__attribute", "__declspec", "__launch_bounds__", "decltype",
        "__cluster_dims__", "__block_size__", "__maxnreg__", "noexcept", "explicit", "typeof", "__typeof__",
        "__asm__", "asm", "throw", "requires",
    }
)  # fmt: skip
_TYPE_WORDS = frozenset({"struct", "class", "union", "enum"})
AFTER_PARAMETERS = frozenset(
    {"const", "noexcept", "override", "final", "volatile", "requires", "try", "mutable"}
)

# What a view has seen outside brackets since its declaration began.
_PAREN, _TYPE, _EQUAL, _NAMESPACE, _CTOR, _CALL, _ARROW, _STRAY = 1, 2, 4, 8, 16, 32, 64, 128
_FAR = 64  # tokens between brackets that are noted as a pair: what is in one block is in those around it, too
_MOST_ASSUMED = 300  # atoms; what hostile input adds to them is not told apart
_OPEN = {40: 41, 91: 93, 123: 125}  # ( [ {
_CLOSE = {41: 40, 93: 91, 125: 123}
#: The roles of brackets.
BRACKETS = frozenset({*_OPEN, *_CLOSE})


class View:
    """One assumption about conditions, and how far its view of the current item has come."""

    __slots__ = ("assumed", "block", "brace", "callee", "count", "flags", "pending", "previous", "stack")

    def __init__(self, assumed: dict[str, bool]) -> None:
        self.stack = 0
        self.flags = 0
        self.pending = False
        self.count = 0  # tokens and groups outside brackets since the declaration began
        self.previous = -1  # last token of this view
        self.callee = -1  # token before the last parenthesis outside brackets
        self.block = OpenBlock.NONE
        self.brace = -1
        self.assumed = assumed

    def split(self, new: Facts) -> View:
        """A copy that assumes ``new`` too."""
        other = View(dict(self.assumed))
        if len(other.assumed) < _MOST_ASSUMED:
            other.assumed.update(new)
        for name in ("stack", "flags", "pending", "count", "previous", "callee", "block", "brace"):
            setattr(other, name, getattr(self, name))
        return other

    def finish(self) -> None:
        self.flags = self.count = 0
        self.pending = False


class Reader:
    """Feeds the tokens of one file to views."""

    def __init__(self, lexed: Lexed) -> None:
        self.lexed = lexed
        self.roles = lexed.roles
        self.problems: list[tuple[int, str]] = []
        self.tops = [0]
        self.parents = [0]
        self.pushed: dict[tuple[int, int], int] = {}

    def step(self, view: View, position: int, role: int) -> bool:
        """Feeds one token; returns whether it completed the view's declaration."""
        if view.stack:
            return self.inside(view, position, role)
        view.pending = True
        previous, view.previous = view.previous, position
        view.count += 1
        if role == TokenRole.WORD:
            word = self.lexed.word(position)
            if word in _TYPE_WORDS and not view.flags & _PAREN:
                view.flags |= _TYPE
            elif word == "namespace" and not view.flags:
                view.flags |= _NAMESPACE
        elif role == TokenRole.SEMICOLON:
            view.finish()
            return True
        elif role == 40:
            view.callee = previous
            if view.count == 2 and self.roles[previous] == TokenRole.WORD:
                name = self.lexed.word(previous)
                if not name.startswith("__") and name not in PARENTHESISED_ATTRIBUTES:
                    view.flags |= _CALL
            view.count -= 1
            view.stack = self.push(0, role)
        elif role == TokenRole.BRACE:
            block = self.block(view, previous)
            if view.brace < 0 or block is not OpenBlock.INITIALIZER and view.block is OpenBlock.INITIALIZER:
                view.block, view.brace = block, position
            view.stack = self.push(0, role)
            view.flags |= _STRAY if block is OpenBlock.INITIALIZER else 0
        elif role == 91:
            view.stack = self.push(0, role)
        elif role in _CLOSE:
            self.problems.append((self.lexed.starts[position], "closing bracket without an opening one"))
            view.finish()
            return True
        elif role == TokenRole.LESS:
            if (
                previous >= 0
                and self.roles[previous] == TokenRole.WORD
                and self.lexed.word(previous) == "template"
            ):
                view.stack = self.push(0, role)
        elif role == TokenRole.EQUAL:
            if (
                previous < 0
                or self.roles[previous] != TokenRole.WORD
                or self.lexed.word(previous) != "operator"
            ):
                view.flags |= _EQUAL
        elif role == TokenRole.COLON:
            if view.flags & _PAREN:
                view.flags |= _CTOR
        elif role == TokenRole.ARROW:
            view.flags |= _ARROW
        return False

    def through(self, view: View, brackets: bytearray, position: int) -> int:
        """Feeds the brackets from ``position`` on that pair up inside the view's outermost one.

        ``brackets`` says of each token whether it is a bracket or stands in a preprocessor line. Gives where
        to go on: at a token that closes the outermost bracket or none, at a directive, or inside of a
        template's brackets. What else is passed over means nothing inside brackets.
        """
        stack, tops, parents, roles = view.stack, self.tops, self.parents, self.roles
        directive_of, pairs = self.lexed.directive_of, self.lexed.pairs
        opened: list[int] = []  # here, and not closed
        at = brackets.find(1, position)
        while at >= 0 and tops[stack] != TokenRole.LESS:
            role = roles[at]
            if directive_of[at] >= 0:
                break
            if role in _OPEN:
                partner = pairs.get(at, len(brackets))
                if partner < len(brackets):
                    at = partner
                else:
                    opened.append(at)
                    stack = self.push(stack, role)
            elif tops[stack] == _CLOSE[role] and parents[stack]:
                stack = parents[stack]
                if opened and at - opened[-1] > _FAR:
                    pairs[opened[-1]] = at
                del opened[-1:]
            else:
                break
            view.previous, position = at, at + 1
            at = brackets.find(1, position)
        view.stack = stack
        return position

    def inside(self, view: View, position: int, role: int) -> bool:
        top = self.tops[view.stack]
        if top == TokenRole.LESS:
            if role == TokenRole.LESS:
                if self.roles[position - 1] == TokenRole.WORD:
                    view.stack = self.push(view.stack, role)
            elif role == TokenRole.GREATER:
                for _ in self.lexed.texts[position]:
                    if self.tops[view.stack] == TokenRole.LESS:
                        view.stack = self.parents[view.stack]
            elif role in (TokenRole.BRACE, TokenRole.SEMICOLON) or role in _CLOSE:
                # Not a template list after all.
                while self.tops[view.stack] == TokenRole.LESS:
                    view.stack = self.parents[view.stack]
                return self.step(view, position, role)
            elif role in _OPEN:
                view.stack = self.push(view.stack, role)
            view.previous = position
            return False
        view.previous = position
        if role in _OPEN:
            view.stack = self.push(view.stack, role)
            return False
        if role not in _CLOSE:
            return False
        if top != _CLOSE[role]:
            self.problems.append(
                (self.lexed.starts[position], "closing bracket of another kind than the open one")
            )
            if role != TokenRole.CLOSE_BRACE:
                return False
            while view.stack and self.tops[view.stack] != TokenRole.BRACE:
                view.stack = self.parents[view.stack]
            if not view.stack:
                view.finish()
                return True
        view.stack = self.parents[view.stack]
        if view.stack:
            return False
        if role == 41:
            view.count += 1
            callee = view.callee
            if (
                callee < 0
                or self.roles[callee] != TokenRole.WORD
                or self.lexed.word(callee) not in PARENTHESISED_ATTRIBUTES
            ):
                view.flags |= _PAREN
        elif role == TokenRole.CLOSE_BRACE:
            if view.block in (OpenBlock.FUNCTION, OpenBlock.NAMESPACE) and not view.flags & _STRAY:
                view.finish()
                return True
            view.flags &= ~_STRAY
        return False

    def block(self, view: View, previous: int) -> OpenBlock:
        """What a brace outside brackets opens, given the token before it."""
        flags = view.flags
        if flags & _NAMESPACE:
            return OpenBlock.NAMESPACE
        kind = self.lexed.kinds[previous] if previous >= 0 else 0
        if kind == TokenKind.STRING and not flags & _EQUAL:
            return OpenBlock.NAMESPACE  # extern "C" {
        if flags & _EQUAL:
            return OpenBlock.INITIALIZER
        word = self.lexed.word(previous) if previous >= 0 else ""
        if flags & _TYPE:
            after = word == ")" or word in AFTER_PARAMETERS or flags & _ARROW
            return OpenBlock.FUNCTION if flags & _PAREN and after else OpenBlock.TYPE
        if flags & _PAREN:
            member = flags & _CTOR and (kind == TokenKind.IDENT or word in (">", ">>"))
            return OpenBlock.INITIALIZER if member else OpenBlock.FUNCTION
        return OpenBlock.INITIALIZER

    def push(self, stack: int, role: int) -> int:
        key = (stack, role)
        found = self.pushed.get(key)
        if found is None:
            found = self.pushed[key] = len(self.tops)
            self.tops.append(role)
            self.parents.append(stack)
        return found

    def is_macro_statement(self, view: View) -> bool:
        """Whether what was read so far may be a macro call without ``;``."""
        return bool(view.flags & _CALL) and not view.stack and view.count == 2

    def bare_word(self, view: View) -> str:
        """The word that is all that was read so far, or ""."""
        if view.count != 1 or view.stack or self.roles[view.previous] != TokenRole.WORD:
            return ""
        return self.lexed.word(view.previous)

    def before_macro_statement(self, view: View, position: int) -> bool:
        """Whether a macro call without ``;`` (``DEFINE_OP(foo)``) ended on an earlier line."""
        return self.is_macro_statement(view) and self.begins_a_line(view, position)

    def begins_a_line(self, view: View, position: int) -> bool:
        """Whether a word that goes on with nothing before it begins a further line."""
        if self.roles[position] != TokenRole.WORD:
            return False
        if b"\n" not in self.lexed.text[self.lexed.end(view.previous) : self.lexed.starts[position]]:
            return False
        return self.lexed.word(position) not in AFTER_PARAMETERS
