"""Git objects as values: reading, writing, trees, commits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mergeguard.git.errors import GitError, MissingObject, PathConflict
from mergeguard.git.objectdb import ObjectDatabase
from mergeguard.git.objectnames import ObjectFormat
from mergeguard.git.process import decode, encode, write_hint
from mergeguard.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from mergeguard.git.process import Completed, Conversation

MODE_TREE = 0o040000
MODE_FILE = 0o100644
MODE_EXECUTABLE = 0o100755
MODE_SYMLINK = 0o120000
MODE_SUBMODULE = 0o160000

# How many entries of trees one process remembers; some 300 bytes each.
_REMEMBERED = 200_000
# How many commits.
_COMMITS = 10_000
_NOTHING: Mapping[bytes, Entry] = {}


_KINDS = {MODE_TREE: "a folder", MODE_SYMLINK: "a symbolic link", MODE_SUBMODULE: "a submodule"}


class Entry(NamedTuple):
    """A path's content in a tree or index: git's mode (e.g. ``0o100644``) and the object's name in hex."""

    mode: int
    oid: str

    @property
    def is_file(self) -> bool:
        """Whether it is an ordinary file: no link, folder or submodule."""
        return self.mode in (MODE_FILE, MODE_EXECUTABLE)

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return _KINDS.get(self.mode, "a file")


@dataclass(frozen=True, slots=True)
class TreeChange:
    """A path in which two trees differ, with git's letter (A, D, M, T; R and C where copies are found).

    ``old`` and ``new`` are equal but for R and C; an entry is None where the tree has nothing there.
    """

    letter: str
    old: str
    new: str
    before: Entry | None
    after: Entry | None


class ChangedByBoth(NamedTuple):
    """A path with its entries in a tree and in two others, which both have another one there, or none."""

    path: str
    before: Entry
    one: Entry | None
    other: Entry | None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who and when, exactly as a commit holds it: ``Name <mail> seconds offset``."""

    raw: bytes

    @property
    def name(self) -> str:
        return decode(self.raw.partition(b" <")[0])

    @property
    def email(self) -> str:
        return decode(self.raw.partition(b"<")[2].partition(b">")[0])

    @property
    def when(self) -> tuple[int, str]:
        """Seconds since 1970 and the offset (``+0100``); (0, "+0000") where the commit holds nonsense."""
        match = re.fullmatch(rb".*> *(-?\d+) ([+-]\d+)", self.raw)
        return (int(match[1]), match[2].decode()) if match else (0, "+0000")


#: Author and committer of virtual commits, so that the same trees give the same commits.
VIRTUAL_IDENTITY = Identity(b"mergeguard <mergeguard@invalid> 0 +0000")


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit, nothing lost: ``message`` is raw, ``extra`` holds the headers after committer (``encoding``
    apart), such as ``gpgsig`` and ``mergetag``, continuation lines joined by newlines.
    """

    oid: str
    tree: str
    parents: tuple[str, ...]
    author: Identity
    committer: Identity
    encoding: str | None
    message: bytes
    extra: tuple[tuple[str, bytes], ...]

    @property
    def subject(self) -> str:
        """The first paragraph of the message, on one line, as git shows it."""
        text = self.message.decode(self.encoding or "utf-8", "replace") if _known(self.encoding) else ""
        return " ".join(text.strip().split("\n\n", 1)[0].split("\n"))


def _is_tree(entry: Entry) -> bool:
    return entry.mode == MODE_TREE


def _known(encoding: str | None) -> bool:
    try:
        b"".decode(encoding or "utf-8")
    except LookupError:
        return False
    return True


class ObjectStore:
    """Objects of one repository. ``git`` runs git in it, ``converse`` leaves it running."""

    def __init__(
        self,
        objects: Path,
        format_: ObjectFormat,
        git: Callable[..., Completed],
        converse: Callable[..., Conversation],
    ) -> None:
        self._git = git
        self._format = format_
        self._database = ObjectDatabase(objects, format_, lambda: converse("cat-file", "--batch"))
        # An entry of a raw tree: mode, name, the object's name in bytes.
        self._entry = re.compile(rb"([0-7]+) ([^\0]+)\0(.{%d})" % (format_.digits // 2), re.DOTALL)
        self._trees: dict[str, dict[bytes, Entry]] = {}
        self._folders: dict[tuple[str, str], Mapping[bytes, Entry]] = {}  # of trees, by paths
        self._remembered = 0
        self._commits: dict[str, CommitInfo] = {}

    def has(self, oid: str) -> bool:
        """Whether the object is in this repository now; nothing is fetched."""
        return self._database.has(oid)

    def is_commit(self, oid: str) -> bool:
        """Whether there is such an object, and it is a commit."""
        found = self._database.read(oid)
        return found is not None and found[0] == "commit"

    def commit_named(self, expression: str) -> str | None:
        """The commit that an expression of git's without white space means; None where that is none."""
        found = self._database.named(f"{expression}^{{commit}}")
        return found[0] if found is not None else None

    def read(self, oid: str, kind: str) -> bytes:
        """The object's content. ``MissingObject`` if it is not here and can't be fetched."""
        found = self._database.read(oid)
        if found is None:
            return self._fetch(oid, kind)
        if found[0] != kind:
            raise GitError(f"object {oid} is not a {kind}")
        return found[1]

    def prefetch(self, oids: Iterable[str]) -> None:
        """Read objects that will be asked for, many at a time."""
        self._database.prefetch(oids)

    def _fetch(self, oid: str, kind: str) -> bytes:
        completed = self._git("cat-file", kind, oid, ok=range(256))
        if completed.code != 0:
            said = completed.err.strip().splitlines()
            reason = f" ({said[-1].removeprefix('fatal: ')})" if said else ""
            raise MissingObject(
                f"the {kind} {oid} is missing from the repository{reason}",
                hint="`git fetch --refetch` fetches it again; `git fsck` looks what else is missing",
            )
        return completed.out

    def write(self, kind: str, data: bytes) -> str:
        """Write an object (nothing refers to it yet) and return its name."""
        try:
            return self._database.write(kind, data)
        except OSError as error:
            said = f"can't write to the object database: {error.strerror or error}"
            raise GitError(said, hint=write_hint(said)) from error

    def hash(self, data: bytes) -> str:
        """The name that ``data`` has as a blob; nothing is written."""
        return self._format.name_of("blob", data)

    def tree(self, oid: str) -> Mapping[bytes, Entry]:
        """The direct children of a tree, by raw name. Each tree is read once: a name has one content."""
        known = self._trees.get(oid)
        if known is None:
            data = self.read(oid, "tree")
            known = {
                name: Entry(int(mode, 8), child.hex()) for mode, name, child in self._entry.findall(data)
            }
            self._remember(oid, known)
        return known

    def _remember(self, oid: str, children: dict[bytes, Entry]) -> None:
        if self._remembered > _REMEMBERED:
            self._trees.clear()
            self._folders.clear()
            self._remembered = 0
        self._trees[oid] = children
        self._remembered += len(children) + 1

    def write_tree(self, children: Mapping[bytes, Entry]) -> str:
        """Write a tree with these direct children."""

        # git sorts a folder as if its name ended with a slash.
        def order(name: bytes) -> bytes:
            return name + b"/" if children[name].mode == MODE_TREE else name

        data = b"".join(
            b"%o %s\0" % (children[name].mode, name) + bytes.fromhex(children[name].oid)
            for name in sorted(children, key=order)
        )
        oid = self.write("tree", data)
        self._remember(oid, dict(children))
        return oid

    def entry(self, tree: str, path: str) -> Entry | None:
        """What stands at ``path`` in the tree (a folder's mode is ``MODE_TREE``), or None."""
        folder, _, name = path.rpartition("/")
        return self._folder(tree, folder).get(encode(name))

    def _folder(self, tree: str, path: str) -> Mapping[bytes, Entry]:
        """What stands in a folder of a tree ("" for its root); nothing where it has no such folder."""
        if not path:
            return self.tree(tree)
        known = self._folders.get((tree, path))
        if known is None:
            above, _, name = path.rpartition("/")
            found = self._folder(tree, above).get(encode(name))
            known = self.tree(found.oid) if found is not None and found.mode == MODE_TREE else _NOTHING
            self._folders[tree, path] = known
        return known

    def walk(self, tree: str, prefix: str = "") -> Iterator[tuple[str, Entry]]:
        """Every path below ``tree`` that is not a folder, in no particular order."""
        for name, entry in self.tree(tree).items():
            path = prefix + decode(name)
            if entry.mode == MODE_TREE:
                yield from self.walk(entry.oid, path + "/")
            else:
                yield path, entry

    def changes(self, old: str, new: str, prefix: str = "") -> Iterator[TreeChange]:
        """The paths in which two trees differ, folders opened, no renames looked for."""
        if old == new:
            return
        before, after = (self.tree(oid) if oid else _NOTHING for oid in (old, new))
        for name in sorted(before.keys() | after.keys()):
            a, b = before.get(name), after.get(name)
            if a == b:
                continue
            path = prefix + decode(name)
            old, new = (e.oid if e is not None and e.mode == MODE_TREE else "" for e in (a, b))
            yield from self.changes(old, new, path + "/")
            a, b = (e if e is not None and e.mode != MODE_TREE else None for e in (a, b))
            if a is not None or b is not None:
                kinds = {e.mode >> 12 for e in (a, b) if e is not None}
                letter = "A" if a is None else "D" if b is None else "M" if len(kinds) == 1 else "T"
                yield TreeChange(letter, path, path, a, b)

    def changed_by_both(self, base: str, one: str, other: str, prefix: str = "") -> Iterator[ChangedByBoth]:
        """The files of the tree ``base`` that two others both have otherwise, or no more; only folders of
        that kind are read."""
        mine, yours = (self.tree(oid) if oid else _NOTHING for oid in (one, other))
        for name, before in self.tree(base).items():
            here, there = mine.get(name), yours.get(name)
            if before in (here, there):
                continue
            path = prefix + decode(name)
            if before.mode == MODE_TREE:
                inner, outer = (e.oid if e is not None and e.mode == MODE_TREE else "" for e in (here, there))
                yield from self.changed_by_both(before.oid, inner, outer, path + "/")
                continue
            here, there = (e if e is not None and e.mode != MODE_TREE else None for e in (here, there))
            yield ChangedByBoth(path, before, here, there)

    def edit_tree(self, tree: str | None, edits: Mapping[str, Entry | None]) -> str:
        """The tree with each path of ``edits`` set, or removed for None (a path that is not there is fine).

        ``tree`` None is the empty tree. Folders come and go with their files. ``PathConflict`` where a path
        would be a file and a folder at once.
        """
        here: dict[bytes, Entry | None] = {}
        below: dict[bytes, dict[str, Entry | None]] = {}
        for path, entry in edits.items():
            top, slash, rest = path.partition("/")
            if top in ("", ".", "..", ".git") or (slash and not rest):
                raise PathConflict(f"not a path of a tree: {path!r}")
            if slash:
                below.setdefault(encode(top), {})[rest] = entry
            else:
                here[encode(top)] = entry
        children = dict(self.tree(tree)) if tree is not None else {}
        # Removals first: a file may make room for a folder of its name, and the other way round.
        for name, entry in here.items():
            if entry is None and (name not in below or (name in children and not _is_tree(children[name]))):
                children.pop(name, None)
        for name, inner in below.items():
            old = children.get(name)
            adds = any(entry is not None for entry in inner.values())
            if old is not None and not _is_tree(old):
                if not adds:
                    continue
                raise PathConflict(f"{decode(name)} is a file, so {next(iter(inner))} can't stand below it")
            if old is None and not adds:
                continue
            subtree = self.edit_tree(old.oid if old is not None else None, inner)
            if self.tree(subtree):
                children[name] = Entry(MODE_TREE, subtree)
            else:
                children.pop(name, None)
        for name, entry in here.items():
            if entry is None:
                continue
            if name in children and _is_tree(children[name]) and not _is_tree(entry):
                raise PathConflict(f"{decode(name)} is a folder that still holds files")
            children[name] = entry
        return self.write_tree(children)

    def commit_info(self, oid: str) -> CommitInfo:
        """A commit read from its raw bytes."""
        known = self._commits.get(oid)
        if known is None:
            if len(self._commits) >= _COMMITS:
                self._commits.clear()
            known = self._commits[oid] = parse_commit(oid, self.read(oid, "commit"))
        return known

    def write_commit(
        self,
        tree: str,
        parents: tuple[str, ...],
        message: bytes,
        *,
        author: Identity = VIRTUAL_IDENTITY,
        committer: Identity = VIRTUAL_IDENTITY,
        encoding: str | None = None,
        extra: tuple[tuple[str, bytes], ...] = (),
    ) -> str:
        """Write a commit that no reference names."""
        lines = [b"tree " + tree.encode()]
        lines += [b"parent " + parent.encode() for parent in parents]
        lines += [b"author " + author.raw, b"committer " + committer.raw]
        if encoding is not None:
            lines.append(b"encoding " + encoding.encode())
        lines += [name.encode() + b" " + value.replace(b"\n", b"\n ") for name, value in extra]
        return self.write("commit", b"\n".join(lines) + b"\n\n" + message)


def parse_commit(oid: str, raw: bytes) -> CommitInfo:
    """A raw commit object as a value."""
    head, _, message = raw.partition(b"\n\n")
    headers: list[tuple[str, bytes]] = []
    for line in head.split(b"\n"):
        if line.startswith(b" ") and headers:
            name, value = headers[-1]
            headers[-1] = (name, value + b"\n" + line[1:])
        else:
            key, _, value = line.partition(b" ")
            headers.append((decode(key), value))

    def first(name: str) -> bytes | None:
        return next((value for key, value in headers if key == name), None)

    encoding = first("encoding")
    known = ("tree", "parent", "author", "committer", "encoding")
    return CommitInfo(
        oid=oid,
        tree=decode(first("tree") or b""),
        parents=tuple(decode(value) for key, value in headers if key == "parent"),
        author=Identity(first("author") or b""),
        committer=Identity(first("committer") or b""),
        encoding=None if encoding is None else decode(encoding),
        message=message,
        extra=tuple((key, value) for key, value in headers if key not in known),
    )
