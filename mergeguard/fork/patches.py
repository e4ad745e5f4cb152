"""Changes of files as unified patches, which ``git apply``, ``patch`` and people read; and back again.

Written and read with unidiff. Lines are what git calls lines (ended by ``\\n`` only), texts are bytes:
they pass through ``str`` with ``surrogateescape``, so any byte comes back as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from unidiff import Hunk as UnidiffHunk
from unidiff import PatchedFile, PatchSet, UnidiffParseError
from unidiff.patch import Line

from mergeguard.cpp.diff import Change, diff
from mergeguard.errors import LayoutError, Location
from mergeguard.gitquote import unquoted
from mergeguard.values import dataclass

_NULL = "/dev/null"
_HEADER = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PatchHunk:
    """Lines ``old`` at the 0-based line ``start`` become ``new``; both with what surrounds the change."""

    start: int
    old: tuple[bytes, ...]
    new: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class FilePatch:
    """The changes of one file. ``old_path`` is None for a new file, ``new_path`` for a removed one."""

    old_path: str | None
    new_path: str | None
    hunks: tuple[PatchHunk, ...]

    @property
    def path(self) -> str:
        """The file that is changed, added or removed."""
        return self.new_path or self.old_path or ""


def unified(path: str, old: bytes | None, new: bytes | None, *, context: int = 3) -> bytes:
    """The patch that turns ``old`` into ``new`` (None: the file is not there); empty if they are equal."""
    before, after = git_lines(old or b""), git_lines(new or b"")
    hunks = [_hunk(before, after, group, context) for group in _groups(diff(before, after), context)]
    if not hunks:
        return b""
    file = PatchedFile(
        None, _NULL if old is None else _name("a/", path), _NULL if new is None else _name("b/", path)
    )
    file.extend(hunks)
    return _encode(str(file))


def git_lines(text: bytes) -> list[bytes]:
    """The lines of a text with their ends, as git and ``patch`` count them."""
    lines = text.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def read(patch: bytes, *, recount: bool = False) -> tuple[FilePatch, ...]:
    """The files of a patch. With ``recount``, line counts in ``@@`` headers may be wrong (edits by hand).

    Raises LayoutError for what is not a unified patch.
    """
    lines = [_decode(line) for line in git_lines(patch)]
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    try:
        parsed = PatchSet(_recounted(lines) if recount else lines)
    except UnidiffParseError as error:
        raise LayoutError(f"this is not a patch that can be read: {str(error).strip()}") from None
    return tuple(_file(file) for file in parsed)


def apply(patches: Iterable[FilePatch], files: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """The files that the patches change, changed; None for a removed one.

    A hunk's lines must be there exactly; they may have moved, then the nearest place counts. Raises
    LayoutError naming the file and line where a hunk does not fit.
    """
    done: dict[str, bytes | None] = {}
    for patch in patches:
        if patch.old_path is not None and patch.new_path is not None and patch.old_path != patch.new_path:
            raise LayoutError("the patch renames a file", where=Location(patch.new_path))
        text = done[patch.path] if patch.path in done else files.get(patch.path)
        if (text is None) != (patch.old_path is None):
            state = "is already there" if patch.old_path is None else "is not there"
            raise LayoutError(f"the patch does not fit: the file {state}", where=Location(patch.path))
        changed = _applied(patch, git_lines(text or b""))
        if patch.new_path is None and changed:
            raise LayoutError("the patch removes a file with other text in it", where=Location(patch.path))
        done[patch.path] = None if patch.new_path is None else b"".join(changed)
    return done


def _applied(patch: FilePatch, lines: list[bytes]) -> list[bytes]:
    shift = floor = 0
    for hunk in patch.hunks:
        at = _find(lines, hunk, hunk.start + shift, floor)
        if at is None:
            raise LayoutError(
                "the patch does not fit: the lines it changes are not there",
                where=Location(patch.path, hunk.start + 1),
            )
        lines[at : at + len(hunk.old)] = hunk.new
        shift = at - hunk.start + len(hunk.new) - len(hunk.old)
        floor = at + len(hunk.new)
    return lines


def _find(lines: Sequence[bytes], hunk: PatchHunk, wanted: int, floor: int) -> int | None:
    size = len(hunk.old)
    if not size:
        return min(max(wanted, floor), len(lines))
    places = range(floor, len(lines) - size + 1)
    return next(
        (at for at in sorted(places, key=lambda at: abs(at - wanted)) if lines[at] == hunk.old[0]
         and tuple(lines[at : at + size]) == hunk.old),
        None,
    )  # fmt: skip


# -- writing -------------------------------------------------------------------------------------------


def _groups(changes: Sequence[Change], context: int) -> list[list[Change]]:
    """Changes whose surroundings touch, together."""
    groups: list[list[Change]] = []
    for change in changes:
        if groups and change.a0 - groups[-1][-1].a1 <= 2 * context:
            groups[-1].append(change)
        else:
            groups.append([change])
    return groups


def _hunk(old: Sequence[bytes], new: Sequence[bytes], changes: Sequence[Change], context: int) -> UnidiffHunk:
    a0, a1 = max(0, changes[0].a0 - context), min(len(old), changes[-1].a1 + context)
    b0 = changes[0].b0 - (changes[0].a0 - a0)
    b1 = changes[-1].b1 + (a1 - changes[-1].a1)
    # A range of no lines is named by the line before it.
    hunk = UnidiffHunk(a0 + (a1 > a0), a1 - a0, b0 + (b1 > b0), b1 - b0)
    at = a0
    for change in changes:
        _append(hunk, " ", old[at : change.a0])
        _append(hunk, "-", old[change.a0 : change.a1])
        _append(hunk, "+", new[change.b0 : change.b1])
        at = change.a1
    _append(hunk, " ", old[at:a1])
    return hunk


def _append(hunk: UnidiffHunk, kind: str, lines: Iterable[bytes]) -> None:
    for line in lines:
        text = _decode(line)
        if text.endswith("\n"):
            hunk.append(Line(text, kind))
        else:
            hunk.append(Line(text + "\n", kind))
            hunk.append(Line(" No newline at end of file\n", "\\"))


def _name(prefix: str, path: str) -> str:
    """A path as git writes it after ``---``: quoted as in C where it must be, a tab behind spaces."""
    if re.search(r'["\\\x00-\x1f\x7f]', path):
        quoted = re.sub(r'["\\]', r"\\\g<0>", path)
        quoted = re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\{ord(m[0]):03o}", quoted)
        return f'"{prefix}{quoted}"'
    return f"{prefix}{path}\t" if " " in path else prefix + path


# -- reading -------------------------------------------------------------------------------------------


def _file(file: PatchedFile) -> FilePatch:
    hunks = tuple(_patch_hunk(hunk) for hunk in file)
    return FilePatch(_path(file.source_file), _path(file.target_file), hunks)


def _patch_hunk(hunk: UnidiffHunk) -> PatchHunk:
    old: list[bytes] = []
    new: list[bytes] = []
    last = ""
    for line in hunk:
        if line.line_type == "\\":
            if last in (" ", "-"):
                old[-1] = old[-1].removesuffix(b"\n")
            if last in (" ", "+"):
                new[-1] = new[-1].removesuffix(b"\n")
            continue
        if line.line_type == "":
            continue  # an empty line behind the hunk
        if line.line_type in (" ", "-"):
            old.append(_encode(line.value))
        if line.line_type in (" ", "+"):
            new.append(_encode(line.value))
        last = line.line_type
    return PatchHunk(hunk.source_start - (hunk.source_length > 0), tuple(old), tuple(new))


def _path(name: str) -> str | None:
    name = name.rstrip("\t")
    if name == _NULL:
        return None
    with suppress(ValueError):
        name = _decode(unquoted(_encode(name)))
    return re.sub(r"^[abciow12]/", "", name)


def _recounted(lines: Sequence[str]) -> list[str]:
    """The lines of a patch with the counts in its ``@@`` headers as they should be."""
    out: list[str] = []
    header = -1
    counts = [0, 0]
    shift = 0
    for index, line in enumerate(lines):
        match = _HEADER.match(line)
        if match or _starts_file(lines, index):
            header, shift = _close(out, header, counts, shift)
            counts = [0, 0]
            if match:
                header = len(out)
            else:
                shift = 0
            out.append(line)
        elif header < 0 or line.startswith("\\"):
            out.append(line)
        else:
            # Editors strip the blank of an empty context line.
            body = " " + line if line in ("\n", "\r\n") else line
            counts[0] += body[0] in " -"
            counts[1] += body[0] in " +"
            out.append(body)
    _close(out, header, counts, shift)
    return out


def _close(out: list[str], header: int, counts: Sequence[int], shift: int) -> tuple[int, int]:
    if header >= 0:
        match = _HEADER.match(out[header])
        assert match is not None
        start = int(match[1])
        begin = start + shift + (counts[0] == 0) - (counts[1] == 0)
        out[header] = f"@@ -{start},{counts[0]} +{max(0, begin)},{counts[1]} @@{match[3]}"
        shift += counts[1] - counts[0]
    return -1, shift


def _starts_file(lines: Sequence[str], index: int) -> bool:
    if lines[index].startswith("diff --git "):
        return True
    following = "".join(lines[index + 1 : index + 3]).split("\n")
    return (
        lines[index].startswith("--- ")
        and following[0].startswith("+++ ")
        and (len(following) < 2 or not following[1] or following[1].startswith("@@ -"))
    )


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
