"""How everything is said: one console for results, one for progress and errors, one JSON envelope."""

from __future__ import annotations

import codecs
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RichCast
from rich.markup import escape
from rich.segment import Segment

from mergeguard import __version__
from mergeguard.errors import ExitCode, MergeguardError
from mergeguard.fork.fork import Fork
from mergeguard.hooks import pending
from mergeguard.reporting.inert import visible
from mergeguard.values import dataclass


class _Inert:
    """What is printed, with text that is not ours made inert: rich keeps its own controls apart."""

    def __init__(self, renderable: ConsoleRenderable | RichCast | str) -> None:
        self.renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self.renderable, options):
            shown = segment.text if segment.control else visible(segment.text)
            yield Segment(shown, segment.style, segment.control)


class _EverythingInert(RenderHook):
    """The one way to a terminal: no call of ``print`` can forget it."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Inert(one) for one in renderables]


# Wide enough for paths where the output is not a terminal's.
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, highlight=False, soft_wrap=True)
for _console in (out, err):
    _console.push_render_hook(_EverythingInert())


@dataclass
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


def opened(*, merges: bool = False) -> Fork:
    """The fork around the current folder; says so if an interrupted run was settled, or a command left open.

    With ``merges``, also if HEAD is a merge made without mergeguard that left split files behind.
    """
    here = Fork.open(options.folder)
    if here.recovered is not None:
        err.print(f"[yellow]note:[/] {escape(str(here.recovered))}")
    if merges or pending.read(here.repository.git_dir) is not None:
        from mergeguard.hooks import repairing

        left = repairing.describe(here.repository)
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
    return json.dumps({"mergeguard": 1, "kind": kind, **data}, indent=2) + "\n"


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Any]:
    """A line on a terminal that says what is being done; nothing elsewhere."""
    if quiet or not err.is_terminal:
        yield lambda _: None
        return
    with err.status(escape(visible(title, keep=""))) as status:
        yield lambda text: status.update(escape(visible(f"{title}: {text}", keep="")))
