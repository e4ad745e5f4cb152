"""``mergeguard merge-file`` and ``mergeguard merge-driver``: drop-ins for ``git merge-file``.

    mergeguard merge-file [options] OURS BASE THEIRS
    mergeguard merge-driver BASE OURS THEIRS [MARKER_SIZE [PATH]]      (git's %O %A %B %L %P)

The contract is git's: the result goes to OURS or, with ``-p``, to standard output; the exit status is the
number of conflicts, at most 127, and 255 on an error, in which case nothing was written. C++, CUDA and HIP
are merged by declarations, build files' source lists as sets, anything else as git does. Starts in tens of
milliseconds: git tries first, and everything else is imported only for what git can't merge.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from mergeguard.cpp.filenames import SOURCES
from mergeguard.errors import MergeguardError
from mergeguard.git.durable import temporary_folder, write_output
from mergeguard.git.linemerge import LineMerge, configured_style, least_conflict, merge_lines_with_git
from mergeguard.hooks.telling import tell
from mergeguard.merge import Conflict, MergeResult, Resolved, merge

ERROR = 255
# A file without an ending may be a temporary copy of anything; C++ is what this tool is asked about.
_STRUCTURED = frozenset(("", *SOURCES, ".ipp"))
_USAGE = (
    "usage: mergeguard merge-file [-p] [-q] [--diff3 | --zdiff3] [--ours | --theirs | --union]\n"
    "           [--certificate=<file>] [--marker-size=<n>] [--diff-algorithm=<name>]\n"
    "           [-L <ours> [-L <base> [-L <theirs>]]]\n"
    "           <ours> <base> <theirs>\n"
    "As git merge-file: the merge goes into <ours>, the exit status is the number of conflicts. Where\n"
    "lines conflict, C++, CUDA and HIP are merged by declarations, source lists of build files as sets.\n"
)


class _Options:
    def __init__(self) -> None:
        self.to_stdout = False
        self.quiet = False
        self.style: str | None = None
        self.favor = ""
        self.marker_size = 7
        self.labels: list[str] = []
        self.git: list[str] = []
        self.files: list[str] = []
        self.path = ""
        self.certificate = ""


class _Usage(Exception):
    pass


def main(arguments: Sequence[str]) -> int:
    """Runs ``merge-file ...`` or ``merge-driver ...`` (the verb is ``arguments[0]``); the exit status."""
    verb, rest = arguments[0], list(arguments[1:])
    try:
        options = _driver_options(rest) if verb == "merge-driver" else _parse(rest)
    except _Usage as usage:
        if not str(usage):
            sys.stdout.write(_USAGE)
            return 129
        sys.stderr.write(f"error: {usage}\n{_USAGE}")
        return 129
    try:
        return _merge(options)
    except MergeguardError as error:
        said = str(error).replace(options.files[0], options.path) if options.path else str(error)
        tell(said + (f"\nhint: {error.hint}" if error.hint else ""))
    except OSError as error:
        tell(f"error: {error.filename or ''}: {error.strerror}")
    return ERROR


def _driver_options(arguments: list[str]) -> _Options:
    if len(arguments) < 3:
        raise _Usage("merge-driver needs BASE OURS THEIRS")
    options = _Options()
    base, ours, theirs = arguments[:3]
    options.files = [ours, base, theirs]
    options.labels = ["ours", "base", "theirs"]
    if len(arguments) > 3 and arguments[3].isdigit():
        options.marker_size = int(arguments[3]) or 7
    options.path = arguments[4] if len(arguments) > 4 else ""
    return options


def _parse(arguments: list[str]) -> _Options:
    options = _Options()
    queue = list(arguments)

    def value(name: str, argument: str) -> str:
        if argument.startswith(name + "="):
            return argument[len(name) + 1 :]
        if not queue:
            raise _Usage(f"option `{name.lstrip('-')}' requires a value")
        return queue.pop(0)

    while queue:
        argument = queue.pop(0)
        if argument == "--":
            options.files += queue
            break
        if argument in ("-h", "--help"):
            raise _Usage("")
        if re.fullmatch("-[pq]{2,}", argument):
            queue[:0] = [f"-{letter}" for letter in argument[1:]]
        elif argument in ("-p", "--stdout"):
            options.to_stdout = True
        elif argument in ("-q", "--quiet"):
            options.quiet = True
        elif argument in ("--diff3", "--zdiff3"):
            options.style = argument[2:]
        elif argument in ("--no-diff3", "--no-zdiff3"):
            options.style = None
        elif argument in ("--no-stdout", "--no-quiet"):
            options.to_stdout &= argument != "--no-stdout"
            options.quiet &= argument != "--no-quiet"
        elif argument in ("--ours", "--theirs", "--union"):
            options.favor = argument[2:]
        elif argument == "-L" or (argument.startswith("-L") and len(argument) > 2):
            options.labels.append(value("-L", "-L" if argument == "-L" else "-L=" + argument[2:]))
        elif argument.startswith("--marker-size"):
            size = value("--marker-size", argument)
            if not size.isdigit():
                raise _Usage("option `marker-size' expects a number")
            options.marker_size = int(size) or 7
        elif argument.startswith("--certificate"):
            options.certificate = value("--certificate", argument)
        elif argument.startswith("--diff-algorithm"):
            options.git.append("--diff-algorithm=" + value("--diff-algorithm", argument))
        elif argument.startswith("-") and len(argument) > 1:
            raise _Usage(f"unknown option `{argument.lstrip('-')}'")
        else:
            options.files.append(argument)
    if len(options.files) != 3:
        raise _Usage("three files are needed: <ours> <base> <theirs>")
    if len(options.labels) > 3:
        raise _Usage("too many labels on the command line")
    return options


def _merge(options: _Options) -> int:
    ours_path, base_path, theirs_path = options.files
    lines = merge_lines_with_git(ours_path, base_path, theirs_path, options.git)
    ours, base, theirs = (_read(path) for path in options.files)
    result = _result(options, lines, base, ours, theirs)
    if not options.quiet:
        for note in result.notes:
            if note.finding:
                name = options.path or ours_path
                place = f"{name}:{note.line}" if note.line else name
                tell(f"warning: {place}: {note.message}")
        _tell_reasons(result, options)
    if options.certificate:
        _certify(options, base, ours, theirs, result)
    conflicts, text = _render(result, options)
    if options.to_stdout:
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
    else:
        write_output(Path(ours_path), text)
    return min(conflicts, 127)


def _result(options: _Options, lines: LineMerge, base: bytes, ours: bytes, theirs: bytes) -> MergeResult:
    """By declarations where the name says C++ or nothing; source lists of build files; else git's own."""
    if _endings(options) & _STRUCTURED:
        if not options.git:
            with temporary_folder() as folder:
                lines = least_conflict(lines, base, ours, theirs, folder)
        return merge(base, ours, theirs, git_clean=lines.clean, git_pieces=lines.pieces)
    if lines.pieces is None:
        return MergeResult((Resolved(lines.clean or b""),))
    from mergeguard.merge.lists import has_lists, merge_build_file

    names = [options.path] if options.path else options.files
    path = next((name for name in names if has_lists(name.replace(os.sep, "/"))), "")
    return MergeResult(merge_build_file(path.replace(os.sep, "/"), base, ours, theirs, lines.pieces))


def _endings(options: _Options) -> set[str]:
    names = [options.path] if options.path else options.files
    return {os.path.splitext(name)[1].lower() for name in names}


def _certify(options: _Options, base: bytes, ours: bytes, theirs: bytes, result: MergeResult) -> None:
    """Writes where each token of a clean result is from (see ``mergeguard.certify``), as JSON.

    Of a conflict, or of a line merge that nothing shows to be the sum of both edits: why there is none.
    """
    from mergeguard.certify import Rejected
    from mergeguard.merge.accounts import account, written
    from mergeguard.merge.provenance import certificate_of
    from mergeguard.merge.steps import Unaccounted

    said: dict[str, object] = {"refused": "a conflict is no result"}
    told: list[str] = []
    if result.clean:
        merged = result.render()
        try:
            said = certificate_of(base, ours, theirs, merged)
            told = account(base, ours, theirs, merged, said)
        except (Rejected, Unaccounted) as refused:
            said = {"refused": str(refused)}
    write_output(Path(options.certificate), written(said, told))


def _render(result: MergeResult, options: _Options) -> tuple[int, bytes]:
    if result.clean or options.favor in ("ours", "theirs"):
        return 0, result.render("theirs" if options.favor == "theirs" else "ours")
    from mergeguard.merge.markers import refine, render_markers

    if options.favor == "union":
        pieces = refine(result.pieces, "merge")
        return 0, b"".join(p.ours + p.theirs if isinstance(p, Conflict) else p.text for p in pieces)
    style = options.style or configured_style()
    # git names the sides by their paths, as given, where no -L does.
    names = [options.files[0], options.files[1], options.files[2]]
    ours, base, theirs = [*options.labels, *names[len(options.labels) :]]
    shown = refine(result.pieces, style)
    conflicts = sum(isinstance(piece, Conflict) for piece in shown)
    return conflicts, render_markers(result.pieces, (ours, base, theirs), style, options.marker_size)


def _tell_reasons(result: MergeResult, options: _Options) -> None:
    """Why each conflict of a source file is one."""
    if result.clean or options.favor or not _endings(options) & _STRUCTURED:
        return
    from mergeguard.merge.reasons import told

    style = options.style or configured_style()
    for line in told(options.path or options.files[0], result.pieces, style):
        tell(f"conflict: {line}")


def _read(path: str) -> bytes:
    with open(os.fspath(path), "rb") as file:
        return file.read()
