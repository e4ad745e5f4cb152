"""The result against the sum of both sides' edits: what is lost, what is doubled, which guards vanished.

A clean merge holds each token as often as the base and both edits make it. Counted over all files together,
so that code that moved from one file to another is no loss; then looked for item by item.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from mergeguard.audit.balance import Keys, adds_up, both, excess
from mergeguard.audit.context import Trees, their
from mergeguard.audit.facts import Facts
from mergeguard.audit.model import BASE, MERGED, OURS, SIDES, THEIRS, Changed, Finding, Place, is_sum, other
from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.items import Kind
from mergeguard.cpp.tokens import code_keys
from mergeguard.merge.checks import guards as merge_guards
from mergeguard.merge.edits import SideEdit, edits_guards, has_guard

if TYPE_CHECKING:
    from mergeguard.merge.unlike import Texts

_MEANING = re.compile(rb"[A-Za-z0-9_]")
_SHOWN = 6


def lost_and_doubled(trees: Trees) -> Iterator[Finding]:
    """What the result lacks or has too often against the sum of both sides."""
    low: Keys = Counter()
    high: Keys = Counter()
    uneven: list[tuple[Changed, Keys, Keys]] = []
    for index, file in enumerate(trees.files):
        if is_sum(file) or adds_up(trees, index):
            continue
        lacking, extra = _uneven(trees, index, file)
        uneven.append((file, +lacking, +extra))
        low.update(lacking)
        high.update(extra)
    # Lost here and gained there is code that moved with its file or its folder.
    lost, doubled = +low, +high
    if lost or doubled:
        from mergeguard.audit.copies import copied_edits

        added, removed = copied_edits(trees, lost.keys(), doubled.keys())
        lost, doubled = lost - removed, doubled - added
    for file, lacking, extra in uneven:
        renamed = _renamed(file)
        yield from _report(trees, file, lacking & lost, renamed, missing=True)
        yield from _report(trees, file, extra & doubled, renamed, missing=False)


def _keys(file: Changed, version: str) -> Keys:
    facts = file.of(version)
    return facts.keys if facts is not None else Counter()


def _uneven(trees: Trees, index: int, file: Changed) -> tuple[Keys, Keys]:
    b, o, t, m = _differing_keys(file)
    mine, yours = (trees.edit(index, side).lines for side in SIDES)
    return excess(b, o, t, m, _common(mine, yours))


def _differing_keys(file: Changed) -> tuple[Keys, Keys, Keys, Keys]:
    """The tokens of the four versions, without functions that all of them have alike."""
    texts = _differing_texts(file)
    if texts is not None:
        b, o, t, m = map(code_keys, texts)
    else:
        b, o, t, m = (_keys(file, version) for version in (BASE, OURS, THEIRS, MERGED))
    return b, o, t, m


def _differing_texts(file: Changed) -> Texts | None:
    """The four versions without functions that all of them have alike; None where there is no telling."""
    if any(file.of(version) is None for version in (BASE, OURS, THEIRS, MERGED)):
        return None
    from mergeguard.merge.unlike import unlike  # few files do not add up

    cut = unlike((file.text(BASE), file.text(OURS), file.text(THEIRS), file.text(MERGED)))
    return cut.texts if cut is not None else None


def _common(mine: SideEdit, yours: SideEdit) -> tuple[Keys, Keys]:
    """The tokens of those lines."""
    added, removed = (code_keys(b"\n".join(lines.elements())) for lines in both(mine, yours))
    return added, removed


def _renamed(file: Changed) -> frozenset[bytes]:
    """Names that a merge may have exchanged because one side renamed them."""
    b, o, t = (file.text(version) for version in (BASE, OURS, THEIRS))
    if not (b and o and t):
        return frozenset()
    from mergeguard.merge.renames import find_renames, gone_and_new

    texts = _differing_texts(file)
    # (A name that is gone from the whole, or new in it, is so in what differs.)
    if texts is not None and not any(all(gone_and_new(*three)) for three in _both_ways(*texts[:3])):
        return frozenset()
    renames = [rename for three in _both_ways(b, o, t) for rename in find_renames(*three)]
    return frozenset(name for rename in renames for name in (rename.old, rename.new))


def _both_ways(base: bytes, ours: bytes, theirs: bytes) -> tuple[tuple[bytes, bytes, bytes], ...]:
    return (base, ours, theirs), (base, theirs, ours)


def _report(
    trees: Trees, file: Changed, keys: Keys, renamed: frozenset[bytes], *, missing: bool
) -> Iterator[Finding]:
    keys = Counter({key: n for key, n in keys.items() if key.lstrip(b"#") not in renamed})
    if not _means(keys):
        return
    merged = file.of(MERGED)
    if merged is None:
        yield from _deleted(file, keys)
        return
    items = {version: _items(file, version) for version in (BASE, OURS, THEIRS, MERGED)}
    rest = keys
    for name in dict.fromkeys(key for found in items.values() for key in found):
        if len({tuple(one.whole for one in found.get(name, ())) for found in items.values()}) == 1:
            continue  # the very same in all of them: it need not be counted
        versions = {version: _sum_of(found.get(name, ())) for version, found in items.items()}
        lacking, extra = excess(
            versions[BASE], versions[OURS], versions[THEIRS], versions[MERGED], (Counter(), Counter())
        )
        here = +(lacking if missing else extra) & rest
        if not _means(here):
            continue
        rest = rest - here
        declaration = _entity(file, name)
        finding = _finding(trees, file, declaration, here, versions, missing=missing)
        if finding is not None:
            yield finding
    if _means(rest) and rest == keys:
        versions = {version: _keys(file, version) for version in items}
        finding = _finding(trees, file, None, rest, versions, missing=missing)
        if finding is not None:
            yield finding


def _means(keys: Mapping[bytes, int]) -> bool:
    """Whether more than punctuation is meant: merges of lists move commas."""
    return any(_MEANING.search(key) for key in keys)


def _items(file: Changed, version: str) -> dict[tuple[object, ...], list[Declaration]]:
    found: dict[tuple[object, ...], list[Declaration]] = {}
    facts = file.of(version)
    for declaration in facts.declarations if facts is not None else ():
        found.setdefault(declaration.key, []).append(declaration)
    return found


def _sum_of(declarations: Iterable[Declaration]) -> Keys:
    found: Keys = Counter()
    for declaration in declarations:
        found.update(declaration.keys)
    return found


def _entity(file: Changed, key: tuple[object, ...]) -> tuple[str, Declaration] | None:
    for version in (MERGED, OURS, THEIRS, BASE):
        facts = file.of(version)
        for declaration in facts.declarations if facts is not None else ():
            if declaration.key == key:
                return version, declaration
    return None


def _finding(
    trees: Trees,
    file: Changed,
    found: tuple[str, Declaration] | None,
    keys: Keys,
    versions: Mapping[str, Keys],
    *,
    missing: bool,
) -> Finding | None:
    base, merged = versions[BASE], versions[MERGED]
    name = found[1].name if found is not None else ""
    where = f"in {name}" if name else "in this file"
    words = _words(keys)
    place = (
        Place(found[0], file.path(found[0]), found[1].line) if found else Place(MERGED, file.path(MERGED), 1)
    )
    further = tuple(
        p for version in SIDES if (p := _in(file, version, found)) is not None and version != place.version
    )
    added = {side: sum(((versions[side] - base) & keys).values()) for side in SIDES}
    removed = {side: sum(((base - versions[side]) & keys).values()) for side in SIDES}
    if missing:
        side = max(SIDES, key=lambda s: added[s])
        if not added[side]:
            return Finding(
                "lost-lines", name, f"{words} {where} is in both sides and not in the result", "merge",
                (place, *further),
            )  # fmt: skip
        rewrote = versions[other(side)] != base
        code = "overwritten-edit" if rewrote and found is not None else "lost-lines"
        why = f": {their(other(side))} side rewrote it" if code == "overwritten-edit" else ""
        if found is not None and not merged:
            why = ": the result does not have it"
        return Finding(
            code,
            name,
            f"what {their(side)} side added {where} is gone ({words}){why}",
            side,
            (place, *further),
        )
    side = max(SIDES, key=lambda s: added[s])
    if added[side]:
        return Finding(
            "doubled-lines", name, f"what {their(side)} side added {where} is there twice ({words})", side,
            (place, *further),
        )  # fmt: skip
    side = max(SIDES, key=lambda s: removed[s])
    if removed[side] and file.of(side) is not None:  # of a deleted file, git has asked
        return Finding(
            "undone-removal", name, f"what {their(side)} side removed {where} is back ({words})", side,
            (place, *further),
        )  # fmt: skip
    return None  # what the merge commit itself wrote


def _in(file: Changed, version: str, found: tuple[str, Declaration] | None) -> Place | None:
    facts = file.of(version)
    if facts is None or found is None:
        return None
    declaration = next((e for e in facts.by_short.get(found[1].short, ()) if e.key == found[1].key), None)
    return Place(version, file.path(version), declaration.line) if declaration is not None else None


def _deleted(file: Changed, keys: Keys) -> Iterator[Finding]:
    """A file that the result does not have, with edits of a side in it."""
    for side in SIDES:
        added = _keys(file, side) - _keys(file, BASE)
        if file.of(side) is not None and _means(added & keys):
            yield Finding(
                "overwritten-edit",
                file.path(side),
                f"{their(side)} side edited this file, which {their(other(side))} side deleted:"
                f" the edit is not in the result ({_words(added & keys)})",
                side,
                (Place(side, file.path(side), 1), Place(BASE, file.path(BASE), 1)),
            )


def _words(keys: Keys) -> str:
    found = [key for key in keys if _MEANING.search(key)]
    found.sort(key=lambda key: (-len(key), key))
    shown = ", ".join(f"`{key.lstrip(b'#').decode('utf-8', 'replace')}`" for key in found[:_SHOWN])
    return shown + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")


# -- guards --------------------------------------------------------------------------------------------


def guards(trees: Trees) -> Iterator[Finding]:
    """Conditions and template parameters that one side put around an item and that vanished."""
    for index, file in enumerate(trees.files):
        for side in SIDES:
            base, own, merged = (file.of(version) for version in (BASE, side, MERGED))
            if base is None or own is None or merged is None or own in (base, merged):
                continue
            lines = trees.edit(index, side).lines.added
            if adds_up(trees, index) and not has_guard(lines) and not any(b"template" in x for x in lines):
                continue
            for name, declarations in own.by_short.items():
                if len(declarations) != 1 or any(len(f.by_short.get(name, ())) != 1 for f in (base, merged)):
                    continue
                declaration, before, now = declarations[0], base.by_short[name][0], merged.by_short[name][0]
                places = (trees.at(file, MERGED, now), trees.at(file, side, declaration))
                lost = [
                    part
                    for part in declaration.item.condition
                    if part not in before.item.condition and part not in now.item.condition
                ]
                kept = file.of(other(side))
                replaced = kept is not None and any(
                    e.item.condition != before.item.condition for e in kept.by_short.get(name, ())
                )
                if lost and not replaced and _openings(merged, lost[0]) < _openings(own, lost[0]):
                    yield Finding(
                        "lost-guard", now.name,
                        f"the condition `{lost[0]}` that {their(side)} side put around {now.name} is gone",
                        side, places,
                    )  # fmt: skip
                news = Counter(declaration.template) - Counter(before.template) - Counter(now.template)
                words = sorted((w for w in news if w.isidentifier()), key=_is_plain)
                if words and declaration.kind is not Kind.DECLARATION:
                    yield Finding(
                        "lost-guard", now.name,
                        f"the template argument `{words[0]}` that {their(side)} side gave {now.name} is gone",
                        side, places,
                    )  # fmt: skip


def _is_plain(word: str) -> bool:
    """Whether a word of a template header is a type rather than a parameter's name, as far as one can see."""
    return word in ("bool", "int", "typename", "class", "template", "auto", "unsigned", "size_t")


def _openings(facts: Facts, condition: str) -> int:
    """How many conditional groups a file has under a condition."""
    return sum(
        e.kind is Kind.CONDITIONAL and e.name in (f"#if {condition}", f"#elif {condition}")
        for e in facts.declarations
    )


def edited_guards(trees: Trees) -> Iterator[Finding]:
    """Conditions that one side edited while the other edited what stands under them."""
    for index, file in trees.woven:
        if any(file.of(version) is None for version in (BASE, OURS, THEIRS)):
            continue
        ours, theirs, merged = (file.text(version) for version in (OURS, THEIRS, MERGED))
        if not edits_guards(*(trees.edit(index, side).lines for side in SIDES)):
            continue
        for note in merge_guards.edited_guards(ours, theirs, merged):
            side = OURS if note.message.startswith("our") else THEIRS
            place = Place(MERGED, file.path(MERGED), note.line or 1)
            yield Finding(note.code, "", note.message, side, (place,))
