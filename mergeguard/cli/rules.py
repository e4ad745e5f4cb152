"""`mergeguard rules`: what rules there are, what they do, and how to get more."""

from __future__ import annotations

import sys
from typing import Annotated

from mergeguard.cli.console import opened, out, print_json
from mergeguard.cli.declare import Argument, Option, VerbGroup
from mergeguard.cli.markup import Table, escape
from mergeguard.errors import ExitCode
from mergeguard.verbs import rulebook, splitting

rules_app = VerbGroup()

Json = Annotated[bool, Option("--json", help="Print one JSON document instead.")]


@rules_app.callback
def rules() -> int:
    """List, explain and add rules; without a command: list them."""
    return list_rules()


@rules_app.command("list")
def list_rules(json: Json = False) -> int:
    """The fork's rules and their monoliths; and the sets that ship."""
    here = opened()
    rows = rulebook.list_rules(here.work_tree())
    sets = rulebook.shipped()
    if json:
        from dataclasses import asdict

        print_json("rules", {"rules": [asdict(row) for row in rows], "shipped": sets})
        return ExitCode.CLEAN
    table = Table()
    for column in ("rule", "state", "monolith", "what"):
        table.add_column(column, no_wrap=column == "monolith")
    for row in rows:
        table.add_row(
            escape(row.name), row.state.value, escape(row.path or row.monolith), escape(row.description)
        )
    out.print(table if rows else "This fork has no rules. [bold]next:[/] `mergeguard init FILE` writes one")
    out.print("\nready to add:")
    for name, rules in sets.items():
        out.print(f"  [bold]mergeguard rules add {escape(name)}[/]  [dim]# {', '.join(rules)}[/]")
    return ExitCode.CLEAN


@rules_app.command()
def explain(name: Annotated[str, Argument(metavar="RULE")], json: Json = False) -> int:
    """Where each item of the monolith goes, and why."""
    here = opened()
    found = rulebook.explain(here.work_tree(), name)
    if json:
        import msgspec

        print_json("explanation", msgspec.to_builtins(found.to_json()))
        return ExitCode.CLEAN
    out.print(f"[bold]{escape(found.name)}[/]  {escape(found.path)}  [dim]{escape(found.description)}[/]")
    for file in found.files:
        out.print(f"  {escape(file.path)}  [dim]{file.role}, {file.lines} lines[/]")
    table = Table()
    for column in ("lines", "item", "goes to", "because"):
        table.add_column(column)
    for item in found.placement.items:
        table.add_row(
            f"{item.line}-{item.last_line}",
            escape(f"{item.kind} {item.name}"),
            escape(item.home or "the entry"),
            escape(item.why),
        )
    out.print(table)
    for dealt in found.placement.partitions:
        out.print(f"  {escape(dealt.entry)}: {escape(dealt.branching)}")
        for arm in dealt.arms:
            rest = "" if arm.listed else " [dim](rest)[/]"
            out.print(f"    {escape(', '.join(arm.labels))} → {escape(arm.shard)}{rest}")
    for template in found.placement.instantiations:
        out.print(f"  {escape(template.name)}<{escape(template.arguments)}> → {escape(template.shard)}")
    for note in found.notes:
        out.print(f"  [dim]·[/] {escape(note)}")
    return ExitCode.CLEAN


@rules_app.command()
def add(
    name: Annotated[str, Argument(metavar="SET|RULE", help='"vllm", or one rule: "vllm/attention".')],
    everything: Annotated[
        bool, Option("--all", help="Also rules whose monolith this tree does not have.")
    ] = False,
    update: Annotated[
        bool, Option("--update", help="Also over the fork's rules of these names that differ.")
    ] = False,
) -> int:
    """Copy ready rules into the fork and stage them."""
    here = opened()
    workspace = here.staged()
    addition = rulebook.add(workspace, name, everything=everything, update=update)
    here.stage_files(addition.files, "rules add")
    for rule in addition.added:
        out.print(f"  [green]+[/] {escape(rule)}")
    for rule in addition.present:
        out.print(f"  [dim]= {escape(rule)}: there already[/]")
    for rule in addition.differing:
        out.print(
            f"  [yellow]~[/] {escape(rule)}: the fork's own differs, stays (`--update` takes the ready one)"
        )
    for rule, other in addition.claimed:
        out.print(f"  [yellow]-[/] {escape(rule)}: the fork's rule {escape(other)} has its monolith")
    for rule in addition.missing:
        out.print(f"  [dim]- {escape(rule)}: its file is not in this repository[/]")
    if addition.added:
        by_hand = splitting.split_by_hand(here)
        step = f"adopt {escape(by_hand[0])}` (it is split by hand here)" if by_hand else "split`"
        out.print(f"\n[bold]next:[/] `mergeguard {step}")
    elif addition.missing:
        out.print(
            "Nothing was added. [bold]next:[/] `mergeguard init FILE` writes a rule for a file of yours"
        )
    return ExitCode.CLEAN


@rules_app.command()
def schema() -> int:
    """The JSON Schema of rule files, for editors."""
    import msgspec

    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(rulebook.schema())) + b"\n")
    return ExitCode.CLEAN
