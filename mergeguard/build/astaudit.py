"""What clang says of a merge's result and of neither side: evidence from the AST, no compiler needed.

Headers are missing, so clang reports many errors in every version; only those count that the result has more
often than both sides' errors add up to: a redefinition, a call that no longer fits, a name that is gone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from mergeguard.audit.model import BASE, MERGED, OURS, THEIRS, Changed
from mergeguard.build import clang
from mergeguard.findings import Finding, Place

_QUOTED = re.compile(r"'([^']+)'")
_VERSIONS = (BASE, OURS, THEIRS, MERGED)


def findings(files: Iterable[Changed], known: Iterable[Finding]) -> tuple[Finding, ...]:
    """The new errors in files whose result is neither side's text; what ``known`` findings name is left out.

    Raises ClangError where libclang is missing.
    """
    named = {(f.places[0].path, f.name.rsplit("::", 1)[-1]) for f in known}
    found: list[Finding] = []
    for file in files:
        merged = file.of(MERGED)
        if merged is None or any(file.of(side) in (None, merged) for side in (OURS, THEIRS)):
            continue
        path = file.path(MERGED)
        for problem in _new_problems(file):
            name = next(iter(_QUOTED.findall(problem.message)), "")
            if (path, name.rsplit("::", 1)[-1]) in named:
                continue
            named.add((path, name))
            message = f"clang reports an error that no side has: {problem.message}"
            found.append(Finding("ast-error", name, message, "merge", (Place(MERGED, path, problem.line),)))
    return tuple(found)


def _new_problems(file: Changed) -> list[clang.Problem]:
    """Errors that the result has more often than the sum of both sides', under any view of the file."""
    found: dict[str, clang.Problem] = {}
    for view in clang.VIEWS:
        problems = {version: clang.problems(file.text(version), view) for version in _VERSIONS}
        count = {version: Counter(p.message for p in seen) for version, seen in problems.items()}
        b, o, t, m = (count[version] for version in _VERSIONS)
        for problem in problems[MERGED]:
            message = problem.message
            if m[message] > max(o[message], t[message], o[message] + t[message] - b[message]):
                found.setdefault(message, problem)
    return list(found.values())
