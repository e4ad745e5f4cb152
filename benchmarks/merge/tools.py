"""The merge tools under test: each takes a case and says what it made of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.merge.scenarios import Case
from mergeguard.git.linemerge import least_conflict_of
from mergeguard.git.objects import MODE_FILE, Entry
from mergeguard.git.repository import Repository
from mergeguard.merge import Conflict, merge
from mergeguard.merge.markers import parse_markers
from mergeguard.treemerge.trees import merge_trees
from mergeguard.verbs.auditing import audit_trees


@dataclass(frozen=True, slots=True)
class Outcome:
    """``files`` as merged; ``conflicts`` in all, ``lines`` inside them, ``findings`` of a clean result."""

    files: dict[str, bytes]
    conflicts: int = 0
    lines: int = 0
    findings: tuple[str, ...] = ()


Tool = Callable[[Case], Outcome]


@dataclass
class Scratch:
    """A folder for tools that want files; removed at the end."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mergeguard-bench-")))

    def write(self, versions: tuple[bytes, bytes, bytes]) -> tuple[str, str, str]:
        paths = tuple(str(self.folder / name) for name in ("base", "ours", "theirs"))
        for path, text in zip(paths, versions, strict=True):
            Path(path).write_bytes(text)
        return paths[0], paths[1], paths[2]


def per_file(one: Callable[[bytes, bytes, bytes], tuple[bytes, int, int]]) -> Tool:
    """A tool for one file, as it is used on a tree: a path that one side added or left alone is taken."""

    def tool(case: Case) -> Outcome:
        files: dict[str, bytes] = {}
        conflicts = lines = 0
        for path, (base, ours, theirs) in case.files.items():
            if base is None or ours is None or theirs is None:
                text = ours if ours is not None else theirs
                if text is not None:
                    files[path] = text
                continue
            files[path], found, size = one(base, ours, theirs)
            conflicts, lines = conflicts + found, lines + size
        return Outcome(files, conflicts, lines)

    return tool


def _conflict_size(text: bytes, size: int) -> tuple[int, int]:
    conflicts = [p for p in parse_markers(text, size) if isinstance(p, Conflict)]
    return len(conflicts), sum(c.ours.count(b"\n") + c.theirs.count(b"\n") for c in conflicts)


def git_merge_file(scratch: Scratch, *options: str) -> Tool:
    def one(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, int, int]:
        b, o, t = scratch.write((base, ours, theirs))
        done = subprocess.run(
            ["git", "merge-file", "-p", "-q", "--marker-size=47", *options, o, b, t],
            capture_output=True,
            check=False,
        )
        if done.returncode == 0:
            return done.stdout, 0, 0
        return done.stdout, *_conflict_size(done.stdout, 47)

    return per_file(one)


def diff3(scratch: Scratch) -> Tool:
    def one(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, int, int]:
        b, o, t = scratch.write((base, ours, theirs))
        done = subprocess.run(["diff3", "-m", o, b, t], capture_output=True, check=False)
        return done.stdout, *(_conflict_size(done.stdout, 7) if done.returncode else (0, 0))

    return per_file(one)


def wiggle(scratch: Scratch) -> Tool:
    def one(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, int, int]:
        b, o, t = scratch.write((base, ours, theirs))
        done = subprocess.run(["wiggle", "-m", o, b, t], capture_output=True, check=False)
        if done.returncode == 0:
            return done.stdout, 0, 0
        count, lines = _conflict_size(done.stdout, 7)
        return done.stdout, max(count, 1), lines

    return per_file(one)


def pypi_merge3() -> Tool:
    import merge3  # type: ignore[import-untyped,import-not-found,unused-ignore]

    def one(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, int, int]:
        merger = merge3.Merge3(
            base.splitlines(True), ours.splitlines(True), theirs.splitlines(True), is_cherrypick=False
        )
        out: list[bytes] = []
        count = lines = 0
        for group in merger.merge_groups():
            if group[0] == "conflict":
                count += 1
                lines += len(group[2]) + len(group[3])
                out += group[2]
            else:
                out += group[1]
        return b"".join(out), count, lines

    return per_file(one)


def imediff(scratch: Scratch) -> Tool:
    """Words and lines, as far as it goes without asking anybody."""

    def one(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, int, int]:
        b, o, t = scratch.write((base, ours, theirs))
        target = scratch.folder / "merged"
        target.unlink(missing_ok=True)
        command = ["imediff", "-n", "-g", "-s", "-C", "none", "-o", str(target), o, b, t]
        try:
            subprocess.run(command, capture_output=True, check=False, timeout=20)
        except subprocess.TimeoutExpired:
            return ours, 1, 0
        if not target.exists():
            return ours, 1, 0
        text = target.read_bytes()
        return text, *_conflict_size(text, 7)

    return per_file(one)


def pypi_reconcile_text() -> Tool:
    """Words, by transformed operations: never a conflict."""
    import reconcile_text  # type: ignore[import-untyped,import-not-found,unused-ignore]

    def one(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, int, int]:
        b, o, t = (text.decode("utf-8", "replace") for text in (base, ours, theirs))
        return reconcile_text.reconcile(b, o, t)["text"].encode(), 0, 0

    return per_file(one)


def mergiraf(scratch: Scratch) -> Tool:
    def one(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, int, int]:
        b, o, t = scratch.write((base, ours, theirs))
        done = subprocess.run(
            ["mergiraf", "merge", "-p", "x.cpp", b, o, t], capture_output=True, check=False, timeout=120
        )
        return done.stdout, *(_conflict_size(done.stdout, 7) if done.returncode else (0, 0))

    return per_file(one)


def git_trees(scratch: Scratch, options: tuple[str, ...]) -> Tool:
    """merge-ort on whole trees: ``git merge`` in a repository of its own, so renames and -X options count."""
    repo = scratch.folder / ("repo" + "".join(options).replace("=", ""))
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
        **{
            f"GIT_{who}_{what}": "b@example.invalid"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        },
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }

    def git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["git", *arguments], cwd=repo, env=env, capture_output=True, check=False)

    repo.mkdir()
    git("init", "-q", "-b", "base")
    (repo / ".git" / "info").mkdir(exist_ok=True)
    (repo / ".git" / "info" / "attributes").write_text("* conflict-marker-size=47\n")

    def commit(case: Case, which: int, parent: str | None) -> str:
        for path, versions in case.files.items():
            target, text = repo / path, versions[which]
            if text is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(text)
            else:
                target.unlink(missing_ok=True)
        git("add", "-A")
        tree = git("write-tree").stdout.decode().strip()
        parents = ("-p", parent) if parent else ()
        return git("commit-tree", tree, *parents, "-m", "x").stdout.decode().strip()

    def tool(case: Case) -> Outcome:
        git("rm", "-rqf", "--ignore-unmatch", ".")
        base = commit(case, 0, None)
        ours = commit(case, 1, base)
        theirs = commit(case, 2, base)
        git("reset", "-q", "--hard", ours)
        flags = [f"-X{option}" for option in options]
        merged = git("merge", "-q", "--no-edit", *flags, theirs)
        files: dict[str, bytes] = {}
        conflicts = lines = 0
        for path in sorted(p for p in repo.rglob("*") if p.is_file() and ".git" not in p.parts):
            text = path.read_bytes()
            files[path.relative_to(repo).as_posix()] = text
            if merged.returncode:
                found, size = _conflict_size(text, 47)
                conflicts, lines = conflicts + found, lines + size
        if merged.returncode:
            conflicts = max(conflicts, 1)
        git("reset", "-q", "--hard", ours)
        return Outcome(files, conflicts, lines)

    return tool


def mergeguard(scratch: Scratch) -> Tool:
    """What people run: of one file what ``merge-file`` and the driver do, of several what ``sync`` does."""
    of_trees = _mergeguard_trees(scratch)

    def tool(case: Case) -> Outcome:
        one = case.single
        if one is None:
            return of_trees(case)
        with tempfile.TemporaryDirectory(prefix="mergeguard-") as folder:
            lines = least_conflict_of(*one, Path(folder))
        result = merge(*one, git_clean=lines.clean, git_pieces=lines.pieces)
        conflicts = [p for p in result.pieces if isinstance(p, Conflict)]
        return Outcome(
            {next(iter(case.files)): result.render()},
            len(conflicts),
            sum(c.ours.count(b"\n") + c.theirs.count(b"\n") for c in conflicts),
            tuple(note.code for note in result.findings),
        )

    return tool


def _mergeguard_trees(scratch: Scratch) -> Tool:
    """The merge of trees, and the audit of what came out clean."""
    folder = scratch.folder / "own"
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    repository = Repository.discover(folder)

    def tree(case: Case, which: int) -> str:
        texts = {path: versions[which] for path, versions in case.files.items()}
        entries = {p: Entry(MODE_FILE, repository.write_blob(t)) for p, t in texts.items() if t is not None}
        return repository.edit_tree(None, entries)

    def tool(case: Case) -> Outcome:
        base, ours, theirs = (tree(case, which) for which in range(3))
        parent = repository.commit_object(base, (), "base\n")
        sides = [repository.commit_object(side, (parent,), "side\n") for side in (ours, theirs)]
        merged = merge_trees(repository, (parent,), sides[0], sides[1], placed=False)
        found = () if merged.stages else audit_trees(repository, base, ours, theirs, merged.tree)[0]
        files = {path: repository.read_blob(e.oid) for path, e in repository.objects.walk(merged.tree)}
        sizes = [_conflict_size(files.get(path, b""), 7) for path in merged.stages]
        return Outcome(
            files,
            sum(max(count, 1) for count, _ in sizes),
            sum(lines for _, lines in sizes),
            (
                *(finding.code for finding in found),
                # (Told on the screen: what could not follow, and what is new and goes with its neighbours.)
                *("followed" for f in merged.followed if f.why or f.beside),
                *("finding" for _ in merged.findings),
            ),
        )

    return tool


def available(scratch: Scratch) -> dict[str, Tool]:
    """Every tool that this machine has, git merge-file first."""
    tools: dict[str, Tool] = {"git merge-file": git_merge_file(scratch), "mergeguard": mergeguard(scratch)}
    for name, options in (
        ("git merge (ort)", ()),
        ("  -X patience", ("patience",)),
        ("  -X diff-algorithm=myers", ("diff-algorithm=myers",)),
        ("  -X ignore-space-change", ("ignore-space-change",)),
    ):
        tools[name] = git_trees(scratch, options)
    known = subprocess.run(["git", "merge-file", "-h"], capture_output=True, check=False)
    if b"--diff-algorithm" in known.stdout + known.stderr:  # git 2.44
        for algorithm in ("histogram", "patience"):
            option = f"--diff-algorithm={algorithm}"
            tools[f"  {option}"] = git_merge_file(scratch, option)
    if shutil.which("diff3"):
        tools["GNU diff3"] = diff3(scratch)
    if shutil.which("wiggle"):
        tools["wiggle"] = wiggle(scratch)
    if shutil.which("mergiraf"):
        tools["mergiraf"] = mergiraf(scratch)
    if shutil.which("imediff"):
        tools["imediff"] = imediff(scratch)
    for name, make in (("PyPI merge3", pypi_merge3), ("PyPI reconcile-text", pypi_reconcile_text)):
        with suppress(ImportError):
            tools[name] = make()
    return tools
