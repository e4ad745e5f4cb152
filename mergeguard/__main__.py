"""The program's entry: what git itself runs starts without the terminal libraries."""

from __future__ import annotations

import gc
import sys

from mergeguard import __version__
from mergeguard.errors import interrupted

# Allocations between two collections. What is made here (tokens, items, trees) is kept or freed by its count;
# cycles are few, and looking for them among hundreds of thousands of tokens costs more than it finds.
_COLLECT_AFTER = 200_000


def main() -> None:
    """Run the command line; exits the process."""
    gc.set_threshold(_COLLECT_AFTER, 20, 100)
    try:
        _run(sys.argv[1:])
    except KeyboardInterrupt:
        # Before a verb could take it (while its modules were being read), or in what git itself runs.
        interrupted()
    finally:
        # A program's end looks through all that there is for cycles, three times, to free what goes anyway.
        gc.freeze()


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
