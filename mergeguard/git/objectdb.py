"""The object database: one ``git cat-file`` answers every read, loose objects are written here.

git itself reads: whatever a repository is (partial clones, alternates, any extension), what git can read is
read, and fetched where git would fetch it. A conversation with one process costs less for each object than a
library's start costs each command.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mergeguard.git.objectnames import ObjectFormat, header
from mergeguard.git.process import encode

if TYPE_CHECKING:
    import mmap

    from mergeguard.git.process import Conversation

# How many bytes of objects one process remembers: versions are read again and again as a merge goes on.
_REMEMBERED = 32 << 20
# Fast: what is written here is packed, and compressed better, by git's own housekeeping.
_COMPRESSION = 1
_OBJECT_MODE = 0o444

# Names said at once: far less than a pipe holds, so that git is never waited for while it waits for us.
_AT_A_TIME = 300

_IDX_MAGIC = b"\xfftOc\0\0\0\x02"
_IDX_NAMES = 8 + 4 * 256  # where the sorted names begin


class ObjectDatabase:
    """Objects by name (hex) below the folder ``objects``; ``start`` begins a ``git cat-file --batch``."""

    def __init__(self, objects: Path, format_: ObjectFormat, start: Callable[[], Conversation]) -> None:
        self._objects = objects
        self._format = format_
        self._start = start
        self._running: Conversation | None = None
        self._known: dict[str, tuple[str, bytes]] = {}
        self._size = 0
        self._opened: dict[Path, mmap.mmap | None] = {}  # None: no index that is known here

    def read(self, oid: str) -> tuple[str, bytes] | None:
        """The object's kind (``blob``, ``tree``, …) and content; None where git has no such object."""
        known = self._known.get(oid)
        if known is None:
            known = self._ask(oid)
            if known is not None:
                self._remember(oid, known)
        return known

    def named(self, expression: str) -> tuple[str, str] | None:
        """Name and kind of the object that an expression of git's means (``v1^{commit}``; no white space in
        it); None where git knows none, or several."""
        self._say(expression)
        answer, known = self._answer()
        if known is None:
            return None
        oid = answer[0].decode("ascii")
        self._remember(oid, known)
        return oid, known[0]

    def prefetch(self, oids: Iterable[str]) -> None:
        """Read objects that will be asked for, many at a time; what is not there is found out later."""
        wanted = [oid for oid in dict.fromkeys(oids) if oid not in self._known]
        for at in range(0, len(wanted), _AT_A_TIME):
            asked = wanted[at : at + _AT_A_TIME]
            self._say(*asked)
            for oid in asked:
                if self._running is None:
                    return
                known = self._hear()
                if known is not None:
                    self._remember(oid, known)

    def _ask(self, oid: str) -> tuple[str, bytes] | None:
        self._say(oid)
        return self._hear()

    def _say(self, *names: str) -> None:
        running = self._conversation()
        with contextlib.suppress(BrokenPipeError):
            running.stdin.write(encode("".join(f"{name}\n" for name in names)))
            running.stdin.flush()

    def _hear(self) -> tuple[str, bytes] | None:
        """The next object; None where there is no such one, or no answer any more."""
        return self._answer()[1]

    def _answer(self) -> tuple[list[bytes], tuple[str, bytes] | None]:
        """The words of the next answer, and the object that it brings: kind and content."""
        running = self._conversation()
        answer = running.stdout.readline().split()
        if len(answer) != 3:
            if answer[-1:] not in ([b"missing"], [b"ambiguous"]):
                # It ended: what it was asked for could not be fetched, or is damaged.
                self._end()
            return answer, None
        size = int(answer[2])
        data = running.stdout.read(size + 1)
        if len(data) != size + 1:
            self._end()
            return answer, None
        return answer, (answer[1].decode("ascii"), data[:-1])

    def _conversation(self) -> Conversation:
        if self._running is None:
            self._running = self._start()
            weakref.finalize(self, self._running.end)
        return self._running

    def _end(self) -> None:
        if self._running is not None:
            self._running.end()
            self._running = None

    def _remember(self, oid: str, known: tuple[str, bytes]) -> None:
        if self._size > _REMEMBERED:
            self._known.clear()
            self._size = 0
        self._known[oid] = known
        self._size += len(known[1]) + 200

    def has(self, oid: str) -> bool:
        """Whether the object is here now; nothing is fetched, and no process asked."""
        raw = bytes.fromhex(oid)
        return any(
            os.path.exists(_loose(folder, oid)) or any(_lists(index, raw) for index in self._indexes(folder))
            for folder in self._folders()
        )

    def _indexes(self, folder: Path) -> Iterator[mmap.mmap]:
        """The lists of names of the packs that are here now, each opened once."""
        for path in (folder / "pack").glob("*.idx"):
            if path not in self._opened:
                self._opened[path] = _index(path)
            index = self._opened[path]
            if index is not None:
                yield index

    def _folders(self) -> Iterator[Path]:
        """The folder of objects and those that it borrows from."""
        seen: set[Path] = set()
        waiting = [self._objects]
        while waiting:
            folder = waiting.pop()
            if folder in seen:
                continue
            seen.add(folder)
            yield folder
            with contextlib.suppress(OSError):
                for line in (folder / "info" / "alternates").read_bytes().splitlines():
                    if line and not line.startswith(b"#"):
                        waiting.append(folder / os.fsdecode(line))

    def write(self, kind: str, data: bytes) -> str:
        """Store an object, unless it is there, and return its name. Errors: OSError."""
        oid = self._format.name_of(kind, data)
        known = self._known.get(oid)
        if known is None:
            self._store(_loose(self._objects, oid), header(kind, data) + data)
            self._remember(oid, (kind, data))
        return oid

    def _store(self, place: Path, raw: bytes) -> None:
        try:
            # As git does: what is used again is not pruned as long unused.
            os.utime(place)
            return
        except FileNotFoundError:
            pass
        except OSError:
            # Somebody else's object in a shared repository: it is there.
            return
        import zlib  # here, as most commands only read

        compressed = zlib.compress(raw, _COMPRESSION)
        place.parent.mkdir(exist_ok=True)
        # The name that git gives such files: its own housekeeping removes what a crash leaves.
        name = place.with_name(f"tmp_obj_{os.urandom(8).hex()}")
        try:
            with open(name, "xb") as out:
                out.write(compressed)
            os.chmod(name, _OBJECT_MODE)
            os.replace(name, place)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise


def _loose(folder: Path, oid: str) -> Path:
    return folder / oid[:2] / oid[2:]


def _index(path: Path) -> mmap.mmap | None:
    """The index of a pack; None of one that is not of version 2 (git's since 2007)."""
    import mmap

    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):  # it went meanwhile, or is empty
        return None
    return data if data[: len(_IDX_MAGIC)] == _IDX_MAGIC else None


def _lists(index: mmap.mmap, raw: bytes) -> bool:
    """Whether the index of a pack lists the name."""
    fan = 8 + 4 * raw[0]
    low = int.from_bytes(index[fan - 4 : fan], "big") if raw[0] else 0
    high = int.from_bytes(index[fan : fan + 4], "big")
    while low < high:
        middle = (low + high) // 2
        at = _IDX_NAMES + len(raw) * middle
        found = index[at : at + len(raw)]
        if found == raw:
            return True
        low, high = (middle + 1, high) if found < raw else (low, middle)
    return False
