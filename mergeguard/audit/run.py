"""All checks of an audit, in one order, each problem once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mergeguard.audit import gated, inside, names, registering, signatures, sums, twice
from mergeguard.audit.context import Trees
from mergeguard.audit.findings import SUMMED
from mergeguard.audit.model import Changed, Elsewhere, Finding, Place

_CHECKS = (
    twice.definitions,
    twice.across_files,
    twice.arms,
    inside.clashes,
    registering.registered,
    gated.gated,
    names.gone,
    names.gone_inside,
    names.gone_files,
    signatures.changed,
    names.unused,
    sums.guards,
    sums.edited_guards,
    sums.lost_and_doubled,
)


def audit(
    files: Sequence[Changed], elsewhere: Elsewhere, mentioned: Callable[[str], bool] = lambda _: False
) -> tuple[Finding, ...]:
    """The problems of a merge's result that neither side has alone.

    ``files`` are the C/C++/CUDA/HIP files that at least one side (or the merge itself) changed;
    ``elsewhere`` gives unchanged ones that have a word; ``mentioned`` says whether a file of another
    language has it, one that generates code perhaps. Any bytes will do.
    """
    trees = Trees(files, elsewhere, mentioned)
    return tuple(_once(finding for check in _CHECKS for finding in check(trees)))


def _once(findings: Iterable[Finding]) -> Iterable[Finding]:
    seen: set[tuple[str, str]] = set()
    named: set[tuple[str, str]] = set()
    arms: set[Place] = set()
    for finding in findings:
        path = finding.places[0].path
        if (finding.code, f"{path}:{finding.name}:{finding.message}") in seen:
            continue
        short = finding.name.rsplit("::", 1)[-1]
        if finding.code == "duplicate-definition" and (path, finding.name) in named:
            continue  # the gates of the merge say it again
        if finding.code == "duplicate-arm":
            if finding.places[0] in arms:
                continue  # as above
            arms.add(finding.places[0])
        if finding.code == "gone-name" and ("", short) in named:
            continue
        # The sum of both sides shows again what a check has named.
        if finding.code in SUMMED and (path, finding.name) in named:
            continue
        seen.add((finding.code, f"{path}:{finding.name}:{finding.message}"))
        if finding.code not in SUMMED:
            named |= {(path, finding.name), ("", short)}
        yield finding
