"""Functions and macros whose parameters one side changed while the other side brings new calls."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mergeguard.audit.context import Trees, their
from mergeguard.audit.facts import Call, FactEdit, Facts
from mergeguard.audit.model import BASE, MERGED, SIDES, Changed, Finding, other
from mergeguard.cpp.declaration import Declaration
from mergeguard.cpp.items import Kind
from mergeguard.errors import counted

_CALLED = re.compile(rb"([A-Za-z_]\w*)\s*(?:<|\()")

_FEW = 12  # names that are looked for one by one


def changed(trees: Trees) -> Iterator[Finding]:
    """Functions and macros whose parameters one side changed while the other side brings new calls."""
    for changer in SIDES:
        user = other(changer)
        for name in sorted(_suspects(trees, changer, user)):
            yield from _signature(trees, changer, user, name)


def _suspects(trees: Trees, changer: str, user: str) -> set[str]:
    """What one side no longer defines with the same parameters and the other's lines call."""
    if changer == trees.by_size[0]:  # begin where there is less to read
        found = {name for edit in _edits(trees, changer) for name in edit.changed_parameters}
        return found & _called(trees, user) if found else found
    called = _called(trees, user)
    if not called:
        return called
    if len(called) > _FEW:
        return {name for edit in _edits(trees, changer) for name in edit.changed_parameters & called}
    return {name for edit in _edits(trees, changer) for name in called if edit.changes_parameters(name)}


def _edits(trees: Trees, changer: str) -> Iterator[FactEdit]:
    """What a side did to the code of files that were there before."""
    for index, file in trees.edited(changer):
        if file.of(BASE) is not None and (edit := trees.edit(index, changer)).touches_code:
            yield edit


def _called(trees: Trees, user: str) -> set[str]:
    called: set[str] = set()
    added: set[str] = set()
    for index, _ in trees.edited(user):
        lines = b"".join(trees.edit(index, user).lines.added)
        called |= {name.decode() for name in _CALLED.findall(lines)}
        added |= trees.added(index, user)
    return called & added


def _signature(trees: Trees, changer: str, user: str, name: str) -> Iterator[Finding]:
    every = {
        version: [
            (file, declaration)
            for file, declaration in trees.declarations(version, name)
            if declaration.callable or declaration.kind is Kind.MACRO
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
        home, declaration = after[0]
        shown = (
            ", ".join(declaration.types)
            if declaration.kind is not Kind.MACRO
            else f"{len(declaration.types)}"
        )
        yield Finding(
            "changed-signature",
            declaration.name,
            f"{their(changer)} side changed the parameters of {declaration.name} to ({shown}), and"
            f" {their(user)} side brings a new call{problem}",
            user,
            (trees.place(file, MERGED, call.offset), trees.at(home, changer, declaration)),
        )


_Homed = list[tuple[Changed, Declaration]]


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
        return call, "" if fits_new else f"; the call has {counted(call.arguments, 'argument')}"
    return None


def _extends(new: Declaration, old: Declaration) -> bool:
    """Whether what was added to the parameters of ``old`` need not be given."""
    count = len(old.types)
    return new.types[:count] == old.types and new.arity.takes(count)


def _template_size(declaration: Declaration) -> int:
    depth = count = 0
    for word in declaration.template:
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
