"""How everything is said: one console for results, one for progress and errors, one JSON envelope."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from mergeguard import __version__
from mergeguard.cli.markup import Table, escape, styled
from mergeguard.errors import ExitCode, MergeguardError
from mergeguard.reporting.inert import visible

if TYPE_CHECKING:
    from mergeguard.build.measure import Progress
    from mergeguard.fork.fork import Fork

# Wide enough for paths where the output is not a terminal's.
_WIDTH = 160


class Console:
    """One of the two streams, by its name in ``sys``: markup in, what that stream can show out.

    Text that is not ours is made inert on the way: no call of ``print`` can forget it.
    """

    def __init__(self, stream: str, width: int | None = None) -> None:
        self._stream = stream
        self._width = width
        self._captured: list[str] | None = None

    def print(self, what: str | Table = "") -> None:
        """Print marked-up text or a table, and end the line."""
        lines = [what] if isinstance(what, str) else what.lines(self.width)
        if lines is None:
            assert isinstance(what, Table)
            self._write(self._wrapped(what))
            return
        colours, attributes = self._shows
        for line in lines:
            self._write(styled(line, colours=colours, attributes=attributes) + "\n")

    @contextmanager
    def capture(self) -> Iterator[list[str]]:
        """What is printed meanwhile, in pieces, without styles."""
        captured: list[str] = []
        self._captured = captured
        try:
            yield captured
        finally:
            self._captured = None

    def _write(self, text: str) -> None:
        if self._captured is not None:
            self._captured.append(text)
            return
        stream = getattr(sys, self._stream)
        stream.write(text)
        # As a line is, where both streams are one terminal.
        stream.flush()

    @property
    def is_terminal(self) -> bool:
        """Whether somebody looks at it; FORCE_COLOR (not empty) says so of any stream."""
        if (forced := os.environ.get("FORCE_COLOR")) is not None:
            return forced != ""
        try:
            return bool(getattr(sys, self._stream).isatty())
        except (AttributeError, ValueError):
            return False

    @property
    def _shows(self) -> tuple[bool, bool]:
        """Whether colours are shown, and whether bold and dim are (NO_COLOR, TERM=dumb)."""
        is_dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
        attributes = self._captured is None and self.is_terminal and not is_dumb
        return attributes and not os.environ.get("NO_COLOR"), attributes

    @property
    def width(self) -> int:
        """Cells in a line."""
        return self._width or terminal_width()

    def _wrapped(self, table: Table) -> str:
        from mergeguard.cli.terminal import wrapped

        colours, attributes = self._shows
        return wrapped(table, self.width, colours=colours, attributes=attributes)


def terminal_width() -> int:
    """The width of the terminal that any standard stream is, or COLUMNS says; 80 where none is."""
    if (columns := os.environ.get("COLUMNS", "")).isdigit() and int(columns):
        return int(columns)
    for descriptor in (0, 1, 2):
        try:
            return os.get_terminal_size(descriptor).columns or 80
        except OSError:
            continue
    return 80


out = Console("stdout", None if sys.stdout.isatty() else _WIDTH)
err = Console("stderr")


class Options:
    """What the options before the verb set."""

    debug: bool = False
    folder: str = "."


options = Options()


def print_anything() -> None:
    """Let the output streams take every text: odd bytes of paths as they are, others they lack escaped.

    A report that can't be printed would come after the sync has landed.
    """

    def printable(error: UnicodeError) -> tuple[bytes, int]:
        assert isinstance(error, UnicodeEncodeError)
        shown = b"".join(
            bytes([ord(char) - 0xDC00])
            if 0xDC80 <= ord(char) <= 0xDCFF
            else char.encode("ascii", "backslashreplace")
            for char in error.object[error.start : error.end]
        )
        return shown, error.end

    codecs.register_error("mergeguard", printable)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="mergeguard")


#: Where there is nothing to show.
NO_RULES = (
    "This fork has no rules. "
    "[bold]next:[/] `mergeguard init FILE` writes one, `mergeguard rules` lists ready ones"
)


def opened(*, merges: bool = False, left_open: bool = True) -> Fork:
    """The fork around the current folder; says so if an interrupted run was settled, or a command left open
    (without ``left_open`` not that: who asked for the repair needs no hint at it).

    With ``merges``, also if HEAD is a merge made without mergeguard that left split files behind.
    """
    from mergeguard.fork.fork import Fork
    from mergeguard.git.atwork import NOTE

    here = Fork.open(options.folder)
    if here.recovered is not None:
        err.print(f"[yellow]note:[/] {escape(str(here.recovered))}")
    if left_open and (merges or (here.repository.git_dir / NOTE).exists()):
        from mergeguard.hooks import aftermath

        left = aftermath.describe(here.repository)
        if left is not None:
            err.print(f"[yellow]note:[/] {left}")
    return here


def fail(error: MergeguardError) -> NoReturn:
    """Print an expected error, what was left alone and the next step, and exit with its code."""
    err.print(f"[bold red]error:[/] {escape(str(error))}")
    err.print(f"  {escape(error.changed)}")
    if error.hint:
        err.print(f"  [bold]next:[/] {escape(error.hint)}")
    sys.exit(int(error.exit_code))


def crash(error: BaseException) -> NoReturn:
    """Say that this is our bug, without a traceback."""
    err.print(f"[bold red]internal error:[/] {escape(type(error).__name__)}: {escape(str(error))}")
    err.print("  nothing was landed; `git status` shows the repository as it was")
    again = f"run it again as `mergeguard --debug …` and report what it prints (mergeguard {__version__})"
    err.print(f"  [bold]next:[/] {escape(again)}")
    sys.exit(int(ExitCode.INTERNAL))


def print_json(kind: str, data: dict[str, Any]) -> None:
    """Print one JSON document; see ``json_text``."""
    sys.stdout.write(json_text(kind, data))


def json_text(kind: str, data: dict[str, Any]) -> str:
    """One JSON document: ``{"mergeguard": 1, "kind": kind, …}``; the number is the format's version."""
    import json

    assert data.keys().isdisjoint(("mergeguard", "kind")), kind
    return json.dumps({"mergeguard": 1, "kind": kind, **data}, indent=2) + "\n"


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A line on a terminal that says what is being done; nothing elsewhere."""
    if quiet or not err.is_terminal:
        yield lambda _: None
        return

    def show(text: str) -> None:
        line = visible(text, keep="")[: err.width - 1]
        sys.stderr.write(f"\r{_ERASE}{line}")
        sys.stderr.flush()

    show(title)
    try:
        yield lambda text: show(f"{title}: {text}")
    finally:
        sys.stderr.write(f"\r{_ERASE}")
        sys.stderr.flush()


_ERASE = "\x1b[2K"  # the line that the cursor is in


def steps_shown(report: Callable[[str], None]) -> Callable[[Progress], None]:
    """Progress of compiling as a line of a display."""
    return lambda step: report(f"{step.done}/{step.total} {step.name}")
