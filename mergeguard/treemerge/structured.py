"""The structured merge of a source file in a merge of trees: what ``merge-file`` and the driver give."""

from __future__ import annotations

from collections.abc import Callable, Collection

from mergeguard.cpp.filenames import SOURCES
from mergeguard.cpp.remember import remembered
from mergeguard.git.durable import scratch_folder
from mergeguard.git.linemerge import LineMerge, least_conflict_of
from mergeguard.git.merging import MergeOutcome, UnmergedPath
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.merge import MergeResult, merge
from mergeguard.merge.reasons import told
from mergeguard.treemerge.buildmerge import is_plain
from mergeguard.values import dataclass

FINDING = "finding"  # the kind of a message that says what to look at in a clean structured merge


def merged(repository: Repository, base: bytes, ours: bytes, theirs: bytes) -> MergeResult:
    """The merge of three texts of a source file."""
    return _by_declarations(base, ours, theirs, repository)


@remembered
def _by_declarations(base: bytes, ours: bytes, theirs: bytes, repository: Repository) -> MergeResult:
    """Worked out once for the merges of a run: a plan tries many that have most of their files in common."""
    lines = lines_of(repository, base, ours, theirs)
    return merge(base, ours, theirs, git_clean=lines.clean, git_pieces=lines.pieces)


def lines_of(repository: Repository, base: bytes, ours: bytes, theirs: bytes) -> LineMerge:
    """git's own merge of the lines of three texts."""
    return _lines(base, ours, theirs, repository)


@remembered
def _lines(base: bytes, ours: bytes, theirs: bytes, repository: Repository) -> LineMerge:
    with scratch_folder(repository.private_dir) as folder:
        return least_conflict_of(base, ours, theirs, folder)


@dataclass(frozen=True, slots=True)
class Settlement:
    """The structured merge of one file: its entry in the tree, with markers if it is not ``clean``; the
    entries that were merged, by stage; and what is to be said of it."""

    path: str
    entry: Entry
    clean: bool
    stages: dict[int, Entry]
    said: tuple[str, ...]


def settle_file(
    repository: Repository,
    file: UnmergedPath,
    render: Callable[[MergeResult], bytes] = MergeResult.render,
    *,
    found: Entry | None = None,
) -> Settlement | None:
    """The merge of one path's stages; None where there are no three texts, it has no name of a source file,
    or what git ``found`` (if it was clean) is not its own merge of lines but an attribute's or a driver's.

    ``render`` writes a text with markers, where one is wanted.
    """
    stages = file.stages
    if set(stages) != {1, 2, 3} or not all(e.is_file for e in stages.values()):
        return None
    base, ours, theirs = (repository.read_blob(stages[n].oid) for n in (1, 2, 3))
    if not file.path.lower().endswith(SOURCES) or b"\0" in base + ours + theirs:
        return None
    by_lines = None if found is None else lines_of(repository, base, ours, theirs).clean
    if found is not None and by_lines != repository.read_blob(found.oid):
        return None
    result = merged(repository, base, ours, theirs)
    text = result.render() if result.clean else render(result)
    mode = stages[3].mode if stages[2].mode == stages[1].mode else stages[2].mode
    looks = tuple(
        f"{file.path}:{note.line}: {note.message}" if note.line else f"{file.path}: {note.message}"
        for note in result.findings
    )
    said = (*(() if result.clean else told(file.path, result.pieces, "merge")), *looks)
    return Settlement(file.path, Entry(mode, repository.write_blob(text)), result.clean, stages, said)


def settlements(
    repository: Repository,
    outcome: MergeOutcome,
    render: Callable[[MergeResult], bytes] = MergeResult.render,
) -> list[Settlement]:
    """Those of all conflicts in which the contents alone are git's trouble."""
    plain = (conflict for conflict in outcome.conflicts if is_plain(conflict.path, outcome))
    found = (settle_file(repository, conflict, render) for conflict in plain)
    return [settlement for settlement in found if settlement is not None]


def second_looks(
    repository: Repository,
    outcome: MergeOutcome,
    trees: tuple[str, str, str],
    render: Callable[[MergeResult], bytes],
    *,
    but: Collection[str] = (),
) -> list[Settlement]:
    """Those of the source files that both sides of the three ``trees`` changed and git merged clean: as the
    driver has it, a clean merge of lines is looked at, too. ``but`` are paths that have been merged."""
    conflicts = {*but, *(conflict.path for conflict in outcome.conflicts)}
    looks: list[Settlement] = []
    for changed in repository.objects.changed_by_both(*trees):
        if changed.one is None or changed.other in (None, changed.one):
            continue
        file = UnmergedPath(changed.path, {1: changed.before, 2: changed.one, 3: changed.other})
        found = repository.entry(outcome.tree, file.path)
        if file.path in conflicts or found is None or not file.path.lower().endswith(SOURCES):
            continue
        settled = settle_file(repository, file, render, found=found)
        if settled is not None and (settled.said or settled.entry.oid != found.oid):
            looks.append(settled)
    return looks
