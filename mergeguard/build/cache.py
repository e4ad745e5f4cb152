"""Measured costs, kept by content and command, so that only what changed is compiled again.

An entry is filed under the command and the unit's own bytes, and remembers every file that the compiler
read (its dependency file) with a digest: it holds as long as all of them are unchanged, the way ccache's
direct mode does. Costs are figures of one machine, so the machine is part of the key.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from mergeguard import store
from mergeguard.build.machine import compiler_identity, machine
from mergeguard.git.durable import write_atomic
from mergeguard.values import dataclass

FORMAT = 1


def digest_file(path: Path) -> str:
    """SHA-256 of a file's bytes, '' if it can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def digest_text(*parts: str) -> str:
    """SHA-256 of a list of texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Cache:
    """A directory of entries, one JSON file each. Reading never fails: a broken entry is a miss.

    A ``fresh`` cache knows nothing of what it holds: everything is measured, and kept, anew.
    """

    directory: Path
    fresh: bool = False

    def key(self, command: Sequence[str], root: str, source: Path) -> str:
        """The key of one unit. ``root`` is taken out of the command: trees move, their meaning does not."""
        parts = [
            str(FORMAT),
            machine(),
            compiler_identity(command[0]),
            *(argument.replace(root, "{root}") for argument in command),
            digest_file(source),
        ]
        return digest_text(*parts)

    def load(self, key: str, root: Path) -> Mapping[str, object] | None:
        """The entry's value, None if there is none or a file that it depends on has changed."""
        if self.fresh:
            return None
        try:
            entry = store.read_json(store.opened((self.directory / f"{key}.json").read_bytes()))
            depends, value = entry["depends"], entry["value"]
            # A file that is gone is a change, also where it was gone before: nothing vouches for the figures.
            current = bool(depends) and all(
                digest and digest_file(root / name) == digest for name, digest in depends.items()
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return value if current and isinstance(value, dict) else None

    def store(self, key: str, root: Path, depends: Sequence[Path], value: Mapping[str, object]) -> None:
        """File ``value`` under ``key``; a path below ``root`` is remembered relative to it.

        Nothing is kept where a dependency can't be read: the compiler read something else there.
        """
        digests = {}
        for path in depends:
            absolute = Path(os.path.normpath(root / path))
            name = str(absolute.relative_to(root)) if absolute.is_relative_to(root) else str(absolute)
            digests[name] = digest_file(absolute)
        if not all(digests.values()):
            return
        text = json.dumps({"depends": dict(sorted(digests.items())), "value": value})
        data = store.sealed(text.encode())
        # What was measured counts, kept or not.
        with suppress(OSError):
            write_atomic(self.directory / f"{key}.json", data, self.directory, sync=False)

    def clear(self) -> int:
        """Remove all entries; how many there were."""
        count = 0
        for path in self.directory.glob("*.json") if self.directory.is_dir() else ():
            path.unlink(missing_ok=True)
            count += 1
        return count


def read_dependencies(path: Path) -> tuple[Path, ...]:
    """The prerequisites of a make dependency file as compilers write it (``\\`` escapes blanks)."""
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ()
    text = text.replace("\\\n", " ").replace("\\\r\n", " ")
    first = text.split("\n", 1)[0]
    _, _, names = first.partition(": ")
    words: list[str] = []
    for word in names.replace("\\ ", "\0").split():
        words.append(word.replace("\0", " ").replace("\\#", "#").replace("$$", "$"))
    return tuple(Path(word) for word in dict.fromkeys(words))
