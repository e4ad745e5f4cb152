"""sync: upstream into the fork through the lens, merged, rebased or step by step, and landed in one step."""

from __future__ import annotations

from dataclasses import dataclass

from mergeguard import lastsync, rebase
from mergeguard import plan as planning
from mergeguard.errors import LayoutError
from mergeguard.fork import Fork
from mergeguard.git import landing
from mergeguard.git.merging import Conflict
from mergeguard.git.repository import Repository
from mergeguard.resolving import require_resolved
from mergeguard.treemerge import Merged, Progress, merge_trees
from mergeguard.workspace import Splitting


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
    markers. Errors: NoMergeBase, and MergeguardError where a rule does not fit what the merge gives.
    """
    if bases is None:
        bases = repository.merge_bases(ours, theirs)
    if theirs in bases:
        tree = repository.tree_of(ours)
        return SyncOutcome(tree, (), {}, ours=ours, theirs=theirs, bases=bases, up_to_date=True)
    merged = merge_trees(
        repository, bases, ours, theirs, labels=labels, splitting=splitting, progress=progress
    )
    return SyncOutcome(
        merged.tree,
        merged.rules,
        merged.stages,
        merged.messages,
        merged.moved,
        merged.followed,
        merged.rewritten,
        ours=ours,
        theirs=theirs,
        bases=bases,
    )


# -- landing -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Synced:
    """A sync as the report shows it; ``commit`` is the merge commit, None if none was made."""

    outcome: SyncOutcome
    upstream: str
    commit: str | None
    behind: int


def sync(
    fork: Fork,
    upstream: str,
    *,
    dry_run: bool = False,
    message: str | None = None,
    progress: Progress = lambda _: None,
) -> Synced:
    """Merge ``upstream`` into the current branch through the lens, and land the outcome."""
    repository = fork.repository
    ours = fork.head()
    _require_idle(repository)
    theirs = repository.resolve(upstream)
    behind = len(repository.rev_list(f"{ours}..{theirs}"))
    outcome = merge_commits(repository, ours, theirs, labels=("HEAD", upstream), progress=progress)
    if outcome.up_to_date or dry_run:
        return Synced(outcome, upstream, None, behind)
    text = message or _merge_message(repository, upstream)
    if outcome.clean:
        progress("landing")
        commit = repository.commit_object(
            outcome.tree,
            (ours, theirs),
            text,
            author=repository.identity("author"),
            committer=repository.identity("committer"),
        )
        if repository.config_bool("commit.gpgSign"):
            commit = repository.sign(commit)
        landing.land(
            repository,
            landing.Outcome(
                tree=outcome.tree,
                expected_head=ours,
                reflog=f"mergeguard sync {upstream}",
                commit=commit,
                state=(_report_of(outcome, upstream, commit, behind),),
                orig_head=ours,
            ),
        )
        return Synced(outcome, upstream, commit, behind)
    conflicts = tuple(Conflict(path, dict(stages)) for path, stages in sorted(outcome.stages.items()))
    landing.land(
        repository,
        landing.Outcome(
            tree=outcome.tree,
            expected_head=ours,
            reflog=f"mergeguard sync {upstream}",
            conflicts=conflicts,
            state=(
                *landing.merge_state(repository, [theirs], text.encode(), conflicts, tree=outcome.tree),
                _report_of(outcome, upstream, None, behind),
            ),
            orig_head=ours,
        ),
    )
    return Synced(outcome, upstream, None, behind)


def _report_of(outcome: SyncOutcome, upstream: str, commit: str | None, behind: int) -> landing.StateFile:
    """What ``mergeguard report`` will show of the sync; it lands with it."""
    return lastsync.state(
        upstream,
        outcome.ours,
        outcome.theirs,
        commit,
        behind,
        outcome.rules,
        outcome.stages,
        (*outcome.messages, *(edit.message for edit in outcome.followed)),
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
    progress: Progress = lambda _: None,
) -> Stepped:
    """Merge ``upstream`` in the steps of ``plan``: a merge commit each, up to the first conflict.

    Run again after the conflict is concluded, it goes on where it stopped: what is merged is in the
    history. With ``branches``, each step's result is also named ``<branches>/<number>``.
    """
    repository = fork.repository
    _require_idle(repository)
    done: list[Synced] = []
    steps = planning.plan(repository, upstream, progress=progress).steps
    numbered = (
        len(repository.git("for-each-ref", f"refs/heads/{branches}").text.splitlines()) if branches else 0
    )
    for number, step in enumerate(steps, 1):
        text = planning.message(repository, step, upstream)
        synced = sync(fork, step.last, message=text, progress=progress)
        done.append(synced)
        if not synced.outcome.clean:
            break
        if branches and synced.commit is not None:
            name = f"refs/heads/{branches}/{numbered + number:02d}"
            repository.git("update-ref", "-m", "mergeguard sync --stepwise", name, synced.commit)
    merged = sum(step.count for step in steps[: len(done)])
    return Stepped(tuple(done), sum(step.count for step in steps) - merged)


def _require_idle(repository: Repository) -> None:
    if rebase.read_pending(repository) is not None:
        raise LayoutError(
            "a sync --rebase is waiting", hint="`mergeguard sync --continue`, `--skip` or `--abort`"
        )
    operation = repository.operation_in_progress()
    if operation is not None:
        raise LayoutError(
            f"a {operation} is in progress",
            hint="`mergeguard sync --continue` or `--abort`"
            if operation == "merge"
            else f"`git {operation} --continue` or `--abort`",
        )
    dirty = repository.dirty()
    if dirty:
        listed = ", ".join(entry.path for entry in dirty[:8]) + (", …" if len(dirty) > 8 else "")
        raise LayoutError(
            f"{len(dirty)} file(s) have uncommitted changes: {listed}",
            hint="commit them, or `git stash` them, then run this again",
        )


def _merge_message(repository: Repository, upstream: str) -> str:
    head = repository.head()
    kind = (
        "remote-tracking branch"
        if repository.reference(f"refs/remotes/{upstream}")
        else "branch"
        if repository.reference(f"refs/heads/{upstream}")
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
    progress: Progress = lambda _: None,
) -> rebase.RebaseOutcome:
    """Replay the current branch's own commits onto ``upstream`` through the lens, and land the outcome."""
    repository = fork.repository
    head = fork.head()
    _require_idle(repository)
    outcome = rebase.rebase(repository, upstream, head=head, rebase_merges=rebase_merges, progress=progress)
    if not outcome.up_to_date and not dry_run:
        rebase.land(repository, outcome)
    return outcome


def continue_sync(
    fork: Fork, *, skip: bool = False, progress: Progress = lambda _: None
) -> str | rebase.RebaseOutcome:
    """Go on with a sync whose conflicts are resolved and added: the merge commit, or the rebase so far."""
    repository = fork.repository
    if rebase.read_pending(repository) is not None:
        outcome = rebase.proceed(repository, progress, skip=skip)
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
    repository.git("commit", "--no-edit")
    commit = repository.head().oid
    assert commit is not None
    return commit


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
