"""The ledger of a fork: what came from upstream, what the fork has of its own, and what needs a person.

Values only. ``mergeguard.unmapped`` and ``mergeguard.cli.report`` read them from a repository,
``mergeguard.reporting`` writes them down.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from mergeguard.audit.findings import Located
from mergeguard.cpp.diff import diff
from mergeguard.cpp.source import Item, Kind, opened_items, parse
from mergeguard.cpp.text import line_of
from mergeguard.digests import blake2b
from mergeguard.errors import RESOLVE, counted
from mergeguard.fork.localedits import LocalEdit
from mergeguard.lens.hunks import Hunk, Reason
from mergeguard.lens.layout import Layout
from mergeguard.values import dataclass

# The states of a sync.
LANDED, WAITING, ELSEWHERE = "landed", "waiting for its conflicts to be resolved", "not in this branch"
# Items that nobody looks for first.
_MINOR = frozenset({Kind.INCLUDE, Kind.CONDITIONAL, Kind.PRAGMA, Kind.UNDEF, Kind.COMMENT, Kind.OPAQUE})


@dataclass(frozen=True, slots=True)
class Arrival:
    """An item that upstream added, changed or removed, with its lines added and removed."""

    item: str
    kind: str
    status: str
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class CandidatePlace:
    """A place for the text of an unmapped hunk: before the 1-based ``line`` of the layout file ``path``.

    ``similarity`` (0..1) is that of the text with the part of ``item`` that is most like it. ``side`` says
    where the place is from the item: before, after or in it. ``condition`` is what the item is compiled
    under, "" where it always is. ``anchor`` are the options of ``unmapped apply`` that name the place by its
    declaration; () where only its line does.
    """

    path: str
    line: int
    item: str
    side: str
    similarity: float
    condition: str = ""
    anchor: tuple[str, ...] = ()

    @property
    def described(self) -> str:
        """Where it is, in words."""
        if not self.item:
            return f"{self.path}:{self.line}"
        return f"{self.side} {self.item}" + (f", under {self.condition}" if self.condition else "")

    @property
    def options(self) -> str:
        """What to give ``unmapped apply``, quoted for a shell."""
        return shlex.join(self.anchor or ("--to", f"{self.path}:{self.line}"))


@dataclass(frozen=True, slots=True)
class Case:
    """One unmapped hunk as a reviewer meets it.

    ``id`` is stable: it depends on the file and the two texts, not on line numbers. ``nearest`` is the
    item of the monolith nearest to the hunk, ``nearest_line`` its 1-based line in upstream's monolith.
    ``places`` have been tried: text put there is mapped. ``kept`` is the reason, if somebody has
    decided that the text belongs to the layout; None while the hunk is open. ``unstaged`` says that the
    file has changes that the index does not have. ``patch`` puts the hunk into the layout without it.
    """

    id: str
    rule: str
    hunk: Hunk
    nearest: str = ""
    nearest_line: int | None = None
    places: tuple[CandidatePlace, ...] = ()
    kept: str | None = None
    unstaged: bool = False
    patch: bytes = b""

    @property
    def open(self) -> bool:
        """Whether a person is needed."""
        return self.kept is None

    @property
    def message(self) -> str:
        """The reason as a sentence."""
        return self.hunk.reason.value + (f": {self.hunk.detail}" if self.hunk.detail else "")

    def commands(self) -> tuple[tuple[str, str], ...]:
        """(what it does, the exact command) for every way to resolve the hunk, the likeliest first."""
        add = f"git add -- {shlex.quote(self.hunk.path)} && " if self.unstaged else ""
        found = [
            (
                place.described,
                f"{add}mergeguard unmapped apply {self.id} {place.options}",
            )
            for place in self.places
        ]
        if self.kept is not None:
            return (*found, ("open it again", f"mergeguard unmapped keep {self.id} --undo"))
        if self.hunk.reason.without_file:
            away = ""
            if self.hunk.reason is Reason.FILE_REPLACED:
                path, aside = (shlex.quote(self.hunk.path + end) for end in ("", ".mine"))
                away = f"git rm -r -q --cached -- {path} && mv -- {path} {aside} && "
            return (
                ("bring the file back", f"{away or add}mergeguard unmapped drop {self.id}"),
                ("the file is meant to be gone", f"{add}mergeguard unmapped keep {self.id}"),
            )
        return (
            *found,
            ("write it differently", f"{add}mergeguard unmapped edit {self.id}"),
            ("it belongs to the layout, keep it there", f"{add}mergeguard unmapped keep {self.id}"),
            ("take it out of the layout", f"{add}mergeguard unmapped drop {self.id}"),
        )


@dataclass(frozen=True, slots=True)
class FileView:
    """One layout file three times: pristine, the fork's, and as upstream's newest version would give it.

    ``yours`` is None where the file was removed, ``upstream`` where there is nothing newer.
    """

    path: str
    base: bytes
    yours: bytes | None
    upstream: bytes | None


@dataclass(frozen=True, slots=True)
class RuleLedger:
    """One rule: ``arrived`` came with the last sync, ``waiting`` is what upstream has beyond the lock."""

    name: str
    monolith: str | None
    state: str
    upstream: str | None = None
    arrived: tuple[Arrival, ...] = ()
    waiting: tuple[Arrival, ...] = ()
    edits: tuple[LocalEdit, ...] = ()
    overlay: tuple[Hunk, ...] = ()
    unmapped: tuple[Case, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str | None = None
    views: tuple[FileView, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncedRule:
    """What the last sync reported about one rule."""

    name: str
    monolith: str
    state: str
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LastSync:
    """The last sync. ``state``: ``LANDED``, ``WAITING`` or ``ELSEWHERE``; ``commit``: what it landed as, None
    where this branch does not have that.

    ``audit`` is what the audit of the merge found; None if it was not audited. ``two_commits`` if its
    conflicts are to be committed as they were, before their resolution.
    """

    upstream: str
    ours: str
    theirs: str
    commit: str | None
    commits: int
    state: str
    conflicts: tuple[str, ...]
    messages: tuple[str, ...]
    rules: tuple[SyncedRule, ...]
    audit: tuple[Located, ...] | None = None
    two_commits: bool = False

    @property
    def described(self) -> str:
        """How it stands, in words."""
        return self.state if self.commit is None else f"landed as {self.commit[:12]}"

    def rule(self, name: str) -> SyncedRule | None:
        """What it reported about one rule."""
        return next((r for r in self.rules if r.name == name), None)


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A file that git calls unmerged, and the 1-based lines on which conflict markers start in it."""

    path: str
    lines: tuple[int, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """``path:line`` of every conflict; the path alone where a file has no markers."""
        return tuple(f"{self.path}:{line}" for line in self.lines) or (self.path,)


@dataclass(frozen=True, slots=True)
class ForkReport:
    """The whole report, and the one view of it that every format shows.

    ``head`` is a commit; ``resume`` goes on once the conflicts are resolved.
    """

    head: str
    branch: str
    upstream: str | None
    last_sync: LastSync | None
    rules: tuple[RuleLedger, ...]
    conflicts: tuple[Unresolved, ...] = ()
    notes: tuple[str, ...] = ()
    resume: str = "mergeguard sync --continue"

    @property
    def cases(self) -> tuple[Case, ...]:
        """Every unmapped hunk, those that need a person first."""
        return tuple(sorted((c for r in self.rules for c in r.unmapped), key=lambda c: not c.open))

    @property
    def open(self) -> tuple[Case, ...]:
        """The hunks that need a person."""
        return tuple(case for case in self.cases if case.open)

    @property
    def conflict_places(self) -> tuple[str, ...]:
        """Where conflicts are to be resolved, as ``path:line``."""
        return tuple(place for conflict in self.conflicts for place in conflict.places)

    @property
    def findings(self) -> tuple[Located, ...]:
        """What the audit of the last sync found."""
        return () if self.last_sync is None else self.last_sync.audit or ()

    def synced(self, rule: RuleLedger) -> SyncedRule | None:
        """What the last sync reported about a rule."""
        return None if self.last_sync is None else self.last_sync.rule(rule.name)

    def notes_of(self, rule: RuleLedger) -> tuple[str, ...]:
        """The notes about a rule: as it is, then what the last sync said of it."""
        synced = self.synced(rule)
        return tuple(dict.fromkeys((*rule.notes, *(synced.notes if synced is not None else ()))))

    def to_look_at(self) -> tuple[str, ...]:
        """How much of what waits for a person, in words: conflicted files, unmapped hunks, broken rules."""
        broken = sum(rule.problem is not None for rule in self.rules)
        waiting = (
            (len(self.conflicts), counted(len(self.conflicts), "conflicted file")),
            (len(self.open), counted(len(self.open), "unmapped hunk")),
            (broken, counted(broken, "rule") + " that can't be read"),
        )
        return tuple(words for number, words in waiting if number)

    @property
    def is_waiting(self) -> bool:
        """Whether a sync is to be continued, its conflicts resolved or not."""
        return self.last_sync is not None and self.last_sync.state == WAITING

    @property
    def clean(self) -> bool:
        """Whether nothing needs a person."""
        return not self.conflicts and not self.open and not any(r.problem for r in self.rules)

    def next_step(self) -> str | None:
        """A sentence with the command to type next, in backticks; None if there is nothing to do."""
        command = self.next_command()
        if command is None:
            return None
        return f"{RESOLVE if self.conflicts else ''}`{command}`"

    def next_command(self) -> str | None:
        """What to type next; None if there is nothing to do."""
        if self.conflicts or self.is_waiting:
            return self.resume
        if self.open:
            return f"mergeguard unmapped show {self.open[0].id}"
        if self.upstream and any(r.waiting for r in self.rules):
            return f"mergeguard sync {shlex.quote(self.upstream)}"
        return None


# -- what came from upstream ---------------------------------------------------------------------------


def arrivals(old: bytes, new: bytes) -> tuple[Arrival, ...]:
    """The items in which two versions of a monolith differ: declarations in the new one's order, removed ones
    last, then includes, directives and the like.
    """
    if old == new:
        return ()
    before = {i.key: i for i in opened_items(parse(old))}
    after = {i.key: i for i in opened_items(parse(new))}
    gone = [i for key, i in before.items() if key not in after]
    found: list[Arrival] = []
    for key, item in after.items():
        twin = before.get(key)
        if twin is None:
            # A declaration whose parameters or condition changed is the same item to a reader.
            twin = next((g for g in gone if g.kind is item.kind and g.name == item.name), None)
            if twin is not None:
                gone.remove(twin)
        was = b"" if twin is None else old[twin.start : twin.end]
        arrival = _arrival(item, "new" if twin is None else "changed", was, new[item.start : item.end])
        if arrival.added or arrival.removed:
            found.append(arrival)
    found += [_arrival(item, "removed", old[item.start : item.end], b"") for item in gone]
    return tuple(sorted(found, key=lambda a: a.kind in _MINOR))


def _arrival(item: Item, status: str, old: bytes, new: bytes) -> Arrival:
    changes = diff(old.splitlines(), new.splitlines())
    added, removed = sum(c.b1 - c.b0 for c in changes), sum(c.a1 - c.a0 for c in changes)
    return Arrival(item.name or f"a {item.kind.value}", item.kind.value, status, added, removed)


def marker_lines(text: bytes) -> tuple[int, ...]:
    """The 1-based lines on which git's conflict markers start."""
    if b"<<<<<<<" not in text:
        return ()
    return tuple(n for n, line in enumerate(text.split(b"\n"), 1) if re.match(rb"<{7,}(?!<)(?: |\r?$)", line))


# -- hunks ---------------------------------------------------------------------------------------------


def hunk_ids(hunks: Iterable[Hunk]) -> dict[str, Hunk]:
    """The hunks by stable id (8 hex digits), in their order; equal hunks of one line are one."""
    found: dict[str, Hunk] = {}
    for hunk in hunks:
        ordinal = 0
        while (known := found.get(name := _hunk_id(hunk, ordinal))) is not None:
            if known.line == hunk.line:
                break
            ordinal += 1
        else:
            found[name] = hunk
    return found


def _hunk_id(hunk: Hunk, ordinal: int) -> str:
    parts = (hunk.path.encode("utf-8", "surrogateescape"), hunk.old, hunk.new, b"%d" % ordinal)
    digest = blake2b(digest_size=4)
    for part in parts:
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()


def nearest(monolith: bytes, hunk: Hunk) -> tuple[str, int | None]:
    """The name of the nearest declaration of upstream's monolith, and its 1-based line."""
    if hunk.anchor is None:
        return "", None
    item = _declaration(opened_items(parse(monolith)), hunk.anchor)
    return ("", None) if item is None else (item.name, line_of(monolith, item.code_start))


def _declaration(items: Sequence[Item], offset: int) -> Item | None:
    """The named item at a byte, else the next one that has a name, else the last before it."""
    for item in items:
        if item.end > offset and item.name and item.kind not in _MINOR:
            return item
    return next((i for i in reversed(items) if i.name and i.kind not in _MINOR), None)


def line_across(old: bytes, new: bytes, line: int) -> int:
    """The 0-based line of ``new`` that a 0-based line of ``old`` corresponds to."""
    shift = 0
    for change in diff(old.splitlines(), new.splitlines()):
        if change.a0 > line:
            break
        if line < change.a1:
            return min(change.b0 + line - change.a0, max(change.b0, change.b1 - 1))
        shift = change.b1 - change.a1
    return line + shift


def views(
    pristine: Layout, files: Mapping[str, bytes | None], upstream: Layout | None
) -> tuple[FileView, ...]:
    """The layout files that the fork changed, each beside its pristine and upstream's newest text."""
    newer = {} if upstream is None or upstream.monolith == pristine.monolith else upstream.by_path
    return tuple(
        FileView(file.path, file.text, now, newer[file.path].text if file.path in newer else None)
        for file in pristine.files
        if (now := files.get(file.path, file.text)) != file.text
    )
