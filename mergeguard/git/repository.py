"""One repository with its work tree: where it is, its commits and trees, its state.

Object names are hex strings, paths are relative to the repository's root with ``/`` (see
``process.decode`` for names that are not UTF-8).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mergeguard.git import status
from mergeguard.git.errors import (
    BareRepository,
    GitError,
    NotARepository,
    ShallowHistory,
    UnknownRevision,
    UnrelatedHistories,
)
from mergeguard.git.objectnames import FULL_NAME, ObjectFormat
from mergeguard.git.objects import (
    MODE_TREE,
    VIRTUAL_IDENTITY,
    CommitInfo,
    Entry,
    Identity,
    ObjectStore,
    TreeChange,
)
from mergeguard.git.ownfiles import FileState, GitEnvironment, References, find, state_of
from mergeguard.git.process import (
    Completed,
    child_environment,
    decode,
    require_known_git,
    run_git,
    split_nul,
    start_git,
)
from mergeguard.values import cached_property, dataclass

if TYPE_CHECKING:
    from mergeguard.git import merging
    from mergeguard.git.process import Conversation

_FULL_NAME = re.compile(FULL_NAME)
_PLAIN_REVISION = re.compile(r"\w[\w./~^-]*")


@dataclass(frozen=True, slots=True)
class Head:
    """Where HEAD is: ``branch`` is the full ref name, None when detached; ``oid`` None if unborn."""

    oid: str | None
    branch: str | None

    @property
    def detached(self) -> bool:
        return self.branch is None

    @property
    def unborn(self) -> bool:
        return self.oid is None

    @property
    def name(self) -> str:
        """The branch's short name, or ``HEAD``."""
        return "HEAD" if self.branch is None else self.branch.removeprefix("refs/heads/")


@dataclass(frozen=True)
class Repository:
    """A repository and one work tree of it.

    ``git_dir`` is this work tree's own git folder (in a linked work tree not the ``common_dir`` that holds
    refs and objects). ``index_file`` is what the environment of a hook named, else the work tree's index.
    """

    work_tree: Path
    git_dir: Path
    common_dir: Path
    objects_dir: Path
    index_file: Path
    object_format: ObjectFormat

    @classmethod
    def discover(cls, start: str | Path = ".") -> Repository:
        """The repository around ``start`` (a folder or file).

        Called inside a hook, GIT_DIR, GIT_WORK_TREE and GIT_INDEX_FILE count as they do for git: the first
        two where ``start`` is the current folder, the index where it belongs to the repository found.
        Errors: ``GitMissing``, ``GitTooOld``, ``NotARepository``, ``BareRepository``,
        ``UnsupportedRepository``.
        """
        folder = Path(start).absolute()
        if not folder.is_dir():
            folder = folder.parent
        if not folder.is_dir():
            raise NotARepository(f"{start} does not exist")
        inherited = GitEnvironment.of(os.environ)
        here = folder.resolve() == Path.cwd().resolve()
        found = find(folder, inherited if here else GitEnvironment())
        require_known_git(found.git_dir / "mergeguard" / "git-version")
        index = found.git_dir / "index"
        if inherited.index_file is not None:
            try:
                outer = found if here else find(Path.cwd(), inherited)
            except (NotARepository, BareRepository):
                outer = None
            if outer is not None and outer.git_dir == found.git_dir:
                # git itself reads a relative GIT_INDEX_FILE from the root of the work tree.
                index = outer.work_tree / inherited.index_file
        return cls(
            work_tree=found.work_tree,
            git_dir=found.git_dir,
            common_dir=found.common_dir,
            objects_dir=found.objects_dir,
            index_file=index,
            object_format=found.object_format,
        )

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """What every git of this repository runs with."""
        environment = child_environment()
        environment["GIT_DIR"] = str(self.git_dir)
        environment["GIT_WORK_TREE"] = str(self.work_tree)
        if self.index_file != self.git_dir / "index":
            environment["GIT_INDEX_FILE"] = str(self.index_file)
        return environment

    def git(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        ok: Sequence[int] = (0,),
        environment: Mapping[str, str] | None = None,
        inherit: Sequence[int] = (),
    ) -> Completed:
        """Run git at the root of the work tree; ``environment`` adds variables (see ``run_git``)."""
        merged = {**self.environment, **environment} if environment else self.environment
        return run_git(arguments, cwd=self.work_tree, environment=merged, stdin=stdin, ok=ok, inherit=inherit)

    def _converse(self, *arguments: str) -> Conversation:
        """Start a git that is asked again and again, as ``git`` would."""
        return start_git(arguments, cwd=self.work_tree, environment=self.environment)

    @cached_property
    def objects(self) -> ObjectStore:
        return ObjectStore(self.objects_dir, self.object_format, self.git, self._converse)

    @property
    def private_dir(self) -> Path:
        """``<git-dir>/mergeguard``: everything the tool keeps for this work tree. May not exist yet."""
        return self.git_dir / "mergeguard"

    # --- revisions -----------------------------------------------------------------------------------

    def resolve(self, revision: str) -> str:
        """The commit that ``revision`` names (any syntax of git's)."""
        if _FULL_NAME.fullmatch(revision) and self.objects.is_commit(revision):
            return revision
        if _PLAIN_REVISION.fullmatch(revision) and (found := self.objects.commit_named(revision)) is not None:
            return found
        asked = self.git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", ok=(0, 1, 128)
        )
        if asked.code != 0 or not asked.out:
            remote = revision.partition("/")[0] if "/" in revision else ""
            known = set(self.git("remote").text.splitlines())
            hint = (
                f"`git fetch {remote}`"
                if remote in known
                else "`git fetch`, then name a branch, tag or commit: `git branch -a` lists them"
            )
            raise UnknownRevision(f"no commit is named {revision!r} in this repository", hint=hint)
        return asked.text

    def head(self) -> Head:
        """HEAD as it is now."""
        if (plain := self._plain_head()) is not None:
            return plain
        both = self.git("rev-parse", "--quiet", "HEAD", "--symbolic-full-name", "HEAD", ok=(0, 128))
        if both.code == 0 and len(names := both.text.split("\n")) == 2:
            return Head(names[0], None if names[1] == "HEAD" else names[1])
        branch = self.git("symbolic-ref", "--quiet", "HEAD", ok=(0, 1))
        oid = self.git("rev-parse", "--verify", "--quiet", "HEAD", ok=(0, 1))
        return Head(oid.text or None, branch.text or None)

    def _plain_head(self) -> Head | None:
        """HEAD where it names a branch that has a file of its own, as git keeps what was committed last."""
        branch = self._references.branch()
        oid = self._references.find(branch) if branch is not None else None
        return Head(oid, branch) if oid else None

    @cached_property
    def _references(self) -> References:
        return References(self.git_dir, self.common_dir)

    def first_of(self, names: Sequence[str]) -> str | None:
        """The first of these full ref names that there is."""
        kept = {name: self._references.find(name) for name in names}
        asked = [name for name, oid in kept.items() if oid is None]
        there = self.git("for-each-ref", "--format=%(refname)", *asked).text.split("\n") if asked else []
        return next((name for name, oid in kept.items() if oid or name in there), None)

    def reference(self, name: str) -> str | None:
        """What the full ref name (``refs/heads/main``, ``ORIG_HEAD``) points at, or None."""
        if (kept := self._references.find(name)) is not None:
            return kept or None
        return self.git("rev-parse", "--verify", "--quiet", name, ok=(0, 1, 128)).text or None

    def tree_of(self, revision: str) -> str:
        """The tree of a commit."""
        return self.objects.commit_info(self.resolve(revision)).tree

    def merge_bases(self, ours: str, theirs: str) -> tuple[str, ...]:
        """The best common ancestors of two commits, at least one; ``NoMergeBase`` otherwise."""
        key = ("--all", ours, theirs)
        if key not in self._ancestry:
            self._ancestry[key] = self.git("merge-base", *key, ok=(0, 1)).text
        found = self._ancestry[key].split()
        if not _FULL_NAME.fullmatch(ours) or not _FULL_NAME.fullmatch(theirs):
            del self._ancestry[key]  # a name may mean another commit the next time
        if found:
            return tuple(found)
        if self.is_shallow:
            raise ShallowHistory(
                f"this clone is shallow and does not reach the common ancestor of {ours} and {theirs}",
                hint="`git fetch --unshallow`",
            )
        raise UnrelatedHistories(
            f"{ours} and {theirs} have no common history",
            hint="check the name of upstream's branch; unrelated histories are not merged",
        )

    @cached_property
    def _ancestry(self) -> dict[tuple[str, ...], str]:
        """What git has said of commits that are named in full: that does not change."""
        return {}

    @property
    def is_shallow(self) -> bool:
        return self.git("rev-parse", "--is-shallow-repository").text == "true"

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether ``descendant`` contains ``ancestor`` (a commit contains itself)."""
        for (_, *sides), bases in self._ancestry.items():
            if descendant in sides and ancestor in bases.split():
                return True
            if {*sides} == {ancestor, descendant}:
                return False  # else it would be their merge base
        return self.git("merge-base", "--is-ancestor", ancestor, descendant, ok=(0, 1)).code == 0

    def rev_list(self, *arguments: str) -> tuple[str, ...]:
        """Commits as ``git rev-list`` lists them, e.g. ``rev_list("--reverse", "main..topic")``."""
        return tuple(self.git("rev-list", *arguments, "--").text.split())

    def published(self, revisions: str) -> tuple[str, ...]:
        """Those of ``git rev-list`` of a revision or range that others may have: a remote-tracking ref or a
        tag reaches them."""
        found = self.rev_list(revisions)
        own = set(self.rev_list(revisions, "--not", "--remotes", "--tags")) if found else set()
        return tuple(commit for commit in found if commit not in own)

    def is_published(self, commit: str) -> bool:
        """Whether others may have a commit: a remote-tracking ref or a tag reaches it."""
        return not self.rev_list("--max-count=1", commit, "--not", "--remotes", "--tags")

    def commit_info(self, oid: str) -> CommitInfo:
        """Everything a commit holds."""
        return self.objects.commit_info(oid)

    # --- objects -------------------------------------------------------------------------------------

    def has_object(self, oid: str) -> bool:
        """Whether the object is here without fetching it."""
        return self.objects.has(oid)

    def read_blob(self, oid: str) -> bytes:
        """A file's content; in a partial clone git fetches it. ``MissingObject`` otherwise."""
        return self.objects.read(oid, "blob")

    def prefetch(self, entries: Iterable[Entry | None]) -> None:
        """Read files that will be asked for, many at a time; what is no file is left out."""
        self.objects.prefetch(entry.oid for entry in entries if entry is not None and entry.is_file)

    def write_blob(self, data: bytes) -> str:
        return self.objects.write("blob", data)

    @property
    def empty_tree(self) -> str:
        """The tree without entries."""
        return self.object_format.empty_tree

    def hash_blob(self, data: bytes) -> str:
        """The name ``data`` would have; nothing is written."""
        return self.objects.hash(data)

    def entry(self, tree: str, path: str) -> Entry | None:
        """What stands at ``path`` of a tree, folders included; None if nothing does."""
        return self.objects.entry(tree, path)

    def read_file(self, tree: str, path: str) -> bytes | None:
        """The content of an ordinary file of a tree; None where there is none."""
        entry = self.entry(tree, path)
        return self.read_blob(entry.oid) if entry is not None and entry.is_file else None

    def list_tree(self, tree: str, under: str = "") -> dict[str, Entry]:
        """All files at or below ``under`` with their paths from the root."""
        if not under:
            return dict(self.objects.walk(tree))
        entry = self.objects.entry(tree, under.rstrip("/"))
        if entry is None:
            return {}
        if entry.mode != 0o040000:
            return {under.rstrip("/"): entry}
        return dict(self.objects.walk(entry.oid, under.rstrip("/") + "/"))

    def files_in(self, tree: str, folder: str) -> dict[str, Entry]:
        """What stands in a folder of a tree ("" for its root), folders left out, by name."""
        entry = self.entry(tree, folder) if folder else Entry(MODE_TREE, tree)
        if entry is None or entry.mode != MODE_TREE:
            return {}
        children = self.objects.tree(entry.oid).items()
        return {decode(name): found for name, found in children if found.mode != MODE_TREE}

    def sizes(self, tree: str) -> dict[str, int]:
        """The size in bytes of each ordinary file of a tree, by path; none is read."""
        found: dict[str, int] = {}
        for field in split_nul(self.git("ls-tree", "-r", "-l", "-z", tree).out):
            facts, _, path = field.partition("\t")
            mode, kind, _, size = facts.split()
            if kind == "blob" and Entry(int(mode, 8), "").is_file:
                found[path] = int(size)
        return found

    def edit_tree(self, tree: str | None, edits: Mapping[str, Entry | None]) -> str:
        """See ``ObjectStore.edit_tree``."""
        return self.objects.edit_tree(tree, edits)

    def commit_object(
        self,
        tree: str,
        parents: Iterable[str],
        message: bytes | str,
        author: Identity | None = None,
        committer: Identity | None = None,
        *,
        encoding: str | None = None,
        extra: tuple[tuple[str, bytes], ...] = (),
    ) -> str:
        """Write a commit that no reference names. Without identities it is a *virtual* commit: fixed
        identity and date, so the same arguments give the same name.
        """
        raw = message.encode() if isinstance(message, str) else message
        return self.objects.write_commit(
            tree,
            tuple(parents),
            raw,
            author=author or VIRTUAL_IDENTITY,
            committer=committer or VIRTUAL_IDENTITY,
            encoding=encoding,
            extra=extra,
        )

    def signed(self, oid: str) -> str:
        """The same commit, signed (``git commit-tree -S``) if the user has every commit signed."""
        if not self._signs_commits:
            return oid
        info = self.commit_info(oid)
        parents = [argument for parent in info.parents for argument in ("-p", parent)]
        environment = {}
        for role, identity in (("AUTHOR", info.author), ("COMMITTER", info.committer)):
            seconds, offset = identity.when
            environment[f"GIT_{role}_NAME"] = identity.name
            environment[f"GIT_{role}_EMAIL"] = identity.email
            environment[f"GIT_{role}_DATE"] = f"@{seconds} {offset}"
        return self.git(
            "commit-tree",
            "-S",
            *parents,
            info.tree,
            stdin=info.message,
            environment=environment,
        ).text

    def identity(self, role: str) -> Identity:
        """The user as ``author`` or ``committer`` of a commit made now; an error if git knows no name.

        Git is asked once: all commits that one command makes are made at the time of the first.
        """
        if role not in self._identities and self._identities and not self._has_two_identities:
            self._identities[role] = next(iter(self._identities.values()))
        if role not in self._identities:
            completed = self.git("var", f"GIT_{role.upper()}_IDENT", ok=(0, 128))
            if completed.code != 0:
                raise GitError(
                    f"git does not know who you are: {completed.err.strip().splitlines()[-1]}",
                    hint="`git config --global user.name '…'` and `git config --global user.email '…'`",
                )
            self._identities[role] = Identity(completed.out.rstrip(b"\n"))
        return self._identities[role]

    @cached_property
    def _has_two_identities(self) -> bool:
        """Whether the author of a commit made now may be another than its committer."""
        set_apart = ("GIT_AUTHOR_", "GIT_COMMITTER_")
        keys = ("author.name", "author.email", "committer.name", "committer.email")
        return any(name.startswith(set_apart) for name in os.environ) or any(map(self.config, keys))

    @cached_property
    def _identities(self) -> dict[str, Identity]:
        return {}

    @cached_property
    def _signs_commits(self) -> bool:
        return self.config_bool("commit.gpgSign")

    def diff_names(self, old_tree: str, new_tree: str) -> tuple[tuple[str, str, str], ...]:
        """Changed paths as (status letter, old path, new path), renames found as ``git diff`` finds them.

        The two paths are equal unless the letter is R or C.
        """
        return tuple(
            (change.letter, change.old, change.new) for change in self.diff_trees(old_tree, new_tree)
        )

    def renames(self, old_tree: str, new_tree: str) -> dict[str, str]:
        """The files that ``git diff`` takes for renamed: old path -> new path."""
        return {old: new for letter, old, new in self.diff_names(old_tree, new_tree) if letter == "R"}

    def diff_trees(self, old: str, new: str, *, renames: bool = True) -> tuple[TreeChange, ...]:
        """Changed paths with their entries; with ``renames``, found as ``git diff`` finds them."""
        changes = tuple(self.objects.changes(old, new))
        if not renames or not {"A", "D"} <= {change.letter for change in changes}:
            return changes
        fields = iter(split_nul(self.git("diff-tree", "-r", "-z", "-M", "--raw", old, new).out))
        found = []
        for field in fields:
            mode, other_mode, oid, other_oid, letter = field.removeprefix(":").split(" ")
            path = next(fields)
            to = next(fields) if letter[0] in "RC" else path
            before, after = Entry(int(mode, 8), oid), Entry(int(other_mode, 8), other_oid)
            found.append(
                TreeChange(
                    letter[0], path, to, before if before.mode else None, after if after.mode else None
                )
            )
        return tuple(found)

    # --- merging -------------------------------------------------------------------------------------

    def merge_trees(
        self,
        ours: str,
        theirs: str,
        *,
        conflict_style: str | None = None,
        marker_size: int | None = None,
        labels: tuple[str, str] | None = None,
    ) -> merging.MergeOutcome:
        """See ``merging.merge_trees``."""
        from mergeguard.git import merging

        return merging.merge_trees(
            self, ours, theirs, conflict_style=conflict_style, marker_size=marker_size, labels=labels
        )

    def merge_file(
        self,
        base: bytes,
        ours: bytes,
        theirs: bytes,
        *,
        style: str = "merge",
        labels: tuple[str, str, str] = ("ours", "base", "theirs"),
        marker_size: int = 7,
        algorithm: str = "histogram",
    ) -> tuple[bytes, int]:
        """See ``merging.merge_file``."""
        from mergeguard.git import merging

        return merging.merge_file(
            self,
            base,
            ours,
            theirs,
            style=style,
            labels=labels,
            marker_size=marker_size,
            algorithm=algorithm,
        )

    # --- state ---------------------------------------------------------------------------------------

    def index_tree(self) -> str:
        """The index as a tree; ``GitError`` while it holds conflicts."""
        return self.git("write-tree").text

    def dirty(self, paths: Iterable[str] | None = None) -> tuple[status.StatusEntry, ...]:
        """See ``status.dirty``."""
        state = state_of(self.index_file)
        found = status.dirty(self, paths)
        if paths is None:
            self._unmerged.clear()
            self._unmerged[state] = tuple(entry.path for entry in found if entry.kind == "unmerged")
        return found

    def unmerged(self) -> tuple[str, ...]:
        """The files in conflict."""
        state = state_of(self.index_file)
        if state is None or state not in self._unmerged:
            listed = split_nul(self.git("ls-files", "--unmerged", "-z").out)
            self._unmerged.clear()
            self._unmerged[state] = tuple(dict.fromkeys(line.partition("\t")[2] for line in listed))
        return self._unmerged[state]

    @cached_property
    def _unmerged(self) -> dict[FileState | None, tuple[str, ...]]:
        return {}

    def operation_in_progress(self) -> str | None:
        """See ``status.operation_in_progress``."""
        return status.operation_in_progress(self.git_dir)

    def config(self, key: str) -> str | None:
        """The last value of a configuration key, or None."""
        found = self._configured.get(_plain_key(key))
        return None if found is None else found[-1] or ""

    def config_bool(self, key: str, default: bool = False) -> bool:
        """A truth value as git reads it."""
        found = self._configured.get(_plain_key(key))
        return default if found is None else _truth(found[-1], default)

    def config_all(self, key: str) -> tuple[str, ...]:
        """All values of a key, in git's order of reading."""
        return tuple(value or "" for value in self._configured.get(_plain_key(key), ()))

    @property
    def _configured(self) -> dict[str, list[str | None]]:
        """All keys with their values, asked once as long as the clone's own files of them are as they were;
        None is a key without a value."""
        state = tuple(map(state_of, (self.common_dir / "config", self.git_dir / "config.worktree")))
        known = self._listed.get(state)
        if known is None:
            known = {}
            for line in split_nul(self.git("config", "-z", "--list").out):
                key, has_value, value = line.partition("\n")
                known.setdefault(key, []).append(value if has_value else None)
            self._listed.clear()
            self._listed[state] = known
        return known

    @cached_property
    def _listed(self) -> dict[tuple[FileState | None, ...], dict[str, list[str | None]]]:
        return {}


def _plain_key(key: str) -> str:
    """A key as git lists it: the section and the name in small letters, what is between them as it is."""
    section, _, rest = key.partition(".")
    between, dot, name = rest.rpartition(".")
    return f"{section.lower()}.{between}{dot}{name.lower()}"


def _truth(value: str | None, default: bool) -> bool:
    """A value as ``git config --type=bool`` reads it; ``default`` where it is none."""
    word = None if value is None else value.lower()
    if word in (None, "true", "yes", "on"):
        return True
    if word in ("", "false", "no", "off"):
        return False
    number = re.fullmatch(r"([-+]?\d+)[kmg]?", word)
    return default if number is None else int(number[1]) != 0
