"""What the everyday commands do to a fork: read its state, compute the new one, land it in one step.

The functions here take and return values; ``mergeguard.cli`` prints them. Each change of the repository
goes through ``mergeguard.git.landing``, so it is as before or as after, whatever happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mergeguard import kept, lastsync, lens, rebase
from mergeguard import plan as planning
from mergeguard.core.diff import diff
from mergeguard.core.emit import CURRENT_EMISSION
from mergeguard.core.layout import Glue, Layout
from mergeguard.core.source import parse
from mergeguard.core.unsplit import Hunk
from mergeguard.errors import LayoutError, Location, MergeguardError, RuleError, RuleMismatch
from mergeguard.git import landing
from mergeguard.git.merging import Conflict
from mergeguard.git.objects import Entry
from mergeguard.git.recovery import Recovery, recover
from mergeguard.git.repository import Repository
from mergeguard.git.snapshot import snapshot
from mergeguard.sync import Replayed, SyncOutcome, local_edits, merge_commits
from mergeguard.workspace import Guarded, Workspace

STATE = ".mergeguard"
_UPSTREAM_GUESSES = ("upstream/main", "upstream/master", "upstream/HEAD")


@dataclass(frozen=True)
class Fork:
    """An opened repository. ``recovered`` says what became of an interrupted run, if there was one."""

    repository: Repository
    recovered: Recovery | None

    @classmethod
    def open(cls, folder: str = ".") -> Fork:
        """The repository around ``folder``, an interrupted landing settled first."""
        repository = Repository.discover(folder)
        return cls(repository, recover(repository))

    def head(self) -> str:
        """HEAD's commit; RuleError on a branch without commits."""
        head = self.repository.head()
        if head.oid is None:
            raise LayoutError(f"the branch {head.name} has no commits yet", hint="commit something first")
        return head.oid

    def work_tree(self) -> Workspace:
        """The work tree as git would commit it, with what is in ``.mergeguard`` even if not yet added."""
        self.head()
        return Workspace.load(self.repository, snapshot(self.repository))

    def staged(self) -> Workspace:
        """The index, with the rules as they are in the work tree."""
        self.head()
        return Workspace.load(self.repository, snapshot(self.repository, [STATE]))

    def upstream(self, ref: str | None) -> str | None:
        """The upstream ref: the one given, the configured ``mergeguard.upstream``, or the usual name."""
        if ref is not None:
            self.repository.resolve(ref)
            return ref
        configured = self.repository.config("mergeguard.upstream")
        if configured is not None:
            return configured
        return next((r for r in _UPSTREAM_GUESSES if self.repository.reference(f"refs/remotes/{r}")), None)

    def stage(self, tree: str, what: str) -> None:
        """Land ``tree`` in index and work tree, without a commit; ``what`` names the command."""
        landing.land(
            self.repository,
            landing.Outcome(
                tree=tree,
                expected_head=self.head(),
                reflog=f"mergeguard {what}",
                base_tree=self.repository.index_tree(),
            ),
        )


# -- split -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Split:
    """One rule's layout as it will be staged; ``unmapped`` are hunks that stay in it as they are."""

    name: str
    layout: Layout
    refreshed: bool
    unmapped: tuple[Hunk, ...]


def split(fork: Fork, names: Iterable[str], upstream: str | None) -> tuple[tuple[Split, ...], str]:
    """Derive the layouts of the named rules (all that apply, if none are named) over the index.

    Returns what was derived and the tree that holds it; nothing is staged yet. A rule that is split
    already is derived again: from its monolith with the local edits, by
    the rule as it is now.
    """
    workspace = fork.staged()
    chosen = [workspace.rule(name) for name in names] or [
        g for g in workspace.guarded if workspace.monolith_path(g) is not None
    ]
    if not chosen:
        raise RuleError(
            "no rule applies to this tree" if workspace.guarded else "this fork has no rules",
            hint="`mergeguard rules add vllm` adds the ready ones, `mergeguard init PATH` writes one",
        )
    ref = fork.upstream(upstream)
    done: list[Split] = []
    edits: dict[str, Entry | None] = {}
    layouts: dict[str, tuple[Guarded, Layout]] = {}
    for guarded in chosen:
        path = workspace.monolith_path(guarded)
        if path is None:
            raise RuleMismatch(
                f"rule {guarded.name}: the monolith is not in the tree",
                where=Location(guarded.rule.monolith),
                hint=f"list its path in `also` of {guarded.rule_path}, or remove the rule",
            )
        pristine, text, entry = _texts(fork, workspace, guarded, path, ref)
        laid = lens.lay_out(workspace, guarded, path, text)
        if laid.recomposed.conflicts:
            conflicted = sorted(laid.recomposed.conflicts)
            raise LayoutError(
                f"rule {guarded.name}: your edits of glue and the newly derived glue conflict",
                where=Location(conflicted[0]),
                hint=f"undo your edit of glue there (see `mergeguard check`), then `mergeguard split {guarded.name}`",
            )
        edits |= lens.layout_edits(workspace, guarded, laid, pristine, entry.mode)
        layouts[guarded.name] = (guarded, laid.layout)
        unmapped = workspace.unsplit(guarded).unmapped if guarded.is_split else ()
        done.append(Split(guarded.name, laid.layout, guarded.is_split, unmapped))
    lens.check_outputs(
        fork.repository,
        workspace.tree,
        {name: layout for name, (_, layout) in layouts.items()},
        lens.layout_paths(workspace),
    )
    tree = lens.apply(fork.repository, workspace.tree, edits)
    tree = fork.repository.edit_tree(tree, lens.list_shards(fork.repository, tree, layouts.values()))
    return tuple(done), tree


def _texts(
    fork: Fork, workspace: Workspace, guarded: Guarded, path: str, upstream: str | None
) -> tuple[str, bytes, Entry]:
    """The blob of upstream's monolith, the fork's monolith, and the entry's tree entry."""
    repository = fork.repository
    entry = repository.entry(workspace.tree, path)
    if guarded.lock is not None:
        before = workspace.unsplit(guarded)
        if entry is None:
            raise LayoutError(
                "the layout's entry file is missing",
                where=Location(path),
                hint=f"`git checkout HEAD -- {path}` brings it back",
            )
        return guarded.lock.upstream, before.monolith, entry
    assert entry is not None
    own = repository.read_blob(entry.oid)
    if upstream is not None:
        try:
            bases = repository.merge_bases(fork.head(), repository.resolve(upstream))
        except MergeguardError:
            bases = ()
        for base in bases:
            there = repository.entry(repository.tree_of(base), path)
            # The lock may name upstream's blob only if the fork's text can be read back against it.
            if there is not None and _reads_back(
                workspace, guarded, path, repository.read_blob(there.oid), own
            ):
                return there.oid, own, entry
    return entry.oid, own, entry


def _reads_back(workspace: Workspace, guarded: Guarded, path: str, pristine: bytes, own: bytes) -> bool:
    from mergeguard.core.unsplit import unsplit

    def derive(text: bytes) -> Layout:
        return workspace.split_now(guarded, path, text, CURRENT_EMISSION)

    try:
        files: dict[str, bytes | None] = {f.path: f.text for f in derive(own).files}
        return unsplit(derive(pristine), files, derive).monolith == own
    except MergeguardError:
        return False


# -- leave -------------------------------------------------------------------------------------------


def leave(fork: Fork, names: Iterable[str]) -> tuple[str, tuple[Hunk, ...]]:
    """The index with the named layouts replaced by their monoliths, local edits in them.

    Returns the tree, and the hunks that have no place in a monolith (they would be lost:
    the caller refuses to go on while there are any).
    """
    workspace = fork.staged()
    chosen = [workspace.rule(name) for name in names]
    left = Workspace(
        workspace.repository,
        workspace.tree,
        tuple(g for g in chosen if g.is_split),
        workspace.splitting,
    )
    tree = lens.monolithic_tree(left)
    gone = {g.rule_path: None for g in chosen if fork.repository.entry(tree, g.rule_path)}
    hunks = tuple(h for g in left.guarded for h in workspace.unsplit(g).hunks)
    return lens.apply(fork.repository, tree, gone), hunks


# -- status ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RuleStatus:
    """One rule as ``status`` shows it. ``drift`` is (lines added, lines removed) upstream since the lock."""

    name: str
    path: str | None
    state: str
    upstream: str | None
    drift: tuple[int, int] | None
    edits: tuple[Replayed, ...]
    overlay: tuple[Hunk, ...]
    unmapped: tuple[Hunk, ...]
    problem: str | None = None


def status(fork: Fork, upstream: str | None) -> tuple[RuleStatus, ...]:
    """Every rule of the work tree."""
    workspace = fork.work_tree()
    ref = fork.upstream(upstream)
    theirs = fork.repository.tree_of(ref) if ref is not None else None
    return tuple(_rule_status(fork, workspace, guarded, theirs) for guarded in workspace.guarded)


def _rule_status(fork: Fork, workspace: Workspace, guarded: Guarded, theirs: str | None) -> RuleStatus:
    path = workspace.monolith_path(guarded)
    if guarded.lock is None:
        state = "not split" if path is not None else "no monolith"
        return RuleStatus(guarded.name, path, state, None, None, (), (), ())
    try:
        overlay, unmapped = kept.sort_out(workspace, guarded)
        edits = local_edits(workspace, guarded)
    except MergeguardError as error:
        return RuleStatus(guarded.name, path, "broken", guarded.lock.upstream, None, (), (), (), str(error))
    drift = None
    state = "split"
    if guarded.lock.rule != guarded.rule_oid:
        state = "split by an older rule"
    if theirs is not None:
        there = next(
            (
                e
                for p in (guarded.lock.monolith, *guarded.rule.paths())
                if (e := fork.repository.entry(theirs, p))
            ),
            None,
        )
        if there is None:
            state = "gone upstream"
        else:
            old = fork.repository.read_blob(guarded.lock.upstream).splitlines()
            new = (
                fork.repository.read_blob(there.oid).splitlines()
                if there.oid != guarded.lock.upstream
                else old
            )
            changes = diff(old, new)
            drift = (sum(c.b1 - c.b0 for c in changes), sum(c.a1 - c.a0 for c in changes))
    return RuleStatus(guarded.name, path, state, guarded.lock.upstream, drift, edits, overlay, unmapped)


# -- where -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line is on the other side of the lens. ``line`` is 1-based, None with ``glue`` set."""

    path: str
    line: int | None
    item: str
    glue: Glue | None = None
    upstream_line: int | None = None


def where(fork: Fork, path: str, line: int) -> Place:
    """The monolith's place for a layout file's line, and the other way round (lines are 1-based).

    Raises LayoutError if no rule of the work tree knows the path, or the file has no such line.
    """
    workspace = fork.work_tree()
    for guarded in workspace.split_rules:
        lock = guarded.lock
        assert lock is not None
        layout = workspace.unsplit(guarded).layout
        if path in layout.by_path and not (path == layout.path and workspace.read(path) is None):
            return _to_monolith(workspace, guarded, path, line)
    raise LayoutError(
        "no split rule has this file",
        where=Location(path),
        hint="`mergeguard status` lists them; for a monolith's line: `mergeguard where --monolith FILE:LINE`",
    )


def where_monolith(fork: Fork, path: str, line: int) -> Place:
    """The layout's place for a line of the monolith (the fork's, as ``unsplit`` prints it)."""
    workspace = fork.work_tree()
    for guarded in workspace.split_rules:
        unsplit = workspace.unsplit(guarded)
        if unsplit.layout.path != path:
            continue
        offset = _offset(unsplit.monolith, line, path)
        file, at = unsplit.layout.to_layout(offset)
        derived_line = file.text.count(b"\n", 0, at)
        now = workspace.read(file.path) or b""
        return Place(
            file.path, _line_across(file.text, now, derived_line) + 1, _item_at(unsplit.monolith, offset)
        )
    raise LayoutError(
        "no split rule has this monolith", where=Location(path), hint="`mergeguard status` lists them"
    )


def _to_monolith(workspace: Workspace, guarded: Guarded, path: str, line: int) -> Place:
    unsplit = workspace.unsplit(guarded)
    file = unsplit.layout.by_path[path]
    now = workspace.read(path) or b""
    _offset(now, line, path)
    derived_line = _line_across(now, file.text, line - 1)
    offset = _offset(file.text, derived_line + 1, path)
    # The first byte of the line that is the monolith's speaks for the line.
    end = file.text.find(b"\n", offset)
    there: int | Glue = unsplit.layout.to_monolith(path, offset)
    for at in range(offset, end if end >= 0 else len(file.text)):
        there = unsplit.layout.to_monolith(path, at)
        if not isinstance(there, Glue):
            break
    if isinstance(there, Glue):
        return Place(unsplit.layout.path, None, "", there)
    monolith_line = unsplit.monolith.count(b"\n", 0, there)
    pristine = workspace.pristine(guarded).monolith
    upstream_line = _line_across(unsplit.monolith, pristine, monolith_line)
    return Place(
        unsplit.layout.path, monolith_line + 1, _item_at(unsplit.monolith, there), None, upstream_line + 1
    )


def _offset(text: bytes, line: int, path: str) -> int:
    lines = text.splitlines(keepends=True)
    if not 1 <= line <= len(lines):
        raise LayoutError(f"the file has {len(lines)} lines", where=Location(path, line))
    return sum(map(len, lines[: line - 1]))


def _line_across(old: bytes, new: bytes, line: int) -> int:
    """The 0-based line of ``new`` that a line of ``old`` corresponds to."""
    shift = 0
    for change in diff(old.splitlines(), new.splitlines()):
        if change.a0 > line:
            break
        if line < change.a1:
            return min(change.b0 + line - change.a0, max(change.b0, change.b1 - 1))
        shift = change.b1 - change.a1
    return line + shift


def _item_at(text: bytes, offset: int) -> str:
    item = next((i for i in parse(text).items if i.start <= offset < i.end), None)
    return item.name if item is not None else ""


# -- sync --------------------------------------------------------------------------------------------


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
    progress: Callable[[str], None] = lambda _: None,
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
        outcome.messages,
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
    progress: Callable[[str], None] = lambda _: None,
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
    progress: Callable[[str], None] = lambda _: None,
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
    fork: Fork, *, skip: bool = False, progress: Callable[[str], None] = lambda _: None
) -> str | rebase.RebaseOutcome:
    """Go on with a sync whose conflicts are resolved and added: the merge commit, or the rebase so far."""
    repository = fork.repository
    if rebase.read_pending(repository) is not None:
        outcome = rebase.proceed(repository, progress, skip=skip)
        rebase.land(repository, outcome)
        return outcome
    if skip or repository.operation_in_progress() != "merge":
        raise LayoutError("no sync is waiting to be continued", hint="start one: `mergeguard sync REF`")
    unmerged = [entry.path for entry in repository.dirty() if entry.kind == "unmerged"]
    if unmerged:
        raise LayoutError(
            f"{len(unmerged)} file(s) are still in conflict: {', '.join(unmerged[:8])}",
            where=Location(unmerged[0]),
            hint="resolve the markers, `git add` the files, then `mergeguard sync --continue`",
        )
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
