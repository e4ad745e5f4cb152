"""adopt: change a fork that has split a file by hand over to a rule's layout, in one staged change.

The hand-made files are found (or named), taken as upstream's monolith with local edits (``adopt.adopt``),
and replaced by the layout that the rule makes of that. Before anything is staged, the definitions before
and after are compared; what can't be placed is refused, or kept as it is when asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import tomlkit

from mergeguard.adopt.account import macros_of, undefined_macros
from mergeguard.adopt.adopt import adopt, compare
from mergeguard.adopt.model import AdoptedAs, Adoption, Keep, Taken
from mergeguard.errors import ExitCode, LayoutError, Location, MergeguardError, counted
from mergeguard.findings import Severity
from mergeguard.fork import treelens
from mergeguard.fork.builds import BuildFiles, UnitListing
from mergeguard.fork.fork import Fork
from mergeguard.fork.workspace import REGULAR, Guarded, Workspace
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import Rule
from mergeguard.treemerge import handmade
from mergeguard.values import dataclass, replace
from mergeguard.verbs import checking


class AdoptionRefused(MergeguardError):
    """Something of the hand-made split would be lost; ``adopted`` says what."""

    exit_code = ExitCode.FINDINGS

    def __init__(self, message: str, adopted: Adopted, *, where: Location | None, hint: str) -> None:
        super().__init__(message, where=where, hint=hint)
        self.adopted = adopted


@dataclass(frozen=True)
class Adopted:
    """A computed change-over. ``files`` are the hand-made files, the entry first; ``tree`` is what to stage.

    ``kept`` are the shards that hold text which could not be placed; ``listing`` is the file in which what is
    to be typed again stands ("" where nothing is); ``interface`` is what the rule's was changed to ("": not).
    """

    name: str
    path: str
    files: tuple[str, ...]
    adoption: Adoption
    layout: Layout | None
    tree: str
    kept: tuple[str, ...]
    listing: str = ""
    interface: str = ""


def adopted(
    fork: Fork,
    name: str,
    *,
    upstream: str | None = None,
    files: Iterable[str] = (),
    keep: Keep | None = None,
    keep_unplaced: bool = False,
) -> Adopted:
    """What the change-over of one rule gives; nothing is staged yet.

    ``files`` names the hand-made files besides the entry; without them they are found: what the fork added
    since the merge base and that includes, is included by, or holds declarations of upstream's file. ``keep``
    answers whose text a function keeps that the split took apart and the fork changed. The change-over is
    proved before it is given: the layout is the program of the fork's monolith, every macro is defined where
    it is used, and every line is accounted for.
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
    adoption = adopt(guarded.rule, path, monolith, texts, keep)
    if adoption.unplaced and not keep_unplaced:
        raise _undecided(name, path, texts, adoption, keep)
    _refuse_undefined(name, path, monolith, texts, adoption)
    given = (path, pristine.oid, entry, adoption, texts, keep_unplaced)
    try:
        return _changed_over(workspace, guarded, *given)
    except AdoptionRefused:
        if adoption.unplaced or guarded.rule.interface != "thin":
            raise
    # What the fork's functions call may belong elsewhere in a thin layout than upstream's do.
    tree = treelens.apply(
        repository, workspace.tree, {guarded.rule_path: _full_interface(workspace, guarded)}
    )
    full = Workspace.load(repository, tree, workspace.splitting)
    return replace(_changed_over(full, full.rule(name), *given), interface="full")


def _full_interface(workspace: Workspace, guarded: Guarded) -> Entry:
    """The rule's file with a full interface."""
    repository = workspace.repository
    entry = repository.entry(workspace.tree, guarded.rule_path)
    assert entry is not None
    document = tomlkit.parse(repository.read_blob(entry.oid).decode("utf-8-sig"))
    document["interface"] = "full"
    document.pop("thin", None)
    return Entry(entry.mode, repository.write_blob(tomlkit.dumps(document).encode()))


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
    listing = f".mergeguard/adopted/{guarded.name}.md" if adoption.retype else ""
    if listing:
        changes[listing] = Entry(REGULAR, repository.write_blob(_listed(guarded.name, path, adoption)))
    tree = treelens.apply(repository, whole.tree, changes)
    tree = repository.edit_tree(
        tree, treelens.list_shards(repository, tree, [UnitListing.of(guarded.rule, layout)])
    )
    made = Adopted(guarded.name, path, tuple(texts), adoption, layout, tree, tuple(sorted(kept)), listing)
    _refuse_losses(workspace, made, texts, repository.read_blob(pristine))
    return made


def _refuse_losses(workspace: Workspace, made: Adopted, texts: Mapping[str, bytes], upstreams: bytes) -> None:
    """Compare before and after; AdoptionRefused names the first thing that would be lost."""
    adoption = made.adoption
    after = Workspace.load(workspace.repository, made.tree, workspace.splitting)
    unsplit = after.unsplit(after.rule(made.name))
    excused = adoption.of(AdoptedAs.GLUE, AdoptedAs.TAKEN_APART, AdoptedAs.UNPLACED, AdoptedAs.RETYPE)
    apart = {t.item for t in adoption.of(AdoptedAs.TAKEN_APART) if t.path == made.path}
    own = [t for t in adoption.taken if t.path == made.path and t.item in apart]
    missing = compare(texts, [unsplit.monolith], (*excused, *own, *_apart_edited(adoption)), upstreams)
    if missing:
        raise AdoptionRefused(
            f"not in the new layout: {counted(len(missing), 'definition')} of the split: {missing[0]}",
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

    found = checking.run(after, [made.name])
    broken = [one for one in found if one.severity is Severity.ERROR and one.code != "unmapped"]
    if broken:
        first = broken[0]
        raise AdoptionRefused(
            f"the new layout is not the fork's program: {first.code}: {first.message}",
            made,
            where=Location(first.path, first.line, first.name or None),
            hint=first.hint or f"`mergeguard adopt {made.name} -n -v` shows what became of each line",
        )


def _undecided(
    name: str, path: str, texts: Mapping[str, bytes], adoption: Adoption, keep: Keep | None
) -> AdoptionRefused:
    """The refusal where something can't be placed, with the answers that there are."""
    first = adoption.unplaced[0]
    what = counted(len(adoption.unplaced), "place")
    message = f"{what} of it can't be found in upstream's file: {first.reason}"
    upstreams = (
        f"`mergeguard adopt {name} --keep upstream` keeps upstream's text and lists what to type again"
    )
    hint = f"{upstreams}; or change them by hand and `git add` them, or keep their text: --keep-unplaced"
    if adoption.replaces and keep is None:
        which = ", ".join(adoption.decide)
        message = f"one decision is left: whose code {which} keeps, where the fork replaced what it split"
        hint = (
            f"{upstreams}; `mergeguard adopt {name} --keep fork` makes the fork's function, and what it "
            "calls, declarations of the fork's monolith"
        )
    made = Adopted(name, path, tuple(texts), adoption, None, "", ())
    return AdoptionRefused(
        message, made, where=Location(first.path, first.line, first.item or None), hint=hint
    )


def _refuse_undefined(
    name: str, path: str, upstreams: bytes, texts: Mapping[str, bytes], adoption: Adoption
) -> None:
    """Refuse a monolith that uses a macro where it is not defined, if upstream's does not."""
    known = macros_of((upstreams, *texts.values()))
    before = undefined_macros(upstreams, known)
    lost = {m: n for m, n in undefined_macros(adoption.monolith, known).items() if m not in before}
    if lost:
        macro, line = next(iter(lost.items()))
        made = Adopted(name, path, tuple(texts), adoption, None, "", ())
        raise AdoptionRefused(
            f"the fork's file would use the macro {macro} where it is not defined (line {line} of it)",
            made,
            where=Location(path, None, macro),
            hint=f"`mergeguard adopt {name} --dry-run -v` shows what became of each line",
        )


def _listed(name: str, path: str, adoption: Adoption) -> bytes:
    """The file that has, word for word, what is to be typed again."""
    head = [
        f"# {name}: to be typed again",
        "",
        f"`mergeguard adopt {name} --keep upstream` kept upstream's text of {path}. What the fork had in its",
        "place, or beside it, stands here word for word. Type into the layout what is still wanted, then",
        "delete this file.",
    ]
    out = "\n".join(head).encode() + b"\n"
    for taken in adoption.retype:
        item = f" ({taken.item})" if taken.item else ""
        out += f"\n## {taken.path}:{taken.line}{item}\n\n{taken.reason}\n\n".encode(
            "utf-8", "surrogateescape"
        )
        fence = b"```" + b"`" * max((len(run) for run in re.findall(rb"`+", taken.text)), default=0)
        text = taken.text.strip(b"\r\n")
        out += fence + b"cpp\n" + text + b"\n" + fence + b"\n"
    return out


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
    for build in BuildFiles(repository, tree).of(rule.build, path):
        entry = repository.entry(tree, build)
        if entry is None or not entry.is_file:
            continue
        text = repository.read_blob(entry.oid)
        rest = listed.sub(b"", text)
        if rest != text:
            edits[build] = Entry(entry.mode, repository.write_blob(rest))
    return edits
