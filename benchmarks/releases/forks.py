"""Small forks made of real releases, as git objects only: nothing is checked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mergeguard.data import shipped_rules
from mergeguard.fork import treelens
from mergeguard.fork.builds import UnitListing
from mergeguard.fork.workspace import REGULAR, Guarded, RuleFile, Workspace
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.lens.emissions import emission_of
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import digest, parse_rule
from tests.support import corpus
from tests.support.hermetic import git_environment


@dataclass(frozen=True)
class Bench:
    """A scratch repository, and one shipped rule."""

    repository: Repository
    name: str
    rule_text: bytes

    @classmethod
    def make(cls, folder: Path, name: str, rule_text: bytes | None = None) -> Bench:
        """An empty repository in ``folder`` for the rule ``name``: that text, or vLLM's shipped one."""
        import subprocess

        subprocess.run(["git", "init", "-q", str(folder)], check=True, env=git_environment())
        text = rule_text or shipped_rules()[f"vllm/{name}.toml"]
        return cls(Repository.discover(folder), name, text)

    @property
    def guarded(self) -> Guarded:
        """The rule as a workspace would give it, not split."""
        file = RuleFile(digest(self.rule_text), lambda: parse_rule(self.rule_text, self.name))
        return Guarded(self.name, file, None)

    def tree(
        self, path: str | None, text: bytes | None, cmake: bytes, extra: dict[str, bytes] | None = None
    ) -> str:
        """Upstream's tree: the monolith (if it has one), CMakeLists.txt, and ``extra`` files."""
        files = {"CMakeLists.txt": cmake, **(extra or {})}
        if path is not None and text is not None:
            files[path] = text
        write = self.repository.write_blob
        return self.repository.edit_tree(None, {p: Entry(REGULAR, write(t)) for p, t in files.items()})

    def layout(self, path: str, text: bytes) -> Layout:
        """The layout of a monolith by the rule."""
        return split(self.guarded.rule, self.name, path, text, emission_of(self.guarded.rule))

    def split_tree(
        self, tree: str, path: str, text: bytes, upstream: bytes, typed: Sequence[tuple[int, bytes]] = ()
    ) -> str:
        """The fork's tree over upstream's ``tree``: rule, lock, layout of ``text``, shards listed.

        ``typed`` are insertions into ``upstream`` by offset: they are typed into the layout of ``upstream``.
        """
        write = self.repository.write_blob
        layout = self.layout(path, upstream if typed else text)
        texts = {file.path: file.text for file in layout.files}
        for offset, insert in sorted(typed, reverse=True):
            file, before = layout.to_layout(offset - 1)
            whole = texts[file.path]
            texts[file.path] = whole[: before + 1] + insert + whole[before + 1 :]
        guarded = self.guarded
        edits: dict[str, Entry | None] = {name: Entry(REGULAR, write(t)) for name, t in texts.items()}
        edits[guarded.rule_path] = Entry(REGULAR, write(self.rule_text))
        workspace = Workspace(self.repository, tree, (guarded,))
        made = treelens.lock(workspace, guarded, layout, write(upstream))
        edits[guarded.lock_path] = Entry(REGULAR, write(made.to_toml()))
        split_tree = self.repository.edit_tree(tree, edits)
        lists = treelens.list_shards(self.repository, split_tree, [UnitListing.of(guarded.rule, layout)])
        return self.repository.edit_tree(split_tree, lists)

    def commit(self, tree: str, *parents: str, message: str = "x") -> str:
        """A commit that no ref names."""
        return self.repository.commit_object(tree, parents, message + "\n")


def release(version: str, path: str) -> tuple[bytes, bytes]:
    """A release's monolith and CMakeLists.txt."""
    return corpus.file(version, path), corpus.file(version, "CMakeLists.txt")
