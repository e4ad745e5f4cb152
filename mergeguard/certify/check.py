"""Accepts or rejects a certificate: see ``check``. Pure, and on its own: the standard library's ``re``
only."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence, Set
from typing import Any, NoReturn

FORMAT = 1
_TOKEN = re.compile(
    rb"""[ \t\v\f\r]*+(?:(?P<comment>//(?:[^\\\n]|\\\r?\n|\\.)*|/\*(?s:.*?)(?:\*/|\Z))
    |(?:u8|[uUL])?R"(?P<mark>[^()\\\s"]{0,16})\((?s:.*?)\)(?P=mark)"
    |(?P<string>(?:u8|[uUL])?"(?:[^"\\\n]|\\(?s:.))*"?)|(?:u8|[uUL])?'(?:[^'\\\n]|\\(?s:.))*'?
    |(?P<word>[A-Za-z_$\x80-\xff][\w$\x80-\xff]*)|\.?\d(?:[eEpP][+-]|'?[\w.])*
    |(?P<directive>\#[ \t]*(?:include(?:_next)?[ \t]*(?:"[^"\n]*"|<[^>\n]*>)|\w*))
    |(?P<newline>\n)|(?P<splice>\\\r?\n)|::|->|\+\+|--|&&|\|\||\#\#|[-+*/%&|^=!<>]=|\S)""",
    re.VERBOSE,
)
_ORNAMENT = re.compile(rb"[\s/*!\\]+")
_PARTS = re.compile(rb"\w+|\\\r?\n|[^\w]")
_END = b"#end"  # of a directive
_PAIRS = {b")": b"(", b"]": b"[", b"}": b"{"}
_BORDERS = frozenset((b";", b"{", b"}", _END, b":"))
_SIDES = ("ours", "theirs")


class Rejected(Exception):
    """The result is not shown to be the sum of both sides' edits; the message says what is wrong, and
    where."""


class Text:
    """The tokens of one version: what is between them is layout.

    A word of a comment is a token ``//word``; ``#word`` begins a directive and ``#end`` ends it; an include
    is one token. ``brackets[i]`` and ``guards[i]`` are the tokens that open the innermost bracket and the
    innermost branch of an ``#if`` around token ``i``, -1 for none; a closing token stands in what it closes.
    """

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.tokens, self.offsets, self.ends = list[bytes](), list[int](), set[int]()  # ends of comments
        directive, fresh = False, True

        def add(token: bytes, at: int) -> None:
            self.tokens.append(token)
            self.offsets.append(at)

        for found in _TOKEN.finditer(text + b"\n"):
            kind, token = found.lastgroup, found[0].lstrip(b" \t\v\f\r")
            at = found.end() - len(token)
            if kind == "newline":
                if directive:
                    add(_END, at)
                directive, fresh = False, True
            elif kind == "comment":
                for word in filter(None, _ORNAMENT.split(token)):
                    add(b"//" + word, at)
                self.ends.add(len(self.tokens) - 1)
            elif kind == "string":
                for part in _PARTS.findall(token.strip(b'"')) or [b""]:
                    add(b'"' + part, at)
                fresh = False
            elif kind == "directive" and fresh and not directive:
                add(b"#" + b"".join(token[1:].split()), at)
                directive, fresh = not _in_a_set(token), False
            elif kind != "splice":
                add(token, at)
                fresh = False
        self.sound = {"brackets": True, "guards": True}
        self.brackets, self.guards = self._nesting()

    def _nesting(self) -> tuple[list[int], list[int]]:
        brackets, guards, opened = list[int](), list[int](), list[int]()
        open_guards: list[tuple[int, int, list[int]]] = []  # the #if, its branch, the brackets open before it
        for index, token in enumerate(self.tokens):
            brackets.append(opened[-1] if opened else -1)
            guards.append(open_guards[-1][1] if open_guards else -1)
            if token in (b"(", b"[", b"{"):
                opened.append(index)
            elif token in _PAIRS:
                self.sound["brackets"] &= bool(opened) and self.tokens[opened.pop()] == _PAIRS[token]
            elif token.startswith(b"#if"):
                open_guards.append((index, index, list(opened)))
            elif token in (b"#else", b"#elif", b"#elifdef", b"#elifndef") and open_guards:
                first, _, before = open_guards[-1]
                guards[index] = first
                open_guards[-1] = (first, index, before)
                opened[:] = before
            elif token == b"#endif":
                self.sound["guards"] &= bool(open_guards)
                guards[index] = open_guards.pop()[0] if open_guards else -1
        self.sound["brackets"] &= not opened
        self.sound["guards"] &= not open_guards
        return brackets, guards

    def where(self, index: int) -> str:
        """How a message names a token."""
        word, line = self.tokens[index], self.text.count(b"\n", 0, self.offsets[index]) + 1
        return f"`{word.decode('utf-8', 'replace')}` (line {line})"

    def refuse(self, index: int, said: str) -> NoReturn:
        raise Rejected(f"{self.where(index)} {said}")

    def border(self, index: int) -> bool:
        """Whether a statement or declaration may begin behind token ``index``."""
        token = self.tokens[index] if 0 <= index < len(self.tokens) else _END
        return token in _BORDERS or index in self.ends or token.startswith(b"#include")


class _Checker:
    def __init__(self, base: Text, ours: Text, theirs: Text, result: Text, given: Mapping[str, Any]) -> None:
        self.base, self.sides, self.result = base, (ours, theirs), result
        self.renames = frozenset(
            (_SIDES.index(side), *(word.encode("utf-8", "surrogateescape") for word in pair))
            for side, *pair in given["renames"]
        )
        # For each token of the result and of the base, its index in each side, -1 for none; and the reverse.
        self.in_result = self._spread(given["result"], result)
        self.in_base = self._spread(given["base"], base)
        self.result_of = [self._reverse(self.in_result, s, "result") for s in (0, 1)]
        self.base_of = [self._reverse(self.in_base, s, "base") for s in (0, 1)]

    def _spread(self, runs: Sequence[Sequence[int]], text: Text) -> list[tuple[int, int]]:
        pairs: list[tuple[int, int]] = []
        for count, one, two in runs:
            pairs += ((one + n if one >= 0 else -1, two + n if two >= 0 else -1) for n in range(count))
        if len(pairs) != len(text.tokens):
            raise Rejected("the certificate does not speak of every token")
        return pairs

    def _reverse(self, pairs: Sequence[tuple[int, int]], side: int, what: str) -> list[int]:
        found = [-1] * len(self.sides[side].tokens)
        for index, pair in enumerate(pairs):
            if pair[side] >= 0:
                if pair[side] >= len(found) or found[pair[side]] >= 0:
                    raise Rejected(f"a token of {_SIDES[side]} stands for two of the {what}")
                found[pair[side]] = index
        return found

    # -- every token is accounted for -----------------------------------------------------------------

    def tokens(self) -> None:
        """Each token of a side is in the result, or the base had it and the other side removed it; each of
        the base is in the result exactly if both sides kept it; each of the result is from a side."""
        for side, text in enumerate(self.sides):
            for index in range(len(text.tokens)):
                held, old = self.result_of[side][index], self.base_of[side][index]
                kept_by_other = old >= 0 and self.in_base[old][1 - side] >= 0
                if held < 0 and (old < 0 or kept_by_other):
                    text.refuse(index, f"of {_SIDES[side]} is lost")
                if held >= 0 and old >= 0 and not kept_by_other:
                    text.refuse(index, f"is back, which {_SIDES[1 - side]} removed")
        for old, pair in enumerate(self.in_base):
            if min(pair) >= 0 and self.result_of[0][pair[0]] != self.result_of[1][pair[1]]:
                self.base.refuse(old, "of the base is there twice")
        for index, pair in enumerate(self.in_result):
            self._spelling(index, pair)

    def _spelling(self, index: int, pair: tuple[int, int]) -> None:
        """The result spells a token as the side does that changed it; what is one side's alone behind its
        like of the other's alone is one thing that both added, but for brackets."""
        spelled = self.result.tokens[index]
        words = [self.sides[s].tokens[pair[s]] if pair[s] >= 0 else None for s in (0, 1)]
        olds = {self.base_of[s][pair[s]] for s in (0, 1) if pair[s] >= 0}
        if len(olds) != 1:
            self.result.refuse(index, "is from no side, or from two places of the base")
        was = self.base.tokens[max(olds)] if max(olds) >= 0 else None
        again = spelled[:1] not in b"()[]{}" and self.result.tokens[index - 1 : index] == [spelled]
        if again and sorted(p.index(-1) for p in self.in_result[index - 1 : index + 1] if -1 in p) == [0, 1]:
            self.result.refuse(index, "is there twice, once from each side")
        for side, mine, other in zip((0, 1), words, reversed(words), strict=True):
            if mine is None or mine == spelled:
                continue
            # The other side's word stands: it renamed the base's, or the name that this side newly uses.
            if (1 - side, mine, spelled) not in self.renames or (other is None) == (was is not None):
                self.result.refuse(index, f"is not what {_SIDES[side]} has there")
            if was is not None and mine != was:
                self.result.refuse(index, "is not what either side made of it")

    def alignment(self) -> None:
        """What a side removed and what it added differ: no token is said to be removed and added again in
        place but with a whole statement, none that nobody edited is, and none is said to be another but by a
        rename."""
        for side, text in enumerate(self.sides):
            last = (-1, -1)
            ends = [*enumerate(pair[side] for pair in self.in_base), (len(self.in_base), len(text.tokens))]
            for old, new in ends:
                if new < 0 or (old < len(self.in_base) and _in_a_set(self.base.tokens[old])):
                    continue
                if old < len(self.in_base) and self.base.tokens[old] != text.tokens[new]:
                    if (side, self.base.tokens[old], text.tokens[new]) not in self.renames:
                        text.refuse(new, f"of {_SIDES[side]} is not {self.base.tokens[old]!r}")
                if new < last[1] and not (self.base.border(old - 1) and text.border(new - 1)):
                    text.refuse(new, f"of {_SIDES[side]} is said to be moved")
                if (old, new) != (last[0] + 1, last[1] + 1):
                    self._gap(side, last, (old, new))
                last = (old, new)

    def _gap(self, side: int, last: tuple[int, int], here: tuple[int, int]) -> None:
        text = self.sides[side]
        for old, new in enumerate(range(last[1] + 1, len(text.tokens)), last[0] + 1):
            if self.base.tokens[old : old + 1] != [text.tokens[new]] or _in_a_set(text.tokens[new]):
                break
            if self.in_base[old][side] == new:
                text.refuse(new, f"of {_SIDES[side]} stands behind what is unedited and said to be new")
        gone = [i for i in range(last[0] + 1, here[0]) if not _in_a_set(self.base.tokens[i])]
        come = [i for i in range(last[1] + 1, here[1]) if not _in_a_set(text.tokens[i])]
        if not {self.base.tokens[i] for i in gone} & {text.tokens[i] for i in come}:
            return
        whole = all(map(self.base.border, (last[0], gone[-1]))) and all(map(text.border, (last[1], come[-1])))
        if any(self.in_base[i][side] >= 0 for i in gone) or any(self.base_of[side][i] >= 0 for i in come):
            # Declarations that were moved stand there; what encloses them was not.
            gone = [i for i in gone if self.in_base[i][side] < 0 and self.base.brackets[i] < 0]
            come = [i for i in come if self.base_of[side][i] < 0 and text.brackets[i] < 0]
            whole = True
        rests = [(one, iter(two)) for one in _statements(self.base, gone) for two in _statements(text, come)]
        # One that came is one that went, with more in it or nothing.
        if not whole or any(all(token in rest for token in one) for one, rest in rests):
            text.refuse(last[1] + 1, f"of {_SIDES[side]} is said to be removed and added again")

    # -- every token keeps its place ------------------------------------------------------------------

    def places(self) -> None:
        """Each token has the brackets and guards around it that its own side gave it, and the order of its
        side, unless the other side moved it."""
        for name, what in (("brackets", "scope"), ("guards", "guard")):
            if not all(text.sound[name] for text in (self.base, *self.sides)):
                continue  # what does not pair encloses nothing
            if not self.result.sound[name]:
                raise Rejected(f"the {name} of the result do not pair, as on no side")
            left = [self._elsewhere(name, self.result, s, self.result_of[s]) for s in (0, 1)]
            moved = [self._elsewhere(name, self.base, s, self.base_of[s]) for s in (0, 1)]
            for index, pair in enumerate(self.in_result):
                wrong = [s for s in (0, 1) if pair[s] in left[s]]
                if wrong and not (len(wrong) == 1 and pair[1 - wrong[0]] in moved[1 - wrong[0]]):
                    self.result.refuse(index, f"left the {what} that {_SIDES[wrong[0]]} gave it")
        for side in (0, 1):
            self._order(side)

    def _elsewhere(self, name: str, other: Text, side: int, to: Sequence[int]) -> set[int]:
        """The tokens of ``side`` around which something else is open in ``other``, where they are ``to``."""
        common = {own for own, at in enumerate(to) if at >= 0}
        hollow = self._hollow(name, 1 - side) if other is self.result else set[int]()
        count = {to[own] for own in common} | hollow
        here, there = _around(self.sides[side], name, common), _around(other, name, count)
        return {own for own in common if there[to[own]] != (to[here[own]] if here[own] >= 0 else -1)}

    def _hollow(self, name: str, side: int) -> set[int]:
        """What in the result ``side`` alone brought, or opened around nothing that the other has, or had."""
        outer, full = getattr(self.sides[side], name), set[int]()
        for own, at in reversed([*enumerate(self.result_of[side])]):
            if own in full or self.base_of[side][own] >= 0 or min(self.in_result[at]) >= 0:
                full.add(outer[own])
        return {at for own, at in enumerate(self.result_of[side]) if own not in full}

    def _order(self, side: int) -> None:
        """A step back in ``side``'s order is a move by the other side, whose order goes on there; and no
        statement that both began goes on behind another."""
        pairs, text = self.in_result, self.sides[side]
        order = [i for i, t in enumerate(self.result.tokens) if pairs[i][side] >= 0 and not _in_a_set(t)]
        shared = [i for i in order if min(pairs[i]) >= 0]
        own = {i: pairs[i][side] for i in shared}
        begun = {i for i in shared if self.base_of[side][own[i]] < 0 and not text.border(own[i])}
        for one, two in zip(order, order[1:], strict=False):
            ends = (i for i in range(one + 1, two) if self.result.tokens[i] == b";")
            if one in begun and any(self.result.brackets[i] == self.result.brackets[one] for i in ends):
                text.refuse(pairs[two][side], f"of {_SIDES[side]} is parted from what it stands behind")
            if pairs[one][side] < pairs[two][side]:
                continue
            left, right = bisect_right(shared, one) - 1, bisect_left(shared, two)
            if left >= 0 and right < len(shared):
                around = pairs[shared[left]], pairs[shared[right]]
                olds = [self.base_of[side][pair[side]] for pair in around]
                if around[0][1 - side] < around[1][1 - side] and (min(olds) < 0 or olds[0] > olds[1]):
                    continue
            text.refuse(pairs[two][side], f"of {_SIDES[side]} came to stand elsewhere")


def _around(text: Text, name: str, count: Set[int]) -> list[int]:
    """For each token the innermost opening one around it of those that count; -1 for none."""
    found: list[int] = []
    for opening in getattr(text, name):
        found.append(opening if opening < 0 or opening in count else found[opening])
    return found


def _in_a_set(token: bytes) -> bool:
    return token.startswith(b"#include") and token[-1:] in b'>"'


def _statements(text: Text, indices: Sequence[int]) -> set[tuple[bytes, ...]]:
    """The statements among neighbouring tokens, but for single tokens, which say nothing."""
    found, run = set[tuple[bytes, ...]](), list[bytes]()
    for index in indices:
        run.append(text.tokens[index])
        if text.border(index):
            found.add(tuple(run))
            run = []
    return {statement for statement in found if len(statement) > 1}


def check(base: bytes, ours: bytes, theirs: bytes, result: bytes, certificate: Mapping[str, Any]) -> None:
    """Raises ``Rejected`` unless ``certificate`` shows ``result`` to be the sum of both sides' edits of
    ``base``.

    ``certificate`` has the ``format``; the SHA-256 ``digests`` of the four texts; ``renames`` as [side,
    old, new]; ``result`` and ``base``: runs [count, index in ours, index in theirs] (0-based, -1: not
    there) that say which tokens of the sides the tokens of the result, and of the base, are.
    """
    if certificate.get("format") != FORMAT:
        raise Rejected("the certificate has another format")
    import hashlib  # loads slowly, and a merge that proves its result asks for no digest

    texts = [Text(text) for text in (base, ours, theirs, result)]
    digests = (hashlib.sha256(text.text).hexdigest() for text in texts)
    if certificate["digests"] != dict(zip(("base", "ours", "theirs", "result"), digests, strict=True)):
        raise Rejected("the certificate speaks of other texts")
    certified(texts[0], texts[1], texts[2], texts[3], certificate)


def certified(base: Text, ours: Text, theirs: Text, result: Text, certificate: Mapping[str, Any]) -> None:
    """``check`` for texts that are read already."""
    checker = _Checker(base, ours, theirs, result, certificate)
    for question in (checker.tokens, checker.alignment, checker.places):
        question()
