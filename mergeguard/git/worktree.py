"""Files on disk against what the index and trees say they are."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mergeguard.digests import digest
from mergeguard.git.objects import MODE_EXECUTABLE, MODE_FILE, MODE_SUBMODULE, MODE_SYMLINK, Entry
from mergeguard.git.process import decode, encode

if TYPE_CHECKING:
    from mergeguard.git.journal import PathChange
    from mergeguard.git.repository import Repository

#: What a file is, seen from a path change: see ``compare``.
Content = Literal["missing", "old", "new", "torn", "foreign"]


class Index(Mapping[str, Mapping[int, Entry]]):
    """The entries of an index by path and stage, out of what ``git ls-files --stage -z`` prints.

    Of a hundred thousand a command asks for a few, so an entry is read when it is asked for; ``unmerged`` has
    those in conflict.
    """

    def __init__(self, raw: bytes) -> None:
        self.unmerged: dict[str, dict[int, Entry]] = {}
        self._merged: dict[bytes, bytes] = {}
        for line in raw.split(b"\0"):
            facts, tab, path = line.partition(b"\t")
            if facts.endswith(b" 0"):
                self._merged[path] = facts
            elif tab:
                stage, entry = _staged(facts)
                self.unmerged.setdefault(decode(path), {})[stage] = entry

    def __getitem__(self, path: str) -> Mapping[int, Entry]:
        if path in self.unmerged:
            return self.unmerged[path]
        return dict([_staged(self._merged[encode(path)])])

    def __iter__(self) -> Iterator[str]:
        yield from self.unmerged
        yield from map(decode, self._merged)

    def __len__(self) -> int:
        return len(self.unmerged) + len(self._merged)


def _staged(facts: bytes) -> tuple[int, Entry]:
    mode, oid, stage = facts.split(b" ")
    return int(stage), Entry(int(mode, 8), oid.decode("ascii"))


def index_environment(index: Path) -> dict[str, str]:
    """The variable that makes git use another index."""
    return {"GIT_INDEX_FILE": str(index)}


def read_index(repository: Repository, index: Path | None = None) -> tuple[Index, str]:
    """All entries of an index (default: the repository's) by path and stage, and a digest of them.

    The digest depends on modes, objects and paths alone, not on what git caches beside them.
    """
    raw = _listed(repository, index)
    return Index(raw), digest(raw)


def index_digest(repository: Repository, index: Path | None = None) -> str:
    """The digest of ``read_index`` alone."""
    return digest(_listed(repository, index))


def _listed(repository: Repository, index: Path | None) -> bytes:
    environment = None if index is None else index_environment(index)
    return repository.git("ls-files", "--stage", "-z", environment=environment).out


def nul_joined(paths: Iterable[str]) -> bytes:
    """Paths as git reads them with ``-z --stdin``."""
    return b"".join(encode(path) + b"\0" for path in paths)


def index_info(repository: Repository, path: str, stages: Mapping[int, Entry]) -> bytes:
    """Lines for ``git update-index -z --index-info`` that leave exactly these stages at ``path``."""
    name = encode(path)
    lines = [b"0 %s\t%s\0" % (repository.object_format.zero.encode(), name)]
    lines += [
        b"%06o %s %d\t%s\0" % (entry.mode, entry.oid.encode(), stage, name)
        for stage, entry in sorted(stages.items())
    ]
    return b"".join(lines)


def exists(path: Path) -> bool:
    """Whether anything stands there, a dangling symbolic link included."""
    return os.path.lexists(path)


def read_file(path: Path) -> tuple[int, bytes] | None:
    """git's mode and the content of a file or symbolic link; None for anything else (a folder, nothing)."""
    try:
        if path.is_symlink():
            return MODE_SYMLINK, os.fsencode(os.readlink(path))
        if not path.is_file():
            return None
        mode = MODE_EXECUTABLE if path.stat().st_mode & 0o100 else MODE_FILE
        return mode, path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def checked_out(repository: Repository, path: str, entry: Entry) -> bytes:
    """The bytes that a checkout writes for ``entry`` at ``path``: line endings and smudge filters applied."""
    if entry.mode == MODE_SYMLINK:
        return repository.read_blob(entry.oid)
    return repository.git("cat-file", "--filters", f"--path={path}", entry.oid).out


def cleaned(repository: Repository, path: str, data: bytes) -> str:
    """The name of the blob that ``git add`` would make of ``data`` at ``path``."""
    return repository.git("hash-object", f"--path={path}", "--stdin", stdin=data).text


def is_entry(repository: Repository, path: str, entry: Entry) -> bool:
    """Whether the file on disk is what ``entry`` checks out to, executable bit included."""
    if entry.mode == MODE_SUBMODULE:
        return (repository.work_tree / path).is_dir()
    found = read_file(repository.work_tree / path)
    if found is None:
        return False
    mode, data = found
    same_mode = mode == entry.mode or (
        {mode, entry.mode} == {MODE_FILE, MODE_EXECUTABLE}
        and not repository.config_bool("core.fileMode", default=True)
    )
    return same_mode and _same(repository, path, data, entry)


def _same(repository: Repository, path: str, data: bytes, entry: Entry) -> bool:
    if repository.hash_blob(data) == entry.oid:
        return True
    return entry.mode != MODE_SYMLINK and cleaned(repository, path, data) == entry.oid


def compare(repository: Repository, change: PathChange) -> Content:
    """What an interrupted landing left at a path.

    ``torn``: the beginning of the old or the new file, as a git that was killed leaves it. ``foreign``:
    none of the landing's, so somebody's work.
    """
    target = repository.work_tree / change.path
    found = read_file(target)
    if found is None:
        submodule = MODE_SUBMODULE in (
            change.old.mode if change.old else 0,
            change.new.mode if change.new else 0,
        )
        return "foreign" if exists(target) and not submodule else "missing"
    data = found[1]
    if change.raw is not None and repository.hash_blob(data) == change.raw.oid:
        return "old"
    sides: tuple[tuple[Content, Entry | None], ...] = (("old", change.old), ("new", change.new))
    known = [(name, entry) for name, entry in sides if entry is not None and entry.mode != MODE_SUBMODULE]
    for name, entry in known:
        if _same(repository, change.path, data, entry):
            return name
    for _, entry in known:
        if checked_out(repository, change.path, entry).startswith(data):
            return "torn"
    if change.raw is not None and repository.read_blob(change.raw.oid).startswith(data):
        return "torn"
    return "foreign"


def remove(repository: Repository, path: str) -> None:
    """Remove a file and the folders that it leaves empty."""
    target = repository.work_tree / path
    if not exists(target):
        return
    target.unlink()
    for folder in target.parents:
        if folder == repository.work_tree or any(folder.iterdir()):
            return
        folder.rmdir()


def obstacles(repository: Repository, path: str, entry: Entry, leaving: frozenset[str]) -> list[str]:
    """What stands in the way of a new file at ``path``; files of ``leaving`` are about to go.

    Symbolic links on the way to it count: git does not write through them.
    """
    root = os.fspath(repository.work_tree)
    for name in folders_of(path):
        try:
            is_folder = stat.S_ISDIR(os.lstat(f"{root}/{name}").st_mode)
        except OSError:
            return []  # nothing stands there, nor below it
        if not is_folder:
            return [] if name in leaving else [name]
    full = repository.work_tree / path
    if not exists(full):
        return []
    if full.is_dir() and not full.is_symlink():
        if entry.mode == MODE_SUBMODULE:
            return []
        below = [
            (Path(folder) / name).relative_to(repository.work_tree).as_posix()
            for folder, _, names in os.walk(full)
            for name in names
        ]
        return [name for name in below if name not in leaving]
    return [] if is_entry(repository, path, entry) else [path]


def folders_of(path: str) -> list[str]:
    """The folders on the way to a path, the outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]


def save(repository: Repository, path: str, folder: Path) -> Path:
    """Copy a file that is about to be overwritten into ``folder``, and return where."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    source = repository.work_tree / path
    import shutil

    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)
    return target
