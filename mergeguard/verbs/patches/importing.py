"""import: a patch that was written against upstream's monoliths, applied to the fork's layouts.

The fork's tree is made whole, the patch is applied to that, and the changed monoliths are laid out again
with what the fork has beside the map. Nothing lands before all patches apply.
"""

from __future__ import annotations

from collections.abc import Iterable

from mergeguard.errors import ExitCode, LayoutError, Location, MergeguardError, RuleMismatch, counted
from mergeguard.fork import treelens
from mergeguard.fork.builds import UnitListing
from mergeguard.fork.fork import Fork
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.git import landing, patches
from mergeguard.git.objects import Entry
from mergeguard.git.patches import Applied, Mail, RejectedPatch
from mergeguard.git.repository import Repository
from mergeguard.lens.layout import Layout
from mergeguard.treemerge.structured import settle_file
from mergeguard.treemerge.virtual import replay
from mergeguard.values import dataclass


class PatchRejected(MergeguardError):
    """Hunks of a patch do not apply; ``rejected`` names them."""

    exit_code = ExitCode.FINDINGS

    def __init__(self, name: str, rejected: tuple[RejectedPatch, ...], hint: str | None = None) -> None:
        listed = "; ".join(" ".join(filter(None, (r.path, r.header, f"({r.reason})"))) for r in rejected)
        where = Location(rejected[0].path) if rejected and rejected[0].path else None
        count = counted(len(rejected), "hunk")
        super().__init__(f"{name}: {count} can't be applied: {listed}", where=where, hint=hint)
        self.rejected = rejected


@dataclass(frozen=True, slots=True)
class Touched:
    """A file of the fork that a patch changed; lines added and removed, None for binary files."""

    path: str
    added: int | None
    removed: int | None


@dataclass(frozen=True)
class Imported:
    """Applied patches that have not landed: the tree after each, what they touched, and notes for people."""

    mails: tuple[Mail, ...]
    trees: tuple[str, ...]
    touched: tuple[Touched, ...]
    notes: tuple[str, ...]

    @property
    def tree(self) -> str:
        """The tree after the last patch."""
        return self.trees[-1]


def read(fork: Fork, name: str, data: bytes) -> tuple[Mail, ...]:
    """The patches of one file: a mailbox, a mail or a plain diff. PatchRejected if there is no diff in it."""
    mails = patches.read_mails(fork.repository, data)
    if not mails or not any(mail.diff.strip() for mail in mails):
        raise PatchRejected(name, (RejectedPatch("", "", "there is no patch in it"),))
    # A cover letter is a mail without a patch.
    return tuple(mail for mail in mails if mail.diff.strip())


def apply(
    workspace: Workspace, named: Iterable[tuple[str, Mail]], *, strip: int = 1, context: int | None = None
) -> Imported:
    """Apply patches, one after the other, to the workspace's tree.

    ``strip`` is the number of leading folders in the patches' paths, as for ``git apply -p``, ``context`` how
    many lines around a change must match, as for ``-C`` (None: all that the patch has). Errors:
    PatchRejected, RuleMismatch where a rule does not fit the outcome, LayoutError.
    """
    repository = workspace.repository
    before = workspace.tree
    mails: list[Mail] = []
    trees: list[str] = []
    notes: list[str] = []
    for name, mail in named:
        whole = treelens.monolithic_tree(workspace)
        after = _patched(repository, workspace, name, whole, mail, (strip, context))
        workspace, said = relaid(workspace, whole, after)
        mails.append(mail)
        trees.append(workspace.tree)
        notes += said
    return Imported(tuple(mails), tuple(trees), touched(repository, before, workspace.tree), tuple(notes))


def _patched(
    repository: Repository,
    workspace: Workspace,
    name: str,
    whole: str,
    mail: Mail,
    how: tuple[int, int | None],
) -> str:
    strip, context = how
    applied = patches.apply(repository, whole, mail.diff, strip=strip, context=context)
    if applied.rejected:
        applied = _by_upstreams_text(workspace, whole, mail, how) or applied
    if applied.rejected:
        own = {f.path for g in workspace.split_rules for f in workspace.unsplit(g).layout.files[1:]}
        layout = [r.path for r in applied.rejected if r.path in own]
        raise PatchRejected(
            name,
            applied.rejected,
            hint="it was written against the layout, not the monolith: use `git apply` or `git am`"
            if layout
            else "fetch the commit it was made on (its blobs allow a three-way merge), ask for less context"
            " (-C 1), or edit the patch",
        )
    assert applied.tree is not None
    edits: dict[str, Entry | None] = {}
    left: list[RejectedPatch] = []
    for conflict in applied.conflicts:
        settled = settle_file(repository, conflict)
        if settled is None or not settled.clean:
            left.append(RejectedPatch(conflict.path, "", "it conflicts with what the fork has there"))
        else:
            edits[conflict.path] = settled.entry
    if left:
        raise PatchRejected(
            name, tuple(left), hint="edit the patch, or apply its parts by hand in the layout"
        )
    return repository.edit_tree(applied.tree, edits) if edits else applied.tree


def _by_upstreams_text(
    workspace: Workspace, whole: str, mail: Mail, how: tuple[int, int | None]
) -> Applied | None:
    """The patch applied to upstream's own monoliths, and that merged with the fork's edits of them.

    A patch is written against upstream's text: where it does not fit for the fork's own edits around it, the
    locks still say which text that is. None where it does not fit there either, or
    conflicts with those edits.
    """
    repository = workspace.repository
    strip, context = how
    pristine: dict[str, Entry | None] = {}
    for guarded in workspace.split_rules:
        path = workspace.monolith_path(guarded)
        entry = repository.entry(whole, path) if path is not None else None
        if path is not None and entry is not None and guarded.lock is not None:
            pristine[path] = Entry(entry.mode, guarded.lock.upstream)
    base = repository.edit_tree(whole, pristine)
    applied = patches.apply(repository, base, mail.diff, strip=strip, context=context)
    if applied.tree is None or applied.conflicts:
        return None
    outcome = replay(repository, base, applied.tree, whole)
    return Applied(outcome.tree) if outcome.clean else None


def relaid(workspace: Workspace, whole: str, after: str) -> tuple[Workspace, tuple[str, ...]]:
    """The workspace with the change from tree ``whole`` to ``after`` made to it, both with whole monoliths.

    ``whole`` is the workspace's own tree, whole. Only layouts whose monolith changes are laid out again.
    Gives the new workspace and notes for people. Errors: RuleMismatch, LayoutError.
    """
    repository = workspace.repository
    paths = {p for _, old, new in repository.diff_names(whole, after) for p in (old, new)}
    changed = {p for p in paths if repository.entry(whole, p) != repository.entry(after, p)}
    split = {workspace.monolith_path(g): g for g in workspace.split_rules}
    taken = sorted((changed - split.keys()) & treelens.layout_paths(workspace))
    if taken:
        raise LayoutError(
            "the patch adds a file where a layout has one of its own",
            where=Location(taken[0]),
            hint="give the rule another `layout` folder, `mergeguard split`, then import again",
        )
    edits: dict[str, Entry | None] = {p: repository.entry(after, p) for p in changed if p not in split}
    layouts: list[tuple[Guarded, Layout]] = []
    notes: list[str] = []
    texts: dict[str, bytes] = {}
    for path, guarded in split.items():
        assert path is not None and guarded.lock is not None
        if path not in changed:
            layouts.append((guarded, workspace.unsplit(guarded).layout))
            continue
        entry = repository.entry(after, path)
        if entry is None:
            raise RuleMismatch(
                f"the patch deletes or renames the monolith of rule {guarded.name}",
                where=Location(path),
                hint=f"`mergeguard leave {guarded.name}` first, then `git am` or `git apply`",
            )
        texts[guarded.name] = repository.read_blob(entry.oid)
        laid = treelens.lay_out(workspace, guarded, path, texts[guarded.name])
        if laid.recomposed.conflicts:
            raise LayoutError(
                f"rule {guarded.name}: the patch conflicts with what was typed into the layout alone",
                where=Location(sorted(laid.recomposed.conflicts)[0]),
                hint="`mergeguard status` shows the overlay; undo it there, then import again",
            )
        edits |= treelens.layout_edits(workspace, guarded, laid, guarded.lock.upstream, entry.mode)
        layouts.append((guarded, laid.layout))
        notes += [f"{guarded.name}: {note}" for note in laid.layout.notes]
    outputs = {g.name: layout for g, layout in layouts}
    treelens.check_outputs(repository, workspace.tree, outputs, treelens.layout_paths(workspace))
    tree = treelens.apply(repository, workspace.tree, edits)
    listings = [UnitListing.of(guarded.rule, layout) for guarded, layout in layouts]
    tree = repository.edit_tree(tree, treelens.list_shards(repository, tree, listings))
    made = Workspace.load(repository, tree, workspace.splitting)
    for name, text in texts.items():
        notes += _read_back(made, name, text)
    return made, tuple(notes)


def _read_back(workspace: Workspace, name: str, text: bytes) -> list[str]:
    """Whether the new layout says what the patched monolith says; notes where only an order differs."""
    guarded = workspace.rule(name)
    unsplit = workspace.unsplit(guarded)
    if unsplit.monolith == text:
        return []
    if sorted(unsplit.monolith.split()) == sorted(text.split()):
        return [f"{name}: the rule moves added text, so its place in the monolith is not the patch's"]
    raise LayoutError(
        f"rule {name}: the patched monolith can't be read back from its layout",
        where=Location(unsplit.layout.path),
        hint=f"`mergeguard leave {name}`, apply the patch, `git checkout HEAD -- {guarded.rule_path}`, then "
        f"`mergeguard split {name}`",
    )


def touched(repository: Repository, before: str, after: str) -> tuple[Touched, ...]:
    """The files in which two trees differ, with line counts."""
    raw = repository.git("diff-tree", "-r", "-z", "--no-renames", "--numstat", before, after).out
    found = []
    for field in raw.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        added, removed, path = field.split("\t", 2)
        found.append(
            Touched(path, int(added) if added != "-" else None, int(removed) if removed != "-" else None)
        )
    return tuple(found)


# -- landing -----------------------------------------------------------------------------------------


def stage(fork: Fork, imported: Imported) -> None:
    """Stage the outcome of ``apply`` to ``fork.staged()``."""
    fork.stage(imported.tree, "import")


def clean_workspace(fork: Fork) -> Workspace:
    """HEAD's tree, for patches that become commits. LayoutError while something else is under way."""
    repository = fork.repository
    operation = repository.operation_in_progress()
    if operation is not None:
        raise LayoutError(
            f"a {operation} is in progress", hint=f"`git {operation} --continue` or `git {operation} --abort`"
        )
    staged = [entry.path for entry in repository.dirty() if entry.staged not in (".", "?")]
    if staged:
        raise LayoutError(
            f"there are staged changes in {counted(len(staged), 'file')}: {', '.join(staged[:8])}",
            where=Location(staged[0]),
            hint="commit or unstage them, then import again",
        )
    return Workspace.load(repository, repository.tree_of(fork.head()))


def commit(fork: Fork, imported: Imported, message: str | None = None) -> tuple[str, ...]:
    """Make a commit of each patch on HEAD (authors, dates and messages as ``git am`` takes them over).

    ``message`` is for patches that bring none. Gives the commits, oldest first.
    """
    repository = fork.repository
    head = fork.head()
    committer = repository.identity("committer")
    parent = head
    commits: list[str] = []
    for mail, tree in zip(imported.mails, imported.trees, strict=True):
        text = mail.message if mail.message.strip() else (message or "").encode()
        if not text.strip():
            raise LayoutError("a plain diff brings no message", hint="give one: `--message TEXT`")
        parent = repository.commit_object(
            tree,
            (parent,),
            text if text.endswith(b"\n") else text + b"\n",
            mail.author or repository.identity("author"),
            committer,
        )
        parent = repository.signed(parent)
        commits.append(parent)
    landing.land(
        repository,
        landing.Outcome(
            tree=imported.tree,
            expected_head=head,
            reflog="mergeguard import",
            commit=parent,
            orig_head=head,
        ),
    )
    return tuple(commits)
