"""trust: which compile commands the repository proposes, and the user's word for one of them."""

from __future__ import annotations

import shlex
from typing import Annotated

from mergeguard.build import trust as trusting
from mergeguard.build.trust import ProposedCommand
from mergeguard.cli.console import opened, out, print_json
from mergeguard.cli.declare import Argument, Json, Option
from mergeguard.cli.markup import escape
from mergeguard.errors import ExitCode, LayoutError, counted
from mergeguard.verbs.compiled import compiling, proof


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
        count = trusting.forget(here.repository)
        out.print(f"{counted(count, 'accepted command')} taken back.")
        return ExitCode.CLEAN
    workspace = here.work_tree()
    found = [
        proposed
        for subject in proof.subjects(workspace, [name] if name is not None else ())
        for proposed in compiling.proposals_for(workspace, subject)
    ]
    if digest is not None:
        proposed = next((one for one in found if one.digest.startswith(digest)), None)
        if proposed is None or len(digest) < trusting.SHOWN:
            raise LayoutError(
                f"the command that the repository proposes for {name} does not have this digest (any more)",
                hint=f"`mergeguard trust {name}` shows it",
            )
        trusting.accept(here.repository, proposed)
    known = trusting.accepted(here.repository)
    if json:
        values = [
            {
                "rule": p.rule,
                "where": p.where,
                "command": list(p.words),
                "digest": p.digest,
                "accepted": p.digest in known,
            }
            for p in found
        ]
        print_json("trust", {"proposals": values})
    else:
        _print_proposals(found, known)
    return ExitCode.CLEAN if all(p.digest in known for p in found) else ExitCode.FINDINGS


def _print_proposals(found: list[ProposedCommand], known: frozenset[str]) -> None:
    for proposed in found:
        word = "[green]accepted[/]" if proposed.digest in known else "[yellow]not accepted[/]"
        out.print(f"[bold]{escape(proposed.rule)}[/]  {escape(proposed.where)}  {word}")
        out.print(f"  {escape(proposed.text)}")
        if proposed.digest not in known:
            does = f"`mergeguard trust {shlex.quote(proposed.rule)} {proposed.digest[: trusting.SHOWN]}`"
            out.print(f"  [bold]next:[/] {escape(does)} accepts it for this clone")
    if not found:
        out.print("The repository proposes no compile command.")
