"""What a hook can know of git's work before the repository is opened; imports next to nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: The note of a command that is not settled yet: its place below the work tree's git folder.
NOTE = "mergeguard/pending"
_HEADS = re.compile("GITHEAD_([0-9a-f]+)")


def merged_commits(environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The commits that ``git merge`` merges into HEAD, which it names to hooks and drivers, with the names
    that the user gave them; none outside a merge.
    """
    found = ((_HEADS.fullmatch(name), value) for name, value in environment.items())
    return tuple((match[1], value) for match, value in found if match)
