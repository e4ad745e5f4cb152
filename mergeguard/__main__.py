"""The program's entry: what git itself runs starts without the terminal libraries."""

from __future__ import annotations

import atexit
import gc
import os
import sys

from mergeguard import __version__
from mergeguard.errors import interrupted

# Allocations between two collections. What is made here (tokens, items, trees) is kept or freed by its count;
# cycles are few, and looking for them among hundreds of thousands of tokens costs more than it finds.
_COLLECT_AFTER = 500_000


def main() -> None:
    """Run the command line; exits the process."""
    gc.set_threshold(_COLLECT_AFTER, 20, 100)
    _open_closed_streams()
    status: object = 0
    try:
        try:
            _run(sys.argv[1:])
        except KeyboardInterrupt:
            # Before a verb could take it (while its modules were being read), or in what git itself runs.
            interrupted()
    except SystemExit as ended:
        status = ended.code
    _end(status)


def _open_closed_streams() -> None:
    """Where standard streams were closed (``>&-``), take nowhere instead, as git does: the next file to be
    opened would be what we, and git, print to.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while os.open(os.devnull, os.O_RDWR) <= 2:
        pass
    sys.stdin = sys.stdin or os.fdopen(0, "r", closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _end(status: object) -> None:
    """Exit without freeing, one by one, what goes with the process anyway: a tenth of what a `check` costs.

    What is to be done at the end is done: functions for it are called, and output is written. Where that
    can't be, Python ends in its own way, and says so.
    """
    if status is None or isinstance(status, int):
        atexit._run_exitfuncs()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):  # full or broken, closed
            sys.exit(status)
        os._exit((status or 0) & 0xFF)
    sys.exit(str(status))


def _run(arguments: list[str]) -> None:
    verb = arguments[0] if arguments else ""
    if arguments == ["--version"]:
        sys.stdout.write(f"mergeguard {__version__}\n")
        return
    if verb == "merge-file":
        from mergeguard.hooks.mergefile import main as merge_file

        sys.exit(merge_file(arguments))
    if verb == "merge-driver":
        from mergeguard.hooks.asked import main as merge_driver

        sys.exit(merge_driver(arguments))
    if verb == "generate":
        from mergeguard.build.fresh import repeat

        if (printed := repeat(arguments)) is not None:
            sys.stdout.write(printed)
            return
    if verb == "hook":
        from mergeguard.hooks.hooking import main as hook

        sys.exit(hook(arguments))
    from mergeguard.cli.app import run

    run(arguments)


if __name__ == "__main__":
    main()
