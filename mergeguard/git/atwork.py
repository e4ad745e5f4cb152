"""What can be known of git's work and ours before anything is read; imports next to nothing."""

from __future__ import annotations

TYPE_CHECKING = False  # without `typing`, which costs more than all of this
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Set in every child: the hooks and the merge driver of an installed mergeguard stand aside when they see it.
ACTIVE_VARIABLE = "MERGEGUARD_ACTIVE"
#: The name by which attributes and configuration call our merge driver.
DRIVER = "mergeguard"
#: The note of a command that is not settled yet: its place below the work tree's git folder.
NOTE = "mergeguard/pending"
#: What a pick of a rebase leaves as the picked commit has it, as the driver's shell can tell: below the work
#: tree's git folder, and valid as long as that note stands.
PUT_OFF = "mergeguard/put-off"
#: What the first process of a merge has worked out for those after it (``hooks.foreseen``).
FORESEEN = "mergeguard/foreseen"
#: Below the git folder's ``mergeguard``: of a landing and (common to all work trees) of an installation that
#: is under way or was interrupted, and the lock of either.
JOURNAL, CHANGING, LOCK = "journal", "changing", "lock"
_HEAD = "GITHEAD_"


def merged_commits(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The commits that ``git merge`` merges into HEAD, which it names to hooks and drivers, with the names
    that the user gave them; none outside a merge.
    """
    named = ((name.removeprefix(_HEAD), value) for name, value in environment.items() if _HEAD in name[:8])
    return tuple((oid, value) for oid, value in named if oid and not oid.strip("0123456789abcdef"))


def may_be_interrupted(private: Path, common: Path) -> bool:
    """Whether a run may have been interrupted; ``private`` and ``common`` are our folders in the work tree's
    own git folder and in the one that all of them share.
    """
    return any(path.exists() for path in (private / JOURNAL, private / LOCK, common / CHANGING))
