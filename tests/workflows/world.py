"""A fork with all six files split, and its upstream, on disk; the changes that upstream can make."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mergeguard.cpp.source import Kind, parse
from mergeguard.fork import treelens
from mergeguard.fork.builds import UnitListing
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import Workspace
from mergeguard.git.repository import Repository
from mergeguard.hooks import installing
from tests.support.forks import COMPILE
from tests.support.rules import full_rules

ROOT = Path(__file__).resolve().parents[2]
RULES = (
    "skinny_gemms",
    "skinny_gemms_int4",
    "skinny_gemms_int8",
    "attention",
    "paged_attention_v1",
    "selective_scan_fwd",
)
OURS, THEIRS = b"fork: tuned for our boards", b"upstream: bounds are checked by the caller"
SCENARIOS = ("clean", "elsewhere", "same-function", "indentation", "rename", "deletion")


@dataclass
class World:
    """One repository: branches ``upstream`` and ``fork`` (which is checked out), remote ``upstream``."""

    root: Path
    splitting: Splitting = field(default_factory=Splitting)

    def git(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not ok or done.returncode == 0, f"git {arguments}: {done.stdout}\n{done.stderr}"
        return done

    def out(self, *arguments: str) -> str:
        return self.git(*arguments).stdout.strip()

    @property
    def repository(self) -> Repository:
        return Repository.discover(self.root)

    def copy(self, target: Path) -> World:
        shutil.copytree(self.root, target, symlinks=True)
        return World(target)

    def workspace(self, revision: str) -> Workspace:
        repository = self.repository
        return Workspace.load(repository, repository.tree_of(revision), self.splitting)

    def monolith(self, revision: str, name: str) -> bytes | None:
        """The rule's monolith as the commit has it, whole or split; None where it is gone."""
        workspace = self.workspace(revision)
        guarded = next((g for g in workspace.guarded if g.name == name), None)
        if guarded is not None and guarded.is_split:
            return workspace.unsplit(guarded).monolith
        file = PurePosixPath(monolith_path(name)).name
        tree = workspace.repository.list_tree(workspace.tree)
        found = [entry for path, entry in tree.items() if PurePosixPath(path).name == file]
        return workspace.repository.read_blob(found[0].oid) if found else None

    def commit_tree(self, tree: str, message: str) -> str:
        commit = self.out("commit-tree", tree, "-p", "HEAD", "-m", message)
        self.git("reset", "-q", "--hard", commit)
        return commit


def monolith_path(name: str) -> str:
    text = full_rules()[f"vllm/{name}.toml"].decode()
    match = re.search(r'^monolith = "(.*)"', text, re.MULTILINE)
    assert match
    return match[1]


def in_function(text: bytes, line: bytes, *, last: bool = False) -> bytes:
    """The text with a statement at the beginning (or end) of the body of its longest function.

    (A comment would be one with a comment of upstream's beside it, and be laid out with it.)
    """
    functions = [i for i in parse(text).items if i.kind in (Kind.FUNCTION, Kind.KERNEL) and i.body]
    longest = max(functions, key=lambda i: i.end - i.start)
    assert longest.body
    at = text.rindex(b"}", 0, longest.body[1]) if last else text.index(b"\n", longest.body[0]) + 1
    if last:
        at = text.rindex(b"\n", 0, at) + 1
    return text[:at] + b'  static_assert(true, "' + line + b'");\n' + text[at:]


def elsewhere(text: bytes, line: bytes) -> bytes:
    """The text with a comment line above a function that is not its longest."""
    functions = [i for i in parse(text).items if i.kind in (Kind.FUNCTION, Kind.KERNEL) and i.body]
    longest = max(functions, key=lambda i: i.end - i.start)
    other = next(i for i in functions if i is not longest)
    return text[: other.code_start] + b"// " + line + b"\n" + text[other.code_start :]


def indented(text: bytes) -> bytes:
    """The text with every indentation doubled, except in what a backslash continues."""
    lines = text.splitlines(keepends=True)
    return b"".join(re.sub(rb"^( +)(?=\S)", rb"\1\1", line) for line in lines)


def upstream_files(scenario: str, name: str, text: bytes) -> dict[str, bytes | None]:
    """What upstream's commit does to one monolith."""
    path = monolith_path(name)
    if scenario == "elsewhere":
        return {path: elsewhere(text, THEIRS)}
    if scenario == "same-function":
        return {path: in_function(text, THEIRS, last=True)}
    if scenario == "indentation":
        return {path: indented(text)}
    if scenario == "rename":
        beside = {
            h.name: h.read_bytes() for h in (COMPILE / path).parent.iterdir() if h.suffix in (".h", ".cuh")
        }
        folder = posixpath.dirname(path)
        moved = {f"{folder}/{name}": data for name, data in beside.items()} | {path: elsewhere(text, THEIRS)}
        new = {p.replace("csrc/", "csrc/moved/", 1): data for p, data in moved.items()}
        return dict.fromkeys(moved) | dict(reversed(new.items()))
    if scenario == "deletion":
        return {path: None}
    return {}


def build(root: Path, rules: Sequence[str] = RULES) -> World:
    """Upstream's first commit, and the fork with the files of ``rules`` split, our hooks installed."""
    world = World(root)
    root.mkdir(parents=True)
    world.git("init", "-q", "-b", "upstream")
    for source in [*(COMPILE / "csrc").rglob("*"), COMPILE / "CMakeLists.txt"]:
        if source.is_file():
            target = root / source.relative_to(COMPILE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    (root / "README").write_text("upstream\n")
    world.git("add", "-A")
    world.git("commit", "-q", "-m", "upstream")
    start_fork(world, rules)
    return world


def start_fork(world: World, rules: Sequence[str]) -> None:
    """Branch ``fork`` of HEAD: the files of ``rules`` split, an edit in each, our hooks installed."""
    world.git("tag", "base")
    world.git("checkout", "-q", "-b", "fork")
    for name in rules:
        rule = world.root / ".mergeguard" / "rules" / f"{name}.toml"
        rule.parent.mkdir(parents=True, exist_ok=True)
        rule.write_bytes(full_rules()[f"vllm/{name}.toml"])
    world.git("add", "-A")
    tree = laid_out(world, world.out("write-tree"), {})
    world.commit_tree(tree, "Split the heavy files")
    world.git("tag", "split")
    edits = {name: lambda text: in_function(text, OURS) for name in rules}
    world.commit_tree(edited(world, "HEAD", edits), "Tune for our boards")
    installing.install(world.repository, world.workspace("HEAD"))


def laid_out(world: World, tree: str, texts: dict[str, bytes]) -> str:
    """The tree with every rule's monolith split (``texts`` in place of what the tree has)."""
    repository = world.repository
    listings = []
    workspace = Workspace.load(repository, tree, world.splitting)
    for guarded in workspace.guarded:
        path = workspace.monolith_path(guarded)
        assert path is not None
        own = workspace.read(path) or b""
        upstream = guarded.lock.upstream if guarded.lock else repository.hash_blob(own)
        text = texts.get(guarded.name)
        if text is None:
            text = workspace.unsplit(guarded).monolith if guarded.lock else own
        laid = treelens.lay_out(workspace, guarded, path, text)
        tree = treelens.apply(repository, tree, treelens.layout_edits(workspace, guarded, laid, upstream))
        listings.append(UnitListing.of(guarded.rule, laid.layout))
    return repository.edit_tree(tree, treelens.list_shards(repository, tree, listings))


def edited(world: World, revision: str, edits) -> str:
    """The fork's tree with edits of its monoliths, by rule."""
    texts = {name: edit(world.monolith(revision, name)) for name, edit in edits.items()}
    return laid_out(world, world.repository.tree_of(revision), texts)


def advance(world: World, scenario: str, rules: Sequence[str] = RULES) -> str:
    """Upstream's next commit; the fork stays checked out."""
    world.git("checkout", "-q", "upstream")
    files: dict[str, bytes | None] = {"README": f"upstream: {scenario}\n".encode()}
    listed = (world.root / "CMakeLists.txt").read_bytes()
    for name in rules:
        path = monolith_path(name)
        text = world.monolith("upstream", name)
        assert text is not None
        changed = upstream_files(scenario, name, text)
        files |= changed
        new = next((p for p, t in changed.items() if p != path and t is not None), None)
        if changed.get(path, b"") is None:
            pattern = rb"[ \t]*\"?" + re.escape(path.encode()) + rb"\"?[ \t]*\n"
            listed = listed.replace(path.encode(), new.encode()) if new else re.sub(pattern, b"", listed)
    files["CMakeLists.txt"] = listed
    for path, data in files.items():
        target = world.root / path
        if data is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    world.git("add", "-A")
    world.git("commit", "-q", "-m", f"upstream: {scenario}")
    commit = world.out("rev-parse", "HEAD")
    world.git("checkout", "-q", "fork")
    return commit
