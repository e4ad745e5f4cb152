"""Which macros are in force where: the history of each name's #define and #undef lines, with conditions.

Nothing is evaluated. Two places have the same environment for a piece of code if every name that the code
uses, directly or through other macros, was defined by the same lines under the same conditions.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from mergeguard.cpp.conditions import MIDDLES, OPENERS, condition_of, negated
from mergeguard.cpp.source import Source, begun_as
from mergeguard.digests import blake2b
from mergeguard.values import cached_property, dataclass

_NAME = re.compile(r"[A-Za-z_]\w*")
Step = tuple[tuple[str, ...], tuple[str, ...] | None]  # conditions, tokens of the definition (None: #undef)


@dataclass(frozen=True, slots=True)
class _Event:
    offset: int
    step: Step


def _steps(events: Sequence[_Event]) -> tuple[list[int], list[Step], list[int]]:
    """See ``Environment._steps``. (An #undef counts, too: the macro may be a header's, out of our sight.)"""
    offsets: list[int] = []
    steps: list[Step] = []
    since: list[int] = []
    for event in events:
        if not steps or steps[-1] != event.step:
            conditions, _ = event.step
            since.append(since[-1] if conditions and since else len(steps))
            offsets.append(event.offset)
            steps.append(event.step)
    return offsets, steps, since


def _words_of(step: Step, asked: bool) -> frozenset[str]:
    conditions, body = step
    names = (name for text in conditions for name in _NAME.findall(text)) if asked else ()
    return frozenset((*(word for word in body or () if not word[:1].isdigit()), *names))


def environment_of(source: Source) -> Environment:
    """The source's environment; read once."""
    key = (environment_of,)
    if key not in source.derived:
        source.derived[key] = Environment(source)
    found: Environment = source.derived[key]
    return found


class Environment:
    """The macro lines of one source, asked by name and place."""

    def __init__(self, source: Source) -> None:
        self._events: dict[str, list[_Event]] = defaultdict(list)
        # By name, of those that say something else than the one before: where they stand, what they say, and
        # the number of the last one, itself included, that no condition is around.
        self._steps: dict[str, tuple[list[int], list[Step], list[int]]] = {}
        self._words: dict[tuple[str, bool], list[frozenset[str]]] = {}
        self._digests: dict[str, list[bytes]] = {}
        lexed = self._lexed = source.lexed
        first = self._take_over(*begun) if (begun := begun_as(source)) is not None else 0
        stack: list[str] = []
        for directive in lexed.directives[first:]:
            if directive.name in OPENERS:
                stack.append(condition_of(lexed, directive))
            elif directive.name in MIDDLES and stack:
                condition = condition_of(lexed, directive)
                stack[-1] = f"{negated(stack[-1])} && {condition}" if condition else negated(stack[-1])
            elif directive.name == "endif" and stack:
                stack.pop()
            elif directive.name in ("define", "undef"):
                words = lexed.words(directive.first + 2, directive.last)
                if words:
                    body = tuple(words[1:]) if directive.name == "define" else None
                    self._events[words[0]].append(_Event(directive.start, (tuple(stack), body)))

    def _take_over(self, begun: Source, until: int) -> int:
        """Take over the macro lines before byte ``until`` of a source that begins as this one does; gives the
        number of the first directive behind."""
        for name, events in environment_of(begun)._events.items():
            if events[0].offset < until:
                known = events if events[-1].offset < until else [e for e in events if e.offset < until]
                self._events[name] = [*known]
        return bisect_left(self._lexed.directives, until, key=attrgetter("start"))

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(self._events)

    def defined(self) -> Iterator[tuple[str, int, tuple[str, ...]]]:
        """Every ``#define``: the name, the line's offset, and the conditions that it stands under."""
        for name, events in self._events.items():
            for event in events:
                conditions, body = event.step
                if body is not None:
                    yield name, event.offset, conditions

    def history(self, name: str, offset: int) -> tuple[Step, ...]:
        """The lines about ``name`` before ``offset`` that can still matter there."""
        if name not in self._events:
            return ()
        start, end = self._range(name, offset)
        return tuple(self._steps[name][1][start:end])

    def begins_anew(self, name: str, start: int, end: int) -> bool:
        """Whether what stands from ``start`` to ``end`` defines a macro itself before it can mean it.

        What the macro was before is then the same to it. Its own ``#define`` stands under no condition there.
        """
        offset = next((e.offset for e in self._events.get(name, ()) if start <= e.offset < end), None)
        if offset is None:
            return False
        lexed = self._lexed
        first, *before = reversed(lexed.directives_in(start, offset + 1))
        if first.name != "define" or any(d.name in (*OPENERS, *MIDDLES, "endif") for d in before):
            return False
        return name not in self.closure(lexed.words(lexed.index_at(start), first.first), offset)

    def _range(self, name: str, offset: int) -> tuple[int, int]:
        """Which of a macro's steps its history is."""
        if name not in self._steps:
            self._steps[name] = _steps(self._events[name])
        offsets, _, since = self._steps[name]
        end = bisect_left(offsets, offset)
        return (since[end - 1] if end else 0), end

    def _leads_to(self, name: str, offset: int, asked: bool) -> frozenset[str]:
        """The words that a macro's history has; with ``asked`` those of its conditions, too."""
        start, end = self._range(name, offset)
        if (name, asked) not in self._words:
            found = [_words_of(step, asked) for step in self._steps[name][1]]
            # Of what is only asked for, the file's own macros count.
            self._words[name, asked] = (
                [words.intersection(self._events) for words in found] if asked else found
            )
        return frozenset[str]().union(*self._words[name, asked][start:end])

    def closure(self, words: Iterable[str], offset: int, *, asked: bool = False) -> frozenset[str]:
        """``words`` and every word that they can expand to at ``offset``.

        With ``asked`` the file's macros among them, and those that the ``#if`` lines around these ask for.
        """
        seen = set(words)
        waiting = [word for word in seen if word in self._events]
        while waiting:
            found = self._leads_to(waiting.pop(), offset, asked) - seen
            seen |= found
            waiting += found & self._events.keys()
        return frozenset(seen)

    def at(self, words: Iterable[str], offset: int) -> dict[str, bytes]:
        """What stands for the histories that matter for code made of ``words`` at ``offset``, of names that
        have one: equal where they are, in any two sources."""
        found: dict[str, bytes] = {}
        for name in self._events.keys() & self.closure(words, offset, asked=True):
            _, end = self._range(name, offset)
            if end:
                found[name] = self._digests_of(name)[end - 1]
        return found

    def _digests_of(self, name: str) -> list[bytes]:
        """For each of a macro's steps that of the history which ends with it."""
        if name not in self._digests:
            _, steps, since = self._steps[name]
            found: list[bytes] = []
            for number, step in enumerate(steps):
                before = found[-1] if since[number] < number else b""
                found.append(
                    blake2b(before + repr(step).encode("utf-8", "surrogateescape"), digest_size=16).digest()
                )
            self._digests[name] = found
        return self._digests[name]
