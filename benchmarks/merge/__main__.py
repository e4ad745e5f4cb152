"""Run the benchmark and print its tables: ``python -m benchmarks.merge [moves]`` (see README.md)."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import time
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path

from benchmarks.merge import certificate, moves, symmetry
from benchmarks.merge.execution import __main__ as execution
from benchmarks.merge.history import __main__ as history
from benchmarks.merge.scenarios import SETS, Case, Step, chains, squares
from benchmarks.merge.scoring import SETTLED, VERDICTS, has_half, score
from benchmarks.merge.tools import Outcome, Scratch, Tool, available

DEFAULT = {"a": 250, "b": 320, "c": 250, "c-overlap": 80, "d": 300}
GIT, OWN = "git merge-file", "mergeguard"


def main() -> int:
    if sys.argv[1:2] == ["moves"]:
        return moves.main(sys.argv[2:])
    if sys.argv[1:2] == ["execution"]:
        return execution.main(sys.argv[2:])
    if sys.argv[1:2] == ["history"]:
        return history.main(sys.argv[2:])
    if sys.argv[1:2] == ["symmetry"]:
        return symmetry.main(sys.argv[2:])
    if sys.argv[1:2] == ["certificate"]:
        return certificate.main(sys.argv[2:])
    parser = argparse.ArgumentParser(prog="python -m benchmarks.merge", description=__doc__)
    parser.add_argument("--sets", default=",".join(DEFAULT), help="which of a,b,c,c-overlap,d")
    parser.add_argument("--cases", type=float, default=1.0, help="factor on the number of cases")
    parser.add_argument(
        "--full",
        action="store_true",
        help="every pair of releases of every file instead of a sample: about an hour for all sets",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tools", default="", help="comma-separated; all by default")
    parser.add_argument("--kinds", default="", help="only these kinds of (b)")
    parser.add_argument("--peers-every", type=int, default=5, help="peers other than git see every nth case")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--keep", type=Path, help="write here the cases that mergeguard does not solve")
    parser.add_argument("--part", type=part_of, default=(1, 1), help="i/n: the i-th of n parts of the files")
    parser.add_argument("--largest", type=int, default=0, help="only files of at most this many bytes")
    arguments = parser.parse_args()
    scratch = Scratch()
    try:
        return run(arguments, scratch)
    finally:
        shutil.rmtree(scratch.folder, ignore_errors=True)


def part_of(text: str) -> tuple[int, int]:
    """``2/8`` as (2, 8); the first is 1."""
    index, count = (int(number) for number in text.split("/"))
    if not 1 <= index <= count:
        raise argparse.ArgumentTypeError(f"{text}: a part is 1/n to n/n")
    return index, count


def run(arguments: argparse.Namespace, scratch: Scratch) -> int:
    tools = available(scratch)
    if arguments.tools:
        wanted = arguments.tools.split(",")
        tools = {name: tool for name, tool in tools.items() if name.strip() in wanted}
    steps = [s for s in chains() if len(s.texts) >= (2 if arguments.full else 3)]
    steps = steps[arguments.part[0] - 1 :: arguments.part[1]]
    if arguments.largest:
        steps = [s for s in steps if max(map(len, s.texts)) <= arguments.largest]
    print(f"{len(steps)} files, {sum(len(s.texts) for s in steps)} versions", file=sys.stderr)
    report: dict[str, object] = {}
    for name in arguments.sets.split(","):
        count = max(1, round(DEFAULT[name] * arguments.cases))
        report[name] = run_set(name, count, steps, tools, arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def run_set(
    name: str, count: int, steps: list[Step], tools: dict[str, Tool], arguments: argparse.Namespace
) -> dict[str, object]:
    rng = random.Random(f"{name}-{arguments.seed}")
    make = SETS[name]
    kinds = tuple(arguments.kinds.split(",")) if arguments.kinds else None
    full = arguments.full
    cases = squares(steps, rng, full, kinds) if name == "b" and kinds else make(steps, rng, full)
    tally: dict[str, Counter[str]] = defaultdict(Counter)
    by_kind: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    seconds: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    hunks: Counter[str] = Counter()
    versus: Counter[str] = Counter()
    slowest = 0.0
    for index, case in enumerate(cases if full else islice(cases, count)):
        verdicts: dict[str, str] = {}
        for tool_name, tool in tools.items():
            if tool_name not in (GIT, OWN) and index % arguments.peers_every:
                continue
            started = time.perf_counter()
            outcome = tool(case)
            spent = time.perf_counter() - started
            seconds[tool_name] += spent
            verdict = verdicts[tool_name] = score(case, outcome)
            tally[tool_name][verdict] += 1
            by_kind[case.kind][tool_name][verdict] += 1
            if verdict in (*SETTLED, "order") and outcome.findings:
                tally[tool_name]["noted"] += 1
                tally[tool_name]["halves"] += has_half(case)
            hunks[tool_name] += outcome.conflicts
            lines[tool_name] += outcome.lines
            if tool_name == OWN:
                slowest = max(slowest, spent)
                if arguments.keep and verdict not in SETTLED and (case.answer or verdict == "wrong"):
                    keep(arguments.keep, name, index, case, outcome, verdict)
        if GIT in verdicts and OWN in verdicts:
            versus[f"{verdicts[GIT]} -> {verdicts[OWN]}"] += 1
    show(name, tally, hunks, lines, seconds)
    for kind in sorted(by_kind):
        if len(by_kind) > 1:
            for tool_name in (GIT, OWN):
                if tool_name in by_kind[kind]:
                    print(f"    {kind:26} {tool_name:16} {_counts(by_kind[kind][tool_name])}")
    if versus:
        print("  git merge-file -> mergeguard: " + ", ".join(f"{k}: {v}" for k, v in sorted(versus.items())))
        print(f"  slowest mergeguard case: {slowest:.2f} s")
    sys.stdout.flush()
    return {
        "cases": sum(versus.values()) or count,
        "tools": {
            t: {**tally[t], "hunks": hunks[t], "lines": lines[t], "seconds": round(seconds[t], 2)}
            for t in tally
        },
        "kinds": {k: {t: dict(c) for t, c in v.items()} for k, v in by_kind.items()},
        "git to mergeguard": dict(versus),
    }


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {counter[name]}" for name in VERDICTS if counter[name])


def show(
    name: str,
    tally: dict[str, Counter[str]],
    hunks: Counter[str],
    lines: Counter[str],
    seconds: Counter[str],
) -> None:
    heads = (
        "cases",
        "equal",
        "=space",
        "=order",
        "conflict",
        "right confl",
        "finding",
        "WRONG",
        "(noted)",
        "(halves)",
        "hunks",
        "lines",
        "s",
    )
    print(f"\n({name})  {'tool':28}" + "".join(f"{h:>12}" for h in heads))
    for tool, counts in tally.items():
        row = [
            sum(counts[verdict] for verdict in VERDICTS),
            *(counts[verdict] for verdict in (*VERDICTS, "noted", "halves")),
            hunks[tool],
            lines[tool],
        ]
        print(f"      {tool:28}" + "".join(f"{value:>12}" for value in row) + f"{seconds[tool]:>12.2f}")


def keep(folder: Path, name: str, index: int, case: Case, outcome: Outcome, verdict: str) -> None:
    place = folder / f"{name}-{index:04}-{case.kind}-{verdict}".replace(" ", "_")
    for path, versions in case.files.items():
        for side, text in zip(("base", "ours", "theirs"), versions, strict=True):
            if text is not None:
                _write(place / side / Path(path).name, text)
    for path, text in (case.answer or {}).items():
        _write(place / "answer" / Path(path).name, text)
    for path, text in outcome.files.items():
        _write(place / "got" / Path(path).name, text)


def _write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


if __name__ == "__main__":
    sys.exit(main())
