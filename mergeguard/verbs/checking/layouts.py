"""What there is to say of one rule and its layout, looked at anew."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence

from mergeguard.cpp.filenames import UNITS
from mergeguard.cpp.source import parse
from mergeguard.errors import MergeguardError
from mergeguard.findings import Finding, Reporter, Severity, in_tree
from mergeguard.fork import check, keepmarks, treelens
from mergeguard.fork.builds import links_device_code, unlisted
from mergeguard.fork.proofs import Proofs
from mergeguard.fork.stale import stale
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.git.process import encode
from mergeguard.lens import buildlists
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.emit import split
from mergeguard.lens.hunks import Unsplit
from mergeguard.lens.layout import Layout, shard_paths
from mergeguard.lens.overlay import recompose
from mergeguard.lens.rule import Rule
from mergeguard.treemerge import handmade
from mergeguard.values import replace
from mergeguard.verify import same_program
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import BuildFile


class LayoutChecker:
    """The findings about one rule."""

    def __init__(self, workspace: Workspace, guarded: Guarded, base: Callable[[], str | None]) -> None:
        self.workspace = workspace
        self.base = base
        self.guarded = guarded
        self.name = guarded.name
        self.say = Reporter(guarded.name)
        self.layout: Layout | None = None
        self.proof: check.Proof = Proofs(workspace.repository.private_dir).of

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the layout, if there was one to look at."""
        return tuple(file.path for file in self.layout.files) if self.layout else ()

    def findings(self) -> Iterator[Finding]:
        if self.guarded.is_split:
            yield from self.split()
        else:
            yield from self.not_split()

    def exists(self, path: str) -> bool:
        return self.workspace.repository.entry(self.workspace.tree, path) is not None

    # -- a rule whose monolith is whole --------------------------------------------------------------

    def not_split(self) -> Iterator[Finding]:
        if (lost := self.workspace.lost_lock(self.guarded)) is not None:
            yield failed(self.guarded, lost)
            return
        made = handmade.find(self.workspace, self.guarded, self.base())
        if made is not None:
            yield from self.by_hand(made)
            return
        path = self.workspace.monolith_path(self.guarded)
        text = None if path is None else self.workspace.read(path)
        if path is None or text is None:
            paths = ", ".join(self.guarded.rule.paths())
            message = f"the monolith is not in this tree: the rule rests (looked for {paths})"
            yield self.say.note("not split", message, self.guarded.rule_path)
            return
        layout = self.workspace.split_now(self.guarded, path, text, emission_of(self.guarded.rule))
        self.layout = layout
        if not self.guarded.in_build:
            hint = f"`mergeguard split {self.name}` derives the layout"
            yield self.say.note("not split", "the monolith is whole", path, hint=hint)
        rule = self.guarded.rule
        again = split(rule, self.name, path, text, emission_of(self.guarded.rule))
        yield from check.check_laws(self.name, layout, again)
        texts = {file.path: file.text for file in layout.files}
        yield from self.about_text(rule, layout, texts)
        files = [LayoutText(f.path, f.text, f.is_unit) for f in layout.files]
        yield from check.check_program(self.name, path, text, files, proof=self.proof)

    def by_hand(self, made: handmade.HandMade) -> Iterator[Finding]:
        """Of a split by hand, what no linker says; ``verify`` compares it with upstream's file."""
        message = f"split by hand into {len(made.files)} files: no rule keeps them together yet"
        hint = f"`mergeguard adopt {self.name}` changes over to the rule, `mergeguard verify` compares"
        yield self.say.note("not split", message, made.path, hint=hint)
        roots = handmade.roots_of([made.path])
        relocatable = links_device_code(self.workspace.repository, self.workspace.tree, [made.path])
        for found in same_program.check_units(made.texts, roots, relocatable=relocatable):
            yield check.of_verify(self.name, found)

    def about_text(self, rule: Rule, layout: Layout, texts: dict[str, bytes]) -> Iterator[Finding]:
        yield from check.check_includes(self.name, rule, layout, self.exists)
        yield from check.check_global_names(self.name, layout.files, texts)

    # -- a rule with a layout ------------------------------------------------------------------------

    def split(self) -> Iterator[Finding]:
        workspace, guarded = self.workspace, self.guarded
        lock = guarded.lock
        assert lock is not None
        pristine = workspace.pristine(guarded)
        over = workspace.over(guarded)
        marked = tuple(check.check_markers(self.name, workspace.layout_files(over)))
        if marked:
            yield from marked
            return
        rule = workspace.rule_of_lock(guarded)
        before = workspace.unsplit(guarded)
        layout = before.layout
        self.layout = layout
        for one in (pristine, layout) if layout.monolith != pristine.monolith else (pristine,):
            again = workspace.splitting.afresh(
                self.name, lambda: rule, lock.rule, one.path, one.monolith, lock.emission
            )
            yield from check.check_laws(self.name, one, again)
        now = workspace.layout_files(over)
        merged = recompose(before, now, layout, treelens.merge_text)
        more = {path: workspace.read(path) for path in merged.files if path not in now}
        drifted = tuple(check.check_recomposed(self.name, {**now, **more}, before, merged))
        if any(found.severity is Severity.ERROR for found in drifted):
            yield from (one for one in stale(workspace, guarded) if one.code == "dispatch")
        yield from drifted
        yield from self.drift(before)
        yield from check.check_hunks(self.name, before, keepmarks.marks(workspace))
        yield from check.check_added(self.name, pristine.monolith, before)
        texts = {path: text for path, text in {**now, **more}.items() if text is not None}
        if not merged.conflicts and not any(text is None for text in now.values()):
            # Where glue is out of date, that has been said: what counts is what a refresh would leave.
            texts = dict(merged.files)
        yield from self.about_text(rule, layout, texts)
        found = self.program(rule, pristine, before, texts)
        yield from check.accepted(found, before, keepmarks.marks(workspace))

    def drift(self, before: Unsplit) -> Iterator[Finding]:
        guarded, lock = self.guarded, self.guarded.lock
        assert lock is not None
        if not self.exists(guarded.rule_path):
            message = "the rule's file is gone; its layout is still here"
            hint = f"`mergeguard unsplit {self.name}`, or bring the rule back"
            yield self.say.warning("drift", message, guarded.rule_path, hint=hint)
        if lock.monolith not in guarded.rule.paths():
            message = f"the monolith is at {lock.monolith}, a path that the rule does not name"
            yield self.say.note("drift", message, guarded.rule_path)
        if lock.rule == guarded.rule_oid and lock.emission == emission_of(guarded.rule):
            return
        what = "the rule was edited since the split"
        if lock.rule == guarded.rule_oid:
            what = f"the layout is of emission version {lock.emission}"
        try:
            fresh = self.workspace.split_now(
                guarded, lock.monolith, before.monolith, emission_of(guarded.rule)
            )
        except MergeguardError as error:
            unfit = failed(guarded, error)
            yield replace(unfit, code="rule", message=f"{what} and does not fit: {error.message}")
            return
        old = {file.path: file.text for file in before.layout.files}
        new = {file.path: file.text for file in fresh.files}
        changed = sorted(p for p in {*old, *new} if old.get(p) != new.get(p))
        if not changed:
            hint = f"`mergeguard split {self.name}` notes it in the lock"
            yield self.say.note("drift", f"{what}; the layout stays the same", guarded.rule_path, hint=hint)
            return
        message = f"{what}; it would change {', '.join(changed)}"
        hint = f"`mergeguard split {self.name}` derives the layout again"
        yield self.say.warning("drift", message, guarded.rule_path, hint=hint)

    def program(
        self, rule: Rule, pristine: Layout, before: Unsplit, texts: dict[str, bytes]
    ) -> Iterator[Finding]:
        layout = before.layout
        units = {file.path for file in (*pristine.files, *layout.files) if file.is_unit}
        named = self.workspace.build_files(self.guarded)
        builds = {b: t for b in named if (t := self.workspace.read(b)) is not None}
        shards = tuple(dict.fromkeys((*shard_paths(pristine), *shard_paths(layout))))
        strangers = self.strangers(rule, layout, {*texts, *units})
        listed = frozenset(p for p in strangers if any(buildlists.lists(b, t, p) for b, t in builds.items()))
        yield from check.check_strangers(self.name, strangers, listed)
        units_listed = (
            buildlists.mentions(b, t, p) for b, t in builds.items() for p in (layout.path, *shards)
        )
        if not any(units_listed):  # else they are counted, one by one, below
            # Which files list them says the rule as it is now: the layout does not depend on it.
            for one in unlisted(self.workspace.repository, self.workspace.tree, self.guarded.rule, layout):
                yield self.say.error("build list", "no build file lists this unit", one.unit, hint=one.hint)
        everything = {**texts, **{p: t for p in strangers if (t := self.workspace.read(p)) is not None}}
        emitted = {file.path: file.text for file in layout.files}
        if everything != emitted or check.has_new_doubles(pristine.monolith, layout.monolith):
            yield from check.check_homes(
                self.name,
                parse(pristine.monolith),
                everything,
                frozenset(p.entry.removeprefix("::") for p in rule.partition),
                before.hunks,
                layout.path,
            )
        yield from check.check_copied_text(self.name, before.monolith, layout.path, before.hunks)
        if any(file.path not in texts for file in layout.files):
            return  # the missing file has been reported; all else would follow from it
        files = [LayoutText(path, text, path in units) for path, text in texts.items()]
        own = b"".join(everything.values())
        for path in strangers:
            is_named = encode(posixpath.basename(path)) in own
            if path in listed or (is_named and not path.endswith(UNITS)):
                files.append(LayoutText(path, everything[path], path in listed))
        yield from check.check_program(
            self.name,
            layout.path,
            before.monolith,
            files,
            build=[BuildFile(b, buildlists.remove(b, t, layout.path, shards), t) for b, t in builds.items()],
            hunks=before.hunks,
            strangers=frozenset(strangers),
            proof=self.proof,
        )

    def strangers(self, rule: Rule, layout: Layout, own: set[str]) -> list[str]:
        """Files in the layout's folder that are none of its own."""
        folder = rule.folder(layout.path)
        entries = self.workspace.repository.list_tree(self.workspace.tree, folder)
        return sorted(p for p in entries if p not in own and self.workspace.read(p) is not None)


def failed(guarded: Guarded, error: MergeguardError) -> Finding:
    where = error.where
    return in_tree(
        "drift" if guarded.is_split else "rule",
        Severity.ERROR,
        error.message,
        where.path if where is not None else guarded.rule_path,
        where.line if where is not None else None,
        (where.item or "") if where is not None else "",
        rule=guarded.name,
        hint=error.hint or "",
    )


def no_proof(path: str, monolith: bytes, files: Sequence[LayoutText]) -> tuple[Finding, ...]:
    """Stands in for a proof that nobody asks for."""
    return ()


def run_units(workspace: Workspace, paths: Sequence[str]) -> tuple[Finding, ...]:
    """What a linker would make, in silence, of the units at ``paths``: needs no rule and no monolith.

    Raises LayoutError for a path that the tree does not have.
    """
    files = handmade.units(workspace, paths)
    relocatable = links_device_code(workspace.repository, workspace.tree, paths)
    roots = handmade.roots_of(paths)
    return tuple(
        check.of_verify("", found)
        for found in same_program.check_units(files, roots, relocatable=relocatable)
    )
