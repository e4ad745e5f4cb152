"""The values of a merge through the lens: its three sides, and what becomes of each rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mergeguard.fork.builds import UnitListing
from mergeguard.fork.localedits import LocalEdit
from mergeguard.fork.splitting import Splitting
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.git.objects import Entry
from mergeguard.git.repository import Repository
from mergeguard.lens.hunks import Hunk
from mergeguard.lens.layout import Layout
from mergeguard.treemerge.fates import Fate, TracedFate
from mergeguard.values import cached_property, dataclass, field


@dataclass(frozen=True)
class RuleOutcome:
    """One rule's part of a merge, as the report shows it."""

    name: str
    path: str
    state: Fate
    replayed: tuple[LocalEdit, ...] = ()
    overlay: tuple[Hunk, ...] = ()
    unmapped: tuple[Hunk, ...] = ()
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()

    @property
    def needs_a_look(self) -> bool:
        """Whether a person has to do something about the rule, though nothing conflicts."""
        return self.state is Fate.UNFIT


@dataclass
class Laid:
    """What the rules of a merge add to git's own result.

    ``resting`` are the edits that put layouts of rules at rest back (they go first: folders are among them),
    ``folders`` what is known of git's merge: whether files can be written below a path. ``listings`` are what
    builds have to list of the result, ``owners`` the files of the layouts, each with its rule's name,
    ``layouts`` what gives the layout of a monolith's path.
    """

    edits: dict[str, Entry | None] = field(default_factory=dict)
    resting: dict[str, Entry | None] = field(default_factory=dict)
    folders: dict[str, bool] = field(default_factory=dict)
    listings: list[UnitListing] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)
    layouts: dict[str, Callable[[], Layout]] = field(default_factory=dict)
    stages: dict[str, dict[int, Entry]] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)

    def add(self, guarded: Guarded, layout: Layout) -> None:
        """A layout that is in the result."""
        self.listings.append(UnitListing.of(guarded.rule, layout))
        self.owners |= {file.path: guarded.name for file in layout.files}
        self.layouts[layout.path] = lambda: layout


@dataclass(frozen=True)
class Side:
    """One of the three: 1 base, 2 ours, 3 theirs (None: there is no single base).

    ``tree`` has the monoliths whole, at the paths that the merge uses.
    """

    number: int
    workspace: Workspace
    tree: str

    def guarded(self, name: str) -> Guarded | None:
        """The rule as this side has it split; None where it is not."""
        return self.workspace.split_rule(name)


@dataclass(frozen=True)
class Sides:
    """What is merged. ``paths`` is where the merge has each rule's monolith, by the rule's name.

    ``labels`` name the two sides in conflict markers, ``style`` is the conflict style. ``fates`` is what has
    become of monoliths that one side has no more at their old path, by the rule's name.
    """

    repository: Repository
    base: Side | None
    ours: Side
    theirs: Side
    paths: dict[str, str]
    labels: tuple[str, str]
    style: str
    splitting: Splitting
    fates: Mapping[str, TracedFate] = field(default_factory=dict)

    @cached_property
    def own_paths(self) -> frozenset[str]:
        """The paths of the layouts that either side has: the merge may write them."""
        sides = (self.ours, self.theirs)
        return frozenset(p for s in sides for g in s.workspace.split_rules for p in layout_paths(s, g.name))


def layout_paths(side: Side, name: str) -> tuple[str, ...]:
    """Every path of a rule's layout on one side."""
    own = side.guarded(name)
    return () if own is None else side.workspace.layout_paths(own)
