"""sync: upstream into the fork through the lens, merged, rebased or step by step, and landed in one step."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from contextlib import closing

from mergeguard.audit.findings import SUMMED, Located
from mergeguard.errors import RESOLVE, LayoutError, counted
from mergeguard.findings import Finding
from mergeguard.fork.footprint import Footprints
from mergeguard.fork.fork import LEDGER, Fork
from mergeguard.fork.report import LastSync
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import Workspace
from mergeguard.git import landing
from mergeguard.git.errors import NoMergeBase
from mergeguard.git.landplan import require_possible
from mergeguard.git.merging import UnmergedPath
from mergeguard.git.outcome import forget_conflict_list
from mergeguard.git.repository import Repository
from mergeguard.git.rewriting import new_commit
from mergeguard.treemerge import lastsync, rederiving, resolution, witness
from mergeguard.treemerge.trees import Merged, Progress, merge_trees
from mergeguard.values import dataclass, field, replace
from mergeguard.verbs import rebase
from mergeguard.verbs.resolving import require_resolved
from mergeguard.verbs.status import leave_known


@dataclass(frozen=True)
class SyncOutcome(Merged):
    """A merge of two commits that has not landed."""

    ours: str = ""
    theirs: str = ""
    bases: tuple[str, ...] = ()
    up_to_date: bool = False


def merge_commits(
    repository: Repository,
    ours: str,
    theirs: str,
    *,
    bases: tuple[str, ...] | None = None,
    labels: tuple[str, str] = ("HEAD", "upstream"),
    splitting: Splitting | None = None,
    progress: Progress = lambda _: None,
) -> SyncOutcome:
    """Merge commit ``theirs`` into commit ``ours`` through the lens; nothing lands.

    ``bases`` are the merge bases (found in history if None). ``labels`` name the two sides in conflict
    markers. Errors: NoMergeBase.
    """
    if bases is None:
        bases = repository.merge_bases(ours, theirs)
    if theirs in bases:
        tree = repository.tree_of(ours)
        return SyncOutcome(tree, (), {}, ours=ours, theirs=theirs, bases=bases, up_to_date=True)
    merged = merge_trees(
        repository, bases, ours, theirs, labels=labels, splitting=splitting, progress=progress
    )
    return SyncOutcome(**vars(merged), ours=ours, theirs=theirs, bases=bases)


# -- landing -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Synced:
    """A sync as the report shows it; ``commit`` is the merge commit, None if none was made."""

    outcome: SyncOutcome
    upstream: str
    commit: str | None
    behind: int
    audit: tuple[Located, ...] | None = None  # None: not audited
    history: Mapping[str, str] = field(default_factory=dict)  # by rule: what earlier merges had left out
    losses: tuple[Finding, ...] = ()  # of the fork's own work and its pins, where a ledger is kept

    @property
    def done(self) -> bool:
        """Whether nobody is needed."""
        looks = any(rule.needs_a_look or rule.unmapped for rule in self.outcome.rules)
        return not (self.audit or self.history or self.losses or looks) and self.outcome.clean


def sync(
    fork: Fork,
    upstream: str,
    *,
    dry_run: bool = False,
    message: str | None = None,
    audit: bool | None = None,
    branch: str | None = None,
    two_commits: bool = False,
    progress: Progress = lambda _: None,
) -> Synced:
    """Merge ``upstream`` into the current branch through the lens, and land the outcome.

    A merge without conflicts is audited, unless ``audit`` (or, if that is None, the configuration) says no.
    ``branch`` is a new branch (its full name) that is to hold a clean merge, too. With ``two_commits``, a
    merge that conflicts is concluded as a commit with the conflicts as they were, and one with their
    resolution.
    """
    ours = fork.head()
    _require_idle(fork.repository, clean=not dry_run)
    # A merge that somebody made without the lens is no reason to call anything up to date.
    repository, splitting = fork.repository, Splitting.of(fork.repository)
    theirs = repository.resolve(upstream)
    try:
        bases = repository.merge_bases(ours, theirs)
    except NoMergeBase:
        bases = ()
    at_head = Workspace.load(repository, repository.tree_of(ours), splitting)
    held = witness.problems(at_head, ours, text=theirs in bases)
    how = _HowToSync(dry_run, message, audit, branch, two_commits, splitting)
    return replace(_sync(fork, ours, theirs, upstream, how, progress), history=held)


@dataclass(frozen=True, slots=True)
class _HowToSync:
    """What was asked of a sync; see ``sync``."""

    dry_run: bool
    message: str | None
    audit: bool | None
    branch: str | None
    two_commits: bool
    splitting: Splitting


def _sync(fork: Fork, ours: str, theirs: str, upstream: str, how: _HowToSync, progress: Progress) -> Synced:
    repository, splitting = fork.repository, how.splitting
    behind = len(repository.rev_list(f"{ours}..{theirs}"))
    outcome = merge_commits(
        repository, ours, theirs, labels=("HEAD", upstream), splitting=splitting, progress=progress
    )
    found: tuple[Located, ...] | None = None
    if outcome.clean and not outcome.up_to_date and wants_audit(repository, how.audit):
        progress("auditing")
        found = _audited(repository, outcome.bases, ours, theirs, outcome.tree, splitting)
    if outcome.up_to_date or how.dry_run:
        return Synced(outcome, upstream, None, behind, found)
    text = how.message or _merge_message(repository, upstream)
    if outcome.clean:
        progress("landing")
        commit = new_commit(repository, outcome.tree, (ours, theirs), text)
        landing.land(
            repository,
            landing.Outcome(
                tree=outcome.tree,
                expected_head=ours,
                reflog=f"mergeguard sync {upstream}",
                commit=commit,
                state=(_report_of(outcome, upstream, commit, behind, found),),
                orig_head=ours,
                names=((how.branch, commit, ""),) if how.branch is not None else (),
            ),
        )
        Footprints(repository, splitting).of(outcome.tree)  # hooks ask for it first, without the lens
        leave_known(fork, splitting)
        return Synced(outcome, upstream, commit, behind, found, losses=_losses(fork, commit, upstream))
    conflicts = tuple(UnmergedPath(path, dict(stages)) for path, stages in sorted(outcome.stages.items()))
    landing.land(
        repository,
        landing.Outcome(
            tree=outcome.tree,
            expected_head=ours,
            reflog=f"mergeguard sync {upstream}",
            conflicts=conflicts,
            state=(
                *landing.merge_state(repository, [theirs], text.encode(), conflicts, tree=outcome.tree),
                _report_of(outcome, upstream, None, behind, two_commits=how.two_commits),
            ),
            orig_head=ours,
        ),
    )
    if wants_audit(repository, how.audit):
        _look_ahead(repository, outcome, splitting)
    return Synced(outcome, upstream, None, behind)


def _look_ahead(repository: Repository, outcome: SyncOutcome, splitting: Splitting) -> None:
    """What the audit, and `status`, will ask of the layouts without a conflict, asked while all that it takes
    is at hand."""
    from mergeguard.fork import outlining
    from mergeguard.verbs import layoutaudit

    settled = {rule.name for rule in outcome.rules if not rule.conflicts}
    with contextlib.suppress(Exception):  # the audit will meet it, and say it
        layoutaudit.foresee(repository, outcome.ours, outcome.tree, settled, splitting)
        outlining.know(Workspace.load(repository, outcome.tree, splitting, lenient=True), settled)


def wants_audit(repository: Repository, asked: bool | None) -> bool:
    """Whether a sync is audited: as asked, else as ``mergeguard.audit`` says, else yes."""
    return repository.config_bool("mergeguard.audit", True) if asked is None else asked


def _audited(
    repository: Repository,
    bases: tuple[str, ...],
    ours: str,
    theirs: str,
    tree: str,
    splitting: Splitting,
) -> tuple[Located, ...]:
    from mergeguard.verbs import auditing, layoutaudit

    try:
        findings, _ = auditing.audit_commits(repository, bases, ours, theirs, tree, splitting=splitting)
        located = auditing.locate(repository, bases, ours, theirs, tree, findings, splitting)
        return (*located, *layoutaudit.findings(repository, ours, theirs, tree, splitting))
    except Exception as error:
        # A second look that fails must not cost the merge, nor pass for a clean one.
        return (auditing.broken_off(error),)


def _losses(fork: Fork, head: str, upstream: str) -> tuple[Finding, ...]:
    """What the merge that just landed lost of the fork's own work; see ``ownwork.findings``."""
    repository = fork.repository
    if repository.entry(repository.tree_of(head), LEDGER) is None:
        return ()
    from mergeguard.verbs import ownwork

    return tuple(ownwork.findings(fork.at_head(), head, upstream))


def _report_of(
    outcome: SyncOutcome,
    upstream: str,
    commit: str | None,
    behind: int,
    audit: tuple[Located, ...] | None = None,
    *,
    two_commits: bool = False,
) -> landing.StateFile:
    """What ``mergeguard report`` will show of the sync; it lands with it."""
    return lastsync.state(
        upstream,
        outcome.ours,
        outcome.theirs,
        commit,
        behind,
        outcome.rules,
        outcome.stages,
        (
            *outcome.messages,
            *outcome.decided,
            *outcome.findings,
            *(edit.message for edit in outcome.followed),
        ),
        audit,
        two_commits=two_commits,
    )


@dataclass(frozen=True)
class Stepped:
    """A catch-up in steps: what was merged, each as its own sync, and how many commits are left."""

    done: tuple[Synced, ...]
    left: int


def sync_stepwise(
    fork: Fork,
    upstream: str,
    *,
    branches: str | None = None,
    audit: bool | None = None,
    two_commits: bool = False,
    progress: Progress = lambda _: None,
) -> Stepped:
    """Merge ``upstream`` in the steps of ``plan``: a merge commit each, up to the first conflict.

    Run again after the conflict is concluded, it goes on where it stopped: what is merged is in the
    history. With ``branches``, each step's result is also named ``<branches>/<number>``.
    """
    from mergeguard.verbs import plan as planning

    repository = fork.repository
    _require_idle(repository)
    done: list[Synced] = []
    commits = len(planning.missing(repository, fork.head(), repository.resolve(upstream)))
    merged = 0
    if branches:
        require_possible(repository, _step_name(repository, branches))
        _name_concluded(repository, branches)
    found = planning.steps(repository, upstream, audit=wants_audit(repository, audit), progress=progress)
    with closing(found):
        for step in found:
            text = planning.message(repository, step, upstream)
            name = _step_name(repository, branches) if branches else None
            synced = sync(
                fork,
                step.last,
                message=text,
                branch=name,
                audit=audit,
                two_commits=two_commits,
                progress=progress,
            )
            done.append(synced)
            merged += step.count
            if not synced.outcome.clean:
                break
    return Stepped(tuple(done), commits - merged)


def _step_name(repository: Repository, branches: str) -> str:
    """The branch of the next step."""
    known = repository.git("for-each-ref", f"refs/heads/{branches}").text.splitlines()
    return f"refs/heads/{branches}/{len(known) + 1:02d}"


def _name_concluded(repository: Repository, branches: str) -> None:
    """The branch of the step that stopped, now that a person has concluded it."""
    last, head = lastsync.read(repository), repository.head().oid
    # A step is a sync with a commit, not with a branch.
    if last is None or head is None or last.commit != head or last.upstream != last.theirs:
        return
    if not repository.git("for-each-ref", "--points-at", head, f"refs/heads/{branches}").text:
        name = _step_name(repository, branches)
        repository.git("update-ref", "-m", "mergeguard sync --stepwise", name, head, "")


def _require_idle(repository: Repository, *, clean: bool = True) -> None:
    """LayoutError while git or an earlier sync is at work; with ``clean``, also for uncommitted changes."""
    dirty = repository.dirty()
    first = RESOLVE if repository.unmerged() else ""
    if rebase.read_pending(repository) is not None:
        raise LayoutError(
            "a sync --rebase is waiting", hint=f"{first}`mergeguard sync --continue`, `--skip` or `--abort`"
        )
    operation = repository.operation_in_progress()
    if operation is not None:
        raise LayoutError(
            f"a {operation} is in progress",
            hint=first
            + ("`mergeguard sync" if operation == "merge" else f"`git {operation}")
            + " --continue` or `--abort`",
        )
    if clean and dirty:
        listed = ", ".join(entry.path for entry in dirty[:8]) + (", …" if len(dirty) > 8 else "")
        raise LayoutError(
            f"there are uncommitted changes in {counted(len(dirty), 'file')}: {listed}",
            hint="commit them, or `git stash` them, then run this again",
        )


def _merge_message(repository: Repository, upstream: str) -> str:
    head = repository.head()
    kind = (
        "remote-tracking branch"
        if repository.reference(f"refs/remotes/{upstream}")
        else "branch"
        if repository.reference(f"refs/heads/{upstream}")
        else "tag"
        if repository.reference(f"refs/tags/{upstream}")
        else "commit"
    )
    into = "" if head.name in ("main", "master") else f" into {head.name}"
    return f"Merge {kind} '{upstream}'{into}\n"


def sync_rebase(
    fork: Fork,
    upstream: str,
    *,
    dry_run: bool = False,
    rebase_merges: bool = False,
    audit: bool | None = None,
    progress: Progress = lambda _: None,
) -> rebase.RebaseOutcome:
    """Replay the current branch's own commits onto ``upstream`` through the lens, and land the outcome."""
    repository = fork.repository
    head = fork.head()
    _require_idle(repository, clean=not dry_run)
    splitting = Splitting.of(repository)
    outcome = rebase.rebase(
        repository,
        upstream,
        head=head,
        rebase_merges=rebase_merges,
        splitting=splitting,
        progress=progress,
    )
    outcome = _rebase_audited(repository, outcome, audit, progress, splitting)
    if not outcome.up_to_date and not dry_run:
        rebase.land(repository, outcome)
        if outcome.clean:
            leave_known(fork, splitting)
    return outcome


def _rebase_audited(
    repository: Repository,
    outcome: rebase.RebaseOutcome,
    audit: bool | None,
    progress: Progress,
    splitting: Splitting | None = None,
) -> rebase.RebaseOutcome:
    """A finished rebase with its findings: as a merge of what it started from and what it went onto."""
    if not outcome.clean or outcome.up_to_date or not wants_audit(repository, audit):
        return outcome
    progress("auditing")
    original, tree = outcome.original, repository.tree_of(outcome.tip)
    bases = repository.merge_bases(original, outcome.onto)
    splitting = splitting or Splitting.of(repository)
    found = _audited(repository, bases, original, outcome.onto, tree, splitting)
    return replace(outcome, audit=found)


@dataclass(frozen=True)
class Concluded:
    """A merge whose conflicts a person resolved."""

    commit: str
    audit: tuple[Located, ...] | None
    undecided: tuple[Located, ...] = ()  # without those about lines of a conflict that was resolved just now
    losses: tuple[Finding, ...] = ()  # of the fork's own work and its pins, where a ledger is kept

    @property
    def done(self) -> bool:
        """Whether nobody is needed."""
        return not self.undecided and not self.losses


def continue_sync(
    fork: Fork,
    *,
    skip: bool = False,
    audit: bool | None = None,
    two_commits: bool = False,
    progress: Progress = lambda _: None,
) -> Concluded | rebase.RebaseOutcome:
    """Go on with a sync whose conflicts are resolved and added: the merge commit, or the rebase so far.

    With ``two_commits`` (or if the sync was started so) the merge is committed with its conflicts as they
    were, and the resolution on top of it.
    """
    repository = fork.repository
    pending = rebase.read_pending(repository)
    if pending is not None:
        outcome = rebase.proceed(repository, progress, skip=skip)
        outcome = _rebase_audited(repository, outcome, audit, progress)
        if outcome.audit:
            # A person resolved conflicts or left commits out on the way: what lines are there was decided.
            kept = tuple(f for f in outcome.audit if f.finding.code not in SUMMED)
            outcome = replace(outcome, audit=kept)
        rebase.land(repository, outcome)
        return outcome
    merging = repository.operation_in_progress() == "merge"
    if skip and merging:
        raise LayoutError(
            "a merge has no commit to skip: only `sync --rebase` has",
            hint="`mergeguard sync --continue` or `--abort`",
        )
    if not merging:
        raise LayoutError("no sync is waiting to be continued", hint="start one: `mergeguard sync REF`")
    require_resolved(repository)
    _derive_again(fork)
    commit, merge = _concluded(repository, two_commits)
    ours, theirs = repository.commit_info(merge).parents[:2]
    found: tuple[Located, ...] | None = None
    splitting = Splitting.of(repository)
    if wants_audit(repository, audit):
        progress("auditing")
        tree = repository.tree_of(commit)
        bases = repository.merge_bases(ours, theirs)
        found = _audited(repository, bases, ours, theirs, tree, splitting)
    undecided = _not_decided(lastsync.read(repository), found or ())
    lastsync.concluded(repository, commit, found)
    leave_known(fork, splitting)
    return Concluded(commit, found, undecided, _losses(fork, commit, theirs))


def _concluded(repository: Repository, two_commits: bool) -> tuple[str, str]:
    """HEAD, and the merge that it is or comes after, once the stopped merge is committed."""
    last, theirs = lastsync.read(repository), repository.resolve("MERGE_HEAD")
    last = last if last is not None and last.theirs == theirs else None
    note = repository.git_dir / "AUTO_MERGE"
    marked = note.read_text(encoding="ascii").strip() if note.exists() else ""
    forget_conflict_list(repository.git_dir)
    repository.git("commit", "--no-edit")
    commit = repository.head().oid
    assert commit is not None
    if last is None or not marked or not (two_commits or last.two_commits):
        return commit, commit
    commit = resolution.in_two_commits(repository, commit, marked, last.conflicts, last.upstream)
    return commit, repository.commit_info(commit).parents[0]


def _derive_again(fork: Fork) -> None:
    """Stage the layouts of rules that were in conflict, by the rules as they have been resolved."""
    repository = fork.repository
    index = repository.index_tree()
    parents = (repository.tree_of(commit) for commit in (fork.head(), repository.resolve("MERGE_HEAD")))
    tree = rederiving.rederived(repository, index, parents)
    if tree != index:
        fork.stage(tree, "sync --continue")


def _not_decided(last: LastSync | None, findings: tuple[Located, ...]) -> tuple[Located, ...]:
    """The findings without what a person has just looked at: which lines of a conflict are in the result."""
    if last is None:
        return findings
    seen = {*last.conflicts, *(r.monolith for r in last.rules if r.conflicts)}
    return tuple(
        f
        for f in findings
        if f.finding.code not in SUMMED or seen.isdisjoint((f.at[0], *(p.path for p in f.finding.places)))
    )


def abort_sync(fork: Fork) -> None:
    """Back to the state before the sync that conflicted."""
    if rebase.read_pending(fork.repository) is not None:
        rebase.abort(fork.repository)
    elif fork.repository.operation_in_progress() == "merge":
        landing.abort_merge(fork.repository)
    else:
        raise LayoutError("no sync is waiting to be aborted", hint="`git reflog` shows where the branch was")


def quit_sync(fork: Fork) -> None:
    """Forget a waiting sync; HEAD, index and files stay as they are."""
    if rebase.read_pending(fork.repository) is not None:
        rebase.quit_rebase(fork.repository)
    elif fork.repository.operation_in_progress() == "merge":
        fork.repository.git("merge", "--quit")
    else:
        raise LayoutError("no sync is waiting", hint="`git status` shows the state of the repository")
