"""What a piece of a file makes the compiler work on: names reached through macros and templates.

A model, not a measurement: the weight of a text is its tokens, plus, for each name in it, the weight of
the macro or template that the name stands for, each time it stands there. So an arm that launches a large
kernel in twelve ways weighs twelve times as much as one that launches it once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from mergeguard.cpp.lexer import TokenKind
from mergeguard.cpp.ranges import Ranges
from mergeguard.cpp.source import Item, Kind, Source, flattened

# A launch of a kernel instantiates it wherever its text is, perhaps in a header that we don't see.
_LAUNCH = 1000

Range = tuple[int, int]


class Reach:
    """Asked by byte ranges of one source.

    ``instantiated`` are the templates that the file instantiates explicitly: their uses cost nothing more.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.items = tuple(flattened(source, source.items))
        self.instantiated = frozenset(i.name for i in self.items if i.kind is Kind.INSTANTIATION)
        self.macros: dict[str, list[Range]] = defaultdict(list)
        self.definitions: dict[str, list[Item]] = defaultdict(list)
        self._weights: dict[str, int] = {}  # of names
        self._whole: dict[Range, int] = {}  # of bytes, with nothing left out
        self._through: dict[Range, frozenset[str]] = {}
        self._open: set[str] = set()
        lexed = source.lexed
        for directive in lexed.directives:
            if directive.name == "define" and directive.first + 2 < directive.last:
                self.macros[lexed.word(directive.first + 2)].append((directive.first + 3, directive.last))
        for item in self.items:
            if item.kind in (Kind.FUNCTION, Kind.KERNEL) and "definition" in item.flags:
                self.definitions[last_name(item.name)].append(item)

    # -- words ---------------------------------------------------------------------------------------

    def words(self, start: int, end: int) -> Iterator[str]:
        """The identifiers of bytes ``[start, end)``; inside a function its macro lines are not its text."""
        yield from self._words(*self._tokens(start, end))

    def _tokens(self, start: int, end: int) -> Range:
        lexed = self.source.lexed
        return lexed.index_at(start), lexed.index_at(end)

    def _words(self, first: int, last: int) -> Iterator[str]:
        lexed = self.source.lexed
        home = lexed.directive_of[first] if first < len(lexed) else -1
        for index in range(first, min(last, len(lexed))):
            if lexed.kinds[index] == TokenKind.IDENT and lexed.directive_of[index] == home:
                yield lexed.word(index)

    def reached(self, ranges: Iterable[Range]) -> frozenset[str]:
        """Every name in the byte ranges, and in what they lead to: macros, functions and kernels."""
        seen: set[str] = set()
        waiting = [word for start, end in ranges for word in self.words(start, end)]
        while waiting:
            word = waiting.pop()
            if word in seen:
                continue
            seen.add(word)
            for first, last in self.macros.get(word, ()):
                waiting += self._words(first, last)
            for item in self.definitions.get(word, ()):
                waiting += self.words(item.code_start, item.code_end)
        return frozenset(seen)

    def through_macros(self, start: int, end: int) -> frozenset[str]:
        """The names in bytes ``[start, end)`` and in the macros they lead to."""
        known = self._through.get((start, end))
        if known is not None:
            return known
        seen: set[str] = set()
        waiting = list(self.words(start, end))
        while waiting:
            word = waiting.pop()
            if word not in seen:
                seen.add(word)
                for first, last in self.macros.get(word, ()):
                    waiting += self._words(first, last)
        found = self._through[start, end] = frozenset(seen)
        return found

    # -- weight --------------------------------------------------------------------------------------

    def weight(self, start: int, end: int, without: Iterable[Range] = ()) -> int:
        """The weight of bytes ``[start, end)``; byte ranges of ``without`` count for nothing, wherever."""
        skipped = Ranges.of(without)
        if not skipped.starts:
            if (start, end) not in self._whole:
                self._whole[start, end] = self._weigh(*self._tokens(start, end), skipped)
            return self._whole[start, end]
        before, self._weights = self._weights, {}
        try:
            return self._weigh(*self._tokens(start, end), skipped)
        finally:
            self._weights = before

    def _weigh(self, first: int, last: int, skipped: Ranges) -> int:
        lexed = self.source.lexed
        kinds, line_of = lexed.kinds, lexed.directive_of
        home = line_of[first] if first < len(lexed) else -1
        total = 0
        for index in range(first, min(last, len(lexed))):
            kind = kinds[index]
            if kind == TokenKind.COMMENT or line_of[index] != home:
                continue
            if skipped.starts and skipped.holds(lexed.starts[index]):
                continue
            total += 1
            if kind == TokenKind.IDENT:
                total += self._of_name(lexed.word(index), skipped)
            elif lexed.texts[index] == b"<<<":
                total += _LAUNCH
        return total

    def _of_name(self, name: str, skipped: Ranges) -> int:
        if name not in self.macros and name not in self.definitions or name in self._open:
            return 0
        if name not in self._weights:
            self._open.add(name)
            weights = [self._weigh(first, last, skipped) for first, last in self.macros.get(name, ())]
            weights += [
                self._weigh(*self._tokens(item.code_start, item.code_end), skipped)
                for item in self.definitions.get(name, ())
                if "template" in item.flags and name not in self.instantiated
            ]
            self._open.discard(name)
            # Several definitions are branches of an #if, or overloads: one of them counts.
            self._weights[name] = max(weights, default=0)
        return self._weights[name]


def last_name(name: str) -> str:
    """The name without its qualification."""
    return name.rsplit("::", 1)[-1]
