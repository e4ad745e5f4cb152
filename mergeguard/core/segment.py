"""Where top-level items begin and end: path-sensitive bracket matching over tokens.

A set of states, each an assumption about conditions and a bracket stack, is carried through the file: ``#if``
splits it (contradicted states are skipped), ``#endif`` merges equal stacks. An item ends only when every live
state is outside all brackets and its declaration is complete. A top-level ``#if`` whose branch ends in the middle
of an item is glued into that item: the walk restarts with it until nothing changes. No recursion on nesting.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from mergeguard.core.conditions import (
    MIDDLES,
    OPENERS,
    Facts,
    condition_of,
    facts,
    mentions,
    negated,
    possible,
)
from mergeguard.core.lexer import Lexed, TokenKind


class Block(Enum):
    """What the first brace outside parentheses opened."""

    NONE = auto()
    FUNCTION = auto()
    TYPE = auto()
    NAMESPACE = auto()
    INITIALIZER = auto()


@dataclass(frozen=True, slots=True)
class Branch:
    """One level of a condition path: exact text, and the short one that identity uses."""

    exact: str
    short: str


@dataclass(frozen=True, slots=True)
class Segment:
    """Tokens ``[first, last)`` of one item. ``directive`` is its index if the item is one preprocessor line.

    ``brace`` is the token that opens the body; ``opening`` the condition an ``#else`` or ``#endif`` belongs to.
    """

    first: int
    last: int
    path: tuple[Branch, ...]
    directive: int = -1
    opaque: bool = False
    block: Block = Block.NONE
    brace: int = -1
    opening: str = ""


PARENTHESISED_ATTRIBUTES = frozenset(
    {
        "alignas", "__align__", "__attribute__", "__attribute", "__declspec", "__launch_bounds__", "decltype",
        "__cluster_dims__", "__block_size__", "__maxnreg__", "noexcept", "explicit", "typeof", "__typeof__",
        "__asm__", "asm", "throw", "requires",
    }
)  # fmt: skip
_TYPE_WORDS = frozenset({"struct", "class", "union", "enum"})
_AFTER_PARAMETERS = frozenset(
    {"const", "noexcept", "override", "final", "volatile", "requires", "try", "mutable"}
)

_PAREN, _TYPE, _EQUAL, _NAMESPACE, _CTOR, _CALL, _ARROW, _STRAY = 1, 2, 4, 8, 16, 32, 64, 128
_OPEN = {40: 41, 91: 93, 123: 125}  # ( [ {
_CLOSE = {41: 40, 93: 91, 125: 123}
_LT, _GT, _SEMICOLON, _COLON, _EQ, _BRACE, _CLOSE_BRACE = 60, 62, 59, 58, 61, 123, 125
_IDENT_CODE, _OTHER_CODE, _ARROW_CODE = 1, 2, 3
_MOST_STATES = 48
_MOST_GLUES = 16


class _State:
    """One assumption about conditions, and how far its view of the current item has come."""

    __slots__ = ("assumed", "block", "brace", "callee", "count", "flags", "pending", "previous", "stack")

    def __init__(self, assumed: dict[str, bool]) -> None:
        self.stack = 0
        self.flags = 0
        self.pending = False
        self.count = 0  # tokens and groups outside brackets since the declaration began
        self.previous = -1  # last token of this view
        self.callee = -1  # token before the last parenthesis outside brackets
        self.block = Block.NONE
        self.brace = -1
        self.assumed = assumed

    def split(self, new: Facts) -> _State:
        other = _State({**self.assumed, **dict(new)})
        for name in ("stack", "flags", "pending", "count", "previous", "callee", "block", "brace"):
            setattr(other, name, getattr(self, name))
        return other

    def finish(self) -> None:
        self.flags = self.count = 0
        self.pending = False


@dataclass(slots=True)
class _Group:
    """An open ``#if`` while walking: ``before`` are the states that met it, ``after`` those that left branches."""

    directive: int
    conditions: list[str]
    items: int = 0  # items emitted when it opened (top level)
    before: list[_State] = field(default_factory=list)
    after: list[_State] = field(default_factory=list)
    has_else: bool = False
    restarts: int = 0

    def facts(self) -> Facts | None:
        """What the current branch's being taken says; None for a contradiction in itself."""
        known: dict[str, bool] = {}
        earlier = self.conditions if self.has_else else self.conditions[:-1]
        for condition in earlier:
            new = facts(condition, False)
            if not possible(known, new):
                return None
            known.update(new)
        if not self.has_else:
            new = facts(self.conditions[-1], True)
            if not possible(known, new):
                return None
            known.update(new)
        return tuple(known.items())

    def branch(self) -> Branch:
        first = self.conditions[0]
        if self.has_else:
            every = first if len(self.conditions) == 1 else " || ".join(f"({c})" for c in self.conditions)
            return Branch(negated(every), negated(first))
        if len(self.conditions) == 1:
            return Branch(first, first)
        earlier = " && ".join(negated(condition) for condition in self.conditions[:-1])
        return Branch(f"{earlier} && ({self.conditions[-1]})", self.conditions[-1])

    def enter(self, lexed: Lexed, name: str, directive: int) -> None:
        """Moves on to the next branch."""
        if name == "else":
            self.has_else = True
        else:
            self.conditions.append(condition_of(lexed, lexed.directives[directive]))


class _Glue(Exception):
    """The walked item crosses a branch end of the innermost top-level group."""


def segment(
    lexed: Lexed, first: int, last: int, path: Sequence[Branch] = ()
) -> tuple[list[Segment], list[tuple[int, str]]]:
    """Items of the tokens ``[first, last)``, and the problems found, as (byte offset, message)."""
    walk = _Walk(lexed, first, last, tuple(path))
    walk.run()
    return walk.segments, walk.problems


class _Walk:
    def __init__(self, lexed: Lexed, first: int, last: int, path: tuple[Branch, ...]) -> None:
        self.lexed = lexed
        self.first = first
        self.last = last
        self.path = path
        self.segments: list[Segment] = []
        self.problems: list[tuple[int, str]] = []
        self.groups: list[_Group] = []
        self.glued: set[int] = set()
        self.defined: set[str] = set()
        self.codes = _codes(lexed)
        self.events = [
            i for i in range(first, last) if self.codes[i] > _ARROW_CODE or lexed.directive_of[i] >= 0
        ]
        self.tops = [0]
        self.parents = [0]
        self.pushed: dict[tuple[int, int], int] = {}

    # ---- the outer level: directives between items

    def run(self) -> None:
        lexed, position = self.lexed, self.first
        restarts = 0
        while position < self.last:
            if lexed.tokens[position].kind == TokenKind.COMMENT and lexed.directive_of[position] < 0:
                position += 1
                continue
            index = lexed.directive_of[position]
            if index >= 0 and index not in self.glued:
                position = self.line(index)
                continue
            try:
                position = self.item(position)
            except _Glue:
                restarts += 1
                # Deep nests of broken branches would restart once a level: take the outermost instead.
                if restarts > _MOST_GLUES:
                    del self.groups[1:]
                group = self.groups.pop()
                self.glued.add(group.directive)
                del self.segments[group.items :]
                position = lexed.directives[group.directive].first
            if not self.groups:
                restarts = 0
        for group in self.groups:
            self.problems.append((lexed.directives[group.directive].start, "#if without #endif"))

    def line(self, index: int) -> int:
        """Emits one preprocessor line that stands between items; returns the next token."""
        directive = self.lexed.directives[index]
        name = directive.name
        last = directive.last
        if name in OPENERS:
            self.emit(Segment(directive.first, last, self.branches(), index))
            self.groups.append(_Group(index, [condition_of(self.lexed, directive)], len(self.segments) - 1))
            return self.skip_dead(last)
        if name in MIDDLES or name == "endif":
            if not self.groups:
                self.problems.append((directive.start, f"#{name} without #if"))
                self.emit(Segment(directive.first, last, self.branches(), index))
                return last
            group = self.groups[-1]
            opening = group.conditions[0]
            outer = self.path + tuple(g.branch() for g in self.groups[:-1])
            self.emit(Segment(directive.first, last, outer, index, opening=opening))
            if name == "endif":
                self.groups.pop()
                return last
            group.enter(self.lexed, name, index)
            return self.skip_dead(last)
        self.note_definition(name, directive.first, ())
        self.emit(Segment(directive.first, last, self.branches(), index))
        return last

    def skip_dead(self, position: int) -> int:
        """After a branch's line: the text of a branch that is never taken (``#if 0``) is one opaque item."""
        lexed, group = self.lexed, self.groups[-1]
        if group.facts() is not None:
            return position
        depth = 0
        current = position
        while current < self.last:
            index = lexed.directive_of[current]
            if index < 0:
                current += 1
                continue
            name = lexed.directives[index].name
            if depth == 0 and (name in MIDDLES or name == "endif"):
                break
            depth += (name in OPENERS) - (name == "endif")
            current = lexed.directives[index].last
        code = [i for i in range(position, current) if lexed.tokens[i].kind != TokenKind.COMMENT]
        if code:
            self.emit(Segment(code[0], code[-1] + 1, self.branches(), opaque=True))
        return current

    def emit(self, segment: Segment) -> None:
        self.segments.append(segment)

    def branches(self) -> tuple[Branch, ...]:
        return self.path + tuple(group.branch() for group in self.groups)

    def note_definition(self, name: str, first: int, states: Sequence[_State]) -> None:
        """A ``#define`` or ``#undef`` ends what was assumed about its macro."""
        if name not in ("define", "undef") or first + 2 >= len(self.lexed.tokens):
            return
        macro = self.lexed.word(first + 2)
        self.defined.add(macro)
        for state in states:
            for atom in [atom for atom in state.assumed if mentions(atom, macro)]:
                del state.assumed[atom]

    # ---- one item

    def item(self, start: int) -> int:
        """Walks one item from token ``start``; returns the token after it.

        Raises ``_Glue`` when a branch of an open group ends before the item does.
        """
        lexed, codes, last = self.lexed, self.codes, self.last
        known: dict[str, bool] = {}
        for group in self.groups:
            known.update(group.facts() or ())
        for atom in [atom for atom in known if any(mentions(atom, macro) for macro in self.defined)]:
            del known[atom]
        states = [_State(known)]
        local: list[_Group] = []
        opening = states
        problems: list[tuple[int, str]] = []
        position = start
        event = bisect_left(self.events, start)
        while position < last:
            code = codes[position]
            index = lexed.directive_of[position]
            if index >= 0:
                directive = lexed.directives[index]
                position = directive.last
                name = directive.name
                if name in OPENERS:
                    group = _Group(index, [condition_of(lexed, directive)], before=states)
                    local.append(group)
                    states = _entering(group)
                elif name in MIDDLES or name == "endif":
                    if not local:
                        if not self.groups:
                            problems.append((directive.start, f"#{name} without #if"))
                            continue
                        raise _Glue
                    group = local[-1]
                    group.after.extend(states)
                    if name == "endif":
                        local.pop()
                        states = _leaving(group)
                        if not local and not any(state.pending for state in states):
                            return self.done(start, position, states[0], problems)
                    else:
                        group.enter(lexed, name, index)
                        states = _entering(group)
                else:
                    self.note_definition(name, directive.first, states)
                continue
            if code == 0 or not states:  # a comment, or a branch that no state takes
                position += 1
                continue
            finished = False
            deep = True
            for state in states:
                if self.before_macro_statement(state, position) and len(states) == 1 and not local:
                    return self.done(start, position, state, problems)
                finished |= self.step(state, position, code, problems)
                deep = deep and state.stack > 0
            if finished and not local and not any(state.pending for state in states):
                return self.done(start, self.absorb_semicolon(position), states[0], problems)
            position += 1
            if deep and states:
                # Inside brackets only brackets and directives matter.
                while event < len(self.events) and self.events[event] < position:
                    event += 1
                position = self.events[event] if event < len(self.events) else last
        states = states or opening
        state = states[0]
        broken = bool(local) or any(s.stack for s in states)
        if broken and self.groups:
            raise _Glue
        if local:
            problems.append((lexed.directives[local[0].directive].start, "#if without #endif"))
        elif broken:
            problems.append((lexed.tokens[start].start, "brackets opened here are never closed"))
        return self.done(start, last, state, problems, opaque=broken)

    def done(
        self, start: int, stop: int, state: _State, problems: list[tuple[int, str]], *, opaque: bool = False
    ) -> int:
        self.problems.extend(problems)
        stop_code = stop
        while stop_code > start + 1 and self.codes[stop_code - 1] == 0:
            stop_code -= 1
        stray = bool(problems)
        self.emit(
            Segment(
                start,
                stop_code,
                self.branches(),
                opaque=opaque or (stray and stop_code == start + 1),
                block=state.block,
                brace=state.brace,
            )
        )
        return stop

    def absorb_semicolon(self, position: int) -> int:
        """The token after an item that ends at ``position``; a ``;`` right behind a body belongs to it."""
        following = position + 1
        if self.codes[position] != _CLOSE_BRACE or following >= self.last:
            return following
        tokens = self.lexed.tokens
        between = self.lexed.text[tokens[position].end : tokens[following].start]
        return following + 1 if self.codes[following] == _SEMICOLON and b"\n" not in between else following

    def before_macro_statement(self, state: _State, position: int) -> bool:
        """Whether a macro call without ``;`` (``DEFINE_OP(foo)``) ended on an earlier line."""
        if not state.flags & _CALL or state.stack or state.count != 2 or self.codes[position] != _IDENT_CODE:
            return False
        tokens = self.lexed.tokens
        if b"\n" not in self.lexed.text[tokens[state.previous].end : tokens[position].start]:
            return False
        return self.lexed.word(position) not in _AFTER_PARAMETERS

    # ---- one token in one state

    def step(self, state: _State, position: int, code: int, problems: list[tuple[int, str]]) -> bool:
        """Feeds one token; returns whether it completed the state's declaration."""
        if state.stack:
            return self.inside(state, position, code, problems)
        state.pending = True
        previous, state.previous = state.previous, position
        state.count += 1
        if code == _IDENT_CODE:
            word = self.lexed.word(position)
            if word in _TYPE_WORDS and not state.flags & _PAREN:
                state.flags |= _TYPE
            elif word == "namespace" and not state.flags:
                state.flags |= _NAMESPACE
        elif code == _SEMICOLON:
            state.finish()
            return True
        elif code == 40:
            state.callee = previous
            if state.count == 2 and self.codes[previous] == _IDENT_CODE:
                name = self.lexed.word(previous)
                if not name.startswith("__") and name not in PARENTHESISED_ATTRIBUTES:
                    state.flags |= _CALL
            state.count -= 1
            state.stack = self.push(0, code)
        elif code == _BRACE:
            block = self.block(state, previous)
            if state.brace < 0 or block is not Block.INITIALIZER and state.block is Block.INITIALIZER:
                state.block, state.brace = block, position
            state.stack = self.push(0, code)
            state.flags |= _STRAY if block is Block.INITIALIZER else 0
        elif code == 91:
            state.stack = self.push(0, code)
        elif code in _CLOSE:
            problems.append((self.lexed.tokens[position].start, "closing bracket without an opening one"))
            state.finish()
            return True
        elif code == _LT:
            if (
                previous >= 0
                and self.codes[previous] == _IDENT_CODE
                and self.lexed.word(previous) == "template"
            ):
                state.stack = self.push(0, code)
        elif code == _EQ:
            if previous < 0 or self.codes[previous] != _IDENT_CODE or self.lexed.word(previous) != "operator":
                state.flags |= _EQUAL
        elif code == _COLON:
            if state.flags & _PAREN:
                state.flags |= _CTOR
        elif code == _ARROW_CODE:
            state.flags |= _ARROW
        return False

    def inside(self, state: _State, position: int, code: int, problems: list[tuple[int, str]]) -> bool:
        top = self.tops[state.stack]
        if top == _LT:
            if code == _LT:
                if self.codes[position - 1] == _IDENT_CODE:
                    state.stack = self.push(state.stack, code)
            elif code == _GT:
                _, start, end = self.lexed.tokens[position]
                for _ in range(end - start):
                    if self.tops[state.stack] == _LT:
                        state.stack = self.parents[state.stack]
            elif code in (_BRACE, _SEMICOLON) or code in _CLOSE:
                # Not a template list after all.
                while self.tops[state.stack] == _LT:
                    state.stack = self.parents[state.stack]
                return self.step(state, position, code, problems)
            elif code in _OPEN:
                state.stack = self.push(state.stack, code)
            state.previous = position
            return False
        state.previous = position
        if code in _OPEN:
            state.stack = self.push(state.stack, code)
            return False
        if code not in _CLOSE:
            return False
        if top != _CLOSE[code]:
            problems.append(
                (self.lexed.tokens[position].start, "closing bracket of another kind than the open one")
            )
            if code != _CLOSE_BRACE:
                return False
            while state.stack and self.tops[state.stack] != _BRACE:
                state.stack = self.parents[state.stack]
            if not state.stack:
                state.finish()
                return True
        state.stack = self.parents[state.stack]
        if state.stack:
            return False
        if code == 41:
            state.count += 1
            callee = state.callee
            if callee < 0 or self.codes[callee] != _IDENT_CODE or self.lexed.word(callee) not in PARENTHESISED_ATTRIBUTES:
                state.flags |= _PAREN
        elif code == _CLOSE_BRACE:
            if state.block in (Block.FUNCTION, Block.NAMESPACE) and not state.flags & _STRAY:
                state.finish()
                return True
            state.flags &= ~_STRAY
        return False

    def block(self, state: _State, previous: int) -> Block:
        """What a brace outside brackets opens, given the token before it."""
        flags = state.flags
        if flags & _NAMESPACE:
            return Block.NAMESPACE
        kind = self.lexed.tokens[previous].kind if previous >= 0 else 0
        if kind == TokenKind.STRING and not flags & _EQUAL:
            return Block.NAMESPACE  # extern "C" {
        if flags & _EQUAL:
            return Block.INITIALIZER
        word = self.lexed.word(previous) if previous >= 0 else ""
        if flags & _TYPE:
            after = word == ")" or word in _AFTER_PARAMETERS or flags & _ARROW
            return Block.FUNCTION if flags & _PAREN and after else Block.TYPE
        if flags & _PAREN:
            member = flags & _CTOR and (kind == TokenKind.IDENT or word in (">", ">>"))
            return Block.INITIALIZER if member else Block.FUNCTION
        return Block.INITIALIZER

    def push(self, stack: int, code: int) -> int:
        key = (stack, code)
        found = self.pushed.get(key)
        if found is None:
            found = self.pushed[key] = len(self.tops)
            self.tops.append(code)
            self.parents.append(stack)
        return found


def _entering(group: _Group) -> list[_State]:
    new = group.facts()
    if new is None:
        return []
    return [state.split(new) for state in group.before if possible(state.assumed, new)]


def _leaving(group: _Group) -> list[_State]:
    """States after ``#endif``: equal ones merged, keeping what they all assumed."""
    states = group.after
    if not group.has_else:
        group.has_else = True
        states = states + _entering(group)
    merged: dict[tuple[int, int, bool, Block], _State] = {}
    for state in states or group.before:
        key = (state.stack, state.flags, state.pending, state.block)
        kept = merged.get(key)
        if kept is None:
            merged[key] = state
        else:
            kept.assumed = {a: v for a, v in kept.assumed.items() if state.assumed.get(a) == v}
    return list(merged.values())[:_MOST_STATES]


def _codes(lexed: Lexed) -> bytearray:
    """One byte a token: 0 for comments, small numbers for words and others, the character for brackets and ``;``."""
    text = lexed.text
    codes = bytearray(len(lexed.tokens))
    interesting = frozenset(b"()[]{}<>;:=")
    for index, (kind, start, end) in enumerate(lexed.tokens):
        if kind == TokenKind.COMMENT:
            continue
        if kind == TokenKind.IDENT:
            codes[index] = _IDENT_CODE
        elif kind == TokenKind.PUNCT:
            first = text[start]
            if end - start == 1:
                codes[index] = first if first in interesting else _OTHER_CODE
            elif first == _GT and text[end - 1] == _GT:
                codes[index] = _GT
            elif text[start:end] == b"->":
                codes[index] = _ARROW_CODE
            else:
                codes[index] = _OTHER_CODE
        else:
            codes[index] = _OTHER_CODE
    return codes
