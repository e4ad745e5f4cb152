"""What clashes inside of declarations: macros defined in functions, an ``#undef``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mergeguard.audit.context import Trees, their
from mergeguard.audit.model import BASE, MERGED, OURS, SIDES, THEIRS, Changed, Finding, other
from mergeguard.merge.checks.macros import macro_clash, used_after_undef
from mergeguard.merge.checks.suspects import suspects


def clashes(trees: Trees) -> Iterator[Finding]:
    """Names that one declaration, or the code behind an ``#undef``, has from both sides."""
    for _, file in trees.woven:
        if any(file.of(version) is None for version in (BASE, OURS, THEIRS)):
            continue
        why = suspects(*(file.text(version) for version in (BASE, OURS, THEIRS)))
        yield from (f for name in sorted(why.macros) for f in _macro(trees, file, name))
        yield from (f for name in sorted(why.undefined) for f in _undefined(trees, file, name))


def _macro(trees: Trees, file: Changed, spelt: bytes) -> Iterator[Finding]:
    """A macro that both sides define, wherever: two definitions that are in force together, as on no side; or
    one that a side changed and the other defines once more."""
    base, ours, theirs, merged = (file.text(version) for version in (BASE, *SIDES, MERGED))
    clash = macro_clash(base, ours, theirs, merged, spelt)
    if clash is None:
        return
    name = spelt.decode("utf-8", "surrogateescape")
    side = THEIRS if clash.by_theirs else OURS
    if clash.both:
        versions = (MERGED, MERGED)
        message = f"the macro {name} is defined twice now: the second definition silently wins"
    else:
        versions = (side, other(side))
        said = f"{their(side)} side defines the macro {name} once more"
        message = f"{said}, and {their(other(side))} side changed what it is"
    offsets = (clash.added.offset, clash.rival.offset)
    places = tuple(trees.place(file, v, offset) for v, offset in zip(versions, offsets, strict=True))
    yield Finding("duplicate-macro", name, message, side, places)


def _undefined(trees: Trees, file: Changed, spelt: bytes) -> Iterator[Finding]:
    """A macro that is undefined before a use, as on no side."""
    found = used_after_undef(file.text(MERGED), spelt)
    if found is None or any(used_after_undef(file.text(side), spelt) for side in SIDES):
        return
    name = spelt.decode("utf-8", "surrogateescape")
    undef = re.compile(rb"#[ \t]*undef[ \t]+" + re.escape(spelt) + rb"(?!\w)")
    counts = {version: len(undef.findall(file.text(version))) for version in (BASE, *SIDES)}
    side = next((s for s in SIDES if counts[s] > counts[BASE]), THEIRS)
    places = tuple(trees.place(file, MERGED, offset) for offset in reversed(found))
    message = f"{their(side)} side undefines {name} before a use that {their(other(side))} side has"
    yield Finding("gone-name", name, message, other(side), places)
