"""Where an item chooses: its ``switch`` statements and ``if / else if`` chains, with the bytes of each arm.

Found by tokens alone, so also inside lambdas, arguments of macro calls and macro bodies. ``#if`` groups in an
item are read flat (all branches one after the other) as long as each branch is balanced in itself; otherwise
one branch is read, the same one wherever the condition comes back. Nothing recurses on nesting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mergeguard.cpp.conditions import MIDDLES, OPENERS, condition_of, facts, possible
from mergeguard.cpp.items import Item, Source
from mergeguard.cpp.lexer import SPLICE, Lexed, TokenKind, TokenRole
from mergeguard.cpp.text import code_tokens, join_expression
from mergeguard.values import cached_property, dataclass, field, replace

_OPEN = {"(": ")", "[": "]", "{": "}"}
_CLOSE = frozenset(_OPEN.values())
_LEAVING = frozenset({"break", "return", "continue", "goto", "throw", "co_return"})
_STATEMENTS = _LEAVING | {"if", "for", "while", "do", "switch"}
_LOOPS = frozenset({"for", "while", "switch", "catch"})


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm. ``labels``: case expressions or ``default``; of a chain its condition, or ``else``.

    The arms of a branching are contiguous byte ranges. A switch's arm runs from the line of its first label
    (of the comments before it) to the next arm; a chain's from behind the previous arm's last line.
    ``falls_through`` is true unless the arm visibly leaves the switch (it may leave inside a macro).
    """

    labels: tuple[str, ...]
    start: int
    end: int
    is_default: bool
    falls_through: bool


@dataclass(frozen=True, slots=True)
class Branching:
    """A choice: bytes ``[start, end)`` of the whole statement, in the body of ``macro`` if not None.

    ``subject`` is the switch expression ("" for a chain), ``depth`` counts the branchings around it. A
    "sequence" is of ``if`` statements one after the other, without ``else``, each of which returns or throws.
    """

    kind: Literal["switch", "chain", "sequence"]
    subject: str
    macro: str | None
    start: int
    end: int
    arms: tuple[Arm, ...]
    depth: int


def branchings(source: Source, item: Item) -> tuple[Branching, ...]:
    """All switches, and all ``if`` statements with an ``else``, of an item, outermost first, in file order.

    Branches of ``#if`` lines that cut a switch's arms apart are kept whole: arms that share one are one arm.
    """
    return _choices(source, item)[0]


def sequences(source: Source, item: Item) -> tuple[Branching, ...]:
    """All runs of at least two ``if (…) { …; return; }`` of an item, in file order."""
    return _choices(source, item)[1]


def choices(source: Source, item: Item) -> tuple[Branching, ...]:
    """The ``branchings`` of an item, and behind them its ``sequences``."""
    found, runs = _choices(source, item)
    return (*found, *runs)


def _choices(source: Source, item: Item) -> tuple[tuple[Branching, ...], tuple[Branching, ...]]:
    key = (_choices, item.code_start, item.code_end)
    if key not in source.derived:
        source.derived[key] = _found(source.lexed, item)
    found: tuple[tuple[Branching, ...], tuple[Branching, ...]] = source.derived[key]
    return found


def _found(lexed: Lexed, item: Item) -> tuple[tuple[Branching, ...], tuple[Branching, ...]]:
    first, last = lexed.index_at(item.code_start), lexed.index_at(item.code_end)
    if lexed.names(first, last).isdisjoint(("if", "switch")):
        return (), ()
    indices, macros = _flatten(lexed, first, last)
    region = _Region(lexed, indices, None)
    found = list(region.branchings)
    for directive in macros:
        body = _macro_body(lexed, directive)
        found += _Region(lexed, body, lexed.word(lexed.directives[directive].first + 2)).branchings
    return _nested(found), _nested(region.sequences())


def leaves_always(source: Source, branching: Branching) -> bool:
    """Whether a switch is never left but by ``return`` or ``throw``, as far as tokens tell."""
    words = code_tokens(source, branching.start, branching.end)
    arms = branching.arms
    if branching.kind != "switch" or not any(arm.is_default for arm in arms):
        return False
    if not {"break", "goto", "continue"}.isdisjoint(words):
        return False
    return not arms[-1].falls_through


def _nested(found: list[Branching]) -> tuple[Branching, ...]:
    found.sort(key=lambda branching: (branching.start, -branching.end))
    ends: list[int] = []
    result = []
    for branching in found:
        while ends and ends[-1] <= branching.start:
            ends.pop()
        result.append(replace(branching, depth=len(ends)))
        ends.append(branching.end)
    return tuple(result)


# ---- the tokens to read


@dataclass(slots=True)
class _Branch:
    """Tokens of one ``#if`` branch and their bracket balance: net change, lowest level reached."""

    condition: str
    indices: list[int] = field(default_factory=list)
    net: int = 0
    low: int = 0

    def add(self, other: _Branch) -> None:
        self.indices += other.indices
        self.low = min(self.low, self.net + other.low)
        self.net += other.net


_OPENING, _CLOSING = frozenset(b"([{"), frozenset(b")]}")


def _flatten(lexed: Lexed, first: int, last: int) -> tuple[list[int], list[int]]:
    """Code tokens of ``[first, last)`` read as one stream, and the ``#define`` lines met."""
    roles = lexed.roles
    known: dict[str, bool] = {}
    macros: list[int] = []
    stack: list[list[_Branch]] = [[_Branch("")]]
    position = first
    while position < last:
        index = lexed.directive_of[position]
        current = stack[-1][-1]
        if index >= 0:
            directive = lexed.directives[index]
            name = directive.name
            if name in OPENERS:
                stack.append([_Branch(condition_of(lexed, directive))])
            elif name in MIDDLES and len(stack) > 1:
                stack[-1].append(_Branch(condition_of(lexed, directive)))
            elif name == "endif" and len(stack) > 1:
                group = stack.pop()
                _close(group, stack[-1][-1], known)
            elif name == "define" and directive.first + 2 < directive.last:
                macros.append(index)
            position = directive.last
            continue
        role = roles[position]
        if role != TokenRole.COMMENT:
            current.indices.append(position)
            if role in _OPENING:
                current.net += 1
            elif role in _CLOSING:
                current.net -= 1
                current.low = min(current.low, current.net)
        position += 1
    while len(stack) > 1:
        group = stack.pop()
        _close(group, stack[-1][-1], known)
    return stack[0][0].indices, macros


def _close(group: list[_Branch], outer: _Branch, known: dict[str, bool]) -> None:
    """Adds a finished ``#if`` group to the stream around it."""
    if all(branch.net == 0 and branch.low == 0 for branch in group):
        for branch in group:
            if branch.condition not in ("0", "false"):
                outer.add(branch)
        return
    for branch in group:
        new = facts(branch.condition, True) if branch.condition else ()
        if possible(known, new):
            known.update(new)
            outer.add(branch)
            return
        known.update(facts(branch.condition, False))


def _macro_body(lexed: Lexed, directive: int) -> list[int]:
    line = lexed.directives[directive]
    first = line.first + 3
    if first < line.last and lexed.starts[first] == lexed.end(first - 1) and lexed.texts[first] == b"(":
        while first < line.last and lexed.texts[first] != b")":
            first += 1
        first += 1
    return lexed.code(first, line.last)


# ---- statements


class _Region:
    """A stream of code tokens (positions) with matched brackets."""

    def __init__(self, lexed: Lexed, indices: list[int], macro: str | None) -> None:
        self.lexed = lexed
        self.indices = indices
        self.macro = macro
        self.words = [lexed.word(index) for index in indices]
        self.match = self._matches()
        self.ends: dict[int, int] = {}  # `if` position -> behind its whole statement

    def _matches(self) -> list[int]:
        match = [-1] * len(self.words)
        stack: list[int] = []
        for position, word in enumerate(self.words):
            if word in _OPEN:
                stack.append(position)
            elif word in _CLOSE and stack:
                if _OPEN[self.words[stack[-1]]] == word:
                    match[stack.pop()] = position
                elif word == "}":
                    while stack and self.words[stack[-1]] != "{":
                        stack.pop()
                    if stack:
                        match[stack.pop()] = position
        return match

    def word(self, position: int) -> str:
        return self.words[position] if position < len(self.words) else ""

    @cached_property
    def branchings(self) -> list[Branching]:
        found: list[Branching] = []
        # From the back, so that the end of an inner `if` is known when an outer one needs it.
        for position in range(len(self.words) - 1, -1, -1):
            word = self.words[position]
            branching = None
            if word == "if":
                self.ends[position] = self.statement_end(position)
                if position == 0 or self.words[position - 1] != "else":
                    branching = self.chain(position)
            elif word == "switch":
                branching = self.switch(position)
            if branching is not None:
                found.append(branching)
        return found

    def condition(self, position: int) -> int:
        """The ``(`` of the ``if`` at ``position``; -1 if there is none that closes."""
        opening = position + 1
        while self.word(opening) in ("constexpr", "consteval", "!"):
            opening += 1
        return opening if self.word(opening) == "(" and self.match[opening] >= 0 else -1

    def statement_end(self, position: int) -> int:
        """Behind the last token of the statement that starts at ``position``."""
        match = self.match
        waiting: list[str] = []
        while True:
            # Down to a simple statement ...
            word = self.word(position)
            if word == "if" and position in self.ends:
                end = self.ends[position]
            elif word == "if" and self.condition(position) >= 0:
                waiting.append("if")
                position = match[self.condition(position)] + 1
                continue
            elif word in _LOOPS and self.word(position + 1) == "(" and match[position + 1] >= 0:
                waiting.append("loop")
                position = match[position + 1] + 1
                continue
            elif word in ("do", "try"):
                waiting.append(word)
                position += 1
                continue
            elif word == "{" and match[position] >= 0:
                end = match[position] + 1
            else:
                end = self.simple_end(position)
            # ... and up through what waits for it.
            resumed = False
            while waiting:
                outer = waiting.pop()
                if outer == "if" and self.word(end) == "else":
                    position, resumed = end + 1, True
                    break
                if outer == "try" and self.word(end) == "catch":
                    waiting.append("try")
                    position, resumed = end, True
                    break
                if outer == "do" and self.word(end) == "while" and self.word(end + 1) == "(":
                    end = match[end + 1] + 1 if match[end + 1] >= 0 else end + 1
                    if self.word(end) == ";":
                        end += 1
            if not resumed:
                return end

    def simple_end(self, position: int) -> int:
        """Behind a simple statement: its ``;``, or before what can't be part of it (macros have none)."""
        start = position
        while position < len(self.words):
            word = self.words[position]
            if word == ";":
                return position + 1
            if word in _CLOSE or (position > start and word in ("else", "case", "default")):
                return position
            if word in _STATEMENTS and position > start and self.words[position - 1] in (")", "}"):
                return position
            position = self.match[position] + 1 if self.match[position] > position else position + 1
        return position

    # ---- sequences

    def sequences(self) -> list[Branching]:
        """Runs of ``if`` statements that leave the function, each right behind the one before."""
        _ = self.branchings  # finds where every `if` ends
        found: list[Branching] = []
        run: list[tuple[str, int]] = []
        start = behind = -1
        for position in sorted(self.ends):
            leaving = self.leaving_if(position)
            if position != behind or leaving is None:
                found += self.sequence(start, run)
                run = []
            if leaving is not None:
                start = start if run else position
                run.append(leaving)
                behind = leaving[1] + 1
            elif position == behind:
                behind = -1
        return found + self.sequence(start, run)

    def leaving_if(self, position: int) -> tuple[str, int] | None:
        """Condition and last token's position of an ``if`` without ``else`` that leaves the function."""
        opening = self.condition(position)
        if opening < 0 or (position and self.words[position - 1] == "else"):
            return None
        body = self.match[opening] + 1
        end = self.statement_end(body)
        if self.word(end) == "else" or end <= body or not self.leaves(body, end):
            return None
        if {"break", "continue", "goto"} & set(self.words[body:end]):
            return None
        return join_expression(self.words[opening + 1 : self.match[opening]]), end - 1

    def sequence(self, position: int, run: Sequence[tuple[str, int]]) -> list[Branching]:
        if len(run) < 2:
            return []
        start = self.line_start(self.indices[position])
        built = self.built(start, run)
        return [Branching("sequence", "", self.macro, start, built[-1].end, tuple(built), 0)]

    def built(self, start: int, arms: Sequence[tuple[str, int]]) -> list[Arm]:
        """Arms by condition and last token, each up to the end of its line."""
        built: list[Arm] = []
        for label, last in arms:
            begin = built[-1].end if built else start
            built.append(Arm((label,), begin, self.line_rest(self.indices[last]), label == "else", False))
        return built

    # ---- chains

    def chain(self, position: int) -> Branching | None:
        arms: list[tuple[str, int]] = []  # label, position of the last token
        current = position
        while True:
            opening = self.condition(current)
            if opening < 0:
                return None
            label = join_expression(self.words[opening + 1 : self.match[opening]])
            end = self.statement_end(self.match[opening] + 1)
            if end <= self.match[opening] + 1:
                return None
            arms.append((label, end - 1))
            if self.word(end) != "else":
                break
            if self.word(end + 1) == "if" and self.condition(end + 1) >= 0:
                current = end + 1
                continue
            stop = self.statement_end(end + 1)
            if stop <= end + 1:
                return None
            arms.append(("else", stop - 1))
            break
        if len(arms) < 2:
            return None
        start = self.line_start(self.indices[position])
        built = self.built(start, arms)
        return Branching("chain", "", self.macro, start, built[-1].end, tuple(built), 0)

    def line_start(self, index: int) -> int:
        """The start of a token's line if only white space precedes it there, else the token's."""
        text = self.lexed.text
        start = line = self.lexed.starts[index]
        while line > 0 and text[line - 1] in b" \t\r\f\v":
            line -= 1
        return line if line == 0 or text[line - 1] == 10 else start

    def line_rest(self, index: int) -> int:
        """Behind a token, and behind its line if only white space, comments or a ``\\`` follow there."""
        lexed, text = self.lexed, self.lexed.text
        stop = end = lexed.end(index)
        while True:
            index += 1
            following = lexed.starts[index] if index < len(lexed) else len(text)
            newline = text.find(b"\n", end, following)
            if newline >= 0 or index >= len(lexed):
                return len(text) if newline < 0 else newline + 1
            kind, start, end = lexed.kinds[index], lexed.starts[index], lexed.end(index)
            if kind != TokenKind.COMMENT or text.startswith(b"/*", start) and b"\n" in text[start:end]:
                return stop

    # ---- switches

    def switch(self, position: int) -> Branching | None:
        opening = position + 1
        if self.word(opening) != "(" or self.match[opening] < 0:
            return None
        brace = self.match[opening] + 1
        if self.word(brace) != "{" or self.match[brace] < 0:
            return None
        close = self.match[brace]
        groups = self.label_groups(brace, close)
        arms: list[Arm] = []
        starts = [self.arm_start(label, first=number == 0) for number, (_, label, _) in enumerate(groups)]
        ends = [*starts[1:], max(self.line_start(self.indices[close]), *starts)] if groups else []
        for number, (labels, _, body) in enumerate(groups):
            stop = groups[number + 1][1] if number + 1 < len(groups) else close
            falls = number + 1 < len(groups) and not self.leaves(body, stop)
            arms.append(Arm(labels, starts[number], ends[number], "default" in labels, falls))
        return Branching(
            "switch",
            join_expression(self.words[opening + 1 : self.match[opening]]),
            self.macro,
            self.lexed.starts[self.indices[position]],
            self.lexed.end(self.indices[close]),
            tuple(self.whole(arms)),
            0,
        )

    def label_groups(self, brace: int, close: int) -> list[tuple[tuple[str, ...], int, int]]:
        """Runs of labels: their texts, position of the first, position behind the last's colon."""
        groups: list[tuple[list[str], int, int]] = []
        position = brace + 1
        behind = -1  # position behind the colon of the last label
        while position < close:
            word = self.words[position]
            colon = -1
            if word == "default" and self.word(position + 1) == ":":
                colon, label = position + 1, "default"
            elif word == "case":
                colon = self.colon(position + 1, close)
                label = join_expression(self.words[position + 1 : colon])
            if colon < 0:
                position = self.match[position] + 1 if self.match[position] > position else position + 1
                continue
            if groups and position == behind:
                labels, start, _ = groups[-1]
                labels.append(label)
                groups[-1] = (labels, start, colon + 1)
            else:
                groups.append(([label], position, colon + 1))
            position = behind = colon + 1
        return [(tuple(labels), start, body) for labels, start, body in groups]

    def colon(self, position: int, close: int) -> int:
        """The colon of a case label; those of ``? :`` are stepped over."""
        questions = 0
        while position < close:
            word = self.words[position]
            if word == "?":
                questions += 1
            elif word == ":":
                if questions == 0:
                    return position
                questions -= 1
            elif word in (";", "{", "}"):
                return -1
            position = self.match[position] + 1 if self.match[position] > position else position + 1
        return -1

    def arm_start(self, label: int, *, first: bool) -> int:
        """Start of the arm whose first label is at ``label``: with the comments and ``#if`` lines before it.

        What closes a branch (``#endif``) belongs to the arm before, like a comment behind its last token.
        """
        lexed = self.lexed
        end = self.indices[label]
        home = lexed.directive_of[end]
        begin = end
        while begin > 0 and (
            (lexed.kinds[begin - 1] == TokenKind.COMMENT and lexed.directive_of[begin - 1] == home)
            or (home < 0 and lexed.directive_of[begin - 1] >= 0)
        ):
            begin -= 1
        while begin < end and lexed.directive_of[begin] == home and begin > 0:
            gap = SPLICE.sub(b"\n", lexed.gap(begin))
            if b"\n" in gap:
                break
            begin += 1
        depth = 0
        position = lead = begin
        while position < end:
            index = lexed.directive_of[position]
            if home < 0 <= index:
                name = lexed.directives[index].name
                if name in OPENERS:
                    if depth == 0 and first:
                        lead = position
                    depth += 1
                elif name == "endif" and depth:
                    depth -= 1
                elif depth == 0 and (name in MIDDLES or name == "endif"):
                    lead = lexed.directives[index].last
                position = lexed.directives[index].last
                continue
            position += 1
        # Comments between the brace and the first label are outside all arms.
        return self.line_start(end if first and depth == 0 else lead)

    def leaves(self, position: int, stop: int) -> bool:
        """Whether the last statement of ``[position, stop)`` leaves the switch, on every way through it."""
        waiting = [(position, stop)]
        while waiting:
            position, stop = waiting.pop()
            last = self.last_statement(position, stop)
            word = self.word(last)
            if word == "{" and 0 <= self.match[last] < stop:
                waiting.append((last + 1, self.match[last]))
            elif word == "if":
                opening = self.condition(last)
                first = self.match[opening] + 1
                end = self.statement_end(first) if opening >= 0 else stop
                if end >= stop or self.word(end) != "else":
                    return False
                waiting += [(first, end), (end + 1, stop)]
            elif last >= stop or word not in _LEAVING:
                return False
        return True

    def last_statement(self, position: int, stop: int) -> int:
        """Where the last statement of ``[position, stop)`` starts."""
        last = position
        while position < stop:
            last = position
            position = max(self.statement_end(position), position + 1)
        return last

    def whole(self, arms: Sequence[Arm]) -> list[Arm]:
        """Joins arms until no ``#if`` group crosses an arm's border."""
        lexed = self.lexed
        joined: list[Arm] = []
        depth = 0
        for arm in arms:
            if depth > 0:
                before = joined.pop()
                labels = tuple(dict.fromkeys(before.labels + arm.labels))
                arm = Arm(
                    labels, before.start, arm.end, before.is_default or arm.is_default, arm.falls_through
                )
                start = before.end
            else:
                start = arm.start
            joined.append(arm)
            if self.macro is None:
                for directive in lexed.directives_in(start, arm.end):
                    depth += (directive.name in OPENERS) - (directive.name == "endif")
        return joined
