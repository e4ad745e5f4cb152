"""How the units of a rule are compiled: with which command, after which step, and the trees that they lie in.

Compile work happens in trees below the repository's private directory, with every source file of the commit
in them, so that includes are found where they are in the work tree.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from mergeguard.build import trust
from mergeguard.build.cache import Cache
from mergeguard.build.commands import Command, CommandError, PrepareStep, from_template, step_of
from mergeguard.build.cost import FloorProgram, MeasuredProgram
from mergeguard.build.database import from_database
from mergeguard.build.floor import floors
from mergeguard.build.prepare import prepared
from mergeguard.errors import LayoutError, Location
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.lens.layout import Layout
from mergeguard.treemerge.handmade import HandMade
from mergeguard.values import dataclass, replace

# What a compile can read: everything else of a commit need not be on disk for it.
_SOURCES = frozenset(
    ".c .cc .cpp .cxx .cu .cuh .cl .def .h .hh .hip .hpp .hxx .inc .inl .ipp .tcc .tpp .txx .in".split()
)
_DATABASES = ("compile_commands.json", "build/compile_commands.json")
STEP_KEY = "mergeguard.prepare"


@dataclass(frozen=True, slots=True)
class Subject:
    """One rule's monolith and layout as texts: what is verified and measured.

    ``files`` are the layout's as they are in the tree (a missing one is left out), or as a split would make
    them while the monolith is not split yet. ``base`` is the merge base's tree for a split made by hand.
    """

    guarded: Guarded
    layout: Layout | HandMade
    monolith: bytes
    files: dict[str, bytes]
    base: str | None = None

    @property
    def units(self) -> tuple[str, ...]:
        """The translation units, the entry first."""
        return tuple(file.path for file in self.layout.files if file.is_unit and file.path in self.files)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that glue makes to keep shards apart."""
        found: dict[str, None] = {}
        for file in self.layout.files:
            for line in self.files.get(file.path, b"").splitlines():
                if line.startswith(b"#define MG_NS "):
                    found[line.split()[2].decode("utf-8", "replace")] = None
        return tuple(found)


def build_directory(workspace: Workspace) -> Path:
    """Where compile work happens: inside the repository's git directory, shared by its work trees."""
    return workspace.repository.private_dir / "build"


def cost_cache(workspace: Workspace, *, fresh: bool = False) -> Cache:
    """The measured costs that this repository keeps; with ``fresh`` none of them counts any more."""
    return Cache(workspace.repository.private_dir / "cost", fresh)


def place(
    workspace: Workspace, subject: Subject, directory: Path, step: PrepareStep | None = None
) -> tuple[MeasuredProgram, MeasuredProgram]:
    """Both programs on disk below ``directory``: the commit's sources with the monolith, and with the layout.

    Files that are there already with the same bytes are left alone; files that the commit does not have any
    more go, so that nothing stale is ever included. With a ``step``, what it makes of both is what is
    compiled. Raises CommandError where the step fails.
    """
    whole = {subject.layout.path: subject.monolith}
    before = _placed(workspace, subject, directory / "before", whole, (subject.layout.path,), step)
    after = _placed(workspace, subject, directory / "after", subject.files, subject.units, step)
    return before, after


def place_floors(
    workspace: Workspace, subject: Subject, directory: Path, step: PrepareStep | None = None
) -> FloorProgram:
    """The bare units on disk: what both programs pay for their headers."""
    made = floors(subject.layout.path, subject.monolith, subject.files, subject.units)
    return FloorProgram(
        _placed(workspace, subject, directory / "headers", made.files, made.units, step), made
    )


def _placed(
    workspace: Workspace,
    subject: Subject,
    root: Path,
    files: Mapping[str, bytes],
    units: tuple[str, ...],
    step: PrepareStep | None,
) -> MeasuredProgram:
    sources = _sources(workspace)
    for path in (*subject.files, *subject.layout.by_path):
        sources.pop(path, None)
    _write_tree(root, {**sources, **files})
    if step is None:
        return MeasuredProgram(root, units)
    made, copies = prepared(step, root, units, workspace.repository.work_tree)
    return MeasuredProgram(made, units, copies)


def _sources(workspace: Workspace) -> dict[str, bytes]:
    """What a compile of the workspace's tree can read."""
    return {
        path: workspace.repository.read_blob(entry.oid)
        for path, entry in workspace.repository.list_tree(workspace.tree).items()
        if entry.is_file and PurePosixPath(path).suffix in _SOURCES
    }


def place_sources(workspace: Workspace, root: Path) -> Path:
    """The tree's sources on disk below ``root``, as they are; files that it has no more go."""
    _write_tree(root, _sources(workspace))
    return root


def _write_tree(root: Path, files: dict[str, bytes]) -> None:
    wanted = {root / path for path in files}
    for folder, _, names in os.walk(root):
        for name in names:
            present = Path(folder, name)
            if present not in wanted:
                present.unlink()
    for path, text in files.items():
        target = root / path
        if not target.resolve().is_relative_to(root.resolve()):
            raise LayoutError(f"{path} is outside the tree", where=Location(path))
        if target.is_file() and target.read_bytes() == text:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)


def command_for(
    workspace: Workspace,
    subject: Subject,
    *,
    template: str | None = None,
    database: Path | None = None,
    step: str | None = None,
) -> Command:
    """How to compile the subject's units: the template given, else the database given, else what the
    repository proposes (see ``proposal_for``), if the user of this clone has accepted it.

    A database may list the monolith or, in a split tree, the entry: both have the monolith's path. ``step``
    is what is done to the sources before; see ``step_for``. Raises CommandError where none of these is there,
    or a proposal is not accepted.
    """
    before = step_for(workspace, subject, step)
    if template:
        return replace(from_template(template), step=before)
    if database is not None:
        return from_database(database, subject.layout.path, workspace.repository.work_tree, before)
    trust.require(workspace.repository, proposal_for(workspace, subject))
    return _proposed_command(workspace, subject, before)[1]


def step_for(workspace: Workspace, subject: Subject, given: str | None = None) -> PrepareStep | None:
    """What is done to the sources before they are compiled: what is ``given``, else what the user's
    configuration says (``mergeguard.prepare``), else what the rule proposes. Raises CommandError for a
    proposal that nobody has accepted in this clone.
    """
    if given:
        return step_of(given)
    proposed = step_proposal_for(workspace, subject)
    if proposed is not None and not workspace.repository.config(STEP_KEY):
        trust.require(workspace.repository, proposed)
    return _named_step(workspace, subject)


def _named_step(workspace: Workspace, subject: Subject) -> PrepareStep | None:
    """The step that the user's configuration names, else the rule, accepted or not."""
    text = workspace.repository.config(STEP_KEY) or subject.guarded.rule.prepare
    return step_of(text) if text else None


def step_proposal_for(workspace: Workspace, subject: Subject) -> trust.ProposedCommand | None:
    """The step before compiling that the rule proposes, if it does."""
    guarded = subject.guarded
    if not guarded.rule.prepare:
        return None
    words = step_of(guarded.rule.prepare).words
    return trust.proposal(guarded.name, guarded.rule_path, words, workspace.repository.work_tree)


def proposal_for(workspace: Workspace, subject: Subject) -> trust.ProposedCommand:
    """What the repository proposes to compile the subject's units with: the rule's own ``compile``, else a
    compile_commands.json in the work tree or its ``build`` folder. Raises CommandError where there is none.
    """
    root = workspace.repository.work_tree
    where, command = _proposed_command(workspace, subject, _named_step(workspace, subject))
    return trust.proposal(subject.guarded.name, where, command.arguments, root)


def proposals_for(workspace: Workspace, subject: Subject) -> tuple[trust.ProposedCommand, ...]:
    """All that the repository proposes to run for a subject; empty if it is nothing."""
    step = step_proposal_for(workspace, subject)
    compiling = (proposal_for(workspace, subject),) if has_proposal(workspace, subject) else ()
    return (*compiling, *((step,) if step is not None else ()))


def _proposed_command(
    workspace: Workspace, subject: Subject, step: PrepareStep | None
) -> tuple[str, Command]:
    """The command that the repository proposes, and the file that it stands in."""
    guarded, root = subject.guarded, workspace.repository.work_tree
    if guarded.rule.compile:
        return guarded.rule_path, replace(from_template(guarded.rule.compile), step=step)
    for name in _DATABASES:
        if (root / name).is_file():
            return name, from_database(root / name, subject.layout.path, root, step)
    raise CommandError(
        f"no command to compile {subject.layout.path} with",
        hint="give --command 'g++ -I {root} -c {source} -o {output}', or --build with the folder of a "
        "compile_commands.json (cmake -DCMAKE_EXPORT_COMPILE_COMMANDS=ON), or set `compile` in the rule",
    )


def has_proposal(workspace: Workspace, subject: Subject) -> bool:
    """Whether the repository proposes a compile command for the subject at all."""
    root = workspace.repository.work_tree
    return bool(subject.guarded.rule.compile) or any((root / name).is_file() for name in _DATABASES)
