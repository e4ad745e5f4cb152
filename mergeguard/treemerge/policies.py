"""Path policies: what a fork has decided once for all about conflicts of some paths, in
``.mergeguard/config.toml``.

A policy decides conflicts and nothing else: what merges cleanly is merged. It never decides about a split
file, whose changes it would hide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from typing import Literal

from mergeguard import store
from mergeguard.errors import Location, RuleError
from mergeguard.fork.workspace import Workspace
from mergeguard.git.merging import UnmergedPath
from mergeguard.git.objects import Entry
from mergeguard.tables import table
from mergeguard.values import dataclass, field

PATH = ".mergeguard/config.toml"
_OURS, _THEIRS = 2, 3


@table
class Policy:
    """What to take where a path that fits one of the globs is in conflict.

    ``keep-deleted`` leaves a file away that the fork has deleted and upstream has changed; ``ours`` and
    ``theirs`` take that side's file whole.
    """

    paths: tuple[str, ...]
    take: Literal["keep-deleted", "ours", "theirs"]
    why: str = ""

    def applies(self, conflict: UnmergedPath) -> bool:
        """Whether the policy decides this conflict."""
        if not any(fnmatchcase(conflict.path, glob) for glob in self.paths):
            return False
        return self.take != "keep-deleted" or (_OURS not in conflict.stages and _THEIRS in conflict.stages)

    def choose(self, conflict: UnmergedPath) -> Entry | None:
        """What stands at the path; None: nothing."""
        side = {"keep-deleted": _OURS, "ours": _OURS, "theirs": _THEIRS}[self.take]
        return conflict.stages.get(side)


@table
class Config:
    """``.mergeguard/config.toml``."""

    policy: tuple[Policy, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """What policies decided: entries by path, and a line for people on each policy that did something."""

    edits: dict[str, Entry | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read(workspace: Workspace) -> Config:
    """The tree's configuration. Raises RuleError where it can't be read."""
    text = workspace.read(PATH)
    if text is None:
        return Config()
    try:
        return store.convert(store.read_toml(text), Config)
    except store.Unreadable as error:
        raise RuleError(error.message, where=Location(PATH, error.line), hint=f"correct {PATH}") from None


def decide(config: Config, conflicts: Iterable[UnmergedPath], split: Collection[str]) -> Decided:
    """What the policies make of the conflicts; ``split`` are paths of monolith and layouts, which none may
    decide."""
    edits: dict[str, Entry | None] = {}
    counts: Counter[str] = Counter()
    refused: list[str] = []
    for conflict in conflicts:
        policy = next((policy for policy in config.policy if policy.applies(conflict)), None)
        if policy is None:
            continue
        if conflict.path in split:
            refused.append(
                f"the policy `{policy.take}` does not decide {conflict.path}: the fork keeps it split"
            )
            continue
        edits[conflict.path] = policy.choose(conflict)
        counts[policy.take] += 1
    done = [f"policy `{take}` decided {_count(count)} in conflict" for take, count in sorted(counts.items())]
    return Decided(edits, (*done, *refused))


def _count(number: int) -> str:
    return f"{number} path{'' if number == 1 else 's'}"


def split_paths(workspaces: Iterable[Workspace]) -> set[str]:
    """The paths of monoliths and layouts of all rules."""
    found: set[str] = set()
    for workspace in workspaces:
        for guarded in workspace.guarded:
            found |= set(guarded.paths)
            if guarded.is_split:
                found |= {*workspace.layout_read_over(guarded)[0]}
    return found
