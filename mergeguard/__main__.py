"""The program's entry: what git itself runs starts without the terminal libraries."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; exits the process."""
    arguments = sys.argv[1:]
    verb = arguments[0] if arguments else ""
    if verb == "merge-file":
        from mergeguard.hooks.mergefile import main as merge_file

        sys.exit(merge_file(arguments))
    if verb == "merge-driver":
        from mergeguard.hooks.driver import main as merge_driver

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
