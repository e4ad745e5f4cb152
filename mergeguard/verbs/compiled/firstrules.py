"""What a compiler says of rules that `init` would write: proved by it, measured by it, ranked by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mergeguard.build import compare as comparing
from mergeguard.build.commands import Command, CommandError, from_template
from mergeguard.build.compare import Comparison
from mergeguard.build.cost import MeasuredProgram, SplitCost, unit_commands
from mergeguard.build.database import from_database, sources_of
from mergeguard.build.measure import CompileError, Progress, UnitCost, measure
from mergeguard.findings import Severity
from mergeguard.fork import treelens
from mergeguard.fork.workspace import Workspace, file_edits
from mergeguard.values import dataclass, replace
from mergeguard.verbs.compiled import compiling, proof


@dataclass(frozen=True, slots=True)
class Compiler:
    """How the user says that files are compiled: by a command with holes, or by a compile database.

    ``step`` is what is done to the sources before.
    """

    template: str | None = None
    database: Path | None = None
    step: str | None = None
    jobs: int = 1

    def __bool__(self) -> bool:
        return bool(self.template) or self.database is not None


class Trial:
    """Asked of each rule that `init` would write: why the compiler does not take it, or "".

    ``comparison`` and, with ``measured``, ``cost`` are of the rule that it took. The user's own command runs,
    or one that the repository proposes and the user of this clone has accepted (CommandError if not).
    Raises CompileError where the monolith itself does not compile.
    """

    def __init__(
        self,
        workspace: Workspace,
        compiler: Compiler,
        on_progress: Callable[[Progress], None],
        *,
        measured: bool = False,
    ) -> None:
        self.workspace = workspace
        self.compiler = compiler
        self.on_progress = on_progress
        self.measured = measured
        self.comparison: Comparison | None = None
        self.cost: SplitCost | None = None

    def __call__(self, rule_path: str, text: bytes) -> str:
        repository = self.workspace.repository
        tree = treelens.apply(repository, self.workspace.tree, file_edits(repository, {rule_path: text}))
        trial = Workspace.load(repository, tree)
        (name,) = (guarded.name for guarded in trial.guarded if guarded.rule_path == rule_path)
        (subject,) = proof.subjects(trial, [name])
        asked = self.compiler
        how = compiling.command_for(
            trial, subject, template=asked.template, database=asked.database, step=asked.step
        )
        directory = compiling.build_directory(trial) / subject.guarded.name
        before, _ = compiling.place(trial, subject, directory, how.step)
        cache = compiling.cost_cache(trial)
        comparing.build(before, how, directory / "objects" / "monolith", 1, cache, self.on_progress)
        try:
            found = proof.verify_compiled(trial, subject, how, jobs=asked.jobs, on_progress=self.on_progress)
        except CompileError as error:
            return f"a unit of it does not compile: {_first(error.message)}"
        if not found.same:
            wrong = next(one for one in found.findings if one.severity is not Severity.NOTE)
            return f"compiled, it is another program: {wrong.name or wrong.symbol} {wrong.message}"
        self.comparison = found
        if self.measured:
            self.cost = proof.cost(trial, subject, how, jobs=asked.jobs, on_progress=self.on_progress)
        return ""


def _first(message: str) -> str:
    """The first line of a compiler's words that says what is wrong."""
    lines = message.splitlines()
    return next((line.strip() for line in lines if "error" in line), lines[0] if lines else "")


def compiled_files(workspace: Workspace, compiler: Compiler) -> frozenset[str] | None:
    """The files that the compile database compiles; None without one. Raises CommandError."""
    if compiler.database is None:
        return None
    return sources_of(compiler.database, workspace.repository.work_tree)


def costs_of(
    workspace: Workspace,
    paths: Sequence[str],
    compiler: Compiler,
    on_progress: Callable[[Progress], None],
) -> Mapping[str, UnitCost | str]:
    """What each file costs as it is, or why it can't be told. Raises CommandError without a command."""
    if not compiler:
        raise CommandError(
            "no command to compile with",
            hint="give --build with the folder of a compile_commands.json, or "
            "--command 'g++ -I {root} -c {source} -o {output}'",
        )
    directory = compiling.build_directory(workspace) / "ranked"
    root = compiling.place_sources(workspace, directory / "sources")
    found: dict[str, UnitCost | str] = {}
    for path in paths:
        try:
            how = _command(workspace, path, compiler)
        except CommandError as error:
            found[path] = error.message
            continue
        commands = unit_commands(MeasuredProgram(root, (path,)), how, directory / "objects")
        (cost,) = measure(commands, 1, compiling.cost_cache(workspace), on_progress)
        found[path] = cost if cost.ok else _first(cost.said) or "it does not compile"
    return found


def _command(workspace: Workspace, path: str, compiler: Compiler) -> Command:
    if compiler.template:
        return replace(from_template(compiler.template), step=None)
    assert compiler.database is not None
    return from_database(compiler.database, path, workspace.repository.work_tree)
