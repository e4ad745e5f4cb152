"""The repositories that are measured: a fork of vLLM's releases, split and unsplit, and its variations.

All six monoliths of the shipped rules are in every release: the two that the measured releases lack (one that
was never released, one that went with 0.25) are added to each.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.plan import history
from benchmarks.plan.__main__ import make_fork
from benchmarks.speed.measure import MERGEGUARD, run
from mergeguard.data import shipped_rules
from tests.support import corpus

OLD, NEW = "0.30.0", "0.32.0"
ATTENTION = "csrc/rocm/attention.cu"
INT8 = "csrc/rocm/skinny_gemms_int8.cu"
PAGED = "csrc/libtorch_stable/attention/paged_attention_v1.cu"
#: The fork's own edits, in kernels that are split.
EDITS = (
    ("csrc/rocm/skinny_gemms.cu", b"int mindiv(", b"// fork: an edit\nint mindiv("),
    ("csrc/rocm/skinny_gemms_int4.cu", b"#define LDS_SIZE", b"// fork: an edit\n#define LDS_SIZE"),
    ("csrc/rocm/attention.cu", b"#define MAX(a, b)", b"// fork: an edit\n#define MAX(a, b)"),
)
#: A line of a function that the new release removes, in upstream's file and in the layout's.
CONFLICT = ("csrc/rocm/attention.cu", b"  _T8x8 Qtmp8x8;")
CONFLICT_IN_LAYOUT = ("csrc/rocm/attention/kernels.cuh", b"  _T8x8 Qtmp8x8;")
_INT8_FIXTURE = Path(__file__).parents[2] / "fixtures" / "int8" / "skinny_gemms_int8.cu"


def upstream(folder: Path) -> Path:
    """The releases, one commit each, with all six monoliths."""
    also = {INT8: _INT8_FIXTURE.read_bytes(), PAGED: corpus.file("0.24.0", PAGED)}
    return corpus.repository([OLD, NEW], folder, also=also)


def unsplit_fork(source: Path, folder: Path, edits: bool = True) -> Path:
    """A fork of the old release with three local edits, as git alone knows it."""
    git(source.parent, "clone", "-q", str(source), str(folder))
    git(folder, "checkout", "-q", "-b", "fork", f"v{OLD}")
    for path, before, after in EDITS if edits else ():
        file = folder / path
        file.write_bytes(file.read_bytes().replace(before, after, 1))
    if edits:
        git(folder, "commit", "-q", "-a", "-m", "local edits")
    return folder


def conflicting_edit(folder: Path, *, split: bool) -> None:
    """Commit an edit of a line that the new release has otherwise, in a file that a rule splits."""
    path, line = CONFLICT_IN_LAYOUT if split else CONFLICT
    file = folder / path
    file.write_bytes(file.read_bytes().replace(line, line + b"  // fork", 1))
    git(folder, "commit", "-q", "-a", "-m", "an edit of a line that upstream edits, too")


def take_ours(folder: Path) -> None:
    """Resolve what is in conflict by the fork's side."""
    unmerged = sorted({line.split("\t")[1] for line in git(folder, "ls-files", "-u").splitlines()})
    git(folder, "checkout", "-q", "--ours", "--", *unmerged)
    git(folder, "add", "--", *unmerged)


def far_behind(folder: Path, count: int) -> tuple[Path, int]:
    """A fork that ``benchmarks.plan`` makes, and by how many commits it is behind."""
    folder.mkdir()
    versions = corpus.all_versions()
    behind = history.make(versions[versions.index("0.16.0") :], count, folder / "upstream")
    git(folder, "clone", "-q", str(folder / "upstream"), str(folder / "fork"))
    make_fork(folder / "fork")
    return folder / "fork", behind


def unsplit_clone(fork: Path, folder: Path) -> Path:
    """A clone of the same upstream with the fork's edits before they were split: git's own task."""
    git(fork.parent, "clone", "-q", str(fork), str(folder))
    git(folder, "remote", "set-url", "origin", str(fork.parent / "upstream"))
    git(folder, "fetch", "-q", "origin")
    git(folder, "checkout", "-q", "-B", "whole", "HEAD~1")
    return folder


def six_rules() -> dict[str, bytes]:
    """The rules shipped for vLLM; two files that the measured releases do not build ask for no build list."""
    rules = {Path(n).name: text for n, text in shipped_rules().items() if n.startswith("vllm/")}
    for name in ("skinny_gemms_int8.toml", "paged_attention_v1.toml"):
        rules[name] = rules[name].replace(b"schema = 1\n", b"schema = 1\nbuild = []\n", 1)
    return rules


def split(folder: Path, rules: Mapping[str, bytes] | None = None, upstream: str = f"v{OLD}") -> None:
    """Split the fork by the rules (name of the file to text; vLLM's six if None) and commit."""
    rules = rules if rules is not None else six_rules()
    for name, text in rules.items():
        target = folder / ".mergeguard" / "rules" / Path(name).name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)
    run(folder, *MERGEGUARD, "split", "--upstream", upstream)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "split")


def many_rules(
    folder: Path,
    count: int,
    *,
    is_split: bool = True,
    files: int = 0,
    more: bytes = b"",
    edit: tuple[bytes, bytes] = (b"#include", b"#include"),
) -> Path:
    """``count`` copies of one monolith, each with its rule; upstream (tag ``new``) changes the first.

    Beside them stand so many small ``files`` that nobody changes; ``more`` is text behind each monolith.
    Upstream adds a comment, and changes the one of ``edit`` to the other.
    """
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    text = _INT8_FIXTURE.read_bytes() + more
    paths = _copies(count)
    for path in paths:
        write(folder / path, text)
    sources = "".join(f'    "{path}"\n' for path in paths)
    write(folder / "CMakeLists.txt", f"set(SRC\n{sources})\nadd_library(kernels ${{SRC}})\n".encode())
    with_files(folder, files)
    commit(folder, "old")
    git(folder, "tag", "old")
    newer = text.replace(*edit, 1)
    write(folder / paths[0], newer.replace(b"#include", b"// upstream: an edit\n#include", 1))
    commit(folder, "new")
    git(folder, "tag", "new")
    git(folder, "checkout", "-q", "-b", "fork", "old")
    if is_split:
        split(folder, _rules_of_copies(count), "old")
    else:
        write(folder / "README", b"a fork\n")
        commit(folder, "a fork's own commit")
    return folder


def add_rules(folder: Path, count: int) -> None:
    """The rules of ``many_rules``, for a fork that is not split."""
    for name, text in _rules_of_copies(count).items():
        write(folder / ".mergeguard" / "rules" / name, text)


def _copies(count: int) -> list[str]:
    return [f"csrc/rocm/kernels_{number:03d}.cu" for number in range(count)]


def _rules_of_copies(count: int) -> dict[str, bytes]:
    rule = shipped_rules()["vllm/skinny_gemms_int8.toml"].decode()
    return {f"{Path(path).stem}.toml": rule.replace(INT8, path).encode() for path in _copies(count)}


def with_files(folder: Path, count: int) -> None:
    """Add ``count`` small files: a tree of real size."""
    for number in range(count):
        target = folder / "tree" / f"{number // 500:03d}" / f"{number % 500:03d}.txt"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"file %d\n" % number)


def unrelated_branches(folder: Path) -> None:
    """Branches with a commit that no rule has to do with: ``ahead`` of the fork's, and ``beside`` it."""
    git(folder, "checkout", "-q", "-b", "ahead")
    write(folder / "ahead.txt", b"ahead\n")
    commit(folder, "ahead")
    git(folder, "checkout", "-q", "-b", "beside", "HEAD~2")
    write(folder / "beside.txt", b"beside\n")
    commit(folder, "beside")
    git(folder, "checkout", "-q", "fork")


def local_commits(folder: Path, count: int, edited: str, marker: bytes) -> None:
    """``count`` commits: each fifth edits ``edited`` (before the first ``marker``), the others add files."""
    for number in range(count):
        if number % 5 == 4:
            file = folder / edited
            at = file.read_bytes().index(marker)
            text = file.read_bytes()
            file.write_bytes(text[:at] + b"// fork: edit %d\n" % number + text[at:])
        else:
            write(folder / "fork" / f"note_{number:04d}.txt", b"note %d\n" % number)
        commit(folder, f"local commit {number}")


def write(path: Path, data: bytes) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def commit(folder: Path, message: str) -> None:
    """Commit everything."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def git(folder: Path, *arguments: str) -> str:
    """Run git; its output."""
    return run(folder, "git", *arguments)


def back_to_now(folder: Path) -> Callable[[], None]:
    """What brings the fork back to its present state: branch, index, files, and what mergeguard keeps.

    So that each run finds the caches as a user's first run does, not as the same run before has left them.
    """
    head, branch = git(folder, "rev-parse", "HEAD"), git(folder, "branch", "--show-current")
    kept = folder.with_name(folder.name + ".kept")
    private = folder / ".git" / "mergeguard"
    if private.exists():
        shutil.copytree(private, kept, dirs_exist_ok=True)

    def reset() -> None:
        git(folder, "reset", "-q", "--hard")
        git(folder, "checkout", "-q", "-f", "-B", branch, head)
        git(folder, "update-index", "-q", "--refresh")
        shutil.rmtree(private, ignore_errors=True)
        if kept.exists():
            shutil.copytree(kept, private)

    return reset


def sides_of(folder: Path, name: str, base: bytes, ours: bytes, theirs: bytes) -> tuple[str, str, str]:
    """Three versions as files; their names as ``merge-file`` takes them."""
    names = (f"{name}-ours.cu", f"{name}-base.cu", f"{name}-theirs.cu")
    for file, text in zip(names, (ours, base, theirs), strict=True):
        (folder / file).write_bytes(text)
    return names
