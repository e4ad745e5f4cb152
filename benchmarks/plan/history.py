"""A history of small upstream commits, made of vLLM's releases: each hunk between two releases is a commit.

Deterministic: the same versions and number give the same commit ids. The files of a release follow each other
in an order that is shuffled by the release's number, as the work of many people would.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from mergeguard.cpp.diff import diff
from tests.support import corpus
from tests.support.hermetic import git_environment

Files = Mapping[str, bytes]


def files_of(version: str) -> dict[str, bytes]:
    """``csrc/`` and CMakeLists.txt of a release."""
    root = corpus.path(version)
    return {f.relative_to(root).as_posix(): f.read_bytes() for f in sorted(root.rglob("*")) if f.is_file()}


def steps(old: Files, new: Files, version: str) -> Iterator[tuple[str, dict[str, bytes | None]]]:
    """The way from one release to the next: (subject, files written or, with None, removed)."""
    came, gone = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    moved = {}
    for path in gone:  # what git would call a rename is one commit
        twins = [p for p in came if p.rsplit("/", 1)[-1] == path.rsplit("/", 1)[-1]]
        if len(twins) == 1 and twins[0] not in moved.values():
            moved[path] = twins[0]
    units: list[tuple[str, str | None]] = [
        (p, p) for p in sorted(old.keys() & new.keys()) if old[p] != new[p]
    ]
    units += [(p, moved.get(p)) for p in gone] + [("", p) for p in came if p not in moved.values()]
    random.Random(version).shuffle(units)
    for path, target in units:
        if not path:
            assert target is not None
            yield f"{version}: add {target}", {target: new[target]}
        elif target is None:
            yield f"{version}: remove {path}", {path: None}
        elif target != path:
            yield f"{version}: move {path} to {target}", {path: None, target: new[target]}
        else:
            for number, text in enumerate(_by_hunk(old[path], new[path]), 1):
                yield f"{version}: {path}, change {number}", {path: text}


def _by_hunk(old: bytes, new: bytes) -> Iterator[bytes]:
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    for change in diff(before, after):
        yield b"".join((*after[: change.b1], *before[change.a1 :]))


def make(versions: tuple[str, ...], count: int, dest: Path) -> int:
    """A repository whose branch main ends with ``count`` such commits (or as many as there are) after a first
    one that holds everything before. Returns their number.
    """
    before, last = files_of(versions[0]), dict(files_of(versions[0]))
    way: list[tuple[str, dict[str, bytes | None]]] = []
    for version in versions[1:]:
        new = files_of(version)
        way += steps(last, new, version)
        last = new
    start = dict(before)
    for _, edits in way[: max(0, len(way) - count)]:
        _apply(start, edits)
    way = way[max(0, len(way) - count) :]
    subprocess.run(["git", "init", "-q", "-b", "main", str(dest)], check=True, env=git_environment())
    importer = subprocess.Popen(
        ["git", "-C", str(dest), "fast-import", "--quiet"], env=git_environment(), stdin=subprocess.PIPE
    )
    assert importer.stdin is not None
    with importer.stdin as stream:
        for number, (subject, edits) in enumerate([("the release before", dict(start)), *way]):
            stream.write(_commit(number, subject, edits))
        stream.write(b"done\n")
    if importer.wait():
        raise RuntimeError("git fast-import failed")
    return len(way)


def _apply(files: dict[str, bytes], edits: Mapping[str, bytes | None]) -> None:
    for path, text in edits.items():
        if text is None:
            del files[path]
        else:
            files[path] = text


def _commit(number: int, subject: str, edits: Mapping[str, bytes | None]) -> bytes:
    who = b"vLLM <vllm@example.org> %d +0000" % (1_700_000_000 + number * 600)
    message = subject.encode() + b"\n"
    parts = [
        b"commit refs/heads/main\nauthor %b\ncommitter %b\ndata %d\n%b" % (who, who, len(message), message)
    ]
    for path, text in edits.items():
        name = path.encode()
        parts.append(
            b"D %b\n" % name
            if text is None
            else b"M 100644 inline %b\ndata %d\n%b\n" % (name, len(text), text)
        )
    return b"".join(parts) + b"\n"
