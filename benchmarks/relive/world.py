"""A scratch repository with slim copies of a fork's commits: its heavy files and what is beside them.

Blobs and trees are the clone's own (by git's alternates), so nothing is copied and nothing is changed there.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.hermetic import git_environment

MONOLITHS = {
    "attention": "csrc/rocm/attention.cu",
    "paged_attention_v1": "csrc/attention/paged_attention_v1.cu",
    "selective_scan_fwd": "csrc/mamba/mamba_ssm/selective_scan_fwd.cu",
    "skinny_gemms": "csrc/rocm/skinny_gemms.cu",
    "skinny_gemms_int4": "csrc/rocm/skinny_gemms_int4.cu",
    "skinny_gemms_int8": "csrc/rocm/skinny_gemms_int8.cu",
}
_FOLDERS = ("csrc/rocm", "csrc/attention", "csrc/mamba")
# The same build file everywhere: what is asked is what becomes of the six files.
_BUILD = "set(SOURCES\n" + "".join(f'  "{path}"\n' for path in MONOLITHS.values()) + ")\n"
_MARKED = re.compile(rb"^<{7} .*?^>{7} .*?$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit status, and all that it wrote."""

    code: int
    out: bytes
    said: str


class World:
    """The clone ``source`` to read from, and a scratch repository in ``folder`` to live in."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.source = source
        self.folder = folder
        self._slim: dict[str, str] = {}
        self.git("init", "-q", "-b", "fork", str(folder), at=folder.parent)
        objects = self.ask("rev-parse", "--path-format=absolute", "--git-path", "objects")
        (folder / ".git/objects/info/alternates").write_text(objects + "\n", encoding="utf-8")

    def git(self, *words: str, at: Path | None = None, stdin: bytes = b"", ok: Sequence[int] = (0,)) -> bytes:
        """Output of a git command in the scratch repository."""
        done = subprocess.run(
            ["git", *words],
            cwd=at or self.folder,
            env=git_environment(),
            input=stdin,
            capture_output=True,
            check=False,
        )
        if done.returncode not in ok:
            raise RuntimeError(f"git {' '.join(words)}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def ask(self, *words: str, ok: Sequence[int] = (0,)) -> str:
        """A line of the clone that is lived again."""
        return self.git(*words, at=self.source, ok=ok).decode("utf-8", "replace").strip()

    def blob(self, commit: str, path: str) -> bytes | None:
        """A file of the clone; None where the commit has none."""
        found = self.ask("rev-parse", "-q", "--verify", f"{commit}:{path}", ok=(0, 1))
        return self.git("cat-file", "blob", found, at=self.source) if found else None

    def tool(self, *words: str) -> Outcome:
        """Run mergeguard in the scratch repository, as its user would."""
        done = subprocess.run(
            [sys.executable, "-m", "mergeguard", *words],
            cwd=self.folder,
            env=git_environment(),
            capture_output=True,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, (done.stdout + done.stderr).decode(errors="replace"))

    def slim(self, commit: str, *parents: str) -> str:
        """A commit of the scratch repository with the slim tree of one of the clone's."""
        if commit not in self._slim:
            self.git("read-tree", "--empty")
            for path in _FOLDERS:
                if self.ask("rev-parse", "-q", "--verify", f"{commit}:{path}", ok=(0, 1)):
                    self.git("read-tree", f"--prefix={path}/", self.ask("rev-parse", f"{commit}:{path}"))
            listed = self.git("hash-object", "-w", "--stdin", stdin=_BUILD.encode()).decode().strip()
            self.git("update-index", "--add", "--cacheinfo", f"100644,{listed},CMakeLists.txt")
            self._slim[commit] = self.git("write-tree").decode().strip()
        words = [word for parent in parents for word in ("-p", parent)]
        made = self.git("commit-tree", self._slim[commit], *words, "-m", commit)
        return made.decode().strip()

    def split_fork(self, commit: str) -> str:
        """Be on a fork that is at a slim ``commit``, with every shipped rule that fits; what `split` said."""
        self.git("reset", "-q", "--hard")
        self.git("checkout", "-q", "-f", "-B", "fork", commit)
        self.git("clean", "-q", "-f", "-d")
        self.tool("rules", "add", "vllm")
        said = self.tool("split", "--upstream", commit).said
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "split")
        return said

    def is_split(self, rule: str) -> bool:
        """Whether the fork has the layout of a rule."""
        return (self.folder / ".mergeguard" / "locks" / f"{rule}.toml").exists()

    def whole(self, rule: str) -> bytes | None:
        """A monolith with the fork's own edits: the split file put together, or the file."""
        file = self.folder / MONOLITHS[rule]
        if self.is_split(rule):
            return self.tool("unsplit", rule).out
        return file.read_bytes() if file.exists() else None

    def marked(self, rule: str) -> int:
        """How many lines stand in conflict markers, in the files of a rule."""
        file = self.folder / MONOLITHS[rule]
        inside = file.with_suffix("").rglob("*") if file.with_suffix("").is_dir() else ()
        return sum(marked_lines(f.read_bytes()) for f in (file, *inside) if f.is_file())


def marked_lines(text: bytes) -> int:
    """The lines from one conflict marker to the last, markers included."""
    return sum(found[0].count(b"\n") + 1 for found in _MARKED.finditer(text))
