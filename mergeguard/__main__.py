"""The program's entry: commands that git runs for every file start without the terminal libraries."""

from __future__ import annotations

import sys

_LEAN = ("merge-file", "merge-driver")


def main() -> None:
    """Run the command line; exits the process."""
    arguments = sys.argv[1:]
    if arguments[:1] and arguments[0] in _LEAN:
        from mergeguard.mergefile import main as merge_file

        sys.exit(merge_file(arguments))
    from mergeguard.cli.app import run

    run(arguments)


if __name__ == "__main__":
    main()
