"""audit: what conflict markers don't show after a clean merge, for merges of a repository.

All versions are made monolithic first, so that a layout never matters; ``audit`` compares them. Work is
proportional to the C/C++/CUDA/HIP files that at least one side changed, each read and parsed once per blob.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from mergeguard.audit import Changed, Finding, audit
from mergeguard.audit.facts import Facts
from mergeguard.audit.findings import Commit, Located
from mergeguard.cpp.diff import Change, diff
from mergeguard.cpp.filenames import SOURCES
from mergeguard.errors import LayoutError, Location, counted
from mergeguard.findings import Place
from mergeguard.fork import treelens
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import Workspace
from mergeguard.git.objects import Entry, TreeChange
from mergeguard.git.pickaxe import Pickaxe, TouchingCommit
from mergeguard.git.process import encode, split_nul
from mergeguard.git.repository import Repository
from mergeguard.git.snapshot import snapshot
from mergeguard.lens.layout import Layout
from mergeguard.treemerge import resolution
from mergeguard.treemerge.lastsync import read as last_sync
from mergeguard.values import dataclass
from mergeguard.verbs import layoutaudit

SUFFIXES = (*SOURCES, ".ipp")
_BLAMED = 40  # findings for which the commits are looked up
_KEPT = 3_000  # files, of which a reader keeps the facts
_CHUNK = 200  # words that one git grep looks for

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Audited:
    """One merge and its findings. ``merge`` is its commit, None for one that is not committed yet."""

    merge: str | None
    subject: str
    base: str | None
    ours: str
    theirs: str
    files: int
    findings: tuple[Located, ...]


class FactsReader:
    """Facts by blob, kept from one audit of a process to the next."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._facts: dict[str, Facts] = {}

    def facts(self, entry: Entry | None) -> Facts | None:
        """The file of a tree entry; None if it is none (a link, a submodule)."""
        if entry is None or not entry.is_file:
            return None
        if entry.oid not in self._facts:
            if len(self._facts) >= _KEPT:
                for oid in [*self._facts][: _KEPT // 2]:
                    del self._facts[oid]
            self._facts[entry.oid] = Facts(self.repository.read_blob(entry.oid))
        return self._facts[entry.oid]


# -- one merge, as trees -------------------------------------------------------------------------------


def audit_trees(
    repository: Repository,
    base: str,
    ours: str,
    theirs: str,
    merged: str,
    reader: FactsReader | None = None,
    *,
    ast: bool = False,
) -> tuple[tuple[Finding, ...], int]:
    """The findings of a merge of monolithic trees, and how many files were compared; with ``ast``, those of
    libclang too."""
    reader = reader or FactsReader(repository)
    files = tuple(_changed(repository, base, ours, theirs, merged, reader))
    known = {path for file in files for path in file.paths.values()}

    def elsewhere(names: Iterable[str]) -> dict[str, Facts]:
        found: dict[str, Facts] = {}
        for path in _grep(repository, merged, names):
            if path in known or not path.endswith(SUFFIXES):
                continue
            facts = reader.facts(repository.entry(merged, path))
            if facts is not None:
                found[path] = facts
        return found

    def mentioned(name: str) -> bool:
        return any(not path.endswith(SUFFIXES) for path in _grep(repository, merged, [name]))

    found = audit(files, elsewhere, mentioned)
    if ast:
        from mergeguard.build import astaudit

        found += astaudit.findings(files, found)
    return found, len(files)


def _changed(
    repository: Repository, base: str, ours: str, theirs: str, merged: str, reader: FactsReader
) -> Iterator[Changed]:
    """The sources that a side or the merge changed. Trees are read where they differ from the base only."""
    before: dict[str, Entry] = {}
    now: dict[str, dict[str, Entry | None]] = {"ours": {}, "theirs": {}, "merged": {}}
    moved: dict[str, dict[str, str]] = {"base": {}, "ours": {}, "theirs": {}, "merged": {}}

    def note(version: str, changes: Iterable[TreeChange]) -> None:
        for change in changes:
            renamed = change.letter == "R"
            if change.before is not None and (renamed or change.old == change.new):
                before[change.old] = change.before
            if renamed:
                moved[version][change.old] = change.new
                now[version][change.old] = None
            now[version][change.new] = change.after

    mine, yours = (repository.diff_trees(base, tree, renames=False) for tree in (ours, theirs))
    note("ours", _renamed(repository, base, ours, mine, yours))
    note("theirs", _renamed(repository, base, theirs, yours, mine))
    note("merged", repository.diff_trees(base, merged, renames=False))
    known = (*now["ours"].items(), *now["theirs"].items())
    news = {(path, entry is None) for path, entry in now["merged"].items()} - {
        (path, entry is None) for path, entry in known
    }
    if {gone for _, gone in news} == {True, False}:  # perhaps the merge itself moved a file
        note("merged", repository.diff_trees(base, merged))

    def entry(version: str, path: str) -> Entry | None:
        return now[version].get(path, before.get(path)) if version != "base" else before.get(path)

    taken = {new for renames in moved.values() for new in renames.values()}
    paths = {path for changed in now.values() for path in changed}
    for path in sorted(p for p in paths if p in before or p not in taken):
        names = {version: renames.get(path, path) for version, renames in moved.items()}
        if entry("merged", names["merged"]) is None:
            names["merged"] = next(
                (n for n in (names["theirs"], names["ours"]) if entry("merged", n)), names["merged"]
            )
        if not any(name.endswith(SUFFIXES) for name in names.values()):
            continue
        versions = {v: facts for v, n in names.items() if (facts := reader.facts(entry(v, n))) is not None}
        if versions:
            yield Changed(versions, {version: names[version] for version in versions})


def _renamed(
    repository: Repository,
    base: str,
    tree: str,
    changes: tuple[TreeChange, ...],
    others: tuple[TreeChange, ...],
) -> tuple[TreeChange, ...]:
    """The changes with renames: of the same name in another folder, and, where a file is concerned that the
    other side changed, whatever git finds (which compares texts and takes as long as the merge)."""
    gone = {c.old: c for c in changes if c.letter == "D"}
    came = {c.new: c for c in changes if c.letter == "A"}
    names = Counter(path.rsplit("/", 1)[-1] for path in (*gone, *came))
    by_name = {path.rsplit("/", 1)[-1]: path for path in came}
    pairs: dict[str, str] = {}
    for path in gone:
        name = path.rsplit("/", 1)[-1]
        if names[name] == 2 and name in by_name:
            pairs[path] = by_name[name]
    left = {path for path in gone if path not in pairs and path.endswith(SUFFIXES)}
    if len(came) > len(pairs) and not left.isdisjoint(c.old for c in others):
        return repository.diff_trees(base, tree)
    taken = set(pairs.values())
    return tuple(
        TreeChange("R", c.old, pairs[c.old], c.before, came[pairs[c.old]].after) if c.old in pairs else c
        for c in changes
        if c.new not in taken
    )


def _grep(repository: Repository, tree: str, names: Iterable[str]) -> Iterator[str]:
    """Files of the tree that have one of the words."""
    words = [name for name in dict.fromkeys(names) if name]
    for at in range(0, len(words), _CHUNK):
        patterns = [part for word in words[at : at + _CHUNK] for part in ("-e", word)]
        found = repository.git("grep", "-l", "-z", "-w", "-F", "--full-name", *patterns, tree, ok=(0, 1))
        for name in split_nul(found.out):
            yield name.removeprefix(f"{tree}:")


# -- merges of a repository ----------------------------------------------------------------------------


def resolve(repository: Repository, revision: str | None) -> tuple[str | None, ...]:
    """The merges that an argument of ``audit`` means: commits, or None for the merge in progress.

    A range means every merge commit in it; nothing: the merge in progress, else HEAD if it is a merge, else
    the last sync, else the last merge on this branch. LayoutError if there is none.
    """
    if revision is not None and ".." in revision:
        return repository.rev_list("--merges", "--reverse", revision)
    if revision is not None:
        commit = repository.resolve(revision)
        if len(repository.commit_info(commit).parents) < 2:
            raise LayoutError(
                f"{revision} is no merge commit",
                hint="name a merge, or a range: `mergeguard audit A..B` audits every merge in it",
            )
        return (commit,)
    if _merge_head(repository) is not None:
        return (None,)
    head = repository.resolve("HEAD")
    if len(repository.commit_info(head).parents) > 1:
        return (head,)
    last = last_sync(repository)
    if last is not None and last.commit is not None and repository.has_object(last.commit):
        if len(repository.commit_info(last.commit).parents) > 1:
            return (last.commit,)
    found = repository.rev_list("--merges", "--first-parent", "--max-count=1", "HEAD")
    if not found:
        raise LayoutError("this branch has no merge yet", hint="`mergeguard sync REF` makes one")
    return found


def _merge_head(repository: Repository) -> str | None:
    return repository.reference("MERGE_HEAD")


def run(
    repository: Repository,
    revision: str | None,
    progress: Progress = lambda _: None,
    *,
    ast: bool = False,
) -> list[Audited]:
    """Audit the merges that ``revision`` means (see ``resolve``); with ``ast``, by libclang too."""
    reader, splitting = FactsReader(repository), Splitting.of(repository)
    found: list[Audited] = []
    merges = resolve(repository, revision)
    for number, merge in enumerate(merges, 1):
        progress(f"merge {number} of {len(merges)}")
        if merge is None:
            found.append(_in_progress(repository, reader, splitting, ast))
            continue
        info = repository.commit_info(merge)
        tree = repository.tree_of(resolution.settled(repository, merge))
        # An octopus is a row of merges: what each parent brought, against the first.
        for theirs in info.parents[1:]:
            found.append(
                _audited(
                    repository,
                    merge,
                    info.subject,
                    info.parents[0],
                    theirs,
                    tree,
                    reader,
                    splitting,
                    ast,
                )
            )
    return found


def audit_merge(repository: Repository, ours: str, theirs: str, tree: str, splitting: Splitting) -> Audited:
    """Audit the merge of two commits that is to have ``tree``."""
    reader = FactsReader(repository)
    return _audited(repository, None, "the merge in progress", ours, theirs, tree, reader, splitting, False)


def _in_progress(repository: Repository, reader: FactsReader, splitting: Splitting, ast: bool) -> Audited:
    theirs = _merge_head(repository)
    assert theirs is not None
    unmerged = repository.unmerged()
    if unmerged:
        raise LayoutError(
            f"still in conflict: {counted(len(unmerged), 'file')}",
            where=Location(unmerged[0]),
            hint="resolve and `git add` them; the audit is for what no marker shows",
        )
    ours, tree = repository.resolve("HEAD"), snapshot(repository)
    return _audited(repository, None, "the merge in progress", ours, theirs, tree, reader, splitting, ast)


def _audited(
    repository: Repository,
    merge: str | None,
    subject: str,
    ours: str,
    theirs: str,
    tree: str,
    reader: FactsReader,
    splitting: Splitting,
    ast: bool,
) -> Audited:
    bases = repository.merge_bases(ours, theirs)
    findings, files = audit_commits(repository, bases, ours, theirs, tree, reader, splitting, ast=ast)
    located = locate(repository, bases, ours, theirs, tree, findings, splitting)
    located += layoutaudit.findings(repository, ours, theirs, tree, splitting)
    return Audited(merge, subject, bases[0] if bases else None, ours, theirs, files, located)


def audit_commits(
    repository: Repository,
    bases: tuple[str, ...],
    ours: str,
    theirs: str,
    tree: str,
    reader: FactsReader | None = None,
    splitting: Splitting | None = None,
    *,
    ast: bool = False,
) -> tuple[tuple[Finding, ...], int]:
    """As ``audit_trees``, for two commits and the tree that their merge gave, whatever layouts they have."""
    splitting = splitting or Splitting.of(repository)

    def whole(of: str) -> str:
        workspace = Workspace.load(repository, of, splitting)
        return treelens.monolithic_tree(workspace) if workspace.split_rules else of

    base = whole(repository.tree_of(bases[0])) if bases else repository.empty_tree
    if len(bases) > 1:
        # As git does: the merge of the merge bases is the base, if there is one without conflicts.
        outcome = repository.merge_trees(bases[0], bases[1])
        base = whole(outcome.tree) if outcome.clean else base
    mine, yours = (whole(repository.tree_of(commit)) for commit in (ours, theirs))
    return audit_trees(repository, base, mine, yours, whole(tree), reader, ast=ast)


def broken_off(error: Exception) -> Located:
    """The finding of an audit that could not be finished."""
    what = f"the audit broke off ({type(error).__name__}: {error}); the merge was not looked through"
    hint = "`mergeguard --debug audit` shows where"
    return Located(Finding("not-audited", "", what, "merge", (Place("merged", ".", 1),), hint), (), (None,))


def findings_of(
    repository: Repository,
    bases: tuple[str, ...],
    ours: str,
    theirs: str,
    tree: str,
    reader: FactsReader,
    splitting: Splitting,
) -> tuple[Finding, ...]:
    """As ``audit_commits``, for callers that go on whatever happens: a failure is a finding."""
    try:
        return audit_commits(repository, bases, ours, theirs, tree, reader, splitting)[0]
    except Exception as error:
        return (broken_off(error).finding,)


# -- where, and by which commits -----------------------------------------------------------------------


def locate(
    repository: Repository,
    bases: tuple[str, ...],
    ours: str,
    theirs: str,
    tree: str,
    findings: Iterable[Finding],
    splitting: Splitting,
) -> tuple[Located, ...]:
    """The findings with commits and places in the layouts of the result ``tree``."""
    findings = tuple(findings)
    if not findings:
        return ()
    workspace = Workspace.load(repository, tree, splitting)
    layouts = {u.layout.path: u.layout for g in workspace.split_rules for u in (workspace.unsplit(g),)}
    sides = {
        side: _Newest(repository, bases[0], tip)
        for side, tip in (("ours", ours), ("theirs", theirs))
        if bases
    }
    located: list[Located] = []
    for number, finding in enumerate(findings):
        places = tuple(
            _in_layout(workspace, layouts[place.path], place.line)
            if place.version == "merged" and place.path in layouts
            else None
            for place in finding.places
        )
        commits: list[Commit] = []
        if number < _BLAMED:
            paths = {place.path for place in finding.places} | {found[0] for found in places if found}
            for side, newest in sides.items():
                commit = newest.that_changed(finding.name, paths)
                if commit is not None:
                    commits.append(Commit(side, commit.oid, commit.subject))
        located.append(Located(finding, tuple(commits), places))
    return tuple(located)


class _Newest:
    """The commits of one side, asked for what several findings are about: git lists them once for each set of
    files."""

    def __init__(self, repository: Repository, base: str, tip: str) -> None:
        self._repository, self._base, self._tip = repository, base, tip
        self._touching: dict[tuple[str, ...], Pickaxe] = {}

    def that_changed(self, name: str, paths: Iterable[str]) -> TouchingCommit | None:
        """The newest that changed how often the name stands in a file, else that touched one of the files."""
        key = tuple(sorted(paths))
        if key not in self._touching:
            self._touching[key] = Pickaxe(self._repository, self._base, self._tip, key)
        found = self._touching[key]
        if not found.commits:
            return None
        short = encode(name.rsplit("::", 1)[-1])
        return (found.newest(short) if short else None) or found.commits[0]


def _in_layout(workspace: Workspace, layout: Layout, line: int) -> tuple[str, int] | None:
    """Path and 1-based line of the layout file that has a line of the monolith."""
    monolith = layout.monolith
    try:
        file, at = layout.to_layout(len(monolith) - len(monolith.split(b"\n", line - 1)[-1]))
    except IndexError:
        return None
    number = file.text.count(b"\n", 0, at)
    changes = _line_changes(file.text, workspace.read(file.path) or b"")
    return file.path, number + sum((c.b1 - c.b0) - (c.a1 - c.a0) for c in changes if c.a1 <= number) + 1


@lru_cache(maxsize=8)  # findings come many to a file
def _line_changes(derived: bytes, now: bytes) -> tuple[Change, ...]:
    return tuple(diff(derived.splitlines(), now.splitlines())) if derived != now else ()
