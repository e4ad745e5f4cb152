"""Where the text of an unmapped hunk could go: places by similarity, each one tried through the lens.

A place counts only if the layout with the text there gives a monolith that has it, and nothing else of
the fork's is moved or lost by it. So a candidate is a suggestion about meaning, never about safety.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mergeguard.cpp.diff import diff
from mergeguard.cpp.lexer import TokenKind
from mergeguard.cpp.likeness import CALLED_BY_NAME
from mergeguard.cpp.source import Item, Kind, Source, nested, opened_items, parse
from mergeguard.cpp.text import line_of
from mergeguard.errors import MergeguardError
from mergeguard.fork.patches import git_lines
from mergeguard.fork.report import CandidatePlace, hunk_ids, line_across
from mergeguard.fork.treelens import merge_text
from mergeguard.lens.hunks import Hunk, Unsplit
from mergeguard.lens.layout import Layout, Splitter
from mergeguard.lens.order import Hint
from mergeguard.lens.overlay import recompose
from mergeguard.lens.unsplit import unsplit
from mergeguard.values import dataclass

_WORD = re.compile(rb"\w+")
_NAMELESS = frozenset({Kind.COMMENT, Kind.CONDITIONAL, Kind.OPAQUE, Kind.PRAGMA})

Files = Mapping[str, bytes | None]


@dataclass(frozen=True)
class Desk:
    """One rule's layout under review: pristine, as it is now, what unsplit made of it, and the split."""

    pristine: Layout
    files: Files
    before: Unsplit
    split: Splitter
    order: tuple[Hint, ...] = ()
    basis: Layout | None = None

    @property
    def over(self) -> Layout:
        """What the layout is read over, and what hunks have their old lines and anchors of."""
        return self.basis or self.pristine

    def unsplit(self, files: Files) -> Unsplit:
        """What the layout with these files means."""
        return unsplit(self.pristine, {**self.files, **files}, self.split, self.order, self.basis)


def added_text(hunk: Hunk) -> bytes:
    """The lines that the hunk has and the pristine layout has not."""
    old, new = git_lines(hunk.old), git_lines(hunk.new)
    return b"".join(line for c in diff(old, new) for line in new[c.b0 : c.b1])


# -- taking out and putting in ---------------------------------------------------------------------------


def without(desk: Desk, name: str) -> dict[str, bytes | None] | None:
    """The changed files of the layout without the hunk ``name``; None if it can't be taken out alone.

    Alone: what else is mapped, overlay or a hunk is so afterwards; hunks may have become mapped.
    """
    hunk = hunk_ids(desk.before.unmapped)[name]
    for text in _takings(desk, hunk):
        files: dict[str, bytes | None] = {hunk.path: text}
        after = desk.unsplit(files)
        same_overlay = texts(after.overlay) == texts(desk.before.overlay)
        if same_overlay and not _fresh(desk, hunk, after) and _keeps(desk.before, after):
            return files
    return None


def _keeps(before: Unsplit, after: Unsplit) -> bool:
    """Whether all that was mapped still is; a hunk that had another one in its way may be mapped, too."""
    if after.monolith == before.monolith:
        return True
    edits = {(e.start, e.end, e.text) for e in after.edits}
    return len(after.unmapped) < len(before.unmapped) - 1 and all(
        (e.start, e.end, e.text) in edits for e in before.edits
    )


def texts(hunks: Iterable[Hunk]) -> Counter[tuple[str, bytes, bytes]]:
    """What the hunks are beside their lines: the ids of equal ones change when one of them goes."""
    return Counter((h.path, h.old, h.new) for h in hunks)


def _fresh(desk: Desk, hunk: Hunk, after: Unsplit) -> list[Hunk]:
    """The unmapped hunks that were not there before, or only as ``hunk``, which is to be gone."""
    rest = texts(desk.before.unmapped) - texts([hunk])
    fresh = texts(after.unmapped) - rest
    return [h for h in after.unmapped if (h.path, h.old, h.new) in fresh]


def _takings(desk: Desk, hunk: Hunk) -> Iterator[bytes]:
    now = desk.files.get(hunk.path)
    if hunk.reason.without_file or now is None:
        yield hunk.old
        return
    mine = git_lines(now)
    start, stop = hunk.line - 1, hunk.line - 1 + len(git_lines(hunk.new))
    # What the layout has there with the mapped edits alone ...
    kept = git_lines(desk.before.kept.get(hunk.path, b""))
    low, high = _range_across(mine, kept, start, stop)
    yield b"".join([*mine[:start], *kept[low:high], *mine[stop:]])
    # ... or what the pristine layout has: better where an edit of glue is right beside it.
    yield b"".join([*mine[:start], hunk.old, *mine[stop:]])


def _range_across(a: Sequence[bytes], b: Sequence[bytes], start: int, stop: int) -> tuple[int, int]:
    """The lines of ``b`` that lines ``start:stop`` of ``a`` stand for."""
    changes = diff(a, b)
    low = start + sum((c.b1 - c.b0) - (c.a1 - c.a0) for c in changes if c.a1 <= start and c.a0 < start)
    inside = [c for c in changes if c.a1 >= start and c.a0 <= stop and not (c.a1 <= start and c.a0 < start)]
    high = low + stop - start + sum((c.b1 - c.b0) - (c.a1 - c.a0) for c in inside)
    return low, max(low, high)


@dataclass(frozen=True, slots=True)
class MovedText:
    """The files after a hunk's text went elsewhere, and what they mean then."""

    files: Mapping[str, bytes | None]
    result: Unsplit


def put(desk: Desk, name: str, out: Files, path: str, line: int) -> MovedText | str:
    """The hunk's added text before the 1-based ``line`` (as it is now) of a layout file; or why not.

    ``out`` is what ``without`` gave. What comes out is proved: the text is in the monolith, the hunk is
    gone, and everything else of the fork's is as it was.
    """
    hunk = hunk_ids(desk.before.unmapped)[name]
    text = added_text(hunk)
    if not text.strip():
        return "the hunk only takes something away: there is no text to place"
    now = desk.files.get(path)
    if now is None:
        return f"{path} is not a file of this layout"
    target = out.get(path, now)
    assert target is not None
    lines = git_lines(now)
    if not 1 <= line <= len(lines) + 1:
        return f"{path} has {len(lines)} lines"
    there = git_lines(target)
    at = line - 1
    if path == hunk.path:
        start, size = hunk.line - 1, len(git_lines(hunk.new))
        if start < at < start + size:
            return "that place is in the hunk itself"
        if at >= start + size:
            at += len(there) - len(lines)
    if at and not there[at - 1].endswith(b"\n"):
        there[at - 1] += b"\n"
    if not text.endswith(b"\n"):
        text += b"\n"
    files = {**out, path: b"".join([*there[:at], text, *there[at:]])}
    try:
        result = desk.unsplit(files)
    except MergeguardError as error:
        return str(error)
    return _verdict(desk, hunk, result) or MovedText(files, result)


def refreshed(desk: Desk, moved: MovedText) -> MovedText:
    """The same as the next split would have it: the text in the file that the rule gives it to, with the glue
    that it needs there. As it was put, where the layout was out of date before, or more would change."""
    if _derived(desk, desk.before, {}) != {}:
        return moved
    changed = _derived(desk, moved.result, moved.files)
    if changed is None:
        return moved
    files = {**moved.files, **changed}
    result = desk.unsplit(files)
    if result.monolith != moved.result.monolith or texts(result.hunks) != texts(moved.result.hunks):
        return moved
    return MovedText({path: text for path, text in files.items() if text != desk.files.get(path)}, result)


def _derived(desk: Desk, meant: Unsplit, files: Files) -> dict[str, bytes] | None:
    """The files that a split of what ``files`` mean would change; None where it would be no plain change."""
    now = {**desk.files, **files}
    made = recompose(meant, now, meant.layout, merge_text)
    if made.conflicts or made.removed:
        return None
    return {path: text for path, text in made.files.items() if text != now.get(path)}


def _verdict(desk: Desk, hunk: Hunk, after: Unsplit) -> str:
    fresh = _fresh(desk, hunk, after)
    if fresh:
        reason = fresh[0].reason.value + (f": {fresh[0].detail}" if fresh[0].detail else "")
        return f"it would not be mapped there either ({reason})"
    if texts(after.overlay) != texts(desk.before.overlay):
        return "it would become part of an edit of glue there"
    if after.monolith == desk.before.monolith:
        return "the monolith would not have it"
    return misplaced(desk.before.monolith, after.monolith, added_text(hunk))


def misplaced(before: bytes, after: bytes, text: bytes) -> str:
    """Why ``text``, which makes ``before`` to ``after``, stands where no such text can; "" where it can.

    The lens only proves that it is mapped: a kernel inside of a parameter list is. Here no declaration may
    come apart, what the text defines must be a declaration of its own, and statements begin where one may.
    """
    old, new, own = parse(before), parse(after), parse(text)
    if len(new.problems) > len(old.problems):
        return f"{new.problems[-1][1]} there"
    gone = _named(old) - _named(new)
    if gone:
        return f"it would take {next(iter(gone))[1]} apart there"
    defined = Counter({key: n for key, n in _named(own).items() if key[0] in _DEFINED})
    missing = defined - (_named(new) - _named(old))
    if missing:
        return f"{next(iter(missing))[1]} would be no declaration of its own there"
    if not defined and any(item.kind is Kind.OPAQUE for item in own.items):
        return _cut_into(old, _first_difference(before, after))
    return ""


_DEFINED = frozenset({Kind.FUNCTION, Kind.KERNEL})


def _named(source: Source) -> Counter[tuple[Kind, str]]:
    found: Counter[tuple[Kind, str]] = Counter()
    pending = list(source.items)
    while pending:
        item = pending.pop()
        if item.kind is Kind.NAMESPACE:
            pending += nested(source, item)
        elif item.kind not in _NAMELESS and item.name:
            found[item.kind, item.name] += 1
    return found


def _first_difference(one: bytes, other: bytes) -> int:
    """The beginning of the line in which two texts begin to differ."""
    same = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    return one.rfind(b"\n", 0, same) + 1


def _cut_into(source: Source, offset: int) -> str:
    """Why no statement begins at a byte of a function's body; "" where one does, or where no body is."""
    item = next((i for i in source.items if i.body is not None and i.body[0] < offset < i.body[1]), None)
    if item is None or item.body is None or item.kind not in (Kind.FUNCTION, Kind.KERNEL):
        return ""
    depth, last, ended = 0, "{", 0
    lexed = source.lexed
    for number in range(*map(lexed.index_at, (item.body[0], offset))):
        if lexed.kinds[number] == TokenKind.COMMENT:
            continue
        word = lexed.word(number)
        depth += (word in ("(", "[")) - (word in (")", "]"))
        last, ended = word, lexed.end(number)
    between = source.text[source.text.rfind(b"\n", 0, ended) + 1 : ended].lstrip()
    if between.startswith(b"#") or last in (";", "{", "}", ":"):
        return "" if depth <= 0 or last in ("{", "}") or between.startswith(b"#") else _MIDDLE
    return _MIDDLE


_MIDDLE = "that is in the middle of a statement"


# -- candidates ------------------------------------------------------------------------------------------


def candidates(desk: Desk, name: str, *, limit: int = 3, tries: int = 8) -> tuple[CandidatePlace, ...]:
    """The best places for a hunk's text, best first; one an item; at most ``tries`` of them are looked at."""
    hunk = hunk_ids(desk.before.unmapped)[name]
    if not added_text(hunk).strip():
        return ()
    out = without(desk, name)
    if out is None:
        return ()
    found: list[CandidatePlace] = []
    for place in _guesses(desk, hunk)[:tries]:
        if len(found) == limit:
            break
        if any(place.item == other.item for other in found):
            continue
        if isinstance(put(desk, name, out, place.path, place.line), MovedText):
            found.append(place)
    return tuple(found)


def alike(desk: Desk, name: str) -> tuple[str, int | None]:
    """The item of upstream's monolith that is most like a hunk, and its 1-based line."""
    hunk = hunk_ids(desk.before.unmapped)[name]
    monolith = desk.over.monolith
    scored = _scored(monolith, added_text(hunk) or hunk.old)
    if not scored or not scored[0][0]:
        return "", None
    return scored[0][2].name, line_of(monolith, scored[0][2].code_start)


def _scored(monolith: bytes, text: bytes) -> list[tuple[float, int, Item]]:
    """The named items of a monolith with their similarity and its line (``_Profile.best``), best first."""
    items = [i for i in opened_items(parse(monolith)) if i.kind not in _NAMELESS and i.name]
    profile = _Profile(text, [monolith[i.start : i.end] for i in items])
    scored: list[tuple[float, int, Item]] = []
    for number, item in enumerate(items):
        score, line = profile.best(number)
        if item.name.rpartition("::")[2].encode("utf-8", "surrogateescape") in profile.words:
            # What the text calls by its name is likelier than what calls the same.
            score += (1 - score) * CALLED_BY_NAME
        scored.append((score, line, item))
    return sorted(scored, key=lambda s: (-s[0], s[2].start))


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place named by a declaration: ``side`` ("before", "after", "in") of the item ``name``.

    ``when`` is a part of the condition that tells items of one name apart; ``below`` the line, without its
    indentation, under which the place is in the item.
    """

    side: str
    name: str
    when: str = ""
    below: str = ""


def anchored(desk: Desk, anchor: Anchor) -> list[CandidatePlace]:
    """The places in the layout as it is now that an anchor names: none, one, or several."""
    text = desk.before.layout.monolith
    found: list[CandidatePlace] = []
    for item in opened_items(parse(text)):
        if item.kind in _NAMELESS or anchor.name not in (item.name, item.name.rpartition("::")[2]):
            continue
        if anchor.when and anchor.when not in _condition(item):
            continue
        if anchor.side != "in":
            offset = item.start if anchor.side == "before" else item.end - 1
            found += _place(desk, item, anchor.side, 1.0, offset)
            continue
        lines = git_lines(text[item.start : item.end])
        wanted = anchor.below.encode("utf-8", "surrogateescape").strip()
        for number, line in enumerate(lines, 1):
            if line.strip() == wanted:
                found += _place(desk, item, "in", 1.0, item.start, number)
    return found


def _condition(item: Item) -> str:
    """What an item is compiled under, as one line; "" where it always is."""
    return " and ".join(item.key.condition)


def _anchor(items: Sequence[Item], item: Item, side: str, text: bytes, line: int) -> tuple[str, ...]:
    """Options of ``unmapped apply`` that name a place by its declaration; () where that is not certain."""
    when: tuple[str, ...] = ()
    twins = [i for i in items if i.name == item.name and i.kind not in _NAMELESS]
    if len(twins) > 1:
        condition = _condition(item)
        if not condition or sum(condition in _condition(twin) for twin in twins) > 1:
            return ()
        when = ("--when", condition)
    if side != "in":
        return (f"--{side}", item.name, *when)
    lines = [one.strip() for one in git_lines(text)]
    if not 0 < line <= len(lines) or lines.count(lines[line - 1]) > 1:
        return ()
    return ("--in", item.name, *when, "--below", lines[line - 1].decode("utf-8", "surrogateescape"))


def _guesses(desk: Desk, hunk: Hunk) -> list[CandidatePlace]:
    layout = desk.before.layout
    text = added_text(hunk)
    scored = _scored(layout.monolith, text)
    names = {
        i.name.rpartition("::")[2].encode("utf-8", "surrogateescape")
        for i in opened_items(parse(text))
        if i.kind not in _NAMELESS
    }
    inner = _is_inner(desk, hunk, text)
    places: list[CandidatePlace] = []
    for score, line, item in scored[:8]:
        if inner:
            places += _place(desk, item, "in", score, item.start, line)
            continue
        own = layout.monolith[item.start : item.end]
        uses = bool(names & set(_WORD.findall(own)))
        for side in ("before", "after") if uses else ("after", "before"):
            places += _place(desk, item, side, score, item.start if side == "before" else item.end - 1)
    found = list({(p.path, p.line): p for p in reversed(places)}.values())[::-1]
    # What is compiled under a condition is no place for text that is not, however alike it is.
    return sorted(found, key=lambda place: bool(place.condition))


def _place(
    desk: Desk, item: Item, side: str, score: float, offset: int, lines: int = 0
) -> list[CandidatePlace]:
    """The place in layout files as they are now; none if the file is gone."""
    layout = desk.before.layout
    if lines:
        offset += len(b"".join(git_lines(layout.monolith[item.start : item.end])[:lines]))
    file, at = layout.to_layout(min(offset, len(layout.monolith) - 1))
    now = desk.files.get(file.path, file.text)
    if now is None:
        return []
    line = line_of(file.text, at)
    if side == "before":
        # Blank lines between two items stay with the one before.
        own = layout.monolith[item.start : item.end]
        line += len(own[: len(own) - len(own.lstrip())].splitlines())
    elif side == "after":
        line += 1
    # The line before the place is surer to be there still than the one behind it.
    before = line_across(file.text, now, line - 2) + 1 if line > 1 else 0
    text = layout.monolith[item.start : item.end]
    anchor = _anchor(opened_items(parse(layout.monolith)), item, side, text, lines)
    return [CandidatePlace(file.path, before + 1, item.name, side, round(score, 2), _condition(item), anchor)]


def _is_inner(desk: Desk, hunk: Hunk, text: bytes) -> bool:
    """Whether the hunk's text is statements rather than declarations."""
    now = desk.files.get(hunk.path)
    if now is None:
        return False
    start = sum(map(len, git_lines(now)[: hunk.line - 1]))
    source = parse(now)
    inside = any(_holds(source, item, start) for item in source.items)
    return inside or any(i.kind is Kind.OPAQUE for i in parse(text).items)


def _holds(source: Source, item: Item, offset: int) -> bool:
    """Whether a byte is in the body of a function or macro, at any depth of namespaces."""
    if item.kind is Kind.NAMESPACE:
        return any(_holds(source, inner, offset) for inner in nested(source, item))
    if item.kind is Kind.MACRO:
        return item.code_start < offset < item.code_end
    return (
        item.kind in (Kind.FUNCTION, Kind.KERNEL)
        and item.body is not None
        and item.body[0] < offset < item.body[1]
    )


class _Profile:
    """Similarity of a text with stretches of items: Dice's coefficient over words, rare ones weigh more."""

    def __init__(self, text: bytes, items: Sequence[bytes]) -> None:
        self.words = Counter(_WORD.findall(text))
        self.size = max(3, len(text.splitlines()))
        self.lines = [[Counter(_WORD.findall(line)) for line in item.splitlines()] for item in items]
        spread: Counter[bytes] = Counter()
        for lines in self.lines:
            spread.update({word for line in lines for word in line})
        self.weight = {word: math.log(1 + len(items) / n) for word, n in spread.items()}
        self.rare = math.log(1 + len(items))

    def best(self, index: int) -> tuple[float, int]:
        """The similarity of the item's most similar stretch, and the line (from its start) behind that."""
        lines = self.lines[index]
        step = max(1, self.size // 2)
        best = (0.0, 0)
        for start in range(0, max(1, len(lines) - self.size + step), step):
            window: Counter[bytes] = Counter()
            for line in lines[start : start + self.size]:
                window.update(line)
            score = self._dice(window)
            if score > best[0]:
                best = (score, min(len(lines), start + self.size))
        return best

    def _dice(self, window: Counter[bytes]) -> float:
        both = self._sum(self.words & window)
        total = self._sum(self.words) + self._sum(window)
        return 2 * both / total if total else 0.0

    def _sum(self, words: Counter[bytes]) -> float:
        return sum(n * self.weight.get(word, self.rare) for word, n in words.items())
