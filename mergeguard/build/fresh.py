"""Whether a build folder is up to date: the note that ``generate`` leaves there, read without anything heavy.

A build asks this at every start, so nothing but the standard library is imported.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mergeguard import __version__

#: The note's name in the build folder; a folder without it, and not empty, is not ours to write in.
NOTE = "mergeguard-generated.json"
RULES_FOLDER = ".mergeguard/rules"
_SCHEMA = 1
_CALL = ".mergeguard-call"


def rule_files(root: Path) -> tuple[str, ...]:
    """The rule files below ``root``, relative to it, sorted."""
    folder = root / RULES_FOLDER
    found = (entry.name for entry in os.scandir(folder)) if folder.is_dir() else ()
    return tuple(sorted(f"{RULES_FOLDER}/{name}" for name in found if name.endswith(".toml")))


def read_note(out: Path) -> dict[str, Any] | None:
    """The note of the build folder; None where there is none, or a damaged one."""
    try:
        note = json.loads((out / NOTE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    wanted = {"schema": int, "options": dict, "inputs": dict, "probed": dict, "outputs": dict, "units": dict}
    if not isinstance(note, dict) or not all(isinstance(note.get(k), t) for k, t in wanted.items()):
        return None
    return note if note["schema"] == _SCHEMA and note.get("checksum") == _checksum(note) else None


def note_bytes(
    options: Mapping[str, Any],
    inputs: Mapping[str, Any],
    probed: Mapping[str, bool],
    outputs: Mapping[str, Any],
    units: Mapping[str, Iterable[str]],
    warnings: Iterable[str],
) -> bytes:
    """The note's bytes. ``inputs`` and ``outputs`` are stamps (see ``stamp``) by path."""
    note = {
        "schema": _SCHEMA,
        "version": __version__,
        "options": dict(options),
        "inputs": dict(inputs),
        "probed": dict(probed),
        "outputs": dict(outputs),
        "units": {path: list(names) for path, names in units.items()},
        "warnings": list(warnings),
    }
    return json.dumps(note | {"checksum": _checksum(note)}, indent=1, sort_keys=True).encode() + b"\n"


def stamp(path: Path) -> list[Any] | None:
    """Size, time of change and digest of a file's bytes; None where it is no file."""
    try:
        status = os.stat(path)
        return [status.st_size, status.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest()]
    except OSError:
        return None


def is_fresh(root: Path, out: Path, options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The note, if generating again from ``root`` with these options would change nothing in ``out``."""
    note = read_note(out)
    if note is None or note.get("version") != __version__ or note["options"] != dict(options):
        return None
    rules = {path for path in note["inputs"] if path.startswith(f"{RULES_FOLDER}/")}
    if rules != set(rule_files(root)):
        return None
    same = all(_same(root / path, known) for path, known in note["inputs"].items())
    same = same and all(_same(out / path, known) for path, known in note["outputs"].items())
    return (
        note if same and all((root / p).is_file() == there for p, there in note["probed"].items()) else None
    )


def remember(out: Path, arguments: list[str], root: Path, printed: str, beside: Iterable[Path]) -> None:
    """Keep what a command line printed, for ``repeat``; ``beside`` are files that it wrote elsewhere."""
    call = {
        "arguments": arguments,
        "folder": os.getcwd(),
        "root": str(root),
        "printed": printed,
        "beside": [str(path) for path in beside],
    }
    (out / _CALL).write_text(json.dumps(call), encoding="utf-8", errors="surrogateescape")


def repeat(arguments: list[str]) -> str | None:
    """What this command line of ``generate`` prints, if it was the last one here and would change nothing."""
    out = next((Path(b) for a, b in zip(arguments, arguments[1:], strict=False) if a == "--out"), None)
    if out is None:
        return None
    try:
        call = json.loads((out / _CALL).read_text(encoding="utf-8", errors="surrogateescape"))
        note = read_note(out)
        if (
            note is None
            or note["warnings"]
            or [call["arguments"], call["folder"]] != [arguments, os.getcwd()]
        ):
            return None
        fresh = is_fresh(Path(call["root"]), out, note["options"]) is not None
        return call["printed"] if fresh and all(map(os.path.exists, call["beside"])) else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _same(path: Path, known: Any) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return known is None
    if known is None or status.st_size != known[0]:
        return False
    # A checkout may touch a file without changing it: then its bytes decide.
    return bool(status.st_mtime_ns == known[1] or (stamp(path) or [0, 0, ""])[2] == known[2])


def _checksum(note: Mapping[str, Any]) -> str:
    text = json.dumps({k: v for k, v in note.items() if k != "checksum"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
