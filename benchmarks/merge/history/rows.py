"""The three-way merges of single files in a repository's history, each with what people committed."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mergeguard.cpp.filenames import SOURCES
from mergeguard.git.process import child_environment

_MARKERS = re.compile(rb"^<{7}(?: |\r?$)(?s:.*?)^>{7}(?: |\r?$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Row:
    """One file that both sides of a merge changed; the texts are blob ids.

    ``answer`` is what people committed, None where they removed the file or never resolved it.
    """

    repo: str
    merge: str
    path: str
    base: str
    ours: str
    theirs: str
    answer: str | None

    @property
    def name(self) -> str:
        return f"{self.repo.replace('/', '-')}-{self.merge[:8]}-{self.path.replace('/', '-')}"


class LacksObjectError(Exception):
    """An object that history names and this clone does not have, as a partial one may not."""


class History:
    """A repository to read merges from, bare or not, and its name in rows and reports. Nothing is written.

    ``left_out`` counts the merges of files whose texts the clone does not have.
    """

    def __init__(self, folder: Path, name: str = "") -> None:
        self.folder = folder
        self.left_out = 0
        self.name = name or folder.resolve().name.removesuffix(".git")
        self._batch = subprocess.Popen(
            ["git", "cat-file", "--batch"],
            cwd=folder,
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _object(self, name: str) -> tuple[str, bytes] | None:
        """The id and content of what ``name`` names; None if there is nothing."""
        assert self._batch.stdin is not None and self._batch.stdout is not None
        self._batch.stdin.write(name.encode("utf-8", "surrogateescape") + b"\n")
        self._batch.stdin.flush()
        said = self._batch.stdout.readline().split()
        if len(said) != 3 or not said[2].isdigit():
            return None
        data = self._batch.stdout.read(int(said[2]))
        self._batch.stdout.read(1)
        return said[0].decode("ascii"), data

    def git(self, *arguments: str, ok: Sequence[int] = (0,)) -> bytes:
        """The output of a git command, whose exit status must be one of ``ok``."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=child_environment(), capture_output=True, check=False
        )
        if done.returncode not in ok:
            done.check_returncode()
        return done.stdout

    def words(self, *arguments: str) -> list[str]:
        return self.git(*arguments).decode("ascii").split()

    def has(self, name: str) -> bool:
        """Whether an object is in this clone."""
        return self._object(name) is not None

    def read(self, blob: str) -> bytes:
        """Errors: LacksObjectError."""
        found = self._object(blob)
        if found is None:
            raise LacksObjectError(blob)
        return found[1]

    def blob_at(self, commit: str, path: str) -> str | None:
        """The id of what stands at a path, be it in this clone or not; None if nothing does."""
        found = self._object(f"{commit}:{path}")
        if found is not None:
            return found[0]
        said = self.git("rev-parse", "--verify", "--quiet", f"{commit}:{path}", ok=(0, 1, 128))
        return said.decode("ascii").strip() or None

    def parents(self, commit: str) -> list[str]:
        return self.words("rev-parse", f"{commit}^@")


def has_markers(text: bytes) -> bool:
    """Whether a conflict of git's stands in ``text``."""
    return _MARKERS.search(text) is not None


def listed_rows(file: Path, histories: Sequence[History]) -> Iterator[tuple[History, Row]]:
    """The rows of a file of JSON lines that the given repositories hold.

    Each names ``repo``, ``merge``, ``path``, ``base``, ``ours``, ``theirs`` and, where it is not the blob at
    ``path`` in ``merge``, the commit that has the ``answer`` there.
    """
    for line in file.read_text(encoding="utf-8").splitlines():
        given = json.loads(line)
        history = next((h for h in histories if h.has(given["merge"])), None)
        if history is None:
            continue
        answer = history.blob_at(given.get("answer") or given["merge"], given["path"])
        texts = {name: given[name] for name in ("repo", "merge", "path", "base", "ours", "theirs")}
        row = Row(**texts, answer=answer)
        if _is_here(history, row):
            yield history, row


def rows_of(history: History) -> Iterator[Row]:
    """Every C, C++, CUDA and HIP file that both sides of a merge commit changed differently, newest first.

    Merges of two parents with one base only: with several, git's base is a merge of its own. A file that one
    side renamed is followed, as ``git merge`` does.
    """
    for merge in history.words("rev-list", "--all", "--min-parents=2", "--max-parents=2"):
        ours, theirs = history.parents(merge)
        bases = history.git("merge-base", "--all", ours, theirs, ok=(0, 1)).decode("ascii").split()
        if len(bases) != 1 or bases[0] in (ours, theirs):
            continue
        mine, other = (_edits(history, bases[0], side) for side in (ours, theirs))
        for path in sorted(mine.keys() & other.keys()):
            (base, here, one), (_, there, two) = mine[path], other[path]
            if one == two or not path.lower().endswith(SOURCES):
                continue
            now = there if here == path else here
            row = Row(history.name, merge, now, base, one, two, history.blob_at(merge, now))
            if _is_here(history, row):
                yield replace(row, answer=_answer(history, row))


def _changed(history: History, base: str, side: str) -> bytes:
    """The raw changes of two commits, renames followed where the clone has the texts to compare."""
    command = ("diff-tree", "-r", "-z", "--no-abbrev", "--diff-filter=MR", base, side)
    try:
        return history.git(*command[:1], "-M", *command[1:])
    except subprocess.CalledProcessError:
        return history.git(*command[:1], "--no-renames", *command[1:])


def _is_here(history: History, row: Row) -> bool:
    """Whether the clone has the texts of a row; one that it has not is counted."""
    try:
        for blob in (row.base, row.ours, row.theirs, row.answer):
            if blob is not None:
                history.read(blob)
    except LacksObjectError:
        history.left_out += 1
        return False
    return True


def _edits(history: History, base: str, side: str) -> dict[str, tuple[str, str, str]]:
    """Path in ``base`` -> (blob there, path in ``side``, blob in ``side``), of the files ``side`` edited."""
    listed = _changed(history, base, side)
    fields = iter(listed.decode("utf-8", "surrogateescape").split("\0"))
    edits: dict[str, tuple[str, str, str]] = {}
    for field in fields:
        if not field:
            continue
        mode, _, old, new, letter = field.lstrip(":").split()
        path = next(fields)
        now = next(fields) if letter.startswith("R") else path
        if mode.startswith("100"):
            edits[path] = (old, now, new)
    return edits


def _answer(history: History, row: Row) -> str | None:
    """What people made of the file: in the merge or, where they committed git's markers to resolve them
    later, in the first commit behind it that has none."""
    if row.answer is None or not has_markers(history.read(row.answer)):
        return row.answer
    behind = ("--all", f"--ancestry-path={row.merge}", f"^{row.merge}", "--topo-order", "--reverse")
    for commit in history.words("rev-list", *behind, "--", row.path):
        blob = history.blob_at(commit, row.path)
        if blob is not None and history.has(blob) and not has_markers(history.read(blob)):
            return blob
    return None
