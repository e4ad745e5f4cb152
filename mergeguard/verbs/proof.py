"""The two questions a reviewer asks of a split: is it the same program, and what does it save?

Lifts the checks of ``same_program`` and the measurements of ``mergeguard.build`` to the rules of a fork.
Compile work happens in trees below the repository's private directory, with every source file of the commit
in them, so that includes are found where they are in the work tree.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath

from mergeguard.build import compare as comparing
from mergeguard.build import trust
from mergeguard.build.cache import Cache
from mergeguard.build.commands import Command, CommandError, from_database, from_template
from mergeguard.build.compare import Comparison
from mergeguard.build.cost import MeasuredProgram, SplitCost, costs_by_shard, measure_split
from mergeguard.build.measure import Progress
from mergeguard.cpp.source import parse
from mergeguard.errors import LayoutError, Location
from mergeguard.fork.builds import shard_paths
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.lens import buildlists
from mergeguard.lens.emit import emission_of
from mergeguard.lens.layout import Layout, LayoutFile
from mergeguard.propose.budget import BudgetProposal, Cost, propose, rewrite
from mergeguard.treemerge import handmade
from mergeguard.treemerge.handmade import HandMade
from mergeguard.values import dataclass
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import BuildFile, ProgramFinding, bare, compare, failures, inlined

# What a compile can read: everything else of a commit need not be on disk for it.
_SOURCES = frozenset(
    ".c .cc .cpp .cxx .cu .cuh .cl .def .h .hh .hip .hpp .hxx .inc .inl .ipp .tcc .tpp .txx .in".split()
)
_DATABASES = ("compile_commands.json", "build/compile_commands.json")


@dataclass(frozen=True, slots=True)
class RuleProof:
    """What the token checks say about one rule's layout. ``path`` is the monolith's.

    ``by_hand`` if the fork made it without the rule: then all that it added is a difference, too.
    """

    name: str
    path: str
    files: int
    findings: tuple[ProgramFinding, ...]
    by_hand: bool = False

    @property
    def same(self) -> bool:
        """Whether nothing but notes was found."""
        return not failures(self.findings)

    def to_json(self) -> dict[str, object]:
        return {
            "rule": self.name,
            "monolith": self.path,
            "files": self.files,
            "by_hand": self.by_hand,
            "same": self.same,
            "findings": [asdict(finding) for finding in self.findings],
        }


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


def subjects(
    workspace: Workspace,
    names: Iterable[str] = (),
    *,
    against_upstream: bool = False,
    base: str | None = None,
) -> tuple[Subject, ...]:
    """The rules named (all if none is) whose monolith the tree has, split or not.

    A split rule's layout is held against the monolith that it comes from: with the fork's own edits, or with
    ``against_upstream`` as upstream has it; one made by hand against the file at ``base``, the tree of the
    merge base. Raises RuleError for an unknown name, LayoutError for a lock that can't be followed.
    """
    wanted = [workspace.rule(name) for name in names] or list(workspace.guarded)
    found: list[Subject] = []
    for guarded in wanted:
        made = handmade.find(workspace, guarded, base)
        if made is not None:
            texts = {file.path: file.text for file in made.files}
            found.append(Subject(guarded, made, made.monolith, texts, base))
            continue
        path = workspace.monolith_path(guarded)
        if path is None:
            continue
        if guarded.is_split:
            pristine = workspace.pristine(guarded)
            unsplit = None if against_upstream else workspace.unsplit(guarded)
            layout = pristine if unsplit is None else unsplit.layout
            monolith = pristine.monolith if unsplit is None else unsplit.monolith
            paths = dict.fromkeys((*(f.path for f in layout.files), *(f.path for f in pristine.files)))
            texts = {p: text for p in paths if (text := workspace.read(p)) is not None}
            found.append(Subject(guarded, _with(layout, pristine.files), monolith, texts))
        else:
            text = workspace.read(path)
            if text is None:
                continue
            layout = workspace.split_now(guarded, path, text, emission_of(guarded.rule))
            found.append(Subject(guarded, layout, text, {file.path: file.text for file in layout.files}))
    return tuple(found)


def _with(layout: Layout, more: Sequence[LayoutFile]) -> Layout:
    extra = tuple(LayoutFile(file.path, file.role, ()) for file in more if file.path not in layout.by_path)
    return Layout(layout.path, layout.monolith, (*layout.files, *extra), layout.notes) if extra else layout


def verify(
    workspace: Workspace,
    names: Iterable[str] = (),
    *,
    against_upstream: bool = False,
    base: str | None = None,
) -> tuple[RuleProof, ...]:
    """Without a compiler: every layout against its monolith, by tokens. See ``same_program.CHECKS``."""
    proofs: list[RuleProof] = []
    for subject in subjects(workspace, names, against_upstream=against_upstream, base=base):
        files = _texts(subject)
        findings = _compared(subject, _builds(workspace, subject))
        by_hand = isinstance(subject.layout, HandMade)
        name, path = subject.guarded.name, subject.layout.path
        proofs.append(RuleProof(name, path, len(files), findings, by_hand))
    return tuple(proofs)


def _compared(subject: Subject, builds: Sequence[BuildFile] = ()) -> tuple[ProgramFinding, ...]:
    roots = () if subject.base is None else handmade.roots_of([subject.layout.path])
    return compare(subject.layout.path, subject.monolith, _texts(subject), builds, roots)


def _texts(subject: Subject) -> list[LayoutText]:
    roles = subject.layout.by_path
    return [LayoutText(path, text, roles[path].is_unit) for path, text in subject.files.items()]


def _builds(workspace: Workspace, subject: Subject) -> list[BuildFile]:
    """The build files as they are and as they were before the split; none while nothing is split."""
    guarded, builds = subject.guarded, []
    if isinstance(subject.layout, HandMade):
        for path in workspace.build_files(guarded):
            entry = workspace.repository.entry(subject.base or "", path)
            text = workspace.read(path)
            if entry is not None and text is not None:
                builds.append(BuildFile(path, workspace.repository.read_blob(entry.oid), text))
    elif guarded.is_split:
        shards = shard_paths(subject.layout)
        for path in workspace.build_files(guarded):
            text = workspace.read(path)
            if text is not None:
                before = buildlists.remove(path, text, subject.layout.path, shards)
                builds.append(BuildFile(path, before, text))
    return builds


def build_directory(workspace: Workspace) -> Path:
    """Where compile work happens: inside the repository's git directory, shared by its work trees."""
    return workspace.repository.private_dir / "build"


def cost_cache(workspace: Workspace, *, fresh: bool = False) -> Cache:
    """The measured costs that this repository keeps; with ``fresh`` none of them counts any more."""
    return Cache(workspace.repository.private_dir / "cost", fresh)


def place(workspace: Workspace, subject: Subject, directory: Path) -> tuple[MeasuredProgram, MeasuredProgram]:
    """Both programs on disk below ``directory``: the commit's sources with the monolith, and with the layout.

    Files that are there already with the same bytes are left alone; files that the commit does not have any
    more go, so that nothing stale is ever included.
    """
    sources: dict[str, bytes] = {}
    for path, entry in workspace.repository.list_tree(workspace.tree).items():
        if entry.is_file and PurePosixPath(path).suffix in _SOURCES:
            sources[path] = workspace.repository.read_blob(entry.oid)
    for path in (*subject.files, *subject.layout.by_path):
        sources.pop(path, None)
    before, after = directory / "before", directory / "after"
    _write_tree(before, {**sources, subject.layout.path: subject.monolith})
    _write_tree(after, {**sources, **subject.files})
    return MeasuredProgram(before, (subject.layout.path,)), MeasuredProgram(after, subject.units)


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
    workspace: Workspace, subject: Subject, *, template: str | None = None, database: Path | None = None
) -> Command:
    """How to compile the subject's units: the template given, else the database given, else what the
    repository proposes (see ``proposal_for``), if the user of this clone has accepted it.

    A database may list the monolith or, in a split tree, the entry: both have the monolith's path. Raises
    CommandError where none of these is there, or a proposal is not accepted.
    """
    if template:
        return from_template(template)
    if database is not None:
        return from_database(database, subject.layout.path, workspace.repository.work_tree)
    return trust.require(workspace.repository, proposal_for(workspace, subject))


def proposal_for(workspace: Workspace, subject: Subject) -> trust.ProposedCommand:
    """What the repository proposes to compile the subject's units with: the rule's own ``compile``, else a
    compile_commands.json in the work tree or its ``build`` folder. Raises CommandError where there is none.
    """
    guarded, root = subject.guarded, workspace.repository.work_tree
    if guarded.rule.compile:
        command = from_template(guarded.rule.compile)
        return trust.proposal(guarded.name, guarded.rule_path, command, root)
    for name in _DATABASES:
        if (root / name).is_file():
            command = from_database(root / name, subject.layout.path, root)
            return trust.proposal(guarded.name, name, command, root)
    raise CommandError(
        f"no command to compile {subject.layout.path} with",
        hint="give --command 'g++ -I {root} -c {source} -o {output}', or --build with the folder of a "
        "compile_commands.json (cmake -DCMAKE_EXPORT_COMPILE_COMMANDS=ON), or set `compile` in the rule",
    )


def has_proposal(workspace: Workspace, subject: Subject) -> bool:
    """Whether the repository proposes a compile command for the subject at all."""
    root = workspace.repository.work_tree
    return bool(subject.guarded.rule.compile) or any((root / name).is_file() for name in _DATABASES)


def verify_compiled(
    workspace: Workspace,
    subject: Subject,
    command: Command,
    *,
    jobs: int = 1,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Comparison:
    """With a compiler: build both programs and compare what their objects define, host and device.

    Raises CompileError, CommandError, ObjectError.
    """
    directory = build_directory(workspace) / subject.guarded.name
    before, after = place(workspace, subject, directory)
    return comparing.compare(
        parse(subject.monolith),
        before,
        after,
        subject.namespaces,
        command,
        directory / "objects",
        jobs,
        cost_cache(workspace),
        on_progress,
        inlined=inlined(_compared(subject)),
        bare=bare(_texts(subject)),
    )


def cost(
    workspace: Workspace,
    subject: Subject,
    command: Command,
    *,
    jobs: int = 1,
    parallel: Sequence[int] = (),
    fresh: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> SplitCost:
    """Measure the monolith and each unit of the layout, ``jobs`` at a time.

    ``fresh`` measures what is known, too; ``parallel`` are numbers of jobs for which the layout is also
    built for real. Raises CompileError, CommandError.
    """
    directory = build_directory(workspace) / subject.guarded.name
    before, after = place(workspace, subject, directory)
    return measure_split(
        subject.layout,
        before,
        after,
        command,
        directory / "objects",
        jobs=jobs,
        parallel=parallel,
        cache=cost_cache(workspace, fresh=fresh),
        on_progress=on_progress,
    )


def budget(
    subject: Subject, measured: SplitCost, memory: int, jobs: int, most: int | None = None
) -> BudgetProposal:
    """Which dealings of the rule's arms fit ``memory`` bytes with ``jobs`` units at a time."""
    if measured.floor is None:
        raise LayoutError("the layout has no header whose cost could be told from the arms'")
    costs = {path: Cost(unit.undisturbed, unit.peak) for path, unit in costs_by_shard(measured).items()}
    floor = Cost(measured.floor.undisturbed, measured.floor.peak)
    return propose(subject.guarded.rule, costs, floor, memory, jobs, most)


def rewritten_rule(workspace: Workspace, subject: Subject, proposal: BudgetProposal) -> bytes:
    """The rule's file with the chosen dealing. Raises RuleError where nothing fits."""
    text = workspace.repository.read_blob(subject.guarded.rule_oid)
    return rewrite(text, subject.guarded.rule_path, proposal.shards)
