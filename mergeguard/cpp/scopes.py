"""A source as statements, each with the stack of what it stands in: conditions of the preprocessor,
namespaces, linkage, classes, functions, ``if`` and its ``else``, loops, case labels.

A reading by brackets alone, made for comparing versions of one text: what it takes wrongly, it takes wrongly
in each of them. Where branches of an ``#if`` leave different brackets open, the first one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from mergeguard.cpp.tokens import END_OF_COMMENT, END_OF_DIRECTIVE, Tokens, is_comment, tokens_of
from mergeguard.digests import blake2b
from mergeguard.values import dataclass, field, replace

Scope = tuple[bytes, ...]

_OPEN, _CLOSE = frozenset((b"(", b"[")), frozenset((b")", b"]"))
_TESTS = frozenset((b"if", b"for", b"while", b"switch"))
_TYPES = frozenset((b"struct", b"class", b"union", b"enum"))
_ACCESS = frozenset((b"public", b"private", b"protected"))
_NO_NAME = frozenset(
    (b"noexcept", b"decltype", b"requires", b"alignas", b"__attribute__", b"__launch_bounds__")
)
_NO_TYPE = frozenset((b"static", b"inline", b"constexpr", b"extern", b"else"))
_MACRO_ENDS = frozenset((b"#;", b"#{", b"#}"))
_IF = (b"if", b"else")
_LONGEST_FRAME = 4096  # bytes; real ones have some dozens
_DEEPEST = 64  # scopes, and conditions; what only broken or hostile input opens further is not told apart
_STRING_END = b'">'
_MACRO_HEAD = re.compile(rb"[A-Z][A-Z0-9_]+ \(.*\)", re.DOTALL)
PLAIN = b"{}"  # braces of an initialiser, a lambda, a block

_DEFINE = b"define "

STATEMENT, HEAD, DIRECTIVE, LABEL = "statement", "head", "directive", "label"


@dataclass(frozen=True, slots=True)
class Statement:
    """Tokens ``start`` to ``end`` (excluded): a statement, what stands before a brace or is tested
    (``head``), a line of a directive, or a label. A macro's body is read as code, in a scope of the macro's
    own. ``keys`` are those of its code, ``root`` is the number in the file of the outermost function or class
    around it (negative: of the macro; 0: none); the first ``conditions`` of the scope are those of the
    preprocessor."""

    kind: str
    start: int
    end: int
    keys: tuple[bytes, ...]
    scope: Scope
    root: int = 0
    conditions: int = 0

    @property
    def declares(self) -> bytes:
        """The function, type or namespace that a head opens; empty for any other statement."""
        return frame_of(self.keys) if self.kind == HEAD else b""


@dataclass(slots=True)
class _Frame:
    """One opened brace, or the one statement under a test without braces (``single``)."""

    text: bytes
    root: int = 0  # the number of the outermost function or class that it is, or is in
    single: bool = False
    depth: int = 0  # of parentheses
    labels: tuple[bytes, ...] = ()
    after_label: bool = False
    tested: bytes = b""  # the condition of the `if` that has just ended here
    pending: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Group:
    """One ``#if``: the condition of the branch at hand, the frames before it and after its first branch."""

    text: bytes
    before: list[_Frame]
    after: list[_Frame] | None = None


@lru_cache(maxsize=8)
def statements_of(text: bytes) -> tuple[Statement, ...]:
    """The statements of a text, in the order of their ends. Any bytes will do.

    A declaration is read once, in whichever text: versions have most of them in common.
    """
    return tuple(_ScopeReader(tokens_of(text)).run())


class _Counted(NamedTuple):
    """How many outermost functions and classes, and macros with a body, were met."""

    roots: int
    macros: int


class _Piece(NamedTuple):
    """What was read from one place between declarations to the next: its tokens, its statements (as if it
    began a file), what was ``counted`` in it, and of which tokens it was asked whether they begin a line."""

    keys: tuple[bytes, ...]
    statements: list[Statement]
    counted: _Counted
    begin_lines: dict[int, bool]

    def is_at(self, index: int, tokens: Tokens) -> bool:
        """Whether it stands, to be read in this way, at a token of a text."""
        return tokens.keys[index : index + len(self.keys)] == self.keys and all(
            (b"\n" in tokens.gaps[index + at]) == begins for at, begins in self.begin_lines.items()
        )


def _shifted(statements: Iterable[Statement], by: int, counted: _Counted) -> Iterator[Statement]:
    """Statements so many tokens further on, behind what was counted."""
    for one in statements:
        root = one.root + (counted.roots if one.root > 0 else -counted.macros if one.root else 0)
        yield Statement(one.kind, one.start + by, one.end + by, one.keys, one.scope, root, one.conditions)


# Pieces by where they stand and the tokens that they begin with, so many of them; bounds of what is kept, in
# tokens, and in pieces that begin alike. Shorter ones are read as fast as found.
_BEGIN = 12
_MOST_TOKENS = 400_000
_MOST_ALIKE = 8
_Place = tuple[Scope, int, tuple[bytes, ...]]
_PIECES: dict[_Place, list[_Piece]] = {}
_kept_tokens = 0
_ENDS = frozenset((b";", b"{", b"}", END_OF_DIRECTIVE))


def _keep(place: _Place, piece: _Piece) -> None:
    global _kept_tokens
    _kept_tokens += len(piece.keys)
    if _kept_tokens > _MOST_TOKENS:
        _PIECES.clear()
        _kept_tokens = len(piece.keys)
    kept = _PIECES.setdefault(place, [])
    if len(kept) < _MOST_ALIKE:
        kept.append(piece)


class _ScopeReader:
    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.frames = [_Frame(b"")]
        self.groups: list[_Group] = []
        self.roots = 0
        self.macros = 0
        self.begin_lines: dict[int, bool] = {}  # asked since the piece began

    def run(self) -> Iterator[Statement]:
        count = len(self.tokens.keys)
        index = 0
        while index < count:
            place = self._place(index) if self._is_between else None
            piece = self._known(place, index) if place is not None else None
            if piece is None:
                read: list[Statement] = []
                index = self._piece(index, place, read)
                yield from read
                continue
            yield from _shifted(piece.statements, index, _Counted(self.roots, self.macros))
            self.roots += piece.counted.roots
            self.macros += piece.counted.macros
            index += len(piece.keys)
        yield from self._end(STATEMENT, count)

    def _piece(self, start: int, place: _Place | None, read: list[Statement]) -> int:
        """Reads up to the next place between declarations; gives the token there. ``place`` is that at which
        it begins, if it is one."""
        keys, frame, groups = self.tokens.keys, self.frames[-1], len(self.groups)
        before = _Counted(self.roots, self.macros)
        self.begin_lines = {}
        index = start
        while index < len(keys):
            index = self._take(index, read)
            if read and keys[index - 1] in _ENDS and self._is_between:
                if place is not None and self.frames[-1] is frame and len(self.groups) == groups:
                    self._remember(place, start, index, read, before)
                break
        return index

    def _take(self, index: int, read: list[Statement]) -> int:
        """Reads a token, or a line of a directive, into ``read``; gives what is next."""
        keys = self.tokens.keys
        key = keys[index]
        if key == b"##":
            end = index
            while end < len(keys) and keys[end] != END_OF_DIRECTIVE:
                end += 1
            end = min(end + 1, len(keys))
            read += self._directive(index, end)
            return end
        if not is_comment(key) and key != END_OF_COMMENT:
            read += self._code(index, key)
        return index + 1

    @property
    def _is_between(self) -> bool:
        """Whether nothing but conditions, namespaces and the like is open, and nothing pending: what is read
        next depends on the stack alone."""
        frame = self.frames[-1]
        return not (
            frame.pending
            or frame.depth
            or frame.single
            or frame.tested
            or frame.labels
            or frame.after_label
            or self._root
        )

    def _place(self, index: int) -> _Place:
        return self.scope, len(self.groups), self.tokens.keys[index : index + _BEGIN]

    def _known(self, place: _Place, index: int) -> _Piece | None:
        alike = _PIECES.get(place, ())
        return next((piece for piece in alike if piece.is_at(index, self.tokens)), None)

    def _remember(self, place: _Place, start: int, end: int, read: list[Statement], before: _Counted) -> None:
        if end - start < _BEGIN:
            return
        counted = _Counted(self.roots - before.roots, self.macros - before.macros)
        as_first = [*_shifted(read, -start, _Counted(-before.roots, -before.macros))]
        lines = {at - start: begins for at, begins in self.begin_lines.items()}
        _keep(place, _Piece(self.tokens.keys[start:end], as_first, counted, lines))

    @property
    def scope(self) -> Scope:
        """What stands around the next statement, from the outside in; conditions first."""
        opened: list[bytes] = [group.text for group in self.groups[:_DEEPEST]]
        for frame in self.frames[1:_DEEPEST]:
            opened.append(frame.text)
            if frame.labels:
                opened.append(b" ".join(frame.labels))
        return tuple(opened)

    @property
    def _root(self) -> int:
        return self.frames[-1].root

    def _keys(self, indices: Sequence[int]) -> tuple[bytes, ...]:
        return tuple(self.tokens.keys[i] for i in indices)

    def _statement(self, kind: str, start: int, end: int, keys: tuple[bytes, ...]) -> Statement:
        conditions = min(len(self.groups), _DEEPEST)
        return Statement(kind, start, end, keys, self.scope, self._root, conditions)

    def _end(self, kind: str, end: int) -> Iterator[Statement]:
        """What is pending, as a statement."""
        frame = self.frames[-1]
        if frame.pending:
            frame.after_label = False
            keys = self._keys(frame.pending)
            yield self._statement(kind, frame.pending[0], end, keys)
            frame.pending = []

    # -- code

    def _code(self, index: int, key: bytes) -> Iterator[Statement]:
        frame = self.frames[-1]
        if key in _OPEN:
            frame.depth += 1
        elif key in _CLOSE:
            frame.depth = max(0, frame.depth - 1)
        if self._follows_macro(index):
            yield from self._end(STATEMENT, index)
            self._completed()
            frame = self.frames[-1]
        if key == b"{":
            yield from self._opened(index)
        elif key == b"}":
            yield from self._closed(index)
        elif key == b";" and frame.depth == 0:
            frame.pending.append(index)
            yield from self._end(STATEMENT, index + 1)
            self._completed()
        elif key == b"else" and not frame.pending:
            yield self._statement(HEAD, index, index + 1, (key,))
            # All that comes behind a chain's first test is called alike: what else is tested tells it apart.
            self.frames.append(
                _Frame(b"else " + frame.tested.removeprefix(b"else "), self._root, single=True)
            )
        else:
            frame.pending.append(index)
            if key == b")" and frame.depth == 0 and self.tokens.keys[frame.pending[0]] in _TESTS:
                yield from self._tested(index)
            elif key == b":" and frame.depth == 0:
                yield from self._labelled(index)

    def _follows_macro(self, index: int) -> bool:
        """Whether a token begins a line behind a macro's call in a function: it needs no semicolon."""
        pending, keys = self.frames[-1].pending, self.tokens.keys
        if (
            len(pending) > 2
            and keys[pending[-1]] == b")"
            and keys[pending[1]] == b"("
            and self.frames[-1].depth == 0
            and keys[pending[0]].isupper()
            and _is_word(keys[index])
            and self._root != 0
        ):
            self.begin_lines[index] = b"\n" in self.tokens.gaps[index]
            return self.begin_lines[index]
        return False

    def _tested(self, index: int) -> Iterator[Statement]:
        frame = self.frames[-1]
        text = b" ".join(self._keys(frame.pending))
        yield from self._end(HEAD, index + 1)
        self.frames.append(_Frame(text, self._root, single=True))

    def _labelled(self, index: int) -> Iterator[Statement]:
        frame = self.frames[-1]
        first = self.tokens.keys[frame.pending[0]]
        alone = len(frame.pending) == 2
        fell = frame.after_label
        if first not in (b"case", b"default") and not (first in _ACCESS and alone):
            if alone and _is_word(first):  # a label to jump to: no end of what stood before
                yield from self._end(LABEL, index + 1)
                frame.after_label = fell
            return
        text = b" ".join(self._keys(frame.pending))
        labels = frame.labels
        frame.labels = ()
        yield from self._end(LABEL, index + 1)
        frame.labels = (*labels, text) if fell else (text,)
        frame.after_label = True

    def _opened(self, index: int) -> Iterator[Statement]:
        frame = self.frames[-1]
        if frame.single and not frame.pending:
            frame.single = False  # the brace of the test itself
            return
        frame.after_label = False
        text = frame_of(self._keys(frame.pending)) if frame.depth == 0 else PLAIN
        yield from self._end(HEAD, index)
        root = self._root
        if is_root(text) and not root:
            root = self.roots = self.roots + 1
        self.frames.append(_Frame(text, root))

    def _closed(self, index: int) -> Iterator[Statement]:
        yield from self._end(STATEMENT, index)
        while len(self.frames) > 1 and self.frames[-1].single:
            self.frames.pop()
        if len(self.frames) > 1:
            closed = self.frames.pop()
            self.frames[-1].tested = _condition(closed.text)
            if closed.text != PLAIN:
                self._completed(kept=True)

    def _completed(self, *, kept: bool = False) -> None:
        """A statement is over, and with it the tests without braces above it."""
        if not kept:
            self.frames[-1].tested = b""
        while len(self.frames) > 1 and self.frames[-1].single:
            closed = self.frames.pop()
            self.frames[-1].tested = _condition(closed.text)
            self.frames[-1].after_label = False

    # -- directives

    def _directive(self, start: int, end: int) -> Iterator[Statement]:
        keys = self.tokens.keys[start + 1 : end]
        code = tuple(k[1:] for k in keys if k != END_OF_DIRECTIVE and k[:2] != b"#/")
        word = code[0] if code else b""
        if word == b"define" and len(code) > 1 and _MACRO_ENDS & set(keys):
            yield from self._macro(start, end)
            return
        text = b" ".join(code)
        if word in (b"else", b"elif", b"endif") and self.groups:
            group = self.groups[-1]
            if group.after is None:
                group.after = self.frames
            if word == b"endif":
                self.frames = group.after
                self.groups.pop()
            else:
                self.frames = [replace(f, pending=list(f.pending)) for f in group.before]
                group.text = b"else of " + _short(group.text) + (b" " + text if word == b"elif" else b"")
        inside = self.groups.pop() if word in (b"else", b"elif") and self.groups else None
        yield self._statement(DIRECTIVE, start, end, (b"#", *code))
        if inside is not None:
            self.groups.append(inside)
        if word in (b"if", b"ifdef", b"ifndef"):
            copies = [replace(f, pending=list(f.pending)) for f in self.frames]
            self.groups.append(_Group(text, copies))

    def _macro(self, start: int, end: int) -> Iterator[Statement]:
        """The head of a macro as a directive, and its body as code."""
        plain = tuple(key[1:] if key[:1] == b"#" else key for key in self.tokens.keys[start:end])
        keys = (b"",) * start + plain
        body = start + self._macro_head(start, plain)
        said = tuple(k for k in keys[start:body] if not is_comment(k))
        conditions = tuple(group.text for group in self.groups[:_DEEPEST])
        yield Statement(DIRECTIVE, start, body, said, conditions, conditions=len(conditions))
        self.macros += 1
        inner = _ScopeReader(replace(self.tokens, keys=keys))
        inner.groups = self.groups
        inner.begin_lines = self.begin_lines
        inner.frames.append(_Frame(_DEFINE + said[2], -self.macros))
        last = end - 1 if self.tokens.keys[end - 1] == END_OF_DIRECTIVE else end
        for index in range(body, last):
            if not is_comment(keys[index]):
                yield from inner._code(index, keys[index])
        yield from inner._end(STATEMENT, last)

    def _macro_head(self, start: int, keys: Sequence[bytes]) -> int:
        """How many of a macro's tokens are not its body: `# define NAME` and the parameters at its name."""
        named = next((k for k, key in enumerate(keys) if k > 1 and not is_comment(key)), len(keys)) + 1
        if keys[named : named + 1] != (b"(",) or self.tokens.gaps[start + named]:
            return named
        return keys.index(b")", named) + 1 if b")" in keys[named:] else named


def _short(text: bytes) -> bytes:
    """A frame's text, or what stands for one that hundreds of branches made too long to be compared."""
    return text if len(text) <= _LONGEST_FRAME else blake2b(text, digest_size=16).hexdigest().encode()


def _condition(text: bytes) -> bytes:
    return text if text.startswith(_IF) else b""


@lru_cache(maxsize=4096)
def is_root(frame: bytes) -> bool:
    """Whether a frame is a function, a class, a macro, or what stands behind a macro's call (`TEST(a) {`)."""
    named = frame.endswith(b"()") or frame.startswith((b"struct ", b"class ", _DEFINE))
    return named or _MACRO_HEAD.fullmatch(frame) is not None


@lru_cache(maxsize=4096)
def root_in(scope: Scope) -> bytes:
    """The outermost function or class of a stack; empty at file level."""
    return next(filter(is_root, scope), b"")


@lru_cache(maxsize=4096)  # the versions of a file have the same heads
def frame_of(head: tuple[bytes, ...]) -> bytes:
    """How a scope is called whose brace comes after ``head``: a function by its name alone."""
    rest = list(without_template(head))
    if not rest:
        return PLAIN
    if rest[0] == b"namespace" or rest[:2] == [b"inline", b"namespace"]:
        return b" ".join(rest)
    if rest[0] == b"extern":
        declared = _without_linkage(rest)
        if not declared:
            return b" ".join(rest)  # a block of linkage
        rest = declared
    start = 1 if rest[0] == b"typedef" else 0
    if rest[start : start + 1] and rest[start] in _TYPES:
        colon = rest.index(b":") if b":" in rest else len(rest)
        return b" ".join(rest[start:colon])
    return _called(rest) or PLAIN


def _without_linkage(head: Sequence[bytes]) -> list[bytes]:
    """The keys of a declaration behind its ``extern`` or ``extern "C"``."""
    return list(head[head.index(_STRING_END) + 1 :] if _STRING_END in head[:4] else head[1:])


def without_template(head: Sequence[bytes]) -> Sequence[bytes]:
    """The keys of a declaration behind its ``template <…>``."""
    while head and head[0] == b"template":
        depth = 0
        for index, key in enumerate(head[1:], 1):
            depth += key.count(b"<") - key.count(b">") if not key.strip(b"<>") else 0
            if depth <= 0:
                head = head[index + 1 :]
                break
        else:
            return ()
    return head


def _called(head: Sequence[bytes]) -> bytes:
    """The name of the function that a head declares; empty for an initialiser, a lambda or a plain block."""
    depth = lists = 0
    name = b""
    for index, (before, key) in enumerate(zip(head, head[1:], strict=False)):
        if depth == 0 and key == b"(":
            word = before if before != b">" else _templated(head, index)
            name = word if _is_word(word) and word not in _NO_NAME else name
            lists += 1
        if depth == 0 and (key == b":" or (key == b"=" and before != b"operator")):
            break
        depth += (key in _OPEN) - (key in _CLOSE)
    if name.isupper() and (lists > 1 or not _is_typed(head, name)):
        return b" ".join(head)  # a macro: what it is called with is what it opens
    return name + b"()" if name else b"do" if head[0] == b"do" else b""


def _is_typed(head: Sequence[bytes], name: bytes) -> bool:
    """Whether a type stands right before the name: then it is a function's, whatever its letters."""
    before = head[head.index(name) - 1] if name in head[1:] and head[0] != name else b""
    return before in (b"*", b"&", b">") or (_is_word(before) and before not in _NO_TYPE)


def _templated(head: Sequence[bytes], index: int) -> bytes:
    """The word before the template arguments that end at ``index``."""
    depth = 0
    for at in range(index, -1, -1):
        depth += (head[at] == b">") - (head[at] == b"<")
        if depth == 0:
            return head[at - 1] if at else b""
    return b""


def _is_word(key: bytes) -> bool:
    return key[:1].isalpha() or key[:1] == b"_"
