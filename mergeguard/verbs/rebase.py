"""sync in rebase mode: each local commit replayed onto upstream's tip through the lens.

All picks are made in memory, as git objects that no ref names; index, work tree and branch change once, at
the end or at the first conflict. What git's own rebase would drop (merges, commits that upstream has by
patch id, commits that become empty) is dropped here, and what it keeps is kept: author, dates, message,
encoding, notes; the committer is whoever rebases, and a signature is made anew where ``commit.gpgSign`` asks.
"""

from __future__ import annotations

from mergeguard import store
from mergeguard.audit.findings import Located
from mergeguard.errors import LayoutError, Location, RepositoryError
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import keep_layouts
from mergeguard.git import landing
from mergeguard.git.landing import StateFile
from mergeguard.git.merging import UnmergedPath
from mergeguard.git.objects import CommitInfo
from mergeguard.git.repository import Repository
from mergeguard.git.rewriting import write_commit
from mergeguard.tables import table
from mergeguard.treemerge import lastsync
from mergeguard.treemerge.lenspick import LensPicks
from mergeguard.treemerge.plainpick import PlainPicks
from mergeguard.treemerge.trees import Merged, Progress, merge_trees
from mergeguard.treemerge.virtual import STATE
from mergeguard.values import dataclass, field, replace
from mergeguard.verbs.resolving import require_resolved

_STATE = "mergeguard/rebase.json"
_CLEARED = tuple(StateFile(name, None) for name in (_STATE, "CHERRY_PICK_HEAD", "MERGE_MSG", "AUTO_MERGE"))


@table
class Pending:
    """A rebase that waits for a person; all names are commit ids but ``branch`` (None: HEAD was detached).

    ``tip`` is the last commit made, ``current`` the one whose pick conflicts, ``todo`` what comes after it.
    ``done`` pairs old commits with what they became.
    """

    upstream: str
    branch: str | None
    original: str
    onto: str
    tip: str
    current: str
    todo: tuple[str, ...]
    done: tuple[tuple[str, str], ...]
    rebase_merges: bool = False


@dataclass(frozen=True, slots=True)
class Picked:
    """One local commit's fate: ``new`` is None if it was dropped (``why``), equal to ``old`` if kept."""

    old: str
    new: str | None
    subject: str
    why: str = ""


@dataclass(frozen=True)
class RebaseOutcome:
    """A rebase that has not landed: ``tip`` is the new end of the branch.

    With ``stopped``, the pick of that commit conflicts; ``merged`` is its merge. It lands over ``base_tree``
    (HEAD's if None), or over whatever stands there with ``discard``.
    """

    upstream: str
    onto: str
    original: str
    tip: str
    picks: tuple[Picked, ...]
    stopped: CommitInfo | None = None
    merged: Merged | None = None
    todo: tuple[str, ...] = ()
    up_to_date: bool = False
    rebase_merges: bool = False
    base_tree: str | None = None
    discard: bool = False
    audit: tuple[Located, ...] | None = None  # None: not audited

    @property
    def clean(self) -> bool:
        """Whether the rebase needs nobody."""
        return self.stopped is None


def local_commits(
    repository: Repository, onto: str, head: str, *, rebase_merges: bool = False
) -> tuple[str, ...]:
    """The commits that a rebase of ``head`` onto ``onto`` replays, oldest first."""
    if rebase_merges:
        return repository.rev_list("--reverse", "--topo-order", f"{onto}..{head}")
    # As git rebase: no merges, and nothing that upstream has already by its patch id.
    return repository.rev_list(
        "--reverse", "--topo-order", "--no-merges", "--cherry-pick", "--right-only", f"{onto}...{head}"
    )


def rebase(
    repository: Repository,
    upstream: str,
    *,
    head: str,
    onto: str | None = None,
    commits: tuple[str, ...] | None = None,
    rebase_merges: bool = False,
    splitting: Splitting | None = None,
    progress: Progress = lambda _: None,
) -> RebaseOutcome:
    """Replay the local commits of ``head`` onto ``onto`` (commit ``upstream`` if None); nothing lands.

    ``commits`` are the ones to replay, oldest first (those that upstream has not, if None).
    """
    target = repository.resolve(onto or upstream)
    if (
        commits is None
        and repository.is_ancestor(target, head)
        and not repository.rev_list("--merges", f"{target}..{head}")
    ):
        return RebaseOutcome(upstream, target, head, head, (), up_to_date=True)
    todo = commits or local_commits(repository, target, head, rebase_merges=rebase_merges)
    splitting = splitting or Splitting.of(repository)
    picker = _Picker(repository, upstream, target, head, target, rebase_merges, splitting, progress)
    return picker.run(todo)


@dataclass
class _Picker:
    repository: Repository
    upstream: str
    onto: str
    original: str
    tip: str
    rebase_merges: bool
    splitting: Splitting
    progress: Progress
    picks: list[Picked] = field(default_factory=list)
    became: dict[str, str] = field(default_factory=dict)
    style: str = field(init=False)  # of conflicts
    plain: PlainPicks = field(init=False)
    through_lens: LensPicks = field(init=False)
    # The last tree that a merge through the lens gave, or that no rule has to do with.
    derived: str | None = None

    def __post_init__(self) -> None:
        self.style = self.repository.config("merge.conflictStyle") or "merge"
        self.plain = PlainPicks(self.repository, self.splitting)
        self.through_lens = LensPicks(self.repository, self.splitting, self.plain)

    def run(self, todo: tuple[str, ...]) -> RebaseOutcome:
        """Replay the commits up to the first conflict."""
        outcome = self._replayed(todo)
        keep_layouts(self.repository, self.repository.tree_of(self.tip), self.splitting)
        return outcome

    def _replayed(self, todo: tuple[str, ...]) -> RebaseOutcome:
        for number, oid in enumerate(todo):
            info = self.repository.commit_info(oid)
            self.progress(f"{number + 1}/{len(todo)} {info.subject}")
            if self.rebase_merges:
                self.tip = self._new(info.parents[0]) if info.parents else self.onto
            tree = self._light(info)
            if tree is None:
                merged = self._pick(info)
                if merged is None:
                    continue
                if not merged.clean:
                    return self._outcome(stopped=info, merged=merged, todo=todo[number + 1 :])
                tree = merged.tree
            self.derived = tree
            self._commit(info, tree)
        return self._outcome()

    def _outcome(
        self, stopped: CommitInfo | None = None, merged: Merged | None = None, todo: tuple[str, ...] = ()
    ) -> RebaseOutcome:
        return RebaseOutcome(
            self.upstream,
            self.onto,
            self.original,
            self.tip,
            tuple(self.picks),
            stopped,
            merged,
            todo,
            rebase_merges=self.rebase_merges,
        )

    def _new(self, parent: str) -> str:
        """What a parent of a local commit is after the rebase: upstream's commits lead to the new base."""
        if parent in self.became:
            return self.became[parent]
        return (
            self.onto
            if self.repository.is_ancestor(parent, self.original) and not self._is_upstream_only(parent)
            else parent
        )

    def _is_upstream_only(self, commit: str) -> bool:
        return self.repository.is_ancestor(commit, self.onto) and commit not in self.repository.merge_bases(
            self.onto, self.original
        )

    def _light(self, info: CommitInfo) -> str | None:
        """The tree of a commit replayed without a merge of all rules; None where that is what it takes."""
        if len(info.parents) != 1 or info.parents == (self.tip,):
            return None
        repository = self.repository
        tip, parent = repository.tree_of(self.tip), repository.tree_of(info.parents[0])
        if tip != self.derived and any(repository.entry(tree, STATE) for tree in (tip, parent)):
            return None
        edited = self.plain.rules_edited(parent, info.tree, tip)
        if edited is None:
            return None
        if not edited:
            return self.plain.pick(parent, info.tree, tip)
        return self.through_lens.pick(info.parents[0], info.oid, self.tip, edited)

    def _merged(self, info: CommitInfo) -> Merged:
        """The merge that replays a commit of one parent."""
        return merge_trees(
            self.repository,
            info.parents,
            self.tip,
            info.oid,
            labels=("HEAD", f"{info.oid[:7]} ({info.subject})"),
            style=self.style,
            splitting=self.splitting,
            placed=False,
        )

    def _pick(self, info: CommitInfo) -> Merged | None:
        """The merge that replays one commit; None if it could be kept as it is, or has been dealt with."""
        parents = info.parents
        if len(parents) > 1:
            return self._merge_again(info)
        if parents == (self.tip,):
            # Nothing below it changed: the commit itself stays.
            self.picks.append(Picked(info.oid, info.oid, info.subject))
            self.became[info.oid] = self.tip = info.oid
            return None
        return self._merged(info)

    def _merge_again(self, info: CommitInfo) -> Merged | None:
        """A merge is made again from what its parents became; one with upstream alone is not needed now."""
        others = [self._new(parent) for parent in info.parents[1:]]
        if all(self.repository.is_ancestor(other, self.tip) for other in others):
            self.picks.append(Picked(info.oid, None, info.subject, "upstream is there already"))
            self.became[info.oid] = self.tip
            return None
        if len(others) > 1:
            raise RepositoryError(
                f"{info.oid[:12]} merges {len(info.parents)} branches at once, which can't be replayed",
                hint="rebase without --rebase-merges, or merge: `mergeguard sync`",
            )
        bases = self.repository.merge_bases(self.tip, others[0])
        return merge_trees(
            self.repository,
            bases,
            self.tip,
            others[0],
            labels=("HEAD", others[0][:7]),
            style=self.style,
            splitting=self.splitting,
            placed=False,
        )

    def _commit(self, info: CommitInfo, tree: str, empty: str = "upstream has it") -> None:
        repository = self.repository
        became_empty = tree == repository.tree_of(self.tip)
        started_empty = bool(info.parents) and info.tree == repository.tree_of(info.parents[0])
        if became_empty and not started_empty and len(info.parents) < 2:
            self.picks.append(Picked(info.oid, None, info.subject, empty))
            self.became[info.oid] = self.tip
            return
        parents = (self.tip, *(self._new(p) for p in info.parents[1:]))
        new = write_commit(repository, info, tree, parents)
        self.picks.append(Picked(info.oid, new, info.subject))
        self.became[info.oid] = self.tip = new


# -- landing -------------------------------------------------------------------------------------------


def land(repository: Repository, outcome: RebaseOutcome, state: tuple[StateFile, ...] = ()) -> None:
    """Move the branch to the new tip, or stop at the conflict as git's rebase would, HEAD detached.

    ``state`` are more files of the git folder that change with it.
    """
    head = repository.head()
    pending = read_pending(repository)
    branch = pending.branch if pending is not None else head.branch
    original = pending.original if pending is not None else outcome.original
    reflog = f"mergeguard sync --rebase {outcome.upstream}"
    if outcome.clean:
        attach = branch if pending is not None else None
        landing.land(
            repository,
            landing.Outcome(
                tree=repository.tree_of(outcome.tip),
                expected_head=head.oid,
                reflog=f"{reflog}: finished",
                commit=outcome.tip,
                attach=attach,
                attach_expected=original if attach is not None else None,
                state=(*_CLEARED, _report_of(repository, outcome, original), *state),
                orig_head=original,
                base_tree=outcome.base_tree,
                discard=outcome.discard,
                notes=tuple((p.old, p.new) for p in outcome.picks if p.new not in (None, p.old)),
            ),
        )
        return
    assert outcome.stopped is not None and outcome.merged is not None
    waiting = Pending(
        outcome.upstream,
        branch,
        original,
        outcome.onto,
        outcome.tip,
        outcome.stopped.oid,
        outcome.todo,
        tuple((p.old, p.new or outcome.tip) for p in outcome.picks),
        outcome.rebase_merges,
    )
    conflicts = tuple(
        UnmergedPath(path, dict(stages)) for path, stages in sorted(outcome.merged.stages.items())
    )
    landing.land(
        repository,
        landing.Outcome(
            tree=outcome.merged.tree,
            expected_head=head.oid,
            reflog=f"{reflog}: stopped at {outcome.stopped.oid[:12]}",
            commit=outcome.tip,
            detach=True,
            conflicts=conflicts,
            state=(
                StateFile(_STATE, store.encode(waiting)),
                StateFile("CHERRY_PICK_HEAD", outcome.stopped.oid.encode() + b"\n"),
                StateFile("MERGE_MSG", outcome.stopped.message),
                StateFile("AUTO_MERGE", outcome.merged.tree.encode() + b"\n"),
                *state,
            ),
            orig_head=original,
            base_tree=outcome.base_tree,
            discard=outcome.discard,
        ),
    )


def _report_of(repository: Repository, outcome: RebaseOutcome, original: str) -> StateFile:
    """What ``mergeguard report`` will show of the rebase; it lands with it."""
    commits = len(repository.rev_list(f"{original}..{outcome.onto}"))
    return lastsync.state(outcome.upstream, original, outcome.onto, outcome.tip, commits, audit=outcome.audit)


def read_pending(repository: Repository) -> Pending | None:
    """The rebase that waits for a person, if there is one."""
    path = repository.git_dir / _STATE
    if not path.exists():
        return None
    try:
        return store.decode(path.read_bytes(), Pending)
    except store.Unreadable as error:
        raise LayoutError(
            f"the state of the waiting rebase can't be read: {error}",
            where=Location(f"<git-dir>/{_STATE}"),
            hint="`git reset --hard ORIG_HEAD` and a checkout of your branch bring back what was before",
        ) from None


def proceed(
    repository: Repository, progress: Progress = lambda _: None, *, skip: bool = False
) -> RebaseOutcome:
    """Go on after a stop: commit what the person resolved (or leave that commit out), replay the rest.

    The outcome is not landed yet: nothing has changed. Errors: LayoutError while files are still in conflict,
    and where HEAD has left the commits that were replayed: what it has now is no resolution of theirs.
    """
    pending = _pending(repository)
    at = repository.head()
    head = at.oid
    assert head is not None
    if at.branch == pending.branch is not None or not repository.is_ancestor(pending.tip, head):
        raise LayoutError(
            f"HEAD ({at.name}, {head[:12]}) has left the rebase, which stopped on {pending.tip[:12]}",
            hint="`mergeguard sync --abort`, then rebase again; "
            f"or `git checkout {pending.tip[:12]}`, then `mergeguard sync --skip`",
        )
    info = repository.commit_info(pending.current)
    splitting = Splitting.of(repository)
    picker = _Picker(
        repository,
        pending.upstream,
        pending.onto,
        pending.original,
        head,
        pending.rebase_merges,
        splitting,
        progress,
    )
    picker.became |= dict(pending.done)
    picker.picks += [Picked(old, new, repository.commit_info(old).subject) for old, new in pending.done]
    if skip:
        picker.tip = pending.tip
        picker.became[info.oid] = pending.tip
        picker.picks.append(Picked(info.oid, None, info.subject, "skipped"))
        return replace(picker.run(pending.todo), discard=True)
    require_resolved(repository)
    index = repository.index_tree()
    if head == pending.tip:
        picker._commit(info, index, "nothing of it was left to commit")
    else:
        # The person has committed by `git commit`.
        picker.became[info.oid] = head
        picker.picks.append(Picked(info.oid, head, info.subject))
    return replace(picker.run(pending.todo), base_tree=index)


def abort(repository: Repository) -> None:
    """Back to the branch as it was before the rebase began."""
    pending = _pending(repository)
    head = repository.head().oid
    landing.land(
        repository,
        landing.Outcome(
            tree=repository.tree_of(pending.original),
            expected_head=head,
            reflog="mergeguard sync --abort",
            commit=pending.original,
            attach=pending.branch,
            attach_expected=pending.original if pending.branch else None,
            state=_CLEARED,
            discard=True,
        ),
    )


def quit_rebase(repository: Repository) -> None:
    """Forget the waiting rebase; HEAD, index and files stay as they are."""
    _pending(repository)
    landing.change_state(
        repository,
        "mergeguard sync --quit",
        (StateFile(_STATE, None), StateFile("CHERRY_PICK_HEAD", None)),
    )


def _pending(repository: Repository) -> Pending:
    pending = read_pending(repository)
    if pending is None:
        raise LayoutError("no rebase is waiting", hint="start one: `mergeguard sync --rebase REF`")
    return pending
