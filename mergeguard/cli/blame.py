"""`blame`: git's own arguments in, git's own formats, words and exit statuses out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from mergeguard.cli.console import opened
from mergeguard.cli.declare import Argument
from mergeguard.cli.paths import from_root, typed
from mergeguard.errors import MergeguardError
from mergeguard.values import replace
from mergeguard.verbs.lines import blame as blaming
from mergeguard.verbs.lines import blameargs
from mergeguard.verbs.lines.annotate import Annotated as Line
from mergeguard.verbs.lines.annotate import incremental, porcelain
from mergeguard.verbs.lines.blameargs import Asked, Form

if TYPE_CHECKING:
    from mergeguard.fork.fork import Fork

# What git says of errors, and ends with.
_FATAL = 128


def blame(
    arguments: Annotated[
        list[str] | None, Argument(metavar="[OPTIONS] [REV] [--] FILE", help="As for `git blame`.")
    ] = None,
) -> int:
    """Who wrote each line of a layout file: upstream's authors for lines that moved here.

    Takes what `git blame` takes, and prints what it prints: --porcelain, --line-porcelain, --incremental,
    --contents, -L, -w, -M, -C, --ignore-rev, --ignore-revs-file, -s, -e, -n, -f, -t, -l, -b, --root, --date,
    --abbrev. Any other file is blamed by git itself.
    """
    given = arguments or []
    folder = typed(".")
    here = opened()
    asked = blameargs.parse(given, lambda name: _is_revision(here, name))
    path = None if asked is None else from_root(here, asked.path)
    if asked is None or path is None:
        return blaming.by_git(given, folder)
    try:
        request = _request(here, asked, path)
        found = blaming.locate(here, request)
        if found is None:
            return blaming.by_git(given, folder, request.contents)
        if asked.refused is not None:
            return _fatal(f"{asked.refused} has no meaning for {path}, which is a file of a layout")
        lines = blaming.origins(here, request, found)
    except blaming.BlameFailed as failed:
        sys.stderr.write(str(failed))
        return failed.code
    except OSError as error:
        return _fatal(f"Cannot stat '{asked.contents}': {error.strerror}")
    sys.stdout.buffer.write(_text(here, asked, lines, path))
    sys.stdout.buffer.flush()
    return 0


def _fatal(message: str) -> int:
    sys.stderr.write(f"fatal: {message}\n")
    return _FATAL


def _request(here: Fork, asked: Asked, path: str) -> blaming.Request:
    contents = None
    if asked.contents == "-":
        contents = sys.stdin.buffer.read()
    elif asked.contents is not None:
        # git looks for it where it runs: at the root.
        contents = (here.repository.work_tree / asked.contents).read_bytes()
    return blaming.Request(
        path, asked.revisions, asked.ranges, asked.options, asked.ignored, asked.ignore_files, contents
    )


def _text(here: Fork, asked: Asked, lines: tuple[Line, ...], path: str) -> bytes:
    if asked.form is Form.INCREMENTAL:
        return incremental(lines)
    if asked.form is not Form.HUMAN:
        return porcelain(lines, every_line=asked.form is Form.LINE_PORCELAIN)
    repository = here.repository
    email = repository.config_bool("blame.showEmail") if asked.email is None else asked.email
    blank = repository.config_bool("blame.blankBoundary") if asked.blank is None else asked.blank
    style = replace(asked.style, email=bool(email), blank_boundary=bool(blank))
    return blaming.shown(here, lines, path, style, date=asked.date, abbrev=asked.abbreviated)


def _is_revision(here: Fork, name: str) -> bool:
    try:
        here.repository.resolve(name)
    except MergeguardError:
        return False
    return True
