"""What is compared on a merge: git's two line merges, and the structured merge as ``merge-file`` gives it."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mergeguard.git.linemerge import least_conflict_of, merge_bytes_with_git
from mergeguard.git.process import child_environment
from mergeguard.merge import Conflict, MergeResult, Piece, Resolved, merge
from mergeguard.merge.markers import parse_markers, refine, render_markers

MERGE_FILE, ORT, OWN = "git merge-file", "git merge (ort)", "mergeguard"
TOOLS = (MERGE_FILE, ORT, OWN)
_SIZE = 47  # of markers: longer than what stands in the texts


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one tool made of three texts.

    ``text`` has markers if there are ``hunks`` of conflict, ``lines`` between them; ``findings`` are codes;
    ``seconds`` of the processor, children included.
    """

    text: bytes
    hunks: int = 0
    lines: int = 0
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        return self.hunks == 0


def outcomes(base: bytes, ours: bytes, theirs: bytes) -> dict[str, Outcome]:
    """Each tool's outcome on the same three texts."""
    with tempfile.TemporaryDirectory(prefix="mergeguard-history-") as name:
        folder = Path(name)
        return {
            MERGE_FILE: _timed(lambda: _merge_file(base, ours, theirs, folder)),
            ORT: _timed(lambda: _ort(base, ours, theirs, folder / "ort")),
            OWN: _timed(lambda: _own(base, ours, theirs, folder)),
        }


def _timed(tool: Callable[[], Outcome]) -> Outcome:
    before = _processor_seconds()
    found = tool()
    spent = _processor_seconds() - before
    return Outcome(found.text, found.hunks, found.lines, found.findings, found.notes, spent)


def _processor_seconds() -> float:
    spent = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        spent += usage.ru_utime + usage.ru_stime
    return spent


def _outcome(pieces: tuple[Piece, ...], result: MergeResult | None = None) -> Outcome:
    shown = refine(pieces, "merge")
    conflicts = [piece for piece in shown if isinstance(piece, Conflict)]
    size = sum(len(c.ours.splitlines()) + len(c.theirs.splitlines()) for c in conflicts)
    notes = result.notes if result is not None else ()
    return Outcome(
        render_markers(pieces),
        len(conflicts),
        size,
        tuple(note.code for note in notes if note.finding),
        tuple(f"{note.code}: {note.message}" for note in notes),
    )


def _merge_file(base: bytes, ours: bytes, theirs: bytes, folder: Path) -> Outcome:
    lines = merge_bytes_with_git(base, ours, theirs, folder)
    return _outcome(lines.pieces or (Resolved(lines.clean or b""),))


def _own(base: bytes, ours: bytes, theirs: bytes, folder: Path) -> Outcome:
    lines = least_conflict_of(base, ours, theirs, folder)
    result = merge(base, ours, theirs, git_clean=lines.clean, git_pieces=lines.pieces)
    return _outcome(result.pieces, result)


def _ort(base: bytes, ours: bytes, theirs: bytes, folder: Path) -> Outcome:
    """``git merge``'s own strategy (its diff is histogram's) on trees of this one file."""

    def git(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        environment = {**child_environment(), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        return subprocess.run(
            ["git", *arguments], cwd=folder, env=environment, input=given, capture_output=True, check=False
        )

    def commit(name: str, text: bytes, parent: str) -> bytes:
        head = f"commit refs/heads/{name}\ncommitter b <b@example.invalid> 0 +0000\ndata 0\n{parent}"
        return head.encode("ascii") + b"M 100644 inline file\ndata %d\n%b\n" % (len(text), text)

    folder.mkdir()
    git("init", "-q", "--bare")
    made = commit("base", base, "") + b"".join(
        commit(name, text, "from refs/heads/base\n") for name, text in (("ours", ours), ("theirs", theirs))
    )
    git("fast-import", "--quiet", given=made)
    attributes = folder / "attributes"
    attributes.write_text(f"* conflict-marker-size={_SIZE}\n", encoding="ascii")
    options = ("-c", f"core.attributesFile={attributes}", "-c", "merge.conflictStyle=diff3")
    done = git(*options, "merge-tree", "--write-tree", "-z", "ours", "theirs")
    tree = done.stdout.split(b"\0", 1)[0].decode("ascii")
    text = git("cat-file", "blob", f"{tree}:file").stdout
    return _outcome(parse_markers(text, _SIZE) if done.returncode else (Resolved(text),))
