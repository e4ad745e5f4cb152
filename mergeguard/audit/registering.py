"""Operator registrations that a merge left without their function, their schema, or alone twice."""

from __future__ import annotations

from collections.abc import Iterator

from mergeguard.audit.context import Trees, their
from mergeguard.audit.model import BASE, MERGED, OURS, SIDES, THEIRS, Changed, Finding, Place, is_sum, other
from mergeguard.audit.registrations import Registration, may_register, registrations

_Found = list[tuple[Changed, Registration]]


def registered(trees: Trees) -> Iterator[Finding]:
    """Every problem of registrations that neither side has alone."""
    if not _concerns_both(trees):
        return
    found: dict[str, _Found] = {
        version: [
            (file, one)
            for file in trees.files
            if (facts := file.of(version)) is not None
            for one in registrations(facts)
        ]
        for version in (BASE, OURS, THEIRS, MERGED)
    }
    if not any(found.values()):
        return
    yield from _undefined(trees, found)
    yield from _without_schema(trees, found)
    yield from _twice(trees, found)
    yield from _dropped(trees, found)


def _concerns_both(trees: Trees) -> bool:
    """Whether both sides (or the merge itself) have a part in anything that is registered."""
    for index, file in enumerate(trees.files):
        concerned = not is_sum(file) or any(
            trees.added_of(trees.all_removed[other(side)], index, side) for side in SIDES
        )
        if concerned and any(may_register(facts) for facts in {*file.versions.values()}):
            return True
    return False


def _functions(found: _Found) -> dict[str, tuple[Changed, Registration]]:
    return {name: (file, one) for file, one in found for name in one.functions}


def _side_of(found: dict[str, _Found], one: Registration) -> str:
    """The side that brought a registration."""
    key = (one.verb, one.op, one.library, one.functions)

    def has(version: str) -> bool:
        return any((r.verb, r.op, r.library, r.functions) == key for _, r in found[version])

    return OURS if has(OURS) and not (has(THEIRS) and not has(BASE)) else THEIRS


def _state(trees: Trees, version: str, name: str) -> int:
    """2 defined, 1 only declared, 0 neither."""
    if trees.is_defined(version, name):
        return 2
    return int(trees.is_declared(version, name))


def _undefined(trees: Trees, found: dict[str, _Found]) -> Iterator[Finding]:
    functions = {version: _functions(found[version]) for version in found}
    removed = {
        side: trees.all_removed[side] & trees.all_added[other(side)] & functions[MERGED].keys()
        for side in SIDES
    }
    for remover in SIDES:
        for name in sorted(removed[remover]):
            state = _state(trees, MERGED, name)
            if state == 2 or _state(trees, BASE, name) <= state:
                continue
            # A side that registers it and lacks it already has the problem by itself.
            if any(name in functions[side] and _state(trees, side, name) <= state for side in SIDES):
                continue
            file, one = functions[MERGED][name]
            user = other(remover)
            what = "is declared, but defined nowhere" if state else "is neither declared nor defined"
            yield Finding(
                "undefined-registration",
                name,
                f"`{one.op}` is registered with {name}, which {what}: {their(remover)} side removed it",
                user,
                (
                    trees.place(file, MERGED, one.offset),
                    *(
                        trees.at(f, BASE, declaration)
                        for f, declaration in trees.declarations(BASE, name)[:1]
                    ),
                ),
            )


def _without_schema(trees: Trees, found: dict[str, _Found]) -> Iterator[Finding]:
    defs = {version: {one.op for _, one in found[version] if one.verb == "def"} for version in found}
    for file, one in found[MERGED]:
        if (
            one.verb != "impl"
            or one.op in defs[MERGED]
            or one.op not in defs[BASE] | defs[OURS] | defs[THEIRS]
        ):
            continue
        # The side that dropped the schema may have kept an implementation: then it is that side's own.
        if any(
            one.op not in defs[side] and any(r.verb == "impl" and r.op == one.op for _, r in found[side])
            for side in SIDES
        ):
            continue
        elsewhere = trees.elsewhere([one.op]) if one.op.isidentifier() else {}
        if any(
            r.verb == "def" and r.op == one.op for facts in elsewhere.values() for r in registrations(facts)
        ):
            continue
        side = _side_of(found, one)
        at = next(((f, r) for f, r in found[BASE] if r.verb == "def" and r.op == one.op), None)
        yield Finding(
            "undefined-registration",
            one.op,
            f"`{one.op}` is implemented, but its schema (`def`) is gone:"
            f" {their(other(side))} side removed it",
            side,
            (
                trees.place(file, MERGED, one.offset),
                *((trees.place(at[0], BASE, at[1].offset),) if at else ()),
            ),
        )


def _twice(trees: Trees, found: dict[str, _Found]) -> Iterator[Finding]:
    def count(version: str) -> dict[tuple[object, ...], _Found]:
        grouped: dict[tuple[object, ...], _Found] = {}
        for file, one in found[version]:
            grouped.setdefault((one.verb, one.op, one.library, one.condition), []).append((file, one))
        return grouped

    sides = [count(side) for side in SIDES]
    for key, places in count(MERGED).items():
        if len(places) < 2 or len(places) <= max(len(side.get(key, ())) for side in sides):
            continue
        (first, one), (last, two) = places[0], places[-1]
        if first is last and all(first.of(version) is not None for version in (BASE, *SIDES)):
            continue  # the gates of the merge have it
        yield Finding(
            "duplicate-registration",
            one.op,
            f"`{one.op}` is registered twice now (`{one.verb}`): the library does not load",
            THEIRS,
            (trees.place(last, MERGED, two.offset), trees.place(first, MERGED, one.offset)),
        )


def _dropped(trees: Trees, found: dict[str, _Found]) -> Iterator[Finding]:
    functions = {version: _functions(found[version]) for version in found}
    for side in SIDES:
        for name in sorted(functions[side].keys() - functions[MERGED].keys()):
            if name in functions[BASE] and name not in functions[other(side)]:
                continue  # the other side retired it
            if not trees.is_defined(MERGED, name):
                continue
            if any(
                name in one.functions for f in trees.elsewhere([name]).values() for one in registrations(f)
            ):
                continue
            file, one = functions[side][name]
            here = next(((f, e) for f, e in trees.declarations(MERGED, name) if e.defines), None)
            place = Place(MERGED, file.path(MERGED), 1)
            if here is not None:
                place = trees.at(here[0], MERGED, here[1])
            yield Finding(
                "lost-registration",
                name,
                f"{name} is still defined, but the registration of `{one.op}` that {their(side)} side has"
                " is gone",
                side,
                (place, trees.place(file, side, one.offset)),
            )
