"""check: what is wrong, or worth knowing, about the rules and layouts of one tree.

Reads the tree through the workspace, asks ``fork.check``, and turns what can't be read at all into
findings too: one broken rule says nothing about the others. No compiler and no libclang is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mergeguard.errors import MergeguardError
from mergeguard.findings import Finding, Reporter
from mergeguard.fork.fork import LEDGER, Fork
from mergeguard.fork.verdicts import CheckVerdict, Verdicts, verdict
from mergeguard.fork.watched import WatchedRepository
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.values import replace

if TYPE_CHECKING:
    from mergeguard.fork.proofs import NewProof  # a check asked again has no use for what proves


def run_fork(
    here: Fork, workspace: Workspace, names: Sequence[str] = (), unfinished: str | None = None
) -> tuple[Finding, ...]:
    """All that is to be said of a fork: its rules ``names`` (all if none), its history and its own work.

    ``unfinished`` says what a command of plain git left undone, if one did. Raises RuleError for a name that
    no rule has.
    """
    from mergeguard.treemerge import witness  # audits, which ask for layouts alone, have no use for it

    def base() -> str | None:
        from mergeguard.treemerge import handmade  # splits by hand are rare

        return handmade.known_base(here)

    head, chosen = here.head(), names or None
    found = run(workspace, chosen, base)
    found += witness.findings(workspace, head, chosen)
    if workspace.read(LEDGER) is not None:
        from mergeguard.verbs import ownwork

        found += tuple(ownwork.findings(workspace, head, here.upstream(None)))
    if unfinished is not None:
        found += (Reporter("").error("history", unfinished, "", hint="`mergeguard repair`"),)
    return found


def run(
    workspace: Workspace,
    names: Sequence[str] | None = None,
    base: Callable[[], str | None] = lambda: None,
    *,
    proofs: Mapping[str, NewProof | None] | None = None,
) -> tuple[Finding, ...]:
    """All findings about the rules called ``names`` (all of them if None), in rule and file order.

    ``base`` gives the tree of the merge base with upstream, if known: what the fork split by hand is told by
    it.
    Of the rules in ``proofs`` that is asked what these tell, and of those with None there nobody asks now
    whether layout and monolith are the same program. Raises RuleError for a name that no rule has.
    """
    chosen = workspace.guarded if names is None else tuple(workspace.rule(name) for name in names)
    verdicts = Verdicts(workspace.repository.private_dir)
    found: list[Finding] = []
    files: dict[str, tuple[str, ...]] = {}
    for guarded in chosen:
        one = _verdict(workspace, guarded, base, verdicts, proofs or {})
        found += one.told()
        files[guarded.name] = one.files
    found += _claims(files)
    return tuple(dict.fromkeys(found))


def _verdict(
    workspace: Workspace,
    guarded: Guarded,
    base: Callable[[], str | None],
    verdicts: Verdicts,
    proofs: Mapping[str, NewProof | None],
) -> CheckVerdict:
    """What there is to say of one rule; of a split one that was looked at in such a tree before, that."""
    known = verdicts.known(workspace, guarded) if guarded.is_split else None
    if known is not None:
        return known
    from mergeguard.verbs.checking import layouts  # most of us, where something has to be looked at

    watched = WatchedRepository.of(workspace.repository, workspace.tree)
    checker = layouts.LayoutChecker(replace(workspace, repository=watched), guarded, base)
    new = proofs.get(guarded.name)
    if guarded.name in proofs:
        checker.proof = layouts.no_proof if new is None else new.of
    found: list[Finding] = []
    try:
        found.extend(checker.findings())
    except MergeguardError as error:
        found.append(layouts.failed(guarded, error))
        return verdict(found, checker.files)
    is_whole = new.is_whole if new is not None else guarded.name not in proofs
    if guarded.is_split and is_whole:
        verdicts.keep(watched, guarded, verdict(found, checker.files))
    return verdict(found, checker.files)


def failures(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The errors and warnings among the findings: those that fail a check."""
    return tuple(finding for finding in findings if finding.fails)


def _claims(files: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    """Files that several rules write; ``files`` are those of each rule's layout."""
    owner: dict[str, str] = {}
    told: set[tuple[str, str]] = set()
    for name, paths in files.items():
        for path in paths:
            other = owner.setdefault(path, name)
            # Two rules that share one file often share all: the first says it.
            if other != name and (name, other) not in told:
                told.add((name, other))
                hint = "give one of the two another `layout` folder, or remove one"
                message = f"the rule {other} writes this file, too"
                yield Reporter(name).error("rule", message, path, hint=hint)
