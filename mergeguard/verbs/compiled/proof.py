"""The two questions a reviewer asks of a split: is it the same program, and what does it save?

Lifts the checks of ``same_program`` and the measurements of ``mergeguard.build`` to the rules of a fork.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mergeguard.build import compare as comparing
from mergeguard.build.advice import thin_advice
from mergeguard.build.commands import Command
from mergeguard.build.compare import Comparison
from mergeguard.build.cost import SplitCost, costs_by_shard, measure_split
from mergeguard.build.measure import Progress
from mergeguard.cpp.source import parse
from mergeguard.errors import LayoutError, RuleMismatch
from mergeguard.findings import Finding, Severity, in_tree, tree_data
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.lens import buildlists
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.homes.assign import assign
from mergeguard.lens.layout import Layout, LayoutFile, shard_paths
from mergeguard.propose.budget import BudgetProposal, Cost, propose, rewrite
from mergeguard.propose.schedule import Budget
from mergeguard.treemerge import handmade
from mergeguard.treemerge.handmade import HandMade
from mergeguard.treemerge.handmade import known_base as known_base
from mergeguard.values import dataclass, replace
from mergeguard.verbs.compiled.compiling import Subject, build_directory, cost_cache, place, place_floors
from mergeguard.verbs.ownheaders import parted_by_units, repository_headers
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import TAKEN_FOR_GRANTED as TAKEN_FOR_GRANTED
from mergeguard.verify.same_program import BuildFile, bare, compare, failures, inlined
from mergeguard.verify.thin import is_thin


@dataclass(frozen=True, slots=True)
class RuleProof:
    """What the token checks say about one rule's layout. ``path`` is the monolith's.

    ``by_hand`` if the fork made it without the rule: then all that it added is a difference, too.
    """

    name: str
    path: str
    files: int
    findings: tuple[Finding, ...]
    by_hand: bool = False

    @property
    def fits(self) -> bool:
        """Whether there is a layout to compare."""
        return all(finding.code != "fit" for finding in self.findings)

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
            "findings": [tree_data(finding) for finding in self.findings],
        }


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
    """Without a compiler: every layout against its monolith, by tokens. See ``findings.PROGRAM_CODES``.

    A rule that does not fit is a finding of its own, so that one of them leaves the others their proof.
    """
    proofs: list[RuleProof] = []
    for guarded in [workspace.rule(name) for name in names] or workspace.guarded:
        try:
            found = subjects(workspace, (guarded.name,), against_upstream=against_upstream, base=base)
        except RuleMismatch as problem:
            proofs.append(_unfit(workspace, guarded, problem))
        else:
            proofs += [_proof(workspace, subject) for subject in found]
    return tuple(proofs)


def _proof(workspace: Workspace, subject: Subject) -> RuleProof:
    findings = _compared(subject, _builds(workspace, subject))
    by_hand = isinstance(subject.layout, HandMade)
    if not isinstance(subject.layout, HandMade):
        findings += parted_by_units(repository_headers(workspace), subject.layout)
    return RuleProof(
        subject.guarded.name, subject.layout.path, len(_texts(subject)), findings, by_hand=by_hand
    )


def _unfit(workspace: Workspace, guarded: Guarded, problem: RuleMismatch) -> RuleProof:
    path = workspace.monolith_path(guarded) or guarded.rule.monolith
    line = problem.where.line if problem.where is not None else None
    finding = in_tree("fit", Severity.ERROR, problem.message, path, line)
    return RuleProof(guarded.name, path, 0, (finding,))


def _compared(subject: Subject, builds: Sequence[BuildFile] = ()) -> tuple[Finding, ...]:
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
    before, after = place(workspace, subject, directory, command.step)
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
    before, after = place(workspace, subject, directory, command.step)
    measured = measure_split(
        before,
        after,
        place_floors(workspace, subject, directory, command.step),
        command,
        directory / "objects",
        jobs=jobs,
        parallel=parallel,
        cache=cost_cache(workspace, fresh=fresh),
        on_progress=on_progress,
    )
    return replace(measured, advice=(*measured.advice, *_thin_advice(subject, measured)))


def _thin_advice(subject: Subject, measured: SplitCost) -> tuple[str, ...]:
    """What thin shards would save, where the layout has none."""
    rule = subject.guarded.rule
    if not rule.partition or is_thin(_texts(subject)):
        return ()
    wanted = rule if rule.interface == "thin" else replace(rule, interface="thin")
    try:
        assign(wanted, subject.layout.path, parse(subject.monolith), thin=True)
    except RuleMismatch as problem:
        return thin_advice(measured.units, measured.floors, problem.message, measured.umbrellas)
    return thin_advice(measured.units, measured.floors, "", measured.umbrellas)


def budget(
    subject: Subject,
    measured: SplitCost,
    memory: int,
    jobs: int,
    most: int | None = None,
    cpu_price: float = 0.0,
) -> BudgetProposal:
    """Which dealings of the rule's arms fit ``memory`` bytes with ``jobs`` units at a time, the entry among
    them.

    ``cpu_price`` is how many seconds of waiting a CPU second is worth. Raises LayoutError where the cost of
    the shards' headers is not known.
    """
    known = (measured.floors.get(unit.source) for unit in measured.shards)
    floor = next((one for one in known if one is not None), None)
    if floor is None:
        raise LayoutError("what the shards' headers cost is not known, so it can't be told from the arms'")
    costs = {path: Cost(unit.undisturbed, unit.peak) for path, unit in costs_by_shard(measured).items()}
    others = tuple(unit.profile() for unit in measured.units[:1] if unit.source not in costs)
    limits = Budget(memory, jobs, floor.undisturbed, floor.peak, others, cpu_price)
    return propose(subject.guarded.rule, costs, limits, most)


def rewritten_rule(workspace: Workspace, subject: Subject, proposal: BudgetProposal) -> bytes:
    """The rule's file with the chosen dealing. Raises RuleError where nothing fits."""
    text = workspace.repository.read_blob(subject.guarded.rule_oid)
    return rewrite(text, subject.guarded.rule_path, proposal.shards)
