"""Adopting a split made by hand: upstream's monolith with the edits that the hand-made files hold.

The files are read and matched with upstream's (``reading``); what became of its declarations is decided
(``pairing``), and what else the split has (``unmatched``): a local edit, glue of the split, or something that
can't be placed. So the new monolith is made (``draft``), and every line is accounted for (``account``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from mergeguard.adopt.account import unaccounted
from mergeguard.adopt.draft import Draft
from mergeguard.adopt.expand import expand, text_macros
from mergeguard.adopt.model import AdoptedAs, Adoption, Keep, Taken
from mergeguard.adopt.pairing import Pairing
from mergeguard.adopt.reading import Reading, plain
from mergeguard.adopt.shape import DEFINING, Shape
from mergeguard.adopt.unmatched import Unmatched
from mergeguard.cpp.leaves import leaves_of
from mergeguard.lens.rule import Rule
from mergeguard.values import replace


def adopt(
    rule: Rule, path: str, monolith: bytes, files: Mapping[str, bytes], keep: Keep | None = None
) -> Adoption:
    """Upstream's ``monolith`` at ``path`` with the local edits of the hand-made ``files`` (by path).

    ``files`` has the entry at ``path``. ``keep`` answers whose text a function keeps that the split took
    apart and the fork changed at the same time; without it that text can't be placed. Raises RuleMismatch
    where the rule does not fit the monolith.
    """
    found = _taken_over(Reading(rule, path, monolith, files, as_written=False), keep)
    if keep is not Keep.FORK or not found.decide:
        return found
    reading = Reading(rule, path, monolith, files, as_written=True)
    whole = _taken_over(reading, keep, frozenset(found.decide))
    return replace(whole, decide=found.decide)


def _taken_over(reading: Reading, keep: Keep | None, whole: frozenset[str] = frozenset()) -> Adoption:
    """The adoption of a split that was read; functions in ``whole`` are taken as the fork has them."""
    draft = Draft(reading)
    shape = Shape(
        reading.base,
        reading.base_rows,
        reading.sides,
        reading.apart,
        reading.macros,
        reading.only_instantiates,
    )
    pairing = Pairing(reading, draft, shape, whole)
    pairing.run()
    done = {id(side) for several in shape.pieces.values() for side in several} | pairing.brought
    unmatched = Unmatched(reading, draft, shape)
    for number, side in enumerate(reading.sides):
        if side.base is None and id(side) not in done:
            unmatched.take(number, side)
    monolith = draft.text()
    taken = [_fate(one, keep) for one in (*draft.taken, *_rest(reading, draft, monolith))]
    order = {home: n for n, home in enumerate(reading.files)}
    taken.sort(key=lambda t: (order.get(t.path, -1), t.line))
    return Adoption(monolith, tuple(taken), tuple(sorted(draft.decide)))


def _fate(taken: Taken, keep: Keep | None) -> Taken:
    """What can't be placed is to be typed again where upstream's text is kept, if it is there to read."""
    if keep is Keep.UPSTREAM and taken.fate is AdoptedAs.UNPLACED and taken.text.strip():
        return replace(taken, fate=AdoptedAs.RETYPE)
    return taken


def _rest(reading: Reading, draft: Draft, monolith: bytes) -> Iterable[Taken]:
    """What is neither in the new monolith nor reported yet."""
    report = [*((t.path, t.text) for t in draft.taken), *draft.told]
    texts = {home: expand(text, reading.macros).text for home, text in reading.files.items()}
    for path, line, text, comment in unaccounted(texts, monolith, report):
        fate = AdoptedAs.GLUE if comment else AdoptedAs.UNPLACED
        reason = "a comment of the split's" if comment else "it is in no place of the new file"
        yield Taken(path, reading.lines[path][line - 1], "", fate, reason, text=text)


def compare(
    before: Mapping[str, bytes], after: Iterable[bytes], glue: Iterable[Taken], monolith: bytes = b""
) -> tuple[str, ...]:
    """Definitions of ``before`` (files by path) that the texts ``after`` do not have, glue apart.

    What the split made macros of, ``monolith`` (upstream's) being without them, counts as their text.
    Linkage words, comments and white space do not count. The names of what is missing.
    """
    excused = {(t.path, t.item) for t in glue}
    before = {home: expand(text, text_macros(before, monolith)).text for home, text in before.items()}
    there: Counter[tuple[bytes, ...]] = Counter()
    for text in after:
        there.update(plain(leaf) for leaf in leaves_of(text)[0])
    missing = []
    for home, text in before.items():
        for leaf in leaves_of(text, home)[0]:
            if leaf.kind in DEFINING and leaf.defines and (home, leaf.name) not in excused:
                if not there[plain(leaf)]:
                    missing.append(f"{home}: {leaf.name}")
    return tuple(missing)
