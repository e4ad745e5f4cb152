"""References as their own files have them: what git keeps plainly, it need not be asked for."""

from __future__ import annotations

import re
from pathlib import Path

from mergeguard.git.objectnames import FULL_NAME
from mergeguard.git.process import decode, encode

_FULL_NAME = re.compile(FULL_NAME)
_BRANCH = re.compile(rb"ref: (refs/heads/[^\s\0]+)\n")
# All work trees have these in common; what else is below refs/ may be each work tree's own.
_SHARED = ("refs/heads/", "refs/remotes/", "refs/tags/")
_OWN = re.compile(r"[A-Z][A-Z_]*")  # of each work tree: HEAD, MERGE_HEAD and the like
_ODD = re.compile(r"[\s\0\\:?*~^\[]|(^|/)\.|\.\.|//|/$")  # in no name, or not as it stands


class References:
    """Those of one work tree: ``git_dir`` is its own folder, ``common_dir`` has what all have in common."""

    def __init__(self, git_dir: Path, common_dir: Path) -> None:
        self._git_dir, self._common_dir = git_dir, common_dir

    def branch(self) -> str | None:
        """The full name of the branch that HEAD is on; None where that can't be told."""
        try:
            head = (self._git_dir / "HEAD").read_bytes()
        except OSError:
            return None
        branch = _BRANCH.fullmatch(head)
        return decode(branch[1]) if branch is not None else None

    def find(self, name: str) -> str | None:
        """The object that a full name (``refs/heads/main``, ``MERGE_HEAD``) points at, "" where there is no
        such reference, None where only git can tell."""
        shared = name.startswith(_SHARED)
        if not shared and not _OWN.fullmatch(name) or _ODD.search(name):
            return None
        place = (self._common_dir if shared else self._git_dir) / name
        try:
            oid = place.read_bytes().rstrip(b"\n").decode("ascii", "replace")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return self._packed(name) if shared else self._absent()
        except OSError:
            return None
        return oid if _FULL_NAME.fullmatch(oid) else None

    def _absent(self) -> str | None:
        return None if (self._common_dir / "reftable").exists() else ""

    def _packed(self, name: str) -> str | None:
        """What git has put with others into one file."""
        try:
            lines = (self._common_dir / "packed-refs").read_bytes()
        except FileNotFoundError:
            return self._absent()
        except OSError:
            return None
        found = re.search(rb"(?m)^([0-9a-f]+) " + re.escape(encode(name)) + rb"$", lines)
        if found is None:
            return self._absent()
        oid = found[1].decode("ascii")
        return oid if _FULL_NAME.fullmatch(oid) else None
