"""Two repositories as people have them: an upstream with monoliths, and a fork cloned from it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mergeguard.cli import app
from mergeguard.cli.documents.outputs import DOCUMENTS
from tests.support.rules import full_rules

COMPILE = Path(__file__).resolve().parents[2] / "fixtures" / "compile"
PAGED = "csrc/libtorch_stable/attention/paged_attention_v1"
INT4 = "csrc/rocm/skinny_gemms_int4"
SKINNY = "csrc/rocm/skinny_gemms"
ATTENTION = "csrc/rocm/attention"


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit status."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Story:
    """``upstream`` and ``fork`` are work trees; the fork's remote is called upstream."""

    upstream: Path
    fork: Path

    @classmethod
    def copied(cls, begun: Path, folder: Path) -> Story:
        """A copy, below ``folder``, of both repositories that ``begin`` made in ``begun``."""
        shutil.copytree(begun, folder / "both", symlinks=True)
        made = cls(folder / "both" / "upstream", folder / "both" / "fork")
        git(made.fork, "remote", "set-url", "upstream", str(made.upstream))
        git(made.fork, "update-index", "-q", "--refresh", check=False)
        return made

    @classmethod
    def begin(cls, folder: Path, *rules: str, split: bool = True) -> Story:
        """Upstream with every fixture; a fork on branch ``fork``, split by the rules and committed."""
        story = cls(folder / "upstream", folder / "fork")
        story.upstream.mkdir()
        git(story.upstream, "init", "-q", "-b", "main")
        for path in sorted([*(COMPILE / "csrc").rglob("*"), COMPILE / "CMakeLists.txt"]):
            if path.is_file():
                target = story.upstream / path.relative_to(COMPILE)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
        story.upstream_commits("release 1")
        git(folder, "clone", "-q", "-o", "upstream", str(story.upstream), str(story.fork))
        git(story.fork, "checkout", "-q", "-b", "fork", "--no-track")
        for name in rules:
            story.write(f".mergeguard/rules/{name}.toml", full_rules()[f"vllm/{name}.toml"])
        if rules and split:
            assert story.run("split").code == 0
            story.commits("split")
        return story

    def run(self, *arguments: str, cwd: Path | None = None) -> Ran:
        """Run mergeguard in the fork, in this process."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        before = Path.cwd()
        os.chdir(cwd or self.fork)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                try:
                    app.run(list(arguments))
                except SystemExit as exit_:
                    code = exit_.code if isinstance(exit_.code, int) else 0
        finally:
            os.chdir(before)
        for stream in (out, err):
            stream.flush()
        printed = (stream.buffer.getvalue().decode("utf-8", "surrogateescape") for stream in (out, err))
        ran = Ran(code, *printed)
        if ran.out.startswith("{") and '"kind": ' in ran.out[:60]:
            fits_its_type(ran.out)
        return ran

    def write(self, path: str, text: bytes) -> None:
        target = self.fork / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)

    def edit(self, path: str, old: str, new: str, *, upstream: bool = False) -> None:
        """Replace one text that stands in the file once."""
        target = (self.upstream if upstream else self.fork) / path
        text = target.read_bytes()
        assert text.count(old.encode()) == 1, (path, old, text.count(old.encode()))
        target.write_bytes(text.replace(old.encode(), new.encode()))

    def commits(self, message: str) -> str:
        git(self.fork, "add", "-A")
        git(self.fork, "commit", "-q", "-m", message)
        return git(self.fork, "rev-parse", "HEAD").strip()

    def upstream_commits(self, message: str) -> str:
        git(self.upstream, "add", "-A")
        git(self.upstream, "commit", "-q", "-m", message)
        return git(self.upstream, "rev-parse", "HEAD").strip()

    def fetch(self) -> None:
        git(self.fork, "fetch", "-q", "upstream")

    def text(self, path: str) -> str:
        return (self.fork / path).read_text()

    def fingerprint(self) -> str:
        """Everything a refused command must leave alone: HEAD, refs, index, files."""
        parts = [
            git(self.fork, "rev-parse", "--verify", "-q", "HEAD", check=False),
            git(self.fork, "symbolic-ref", "-q", "HEAD", check=False),
            git(self.fork, "for-each-ref"),
            git(self.fork, "ls-files", "--stage"),
            git(self.fork, "status", "--porcelain"),
        ]
        for path in sorted(self.fork.rglob("*")):
            if path.is_file() and ".git" not in path.relative_to(self.fork).parts:
                parts.append(f"{path} {hashlib.sha1(path.read_bytes()).hexdigest()}")
        return "\n".join(parts)


def fits_its_type(document: str) -> None:
    """Raise ValidationError where a JSON document is not what the published schema says."""
    # Not msgspec's own reader: a path that is not UTF-8 is printed with surrogates, which it does not take.
    values = json.loads(document)
    if values["kind"] in DOCUMENTS:
        msgspec.convert(values, DOCUMENTS[values["kind"]])


def git(cwd: Path, *arguments: str, check: bool = True) -> str:
    done = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout
