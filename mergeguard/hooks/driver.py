"""The merge driver for files of layouts: asked about one file, it answers from the whole merge.

A layout's file can't be merged alone: upstream's side of it is the whole monolith, or nothing. So the driver
finds out which commits git is merging, merges them through the lens, and answers with the file's part of
that. What git did not ask about (files that only one side has) is put right by the hooks, for which the
driver leaves a note. Where the commits can't be known, the answer is provisional: it ends in a line that
says so, and the hooks replace it.

Out: the file at OURS; the exit status is 0, 1 for conflict markers, 255 for an error (git then reports a
conflict and leaves the file as it is).
"""

from __future__ import annotations

from pathlib import Path

from mergeguard.errors import MergeguardError
from mergeguard.fork.workspace import Workspace
from mergeguard.git.durable import write_atomic
from mergeguard.git.repository import Repository
from mergeguard.git.snapshot import staged
from mergeguard.hooks import lensmerge, pending
from mergeguard.hooks.foreseeing import foresee
from mergeguard.hooks.mergework import (
    GitChange,
    merge_change,
    merging,
    note_rebase,
    rebase_ends,
    rebasing,
)
from mergeguard.hooks.pending import MARK, PendingNote
from mergeguard.treemerge.trees import Merged
from mergeguard.values import replace

_STASHES = 20  # how many are looked through for the one that git applies


def answer(repository: Repository, path: str, base: Path, ours: Path, theirs: Path) -> int | None:
    """The exit status for the file at ``path`` with its three versions, the result written to ``ours``; None
    to have it merged like any other file."""
    return _Driver(repository, path, base, ours, theirs).answer()


class _Driver:
    def __init__(self, repository: Repository, path: str, base: Path, ours: Path, theirs: Path) -> None:
        self.repository = repository
        self.path = path
        self.target = ours
        self.base, self.ours, self.theirs = (file.read_bytes() for file in (base, ours, theirs))
        head = repository.head().oid
        assert head is not None
        self.head = head
        self.open = pending.read(repository.git_dir)

    def answer(self) -> int | None:
        """The exit status, the result written; None to have the file merged like any other."""
        heads = merging()
        stash = None if heads else self._stash()
        if stash is not None:
            return self._from_lens(stash) if self._is_file_of(stash.ours, stash.theirs) else None
        if heads:
            return self._merge(heads)
        picked = rebasing(self.repository)
        if picked is not None:
            return self._rebase(picked)
        return self._pick()

    # -- git merge -----------------------------------------------------------------------------------

    def _merge(self, heads: tuple[tuple[str, str], ...]) -> int | None:
        if len(heads) != 1:
            return None
        theirs, name = heads[0]
        if not self._is_file_of(self.head, theirs):
            return None
        change = merge_change(self.repository, self.head, theirs, name)
        pending.write(self.repository.git_dir, PendingNote("merge", self.head, theirs))
        status = self._from_lens(change)
        foresee(self.repository, change, lensmerge.merged(self.repository, change))
        return status

    # -- git rebase ----------------------------------------------------------------------------------

    def _rebase(self, picked: str) -> int | None:
        """Replays keep the layout as it was: all picks then fit, and the whole is replayed at the end."""
        tip, _ = rebase_ends(self.repository)
        if not self._is_file_of(self.head, picked or tip):
            return None
        note_rebase(self.repository)
        if picked and self.path in self._builds(self.head, picked):
            parents = self.repository.commit_info(picked).parents[:1]
            return self._from_lens(GitChange(parents, self.head, picked, self._labels(picked)))
        return self._write(self.theirs)

    # -- git cherry-pick, git revert -----------------------------------------------------------------

    def _pick(self) -> int | None:
        known = self.open if self.open is not None and self.open.operation == "pick" else None
        became = dict(known.became) if known is not None and known.covers(self.head) else {}
        found = self._search()
        if not self._is_file_of(self.head, *([found[1]] if found else [])):
            return None
        ours = became.get(self.head, self.head)
        note = PendingNote("pick", self.head, became=became)
        if found is None:
            pending.write(self.repository.git_dir, note)
            return self._write(self._provisional())
        base, theirs = found
        pending.write(self.repository.git_dir, replace(note, base=base, theirs=theirs))
        change = GitChange((base,), ours, theirs, self._labels(theirs))
        if self.path in self._builds(ours, theirs):
            return self._from_lens(change)
        # git must see a change, or it takes the pick for an empty one; or a conflict, so that it stops as for
        # any other, where the lens has one: `post-index-change` then shows it in its place.
        conflict = bool(
            lensmerge.conflicts(self.repository, change, lensmerge.merged(self.repository, change))
        )
        return self._write(self._provisional(), conflict=conflict)

    def _provisional(self) -> bytes:
        """Our side of the file, different from what it is: git must see a change."""
        lead = b"#" if self.path.endswith((".txt", ".cmake", ".toml")) else b"//"
        number = self.ours.count(MARK) and int(self.ours.rsplit(b"step ", 1)[-1].split(b")")[0]) + 1
        text = self.ours.split(b"\n" + lead + b" " + MARK)[0]
        return text + b"\n%s %s, `mergeguard repair` completes it (step %d)\n" % (lead, MARK, number)

    def _search(self) -> tuple[str, str] | None:
        """The commits whose difference git applies, found by the file's two versions: (from, to)."""
        repository = self.repository
        base, theirs = repository.hash_blob(self.base), repository.hash_blob(self.theirs)
        return applied(repository, self.path, base, theirs)

    # -- git stash -----------------------------------------------------------------------------------

    def _stash(self) -> GitChange | None:
        """The stash that git applies, known by the file's versions in it and in the commit it was made on."""
        repository = self.repository
        listed = repository.git(
            "reflog", "show", f"--max-count={_STASHES}", "--format=%H", "refs/stash", ok=(0, 128)
        )
        stashes = listed.text.split() if listed.code == 0 else []
        for name in ("rebase-merge/autostash", "rebase-apply/autostash", "MERGE_AUTOSTASH"):
            file = repository.git_dir / name
            stashes += file.read_text().split() if file.exists() else []
        base, theirs = repository.hash_blob(self.base), repository.hash_blob(self.theirs)
        for stash in stashes:
            made_on = repository.commit_info(stash).parents[0]
            sides = [repository.entry(repository.tree_of(c), self.path) for c in (made_on, stash)]
            if [side and side.oid for side in sides] == [base, theirs]:
                return GitChange((made_on,), self._index(), stash, ("Updated upstream", "Stashed changes"))
        return None

    def _index(self) -> str:
        """HEAD, or the index as a commit where something is staged."""
        tree = staged(self.repository)
        if tree == self.repository.tree_of(self.head):
            return self.head
        return self.repository.commit_object(tree, (self.head,), "index\n")

    # -- answering -----------------------------------------------------------------------------------

    def _from_lens(self, change: GitChange) -> int:
        outcome = lensmerge.merged(self.repository, change)
        entry = self.repository.entry(outcome.tree, self.path)
        text = self.ours if entry is None else self.repository.read_blob(entry.oid)
        return self._write(text, conflict=self._conflicts(outcome))

    def _conflicts(self, outcome: Merged) -> bool:
        return self.path in outcome.stages

    def _write(self, text: bytes, *, conflict: bool = False) -> int:
        # Whole or not at all: git goes on with what stands there, however we end.
        write_atomic(self.target.absolute(), text, self.repository.private_dir / "tmp", sync=False)
        return int(conflict)

    def _labels(self, commit: str) -> tuple[str, str]:
        return "HEAD", f"{commit[:7]} ({self.repository.commit_info(commit).subject})"

    def _builds(self, *commits: str) -> set[str]:
        return {
            build
            for here in map(self._workspace, commits)
            for guarded in here.guarded
            for build in here.build_files(guarded)
        }

    def _is_file_of(self, *commits: str) -> bool:
        """Whether a rule that is split in one of the commits has to do with the file."""
        versions = {self.repository.hash_blob(text) for text in (self.base, self.ours, self.theirs)}
        split = [(here, g) for here in map(self._workspace, commits) for g in here.split_rules]
        for here, guarded in split:
            assert guarded.lock is not None
            # At another place, it is the monolith that upstream has moved if one side of it is the entry.
            entry = self.repository.entry(here.tree, guarded.lock.monolith)
            own = (guarded.lock_path, guarded.lock.monolith, *here.build_files(guarded))
            if self.path in own or (entry is not None and entry.oid in versions):
                return True
        for here, guarded in split:
            try:
                if self.path in here.layout_read_over(guarded)[0]:
                    return True
            except MergeguardError:
                return True
        return False

    def _workspace(self, commit: str) -> Workspace:
        return lensmerge.workspace(self.repository, self.repository.tree_of(commit))


def applied(repository: Repository, path: str, base: str, theirs: str) -> tuple[str, str] | None:
    """The recent commits (from, to) between which the file at ``path`` goes from one blob to another."""
    log = repository.git(
        "log", "--all", "--reflog", "--full-history", "-m", "--max-count=200", "--format=%H",
        f"--find-object={theirs}", "--", path,
    )  # fmt: skip

    def blob(commit: str) -> str | None:
        entry = repository.entry(repository.tree_of(commit), path)
        return entry.oid if entry else None

    for commit in dict.fromkeys(log.text.split()):
        for parent in repository.commit_info(commit).parents:
            pair = (blob(parent), blob(commit))
            if pair == (base, theirs):
                return parent, commit
            if pair == (theirs, base):
                return commit, parent
    return None
