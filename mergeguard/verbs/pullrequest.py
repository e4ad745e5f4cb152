"""What a reviewer asks of a merge with upstream: what came, what conflicted, what was checked, what survives.

Read from the merge commit alone, by merging its parents again: so it can be asked of any merge, whoever made
it, of each step of a catch-up, and long afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from mergeguard.audit.findings import Located
from mergeguard.audit.ownwork import WorkFate
from mergeguard.errors import LayoutError
from mergeguard.findings import Finding
from mergeguard.fork.fork import Fork
from mergeguard.fork.report import SyncedRule
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import Workspace
from mergeguard.git.repository import Repository
from mergeguard.treemerge import resolution
from mergeguard.treemerge.resolution import ResolvedFile
from mergeguard.values import dataclass
from mergeguard.verbs import auditing, checking, ownwork
from mergeguard.verbs.compiled import proof
from mergeguard.verbs.compiled.proof import RuleProof
from mergeguard.verbs.ownwork import LedgerLine
from mergeguard.verbs.sync import merge_commits

_SUBJECTS = 30

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class PullRequest:
    """One merge with upstream, for review.

    ``merge`` is its commit, ``result`` the one that has what became of it (another where the conflicts were
    committed as they were). ``subjects`` (``abbreviated-name subject``) are the newest of the ``commits``
    that came. ``work`` counts the pieces of the fork's own work by their fate, ``losses`` are those that
    nobody accepted.
    """

    title: str
    merge: str
    result: str
    theirs: str
    commits: int
    subjects: tuple[str, ...]
    files: int
    rules: tuple[SyncedRule, ...]
    resolved: tuple[ResolvedFile, ...]
    audit: tuple[Located, ...]
    checks: tuple[Finding, ...]
    proofs: tuple[RuleProof, ...]
    work: tuple[tuple[WorkFate, int], ...]
    losses: tuple[LedgerLine, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing was found that a person should look at."""
        return not (self.audit or self.checks or self.losses) and all(p.same for p in self.proofs)


def pull_request(fork: Fork, revision: str | None = None, progress: Progress = lambda _: None) -> PullRequest:
    """The merge ``revision`` (the newest on HEAD's line if None).

    Raises LayoutError where there is no merge, or the revision is none.
    """
    repository = fork.repository
    merge = _merge(repository, revision)
    info = repository.commit_info(merge)
    ours, theirs = info.parents[:2]
    progress("merging again")
    outcome = merge_commits(repository, ours, theirs)
    result = resolution.settled(repository, merge, revision or "HEAD")
    tree = repository.tree_of(result)
    sides = (repository.tree_of(ours), repository.tree_of(theirs))
    progress("auditing")
    audited = auditing.run(repository, merge, progress)
    progress("checking")
    workspace = Workspace.load(repository, tree, Splitting.of(repository))
    ledger = ownwork.ledger(fork, merge, workspace=workspace)
    fates = Counter(line.outcome.fate for line in ledger.lines)
    came = f"{ours}..{theirs}"
    return PullRequest(
        info.subject,
        merge,
        result,
        theirs,
        len(repository.rev_list(came)),
        tuple(repository.git("log", f"--max-count={_SUBJECTS}", "--format=%h %s", came).text.splitlines()),
        len(repository.diff_names(sides[0], tree)),
        tuple(
            SyncedRule(r.name, r.path, r.state.value, r.conflicts, r.notes, r.findings) for r in outcome.rules
        ),
        resolution.resolutions(repository, outcome.stages, outcome.tree, tree, sides),
        tuple(located for one in audited for located in one.findings),
        checking.failures(checking.run(workspace)) if workspace.guarded else (),
        proof.verify(workspace) if workspace.guarded else (),
        tuple((fate, fates[fate]) for fate in WorkFate if fates[fate]),
        tuple(line for line in ledger.lines if line.open),
    )


def _merge(repository: Repository, revision: str | None) -> str:
    if revision is None:
        merges = repository.rev_list("--merges", "--first-parent", "--max-count=1", "HEAD")
        if not merges:
            raise LayoutError("there is no merge on this branch", hint="`mergeguard sync REF` makes one")
        return merges[0]
    commit = repository.resolve(revision)
    if len(repository.commit_info(commit).parents) < 2:
        # A branch of --stepwise --two-commits names the resolution; the merge is the commit before it.
        before = repository.commit_info(commit).parents[:1]
        if before and resolution.settled(repository, before[0], commit) == commit != before[0]:
            return before[0]
        raise LayoutError(f"{revision} is no merge", hint="name a merge commit, or none for the last")
    return commit
