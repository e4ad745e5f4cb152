"""export: the fork's own edits as patches against upstream's files, as ``git format-patch`` writes them.

Every local commit is made whole (monoliths instead of layouts, nothing of mergeguard's own) and replayed
onto upstream's tip as a virtual commit; git formats the range of virtual commits. The commit that
introduced the split is empty that way and falls out by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from unidiff import PatchSet
from unidiff.errors import UnidiffParseError

from mergeguard.errors import ExitCode, Location, MergeguardError, counted
from mergeguard.fork.fork import Fork
from mergeguard.git.durable import scratch_folder, write_output
from mergeguard.git.merging import MergeOutcome
from mergeguard.git.objects import CommitInfo
from mergeguard.git.repository import Repository
from mergeguard.lens.hunks import Hunk
from mergeguard.treemerge.virtual import Whole, Wholes, replay, settle
from mergeguard.values import dataclass
from mergeguard.verbs.patches import handmadecommits


class ExportError(MergeguardError):
    """A commit's edits do not apply to upstream's tip; nothing was written."""

    exit_code = ExitCode.FINDINGS


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A local commit without a patch, and why."""

    oid: str
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch file. ``oid`` is the fork's commit, None for one that stands for several.

    ``files``, ``added`` and ``removed`` (lines) are what the written file says.
    """

    path: str
    oid: str | None
    subject: str
    files: tuple[str, ...]
    added: int
    removed: int


@dataclass(frozen=True)
class Series:
    """A computed series. ``commits`` are (virtual commit, the fork's commit or None), oldest first.

    ``base`` is the commit that the series applies to, ``tip`` the last virtual commit, whose tree is what
    applying the series gives. ``hunks`` are the overlay and unmapped hunks of the exported state, which no
    patch holds.
    """

    base: str
    onto: str
    tip: str
    commits: tuple[tuple[str, str | None], ...]
    left_out: tuple[LeftOut, ...]
    hunks: tuple[Hunk, ...]

    @property
    def unmapped(self) -> tuple[Hunk, ...]:
        """The hunks that wait for a person."""
        return tuple(h for h in self.hunks if not h.is_overlay)


def series(
    fork: Fork,
    revisions: str | None = None,
    *,
    upstream: str | None = None,
    squash: bool = False,
    message: str | None = None,
) -> Series:
    """The patches of a range of commits, as virtual commits on upstream's tip.

    ``revisions`` is ``A..``, ``A..B``, ``A`` (for ``A..``) or ``C^!`` (one commit); None is everything
    that upstream does not have. Merges of upstream are no patches; what the fork changed while merging
    comes as a last patch of its own. Errors: ExportError where a commit does not apply, UnknownRevision,
    LayoutError for a layout that can't be read back.
    """
    repository = fork.repository
    ref = fork.upstream(upstream)
    start, end = _range(repository, revisions)
    end_oid = repository.resolve(end)
    since = repository.resolve(start) if start is not None else None
    if ref is None and since is None:
        raise ExportError(
            "no upstream is known, so there is nothing to take the difference to",
            hint="`mergeguard export --upstream REF`, or `git config mergeguard.upstream REF` once",
        )
    return _Exporter(repository, ref, since, end_oid, squash=squash, message=message).run()


def _range(repository: Repository, revisions: str | None) -> tuple[str | None, str]:
    if revisions is None:
        return None, "HEAD"
    if revisions.endswith("^!"):
        commit = repository.commit_info(repository.resolve(revisions.removesuffix("^!")))
        return (commit.parents[0] if commit.parents else None), commit.oid
    first, dots, last = revisions.partition("..")
    if last.startswith("."):
        raise ExportError(
            "a symmetric difference (A...B) has no order to export",
            hint=f"`mergeguard export {first}..{last[1:]}`",
        )
    return (first or "HEAD" if dots else first), (last or "HEAD")


class _Exporter:
    def __init__(
        self,
        repository: Repository,
        ref: str | None,
        since: str | None,
        end: str,
        *,
        squash: bool,
        message: str | None,
    ) -> None:
        self.repository = repository
        self.since, self.end = since, end
        self.squash, self.message = squash, message
        self.wholes = Wholes(repository)
        self.handmade: dict[str, Whole] = {}
        self.upstream = repository.resolve(ref) if ref is not None else None
        if self.upstream is not None:
            assert ref is not None
            self.base, self.onto = self.upstream, ref
        else:
            # Without an upstream the series applies to the whole tree of where it starts.
            assert since is not None
            self.base = repository.commit_object(self._whole(since).tree, (), "base\n")
            self.onto = since[:12]

    def run(self) -> Series:
        excluded = [f"^{oid}" for oid in (self.since, self.upstream) if oid is not None]
        local = self.repository.rev_list("--topo-order", "--reverse", self.end, *excluded)
        infos = [self.repository.commit_info(oid) for oid in local]
        if self.upstream is not None:
            self.handmade = handmadecommits.read(self.repository, self.wholes, self.upstream, infos)
        left_out: list[LeftOut] = []
        if self.squash:
            commits = self._squashed(infos)
        else:
            commits = self._one_by_one(infos, left_out)
        tip = commits[-1][0] if commits else self.base
        hunks = self._whole(self.end).hunks
        return Series(self.base, self.onto, tip, tuple(commits), tuple(left_out), hunks)

    def _whole(self, commit: str) -> Whole:
        return self.handmade.get(commit) or self.wholes.of_commit(commit)

    # -- one patch for each commit -----------------------------------------------------------------

    def _one_by_one(self, infos: list[CommitInfo], left_out: list[LeftOut]) -> list[tuple[str, str | None]]:
        repository = self.repository
        commits: list[tuple[str, str | None]] = []
        tip, tree = self.base, repository.tree_of(self.base)
        merges = False
        for info in infos:
            if len(info.parents) > 1:
                merges = True
                continue
            before = self._whole(info.parents[0]).tree if info.parents else self.repository.empty_tree
            after = self._whole(info.oid).tree
            if before == after:
                left_out.append(LeftOut(info.oid, info.subject, "nothing in it is upstream's to have"))
                continue
            outcome = replay(repository, before, after, tree)
            if not outcome.clean:
                raise self._does_not_apply(info, outcome)
            if outcome.tree == tree:
                left_out.append(LeftOut(info.oid, info.subject, "upstream has it already"))
                continue
            tree = outcome.tree
            tip = _like(repository, info, tree, tip)
            commits.append((tip, info.oid))
        if merges:
            commits += self._while_merging(tip, tree)
        return commits

    def _while_merging(self, tip: str, tree: str) -> list[tuple[str, str | None]]:
        """What the fork's merges changed beyond their parents: resolutions of conflicts."""
        outcome = self._whole_difference()
        if not outcome.clean or outcome.tree == tree:
            return []
        message = (
            "Resolve the fork's edits against upstream\n\n"
            "What was changed while merging, which no single commit of the series holds.\n"
        )
        author = self.repository.commit_info(self.end).author
        oid = self.repository.commit_object(outcome.tree, (tip,), message, author, author)
        return [(oid, None)]

    def _does_not_apply(self, info: CommitInfo, outcome: MergeOutcome) -> ExportError:
        paths = ", ".join(c.path for c in outcome.conflicts)
        return ExportError(
            f'commit {info.oid[:12]} "{info.subject}" does not apply to {self.onto} on its own: {paths}',
            where=Location(outcome.conflicts[0].path) if outcome.conflicts else None,
            hint="`mergeguard export --squash` makes one patch of all commits, merges included; "
            "or `git rebase -i` the commits into an order that applies",
        )

    # -- one patch for all -------------------------------------------------------------------------

    def _squashed(self, infos: list[CommitInfo]) -> list[tuple[str, str | None]]:
        outcome = self._whole_difference()
        if not outcome.clean:
            paths = ", ".join(c.path for c in outcome.conflicts)
            raise ExportError(
                f"the fork's edits do not apply to {self.onto}: {paths}",
                where=Location(outcome.conflicts[0].path) if outcome.conflicts else None,
                hint=f"`mergeguard sync {self.onto}` first, then export again",
            )
        if outcome.tree == self.repository.tree_of(self.base):
            return []
        singles = [i for i in infos if len(i.parents) < 2 and self._has_edits(i)]
        authors = {(i.author.name, i.author.email) for i in singles}
        author = singles[-1].author if len(authors) == 1 else self.repository.identity("author")
        committer = author if len(authors) == 1 else self.repository.identity("committer")
        oid = self.repository.commit_object(
            outcome.tree, (self.base,), self.message or _squash_message(singles), author, committer
        )
        return [(oid, singles[-1].oid if len(singles) == 1 else None)]

    def _has_edits(self, info: CommitInfo) -> bool:
        before = self._whole(info.parents[0]).tree if info.parents else self.repository.empty_tree
        return before != self._whole(info.oid).tree

    def _whole_difference(self) -> MergeOutcome:
        """The exported range as one change of the base's tree."""
        repository = self.repository
        after = self._whole(self.end).tree
        if self.since is not None:
            before = self._whole(self.since).tree
            return replay(repository, before, after, repository.tree_of(self.base))
        assert self.upstream is not None
        bases = repository.merge_bases(self.end, self.upstream)
        if self.upstream in bases:
            return replay(repository, self._whole(self.upstream).tree, after, repository.tree_of(self.base))
        side = repository.commit_object(after, bases, "fork\n")
        return settle(repository, repository.merge_trees(self.upstream, side))


def _like(repository: Repository, info: CommitInfo, tree: str, parent: str) -> str:
    """A commit with another tree and parent. Signatures are left out: they would not be true of it."""
    return repository.commit_object(
        tree, (parent,), info.message, info.author, info.committer, encoding=info.encoding
    )


def _squash_message(infos: list[CommitInfo]) -> str:
    if len(infos) == 1:
        return infos[0].message.decode(infos[0].encoding or "utf-8", "replace")
    listed = "".join(f"* {info.subject}\n" for info in infos)
    return f"Local edits of the fork\n\n{listed}"


# -- files -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Format:
    """How ``git format-patch`` shall write the series."""

    cover_letter: bool = False
    signoff: bool = False
    subject_prefix: str | None = None
    reroll_count: str | None = None

    def arguments(self) -> list[str]:
        """The options for git."""
        found = [("--cover-letter", self.cover_letter), ("--signoff", self.signoff)]
        arguments = [name for name, wanted in found if wanted]
        if self.subject_prefix is not None:
            arguments.append(f"--subject-prefix={self.subject_prefix}")
        if self.reroll_count is not None:
            arguments.append(f"--reroll-count={self.reroll_count}")
        return arguments


# What a user's configuration must not do to patches that others apply.
_PLAIN = (
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--full-index",
    "--binary",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-relative",
)


def mailbox(fork: Fork, exported: Series, form: Format) -> bytes:
    """The whole series as one mailbox."""
    if not exported.commits:
        return b""
    return fork.repository.git(
        "format-patch", "--stdout", *_PLAIN, *form.arguments(), f"{exported.base}..{exported.tip}"
    ).out


def write(fork: Fork, exported: Series, folder: Path, form: Format) -> tuple[str | None, tuple[Patch, ...]]:
    """Write the series below ``folder``; the cover letter's path, if any, and the patches.

    Each file is read back before any is written: it has to touch what its commit touches.
    """
    if not exported.commits:
        return None, ()
    repository = fork.repository
    target = folder.absolute()
    with scratch_folder(repository.private_dir) as scratch:
        names = repository.git(
            "format-patch",
            f"--output-directory={scratch}",
            *_PLAIN,
            *form.arguments(),
            f"{exported.base}..{exported.tip}",
        ).text.splitlines()
        written = {str(target / Path(name).name): Path(name).read_bytes() for name in names}
        places = list(written)
        cover = places.pop(0) if form.cover_letter else None
        patches = tuple(
            _read_back(repository, name, written[name], virtual, oid)
            for name, (virtual, oid) in zip(places, exported.commits, strict=True)
        )
    _put(target, {Path(name): text for name, text in written.items()})
    return cover, patches


def _put(folder: Path, files: Mapping[Path, bytes]) -> None:
    """All of the files, or none that was not there before."""
    there = {path for path in files if path.exists()}
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            write_output(path, text)
    except OSError:
        for path in files.keys() - there:
            path.unlink(missing_ok=True)
        if made:
            with suppress(OSError):
                folder.rmdir()
        raise


def _read_back(repository: Repository, name: str, text: bytes, virtual: str, oid: str | None) -> Patch:
    info = repository.commit_info(virtual)
    before = repository.tree_of(info.parents[0])
    touched = {new for _, _, new in repository.diff_names(before, info.tree)}
    try:
        # One character a byte: line counts and ASCII paths are all that is read.
        found = PatchSet.from_string(text.decode("latin-1"))
    except UnidiffParseError as error:
        raise ExportError(f"the patch can't be read back: {error}", where=Location(name)) from error
    files = tuple(file.path for file in found)
    if len(files) != len(touched):
        raise ExportError(
            f"the patch touches {counted(len(files), 'file')}, its commit {len(touched)}",
            where=Location(name),
        )
    return Patch(name, oid, info.subject, tuple(sorted(touched)), found.added, found.removed)


__all__ = [
    "ExportError",
    "Format",
    "LeftOut",
    "Patch",
    "Series",
    "mailbox",
    "series",
    "write",
]
