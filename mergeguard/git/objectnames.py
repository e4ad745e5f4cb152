"""Object names: by which hash a repository names its objects, and how long its names are."""

from __future__ import annotations

from collections.abc import Callable

from mergeguard.digests import sha1
from mergeguard.values import dataclass

#: A full object name as a pattern: 40 hex digits, or 64 where a repository uses SHA-256.
FULL_NAME = "[0-9a-f]{40}(?:[0-9a-f]{24})?"


@dataclass(frozen=True, slots=True)
class ObjectFormat:
    """One of git's object formats; ``name`` is what ``git rev-parse --show-object-format`` says."""

    name: str
    _hash: Callable[[bytes], str]

    def name_of(self, kind: str, data: bytes) -> str:
        """The name that ``data`` has as an object of the kind (``blob``, ``tree``, …)."""
        return self._hash(header(kind, data) + data)

    @property
    def digits(self) -> int:
        """How many hex digits a name has."""
        return len(self._hash(b""))

    @property
    def zero(self) -> str:
        """The name that git prints for nothing."""
        return "0" * self.digits

    @property
    def empty_tree(self) -> str:
        """The tree without entries: every repository has it."""
        return self.name_of("tree", b"")


def header(kind: str, data: bytes) -> bytes:
    """What stands before an object's content where git stores it."""
    return b"%s %d\0" % (kind.encode("ascii"), len(data))


def _sha256(data: bytes) -> str:
    import hashlib  # few repositories have it, and it takes longer to load than most commands look

    return hashlib.sha256(data).hexdigest()


SHA1 = ObjectFormat("sha1", sha1)
SHA256 = ObjectFormat("sha256", _sha256)

#: By the name that git gives them.
FORMATS = {known.name: known for known in (SHA1, SHA256)}
