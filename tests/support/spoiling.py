"""What a seeded fault is made of: a layout as text that can be spoilt, and how it is spoilt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mergeguard.findings import Finding
from mergeguard.lens import buildlists
from mergeguard.lens.emit import split
from mergeguard.lens.rule import parse_rule
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import BuildFile, compare


@dataclass
class Tree:
    """A layout as text, to be spoilt: files by their path below the layout's folder, the entry as "entry"."""

    path: str
    monolith: bytes
    files: dict[str, bytes]
    units: list[str]
    before: bytes
    after: bytes
    folder: str = ""
    log: list[str] = field(default_factory=list)

    def replace(self, name: str, old: str, new: str, times: int = 1) -> None:
        """Replace text that must be there."""
        text = self.files[name].decode()
        assert text.count(old) >= times, f"{name} has no {old!r}"
        self.files[name] = text.replace(old, new, times).encode()

    def full(self, name: str) -> str:
        return self.path if name == "entry" else f"{self.folder}/{name}"

    def cmake(self, old: str, new: str) -> None:
        assert old.encode() in self.after, old
        self.after = self.after.replace(old.encode(), new.encode(), 1)

    def findings(self) -> tuple[Finding, ...]:
        layout = [LayoutText(self.full(n), text, n in self.units) for n, text in self.files.items()]
        return compare(
            self.path, self.monolith, layout, [BuildFile("CMakeLists.txt", self.before, self.after)]
        )


def layout_of(rule_text: bytes, name: str, path: str, monolith: bytes, build: bytes) -> Tree:
    """The unspoilt layout that a rule makes."""
    rule = parse_rule(rule_text, f"{name}.toml")
    layout = split(rule, name, path, monolith)
    folder = rule.folder(path)
    short = {
        file.path: "entry" if file.path == path else file.path[len(folder) + 1 :] for file in layout.files
    }
    return Tree(
        path=path,
        monolith=monolith,
        files={short[file.path]: file.text for file in layout.files},
        units=[short[file.path] for file in layout.files if file.is_unit],
        before=build,
        after=buildlists.add("CMakeLists.txt", build, path, [shard.path for shard in layout.shards]),
        folder=folder,
    )


@dataclass(frozen=True)
class Fault:
    """``spoil`` is applied to the layout of ``base``; ``check`` is the check that must name it."""

    name: str
    base: str
    check: str
    spoil: Callable[[Tree], object]


def sequence(*steps: Callable[[Tree], object]) -> Callable[[Tree], object]:
    return lambda tree: [step(tree) for step in steps]


def swap(name: str, old: str, new: str, times: int = 1) -> Callable[[Tree], object]:
    return lambda tree: tree.replace(name, old, new, times)
