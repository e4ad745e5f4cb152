"""The state of a fork: its rules, locks and layouts, read from one git tree.

Every verb reads the repository through here. A tree is all that is needed: of HEAD, of a merge base,
or of the work tree as git would commit it (``Workspace.of_work_tree``), so that what a filter such as
``core.autocrlf`` does to files on disk never matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from mergeguard.errors import LayoutError, Location, MergeguardError, RuleError, counted
from mergeguard.fork.locks import Lock, parse_lock
from mergeguard.fork.outlines import Outline, Outlines, RuleFacts
from mergeguard.fork.splitting import Splitting
from mergeguard.git.objects import MODE_FILE, MODE_SYMLINK, Entry
from mergeguard.git.repository import Repository
from mergeguard.lens.emissions import EMISSIONS
from mergeguard.lens.hunks import Hunk, Reason, Unsplit
from mergeguard.lens.layout import Layout, includable, shard_paths
from mergeguard.lens.rule import Rule, parse_rule
from mergeguard.values import cached_property, dataclass, field, replace

if TYPE_CHECKING:
    from mergeguard.fork.builds import BuildFiles

RULES = ".mergeguard/rules"
LOCKS = ".mergeguard/locks"
REGULAR, SYMLINK = MODE_FILE, MODE_SYMLINK
_GLUE = b"#define MG_"  # in shards that a partition made


@dataclass(frozen=True)
class RuleFile:
    """A rule's blob. The rule is read when it is first asked for where ``facts`` say that it can be."""

    oid: str
    read: Callable[[], Rule] = field(compare=False, repr=False)
    facts: RuleFacts | None = field(default=None, compare=False, repr=False)

    @cached_property
    def rule(self) -> Rule:
        """The rule. Errors: RuleError."""
        return self.read()


@dataclass(frozen=True)
class Guarded:
    """One rule in one tree. ``lock`` is None while its monolith is not split there."""

    name: str
    file: RuleFile
    lock: Lock | None
    lock_oid: str | None = None

    @property
    def rule(self) -> Rule:
        """The rule of the rule's file."""
        return self.file.rule

    @property
    def rule_oid(self) -> str:
        """The blob of the rule's file."""
        return self.file.oid

    @property
    def paths(self) -> tuple[str, ...]:
        """See ``Rule.paths``."""
        return self.file.facts.paths if self.file.facts is not None else self.rule.paths()

    @property
    def build(self) -> tuple[str, ...] | None:
        """See ``Rule.build``."""
        return self.file.facts.build if self.file.facts is not None else self.rule.build

    @property
    def is_split(self) -> bool:
        """Whether the tree holds the layout rather than the monolith."""
        return self.lock is not None

    @property
    def in_build(self) -> bool:
        """Whether the build makes the layout: git keeps the monolith, there is nothing to split in the
        tree."""
        return self.lock is None and self.rule.mode == "build"

    @property
    def rule_path(self) -> str:
        """The rule's file, relative to the repository's root."""
        return f"{RULES}/{self.name}.toml"

    @property
    def lock_path(self) -> str:
        """The lock's file, relative to the repository's root."""
        return f"{LOCKS}/{self.name}.toml"


@dataclass(frozen=True)
class Workspace:
    """A tree of the repository with its rules and locks."""

    repository: Repository
    tree: str
    guarded: tuple[Guarded, ...]
    splitting: Splitting = field(default_factory=Splitting, compare=False, repr=False)

    @classmethod
    def load(
        cls,
        repository: Repository,
        tree: str,
        splitting: Splitting | None = None,
        *,
        lenient: bool = False,
    ) -> Workspace:
        """The rules and locks of a tree. Errors: RuleError, LayoutError for a broken lock.

        ``lenient``: a rule's file that can't be read, with conflict markers in it, say, is no error: what it
        has split is read with the rule of its lock.
        """
        if splitting is not None and tree in splitting.workspaces:
            return splitting.workspaces[tree]
        splitting = splitting or Splitting.of(repository)
        outlines = splitting.outlines
        written = {folder: documents(repository, tree, folder) for folder in (LOCKS, RULES)}
        unread = [e for _, _, e in written[LOCKS] if outlines.lock(e.oid) is None]
        unread += [e for _, _, e in written[RULES] if outlines.rule(e.oid) is None]
        repository.prefetch(unread)
        locks: dict[str, tuple[Lock, str]] = {}
        for name, path, entry in written[LOCKS]:
            locks[name] = lock_of(repository, path, entry.oid, outlines), entry.oid
        guarded: list[Guarded] = []
        broken = False
        for name, path, entry in written[RULES]:
            try:
                file = _rule_file(repository, path, entry.oid, outlines)
            except RuleError:
                if not lenient:
                    raise
                broken = True
                continue
            guarded.append(Guarded(name, file, *locks.pop(name, (None, None))))
        for name, (lock, oid) in sorted(locks.items()):
            # The rule's file is gone, but git still has the rule that the layout was made with.
            file = _rule_file(repository, f"{RULES}/{name}.toml", lock.rule, outlines)
            guarded.append(Guarded(name, file, lock, oid))
        workspace = cls(repository, tree, tuple(guarded), splitting)
        if not broken:
            workspace.splitting.workspaces[tree] = workspace
        return workspace

    def rule(self, name: str) -> Guarded:
        """The rule called ``name``; RuleError names the ones there are."""
        for guarded in self.guarded:
            if guarded.name == name:
                return guarded
        known = ", ".join(g.name for g in self.guarded) or "none"
        raise RuleError(
            f"there is no rule `{name}` (there are: {known})", hint="`mergeguard rules` lists them"
        )

    def only(self, names: frozenset[str]) -> Workspace:
        """The same tree with no rules but these: what others have split is files like any other."""
        if names not in self._narrowed:
            kept = tuple(guarded for guarded in self.guarded if guarded.name in names)
            self._narrowed[names] = replace(self, guarded=kept)
        return self._narrowed[names]

    @cached_property
    def _narrowed(self) -> dict[frozenset[str], Workspace]:
        return {}

    # -- reading -----------------------------------------------------------------------------------

    def nothing_applies(self) -> RuleError:
        """What to raise where a command finds no rule to work on."""
        if not self.guarded:
            hint = "`mergeguard init FILE` writes one, `mergeguard rules` lists ready ones"
            return RuleError("this fork has no rules", hint=hint)
        resting = [guarded for guarded in self.guarded if self.monolith_path(guarded) is None]
        if not resting:
            hint = (
                "`mergeguard generate --out DIR` makes the layouts, `mergeguard mode tree RULE` commits one"
            )
            return RuleError("every rule is in build mode", hint=hint)
        first = resting[0]
        paths = ", ".join(first.rule.paths())
        more = f", and {counted(len(resting) - 1, 'rule')} more rest" if resting[1:] else ""
        return RuleError(
            f"the monolith of {first.name} is not in this tree (looked for {paths}){more}",
            where=Location(first.rule_path),
            hint="name its path there, from the root; `mergeguard rules` lists what applies",
        )

    def entry(self, path: str) -> Entry | None:
        """What the tree has at ``path``."""
        return self.repository.entry(self.tree, path)

    def read(self, path: str) -> bytes | None:
        """A file's bytes, None where the tree has no file at ``path``."""
        return self.repository.read_file(self.tree, path)

    def lost_lock(self, guarded: Guarded) -> LayoutError | None:
        """What is wrong where the tree has a rule's layout and no lock for it: nothing can be read back.

        A split made by hand never had a lock, nor has it our glue: of that, None.
        """
        path = None if guarded.is_split else self.monolith_path(guarded)
        if path is None:
            return None
        folder = guarded.rule.folder(path)
        twin = next((g for g in self.split_rules if g.lock is not None and g.lock.monolith == path), None)
        if twin is not None:
            return LayoutError(
                f"{path} has a rule already, {twin.name}: a file has one rule",
                where=Location(guarded.rule_path),
                hint=f"remove {guarded.rule_path}, or end the other's split: `mergeguard leave {twin.name}`",
            )
        texts = [self.read(f"{folder}/{shard}") for shard in guarded.rule.shard_files()]
        if not any(texts):
            return None
        log = ("log", "-1", "--diff-filter=AM", "--format=%h", "HEAD", "--", guarded.lock_path)
        commit = self.repository.git(*log, ok=(0, 128)).text
        if not commit and not any(text and _GLUE in text for text in texts):
            return None
        hint = f"`git checkout {commit} -- {guarded.lock_path}` brings back the last one there was"
        return LayoutError(
            f"the lock of rule {guarded.name} is missing, and its layout is here",
            where=Location(guarded.lock_path),
            hint=hint if commit else f"bring {path} back whole: `git log -- {path}` has it",
        )

    def monolith_path(self, guarded: Guarded) -> str | None:
        """Where the tree has the rule's monolith (split or not); None where it has none."""
        if guarded.lock is not None:
            return guarded.lock.monolith
        return next((p for p in guarded.paths if self.repository.entry(self.tree, p)), None)

    def build_files(self, guarded: Guarded) -> tuple[str, ...]:
        """The build files that list the rule's units; see ``BuildFiles.of``."""
        path = self.monolith_path(guarded)
        if path is None:
            return guarded.build or ()
        if guarded.name not in self._build_files:
            is_older = guarded.lock is not None and guarded.lock.rule != guarded.rule_oid
            declared = self.rule_of_lock(guarded).build if is_older else guarded.build
            self._build_files[guarded.name] = self._builds.of(declared, path)
        return self._build_files[guarded.name]

    @cached_property
    def _build_files(self) -> dict[str, tuple[str, ...]]:
        return {}

    @cached_property
    def _builds(self) -> BuildFiles:
        from mergeguard.fork.builds import BuildFiles  # few commands ask for them

        return BuildFiles(self.repository, self.tree, self.splitting.lists)

    def rule_of_lock(self, guarded: Guarded) -> Rule:
        """The rule that the layout in the tree was made with, which may be older than the rule file."""
        assert guarded.lock is not None
        if guarded.lock.rule == guarded.rule_oid:
            return guarded.rule
        return _rule(self.repository.read_blob(guarded.lock.rule), guarded.rule_path)

    def split_with_lock(self, guarded: Guarded, text: bytes) -> Layout:
        """The layout of ``text`` by the rule and emission version of the lock."""
        lock = guarded.lock
        assert lock is not None
        if lock.emission not in EMISSIONS:
            raise LayoutError(
                f"emission version {lock.emission} is newer than this mergeguard knows ({max(EMISSIONS)})",
                where=Location(guarded.lock_path),
                hint="install the mergeguard that the fork uses",
            )
        return self.splitting.split(
            guarded.name, lambda: self.rule_of_lock(guarded), lock.rule, lock.monolith, text, lock.emission
        )

    def split_now(self, guarded: Guarded, path: str, text: bytes, emission: int) -> Layout:
        """The layout of ``text`` at ``path`` by the rule file of this tree."""
        return self.splitting.split(
            guarded.name, lambda: guarded.rule, guarded.rule_oid, path, text, emission
        )

    def pristine(self, guarded: Guarded) -> Layout:
        """The pristine layout: of upstream's monolith, by the rule and emission version of the lock."""
        assert guarded.lock is not None
        try:
            text = self.repository.read_blob(guarded.lock.upstream)
        except MergeguardError as error:
            raise LayoutError(
                f"upstream's {guarded.lock.monolith} is not in this repository",
                where=Location(guarded.lock_path),
                hint="fetch it: `git fetch --unshallow`, or `git fetch` from upstream's remote",
            ) from error
        return self.split_with_lock(guarded, text)

    def basis(self, guarded: Guarded) -> Layout | None:
        """The layout that the tree's is read over, where the lock remembers another than the pristine one."""
        assert guarded.lock is not None
        if not guarded.lock.basis:
            return None
        try:
            text = guarded.lock.basis_over(self.pristine(guarded).monolith)
        except ValueError as error:
            raise LayoutError(
                f"the lock can't be read: {error}",
                where=Location(guarded.lock_path),
                hint=f"`git checkout HEAD -- {guarded.lock_path}` brings the committed one back",
            ) from None
        return self.split_with_lock(guarded, text)

    def over(self, guarded: Guarded) -> Layout:
        """The layout that the tree's is read over: the pristine one, but for a lock that has a basis."""
        return self.basis(guarded) or self.pristine(guarded)

    def layout_files(self, layout: Layout) -> dict[str, bytes | None]:
        """The tree's files at the layout's paths; None where one is missing."""
        self.repository.prefetch(self.entry(file.path) for file in layout.files)
        return {file.path: self.read(file.path) for file in layout.files}

    def unsplit(self, guarded: Guarded) -> Unsplit:
        """The rule's layout in this tree, traced back to the monolith."""
        if guarded.name not in self._unsplits:
            pristine, basis = self.pristine(guarded), self.basis(guarded)
            assert guarded.lock is not None
            files = self.layout_files(basis or pristine)

            def derive(text: bytes) -> Layout:
                return self.split_with_lock(guarded, text)

            found = self.splitting.unsplit(guarded.lock, pristine, files, derive, basis)
            self._unsplits[guarded.name] = replace(found, hunks=tuple(map(self._as_it_stands, found.hunks)))
        return self._unsplits[guarded.name]

    def _as_it_stands(self, hunk: Hunk) -> Hunk:
        """A hunk of a file that is gone, with what stands there now, if something does."""
        entry = self.repository.entry(self.tree, hunk.path) if hunk.reason is Reason.FILE_REMOVED else None
        if entry is None:
            return hunk
        return replace(hunk, reason=Reason.FILE_REPLACED, detail=f"{entry.kind} stands there now")

    @cached_property
    def _unsplits(self) -> dict[str, Unsplit]:
        return {}

    # -- what is known of a layout without reading it ------------------------------------------------

    def outline(self, guarded: Guarded) -> Outline | None:
        """What is known of the rule's layout, where the tree has it as it was when that was found."""
        if guarded.name not in self._outlines:
            known = self.splitting.outlines.layouts(guarded) if guarded.is_split else ()
            self._outlines[guarded.name] = next((one for one in known if one.holds(self.entry)), None)
        return self._outlines[guarded.name]

    def learn(self, guarded: Guarded, outline: Outline) -> None:
        """Know of the rule's layout from now on."""
        self._outlines[guarded.name] = outline
        self.splitting.outlines.put(guarded, outline)

    @cached_property
    def _outlines(self) -> dict[str, Outline | None]:
        return {}

    def layout_paths(self, guarded: Guarded) -> tuple[str, ...]:
        """Every path of the rule's layout: of the one that it is read over, and of its own."""
        known = self.outline(guarded)
        if known is not None:
            return tuple(known.entries)
        layouts = (self.over(guarded), self.unsplit(guarded).layout)
        return tuple(dict.fromkeys(file.path for layout in layouts for file in layout.files))

    def layout_read_over(self, guarded: Guarded) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Of the layout that the tree's is read over (see ``over``) the files' paths, and those of shards."""
        known = self.outline(guarded)
        if known is not None:
            return known.over, known.over_shards
        layout = self.over(guarded)
        return tuple(file.path for file in layout.files), shard_paths(layout)

    def layout_entries(self, guarded: Guarded) -> dict[str, Entry]:
        """What the tree has of the rule's layout: its files, and folders in place of those that hold nothing
        else (where that is known). What is no file is a person's."""
        known = self.outline(guarded)
        if known is None:
            entries = ((path, self.entry(path)) for path in self.layout_paths(guarded))
            return {path: entry for path, entry in entries if entry is not None and entry.is_file}
        return known.present

    def monolith(self, guarded: Guarded) -> str:
        """The blob of the rule's monolith, whole, with the fork's edits."""
        known = self.outline(guarded)
        if known is not None and guarded.lock is not None:
            # What an earlier process wrote, and nothing refers to, may have been pruned.
            if known.monolith == guarded.lock.upstream or self.repository.has_object(known.monolith):
                return known.monolith
        return self.repository.write_blob(self.unsplit(guarded).monolith)

    def hunks(self, guarded: Guarded) -> tuple[Hunk, ...]:
        """The fork's overlay of the rule's layout, and its unmapped hunks."""
        known = self.outline(guarded)
        return known.hunks if known is not None else self.unsplit(guarded).hunks

    def includable(self, guarded: Guarded) -> frozenset[str]:
        """The paths that includes of the rule's layout may mean, see ``lens.layout.includable``."""
        known = self.outline(guarded)
        if known is not None:
            return known.includable
        return includable((self.over(guarded), self.unsplit(guarded).layout))

    def shards(self, guarded: Guarded) -> tuple[str, ...]:
        """The translation units of the rule's layout, beside its entry."""
        known = self.outline(guarded)
        return known.shards if known is not None else shard_paths(self.unsplit(guarded).layout)

    def listed_units(self, guarded: Guarded) -> tuple[str, ...]:
        """The translation units that a build lists beside the rule's monolith."""
        known = self.outline(guarded)
        if known is not None:
            return known.listed
        layouts = (self.over(guarded), self.unsplit(guarded).layout)
        return tuple(dict.fromkeys(unit for layout in layouts for unit in shard_paths(layout)))

    @cached_property
    def whole(self) -> dict[tuple[tuple[str, str], ...], str]:
        """Monolithic trees of this one, by where their monoliths are; for ``lens.monolithic_tree``."""
        return {}

    @cached_property
    def laid_out(self) -> tuple[Guarded, ...]:
        """The rules that have a layout: committed in this tree, or made of it by the build."""
        return tuple(g for g in self.guarded if g.is_split or g.in_build)

    @cached_property
    def split_rules(self) -> tuple[Guarded, ...]:
        """The rules whose monoliths are split in this tree."""
        return tuple(g for g in self.guarded if g.is_split)

    def split_rule(self, name: str) -> Guarded | None:
        """The rule of this name, if its monolith is split in this tree."""
        return self._split_by_name.get(name)

    @cached_property
    def _split_by_name(self) -> dict[str, Guarded]:
        return {guarded.name: guarded for guarded in self.split_rules}


def _rule_file(repository: Repository, path: str, oid: str, outlines: Outlines) -> RuleFile:
    """The rule of a blob, which is read now unless it was before. Errors: RuleError."""
    file = RuleFile(oid, lambda: _rule(repository.read_blob(oid), path), outlines.rule(oid))
    if file.facts is None:
        _ = file.rule
    return file


def lock_of(repository: Repository, path: str, oid: str, outlines: Outlines) -> Lock:
    """The lock of a blob. Errors: LayoutError."""
    return outlines.lock(oid) or _lock(path, repository.read_blob(oid))


@lru_cache(maxsize=1024)
def _rule(text: bytes, path: str) -> Rule:
    """The rule of a file's text, read once: the trees that a command looks at mostly have the same rules."""
    return parse_rule(text, path)


@lru_cache(maxsize=1024)
def _lock(path: str, text: bytes) -> Lock:
    """The lock of a file's text, read once."""
    return parse_lock(path, text)


def keep_layouts(repository: Repository, tree: str, splitting: Splitting) -> None:
    """Write to the repository's cache what a tree's layouts are read over, if it was derived in passing."""
    if splitting.has_passed:
        workspace = Workspace.load(repository, tree, splitting, lenient=True)
        splitting.keep(
            (guarded.lock, layout)
            for guarded in workspace.split_rules
            if guarded.lock is not None
            for layout in (workspace.pristine(guarded), workspace.over(guarded))
        )


def path_in(workspace: Workspace, guarded: Guarded) -> str | None:
    """Where a tree has the rule's monolith, split or not; None where it has none."""
    own = workspace.split_rule(guarded.name)
    if own is not None and own.lock is not None:
        return own.lock.monolith
    known = (*((guarded.lock.monolith,) if guarded.lock else ()), *guarded.paths)
    return next((p for p in known if workspace.repository.entry(workspace.tree, p)), None)


def documents(repository: Repository, tree: str, folder: str) -> list[tuple[str, str, Entry]]:
    """The TOML files of one of our folders: name, path and entry, in path order.

    Raises LayoutError where something else stands in their place: what a link points at may be anybody's.
    """
    found: list[tuple[str, str, Entry]] = []
    for path, entry in sorted(repository.list_tree(tree, folder).items()):
        if path != folder and not path.endswith(".toml"):
            continue
        if not entry.is_file or path == folder:
            raise LayoutError(
                f"this is {entry.kind}, where mergeguard keeps {'a folder' if path == folder else 'a file'}",
                where=Location(path),
                hint=f"`git rm --cached {path}`, and put what belongs there in its place",
            )
        found.append((path.removeprefix(f"{folder}/").removesuffix(".toml"), path, entry))
    return found


def file_edits(
    repository: Repository, files: Mapping[str, bytes | None], modes: Mapping[str, int] | None = None
) -> dict[str, Entry | None]:
    """Tree edits that write these files (None removes one)."""
    modes = modes or {}
    return {
        path: None if text is None else Entry(modes.get(path, REGULAR), repository.write_blob(text))
        for path, text in files.items()
    }
