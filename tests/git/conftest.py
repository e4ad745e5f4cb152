"""Real temporary repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from mergeguard.git.repository import Repository


class Sandbox:
    """A repository on disk with the few commands that tests need."""

    def __init__(self, root: Path, *options: str) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *options)

    @classmethod
    def at(cls, root: Path) -> Sandbox:
        """One that exists already (a clone, a linked work tree)."""
        made = cls.__new__(cls)
        made.root = root
        return made

    def git(self, *arguments: str, ok: bool = True, **variables: str) -> str:
        completed = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**os.environ, **variables},
            capture_output=True,
            check=False,
        )
        if ok:
            assert completed.returncode == 0, completed.stderr.decode()
        return completed.stdout.decode("utf-8", "surrogateescape").rstrip("\n")

    def write(self, path: str, data: bytes | str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)
        return target

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def commit(self, message: str = "change", **files: bytes | str | None) -> str:
        """Write ``files`` (None removes), commit everything, return the commit."""
        return self.commit_files(files, message)

    def commit_files(self, files: dict[str, bytes | str | None], message: str = "change") -> str:
        for path, data in files.items():
            if data is None:
                (self.root / path).unlink()
            else:
                self.write(path, data)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    @property
    def repository(self) -> Repository:
        return Repository.discover(self.root)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path / "repo")
