"""The merge driver as git starts it, once for each file: only the first of a merge loads the lens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mergeguard.errors import MergeguardError
from mergeguard.fork.footprint import Footprint, Footprints
from mergeguard.git.atwork import PUT_OFF
from mergeguard.git.durable import write_atomic
from mergeguard.git.process import encode
from mergeguard.git.repository import Repository
from mergeguard.hooks import foreseen, mergework
from mergeguard.hooks.telling import tell


def main(arguments: Sequence[str]) -> int:
    """``merge-driver BASE OURS THEIRS MARKER_SIZE PATH`` as git calls it (%O %A %B %L %P)."""
    answer = None
    if len(arguments) >= 6:
        base, ours, theirs, _, path = arguments[1:6]
        try:
            answer = _answer(path, Path(base), Path(ours), Path(theirs))
        except MergeguardError as error:
            tell(f"mergeguard: {path}: {error}" + (f"\nhint: {error.hint}" if error.hint else ""))
            return 1
        except OSError as error:
            tell(f"mergeguard: {path}: {error.filename or 'the repository'}: {error.strerror}")
            return 1
    if answer is not None:
        return answer
    from mergeguard.hooks.mergefile import main as merge_file

    return merge_file(arguments)


def _answer(path: str, base: Path, ours: Path, theirs: Path) -> int | None:
    repository = Repository.discover()
    text = _foreseen(repository, path)
    if text is None and (picked := _picked(repository)) is not None:
        text = _until_replay(repository, path, picked, (base, ours, theirs))
    if text is not None:
        write_atomic(ours.absolute(), text, repository.private_dir / "tmp", sync=False)
        return 0
    from mergeguard.hooks import driver

    return driver.answer(repository, path, base, ours, theirs)


def _foreseen(repository: Repository, path: str) -> bytes | None:
    """What an earlier call has found the file to be in the merge at work; None where it has not."""
    heads, head = mergework.merging(), repository.head().oid
    if len(heads) != 1 or head is None:
        return None
    seen = foreseen.read(repository, head, heads[0][0])
    return repository.read_file(seen.tree, path) if seen is not None and path in seen.paths else None


def _picked(repository: Repository) -> tuple[str, str] | None:
    """HEAD and the commit that a rebase picks; None where it is something else that merges."""
    stashes = ("logs/refs/stash", "rebase-merge/autostash", "rebase-apply/autostash", "MERGE_AUTOSTASH")
    if mergework.merging() or any((f / name).exists() for f in _folders(repository) for name in stashes):
        return None
    picked, head = mergework.rebasing(repository), repository.head().oid
    return (head, picked) if picked and head is not None else None


def _until_replay(
    repository: Repository, path: str, commits: tuple[str, str], files: tuple[Path, Path, Path]
) -> bytes | None:
    """What a rebase goes on with until all is replayed at its end, which a note says: a layout's file as the
    commit has it, a build list as upstream has it with the commit's units. None where it takes the lens."""
    footprints = Footprints(repository)
    head, picked = (footprints.of(repository.tree_of(commit)) for commit in commits)
    base, ours, theirs = (file.read_bytes() for file in files)
    blobs = {repository.hash_blob(text) for text in (base, ours, theirs)}
    trees = map(repository.tree_of, commits)
    rules = ((tree, rule) for tree, found in zip(trees, (head, picked), strict=True) for rule in found)
    if any(_is_of(repository, tree, rule, path, blobs) for tree, rule in rules):
        text: bytes | None = theirs
    else:
        text = _listed_again(path, picked, base, ours, theirs)
    if text is not None:
        mergework.note_rebase(repository)
        _note_pick(repository, commits, (head, picked))
    return text


def _folders(repository: Repository) -> set[Path]:
    return {repository.git_dir, repository.common_dir}


def _is_of(repository: Repository, tree: str, rule: Footprint, path: str, versions: set[str]) -> bool:
    """Whether the file is one of a rule's, or its monolith at another place (one of its versions is)."""
    entry = repository.entry(tree, rule.monoliths[0])
    is_moved = entry is not None and entry.oid in versions
    return is_moved or path in _own(rule)


# -- what the shell answers in the rest of a pick


def _own(rule: Footprint) -> tuple[str, ...]:
    """The files that a rule has where it is split."""
    return rule.lock_path, rule.monoliths[0], *(rule.files or ())


def _listed_again(
    path: str, rules: tuple[Footprint, ...], base: bytes, ours: bytes, theirs: bytes
) -> bytes | None:
    """Our build list with the units that theirs lists, where it has nothing else that the base has not."""
    from mergeguard.lens import buildlists

    units = [(rule.monoliths[0], rule.units) for rule in rules]
    if not units or not buildlists.is_build_file(path):
        return None
    without = [buildlists.remove_all(path, text, units) for text in (base, ours, theirs)]
    if without[0] != without[2] or without[2] == theirs or without[0] != base:
        return None
    return buildlists.add_all(path, without[1], units)


def _note_pick(
    repository: Repository,
    commits: tuple[str, str],
    rules: tuple[tuple[Footprint, ...], tuple[Footprint, ...]],
) -> None:
    """Note for the driver's shell what is known of a pick, so that it need not start a process for each file:
    git starts one for each that both sides changed, which costs as much as a whole pick of git's own.

    ``commits`` are HEAD and what is picked, ``rules`` those of both. The note has HEAD and the step that git
    has noted last, by which the shell (``git.hooks``) knows the pick, and then two lines for each file:

    - its path, and an empty line (as the commit has it) or a file below the git folder with the answer;
    - an empty line, and a file: what has these bytes on the commit's side, whatever its path, is as the
      commit has it (upstream moved the monolith).
    """
    done = repository.git_dir / "rebase-merge" / "done"
    parents = repository.commit_info(commits[1]).parents
    if not done.exists() or len(parents) != 1:
        return
    head, picked = (repository.tree_of(commit) for commit in commits)
    both = tuple(dict.fromkeys((*rules[0], *rules[1])))
    texts: list[bytes] = []
    lines = [encode(commits[0]), done.read_bytes().rstrip(b"\n").rpartition(b"\n")[2]]
    for path in sorted({path for rule in both for path in _own(rule)}):
        lines += [encode(path), b""]
    for path, text in (
        *_build_lists(repository, repository.tree_of(parents[0]), head, picked, rules[1]),
        *(("", text) for text in _moved(repository, head, picked, both)),
    ):
        texts.append(text)
        lines += [encode(path), b"%s.%d" % (encode(PUT_OFF), len(texts))]
    if any(b"\n" in line for line in lines):
        return
    place = repository.git_dir / PUT_OFF
    for number, text in enumerate(texts, start=1):
        write_atomic(place.with_name(f"{place.name}.{number}"), text, place.parent / "tmp", sync=False)
    write_atomic(place, b"".join(line + b"\n" for line in lines), place.parent / "tmp", sync=False)


def _build_lists(
    repository: Repository, base: str, ours: str, theirs: str, rules: tuple[Footprint, ...]
) -> Iterator[tuple[str, bytes]]:
    """The build lists that both sides (trees) changed, as they are until the replay."""
    from mergeguard.lens.buildlists import is_build_file

    known = {path for rule in rules for path in _own(rule)}
    for changed in repository.objects.changed_by_both(base, ours, theirs):
        if changed.path in known or changed.one == changed.other or not is_build_file(changed.path):
            continue
        entries = [e for e in (changed.before, changed.one, changed.other) if e is not None and e.is_file]
        if len(entries) == 3:
            texts = (repository.read_blob(entry.oid) for entry in entries)
            if (listed := _listed_again(changed.path, rules, *texts)) is not None:
                yield changed.path, listed


def _moved(repository: Repository, head: str, picked: str, rules: Iterable[Footprint]) -> Iterator[bytes]:
    """The entries that stand at a path which only one of the trees has."""
    for rule in rules:
        found = (repository.entry(tree, rule.monoliths[0]) for tree in (head, picked))
        entries = [entry for entry in found if entry is not None]
        if len(entries) == 1 and entries[0].is_file:
            yield repository.read_blob(entries[0].oid)
