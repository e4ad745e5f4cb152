"""A branch that git has rebased, replayed through the lens.

git's rebase replays the commits in the layout they were made in. Here the old commits are merged again, one
after the other, onto the new base; what git or a person made of other files on the way is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

from mergeguard.fork.workspace import keep_layouts
from mergeguard.git.objects import CommitInfo, Entry
from mergeguard.git.outcome import StateFile
from mergeguard.git.repository import Repository
from mergeguard.hooks import lensmerge, moving, pending
from mergeguard.hooks.mergework import GitChange
from mergeguard.treemerge.lenspick import LensPicks
from mergeguard.treemerge.plainpick import PlainPicks
from mergeguard.treemerge.trees import Merged
from mergeguard.treemerge.virtual import STATE
from mergeguard.values import dataclass, field
from mergeguard.verbs import rebase
from mergeguard.verbs.rebase import Picked, RebaseOutcome


@dataclass(frozen=True)
class Replayed:
    """``tip`` is the new end of the branch, ``became`` maps the commits that git made to the right ones.

    With ``stopped``, the replay of that old commit conflicts; ``merged`` is its merge, ``rest`` what follows.
    """

    tip: str
    became: Mapping[str, str]
    stopped: str | None = None
    merged: Merged | None = None
    rest: tuple[str, ...] = ()
    conflicts: Mapping[str, Mapping[int, Entry]] = field(default_factory=dict)


def needed(repository: Repository, head: str, onto: str) -> bool:
    """Whether a rebase that ended at ``head`` left a layout that is not of its base's monolith."""
    here = lensmerge.workspace(repository, repository.tree_of(head))
    there = lensmerge.workspace(repository, repository.tree_of(onto))
    split = {g.name: g for g in there.split_rules}
    for guarded in here.split_rules:
        lock = guarded.lock
        assert lock is not None
        if repository.entry(here.tree, lock.monolith) is None:
            return True
        if guarded.name in split:
            if split[guarded.name].lock != lock:
                return True
            continue
        entry = next((e for p in guarded.paths if (e := repository.entry(there.tree, p))), None)
        if entry is None or entry.oid != lock.upstream:
            return True
    return False


def replay(
    repository: Repository,
    head: str,
    onto: str,
    olds: Mapping[str, list[str]],
    known: Mapping[str, str] | None = None,
) -> Replayed:
    """Make the commits of ``onto..head`` again; ``olds`` are those that each was made from.

    ``known`` are commits of before with what they are to become.

    A commit that was made from none (somebody stopped the rebase to add it) brings what it changed. What
    somebody changed in a layout while git had stopped is brought along, too.
    """
    olds = _unshifted(repository, olds)
    became: dict[str, str] = dict(known or {})
    new_commits = repository.rev_list("--reverse", "--topo-order", f"{onto}..{head}")

    def behind(number: int) -> tuple[str, ...]:
        return tuple(o for n in new_commits[number + 1 :] for o in olds.get(n, [n]))

    light = _LightReplay(repository)
    tip = onto
    for number, new in enumerate(new_commits):
        info = repository.commit_info(new)
        parents = tuple(became.get(parent, parent) for parent in info.parents)
        ours = parents[0] if parents else onto
        current, made = ours, info.tree
        if len(parents) > 1:
            sources = [parents[1]] if len(parents) == 2 else []
        else:
            sources = olds.get(new, [new])
        alone = light.replayed(info, sources[0], ours) if len(parents) == len(sources) == 1 else None
        if alone is not None:
            became[new] = tip = light.committed(info, alone, ours)
            continue
        for old in sources:
            change = _change(repository, old, current, merge=len(parents) > 1)
            outcome = lensmerge.merged(repository, change)
            conflicts = lensmerge.conflicts(repository, change, outcome)
            if conflicts:
                return Replayed(ours, became, old, outcome, behind(number), conflicts)
            parent = repository.tree_of(info.parents[0]) if info.parents else None
            made = lensmerge.true_tree(repository, change, outcome, info.tree, parent)
            # A squash is several commits, each brought to what those before it gave.
            current = repository.commit_object(made, (current,), "step\n")
        if len(parents) < 2 and new in olds and info.parents:
            typed = _typed(repository, info, sources, current)
            if typed is not None:
                outcome = lensmerge.merged(repository, typed)
                conflicts = lensmerge.conflicts(repository, typed, outcome)
                if conflicts:
                    return Replayed(ours, became, new, outcome, behind(number), conflicts)
                made = lensmerge.true_tree(repository, typed, outcome, info.tree)
        empty = made == repository.tree_of(ours)
        if empty and len(parents) < 2 and not _was_empty(repository, info.tree, info.parents):
            became[new] = ours
        else:
            became[new] = moving.true_commit(repository, info, made, parents)
        tip = became[new]
        light.derived = repository.tree_of(tip)
    keep_layouts(repository, repository.tree_of(became.get(head, tip)), light.splitting)
    return Replayed(became.get(head, tip), became)


class _LightReplay:
    """Replays of commits that touch little: no rule, or the layouts of a few, which are merged alone.

    Only where git has committed what that gives, but for files that the lens answers for, and these as the
    old commit has them: nothing was typed or resolved. ``derived`` is the last tree that the lens has made.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.splitting = lensmerge.splitting(repository)
        self.picks = PlainPicks(repository, self.splitting)
        self.through_lens = LensPicks(repository, self.splitting, self.picks)
        self.derived: str | None = None

    def replayed(self, info: CommitInfo, old: str, ours: str) -> str | None:
        """The tree of ``info``, which git made of ``old``, on top of ``ours``; None where that has to be
        merged with all rules."""
        repository, source = self.repository, self.repository.commit_info(old)
        if len(source.parents) != 1 or len(info.parents) != 1 or old == info.oid:
            return None
        parent, before = (repository.tree_of(commit.parents[0]) for commit in (source, info))
        tip = repository.tree_of(ours)
        if tip != self.derived and any(repository.entry(tree, STATE) for tree in (tip, parent)):
            return None
        edited = self.picks.rules_edited(parent, source.tree, tip)
        if edited is None or not self._is_as_git_made_it(info, source.tree, parent, before, tip):
            return None
        if edited:
            tree = self.through_lens.pick(source.parents[0], old, ours, edited)
        else:
            tree = self.picks.pick(parent, source.tree, tip)
        if tree is None:
            return None
        differing = repository.objects.changes(info.tree, tree)
        return tree if all(self.picks.is_guarded(c.old, parent, tip, before) for c in differing) else None

    def _is_as_git_made_it(self, info: CommitInfo, source: str, parent: str, before: str, tip: str) -> bool:
        """Whether what the rules answer for is in the commit as in ``source``, where either changed it."""
        entry = self.repository.entry
        changes = (self.repository.objects.changes(*pair) for pair in ((parent, source), (before, info.tree)))
        guarded = (
            c.old for each in changes for c in each if self.picks.is_guarded(c.old, parent, tip, before)
        )
        return all(entry(info.tree, path) == entry(source, path) for path in guarded)

    def committed(self, info: CommitInfo, tree: str, ours: str) -> str:
        """The commit that ``info`` becomes on top of ``ours``; that itself where it changes nothing."""
        self.derived = tree
        if tree == self.repository.tree_of(ours) and not _was_empty(self.repository, info.tree, info.parents):
            return ours
        return moving.true_commit(self.repository, info, tree, (ours,))


def _unshifted(repository: Repository, olds: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """``olds`` with each commit at the one that git made of it.

    Where somebody stopped at a commit and added others, git says that the last of them was made from it.
    """
    found: dict[str, list[str]] = {}
    for new, sources in olds.items():
        at = new
        first = repository.commit_info(sources[0])
        while (info := repository.commit_info(at)).author != first.author or info.subject != first.subject:
            if len(info.parents) != 1 or info.parents[0] in olds:
                at = new
                break
            at = info.parents[0]
        found[at] = sources
    return found


def _typed(repository: Repository, info: CommitInfo, sources: list[str], ours: str) -> GitChange | None:
    """What somebody changed in a commit's layouts beyond what git made of its sources, for ``ours``."""
    trees = [info.tree, *(repository.tree_of(source) for source in sources)]
    changed: dict[str, Entry | None] = {}
    for path in lensmerge.paths(repository, trees[:1]):
        now = repository.entry(info.tree, path)
        before = repository.entry(repository.tree_of(info.parents[0]), path)
        possible = _mechanical(repository, path, before, sources, now) if now is not None else []
        if possible and now not in possible:
            changed[path] = possible[0]
    if not changed:
        return None
    tree = repository.edit_tree(info.tree, changed)
    base = repository.commit_object(tree, (), "as git made it\n")
    return GitChange((base,), ours, info.oid, ("HEAD", f"{info.oid[:7]} ({info.subject})"))


def _mechanical(
    repository: Repository, path: str, before: Entry | None, sources: list[str], now: Entry | None
) -> list[Entry]:
    """What git, with our driver or without, may have made of a file, picking ``sources`` onto ``before``.

    All of that, unless ``now`` is known to be among it without a merge.
    """
    possible: list[Entry | None] = [before]
    for source in sources:
        parents = repository.commit_info(source).parents
        base = repository.entry(repository.tree_of(parents[0]), path) if parents else None
        theirs = repository.entry(repository.tree_of(source), path)
        found: list[Entry | None] = []
        for ours in possible:
            if ours == base:
                found.append(theirs)
            elif theirs == base:
                found.append(ours)
            else:
                found.append(theirs)
                if base and ours and theirs and not (theirs == now and source == sources[-1]):
                    texts = (repository.read_blob(entry.oid) for entry in (base, ours, theirs))
                    text, count = repository.merge_file(*texts, style="merge", marker_size=7)
                    if not count:
                        found.append(Entry(theirs.mode, repository.write_blob(text)))
        possible = found
    return [entry for entry in possible if entry is not None]


def _was_empty(repository: Repository, tree: str, parents: tuple[str, ...]) -> bool:
    return bool(parents) and tree == repository.tree_of(parents[0])


def _change(repository: Repository, old: str, ours: str, *, merge: bool) -> GitChange:
    if merge:
        return GitChange(repository.merge_bases(ours, old), ours, old, ("HEAD", old[:7]))
    info = repository.commit_info(old)
    return GitChange(info.parents[:1], ours, old, ("HEAD", f"{old[:7]} ({info.subject})"))


def stop(
    repository: Repository, head: str, onto: str, olds: Mapping[str, list[str]], replayed: Replayed
) -> None:
    """Leave the state of a rebase that waits for a person, as ``mergeguard sync --rebase`` does."""
    assert replayed.stopped is not None and replayed.merged is not None
    picks = tuple(
        Picked(old, new, repository.commit_info(old).subject)
        for made, new in replayed.became.items()
        for old in olds.get(made, [made])
    )
    outcome = RebaseOutcome(
        upstream=onto,
        onto=onto,
        original=head,
        tip=replayed.tip,
        picks=picks,
        stopped=repository.commit_info(replayed.stopped),
        merged=replayed.merged,
        todo=replayed.rest,
    )
    rebase.land(repository, outcome, (pending.landed(None),))


def following_refs(
    repository: Repository, replayed: Replayed
) -> tuple[tuple[tuple[str, str, str], ...], tuple[StateFile, ...]]:
    """Branches that ``git rebase --update-refs`` moves along: to the right commits (name, new, old).

    git may have moved them already, or have noted to do so once the hook is done; then the note changes.
    """
    became = {made: new for made, new in replayed.became.items() if made != new}
    name = "rebase-merge/update-refs"
    state: tuple[StateFile, ...] = ()
    if (repository.git_dir / name).exists():
        lines = (repository.git_dir / name).read_text().splitlines()
        text = "".join(became.get(line.strip(), line.strip()) + "\n" for line in lines)
        state = (StateFile(name, text.encode()),)
    listed = repository.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads").text
    current = repository.head().branch
    found = (line.split(" ", 1) for line in listed.splitlines())
    return tuple((ref, became[oid], oid) for oid, ref in found if oid in became and ref != current), state
