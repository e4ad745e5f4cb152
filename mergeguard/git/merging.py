"""git's own merges, of trees and of one file, without touching index, work tree or refs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mergeguard.git.durable import scratch_folder
from mergeguard.git.errors import GitError
from mergeguard.git.linemerge import merge_by_histogram
from mergeguard.git.objects import Entry
from mergeguard.git.process import decode, encode, split_nul
from mergeguard.values import dataclass

if TYPE_CHECKING:
    from mergeguard.git.repository import Repository


@dataclass(frozen=True, slots=True)
class UnmergedPath:
    """A path that git could not merge: its index stages (1 base, 2 ours, 3 theirs; any may be missing)."""

    path: str
    stages: dict[int, Entry]


@dataclass(frozen=True, slots=True)
class Message:
    """What git says about paths: ``kind`` is stable (``CONFLICT (contents)``), ``text`` is for people."""

    paths: tuple[str, ...]
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class MergeOutcome:
    """``tree`` holds conflict markers where ``conflicts`` names paths; ``clean`` is git's own verdict."""

    tree: str
    conflicts: tuple[UnmergedPath, ...]
    messages: tuple[Message, ...]
    clean: bool


def merge_trees(
    repository: Repository,
    ours: str,
    theirs: str,
    *,
    conflict_style: str | None = None,
    marker_size: int | None = None,
    labels: tuple[str, str] | None = None,
) -> MergeOutcome:
    """Merge two commits as ``git merge`` would, renames and drivers included (``git merge-tree``).

    The base is what history says; to set it, give virtual commits whose parent it is. ``merge.renames``,
    ``merge.renameLimit``, ``merge.directoryRenames`` and ``merge.conflictStyle`` of the user's configuration
    count; ``conflict_style`` overrides the last. ``marker_size`` sets the length of the markers where no
    ``conflict-marker-size`` attribute does. ``labels`` replaces the names of the two commits in markers,
    messages and in the paths that git invents (``file~label``).
    """
    first, second = repository.resolve(ours), repository.resolve(theirs)
    options: list[str] = []
    if conflict_style is not None:
        options += ["-c", f"merge.conflictStyle={conflict_style}"]
    with scratch_folder(repository.private_dir) as scratch:
        if marker_size is not None:
            attributes = scratch / "attributes"
            attributes.write_bytes(
                _user_attributes(repository) + b"\n* conflict-marker-size=%d\n" % marker_size
            )
            options += ["-c", f"core.attributesFile={attributes}"]
        completed = repository.git(
            *options, "merge-tree", "--write-tree", "-z", "--messages", first, second, ok=(0, 1)
        )
    outcome = _parse(completed.out, clean=completed.code == 0)
    if labels is None or first == second:
        return outcome
    return _relabel(repository, outcome, {first: labels[0], second: labels[1]})


def _user_attributes(repository: Repository) -> bytes:
    """The user's own attributes file, which setting ``core.attributesFile`` would hide."""
    named = repository.git("config", "--type=path", "--get", "core.attributesFile", ok=(0, 1)).text
    if named:
        path = Path(named)
    else:
        home = os.environ.get("XDG_CONFIG_HOME") or str(Path(os.environ.get("HOME", "/")) / ".config")
        path = Path(home) / "git" / "attributes"
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _parse(raw: bytes, *, clean: bool) -> MergeOutcome:
    fields = iter(split_nul(raw))
    tree = next(fields, "")
    stages: dict[str, dict[int, Entry]] = {}
    for field in fields:
        if not field:
            break
        facts, _, path = field.partition("\t")
        mode, oid, stage = facts.split(" ")
        stages.setdefault(path, {})[int(stage)] = Entry(int(mode, 8), oid)
    messages = []
    for count in fields:
        paths = tuple(next(fields) for _ in range(int(count)))
        messages.append(Message(paths, next(fields), next(fields).rstrip("\n")))
    conflicts = tuple(UnmergedPath(path, found) for path, found in stages.items())
    return MergeOutcome(tree, conflicts, tuple(messages), clean)


def _relabel(repository: Repository, outcome: MergeOutcome, names: dict[str, str]) -> MergeOutcome:
    def text(old: str) -> str:
        for oid, label in names.items():
            old = old.replace(oid, label)
        return old

    def path(old: str) -> str:
        # As git flattens a branch's name into a path.
        for oid, label in names.items():
            old = old.replace(f"~{oid}", "~" + label.replace("/", "_"))
        return old

    marker = re.compile(
        rb"^(<{7,}|>{7,}) (%s)(?=[:\r\n]|$)" % b"|".join(oid.encode() for oid in names), re.MULTILINE
    )
    touched = {conflict.path for conflict in outcome.conflicts}
    touched |= {
        name for message in outcome.messages if message.kind.startswith("CONFLICT") for name in message.paths
    }
    edits: dict[str, Entry | None] = {}
    for name in sorted(touched):
        entry = repository.entry(outcome.tree, name)
        if entry is None or entry.mode & 0o170000 != 0o100000:
            continue
        data = repository.read_blob(entry.oid)
        new = marker.sub(lambda match: match[1] + b" " + encode(names[decode(match[2])]), data)
        if new != data:
            entry = Entry(entry.mode, repository.write_blob(new))
        if path(name) != name:
            edits[name] = None
        if path(name) != name or new != data:
            edits[path(name)] = entry
    return MergeOutcome(
        repository.edit_tree(outcome.tree, edits) if edits else outcome.tree,
        tuple(UnmergedPath(path(conflict.path), conflict.stages) for conflict in outcome.conflicts),
        tuple(
            Message(tuple(path(name) for name in message.paths), message.kind, text(message.text))
            for message in outcome.messages
        ),
        outcome.clean,
    )


def merge_file(
    repository: Repository,
    base: bytes,
    ours: bytes,
    theirs: bytes,
    *,
    style: str = "merge",
    labels: tuple[str, str, str] = ("ours", "base", "theirs"),
    marker_size: int = 7,
    algorithm: str = "histogram",
) -> tuple[bytes, int]:
    """Merge one file by lines: the text, with markers where needed, and the number of conflicts.

    ``style`` is ``merge``, ``diff3`` or ``zdiff3``; ``labels`` name ours, base and theirs. ``algorithm``
    ``histogram`` gives what ``git merge`` gives, ``myers`` what ``git merge-file`` does. Binary input (a NUL
    byte near the start) is a ``GitError``. Temporary files stay inside the git folder.
    """
    if style not in ("merge", "diff3", "zdiff3"):
        raise ValueError(f"unknown conflict style {style!r}")
    if any(b"\0" in text[:8000] for text in (base, ours, theirs)):
        raise GitError("binary content can't be merged by lines")
    if ours == theirs or base == theirs:
        return ours, 0
    if base == ours:
        return theirs, 0
    if algorithm == "myers":
        return _merge_file_myers(repository, base, ours, theirs, style, labels, marker_size)
    if algorithm == "histogram":
        return _merge_file_histogram(repository, base, ours, theirs, style, labels, marker_size)
    raise ValueError(f"unknown algorithm {algorithm!r}")


def _merge_file_myers(
    repository: Repository,
    base: bytes,
    ours: bytes,
    theirs: bytes,
    style: str,
    labels: tuple[str, str, str],
    marker_size: int,
) -> tuple[bytes, int]:
    with scratch_folder(repository.private_dir) as scratch:
        names = []
        for name, text in (("ours", ours), ("base", base), ("theirs", theirs)):
            (scratch / name).write_bytes(text)
            names.append(str(scratch / name))
        arguments = ["-c", "merge.conflictStyle=merge", "merge-file", "-p", f"--marker-size={marker_size}"]
        if style != "merge":
            arguments.append(f"--{style}")
        for label in labels:
            arguments += ["-L", label]
        # The exit status is the number of conflicts, 127 and more of them being 127.
        completed = repository.git(*arguments, *names, ok=range(128))
    return completed.out, completed.code


def _merge_file_histogram(
    repository: Repository,
    base: bytes,
    ours: bytes,
    theirs: bytes,
    style: str,
    labels: tuple[str, str, str],
    marker_size: int,
) -> tuple[bytes, int]:
    with scratch_folder(repository.private_dir) as scratch:
        text, clean = merge_by_histogram(base, ours, theirs, scratch, style, marker_size, labels)
    started = re.compile(rb"^<{%d} %s" % (marker_size, re.escape(encode(labels[0]))), re.MULTILINE)
    return text, 0 if clean else len(started.findall(text))
