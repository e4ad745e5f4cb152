"""The audit's look at layouts: what ``check`` finds in those that a merge changed, and did not find before.

The audit of the texts compares monoliths, so it can't see what a layout makes of them: an include that is not
re-based, an entry that chooses by a value that the body no longer uses. And what a rule *assumes*, because no
text tells it, is watched here: where the statements that it rests on have changed, that is a finding.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator
from functools import cached_property

from mergeguard.audit.findings import Located
from mergeguard.cpp.backwards import Origin
from mergeguard.errors import MergeguardError
from mergeguard.findings import Finding, Place, Reporter
from mergeguard.fork import treelens
from mergeguard.fork.proofs import NewProof, Proofs
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.lens import buildlists
from mergeguard.lens.agreement import Choice, all_choices
from mergeguard.verbs import checking
from mergeguard.verify.bystanders import SplitTexts
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.thin import is_thin


def findings(
    repository: Repository, ours: str, theirs: str, tree: str, splitting: Splitting
) -> tuple[Located, ...]:
    """What is wrong in ``tree``, the merge of two commits, with the layouts that it changed for ``ours``.

    Nothing that the layout of one of the two sides had already.
    """
    merged = Workspace.load(repository, tree, splitting)
    sides = [Workspace.load(repository, repository.tree_of(commit), splitting) for commit in (ours, theirs)]
    changed = _changed(merged, sides[0])
    if not changed:
        return ()
    # What a proof says of the same texts, it says of ours: it would be nothing new.
    same = {guarded.name for guarded in changed if _is_same_program(merged, sides[0], guarded)}
    proofs = {one.name: None if one.name in same else _new_proof(sides[0], one) for one in changed}
    found = checking.failures(checking.run(merged, [one.name for one in changed], proofs=proofs))
    known = {_key(one) for side in sides for one in _of_side(side, {f.rule for f in found}, same)}
    fresh = [_located(one) for one in found if _key(one) not in known]
    shaken = [one for guarded in changed if guarded.is_split for one in _shaken(merged, sides[0], guarded)]
    return (*fresh, *map(_located, shaken))


def foresee(
    repository: Repository, ours: str, tree: str, names: Collection[str], splitting: Splitting
) -> None:
    """Look now at the layouts of the rules ``names`` in ``tree``, a merge into ``ours`` in which others
    conflict: what is found is kept, for the audit of the resolved merge."""
    merged = Workspace.load(repository, tree, splitting, lenient=True)
    before = Workspace.load(repository, repository.tree_of(ours), splitting)
    changed = [one for one in _changed(merged, before) if one.name in names]
    asked = [one for one in changed if not _is_same_program(merged, before, one)]
    proofs = {one.name: _new_proof(before, one) for one in asked}
    checking.run(merged, [one.name for one in asked], proofs=proofs)


def _new_proof(before: Workspace, guarded: Guarded) -> NewProof:
    """A proof of a layout that changed, as far as it can find something new."""

    def laid_out() -> SplitTexts | None:
        own = before.split_rule(guarded.name)
        if own is None:
            return None
        over, traced = before.over(own), before.unsplit(own)
        units = {file.path for file in (*before.pristine(own).files, *traced.layout.files) if file.is_unit}
        files = before.layout_files(over)
        return SplitTexts(
            traced.monolith,
            [LayoutText(path, text, path in units) for path, text in files.items() if text is not None],
        )

    return NewProof(Proofs(before.repository.private_dir), laid_out)


def _changed(merged: Workspace, before: Workspace) -> list[Guarded]:
    """The rules whose layout, or what it is derived from and listed in, is not what it was."""
    changes = merged.repository.objects.changes(before.tree, merged.tree)
    moved = frozenset(change.new for change in changes if change.letter in "AD")
    lists = _Lists(merged, before)
    return [guarded for guarded in merged.laid_out if _is_changed(merged, before, guarded, moved, lists)]


def _is_same_program(merged: Workspace, before: Workspace, guarded: Guarded) -> bool:
    """Whether a layout's files, with nothing beside them, and what they are derived from are as before."""
    own = before.split_rule(guarded.name)
    if own is None or own.lock != guarded.lock or own.rule_oid != guarded.rule_oid:
        return False
    layouts = (merged.pristine(guarded), merged.unsplit(guarded).layout)
    files = {file.path for layout in layouts for file in layout.files}
    folder = guarded.rule.folder(layouts[1].path)
    beside = merged.repository.list_tree(merged.tree, folder).keys() - files
    return not beside and all(merged.entry(path) == before.entry(path) for path in (*files, folder))


def _is_changed(
    merged: Workspace, before: Workspace, guarded: Guarded, moved: frozenset[str], lists: _Lists
) -> bool:
    """Whether a layout, or what it is derived from and listed in, is not what it was.

    ``moved`` are the paths that one of the trees has and the other has not.
    """
    own = before.split_rule(guarded.name) or next(
        (g for g in before.laid_out if g.name == guarded.name), None
    )
    if own is None or own.lock != guarded.lock or own.rule_oid != guarded.rule_oid:
        return True
    if not guarded.is_split:
        paths = set(guarded.paths)
        return any(merged.entry(path) != before.entry(path) for path in paths)
    assert guarded.lock is not None
    files, beside = merged.layout_paths(guarded), posixpath.dirname(guarded.lock.monolith)
    folders = {posixpath.dirname(path) for path in files} - {beside, ""}
    known = merged.outline(guarded)
    is_same = known is not None and before.split_rule(guarded.name) and before.outline(own) is known
    if any(merged.entry(path) != before.entry(path) for path in (*(() if is_same else files), *folders)):
        return True
    # A file that comes to stand beside the monolith may be what an include of its own means.
    if not moved.isdisjoint(merged.includable(guarded)):
        return True
    builds = merged.build_files(guarded)
    if builds != before.build_files(own):
        return True
    edited = [build for build in builds if merged.entry(build) != before.entry(build)]
    if not edited:
        return False
    listed = [(lists.of(build, guarded), lists.before(build, guarded)) for build in edited]
    return any(now != then for now, then in listed) or not any(any(now) for now, _ in listed)


class _Lists:
    """The build files of two trees, each without the units that it lists of layouts."""

    def __init__(self, merged: Workspace, before: Workspace) -> None:
        self._merged, self._before = merged, before

    @cached_property
    def _whole(self) -> dict[str, dict[str, Entry]]:
        return {one.tree: treelens.unlisted(one) for one in (self._merged, self._before)}

    def of(self, build: str, guarded: Guarded) -> tuple[int, ...]:
        """What the merged tree's build file lists of a layout."""
        return self._listing(self._merged, build, guarded)

    def before(self, build: str, guarded: Guarded) -> tuple[int, ...]:
        """What the other tree's build file lists of the merged layout."""
        return self._listing(self._before, build, guarded)

    def _listing(self, workspace: Workspace, build: str, guarded: Guarded) -> tuple[int, ...]:
        """How often a build file lists the monolith were it whole, each unit of the merged layout, and each
        stranger among its files."""
        text, whole = workspace.read(build), self._whole[workspace.tree].get(build)
        if text is None or guarded.lock is None:
            return ()
        path, files = guarded.lock.monolith, self._merged.layout_paths(guarded)
        folders = {posixpath.dirname(file) for file in files} - {posixpath.dirname(path), ""}
        known = workspace.outline(guarded)
        if known is not None:
            folders -= known.cover.keys()  # they hold nothing else
        strangers = {p for folder in folders for p in workspace.repository.list_tree(workspace.tree, folder)}
        without = text if whole is None else workspace.repository.read_blob(whole.oid)
        return (
            buildlists.mentions(build, without, path),
            *(buildlists.mentions(build, text, unit) for unit in (path, *self._merged.listed_units(guarded))),
            *(buildlists.lists(build, text, stranger) for stranger in sorted(strangers.difference(files))),
        )


def _of_side(side: Workspace, names: set[str], unproved: set[str]) -> tuple[Finding, ...]:
    known = [guarded.name for guarded in side.laid_out if guarded.name in names]
    proofs = dict.fromkeys(unproved)
    return checking.failures(checking.run(side, known, proofs=proofs)) if known else ()


def _key(found: Finding) -> tuple[str, ...]:
    return (found.rule, found.code, found.path, found.name, found.message)


def _located(found: Finding) -> Located:
    """A finding of ``check`` as one of the audit; its path is the layout's already."""
    hint = found.hint or f"`mergeguard check {found.rule}` shows it"
    what = f"{found.code}: {found.name}: {found.message}" if found.name else f"{found.code}: {found.message}"
    place = Place("merged", found.path, found.line or 1)
    return Located(Finding("layout", found.name or found.rule, what, "merge", (place,), hint), (), (None,))


def _shaken(merged: Workspace, before: Workspace, guarded: Guarded) -> Iterator[Finding]:
    """What the rule assumes, where a text told it before, or where what it rests on is not what it was."""
    own = before.split_rule(guarded.name)
    if own is None:
        return
    if own.lock == guarded.lock and before.unsplit(own).monolith == merged.unsplit(guarded).monolith:
        return  # the same rule on the same text
    assumed = [choice for choice in _choices(merged, guarded) if choice.is_assumed]
    known = {(c.entry, c.asked): c.origin for c in _choices(before, own)} if assumed else {}
    for choice in assumed:
        old = known.get((choice.entry, choice.asked), Origin((), ()))
        if old.value is None and old.statements == choice.origin.statements:
            continue
        say = Reporter(guarded.name)
        gone = [words for words in old.statements if words not in choice.origin.statements]
        came = [words for words in choice.origin.statements if words not in old.statements]
        shown = " -> ".join(f"`{' '.join(words[0])}`" for words in (gone, came) if words)
        message = (
            f"the rule assumes that `{choice.asked}` is `{choice.stated}`, and what feeds it changed: {shown}"
        )
        path = merged.unsplit(guarded).layout.path
        hint = f"see that it still holds, else correct `discriminator` in {guarded.rule_path}"
        yield say.warning("assumed", message, path, 1, choice.entry, hint)


def _choices(workspace: Workspace, guarded: Guarded) -> tuple[Choice, ...]:
    layout = workspace.unsplit(guarded).layout
    if not guarded.rule.partition or is_thin([LayoutText(f.path, f.text, f.is_unit) for f in layout.files]):
        return ()  # a thin entry chooses where the host function does, by upstream's own expression
    try:
        return all_choices(workspace.rule_of_lock(guarded), layout.path, layout.monolith)
    except MergeguardError:
        return ()  # a rule that does not fit is a finding of its own
