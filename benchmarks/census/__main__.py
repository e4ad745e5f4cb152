"""Which heavy files of real projects `init` splits by itself, and whether that is the same program.

    python -m benchmarks.census PROJECT[==VERSION]... [--files N] [--jobs N]
    python -m benchmarks.census onnx llama-cpp-python --compile DEPS [--optimise -O2]

For each project's heaviest units: the rule by `init` alone; laws 1 and 3 on the layout's bytes; `verify` by
tokens; and, with ``--compile`` (DEPS: headers of other projects, see ``flags.toml``), whether monolith and
layout compile and define the same external symbols, with CPU seconds and peak memory of the monolith, of the
headers alone, of all units and of the largest.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from benchmarks.census.compiling import Compiled, Program, compile_both
from benchmarks.census.toolchain import command
from mergeguard.cpp.source import parse
from mergeguard.errors import MergeguardError
from mergeguard.lens.emit import split
from mergeguard.lens.rule import parse_rule
from mergeguard.lens.unsplit import unsplit
from mergeguard.propose.headers import RepositoryHeaders
from mergeguard.propose.propose import propose, rule_name
from mergeguard.verify import same_program
from mergeguard.verify.flatten import LayoutText
from tests.support import corpus, projects


@dataclass(frozen=True)
class Row:
    """One file: what `init` made of it. ``problem`` is a broken promise, ``refusal`` an honest no."""

    project: str
    path: str
    size: int
    how: str = ""
    shards: int = 0
    refusal: str = ""
    problem: str = ""
    compiled: Compiled | None = None


@cache
def headers_of(root: Path) -> RepositoryHeaders:
    """What a release has itself, for estimates."""
    paths = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return RepositoryHeaders(paths, lambda path: (root / path).read_bytes())


def look(project: str, root: Path, path: str, compiler: list[str] | None, kept: Path | None) -> Row:
    """The census of one file; ``compiler``: with which command line it is compiled, too.

    ``kept`` is the file of a rule that was proposed before, or that the proposal is to be written to.
    """
    text = (root / path).read_bytes()
    row = Row(project, path, len(text))
    try:
        if b"\0" in text:
            return Row(project, path, len(text), refusal="binary file")
        if kept is None or not kept.exists():
            proposal = propose(parse(text), path, lambda p: (root / p).exists(), headers_of(root))
            rule_text, how = proposal.text, "; ".join(proposal.chosen)
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(rule_text)
        else:
            rule_text, how = kept.read_bytes(), "the rule kept"
        rule = parse_rule(rule_text, "rule.toml")
        name = rule_name(path)
        layout = split(rule, name, path, text)
    except MergeguardError as error:
        return Row(project, path, len(text), refusal=str(error).partition(": ")[2] or str(error))
    except RecursionError as error:
        return Row(project, path, len(text), problem=f"{type(error).__name__}: {error}")
    row = Row(project, path, len(text), how, len(layout.shards))
    back = unsplit(layout, {f.path: f.text for f in layout.files}, lambda t: split(rule, name, path, t))
    files = [LayoutText(f.path, f.text, f.is_unit) for f in layout.files]
    failed = same_program.failures(same_program.compare(path, text, files))
    problem = ""
    if back.monolith != text or back.hunks:
        problem = "unsplit is not the monolith"
    elif failed:
        problem = f"{failed[0].path}:{failed[0].line}: {failed[0].message}"
    compiled = None
    if compiler is not None and not problem:
        compiled = compile_both(root, Program.of(layout), compiler, cost="-O2" in compiler)
        problem = compiled.problem
    return Row(project, path, len(text), row.how, row.shards, "", problem, compiled)


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 if a layout is not the same program."""
    parser = argparse.ArgumentParser(prog="benchmarks.census")
    parser.add_argument("projects", nargs="+", metavar="PROJECT[==VERSION]")
    parser.add_argument("--files", type=int, default=20, help="so many of each project's heaviest units")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", metavar="PART", help="only files with this in their path")
    parser.add_argument("--compile", metavar="DEPS", type=Path, help="also compile, with headers from there")
    parser.add_argument("--optimise", metavar="FLAG", default="-O0", help="or -O2, for cost")
    parser.add_argument("--rules", metavar="DIR", type=Path, help="keep rules there, take those kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    with ProcessPoolExecutor(options.jobs) as pool:
        work = []
        for name in options.projects:
            project, _, version = name.partition("==")
            version = version or corpus.source_releases(project)[-1]
            root = projects.release(project, version)
            for path in projects.heaviest(root, options.files):
                if options.only is not None and options.only not in path:
                    continue
                compiler = options.compile and command(project, root, path, options.compile)
                compiler = compiler and [*compiler, options.optimise]
                kept = options.rules and options.rules / project / f"{path}.toml"
                work.append(pool.submit(look, f"{project} {version}", root, path, compiler, kept))
        for future in work:
            row = future.result()
            rows.append(row)
            if not options.json:
                print(line(row), flush=True)
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        print(summary(rows))
    return 1 if any(row.problem for row in rows) else 0


def line(row: Row) -> str:
    """A row of the table."""
    what = row.problem and f"WRONG {row.problem}" or row.how or f"- {row.refusal}"
    cost = f"  [{row.compiled}]" if row.compiled is not None else ""
    return f"{row.size:9,}  {row.path[-60:]:60}  {what[:150]}{cost}"


def summary(rows: list[Row]) -> str:
    """How many files of how many projects have a rule."""
    made = Counter(row.project for row in rows if row.how and not row.problem)
    every = Counter(row.project for row in rows)
    lines = [f"{project}: {made[project]} of {every[project]}" for project in every]
    total = f"all: {sum(made.values())} of {len(rows)} ({sum(made.values()) / max(len(rows), 1):.0%})"
    same = [row for row in rows if row.compiled is not None and row.compiled.same]
    if same:
        peaks = sorted(row.compiled.peak / row.compiled.whole_peak for row in same if row.compiled)
        sums = sorted(row.compiled.cpu / row.compiled.whole_cpu for row in same if row.compiled)
        total += (
            f"; {len(same)} compiled to the same symbols: median peak of the largest unit "
            f"{peaks[len(peaks) // 2]:.0%} of the monolith's, CPU of all units {sums[len(sums) // 2]:.2f} x"
        )
    return "\n".join([*lines, total])


if __name__ == "__main__":
    sys.exit(main())
