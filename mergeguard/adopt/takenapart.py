"""A function that a split by hand took apart: whose its lines are now, and what was done to them.

The rule says which functions these are. Their lines are looked for in the entry's function of the same name
and in the *pieces*: new declarations (a launcher, macros that moved out of the function) that hold many of
them. A line that no part has any more belongs to the part that has the lines around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from mergeguard.cpp.diff import Change, diff, matches
from mergeguard.cpp.leaves import Leaf, similarity
from mergeguard.cpp.likeness import SAME_ROW, WHOLE_BODY
from mergeguard.cpp.source import Kind
from mergeguard.values import dataclass, field

_LINKAGE = re.compile(rb"^(?:(?:static|inline|extern)\b\s*)+")
_CASE = re.compile(rb"\bcase\s*([^:]+?)\s*:(?!:)")
_WORD = re.compile(rb"[A-Za-z_]\w*")
_IF = re.compile(rb"^[ \t]*#[ \t]*if", re.MULTILINE)
_ENDIF = re.compile(rb"^[ \t]*#[ \t]*endif", re.MULTILINE)
_DEFINE = re.compile(rb"#define")
_CHOOSING = frozenset({b"switch", b"case", b"default", b"break", b"return", b"if", b"else", b"endif"})


@dataclass(frozen=True, slots=True)
class Row:
    """A line that is not blank: its bytes without white space, linkage words and continuation; its range."""

    key: bytes
    words: tuple[bytes, ...]
    start: int
    end: int
    continued: bool = False


def rows_of(text: bytes) -> list[Row]:
    """The lines of a text that are not blank."""
    rows: list[Row] = []
    at = 0
    for line in text.splitlines(keepends=True):
        key, words, goes_on = _row_of(line)
        if key:
            rows.append(Row(key, words, at, at + len(line), goes_on))
        at += len(line)
    return rows


@lru_cache(maxsize=1 << 14)  # both sides have most lines
def _row_of(line: bytes) -> tuple[bytes, tuple[bytes, ...], bool]:
    """A line's key and words, and whether the next one goes on with it."""
    plain = line.rstrip()
    code = _LINKAGE.sub(b"", plain.removesuffix(b"\\"))
    return b"".join(code.split()), tuple(_WORD.findall(code)), plain.endswith(b"\\")


def keys_of(rows: Iterable[Row]) -> list[bytes]:
    """What rows are compared by."""
    return [row.key for row in rows]


def raw(text: bytes, rows: Sequence[Row]) -> bytes:
    """The text from the first to the last of some rows."""
    return text[rows[0].start : rows[-1].end] if rows else b""


def joined(rows: Iterable[Row]) -> bytes:
    """Rows as one key: equal for text that is only wrapped differently."""
    return b"".join(row.key for row in rows)


def stands_for(old: Sequence[Row], new: Sequence[Row]) -> bool:
    """Whether new rows are old ones with a change in each, so that nothing is taken away."""
    return len(old) <= len(new) and all(
        similarity(a.words, b.words) >= SAME_ROW for a, b in zip(old, new, strict=False)
    )


def cuts_a_macro(text: bytes, rows: Sequence[Row], edits: Sequence[ApartEdit]) -> list[ApartEdit]:
    """The edits that take the first line of a macro and leave others, or the last and leave one before."""
    cut: list[ApartEdit] = []
    for edit in edits:
        old = rows[edit.start : edit.end]
        if not old:
            continue
        new = rows_of(edit.text)
        defines = sum(_DEFINE.match(row.key) is not None for row in old)
        leaves_rest = old[-1].continued and not (new and new[-1].key)
        loses_head = defines > sum(_DEFINE.match(row.key) is not None for row in new) and old[-1].continued
        before = edit.start > 0 and rows[edit.start - 1].continued
        loses_end = before and not old[-1].continued and not new
        if loses_head or loses_end or (leaves_rest and defines):
            cut.append(edit)
    return cut


def continued(text: bytes, rows: Sequence[Row], edit: ApartEdit) -> bytes:
    """The new lines of an edit, with a backslash at their ends where, and only where, the macro goes on."""
    lines = edit.text.splitlines()
    if not lines:
        return b""
    before = edit.start > 0 and rows[edit.start - 1].continued
    last = rows[edit.end - 1].continued if edit.end > edit.start else before
    first = _DEFINE.match(b"".join(lines[0].split())) is not None
    if not (before or last or first):
        return edit.text if edit.text.endswith(b"\n") else edit.text + b"\n"
    inside = before or (first and last)
    out = []
    for number, line in enumerate(lines):
        goes_on = line.rstrip().endswith(b"\\")
        wanted = last if number == len(lines) - 1 else (inside or goes_on)
        if wanted and not goes_on:
            line = line.rstrip() + b" \\"
        elif goes_on and not wanted:
            line = line.rstrip().removesuffix(b"\\").rstrip()
        out.append(line + b"\n")
    return b"".join(out)


def words_of(text: bytes) -> frozenset[bytes]:
    """The identifiers and keywords of a text."""
    return frozenset(_WORD.findall(text))


@dataclass(frozen=True, slots=True)
class ApartEdit:
    """A change of one monolith declaration: rows ``start:end`` become ``text``."""

    start: int
    end: int
    text: bytes
    part: ApartSide | None = None  # that has the text


@dataclass
class ApartSide:
    """One declaration of a hand-made file."""

    leaf: Leaf
    line: int
    rows: list[Row] = field(default_factory=list)
    base: int | None = None


# Monolith rows and what they become, or why that is not certain.
_Verdict = list[tuple[range, list[Row]]] | str


class TakenApart:
    """The lines of one partitioned function, in the entry's function (``twin``) and the ``pieces``."""

    def __init__(
        self,
        leaf: Leaf,
        arms: set[int],
        labels: set[bytes],
        split_names: frozenset[bytes],
        twin: ApartSide,
        pieces: list[ApartSide],
    ) -> None:
        """``leaf`` is the function, ``arms`` are its rows (0-based) of the branching with ``labels``;
        ``split_names`` are the names that only the split needs, ``twin`` is the entry's function.
        """
        self.base = rows_of(leaf.text)
        self.parameters = _template_parameters(leaf.text)
        self.arms = arms
        self.split_names = split_names
        self.parts = [twin, *pieces]
        # A piece's own signature is the split's, though some of its lines may be upstream's.
        self.rows = [twin.rows, *(_body(piece) for piece in pieces)]
        keys = keys_of(self.base)
        # Lines that only the split needs: calls of what it made, repeated prologues.
        self.own: list[tuple[ApartSide, list[Row]]] = []
        self.labels = labels | {label for key in keys for label in _CASE.findall(key)}
        self.found = [
            {m.a + k: m.b + k for m in matches(keys, keys_of(rows)) for k in range(m.size)}
            for rows in self.rows
        ]
        self.forwards = self._only_forwards()
        self.statements = _statements(self.base)
        self.present = {joined(s) for rows in self.rows for s in _statements(rows)}
        self.spans = [(min(f), max(f)) if f else (0, -1) for f in self.found]
        self.owner = [self._owner(n) for n in range(len(self.base))]

    def edits(self) -> tuple[list[ApartEdit], list[tuple[ApartSide, list[Row], str]]]:
        """The edits of the function, and rows that are not certainly edits or glue, each with why."""
        edits: dict[tuple[int, int], tuple[bytes, ApartSide]] = {}
        problems: list[tuple[ApartSide, list[Row], str]] = []
        for number, part in enumerate(self.parts):
            if number == 0 and self.forwards:
                if _signature(self.base) != _signature(part.rows):
                    problems.append((part, part.rows, "its signature is not upstream's"))
                self.own.append((part, part.rows))
                continue
            for change in diff(keys_of(self.base), keys_of(self.rows[number])):
                rows = self.rows[number][change.b0 : change.b1]
                if self._only_wrapped(number, change):
                    continue
                verdict = self._verdict(number, change.a0, change.a1, rows)
                if isinstance(verdict, str):
                    problems.append((part, rows, verdict))
                elif not verdict:
                    if rows and joined(rows) != joined(self.base[change.a0 : change.a1]):
                        self.own.append((part, rows))
                else:
                    becoming = {row.start for _, becomes in verdict for row in becomes}
                    if rest := [row for row in rows if row.start not in becoming]:
                        self.own.append((part, rest))
                    for where, becomes in verdict:
                        text = raw(part.leaf.text, becomes)
                        if edits.setdefault((where.start, where.stop), (text, part))[0] != text:
                            problems.append((part, rows, "two copies were edited differently"))
        return [ApartEdit(a, b, text, part) for (a, b), (text, part) in edits.items()], problems

    def _only_wrapped(self, number: int, change: Change) -> bool:
        """Whether a difference is one of lines alone: all statements are upstream's, and none is gone."""
        new = _covering(_statements(self.rows[number]), self.rows[number][change.b0 : change.b1])
        old = _covering(self.statements, self.base[change.a0 : change.a1])
        known, present = {joined(s) for s in self.statements}, self.present
        return (
            bool(new)
            and all(joined(statement) in known for statement in new)
            and all(joined(statement) in present for statement in old)
        )

    def _only_forwards(self) -> bool:
        """Whether the entry's function does nothing but call a piece, which has all of upstream's body."""
        head = next((n for n, row in enumerate(self.base) if row.key.endswith(b"{")), -1)
        body = {n for n in range(head + 1, len(self.base)) if n not in self.arms}
        whole = any(len(body & found.keys()) >= WHOLE_BODY * len(body) for found in self.found[1:])
        elsewhere = {n for found in self.found[1:] for n in found}
        return whole and not (body & self.found[0].keys()) - elsewhere

    def _owner(self, row: int) -> int:
        """The part that speaks for a row: one that has it, else the one that has the rows around it."""
        holders = [n for n, found in enumerate(self.found) if row in found and (n or not self.forwards)]
        if holders:
            return -1  # whoever has it not, does not need it
        gaps = []
        for number, found in enumerate(self.found):
            if number == 0 and self.forwards:
                continue
            before = max((n for n in found if n < row), default=-1 if number == 0 else -len(self.base))
            after = min((n for n in found if n > row), default=len(self.base) * (1 if number == 0 else 2))
            gaps.append((after - before, number))
        return min(gaps)[1]

    def _verdict(self, number: int, start: int, end: int, new: list[Row]) -> _Verdict:
        """What one difference between the monolith's function and a part of it means.

        Gives the monolith's rows that become other rows (none: all of it is glue), or the reason why
        that is not certain.
        """
        added = {label for row in new for label in _CASE.findall(row.key)} - self.labels
        if added:
            return f"a new arm: case {added.pop().decode('utf-8', 'replace')}"
        if self._without_own(number, new) == joined(self.base[start:end]):
            return []
        low, high = self.spans[number]
        if number > 0 and (end <= low or start > high):
            own = self._is_glue(number, new)
            return [] if own else "it is new in a function that the split made"
        if all(n in self.arms for n in (range(start, end) if end > start else (start - 1, start))):
            if self._is_glue(number, new):
                return []
            mine = end > start and all(self.owner[n] == number for n in range(start, end))
            return self._within(number, range(start, end), new) if mine else "it stands among the arms"
        runs = self._runs(number, start, end)
        if not new:
            return [(run, []) for run in runs]  # in no part: the fork took them out
        if not runs:
            if self._is_glue(number, new):
                return []
            return [(range(start, start), new)] if start == end else "it replaces lines that the split moved"
        if len(runs) > 1:
            return "it replaces lines of several places"
        (run,) = runs
        if run == range(start, end) and not self._names_split(number, new):
            return [(run, new)]
        return self._within(number, run, new)

    def _runs(self, number: int, start: int, end: int) -> list[range]:
        """The stretches of rows that this part speaks for."""
        runs: list[range] = []
        for n in range(start, end):
            if self.owner[n] != number or n in self.arms:
                continue
            if runs and runs[-1].stop == n:
                runs[-1] = range(runs[-1].start, n + 1)
            else:
                runs.append(range(n, n + 1))
        return runs

    def _within(self, number: int, run: range, new: list[Row]) -> _Verdict:
        """Where among new rows those are that a run became, if the others are glue."""
        size = len(run)
        scored = [
            (
                min(similarity(self.base[n].words, new[at + k].words) for k, n in enumerate(run)),
                -at,
            )
            for at in range(len(new) - size + 1)
        ]
        score, at = max(scored, default=(0.0, 0))
        rest = new[:-at] + new[-at + size :]
        if score < SAME_ROW or (rest and not self._is_glue(number, rest)):
            return "it replaces lines of upstream's and of the split's together"
        return [(run, new[-at : -at + size])]

    def _without_own(self, number: int, rows: list[Row]) -> bytes:
        """Rows as one key, without those that name what the split made; of those, brackets stay."""
        kept = []
        for row in rows:
            code = row.key.partition(b"//")[0]
            if not self._names_split(number, [row]):
                kept.append(row.key)
            elif not _WORD.search(code):
                kept.append(code)
        return b"".join(kept)

    def _names_split(self, number: int, rows: list[Row]) -> bool:
        names = self.split_names | (_template_parameters(self.parts[number].leaf.text) - self.parameters)
        return any(names & set(row.words) for row in rows)

    def _is_glue(self, number: int, rows: list[Row]) -> bool:
        """Whether every statement is the split's own.

        It names what the split made, only opens and closes braces, chooses an arm, or repeats a line of
        upstream's that another part has.
        """
        known = set(keys_of(self.base))
        statements = {joined(statement) for statement in _statements(self.base)}
        return all(
            self._names_split(number, statement)
            or joined(statement) in statements
            or all(row.key in known or set(row.words) <= _CHOOSING for row in statement)
            or all(_CASE.match(row.key) for row in statement)
            for statement in _statements(rows)
        )


def _statements(rows: list[Row]) -> list[list[Row]]:
    """Rows grouped into statements: one ends where brackets are closed, with a line that can be an end."""
    found: list[list[Row]] = []
    depth = 0
    going_on = False
    for row in rows:
        directive = row.key.startswith(b"#")
        if not going_on or directive:
            found.append([])
        found[-1].append(row)
        depth += row.key.count(b"(") - row.key.count(b")")
        going_on = depth > 0 or not row.key.endswith((b";", b"{", b"}", b":", b")"))
        if not going_on or directive:
            depth, going_on = 0, False
    return found


def _covering(statements: list[list[Row]], rows: list[Row]) -> list[list[Row]]:
    """The statements that some rows are part of."""
    starts = {row.start for row in rows}
    return [statement for statement in statements if any(row.start in starts for row in statement)]


def is_comment_row(row: Row) -> bool:
    """Whether a line is nothing but a comment, or part of one."""
    return row.key.startswith((b"//", b"/*", b"*"))


def head_of(side: ApartSide) -> bytes:
    """The text of a declaration up to the line that opens its body."""
    for number, row in enumerate(side.rows):
        if row.key.endswith(b"{"):
            return raw(side.leaf.text, side.rows[: number + 1])
    return side.leaf.text


def _signature(rows: list[Row]) -> bytes:
    """The rows up to the one that opens a function's body, comments apart."""
    for number, row in enumerate(rows):
        if row.key.endswith(b"{"):
            code = (row.key.partition(b"//")[0] for row in rows[: number + 1])
            return b"".join(key for key in code if not key.startswith((b"/*", b"*")))
    return b""


def unclosed(text: bytes) -> tuple[int, int, int]:
    """How many conditions, braces and parentheses a text opens more than it closes."""
    return (
        len(_IF.findall(text)) - len(_ENDIF.findall(text)),
        text.count(b"{") - text.count(b"}"),
        text.count(b"(") - text.count(b")"),
    )


def _body(side: ApartSide) -> list[Row]:
    """The rows after a function's opening brace; all of anything else."""
    if side.leaf.kind in (Kind.FUNCTION, Kind.KERNEL):
        for number, row in enumerate(side.rows):
            if row.key.endswith(b"{"):
                return side.rows[number + 1 :]
    return side.rows


def _template_parameters(text: bytes) -> frozenset[bytes]:
    """The names in the template header of a piece; the switch's value is among them."""
    found = re.search(rb"\btemplate\s*<([^<>]*)>", text.partition(b"{")[0])
    if found is None:
        return frozenset()
    return frozenset(words[-1] for one in found[1].split(b",") if (words := _WORD.findall(one)))
