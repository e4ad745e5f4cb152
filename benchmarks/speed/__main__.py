"""`python -m benchmarks.speed [--quick] [--runs N] [PART...]`: what users pay, beside git, against the goals.

CPU of the whole process tree, measured in turn with the peer's in one run; a row is a ratio, or milliseconds
where the goal is one. Parts: start, syncs, continued, plans, rebases, plain_commands, many_rules, trees,
single_files, growth, odd (they share repositories: the first always runs). ``--quick`` takes small worlds and
one sample: some minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.speed.rows import PARTS, Bench


def main(arguments: list[str]) -> int:
    """Print the rows; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, default=None, help="samples of each row (3; 1 with --quick)")
    parser.add_argument("parts", nargs="*", metavar="PART")
    chosen = parser.parse_args(arguments)
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), chosen.runs or (1 if chosen.quick else 3), chosen.quick)
        for part in PARTS:
            if part is not PARTS[0] and chosen.parts and part.__name__ not in chosen.parts:
                continue
            for row in part(bench):
                print(row, flush=True)
                missed += not row.met
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
