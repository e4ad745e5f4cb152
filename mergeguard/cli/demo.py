"""`mergeguard demo`: a small upstream and a fork made on the spot, and a real sync between them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mergeguard.cli.console import out
from mergeguard.cli.markup import escape
from mergeguard.data import demo_files
from mergeguard.errors import ExitCode, MergeguardError, counted
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

_COMMAND = (sys.executable, "-m", "mergeguard")
_IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "mergeguard demo"), ("EMAIL", "demo@mergeguard.invalid"))
}
_SHOWN = ("case 512", "CuCount > 0", "block sizes other", "fork:")
_FOLDERS = tuple(
    f"csrc/{folder}/"
    for folder in (
        "libtorch_stable/attention/paged_attention_v1",
        "mamba/selective_scan_fwd",
        "rocm/attention",
        "rocm/skinny_gemms",
        "rocm/skinny_gemms_int4",
        "rocm/skinny_gemms_int8",
    )
)


def run_demo(folder: Path | None) -> int:
    """Make upstream and fork below ``folder`` (a new temporary one if None) and sync them for real."""
    root = folder.absolute() if folder is not None else Path(tempfile.mkdtemp(prefix="mergeguard-demo-"))
    if root.exists() and any(root.iterdir()):
        raise MergeguardError(f"{root} is not empty", hint="name an empty or a new folder")
    demo = _Demo(root.absolute())
    demo.make()
    demo.by_git()
    code = demo.by_mergeguard()
    same = demo.proof()
    out.print(f"\n[dim]All of it is in {escape(str(root))}: look around, and remove the folder when done.[/]")
    return code or (ExitCode.CLEAN if same else ExitCode.INTERNAL)


class _Demo:
    """Four repositories: upstream, the split fork, a clone of it for plain git, and its unsplit twin."""

    def __init__(self, root: Path) -> None:
        self.upstream, self.fork = root / "upstream", root / "fork"
        self.plain, self.twin = root / "fork-with-plain-git", root / "fork-never-split"

    def make(self) -> None:
        files = demo_files()
        for path, text in files.items():
            target = self.upstream / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
        self._git(self.upstream, "init", "--quiet", "--initial-branch=main")
        self._commit(self.upstream, "Upstream, release 1")
        self._git(self.upstream, "clone", "--quiet", "--origin", "upstream", ".", str(self.fork))
        self._git(self.fork, "checkout", "--quiet", "-b", "fork", "--no-track")
        self._mergeguard("rules", "add", "vllm")
        self._mergeguard("split")
        self._commit(self.fork, "Split the heavy kernels")
        for path, old, new in _LOCAL:
            _replace(self.fork / path, old, new)
        self._commit(self.fork, "Tune the kernels for our boards")
        # The same fork, had it never been split; and one that nothing but git looks after.
        self._copy(self.twin)
        self._mergeguard("leave", *(path.stem for path in _rules(self.twin)), folder=self.twin)
        self._commit(self.twin, "The same edits in upstream's own files")
        for path, old, new in _UPSTREAM:
            _replace(self.upstream / path, old, new)
        self._commit(self.upstream, "Upstream, release 2: head size 512")
        self._git(self.fork, "fetch", "--quiet", "upstream")
        self._copy(self.plain)
        shards = len(self._git(self.fork, "ls-files", "--", *_FOLDERS).splitlines())
        out.print(
            f"A fork keeps six of upstream's heavy files split into {shards} small ones and has edited "
            f"{len(_LOCAL)} of those.\nMeanwhile upstream has edited two of its monoliths: a new head size, "
            "a new check, a comment."
        )

    def by_git(self) -> None:
        _title("With plain git")
        _prompt("git", "merge", "upstream/main")
        self._git(self.plain, "merge", "--no-edit", "upstream/main", ok=(0, 1))
        conflicted = self._git(self.plain, "diff", "--name-only", "--diff-filter=U").split()
        lines = sum(_conflict_lines((self.plain / path).read_bytes()) for path in conflicted)
        found = f"{counted(len(conflicted), 'file')}, {counted(lines, 'line')}"
        out.print(f"[red]CONFLICT[/] in {found} to sort out by hand:")
        for path in conflicted:
            where = "upstream's new text meets a file whose kernels are elsewhere now"
            out.print(f"  {escape(path)}  [dim]{where}[/]")

    def by_mergeguard(self) -> int:
        _title("With mergeguard")
        _prompt("mergeguard", "sync", "upstream/main")
        code = self._mergeguard("sync", "upstream/main", ok=None)
        found = self._git(
            self.fork, "grep", "-n", "-e", "case 512", "-e", "CuCount > 0", "-e", "fork:", "--", "csrc"
        )
        out.print(
            "[green]Merged[/], no conflict. Upstream's new code and the fork's edits, each in its shard:"
        )
        for line in found.splitlines():
            path, number, text = line.split(":", 2)
            shown = text.strip().rstrip("\\").strip()
            out.print(f"  {escape(path.removeprefix('csrc/'))}:{number}  [dim]{escape(shown)}[/]")
        return code

    def proof(self) -> bool:
        _title("Is that right?")
        self._git(self.twin, "fetch", "--quiet", "upstream")
        self._git(self.twin, "merge", "--quiet", "--no-edit", "upstream/main")
        same = all(
            self._unsplit(path) == (self.twin / path).read_bytes()
            for path in dict.fromkeys(p for p, *_ in _UPSTREAM)
        )
        verdict = "[green]byte for byte[/]" if same else "[red]not[/]"
        out.print(
            f"Joined again, the two merged files are {verdict} what `git merge` makes of the same fork "
            "had it never been split."
        )
        checked = self._mergeguard("check", ok=None) == 0
        out.print(f"`mergeguard check`: {'[green]clean[/]' if checked else '[red]not clean[/]'}.")
        return same and checked

    # -- running ---------------------------------------------------------------------------------------

    def _copy(self, target: Path) -> None:
        shutil.copytree(self.fork, target, symlinks=True)

    def _unsplit(self, path: str) -> bytes:
        command = [*_COMMAND, "-C", str(self.fork), "unsplit", path]
        return subprocess.run(command, check=True, capture_output=True, env=_environment()).stdout

    def _commit(self, folder: Path, message: str) -> None:
        self._git(folder, "add", "--all")
        self._git(folder, "commit", "--quiet", "-m", message)

    def _git(self, folder: Path, *arguments: str, ok: tuple[int, ...] = (0,)) -> str:
        return run_git(arguments, cwd=folder, environment=child_environment() | _IDENTITY, ok=ok).text

    def _mergeguard(self, *arguments: str, folder: Path | None = None, ok: bool | None = True) -> int:
        command = [*_COMMAND, "-C", str(folder or self.fork), *arguments]
        done = subprocess.run(command, env=_environment(), check=False, capture_output=True, text=True)
        if ok and done.returncode:
            raise MergeguardError(f"{' '.join(arguments)} failed: {done.stderr.strip()}")
        return done.returncode


def _environment() -> dict[str, str]:
    return os.environ | _IDENTITY


def _rules(folder: Path) -> list[Path]:
    return sorted((folder / ".mergeguard" / "rules").glob("*.toml"))


def _conflict_lines(text: bytes) -> int:
    """The lines between conflict markers, both sides."""
    lines, inside = 0, False
    for line in text.splitlines():
        if line.startswith((b"<<<<<<< ", b">>>>>>> ")):
            inside = line.startswith(b"<")
        elif inside and line != b"=======":
            lines += 1
    return lines


def _title(text: str) -> None:
    out.print(f"\n[bold]== {escape(text)}[/]")


def _prompt(*command: str) -> None:
    out.print(f"[dim]$ {escape(' '.join(command))}[/]")


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_bytes()
    if text.count(old.encode()) != 1:
        raise MergeguardError(f"the demo's text has moved in {path.name}: {old.strip()[:60]}")
    path.write_bytes(text.replace(old.encode(), new.encode()))
