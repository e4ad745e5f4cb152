"""Judging a clean result by a compiler: where both parents compile, the result must."""

from __future__ import annotations

import io
import shlex
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.merge.history.rows import History, Row

_LIMIT = 300  # seconds for one compilation


class Judge:
    """Compiles files where they stand in the repository: in ``command`` (the user's own word) ``{}`` is the
    file, else it comes last. Trees are unpacked into a scratch folder, one a parent and one for the merge."""

    def __init__(self, command: str) -> None:
        self.command = shlex.split(command)

    def verdicts(self, history: History, row: Row, results: Mapping[str, bytes]) -> dict[str, str]:
        """Tool -> ``compiles`` or ``fails`` for each result; nothing where the row can't be judged: a parent
        does not compile, or neither result nor answer does."""
        ours, theirs = history.parents(row.merge)
        with tempfile.TemporaryDirectory(prefix="mergeguard-judge-") as name:
            folder = Path(name)
            for commit, blob in ((ours, row.ours), (theirs, row.theirs)):
                if not self._compiles(history, commit, row.path, history.read(blob), folder / commit):
                    return {}
            tree = folder / "merged"
            answer = history.read(row.answer) if row.answer is not None else None
            if answer is None or not self._compiles(history, row.merge, row.path, answer, tree):
                return {}
            return {
                tool: "compiles" if self._run(tree, row.path, text) else "fails"
                for tool, text in results.items()
            }

    def _compiles(self, history: History, commit: str, path: str, text: bytes, folder: Path) -> bool:
        folder.mkdir()
        with tarfile.open(fileobj=io.BytesIO(history.git("archive", commit))) as archive:
            # What git writes; Debian's Python 3.11.2 does not know filters yet.
            archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        return self._run(folder, path, text)

    def _run(self, folder: Path, path: str, text: bytes) -> bool:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)
        named = [word.replace("{}", path) for word in self.command]
        command = named if named != self.command else [*self.command, path]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=_LIMIT)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0
