"""adopt: change a fork that has split a file by hand over to a rule's layout, in one staged change.

The hand-made files are found (or named), taken as upstream's monolith with local edits (``adopt.adopt``),
and replaced by the layout that the rule makes of that. Before anything is staged, the definitions before
and after are compared; what can't be placed is refused, or kept as it is when asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mergeguard.adopt.adopt import AdoptedAs, Adoption, Taken, adopt, compare
from mergeguard.errors import ExitCode, LayoutError, Location, MergeguardError
from mergeguard.fork import treelens
from mergeguard.fork.builds import build_files
from mergeguard.fork.fork import Fork
from mergeguard.fork.workspace import REGULAR, Guarded, Workspace
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import Rule
from mergeguard.treemerge import handmade
from mergeguard.values import dataclass


class AdoptionRefused(MergeguardError):
    """Something of the hand-made split would be lost; ``adopted`` says what."""

    exit_code = ExitCode.FINDINGS

    def __init__(self, message: str, adopted: Adopted, *, where: Location | None, hint: str) -> None:
        super().__init__(message, where=where, hint=hint)
        self.adopted = adopted


@dataclass(frozen=True)
class Adopted:
    """A computed change-over. ``files`` are the hand-made files, the entry first; ``tree`` is what to stage.

    ``kept`` are the shards that hold text which could not be placed.
    """

    name: str
    path: str
    files: tuple[str, ...]
    adoption: Adoption
    layout: Layout
    tree: str
    kept: tuple[str, ...]


def adopted(
    fork: Fork,
    name: str,
    *,
    upstream: str | None = None,
    files: Iterable[str] = (),
    keep_unplaced: bool = False,
) -> Adopted:
    """What the change-over of one rule gives; nothing is staged yet.

    ``files`` names the hand-made files besides the entry; without them they are found: what the fork added
    since the merge base and that includes, is included by, or holds declarations of upstream's file.
    Errors: AdoptionRefused where something would be lost, RuleMismatch, LayoutError.
    """
    workspace = fork.staged()
    guarded = workspace.rule(name)
    if guarded.is_split:
        raise LayoutError(
            f"rule {name} is split already",
            where=Location(guarded.lock_path),
            hint="`mergeguard status` shows it",
        )
    repository = fork.repository
    base = _base_tree(fork, upstream)
    path = next((p for p in guarded.rule.paths() if repository.entry(base, p)), None)
    if path is None:
        raise LayoutError(
            f"rule {name}: upstream has no such file at the merge base",
            where=Location(guarded.rule.monolith),
            hint=f"list its path in `also` of {guarded.rule_path}, or merge upstream first",
        )
    entry = repository.entry(workspace.tree, path)
    if entry is None or not entry.is_file:
        raise LayoutError(
            "the fork has no entry file where upstream has its file",
            where=Location(path),
            hint="move the hand-made split's entry there first",
        )
    pristine = repository.entry(base, path)
    assert pristine is not None
    monolith = repository.read_blob(pristine.oid)
    found = _named(workspace, path, files) or handmade.files(workspace, base, path, monolith)
    texts = {p: workspace.read(p) or b"" for p in (path, *found)}
    adoption = adopt(guarded.rule, path, monolith, texts)
    return _changed_over(workspace, guarded, path, pristine.oid, entry, adoption, texts, keep_unplaced)


def stage(fork: Fork, change: Adopted) -> None:
    """Stage the change-over."""
    fork.stage(change.tree, f"adopt {change.name}")


def _base_tree(fork: Fork, upstream: str | None) -> str:
    ref = fork.upstream(upstream)
    if ref is None:
        raise LayoutError(
            "no upstream is known, so there is nothing to compare the hand-made split with",
            hint="`mergeguard adopt --upstream REF`, or `git config mergeguard.upstream REF` once",
        )
    repository = fork.repository
    return repository.tree_of(repository.merge_bases(fork.head(), repository.resolve(ref))[0])


# -- the files ---------------------------------------------------------------------------------------


def _named(workspace: Workspace, path: str, files: Iterable[str]) -> tuple[str, ...]:
    given = tuple(f for f in files if f != path)
    for name in given:
        if workspace.read(name) is None:
            raise LayoutError(
                "there is no such file in the index", where=Location(name), hint="`git add` it first"
            )
    return given


# -- the change --------------------------------------------------------------------------------------


def _changed_over(
    workspace: Workspace,
    guarded: Guarded,
    path: str,
    pristine: str,
    entry: Entry,
    adoption: Adoption,
    texts: Mapping[str, bytes],
    keep_unplaced: bool,
) -> Adopted:
    repository = workspace.repository
    edits: dict[str, Entry | None] = dict.fromkeys(texts)
    edits |= unlisted(repository, workspace.tree, guarded.rule, path, texts)
    edits[path] = Entry(entry.mode, repository.write_blob(adoption.monolith))
    # The fork as if it had never been split, which the rule then splits.
    whole = Workspace.load(repository, treelens.apply(repository, workspace.tree, edits), workspace.splitting)
    laid = treelens.lay_out(whole, whole.rule(guarded.name), path, adoption.monolith)
    layout = laid.layout
    mine = {path, *texts}
    treelens.check_outputs(repository, workspace.tree, {guarded.name: layout}, mine)
    kept = _kept(layout, adoption.unplaced) if keep_unplaced else {}
    changes = treelens.layout_edits(whole, guarded, laid, pristine, entry.mode)
    changes |= {name: Entry(REGULAR, repository.write_blob(text)) for name, text in kept.items()}
    tree = treelens.apply(repository, whole.tree, changes)
    tree = repository.edit_tree(tree, treelens.list_shards(repository, tree, [(guarded, layout)]))
    made = Adopted(guarded.name, path, tuple(texts), adoption, layout, tree, tuple(sorted(kept)))
    _refuse_losses(workspace, made, texts, keep_unplaced)
    return made


def _refuse_losses(
    workspace: Workspace, made: Adopted, texts: Mapping[str, bytes], keep_unplaced: bool
) -> None:
    """Compare before and after; AdoptionRefused names the first thing that would be lost."""
    adoption = made.adoption
    if adoption.unplaced and not keep_unplaced:
        first = adoption.unplaced[0]
        raise AdoptionRefused(
            f"{len(adoption.unplaced)} thing(s) can't be placed in upstream's file: {first.reason}",
            made,
            where=Location(first.path, first.line, first.item or None),
            hint="change them by hand and `git add` them, or keep their text beside the map: --keep-unplaced",
        )
    after = Workspace.load(workspace.repository, made.tree, workspace.splitting)
    unsplit = after.unsplit(after.rule(made.name))
    excused = adoption.of(AdoptedAs.GLUE, AdoptedAs.TAKEN_APART, AdoptedAs.UNPLACED)
    apart = {t.item for t in adoption.of(AdoptedAs.TAKEN_APART) if t.path == made.path}
    own = [t for t in adoption.taken if t.path == made.path and t.item in apart]
    missing = compare(texts, [unsplit.monolith], (*excused, *own, *_apart_edited(adoption)))
    if missing:
        raise AdoptionRefused(
            f"{len(missing)} definition(s) of the hand-made split are not in the new layout: {missing[0]}",
            made,
            where=Location(made.path),
            hint="this is for a person: compare with `mergeguard adopt --dry-run`",
        )
    if sorted(unsplit.monolith.split()) != sorted(adoption.monolith.split()):
        raise AdoptionRefused(
            "the new layout can't be read back as the fork's text",
            made,
            where=Location(made.path),
            hint=f"adapt .mergeguard/rules/{made.name}.toml to the added declarations",
        )


def _apart_edited(adoption: Adoption) -> tuple[Taken, ...]:
    """The entries' functions that were taken apart and edited: the edits are elsewhere in their text."""
    glue = {(t.path, t.item) for t in adoption.of(AdoptedAs.GLUE) if t.text}
    return tuple(t for t in adoption.of(AdoptedAs.EDITED) if (t.path, t.item) in glue)


def _kept(layout: Layout, unplaced: Iterable[Taken]) -> dict[str, bytes]:
    """Shards with the texts that have no place at their ends, as comments.

    A shard's end stands for nothing of the monolith: there the text is an unmapped hunk, which every
    report shows until somebody has dealt with it.
    """
    shards = {file.path: file.text for file in layout.shards}
    kept: dict[str, bytes] = {}
    for taken in unplaced:
        if not taken.text.strip():
            continue
        name = taken.path if taken.path in shards else layout.shards[0].path
        text = kept.get(name, shards[name])
        # As comments: a fragment may open brackets or conditions that nothing closes.
        lines = [f"kept by `mergeguard adopt`: {taken.path}:{taken.line}: {taken.reason}".encode()]
        lines += [*taken.text.strip(b"\r\n").splitlines(), b"end of what was kept"]
        kept[name] = text + b"\n" + b"".join(b"// " + line + b"\n" for line in lines)
    return kept


def unlisted(
    repository: Repository, tree: str, rule: Rule, path: str, texts: Mapping[str, bytes]
) -> dict[str, Entry | None]:
    """Edits of a tree: its build files without the hand-made units (the layout's are listed by the rule)."""
    edits: dict[str, Entry | None] = {}
    units = [re.escape(p.encode()) for p in texts if p != path]
    if not units:
        return edits
    listed = re.compile(rb'\s*(?<![\w./-])("?)(?:%s)\1(?![\w./-])' % b"|".join(units))
    for build in build_files(repository, tree, rule, path):
        entry = repository.entry(tree, build)
        if entry is None or not entry.is_file:
            continue
        text = repository.read_blob(entry.oid)
        rest = listed.sub(b"", text)
        if rest != text:
            edits[build] = Entry(entry.mode, repository.write_blob(rest))
    return edits
