"""Where top-level items begin and end: path-sensitive bracket matching over tokens.

A set of views, each an assumption about conditions and a bracket stack, is carried through the file: ``#if``
splits it (contradicted views are skipped), ``#endif`` merges equal stacks. An item ends only when every live
view is outside all brackets and its declaration is complete. A top-level ``#if`` whose branch ends in the
middle of an item is glued into that item: the walk restarts with it. No recursion on nesting.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from mergeguard.cpp.beginnings import Mark, ParsedBeginning
from mergeguard.cpp.conditions import MIDDLES, OPENERS, Branch, Group, condition_of, names, possible
from mergeguard.cpp.edges import conditional_end, edge_end, edges_of
from mergeguard.cpp.items import Item
from mergeguard.cpp.knownitems import KnownItem, KnownItems, Segment, begin_of
from mergeguard.cpp.lexer import Directive, Lexed, TokenKind, TokenRole
from mergeguard.cpp.view import AFTER_PARAMETERS, BRACKETS, OpenBlock, Reader, View
from mergeguard.values import cached_property, dataclass, field


@dataclass(frozen=True, slots=True)
class Segmented:
    """The items of a text. ``problems`` are (byte offset, message); ``asks_for_calls``: whether ``calls_end``
    made, or would make, a difference.

    ``known`` are the items that were read before, by their segments, and ``fresh`` those that were not, with
    what ``keep`` keeps them by. ``marks``, ``defined`` and ``way`` are for a ``beginnings.ParsedBeginning``.
    """

    segments: list[Segment]
    problems: list[tuple[int, str]]
    asks_for_calls: bool
    known: dict[int, KnownItem]
    fresh: dict[int, tuple[KnownItem, KnownItems, bytes]]
    marks: list[Mark]
    defined: list[str]
    way: object

    def keep(self, position: int, item: Item, prefix: str) -> None:
        """Keep the item of a segment for other texts, if its segment was read now."""
        if position in self.fresh:
            one, known, begin = self.fresh[position]
            one.item, one.prefix = item, prefix
            known.keep(one, begin)


# Bytes of a statement that is read faster than looked up.
_SHORT = 24

# Tokens between two places at which another text may go on, at least.
_BETWEEN_MARKS = 50

# Bounds for broken or hostile input; real files stay far below.
_MOST_VIEWS = 32
# Words in the names of macros that stand alone on a line, as RAPIDJSON_DIAG_PUSH does.
_ALONE = frozenset("PUSH POP BEGIN END START STOP DIAG DISABLE ENABLE WARNINGS SUPPRESS RESTORE".split())
_MOST_GLUES = 4
_DEEPEST = 100  # open top-level groups; a deeper one is read as one item
_DEEPEST_ASSUMED = 200  # open groups inside an item; deeper conditions are not told apart


# What declares nothing, again and again (by its role): only broken or hostile input has rows of it.
_ROW_LENGTH = 64
_ROW = re.compile(rb"([;)\]}])\1{%d,}" % (_ROW_LENGTH - 1))

_IS_EVENT = bytes(role > TokenRole.ARROW for role in range(256))
_IS_BRACKET = bytes(role in BRACKETS for role in range(256))


@dataclass(slots=True)
class _Section:
    """An open ``#if`` between items; ``items`` were emitted before it."""

    directive: int
    group: Group
    items: int


@dataclass(slots=True)
class _Fork:
    """An open ``#if`` inside an item: the views ``before`` it, and those that left its branches."""

    group: Group
    blind: bool
    before: list[View]
    after: list[View] = field(default_factory=list)

    def entering(self) -> list[View]:
        """The views of the branch that begins."""
        new = () if self.blind else self.group.facts()
        if new is None:
            return []
        return [view.split(new) for view in self.before if possible(view.assumed, new)]

    def leaving(self) -> list[View]:
        """The views behind ``#endif``: equal ones merged, keeping what they all assumed."""
        views = self.after
        if not self.group.has_else:
            self.group.close()
            views = views + self.entering()
        merged: dict[tuple[int, int, bool, OpenBlock], View] = {}
        for view in views or self.before:
            key = (view.stack, view.flags, view.pending, view.block)
            kept = merged.get(key)
            if kept is None:
                merged[key] = view
            else:
                kept.assumed = {a: v for a, v in kept.assumed.items() if view.assumed.get(a) == v}
        return list(merged.values())


def _directive_last(directive: Directive) -> int:
    return directive.last


class _Glue(Exception):
    """The walked item crosses a branch end of the innermost top-level group."""


def segment(
    lexed: Lexed,
    first: int,
    last: int,
    path: Sequence[Branch] = (),
    *,
    calls_end: bool = False,
    begun: tuple[ParsedBeginning, Mark] | None = None,
) -> Segmented:
    """Items of the tokens ``[first, last)``.

    ``calls_end``: what may be a macro call without ``;`` ends with its branch, and before directives. With
    ``begun`` those from a mark of another text on, which begins as this one does.
    """
    walk = _Walk(lexed, first, last, tuple(path), calls_end)
    if begun is not None:
        walk.go_on(*begun)
        first = begun[1].token
    walk.run(first)
    problems = walk.problems + walk.reader.problems
    found = (walk.segments, problems, walk.asks_for_calls, walk.known, walk.fresh, walk.marks)
    return Segmented(*found, list(walk.defined), walk.way)


def way_of(lexed: Lexed, calls_end: bool) -> object:
    """What of a whole text decides how each item is read.

    That a text has no edges is no other way: then no item has one, whatever stands around it.
    """
    return calls_end, tuple(edges_of(lexed.text).own.items())


class _Walk:
    def __init__(
        self,
        lexed: Lexed,
        first: int,
        last: int,
        path: tuple[Branch, ...],
        calls_end: bool,
    ) -> None:
        self.lexed = lexed
        self.known: dict[int, KnownItem] = {}
        self.fresh: dict[int, tuple[KnownItem, KnownItems, bytes]] = {}
        self.calls_end = calls_end
        self.asks_for_calls = False  # whether it matters if calls end
        self.first = first
        self.last = last
        self.path = path
        self.outside = len(path)
        self.segments: list[Segment] = []
        self.problems: list[tuple[int, str]] = []
        self.sections: list[_Section] = []
        self.glued: set[int] = set()
        self.defined: dict[str, None] = {}  # macros that lines were met about, in order
        self.met: set[str] = set()  # those of the item that is read
        self.assumed_for: tuple[object, ...] = ()  # the sections that ``assumed`` and ``items`` are about
        self.assumed: dict[str, bool] = {}
        self.marks: list[Mark] = []
        self.edges = edges_of(lexed.text)
        self.way = way_of(lexed, calls_end)
        self.items = self.read_so()
        self.reader = Reader(lexed)
        self.roles = lexed.roles

    @cached_property
    def events(self) -> bytearray:
        return self.where(_IS_EVENT)

    @cached_property
    def brackets(self) -> bytearray:
        return self.where(_IS_BRACKET)

    def where(self, wanted: bytes) -> bytearray:
        """For each token whether its role is ``wanted`` (a byte for each role), or it is in a directive."""
        found = bytearray(self.roles[: self.last].translate(wanted))
        lines = self.lexed.directives
        for line in lines[bisect_right(lines, self.first, key=_directive_last) :]:
            if line.first >= self.last:
                break
            end = min(line.last, self.last)
            found[line.first : end] = b"\1" * (end - line.first)
        return found

    # ---- the outer level: directives between items

    def go_on(self, reading: ParsedBeginning, mark: Mark) -> None:
        """Take over what the beginning of another text has left."""
        self.defined = dict.fromkeys(reading.defined[: mark.defined])
        self.asks_for_calls = mark.asks_for_calls

    def mark(self, position: int) -> None:
        """Note a place with nothing open, unless something before it has looked (or may have) beyond it."""
        if self.glued or self.problems or self.reader.problems or self.roles[position] == TokenRole.SEMICOLON:
            return
        if not self.marks or position - self.marks[-1].token >= _BETWEEN_MARKS:
            known = len(self.segments), len(self.defined), self.asks_for_calls
            self.marks.append(Mark(position, self.seen_from(position), *known))

    def seen_from(self, position: int) -> int:
        """The last token that may have been looked at to end an item before ``position``.

        A preprocessor line ends by itself (but a row of ``#`` alone). Of a directive its word was; behind an
        ``#if`` it may have been any.
        """
        before = self.segments[-1].directive if self.segments else -1
        if before >= 0 and self.lexed.directives[before].name:
            return position - 1
        index = self.lexed.directive_of[position]
        if index < 0:
            return position
        word = self.lexed.directives[index].name
        return position + 1 if word and word not in OPENERS else self.last

    def run(self, position: int) -> None:
        lexed = self.lexed
        restarts = 0
        while position < self.last:
            if lexed.kinds[position] == TokenKind.COMMENT and lexed.directive_of[position] < 0:
                position += 1
                continue
            if not self.sections:
                self.mark(position)
            index = lexed.directive_of[position]
            if index >= 0 and len(self.sections) >= _DEEPEST and lexed.directives[index].name in OPENERS:
                self.glued.add(index)
            if index >= 0 and index not in self.glued:
                position = self.line(index)
                continue
            if index < 0 and (row := _ROW.match(self.roles, position, self.last)):
                position = self.row(position, row.end())
                continue
            try:
                position = self.item(position) if index >= 0 else self.known_item(position)
                restarts = 0
            except _Glue:
                restarts += 1
                # Deep nests of broken branches would restart once a level: take the outermost instead.
                if restarts > _MOST_GLUES:
                    del self.sections[1:]
                section = self.sections.pop()
                self.path = self.path[: self.outside + len(self.sections)]
                self.glued.add(section.directive)
                self.forget(section.items)
                position = lexed.directives[section.directive].first
            if not self.sections:
                restarts = 0
        for section in self.sections:
            self.problems.append((lexed.directives[section.directive].start, "#if without #endif"))

    def line(self, index: int) -> int:
        """Emits one preprocessor line that stands between items; returns the next token."""
        directive = self.lexed.directives[index]
        name = directive.name
        last = directive.last
        if not name and (end := self.behind_empty_lines(index)) - directive.first >= _ROW_LENGTH:
            self.segments.append(Segment(directive.first, end, self.path, opaque=True))
            return end
        if name in OPENERS and (end := conditional_end(self.lexed, index, self.last)) > 0:
            self.segments.append(Segment(directive.first, end, self.path, opaque=True))
            return end
        if name in OPENERS:
            self.segments.append(Segment(directive.first, last, self.path, index))
            group = Group(condition_of(self.lexed, directive))
            self.sections.append(_Section(index, group, len(self.segments) - 1))
            self.path = (*self.path, group.branch())
            return self.skip_dead(last)
        if name in MIDDLES or name == "endif":
            if not self.sections:
                self.problems.append((directive.start, f"#{name} without #if"))
                self.segments.append(Segment(directive.first, last, self.path, index))
                return last
            group = self.sections[-1].group
            self.path = self.path[:-1]
            self.segments.append(Segment(directive.first, last, self.path, index, opening=group.first))
            if name == "endif":
                self.sections.pop()
                return last
            group.enter(condition_of(self.lexed, directive))
            self.path = (*self.path, group.branch())
            return self.skip_dead(last)
        self.note_definition(name, directive.first, ())
        self.segments.append(Segment(directive.first, last, self.path, index))
        return last

    def behind_empty_lines(self, index: int) -> int:
        """The token behind a directive and those right after it, as far as they are a `#` alone."""
        directives = self.lexed.directives
        end = directives[index].first
        while end < self.last and index < len(directives):
            if directives[index].first != end or directives[index].last != end + 1:
                break
            end, index = end + 1, index + 1
        return end

    def skip_dead(self, position: int) -> int:
        """After a branch's line: the text of a branch that is never taken (``#if 0``) is one opaque item."""
        lexed = self.lexed
        if self.sections[-1].group.facts() is not None:
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
        code = [i for i in range(position, current) if lexed.kinds[i] != TokenKind.COMMENT]
        if code:
            self.segments.append(Segment(code[0], code[-1] + 1, self.path, opaque=True))
        return current

    def note_definition(self, name: str, first: int, views: Sequence[View]) -> None:
        """A ``#define`` or ``#undef`` ends what was assumed about its macro."""
        if name not in ("define", "undef") or first + 2 >= len(self.lexed):
            return
        macro = self.lexed.word(first + 2)
        self.met.add(macro)
        self.defined[macro] = None
        for view in views:
            for atom in [atom for atom in view.assumed if macro in names(atom)]:
                del view.assumed[atom]

    def row(self, first: int, last: int) -> int:
        """Emits a row of semicolons, or of brackets that close nothing, as one item; returns what is next."""
        if self.roles[first] != TokenRole.SEMICOLON:
            self.reader.problems.append((self.lexed.starts[first], "closing bracket without an opening one"))
        self.segments.append(Segment(first, last, self.path, opaque=True))
        return last

    # ---- one item

    def known_item(self, start: int) -> int:
        """As ``item``, of what was read in such a place before without reading it again."""
        at = self.lexed.starts[start]
        if self.lexed.text.find(b";\n", at, at + _SHORT) >= 0:
            return self.item(start)
        self.assume()
        one = self.items.find(self.lexed, start, self.last)
        if one is not None:
            self.known[len(self.segments)] = one
            self.segments.append(one.segment.moved(start - one.segment.first))
            self.defined.update(dict.fromkeys(one.defined))
            self.asks_for_calls |= one.asks_for_calls
            return start + one.tokens
        asked, self.asks_for_calls, self.met = self.asks_for_calls, False, set()
        problems, number = len(self.problems) + len(self.reader.problems), len(self.segments)
        items = self.items  # what is defined on the way makes them others
        try:
            end = self.item(start)
            behind = self.behind(end)
            if behind >= 0 and problems == len(self.problems) + len(self.reader.problems):
                begin = begin_of(self.lexed, start, self.last)
                self.fresh[number] = self.read_now(start, end, behind), items, begin
        finally:
            self.asks_for_calls |= asked
        return end

    def read_now(self, start: int, end: int, behind: int) -> KnownItem:
        """What was read last, of tokens ``[start, end)``."""
        lexed, part = self.lexed, self.segments[-1]
        reaches = behind < self.last
        text = lexed.text[lexed.starts[start] : lexed.end(behind if reaches else self.last - 1)]
        word = lexed.texts[behind] if reaches else b""
        defined = frozenset(self.met)
        return KnownItem(
            text, word, behind - start, end - start, part, lexed.starts[start], defined, self.asks_for_calls
        )

    def behind(self, position: int) -> int:
        """What may decide that an item ends at ``position``: the next token of code, or the word of a
        preprocessor line (-1 for one without); ``last`` if there is none."""
        lexed = self.lexed
        while position < self.last and self.roles[position] == TokenRole.COMMENT:
            position += 1
        if position < self.last and lexed.directive_of[position] >= 0:
            return position + 1 if lexed.directives[lexed.directive_of[position]].name else -1
        return position

    def forget(self, number: int) -> None:
        """Take back the segments from one on."""
        del self.segments[number:]
        for made in (self.known, self.fresh):
            for later in [one for one in made if one >= number]:
                del made[later]

    def item(self, start: int) -> int:
        """Walks one item from token ``start``; returns the token after it.

        Raises ``_Glue`` when a branch of an open group ends before the item does.
        """
        lexed, roles, reader, last = self.lexed, self.roles, self.reader, self.last
        self.assume()
        views = opening = [View(dict(self.assumed))]
        if self.edges.possible and (edge := edge_end(lexed, self.edges, start, last)) > 0:
            return self.done(start, edge, views[0])
        forks: list[_Fork] = []
        noted = len(reader.problems)
        position = start
        while position < last:
            role = roles[position]
            index = lexed.directive_of[position]
            if index >= 0:
                directive = lexed.directives[index]
                position = directive.last
                name = directive.name
                if name in OPENERS:
                    if not forks and self.begins_anew(position) and self.call_ends(views, bare=True):
                        return self.done(start, directive.first, views[0])
                    fork = _Fork(Group(condition_of(lexed, directive)), len(forks) >= _DEEPEST_ASSUMED, views)
                    forks.append(fork)
                    views = fork.entering()
                elif name in MIDDLES or name == "endif":
                    if not forks:
                        if not self.sections:
                            reader.problems.append((directive.start, f"#{name} without #if"))
                            continue
                        if self.call_ends(views, bare=True, closing=True):
                            return self.done(start, directive.first, views[0])
                        del reader.problems[noted:]
                        raise _Glue
                    fork = forks[-1]
                    fork.after.extend(views)
                    if name == "endif":
                        forks.pop()
                        views = fork.leaving()
                        if len(views) > _MOST_VIEWS:
                            reader.problems.append(
                                (directive.start, "too many conditions cut brackets apart")
                            )
                            views = views[:1]
                        if not forks and not any(view.pending for view in views):
                            return self.done(start, position, views[0])
                    else:
                        fork.group.enter(condition_of(lexed, directive))
                        views = fork.entering()
                else:
                    if not forks and self.call_ends(views):
                        return self.done(start, directive.first, views[0])
                    self.note_definition(name, directive.first, views)
                continue
            if role == 0 or not views:  # a comment, or a branch that no state takes
                position += 1
                continue
            finished = False
            deep = True
            for view in views:
                if len(views) == 1 and not forks and self.stops_before(view, position):
                    return self.done(start, position, view)
                finished |= reader.step(view, position, role)
                deep = deep and view.stack > 0
            if finished and not forks and not any(view.pending for view in views):
                if role == TokenRole.CLOSE_BRACE and self.is_handler(position + 1):
                    position += 1
                    continue
                stray = len(reader.problems) > noted and position == start
                return self.done(start, self.absorb_semicolon(position), views[0], opaque=stray)
            position += 1
            if deep and len(views) == 1:
                position = reader.through(views[0], self.brackets, position)
            if deep:
                # Inside brackets only brackets (of templates, too) and directives matter.
                event = self.events.find(1, position)
                position = event if event >= 0 else last
        views = views or opening
        broken = bool(forks) or any(view.stack for view in views)
        if broken and self.sections:
            del reader.problems[noted:]
            raise _Glue
        if forks:
            self.problems.append((lexed.starts[start], "#if without #endif"))
        elif broken:
            self.problems.append((lexed.starts[start], "brackets opened here are never closed"))
        return self.done(start, last, views[0], opaque=broken)

    def stops_before(self, view: View, position: int) -> bool:
        """Whether a macro call without ``;``, or a name such as ``DIAG_PUSH``, ended on an earlier line."""
        if self.reader.before_macro_statement(view, position):
            return True
        if view.count != 1 or not self.reader.begins_a_line(view, position):
            return False
        alone = _stands_alone(self.reader.bare_word(view))
        self.asks_for_calls |= alone
        return alone and self.calls_end

    def begins_anew(self, position: int) -> bool:
        """Whether a declaration or a further directive comes next: nothing that belongs to a call before."""
        while position < self.last and self.roles[position] == 0:
            position += 1
        if position >= self.last:
            return False
        if self.lexed.directive_of[position] >= 0:
            return True
        return self.roles[position] == TokenRole.WORD and self.lexed.word(position) not in AFTER_PARAMETERS

    def call_ends(self, views: Sequence[View], *, bare: bool = False, closing: bool = False) -> bool:
        """Whether a macro call without ``;`` is taken to end before a directive.

        ``bare``: also a macro's name alone that says so (``DIAG_PUSH``), or, ``closing``, any, as it stands
        between ``#if`` and ``#endif``.
        """
        ends = len(views) == 1 and self.reader.is_macro_statement(views[0])
        if bare and not ends and len(views) == 1:
            word = self.reader.bare_word(views[0])
            ends = word.isupper() if closing else _stands_alone(word)
        self.asks_for_calls |= ends
        return ends and self.calls_end

    def is_handler(self, position: int) -> bool:
        """Whether a function's ``catch`` follows: ``void f() try { } catch (...) { }``."""
        while position < self.last and self.roles[position] == 0:
            position += 1
        return (
            position < self.last
            and self.roles[position] == TokenRole.WORD
            and self.lexed.directive_of[position] < 0
            and self.lexed.word(position) == "catch"
        )

    def assume(self) -> None:
        """Find out what the open sections say, but for macros that were defined or undefined on the way."""
        asked: tuple[object, ...] = ()
        if self.sections:
            asked = (len(self.defined), *((one.directive, one.group.branches) for one in self.sections))
        if asked == self.assumed_for:
            return
        said: dict[str, bool] = {}
        for section in self.sections:
            said.update(section.group.facts() or ())
        self.assumed = {a: value for a, value in said.items() if self.defined.keys().isdisjoint(names(a))}
        self.assumed_for = asked
        self.items = self.read_so()

    def read_so(self) -> KnownItems:
        """What was read before in a place like this, and in this way."""
        facts = frozenset(self.assumed.items())
        return KnownItems.read_as((self.way, self.path, bool(self.sections), facts))

    def done(self, start: int, stop: int, view: View, *, opaque: bool = False) -> int:
        """Emits the item of tokens ``[start, stop)``, trailing comments left out."""
        last = stop
        while last > start + 1 and self.roles[last - 1] == 0:
            last -= 1
        self.segments.append(
            Segment(start, last, self.path, opaque=opaque, block=view.block, brace=view.brace)
        )
        return stop

    def absorb_semicolon(self, position: int) -> int:
        """The token after an item that ends at ``position``; a ``;`` right behind a body belongs to it."""
        following = position + 1
        if self.roles[position] != TokenRole.CLOSE_BRACE or following >= self.last:
            return following
        between = self.lexed.text[self.lexed.end(position) : self.lexed.starts[following]]
        return (
            following + 1
            if self.roles[following] == TokenRole.SEMICOLON and b"\n" not in between
            else following
        )


def _stands_alone(word: str) -> bool:
    return word.isupper() and not _ALONE.isdisjoint(word.split("_"))
