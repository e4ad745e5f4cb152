"""Functions and macros whose parameters one side changed while the other side brings new calls."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mergeguard.core.audit.context import Trees, their
from mergeguard.core.audit.facts import Call, Entity, Facts, raw
from mergeguard.core.audit.model import BASE, MERGED, SIDES, Changed, Finding, other
from mergeguard.core.items import Kind
from mergeguard.core.merge.check import definitions

_CALLED = re.compile(rb"([A-Za-z_]\w*)\s*(?:<|\()")

_FEW = 12  # names that are looked for one by one


def changed(trees: Trees) -> Iterator[Finding]:
    """Functions and macros whose parameters one side changed while the other side brings new calls."""
    for changer in SIDES:
        user = other(changer)
        called: set[str] = set()
        for index, _ in trees.edited(user):
            lines = b"".join(trees.edit(index, user).lines.added)
            called |= {name.decode() for name in _CALLED.findall(lines)}
        called &= trees.all_added[user]
        suspects: set[str] = set()
        for index, file in trees.edited(changer) if called else ():
            base, after = file.text(BASE), file.text(changer)
            if file.of(BASE) is None:
                continue
            if len(called) > _FEW:
                suspects |= called & trees.edit(index, changer).changed_parameters
                continue
            for name in called - suspects:
                spelt = raw(name)
                if spelt in base and definitions(base, spelt) - definitions(after, spelt):
                    suspects.add(name)
        for name in sorted(suspects):
            yield from _signature(trees, changer, user, name)


def _signature(trees: Trees, changer: str, user: str, name: str) -> Iterator[Finding]:
    every = {
        version: [
            (file, entity)
            for file, entity in trees.entities(version, name)
            if entity.callable or entity.kind is Kind.MACRO
        ]
        for version in (BASE, changer, MERGED)
    }
    for index, file in trees.edited(user):
        merged = file.of(MERGED)
        if merged is None or name not in trees.added(index, user):
            continue
        before, after, now = (
            [(home, e) for home, e in every[version] if trees.sees(user, file, home)]
            for version in (BASE, changer, MERGED)
        )
        if not before or not after:
            continue  # not what this file means, or removed: `gone` has it
        found = _misfit(merged, file.of(changer), before, after, now)
        if found is None:
            continue
        call, problem = found
        home, entity = after[0]
        shown = ", ".join(entity.types) if entity.kind is not Kind.MACRO else f"{len(entity.types)}"
        yield Finding(
            "changed-signature",
            entity.name,
            f"{their(changer)} side changed the parameters of {entity.name} to ({shown}), and"
            f" {their(user)} side brings a new call{problem}",
            user,
            (trees.place(file, MERGED, call.offset), trees.at(home, changer, entity)),
        )


_Homed = list[tuple[Changed, Entity]]


def _misfit(
    merged: Facts, there: Facts | None, before: _Homed, after: _Homed, now: _Homed
) -> tuple[Call, str] | None:
    """The first new call that the changed parameters may not fit, and what is wrong with it for certain."""
    new_types = {e.types for _, e in after}
    old_types = {e.types for _, e in before if not any(_extends(n, e) for _, n in after)}
    old_headers = {_template_size(e) for _, e in before}
    new_headers = {_template_size(e) for _, e in after}
    if not old_types - new_types and not old_headers - new_headers:
        return None
    old_arity, new_arity = {e.arity for _, e in before}, {e.arity for _, e in after}
    # An overload that the other side brought along is what its calls mean.
    known = {e.types for _, e in (*before, *after)}
    own_arity = {e.arity for _, e in now if e.types not in known}
    name = after[0][1].short
    for call in _new_calls(merged, there, name):
        fits_new = any(a.takes(call.arguments) for a in new_arity)
        fits_old = any(a.takes(call.arguments) for a in old_arity)
        if any(a.takes(call.arguments) for a in own_arity) or (fits_new and not fits_old):
            continue
        if not old_types - new_types and not call.templated:
            continue
        return call, "" if fits_new else f"; the call has {call.arguments} argument(s)"
    return None


def _extends(new: Entity, old: Entity) -> bool:
    """Whether what was added to the parameters of ``old`` need not be given."""
    count = len(old.types)
    return new.types[:count] == old.types and new.arity.takes(count)


def _template_size(entity: Entity) -> int:
    depth = count = 0
    for word in entity.template:
        if word in ("<", "("):
            depth += 1
            count += depth == 1 and word == "<"
        elif word in (">", ")", ">>"):
            depth -= 2 if word == ">>" else 1
        elif word == "," and depth == 1:
            count += 1
    return count


def _new_calls(merged: Facts, there: Facts | None, name: str) -> Iterator[Call]:
    calls = [call for offset in merged.uses(name) if (call := merged.call(name, offset)).arguments >= 0]
    known = Counter(there.call(name, offset).text for offset in there.uses(name)) if there else Counter()
    for call in calls:
        if known[call.text]:
            known[call.text] -= 1
        else:
            yield call
