"""`python -m benchmarks.releases [pairs|chain] [--ci]`: the tables of both benchmarks."""

from __future__ import annotations

import sys

from benchmarks.releases import chain, pairs
from tests.support import corpus

NAMES = [name for name in corpus.MONOLITHS if name != "skinny_gemms_int8"]


def main(arguments: list[str]) -> int:
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
        steps = [s for name in NAMES for s in chain.chain(name, versions)]
        print(chain.table(steps))
        for step in steps:
            if step.conflict or step.lost or step.git_conflict or step.unmapped:
                print(step)
        bad += sum(s.lost + (s.conflict and not s.git_conflict) for s in steps)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
