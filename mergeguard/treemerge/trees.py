"""Merging three trees of a fork as if the split had never happened, then deriving the layouts again.

``split(merge(B, unsplit(ours), unsplit(theirs)))`` (docs/lens.md), on whole trees. Any side may have
any layout or none: upstream has none, a colleague's branch has its own. Everything is computed as git
objects that no ref names; landing the outcome is the caller's (``mergeguard.git.landing``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from mergeguard.errors import MergeguardError, RuleError
from mergeguard.fork import keepmarks, treelens
from mergeguard.fork.builds import UnitListing
from mergeguard.fork.localedits import local_edits
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import Guarded, Workspace, path_in
from mergeguard.git.merging import MergeOutcome, UnmergedPath
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.merge import MergeResult
from mergeguard.merge.markers import render_markers
from mergeguard.treemerge import fates, followededits, policies
from mergeguard.treemerge.buildmerge import settle_lists
from mergeguard.treemerge.contents import ContentMerges
from mergeguard.treemerge.fates import Fate, TracedFate
from mergeguard.treemerge.followededits import Followed, Rewrites
from mergeguard.treemerge.mergevalues import Laid, RuleOutcome, Side, Sides
from mergeguard.treemerge.rulemerge import merge_rule
from mergeguard.treemerge.structured import Settlement, second_looks, settlements
from mergeguard.values import dataclass, field, replace

__all__ = ["Fate", "Merged", "Progress", "RuleOutcome", "merge_trees"]

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Merged:
    """A finished merge that has not landed.

    ``tree`` is the result; in a conflict it holds the files with markers, and ``stages`` the index
    entries (1 base, 2 ours, 3 theirs) of each conflicted path. ``messages`` are git's own on conflicts.
    ``moved`` are the names to which upstream has renamed monoliths: git alone would merge an entry there.
    ``followed`` are the edits whose declarations the other side moved to other files; ``rewritten`` has the
    files concerned, each with its entry on the side where it was, before the edits moved and after.
    ``decided`` says what path policies have decided, ``findings`` what to look at in structured merges of
    files that no rule has, and why their conflicts are some. ``doubted`` are the conflicts of ``stages`` in
    files that git merges clean.
    """

    tree: str
    rules: tuple[RuleOutcome, ...]
    stages: Mapping[str, Mapping[int, Entry]]
    messages: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    followed: tuple[Followed, ...] = ()
    rewritten: Rewrites = field(default_factory=dict)
    decided: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    doubted: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether the merge needs nobody."""
        return not self.stages


def merge_trees(
    repository: Repository,
    bases: tuple[str, ...],
    ours: str,
    theirs: str,
    *,
    labels: tuple[str, str] = ("HEAD", "upstream"),
    style: str | None = None,
    splitting: Splitting | None = None,
    progress: Progress = lambda _: None,
    placed: bool = True,
    only: frozenset[str] | None = None,
    contents: ContentMerges | None = None,
    reading: Splitting | None = None,
) -> Merged:
    """Merge two commits over their merge bases (commits; none: an empty base) through the lens.

    ``labels`` name the two sides in conflict markers, ``style`` is the conflict style (the user's
    ``merge.conflictStyle`` if None). ``placed`` asks for where each local edit is in the result, which
    costs a look at the new tree. A rule that does not fit what the merge gives costs its own file the split.
    With ``only`` the rules of these names alone are merged through the lens, and what others have split is
    files like any other: where one side changed none of them, and our layouts are as derived. ``contents``
    are for a run of merges, in most of which ``theirs`` changes contents of a few files alone. With
    ``reading`` the layouts of ``theirs`` and of the bases are read by that.
    """
    splitting = splitting or Splitting.of(repository)
    merger = _Merger(
        repository, bases, ours, theirs, labels, style, splitting, progress, only, contents, reading
    )
    return merger.run(placed)


class _Merger:
    def __init__(
        self,
        repository: Repository,
        bases: tuple[str, ...],
        ours: str,
        theirs: str,
        labels: tuple[str, str],
        style: str | None,
        splitting: Splitting,
        progress: Progress,
        only: frozenset[str] | None,
        contents: ContentMerges | None,
        reading: Splitting | None,
    ) -> None:
        self.repository = repository
        self.bases = bases
        self.commits = (ours, theirs)
        self.labels = labels
        self.style = style or repository.config("merge.conflictStyle") or "merge"
        self.splitting = splitting
        self.progress = progress
        self.only = only
        self.contents = contents
        self.reading = reading or splitting
        self.moves: followededits.FollowedTrees | None = None

    def run(self, placed: bool) -> Merged:
        repository = self.repository
        self.progress("reading")
        ours, theirs = (self._workspace(commit) for commit in self.commits)
        bases = [self._workspace(commit) for commit in self.bases]
        rules = self._rules(ours, theirs)
        self.fates: dict[str, TracedFate] = {}
        self.paths = self._paths_after(rules, ours, theirs)
        trees = {w.tree: self._whole(w, rules) for w in (ours, theirs, *bases)}
        self.ours = Side(2, ours, trees[ours.tree])
        self.theirs = Side(3, theirs, trees[theirs.tree])
        self.base = Side(1, bases[0], trees[bases[0].tree]) if len(bases) == 1 else None
        whole = [trees[w.tree] for w in bases]
        if self.base is not None:
            self.moves = followededits.follow(repository, whole[0], self.ours.tree, self.theirs.tree)
            self.base, whole = replace(self.base, tree=self.moves.base), [self.moves.base]
            self.ours = replace(self.ours, tree=self.moves.ours)
            self.theirs = replace(self.theirs, tree=self.moves.theirs)
        self.progress("merging")
        outcome = settle_lists(repository, self._merge(whole, [w.tree for w in bases]))
        laid = Laid()
        sides = Sides(
            repository,
            self.base,
            self.ours,
            self.theirs,
            self.paths,
            self.labels,
            self.style,
            self.splitting,
            self.fates,
        )
        merged: list[RuleOutcome] = []
        for guarded in rules:
            self.progress(f"deriving {guarded.name}")
            merged.append(self._merge_rule(sides, guarded, outcome, laid))
        return self._finish(outcome, laid, tuple(merged), placed)

    # -- the three trees ---------------------------------------------------------------------------

    def _rules(self, ours: Workspace, theirs: Workspace) -> list[Guarded]:
        """The rules that matter: those of either side; a side that has the monolith split speaks first.

        Upstream's own rule files, if it had any, are not the fork's: a side without layouts is only
        read for its monoliths.
        """
        found: dict[str, Guarded] = {}
        for workspace in (ours, theirs):
            if workspace is theirs and not theirs.split_rules:
                continue
            for guarded in workspace.guarded:
                known = found.get(guarded.name)
                if known is None or (guarded.is_split and not known.is_split):
                    found[guarded.name] = guarded
        return [found[name] for name in sorted(found)]

    def _paths_after(self, rules: Iterable[Guarded], ours: Workspace, theirs: Workspace) -> dict[str, str]:
        """Where the merge has each rule's monolith; none where neither side has it."""
        known = {g.name: p for g in rules if (p := self._path_after(g, ours, theirs)) is not None}
        moved = {name: traced.path for name, traced in self.fates.items() if traced.path is not None}
        taken = [*moved.values(), *(path for name, path in known.items() if name not in moved)]
        for name, path in moved.items():
            if taken.count(path) > 1:
                # One file can't be the monolith of two rules.
                self.fates[name] = replace(self.fates[name], fate=Fate.JOINED)
            else:
                known[name] = path
        return known

    def _path_after(self, guarded: Guarded, ours: Workspace, theirs: Workspace) -> str | None:
        """Where the merge has the monolith: if the two sides differ, where the one that moved it has it."""
        here, there = (path_in(w, guarded) for w in (ours, theirs))
        if here == there:
            return here
        if here is None or there is None:
            self._trace(guarded, ours if here is None else theirs)
            return here or there
        base = next((p for b in self.bases if (p := path_in(self._workspace(b), guarded))), None)
        return here if base == there else there

    def _trace(self, guarded: Guarded, side: Workspace) -> None:
        """Find out what has become of a monolith that one side has no more."""
        if len(self.bases) != 1:
            return
        base = self._workspace(self.bases[0])
        path = path_in(base, guarded)
        own = base.split_rule(guarded.name)
        text = base.unsplit(own).monolith if own is not None else base.read(path) if path else None
        if path is not None and text is not None:
            self.fates[guarded.name] = fates.trace(self.repository, base.tree, side.tree, path, text)

    def _workspace(self, commit: str) -> Workspace:
        tree = self.repository.tree_of(commit)
        splitting = self.splitting if commit == self.commits[0] else self.reading
        workspace = Workspace.load(self.repository, tree, splitting, lenient=True)
        return workspace if self.only is None else workspace.only(self.only)

    def _whole(self, workspace: Workspace, rules: Iterable[Guarded]) -> str:
        """The side's tree with its monoliths whole, and at the paths that the merge uses."""
        split = {g.name for g in workspace.split_rules}
        tree = workspace.tree
        if split:
            tree = treelens.monolithic_tree(workspace, {n: p for n, p in self.paths.items() if n in split})
        edits: dict[str, Entry | None] = {}
        for guarded in rules:
            there = self.paths.get(guarded.name)
            here = path_in(workspace, guarded)
            if guarded.name in split or there is None or here is None or self.repository.entry(tree, there):
                continue
            edits |= {there: self.repository.entry(tree, here), here: None}
        return treelens.apply(self.repository, tree, edits)

    def _merge(self, bases: list[str], real: list[str]) -> MergeOutcome:
        """git's own merge of the three; virtual commits wherever a tree is not the commit's own."""
        repository = self.repository
        _, theirs = self.commits
        if self.contents is not None and self.base is not None:
            monoliths = self._split_everywhere()
            found = self.contents.merge(self.base.tree, self.ours.tree, self.theirs.tree, monoliths)
            if found is not None:
                return found
        parents = list(self.bases)
        if bases != real or not bases:
            parents = [
                repository.commit_object(t, (), "merge base\n") for t in bases or [repository.empty_tree]
            ]
        elif self.theirs.tree == self.theirs.workspace.tree and not self._related(theirs):
            return repository.merge_trees(
                repository.commit_object(self.ours.tree, parents, "ours\n"), theirs, labels=self.labels
            )
        return repository.merge_trees(
            repository.commit_object(self.ours.tree, parents, "ours\n"),
            repository.commit_object(self.theirs.tree, parents, "theirs\n"),
            labels=self.labels,
        )

    def _split_everywhere(self) -> frozenset[str]:
        """The monoliths that all three sides have split: these are merged by declarations and laid out."""
        sides = (self.base, self.ours, self.theirs)
        names = [{g.name for g in side.workspace.split_rules} for side in sides if side is not None]
        return frozenset(self.paths[name] for name in set.intersection(*names) if name in self.paths)

    def _related(self, theirs: str) -> bool:
        """Whether history alone would not give the base that was asked for."""
        return not all(self.repository.is_ancestor(base, theirs) for base in self.bases)

    def _merge_rule(self, sides: Sides, guarded: Guarded, outcome: MergeOutcome, laid: Laid) -> RuleOutcome:
        try:
            return merge_rule(sides, self._rule_after(guarded, outcome), outcome, laid)
        except RuleError as error:
            path = guarded.rule_path
            ours = self.repository.entry(self.ours.workspace.tree, path)
            if self.repository.entry(outcome.tree, path) == ours:
                # It was no rule before, and the layout is of the lock's rule, as ever.
                return merge_rule(sides, guarded, outcome, laid)
            # Two edits of the rule's file merged to what is no rule.
            return merge_rule(sides, guarded, outcome, laid, broken=error)

    def _rule_after(self, guarded: Guarded, outcome: MergeOutcome) -> Guarded:
        """The rule file as merged, unless it is in conflict or gone."""
        path = guarded.rule_path
        entry = self.repository.entry(outcome.tree, path)
        if entry is None or entry.oid == guarded.rule_oid or any(c.path == path for c in outcome.conflicts):
            return guarded
        lone = self.repository.edit_tree(None, {path: entry})
        merged = Workspace.load(self.repository, lone, self.splitting).guarded[0]
        return replace(guarded, file=merged.file)

    # -- the outcome -------------------------------------------------------------------------------

    def _finish(
        self, outcome: MergeOutcome, laid: Laid, rules: tuple[RuleOutcome, ...], placed: bool
    ) -> Merged:
        repository = self.repository
        tree = repository.edit_tree(outcome.tree, laid.resting)
        tree = treelens.apply(repository, tree, laid.edits)
        tree = repository.edit_tree(tree, self._listing(tree, laid.listings))
        stages: dict[str, Mapping[int, Entry]] = dict(laid.stages)
        found = self._settlements(outcome, laid)
        by_declarations: dict[str, Entry | None] = {s.path: s.entry for s in found}
        settled = laid.settled | {s.path for s in found if s.clean}
        decided = self._decided([c for c in outcome.conflicts if c.path not in settled])
        settled |= decided.edits.keys()
        tree = treelens.apply(repository, tree, {**by_declarations, **decided.edits})
        conflicts = {conflict.path: conflict.stages for conflict in outcome.conflicts}
        for path, found_there in {**conflicts, **{s.path: s.stages for s in found}}.items():
            if path not in settled:
                stages[path] = self._listed(path, found_there, laid.listings)
        messages = tuple(
            m.text.strip()
            for m in outcome.messages
            if m.kind.startswith("CONFLICT") and not set(m.paths) <= settled
        )
        if placed:
            readable = self._without_markers(tree, stages)
            rules = tuple(self._placed(readable, rule) for rule in rules)
        moved = tuple(sorted(laid.moved))
        said = tuple(text for s in found for text in s.said)
        doubted = tuple(s.path for s in found if s.path in stages and s.path not in conflicts)
        merged = Merged(
            tree, rules, stages, messages, moved, decided=decided.notes, findings=said, doubted=doubted
        )
        if self.moves is None or not (self.moves.carried or self.moves.unsure or self.moves.loose):
            return merged
        followed = followededits.report(repository, self.moves, tree, laid.layouts)
        return replace(merged, followed=followed, rewritten=self.moves.rewritten)

    def _decided(self, conflicts: list[UnmergedPath]) -> policies.Decided:
        """What the fork's path policies make of the conflicts that are left."""
        config = policies.read(self.ours.workspace)
        if not config.policy or not conflicts:
            return policies.Decided()
        return policies.decide(config, conflicts, policies.split_paths([self.ours.workspace]))

    def _settlements(self, outcome: MergeOutcome, laid: Laid) -> list[Settlement]:
        """Source files that no rule has, by declarations and tokens: those that lines can't merge, and those
        that lines may have merged wrong."""
        persons = followededits.contested(self.moves)
        left = tuple(c for c in outcome.conflicts if c.path not in laid.settled and c.path not in persons)
        found = settlements(self.repository, replace(outcome, conflicts=left), self._marked)
        if self.base is not None:
            trees = (self.base.tree, self.ours.tree, self.theirs.tree)
            found += second_looks(self.repository, outcome, trees, self._marked, but=laid.settled)
        return found

    def _marked(self, result: MergeResult) -> bytes:
        """A conflicted text as it is written, with git's markers in the user's style."""
        ours, theirs = self.labels
        return render_markers(result.pieces, (ours, "merge base", theirs), self.style)

    def _listed(
        self, path: str, stages: Mapping[int, Entry], listings: list[UnitListing]
    ) -> dict[int, Entry]:
        """A conflicted build list's stages, with the shards listed in each as in the file itself."""
        listed: dict[int, Entry] = {}
        for number, entry in stages.items():
            lone = self.repository.edit_tree(None, {path: entry})
            listed[number] = self._listing(lone, listings).get(path) or entry
        return listed

    def _listing(self, tree: str, listings: Iterable[UnitListing]) -> treelens.Edits:
        return treelens.list_shards(self.repository, tree, listings, known=self.splitting.lists)

    def _without_markers(self, tree: str, stages: Mapping[str, Mapping[int, Entry]]) -> str:
        """The tree with our side of each conflict, so that the layouts in it can be read."""
        return treelens.apply(self.repository, tree, {path: found.get(2) for path, found in stages.items()})

    def _placed(self, tree: str, rule: RuleOutcome) -> RuleOutcome:
        """The outcome with where each local edit is now, read back from the new tree; those of files that
        conflict are left out, being for a person to place."""
        workspace = Workspace.load(self.repository, tree, self.splitting, lenient=True)
        guarded = workspace.split_rule(rule.name)
        if guarded is None:
            return rule
        try:
            if rule.conflicts and not _is_edited(workspace, guarded, but=rule.conflicts):
                return replace(rule, replayed=())
            overlay, unmapped = keepmarks.sort_out(workspace, guarded)
            edits = local_edits(workspace, guarded)
        except MergeguardError:
            if rule.conflicts:
                return rule
            raise
        if rule.conflicts:
            return replace(rule, replayed=tuple(e for e in edits if e.path not in rule.conflicts))
        return replace(rule, replayed=edits, overlay=overlay, unmapped=unmapped)


def _is_edited(workspace: Workspace, guarded: Guarded, but: Collection[str]) -> bool:
    """Whether a layout's files, ``but`` for some, may have an edit: else none has to be traced to tell."""
    pristine, over = workspace.pristine(guarded), workspace.over(guarded)
    files = workspace.layout_files(pristine)
    return pristine.by_path.keys() != over.by_path.keys() or any(
        files[file.path] != file.text for file in pristine.files if file.path not in but
    )
