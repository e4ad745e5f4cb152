"""What is there twice now, though each side had it once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from mergeguard.audit.balance import adds_up
from mergeguard.audit.context import HEADERS, Trees, role
from mergeguard.audit.facts import DEFINING, Facts, raw
from mergeguard.audit.model import BASE, MERGED, OURS, SIDES, THEIRS, Changed, Finding
from mergeguard.cpp.branches import branchings
from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.items import Kind
from mergeguard.merge.edits import edits_guards, instantiations, label_key, may_define

_ARMS = (b"case", b"if")


def definitions(trees: Trees) -> Iterator[Finding]:
    """A definition or macro that a file has twice now."""
    for index, file in trees.woven:
        merged = file.of(MERGED)
        assert merged is not None
        names = _suspects(trees, index)
        if names is not None and not names:
            continue
        for name, declarations in (*merged.by_short.items(), *_instantiations(merged).items()):
            doubles = _doubles(merged, declarations) if names is None or name in names else []
            if not doubles:
                continue
            known = max(_count(file, side, name) for side in SIDES)
            if len(doubles) < known + 1:
                continue
            first, last = doubles[0]
            side = _bringer(file, last)
            yield Finding(
                "duplicate-macro" if last.kind is Kind.MACRO else "duplicate-definition",
                last.name,
                _twice(first, last, ""),
                side,
                (trees.at(file, MERGED, last), trees.at(file, MERGED, first)),
            )


def _suspects(trees: Trees, index: int) -> frozenset[str] | None:
    """The names that a file may define twice now: those that both sides brought; None for any name."""
    mine, yours = (trees.edit(index, side).lines for side in SIDES)
    if not adds_up(trees, index) or edits_guards(mine, yours):
        return None
    both = trees.added(index, OURS) & trees.added(index, THEIRS)
    same = b" ".join(instantiations(mine.added) & instantiations(yours.added))
    return frozenset(
        n for n in both if (may_define(mine, raw(n)) and may_define(yours, raw(n))) or raw(n) in same
    )


def _twice(first: Declaration, last: Declaration, where: str) -> str:
    name = f"the {role(last.kind)} {last.name}"
    if last.kind is Kind.MACRO:
        if first.tokens == last.tokens:
            return f"{name} is defined twice now{where}, with the same text"
        guarded = any(f"!defined({last.name})" in part.replace(" ", "") for part in last.item.condition)
        winner = "the first definition" if guarded else "the second definition"
        return f"{name} is defined twice now{where}: {winner} silently wins"
    return f"{name} is defined twice now{where}"


def _count(file: Changed, side: str, name: str) -> int:
    facts = file.of(side)
    if facts is None:
        return 0
    found = (facts.by_short.get(name, ()), _instantiations(facts).get(name, ()))
    return sum(len(_doubles(facts, declarations)) for declarations in found)


def _instantiations(facts: Facts) -> dict[str, list[Declaration]]:
    """The explicit instantiations of each template."""
    found: dict[str, list[Declaration]] = defaultdict(list)
    for declaration in facts.declarations:
        if declaration.kind is Kind.INSTANTIATION:
            found[declaration.short].append(declaration)
    return found


def _doubles(facts: Facts, declarations: Sequence[Declaration]) -> list[tuple[Declaration, Declaration]]:
    """Pairs of definitions among them that are compiled together and are the same thing."""
    found: list[tuple[Declaration, Declaration]] = []
    defining = [e for e in declarations if _counts(e) and not _is_call(e)]
    for index, last in enumerate(defining):
        for first in defining[:index]:
            if _identity(first) == _identity(last) and _together(facts, first, last):
                found.append((first, last))
                break
    return found


def _counts(declaration: Declaration) -> bool:
    """Whether there may be one of it only."""
    if declaration.kind in (Kind.ALIAS, Kind.INSTANTIATION):
        return True
    return declaration.defines and declaration.kind in DEFINING


def _is_call(declaration: Declaration) -> bool:
    """Whether it only looks like a function: a macro's call with a body, such as ``TORCH_LIBRARY(...) {``."""
    return declaration.kind is Kind.FUNCTION and not declaration.item.returns and declaration.short.isupper()


def _identity(declaration: Declaration) -> tuple[object, ...]:
    if declaration.kind is Kind.MACRO:
        return (declaration.kind, declaration.name)
    item = declaration.item
    # A type parameter's constraint is part of the header: overloads by it are different things. A return type
    # tells templates apart, and nothing else.
    return (
        declaration.kind,
        declaration.name,
        declaration.local,
        item.arguments,
        item.returns if item.key.template or declaration.kind is Kind.INSTANTIATION else "",
        declaration.types,
        item.key.template,
    )


def _together(facts: Facts, first: Declaration, last: Declaration) -> bool:
    """Whether no condition keeps the two apart, and the macro is not undefined in between."""
    a, b = first.item.condition, last.item.condition
    guard = f"!defined({last.name})"
    guarded = any(guard in part.replace(" ", "") for part in (*a, *b))
    if last.kind is Kind.MACRO and guarded:
        return first.tokens != last.tokens and a != b
    shorter, longer = sorted((a, b), key=len)
    if longer[: len(shorter)] != shorter:
        return False
    if last.kind is not Kind.MACRO:
        return a == b
    between = facts.text[first.item.end : last.item.code_start]
    return b"undef" not in between or not any(
        e.kind is Kind.UNDEF and e.name == last.name and first.item.end <= e.item.start < last.item.start
        for e in facts.declarations
    )


def _bringer(file: Changed, declaration: Declaration) -> str:
    """The side that has this text and whose base does not."""
    base = file.of(BASE)
    known = {e.tokens for e in base.by_short.get(declaration.short, ())} if base is not None else set()
    for side in (THEIRS, OURS):
        facts = file.of(side)
        if facts is None or declaration.tokens in known:
            continue
        if any(e.tokens == declaration.tokens for e in facts.by_short.get(declaration.short, ())):
            return side
    return THEIRS


# -- across files --------------------------------------------------------------------------------------


def across_files(trees: Trees) -> Iterator[Finding]:
    """The same macro or external function brought by each side in another file of one folder."""
    both = trees.all_added[OURS] & trees.all_added[THEIRS]
    theirs: dict[str, list[tuple[int, Changed]]] = defaultdict(list)
    for index, file in trees.edited(THEIRS):
        folder = _folder(file)
        if folder is not None and trees.added_of(both, index, THEIRS):
            theirs[folder].append((index, file))
    for index, file in trees.edited(OURS):
        folder = _folder(file)
        here = file.of(MERGED)
        mine = trees.added_of(both, index, OURS)
        if folder is None or here is None or not mine:
            continue
        for number, counterpart in theirs[folder]:
            there = counterpart.of(MERGED)
            common = mine & trees.added(number, THEIRS)
            if number == index or there is None or not common:
                continue
            for name in sorted(common & here.by_short.keys() & there.by_short.keys()):
                if _is_new(file, OURS, name) and _is_new(counterpart, THEIRS, name):
                    yield from _across(trees, file, counterpart, name)


def _folder(file: Changed) -> str | None:
    return file.path(MERGED).rpartition("/")[0] if file.of(MERGED) is not None else None


def _is_new(file: Changed, side: str, name: str) -> bool:
    own, base = file.of(side), file.of(BASE)
    if own is None or not any(e.defines for e in own.by_short.get(name, ())):
        return False
    return base is None or not any(e.defines for e in base.by_short.get(name, ()))


def _across(trees: Trees, file: Changed, counterpart: Changed, name: str) -> Iterator[Finding]:
    here, there = file.of(MERGED), counterpart.of(MERGED)
    assert here is not None and there is not None
    for mine in here.by_short[name]:
        for yours in there.by_short[name]:
            if not (mine.defines and yours.defines) or mine.kind is not yours.kind or _is_call(mine):
                continue
            same = (
                mine.name == yours.name
                if mine.kind is Kind.MACRO
                else _identity(mine) == _identity(yours)
                and mine.kind in (Kind.FUNCTION, Kind.KERNEL, Kind.VARIABLE)
            )
            if not same or mine.item.condition != yours.item.condition and mine.kind is not Kind.MACRO:
                continue
            linked = _external(file, mine) and _external(counterpart, yours)
            if linked and mine.kind is not Kind.MACRO or _meet(trees, file, counterpart):
                yield Finding(
                    "duplicate-macro" if mine.kind is Kind.MACRO else "duplicate-definition",
                    mine.name,
                    _twice(mine, yours, " in files that are used together"),
                    OURS,
                    (trees.at(file, MERGED, mine), trees.at(counterpart, MERGED, yours)),
                )
                return


def _external(file: Changed, declaration: Declaration) -> bool:
    """Whether a second definition in another translation unit is an error at link time."""
    header = file.path(MERGED).endswith(HEADERS)
    flags = declaration.item.flags
    return (
        not header
        and not declaration.local
        and not flags & {"inline", "template", "constexpr", "specialization"}
    )


def _meet(trees: Trees, file: Changed, counterpart: Changed) -> bool:
    """Whether some file of the result includes both."""
    one, two = (trees.includers(MERGED, f.path(MERGED)) for f in (file, counterpart))
    return bool(one & two)


# -- case arms -----------------------------------------------------------------------------------------


def arms(trees: Trees) -> Iterator[Finding]:
    """A case of one ``switch``, or a condition of one ``else if`` chain, that is there twice now."""
    for index, file in trees.woven:
        merged = file.of(MERGED)
        assert merged is not None
        added = [b"".join(trees.edit(index, side).lines.added) for side in SIDES]
        if adds_up(trees, index) and not any(all(word in lines for lines in added) for word in _ARMS):
            continue
        sides = [facts for side in SIDES if (facts := file.of(side)) is not None]
        texts = {e.text for facts in sides for e in facts.declarations}
        for declaration in merged.declarations:
            if declaration.text in texts or not (declaration.item.body or declaration.kind is Kind.MACRO):
                continue
            for (subject, label), offsets in _labels(declaration).items():
                if len(offsets) < 2:
                    continue
                known = max(
                    (
                        len(_labels(e).get((subject, label), ()))
                        for facts in sides
                        for e in facts.by_short.get(declaration.short, ())
                        if e.key == declaration.key or e.types == declaration.types
                    ),
                    default=1,
                )
                if len(offsets) <= max(known, 1):
                    continue
                chain = not subject[1]
                what = f"the condition `{label}`" if chain else f"`case {label}:`"
                yield Finding(
                    "duplicate-arm",
                    declaration.name,
                    f"{what} is in {declaration.name} twice now"
                    + ("; the second is never reached" if chain else ""),
                    _arm_bringer(file, declaration, label),
                    tuple(trees.place(file, MERGED, offset) for offset in reversed(offsets[:2])),
                )


def _labels(declaration: Declaration) -> dict[tuple[tuple[int, str], str], list[int]]:
    """Per (number among branchings of one subject, subject) and label: where it stands."""
    found: dict[tuple[tuple[int, str], str], list[int]] = defaultdict(list)
    numbers: Counter[str] = Counter()
    text = declaration.source.text
    for branching in branchings(declaration.source, declaration.item):
        number = numbers[branching.subject]
        numbers[branching.subject] += 1
        for arm in branching.arms:
            for label in arm.labels:
                if label == "else":
                    continue
                key = label_key(raw(label)).decode("utf-8", "surrogateescape") if branching.subject else label
                at = text.find(label.encode("utf-8", "surrogateescape"), arm.start, arm.end)
                found[(number, branching.subject), key].append(max(at, arm.start))
    return found


def _arm_bringer(file: Changed, declaration: Declaration, label: str) -> str:
    """The side whose version of the item has the label though the base has not."""
    base = file.of(BASE)

    def has(facts: Facts | None) -> bool:
        return facts is not None and any(
            name == label for e in facts.by_short.get(declaration.short, ()) for _, name in _labels(e)
        )

    if has(base):
        return THEIRS
    return THEIRS if has(file.of(THEIRS)) else OURS
