"""Which shard of a rule takes which template arguments: rules may list thousands, one by one or by globs."""

from __future__ import annotations

import re
from fnmatch import translate

from mergeguard.lens.rule import Instantiate

SPECIAL = frozenset("*?[")  # in globs


class ArgumentShards:
    """The shards of one rule, asked by template arguments; white space does not count."""

    def __init__(self, rule: Instantiate) -> None:
        self.names = tuple(rule.shards)
        self.exact: dict[str, int] = {}  # the first shard (by number) that lists just these
        self.globs: list[tuple[int, re.Pattern[str]]] = []
        for number, listed in enumerate(rule.shards.values()):
            plain = [squeezed(glob) for glob in listed]
            for arguments in plain:
                self.exact.setdefault(arguments, number)
            if globs := [translate(glob) for glob in plain if not SPECIAL.isdisjoint(glob)]:
                self.globs.append((number, re.compile("|".join(globs))))

    def of(self, arguments: str) -> str | None:
        """The first shard that lists these arguments."""
        plain = squeezed(arguments)
        found = self.exact.get(plain) if SPECIAL.isdisjoint(plain) else None
        for number, pattern in self.globs:
            if found is not None and found <= number:
                break
            if pattern.match(plain):
                found = number
        return None if found is None else self.names[found]


def squeezed(text: str) -> str:
    """Without white space."""
    return "".join(text.split())
