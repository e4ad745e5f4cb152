"""What can be known of git's work and ours before anything is read; imports next to nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

#: The note of a command that is not settled yet: its place below the work tree's git folder.
NOTE = "mergeguard/pending"
#: Below the git folder's ``mergeguard``: of a landing and (common to all work trees) of an installation that
#: is under way or was interrupted, and the lock of either.
JOURNAL, CHANGING, LOCK = "journal", "changing", "lock"
_HEADS = re.compile("GITHEAD_([0-9a-f]+)")


def merged_commits(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The commits that ``git merge`` merges into HEAD, which it names to hooks and drivers, with the names
    that the user gave them; none outside a merge.
    """
    found = ((_HEADS.fullmatch(name), value) for name, value in environment.items())
    return tuple((match[1], value) for match, value in found if match)


def may_be_interrupted(private: Path, common: Path) -> bool:
    """Whether a run may have been interrupted; ``private`` and ``common`` are our folders in the work tree's
    own git folder and in the one that all of them share.
    """
    return any(path.exists() for path in (private / JOURNAL, private / LOCK, common / CHANGING))
