"""The tables of the benchmarks on releases.

python -m benchmarks.releases [pairs|chain] [--ci]
python -m benchmarks.releases ready [SET...] [--last N] [--compile DEPS] [--only RULE]

``ready``: the ready rules of other projects. ``--compile`` (DEPS: headers, see the census): each layout on
the way is compiled, linked and held against the symbols of its monolith.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.releases import chain, pairs, ready
from tests.support import corpus

NAMES = [name for name in corpus.MONOLITHS if name != "skinny_gemms_int8"]


def main(arguments: list[str]) -> int:
    """1 if a sync was worse than git, or lost an edit."""
    if arguments[:1] == ["ready"]:
        parser = argparse.ArgumentParser(prog="benchmarks.releases ready")
        parser.add_argument("sets", nargs="*", default=[*ready.SETS])
        parser.add_argument("--last", type=int, default=99)
        parser.add_argument("--only", default="", help="rules with this in their name")
        parser.add_argument("--compile", type=Path)
        options = parser.parse_args(arguments[1:])
        return _report([*ready.chains(options.sets, options.last, options.compile, options.only)])
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
        failed = step.compiled is not None and not step.compiled.same
        if step.conflict or step.lost or step.git_conflict or step.unmapped or step.faults or failed:
            print(step)
    return 1 if any(step.bad for step in steps) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
