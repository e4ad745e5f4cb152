"""The tables of the benchmarks on releases.

python -m benchmarks.releases [pairs|chain] [--ci]
python -m benchmarks.releases ready [SET...] [--last N]    the ready rules of other projects
"""

from __future__ import annotations

import sys

from benchmarks.releases import chain, pairs, ready
from tests.support import corpus

NAMES = [name for name in corpus.MONOLITHS if name != "skinny_gemms_int8"]


def main(arguments: list[str]) -> int:
    """1 if a sync was worse than git, or lost an edit."""
    if arguments[:1] == ["ready"]:
        last = int(arguments[arguments.index("--last") + 1]) if "--last" in arguments else 99
        names = [name for name in arguments if name in ready.SETS] or [*ready.SETS]
        return _report([*ready.chains(names, last)])
    versions = corpus.CI_VERSIONS if "--ci" in arguments else corpus.all_versions()
    wanted = [a for a in arguments if not a.startswith("-")] or ["pairs", "chain"]
    bad = 0
    if "pairs" in wanted:
        found = [p for name in NAMES for p in pairs.pairs(name, versions)]
        print(pairs.table(found))
        for pair in pairs.behind(found):
            print(f"behind git: {pair}")
        bad += len(pairs.behind(found))
    if "chain" in wanted:
        bad += _report([s for name in NAMES for s in chain.chain(name, versions)])
    return 1 if bad else 0


def _report(steps: list[chain.Step]) -> int:
    print(chain.table(steps))
    for step in steps:
        if step.conflict or step.lost or step.git_conflict or step.unmapped or step.faults:
            print(step)
    return 1 if any(s.lost or s.faults or (s.conflict and not s.git_conflict) for s in steps) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
