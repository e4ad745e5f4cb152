"""sync: merge upstream into a fork as if the split had never happened, then derive the layouts again.

``split(merge(B, unsplit(fork), U))`` of DESIGN section 3, on whole trees. Everything is computed as git
objects that no ref names; landing the outcome is the caller's (``mergeguard.git.landing``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mergeguard import lens
from mergeguard.core.diff import diff
from mergeguard.core.emit import CURRENT_EMISSION
from mergeguard.core.layout import Layout
from mergeguard.core.merge import Conflict, MergeResult, Note, Piece, Resolved, merge
from mergeguard.core.merge.lines import merge_lines
from mergeguard.core.merge.markers import parse_markers
from mergeguard.core.merge.result import join
from mergeguard.core.overlay import recompose
from mergeguard.core.unsplit import Hunk
from mergeguard.errors import Location, MergeguardError, RuleMismatch
from mergeguard.git.merging import MergeOutcome
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.workspace import REGULAR, Guarded, Splitting, Workspace

# Longer than any run of marker characters in sources, so that regions can be told from text.
_MARKER_SIZE = 47

Progress = Callable[[str], None]


class State(StrEnum):
    """What became of a rule's monolith in a merge."""

    UNCHANGED = "unchanged upstream"
    MERGED = "merged"
    CONFLICT = "conflict"
    MOVED = "moved upstream"
    RETIRED = "gone upstream"
    GONE_EDITED = "gone upstream, edited here"
    OUTGROWN = "the rule no longer fits"
    NOT_SPLIT = "not split"


@dataclass(frozen=True, slots=True)
class Replayed:
    """A local edit and where it is now: the layout file and 1-based line of its first changed line."""

    path: str
    line: int
    item: str
    added: int
    removed: int


@dataclass(frozen=True)
class RuleOutcome:
    """One rule's part of a sync, as the report shows it."""

    name: str
    path: str
    state: State
    replayed: tuple[Replayed, ...] = ()
    overlay: tuple[Hunk, ...] = ()
    unmapped: tuple[Hunk, ...] = ()
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class SyncOutcome:
    """A finished merge that has not landed.

    ``tree`` is the fork's tree after the merge; in a conflict it holds the files with markers, and
    ``stages`` the index entries (1 base, 2 ours, 3 theirs) of each conflicted path.
    """

    ours: str
    theirs: str
    bases: tuple[str, ...]
    tree: str
    rules: tuple[RuleOutcome, ...]
    stages: Mapping[str, Mapping[int, Entry]]
    messages: tuple[str, ...] = ()
    up_to_date: bool = False
    fast_forward: bool = False

    @property
    def clean(self) -> bool:
        """Whether the merge needs nobody."""
        return not self.stages


@dataclass(frozen=True)
class _Side:
    """One of the three trees of the merge, with its monoliths whole."""

    workspace: Workspace
    tree: str


@dataclass
class _Laid:
    """What the loop over the rules collects."""

    edits: dict[str, Entry | None] = field(default_factory=dict)
    layouts: list[tuple[Guarded, Layout]] = field(default_factory=list)
    stages: dict[str, dict[int, Entry]] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)


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
    """Merge commit ``theirs`` into commit ``ours`` through the lens.

    ``bases`` are the merge bases (found in history if None). ``labels`` name the two sides in conflict
    markers. Raises MergeguardError where a rule does not fit what the merge gives; nothing has landed.
    """
    if bases is None:
        bases = repository.merge_bases(ours, theirs)
    if theirs in bases:
        tree = repository.tree_of(ours)
        return SyncOutcome(ours, theirs, bases, tree, (), {}, up_to_date=True)
    splitting = splitting or Splitting()
    progress("reading the fork")
    return _Merger(repository, ours, theirs, bases, labels, splitting, progress).run()


class _Merger:
    def __init__(
        self,
        repository: Repository,
        ours: str,
        theirs: str,
        bases: tuple[str, ...],
        labels: tuple[str, str],
        splitting: Splitting,
        progress: Progress,
    ) -> None:
        self.repository = repository
        self.ours_commit, self.theirs_commit, self.bases = ours, theirs, bases
        self.labels = labels
        self.splitting = splitting
        self.progress = progress
        self.ours = Workspace.load(repository, repository.tree_of(ours), splitting)
        self.theirs = Workspace.load(repository, repository.tree_of(theirs), splitting)
        self.base_workspaces = [Workspace.load(repository, repository.tree_of(b), splitting) for b in bases]

    # -- the three trees ---------------------------------------------------------------------------

    def run(self) -> SyncOutcome:
        paths = {g.name: self._path_after(g) for g in self.ours.guarded}
        moves = {name: path for name, path in paths.items() if path is not None}
        ours_tree = lens.monolithic_tree(self.ours, moves)
        theirs_tree = self._side_tree(self.theirs, moves)
        base_trees = [self._side_tree(w, moves) for w in self.base_workspaces]
        self.progress("merging")
        outcome, base_tree = self._merge(ours_tree, theirs_tree, base_trees)
        self.sides = (base_tree, ours_tree, theirs_tree)
        laid = _Laid()
        rules = [self._rule(g, moves.get(g.name), outcome, laid) for g in self.ours.guarded]
        return self._outcome(outcome, laid, tuple(rules))

    def _path_after(self, guarded: Guarded) -> str | None:
        """Where the merge should have the monolith: where upstream has it, else where the fork has it."""
        here = self.ours.monolith_path(guarded)
        if here is None:
            return None
        there = Workspace(self.repository, self.theirs.tree, ()).monolith_path(
            Guarded(guarded.name, guarded.rule, guarded.rule_oid, None)
        )
        theirs_split = next((g for g in self.theirs.split_rules if g.name == guarded.name), None)
        if theirs_split is not None and theirs_split.lock is not None:
            there = theirs_split.lock.monolith
        if here in (there, None) or self.repository.entry(self.theirs.tree, here):
            return here
        return there or here

    def _side_tree(self, workspace: Workspace, moves: Mapping[str, str]) -> str:
        """A base's or upstream's tree with its monoliths whole, and at the paths the merge will use."""
        tree = lens.monolithic_tree(workspace) if workspace.split_rules else workspace.tree
        edits: dict[str, Entry | None] = {}
        for guarded in self.ours.guarded:
            there = moves.get(guarded.name)
            if there is None or self.repository.entry(tree, there):
                continue
            known = (*guarded.rule.paths(), self.ours.monolith_path(guarded) or there)
            here = next((p for p in known if self.repository.entry(tree, p)), None)
            if here is not None:
                edits |= {there: self.repository.entry(tree, here), here: None}
        return self.repository.edit_tree(tree, edits) if edits else tree

    def _merge(self, ours: str, theirs: str, bases: list[str]) -> tuple[MergeOutcome, str | None]:
        """git's own merge of the three trees; virtual commits wherever a tree is not a commit's own."""
        repository = self.repository
        real = (
            all(tree == w.tree for tree, w in zip(bases, self.base_workspaces, strict=True))
            and theirs == self.theirs.tree
        )
        if real:
            parents = list(self.bases)
            upstream = self.theirs_commit
        else:
            parents = [repository.commit_object(tree, (), "merge base\n") for tree in bases]
            upstream = repository.commit_object(theirs, parents, "upstream\n")
        fork = repository.commit_object(ours, parents, "fork, unsplit\n")
        outcome = repository.merge_trees(fork, upstream, labels=self.labels)
        return outcome, bases[0] if len(bases) == 1 else None

    # -- one rule ----------------------------------------------------------------------------------

    def _rule(self, guarded: Guarded, path: str | None, outcome: MergeOutcome, laid: _Laid) -> RuleOutcome:
        if guarded.lock is None or path is None:
            return RuleOutcome(guarded.name, path or guarded.rule.monolith, State.NOT_SPLIT)
        self.progress(f"deriving {guarded.name}")
        before = self.ours.unsplit(guarded)
        conflict = next((c for c in outcome.conflicts if c.path == path), None)
        entry = self.repository.entry(outcome.tree, path)
        upstream = self.repository.entry(self.sides[2], path)
        if upstream is None or entry is None:
            return self._gone(guarded, path, outcome, laid)
        result = self._monolith(path, entry, conflict is not None)
        laid.settled.add(path)
        lays = self._lay_out(guarded, path, result)
        stages: dict[str, dict[int, Entry]] = {}
        if result.clean:
            laid_out = lays["ours"]
            files: dict[str, bytes] = dict(laid_out.recomposed.files)
            conflicted = dict(laid_out.recomposed.conflicts)
            for conflicted_path, merged in conflicted.items():
                files[conflicted_path] = self._markers(merged)
        else:
            laid_out = lays["ours"]
            files, conflicted = self._conflicted(result, lays)
        if conflicted:
            stages = self._stages(guarded, path, conflicted)
        edits = lens.layout_edits(self.ours, guarded, laid_out, upstream.oid, entry.mode)
        for file_path, text in files.items():
            mode = entry.mode if file_path == path else REGULAR
            edits[file_path] = Entry(mode, self.repository.write_blob(text))
        laid.edits |= edits
        laid.layouts.append((guarded, laid_out.layout))
        laid.stages |= stages
        here = self.ours.monolith_path(guarded)
        state = State.CONFLICT if conflicted else State.MOVED if here != path else State.MERGED
        base_entry = self.repository.entry(self.sides[0], path) if self.sides[0] else None
        if state is State.MERGED and base_entry is not None and base_entry.oid == upstream.oid:
            state = State.UNCHANGED
        return RuleOutcome(
            guarded.name,
            path,
            state,
            overlay=before.overlay,
            unmapped=before.unmapped,
            conflicts=tuple(sorted(conflicted)),
            notes=(*laid_out.layout.notes, *(n.message for n in result.notes if not n.finding)),
            findings=tuple(n.message for n in result.findings),
        )

    def _monolith(self, path: str, entry: Entry, conflict: bool) -> MergeResult:
        """The merged monolith: git's own result where it is clean and accepted, else the structured one."""
        repository = self.repository
        versions = [repository.entry(tree, path) if tree else None for tree in self.sides]
        base, ours, theirs = (repository.read_blob(v.oid) if v else b"" for v in versions)
        if not conflict:
            merged = repository.read_blob(entry.oid)
            if merged in (ours, theirs) or versions[0] is None:
                return MergeResult(join([Resolved(merged)]))
            return merge(base, ours, theirs, git_clean=merged)
        text, count = repository.merge_file(base, ours, theirs, style="diff3", marker_size=_MARKER_SIZE)
        if count == 0:
            return merge(base, ours, theirs, git_clean=text)
        return merge(base, ours, theirs, git_pieces=parse_markers(text, _MARKER_SIZE))

    def _lay_out(self, guarded: Guarded, path: str, result: MergeResult) -> dict[str, lens.LaidOut]:
        lays: dict[str, lens.LaidOut] = {}
        sides = ("ours",) if result.clean else ("ours", "base", "theirs")
        for side in sides:
            try:
                lays[side] = lens.lay_out(self.ours, guarded, path, result.render(side))  # type: ignore[arg-type]
            except MergeguardError as error:
                if side != "ours":
                    continue
                raise RuleMismatch(
                    f"rule {guarded.name} does not fit the merged file: {error}",
                    where=Location(path),
                    hint=f"adapt {guarded.rule_path}, or take the split back first: `mergeguard leave {guarded.name}`",
                ) from error
        return lays

    def _conflicted(
        self, result: MergeResult, lays: Mapping[str, lens.LaidOut]
    ) -> tuple[dict[str, bytes], dict[str, MergeResult]]:
        """The layout's files with the monolith's conflicts in them, and which files have any."""
        ours = lays["ours"].recomposed.files
        files: dict[str, bytes] = {}
        conflicted: dict[str, MergeResult] = {}
        theirs = lays["theirs"].recomposed.files if "theirs" in lays else {}
        base = lays["base"].recomposed.files if "base" in lays else {}
        for path, mine in ours.items():
            yours = theirs.get(path, mine)
            overlay = lays["ours"].recomposed.conflicts.get(path)
            if mine == yours and overlay is None:
                files[path] = mine
                continue
            merged = overlay if mine == yours and overlay else _forced(base.get(path, b""), mine, yours)
            files[path] = self._markers(merged)
            conflicted[path] = merged
        if not conflicted:
            # Upstream's side can't be laid out: the conflict stands where our side of it is.
            path, merged = _in_place(result, lays["ours"])
            files[path] = self._markers(merged)
            conflicted[path] = merged
        return files, conflicted

    def _markers(self, merged: MergeResult) -> bytes:
        style = self.repository.config("merge.conflictStyle") or "merge"
        return merged.render_markers((self.labels[0], "merge base", self.labels[1]), style=style)

    def _stages(
        self, guarded: Guarded, path: str, conflicted: Mapping[str, MergeResult]
    ) -> dict[str, dict[int, Entry]]:
        """Index stages: the layouts of the base and of upstream, and the user's own file."""
        stages: dict[str, dict[int, Entry]] = {}
        before = self.ours.unsplit(guarded)
        now = self.ours.layout_files(self.ours.pristine(guarded))
        for number, tree in ((1, self.sides[0]), (3, self.sides[2])):
            entry = self.repository.entry(tree, path) if tree else None
            if entry is None:
                continue
            try:
                layout = self.ours.split_now(
                    guarded, path, self.repository.read_blob(entry.oid), CURRENT_EMISSION
                )
            except MergeguardError:
                continue
            derived = (
                recompose(before, now, layout, lens.merge_text).files
                if number == 3
                else {f.path: f.text for f in layout.files}
            )
            for file in conflicted:
                if file in derived:
                    stages.setdefault(file, {})[number] = Entry(
                        REGULAR, self.repository.write_blob(derived[file])
                    )
        folder = {file.path: file for file in before.layout.files}
        for file in conflicted:
            own = self.repository.entry(self.ours.tree, file)
            if own is None and file not in folder:
                own = None
            if own is not None:
                stages.setdefault(file, {})[2] = own
        return stages

    def _gone(self, guarded: Guarded, path: str, outcome: MergeOutcome, laid: _Laid) -> RuleOutcome:
        """Upstream no longer has the monolith, or git followed it to another name."""
        before = self.ours.unsplit(guarded)
        pristine = self.ours.pristine(guarded)
        target = self._renamed_to(path)
        if target is not None and (entry := self.repository.entry(outcome.tree, target)) is not None:
            conflict = any(c.path == target for c in outcome.conflicts)
            note = f"upstream renamed {path} to {target}"
            try:
                if not conflict:
                    self.ours.split_now(
                        guarded, target, self.repository.read_blob(entry.oid), CURRENT_EMISSION
                    )
                    return self._rule(guarded, target, outcome, laid)
            except MergeguardError as error:
                note += f", and the rule does not fit it there: {error}"
            self._let_go(guarded, laid)
            kept = self._keep_files(guarded, {h.path for h in before.hunks}, laid)
            note += "; the file is no longer split"
            if kept:
                note += "; what you had beside the map is kept: move it to where it belongs, then `git rm` it"
            state = State.GONE_EDITED if kept else State.RETIRED
            return RuleOutcome(
                guarded.name, path, state, unmapped=before.hunks, conflicts=kept, notes=(note,)
            )
        edited = before.monolith != pristine.monolith or before.hunks
        if not edited:
            self._let_go(guarded, laid)
            laid.settled.add(path)
            laid.edits.setdefault(path, None)
            return RuleOutcome(
                guarded.name, path, State.RETIRED, notes=("no local edits: the layout went with it",)
            )
        laid.settled.add(path)
        laid.edits[path] = None
        every = {file.path for file in (*pristine.files, *before.layout.files)}
        kept = self._keep_files(guarded, every, laid)
        laid.edits[guarded.lock_path] = self.repository.entry(self.ours.tree, guarded.lock_path)
        laid.layouts.append((guarded, before.layout))
        return RuleOutcome(
            guarded.name,
            path,
            State.GONE_EDITED,
            overlay=before.overlay,
            unmapped=before.unmapped,
            conflicts=kept,
            notes=("upstream deleted the file; keep your edited layout, or `git rm` it",),
        )

    def _keep_files(self, guarded: Guarded, paths: Iterable[str], laid: _Laid) -> tuple[str, ...]:
        """Keep layout files that upstream's side has no more; those with edits as git has it for a file
        that one side deleted and the other edited. Gives the conflicted paths.
        """
        pristine = self.ours.pristine(guarded)
        conflicted: list[str] = []
        for path in sorted(paths):
            own = self.repository.entry(self.ours.tree, path)
            if own is None:
                continue
            laid.edits[path] = own
            base = pristine.by_path.get(path)
            stages = {2: own}
            if base is not None:
                stages[1] = Entry(own.mode, self.repository.write_blob(base.text))
            if base is None or stages[1].oid != own.oid:
                laid.stages[path] = stages
                conflicted.append(path)
        return tuple(conflicted)

    def _let_go(self, guarded: Guarded, laid: _Laid) -> None:
        """Nothing of the layout stays: the monolithic tree of the merge already is without it."""
        laid.edits.setdefault(guarded.lock_path, None)

    def _renamed_to(self, path: str) -> str | None:
        base = self.sides[0]
        if base is None:
            return None
        return next(
            (
                new
                for status, old, new in self.repository.diff_names(base, self.sides[2])
                if status == "R" and old == path
            ),
            None,
        )

    # -- the outcome -------------------------------------------------------------------------------

    def _outcome(self, outcome: MergeOutcome, laid: _Laid, rules: tuple[RuleOutcome, ...]) -> SyncOutcome:
        repository = self.repository
        lens.check_outputs(self.ours, outcome.tree, {g.name: layout for g, layout in laid.layouts})
        tree = lens.apply(repository, outcome.tree, laid.edits)
        lists = lens.list_shards(repository, tree, laid.layouts)
        tree = repository.edit_tree(tree, lists)
        stages: dict[str, Mapping[int, Entry]] = dict(laid.stages)
        for conflict in outcome.conflicts:
            if conflict.path in laid.settled:
                continue
            stages[conflict.path] = self._listed(conflict.path, conflict.stages, laid.layouts)
        messages = tuple(
            m.text.strip()
            for m in outcome.messages
            if m.kind.startswith("CONFLICT") and not set(m.paths) <= laid.settled
        )
        placed = tuple(self._placed(tree, rule) for rule in rules) if not stages else rules
        return SyncOutcome(self.ours_commit, self.theirs_commit, self.bases, tree, placed, stages, messages)

    def _listed(
        self, path: str, stages: Mapping[int, Entry], layouts: list[tuple[Guarded, Layout]]
    ) -> dict[int, Entry]:
        """A conflicted build list's stages, with the shards listed in each as in the file itself."""
        listed: dict[int, Entry] = {}
        for number, entry in stages.items():
            lone = self.repository.edit_tree(None, {path: entry})
            edits = lens.list_shards(self.repository, lone, layouts)
            listed[number] = edits.get(path) or entry
        return listed

    def _placed(self, tree: str, rule: RuleOutcome) -> RuleOutcome:
        """The outcome with where each local edit is now, read back from the new tree."""
        workspace = Workspace.load(self.repository, tree, self.splitting)
        guarded = next((g for g in workspace.split_rules if g.name == rule.name), None)
        if guarded is None:
            return rule
        unsplit = workspace.unsplit(guarded)
        return RuleOutcome(
            rule.name,
            rule.path,
            rule.state,
            local_edits(workspace, guarded),
            unsplit.overlay,
            unsplit.unmapped,
            rule.conflicts,
            rule.notes,
            rule.findings,
        )


def local_edits(workspace: Workspace, guarded: Guarded) -> tuple[Replayed, ...]:
    """The fork's edits of one monolith, each with the file, line and item in which it is now."""
    from mergeguard.core.source import parse

    unsplit = workspace.unsplit(guarded)
    if not unsplit.edits:
        return ()
    pristine = workspace.pristine(guarded)
    items = parse(pristine.monolith).items
    replayed: list[Replayed] = []
    for edit in unsplit.edits:
        item = next((i for i in items if i.start <= edit.start < i.end), items[-1] if items else None)
        removed = pristine.monolith[edit.start : edit.end]
        replayed.append(
            Replayed(
                edit.path, edit.line, item.name if item else "", _line_count(edit.text), _line_count(removed)
            )
        )
    return tuple(replayed)


def _line_count(text: bytes) -> int:
    return len(text.splitlines())


def _forced(base: bytes, ours: bytes, theirs: bytes) -> MergeResult:
    """A merge of two layouts that differ where the monolith's merge conflicts, and so must conflict."""
    pieces = merge_lines(base, ours, theirs)
    if not any(isinstance(piece, Conflict) for piece in pieces):
        own, other = ours.splitlines(keepends=True), theirs.splitlines(keepends=True)
        rest: list[Piece] = []
        at = 0
        for change in diff(own, other):
            rest.append(Resolved(b"".join(own[at : change.a0])))
            rest.append(
                Conflict(b"", b"".join(own[change.a0 : change.a1]), b"".join(other[change.b0 : change.b1]))
            )
            at = change.a1
        rest.append(Resolved(b"".join(own[at:])))
        pieces = join(rest)
    return MergeResult(pieces)


def _in_place(result: MergeResult, laid: lens.LaidOut) -> tuple[str, MergeResult]:
    """The first conflict of the monolith, whole, in the layout file that holds our side of it."""
    offset = 0
    for piece in result.pieces:
        if isinstance(piece, Conflict):
            break
        offset += len(piece.text)
    else:
        raise AssertionError("a merge without a conflict")
    file, at = laid.layout.to_layout(min(offset, max(0, len(laid.layout.monolith) - 1)))
    end = at + len(piece.ours) if file.text[at:].startswith(piece.ours) else at
    text = (
        laid.recomposed.files[file.path] if laid.recomposed.files.get(file.path) == file.text else file.text
    )
    pieces = (Resolved(text[:at]), Conflict(piece.base, text[at:end], piece.theirs), Resolved(text[end:]))
    return file.path, MergeResult(join(pieces), (Note("conflict", "upstream's side can't be laid out"),))
