"""trust: which compile commands the repository proposes, and the user's word for one of them."""

from __future__ import annotations

import shlex
from typing import Annotated

from mergeguard.cli.console import opened, out, print_json
from mergeguard.cli.declare import Argument, Json, Option
from mergeguard.cli.markup import escape
from mergeguard.errors import ExitCode, counted
from mergeguard.verbs import trusting
from mergeguard.verbs.trusting import Proposals


def trust(
    name: Annotated[str | None, Argument(metavar="[RULE]")] = None,
    digest: Annotated[
        str | None, Argument(metavar="[DIGEST]", help="Accept the command that has this digest.")
    ] = None,
    forget: Annotated[bool, Option("--forget", help="Take back all that was accepted.")] = False,
    json: Json = False,
) -> int:
    """Which compile commands the repository proposes, and accept one for this clone, by its digest."""
    here = opened()
    if forget:
        count = trusting.forget(here)
        out.print(f"{counted(count, 'accepted command')} taken back.")
        return ExitCode.CLEAN
    found = trusting.proposals(here, [name] if name is not None else ())
    if digest is not None:
        found = trusting.accept(here, found, name, digest)
    if json:
        values = [
            {
                "rule": p.rule,
                "where": p.where,
                "command": list(p.words),
                "digest": p.digest,
                "accepted": p.digest in found.accepted,
            }
            for p in found.commands
        ]
        print_json("trust", {"proposals": values})
    else:
        _print_proposals(found)
    return ExitCode.CLEAN if found.settled else ExitCode.FINDINGS


def _print_proposals(found: Proposals) -> None:
    for proposed in found.commands:
        word = "[green]accepted[/]" if proposed.digest in found.accepted else "[yellow]not accepted[/]"
        out.print(f"[bold]{escape(proposed.rule)}[/]  {escape(proposed.where)}  {word}")
        out.print(f"  {escape(proposed.text)}")
        if proposed.digest not in found.accepted:
            does = f"`mergeguard trust {shlex.quote(proposed.rule)} {proposed.digest[: trusting.SHOWN]}`"
            out.print(f"  [bold]next:[/] {escape(does)} accepts it for this clone")
    if not found.commands:
        out.print("The repository proposes no compile command.")
