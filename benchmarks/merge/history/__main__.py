"""Does every merge of a repository's history again and compares with what people committed."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

from benchmarks.merge.history import tools
from benchmarks.merge.history.judge import Judge
from benchmarks.merge.history.rows import History, Row, listed_rows, rows_of
from benchmarks.merge.history.tools import MERGE_FILE, ORT, OWN, TOOLS, Outcome
from benchmarks.merge.history.verdicts import (
    Cost,
    Judged,
    Readings,
    blob_id,
    break_even,
    curve,
    solved,
    table,
    verdict,
)

_CHECKOUT = Path(__file__).resolve().parents[3]


def main(arguments: Sequence[str]) -> int:
    """``history --repo DIR...``: 0, or 2 where an argument is wrong."""
    options = _parser().parse_args(arguments)
    if options.dump is not None and options.dump.resolve().is_relative_to(_CHECKOUT):
        print(f"--dump {options.dump}: other people's texts stay outside this checkout", file=sys.stderr)
        return 2
    histories = [History(folder) for folder in options.repo]
    listed = _selected(histories, options)
    print(f"{len(listed)} merges of single files in {len(histories)} repositories", file=sys.stderr)
    for history in (history for history in histories if history.left_out):
        why = "texts that this clone, a partial one perhaps, does not have"
        print(f"{history.folder}: {history.left_out} more left out: {why}", file=sys.stderr)
    if not listed:
        return 0
    readings = Readings(options.read)
    by_tool: dict[str, list[Judged]] = {tool: [] for tool in TOOLS}
    judge = Judge(options.judge) if options.judge else None
    for (history, row), found in zip(listed, _all_outcomes(listed, options.jobs), strict=True):
        judged = _judged(history, row, found, readings, judge)
        for one in judged:
            by_tool[one.tool].append(one)
        if options.dump is not None:
            _dump(options.dump, history, row, judged, options.which)
    _show(by_tool)
    if options.json is not None:
        options.json.write_text(json.dumps([_record(j) for all_ in by_tool.values() for j in all_], indent=1))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.merge history", description=__doc__)
    parser.add_argument("--repo", type=Path, nargs="+", required=True, help="repositories, bare or not")
    parser.add_argument("--merges", type=Path, help="JSON lines of the merges to do, instead of all")
    parser.add_argument("--judge", help="a compile command, run in a copy of the tree ({} is the file)")
    parser.add_argument(
        "--read", type=Path, action="append", default=[], help="JSON lines of verdicts by people"
    )
    parser.add_argument("--dump", type=Path, help="write texts and differences of results into this folder")
    parser.add_argument("--which", default="different", help="verdicts of mergeguard's to dump, or all")
    parser.add_argument("--only", default="", help="rows whose name (see --dump) holds this text")
    parser.add_argument("--every", type=int, default=1, help="only every n-th merge")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", type=Path, help="write every verdict here")
    return parser


def _selected(histories: Sequence[History], options: argparse.Namespace) -> list[tuple[History, Row]]:
    if options.merges is not None:
        found = list(listed_rows(options.merges, histories))
    else:
        found = [(history, row) for history in histories for row in rows_of(history)]
    return [(history, row) for history, row in found if options.only in row.name][:: options.every]


def _all_outcomes(listed: Sequence[tuple[History, Row]], jobs: int) -> Iterator[dict[str, Outcome]]:
    tasks = [(str(history.folder), row) for history, row in listed]
    if jobs == 1:
        yield from map(_outcomes, tasks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_outcomes, tasks, chunksize=4)


@lru_cache(maxsize=1)
def _opened(folder: str) -> History:
    return History(Path(folder))


def _outcomes(task: tuple[str, Row]) -> dict[str, Outcome]:
    history, row = _opened(task[0]), task[1]
    return tools.outcomes(*(history.read(blob) for blob in (row.base, row.ours, row.theirs)))


def _judged(
    history: History, row: Row, found: dict[str, Outcome], readings: Readings, judge: Judge | None
) -> list[Judged]:
    answer = history.read(row.answer) if row.answer is not None else None
    verdicts = {tool: verdict(outcome, answer) for tool, outcome in found.items()}
    wrong: dict[str, bool | None] = dict.fromkeys(found, False)
    for tool, said in verdicts.items():
        if said == "different":
            wrong[tool] = readings.wrong(row, found[tool].text)
    unread = {tool: found[tool].text for tool, known in wrong.items() if known is None}
    if judge is not None and unread:
        for tool, said in judge.verdicts(history, row, unread).items():
            wrong[tool] = True if said == "fails" else None
    return [Judged(row, tool, found[tool], verdicts[tool], wrong[tool]) for tool in found]


def _show(by_tool: dict[str, list[Judged]]) -> None:
    print(table(by_tool))
    for peer in (MERGE_FILE, ORT):
        print(f"\n  {solved(by_tool[peer], by_tool[OWN])}")
    print(f"\n{curve(by_tool)}")
    own = Cost.of(by_tool[OWN])
    price = break_even(Cost.of(by_tool[MERGE_FILE]), own)
    until = (
        "at every price" if price is None else f"while a wrong merge costs less than {price:.0f} conflicts"
    )
    print(f"{OWN} is cheaper than {MERGE_FILE} {until}, even if all {own.unread} unread results were wrong")


def _record(judged: Judged) -> dict[str, object]:
    outcome = judged.outcome
    return {
        **asdict(judged.row),
        "tool": judged.tool,
        "verdict": judged.verdict,
        "wrong": judged.wrong,
        "result": blob_id(outcome.text) if outcome.clean else None,
        "hunks": outcome.hunks,
        "lines": outcome.lines,
        "findings": outcome.findings,
        "notes": outcome.notes,
        "seconds": round(outcome.seconds, 3),
    }


def _dump(folder: Path, history: History, row: Row, judged: Iterable[Judged], which: str) -> None:
    """The texts of a row, each tool's result and how it differs from the people's, for reading."""
    by_tool = {j.tool: j for j in judged}
    own = by_tool[OWN]
    if which != "all" and own.verdict not in which.split(","):
        return
    place = folder / own.verdict / row.name
    place.mkdir(parents=True, exist_ok=True)
    ending = Path(row.path).suffix
    blobs = {"base": row.base, "ours": row.ours, "theirs": row.theirs, "answer": row.answer}
    texts = {name: history.read(blob) for name, blob in blobs.items() if blob is not None}
    texts |= {"git": by_tool[MERGE_FILE].outcome.text, "result": own.outcome.text}
    for name, text in texts.items():
        (place / f"{name}{ending}").write_bytes(text)
    for one, two in (("answer", "result"), ("git", "result"), ("base", "ours"), ("base", "theirs")):
        if one in texts and two in texts:
            compared = subprocess.run(
                ["git", "diff", "--no-index", "-w", "--histogram", f"{one}{ending}", f"{two}{ending}"],
                cwd=place, capture_output=True, check=False,
            )  # fmt: skip
            (place / f"{one}-{two}.diff").write_bytes(compared.stdout)
    (place / "notes.txt").write_text(f"{blob_id(own.outcome.text)}\n" + "\n".join(own.outcome.notes) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
