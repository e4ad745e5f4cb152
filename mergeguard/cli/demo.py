"""`mergeguard demo`: a small upstream and a fork made on the spot, and a real sync between them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.markup import escape

from mergeguard.cli.console import out
from mergeguard.data import demo_files
from mergeguard.errors import MergeguardError
from mergeguard.git.process import child_environment, run_git

_PAGED = "csrc/libtorch_stable/attention/paged_attention_v1.cu"
_INT4 = "csrc/rocm/skinny_gemms_int4.cu"

# What upstream does while the fork is split: (file, old, new).
_UPSTREAM = (
    (
        _PAGED,
        "    case 256:\n      LAUNCH_PAGED_ATTENTION_V1(256);\n      break;\n",
        (
            "    case 256:\n      LAUNCH_PAGED_ATTENTION_V1(256);\n      break;\n"
            "    case 512:\n      LAUNCH_PAGED_ATTENTION_V1(512);\n      break;\n"
        ),
    ),
    (
        _PAGED,
        "// NOTE: other block sizes are left out.",
        "// NOTE: block sizes other than 8 and 16 are left out.",
    ),
    (
        _INT4,
        '  TORCH_CHECK(group_size == 32, "group_size must be 32, got ", group_size);\n',
        (
            '  TORCH_CHECK(group_size == 32, "group_size must be 32, got ", group_size);\n'
            '  TORCH_CHECK(CuCount > 0, "CuCount must be positive");\n'
        ),
    ),
)

# What the fork does, in its shards: (file, old, new).
_LOCAL = (
    (
        "csrc/libtorch_stable/attention/paged_attention_v1/dispatch.cuh",
        "  dim3 block(NUM_THREADS);\n",
        "  dim3 block(NUM_THREADS);  // fork: tuned for our boards\n",
    ),
    (
        "csrc/libtorch_stable/attention/paged_attention_v1/common.h",
        "      <<<grid, block, shared_mem_size, stream>>>(                           \\\n",
        "      <<<grid, block, shared_mem_size /* fork: +0 */, stream>>>(            \\\n",
    ),
    (
        "csrc/rocm/skinny_gemms_int4/kernel.cuh",
        "static int mindiv_int4(",
        (
            "// fork: rounds up to a wave\nstatic int fork_round(int n) { return (n + 31) / 32 * 32; }\n\n"
            "static int mindiv_int4("
        ),
    ),
)


def run_demo(folder: Path | None) -> int:
    """Make upstream and fork below ``folder`` (a new temporary one if None) and sync them for real."""
    root = folder or Path(tempfile.mkdtemp(prefix="mergeguard-demo-"))
    if root.exists() and any(root.iterdir()):
        raise MergeguardError(f"{root} is not empty", hint="name an empty or a new folder")
    demo = _Demo(root)
    demo.make_upstream()
    demo.make_fork()
    demo.upstream_moves_on()
    code = demo.sync()
    out.print(
        f"\nBoth repositories are in {escape(str(root))}: look around, and remove the folder when done."
    )
    return code


class _Demo:
    def __init__(self, root: Path) -> None:
        self.upstream = root / "upstream"
        self.fork = root / "fork"

    def make_upstream(self) -> None:
        _title("An upstream with heavy kernel files")
        self.upstream.mkdir(parents=True)
        for path, text in demo_files().items():
            target = self.upstream / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
        self._git(self.upstream, "init", "--quiet", "--initial-branch=main", show=False)
        self._git(self.upstream, "add", ".", show=False)
        self._git(self.upstream, "commit", "--quiet", "-m", "Upstream, release 1", show=False)

    def make_fork(self) -> None:
        _title("A fork that splits them, with edits of its own in the shards")
        self._git(self.upstream, "clone", "--quiet", "--origin", "upstream", ".", str(self.fork), show=False)
        self._git(self.fork, "checkout", "--quiet", "-b", "fork", "--no-track", show=False)
        self._mergeguard("rules", "add", "vllm")
        self._mergeguard("split", quiet=True)
        self._git(self.fork, "commit", "--quiet", "-m", "Split the heavy kernels")
        for path, old, new in _LOCAL:
            _replace(self.fork / path, old, new)
        self._git(self.fork, "commit", "--quiet", "-a", "-m", "Tune the kernels for our boards")
        self._git(self.fork, "show", "--stat", "--format=%s", "HEAD")

    def upstream_moves_on(self) -> None:
        _title("Upstream moves on, in its own monolithic files")
        for path, old, new in _UPSTREAM:
            _replace(self.upstream / path, old, new)
        self._git(
            self.upstream, "commit", "--quiet", "-a", "-m", "Upstream, release 2: head size 512", show=False
        )
        self._git(self.upstream, "show", "--stat", "--format=%s", "HEAD")

    def sync(self) -> int:
        _title("The main job: merge it as if the split had never happened")
        self._git(self.fork, "fetch", "--quiet", "upstream")
        code = self._mergeguard("sync", "upstream/main")
        _title("The new arm is in the shard that the rule names for the rest, the fork's edits are in place")
        self._git(self.fork, "grep", "-n", "-e", "512", "-e", "fork:", "--", "csrc")
        self._mergeguard("status")
        return code

    def _git(self, cwd: Path, *arguments: str, show: bool = True) -> None:
        if show:
            _prompt("git", *arguments)
        identity = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", "mergeguard demo"), ("EMAIL", "demo@mergeguard.invalid"))
        }
        done = run_git(("--no-pager", *arguments), cwd=cwd, environment=child_environment() | identity)
        out.print(escape(done.text), end="\n" if done.text else "")

    def _mergeguard(self, *arguments: str, quiet: bool = False) -> int:
        _prompt("mergeguard", *arguments)
        environment = os.environ | {
            "GIT_AUTHOR_NAME": "mergeguard demo",
            "GIT_AUTHOR_EMAIL": "demo@mergeguard.invalid",
            "GIT_COMMITTER_NAME": "mergeguard demo",
            "GIT_COMMITTER_EMAIL": "demo@mergeguard.invalid",
        }
        command = [sys.executable, "-m", "mergeguard", "-C", str(self.fork), *arguments]
        sink = subprocess.DEVNULL if quiet else None
        return subprocess.run(command, env=environment, check=False, stdout=sink).returncode


def _title(text: str) -> None:
    out.print(f"\n[bold]== {escape(text)}[/]")


def _prompt(*command: str) -> None:
    out.print(f"[dim]$ {escape(' '.join(command))}[/]")
    sys.stdout.flush()


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_bytes()
    if text.count(old.encode()) != 1:
        raise MergeguardError(f"the demo's text has moved in {path.name}: {old.strip()[:60]}")
    path.write_bytes(text.replace(old.encode(), new.encode()))
