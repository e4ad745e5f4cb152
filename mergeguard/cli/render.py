"""Reports as people read them, and the same values as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mergeguard.cli.console import out
from mergeguard.cli.looking import print_hunks
from mergeguard.cli.markup import Table, escape
from mergeguard.errors import counted
from mergeguard.findings import Finding, Severity, to_json
from mergeguard.reporting.findings import finding_data

if TYPE_CHECKING:
    from mergeguard.audit.findings import Located
    from mergeguard.treemerge.followededits import Followed
    from mergeguard.treemerge.trees import Fate, Merged, RuleOutcome
    from mergeguard.verbs.rebase import RebaseOutcome
    from mergeguard.verbs.sync import Synced

LOOK_AT_FINDINGS = "[bold]next:[/] look at the findings and commit what they need; `mergeguard report`"
_FINDINGS = 10  # of an audit, on a sync's screen
_MOST_NAMED = 8  # items of one file of which the same is said
SEVERITY_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def print_sync(synced: Synced, *, dry_run: bool) -> None:
    """One screen: what came, what was replayed and where it is, what needs a look, the next command."""
    outcome = synced.outcome
    if outcome.up_to_date:
        colour, but = ("yellow", ", but:") if synced.history else ("green", ".")
        out.print(f"[{colour}]Already up to date[/] with {escape(synced.upstream)}{but}")
        _print_history(synced)
        return
    verb = "Would merge" if dry_run else "Merged" if outcome.clean else "Merging"
    count = f"{synced.behind} commit{'s' if synced.behind != 1 else ''}"
    # A step of ``--stepwise`` is a commit, named in full.
    name = synced.upstream[:12] if synced.upstream == outcome.theirs else synced.upstream
    out.print(f"[bold]{verb} {escape(name)}[/] ({count})")
    table = Table()
    for column in ("rule", "monolith", "upstream", "local edits", "unmapped"):
        table.add_column(column)
    from mergeguard.treemerge.trees import Fate

    shown = [r for r in outcome.rules if r.state is not Fate.NOT_SPLIT]
    for rule in shown:
        colour = _colour(rule.state)
        table.add_row(
            escape(rule.name),
            escape(rule.path),
            f"[{colour}]{rule.state.value}[/]",
            f"{len(rule.replayed)} replayed" if rule.replayed else "",
            f"[yellow]{len(rule.unmapped)}[/]" if rule.unmapped else "",
        )
    if shown:
        out.print(table)
    for rule in shown:
        for edit in rule.replayed:
            inside = f" in {edit.item}" if edit.item else ""
            size = f"+{edit.added} -{edit.removed}"
            out.print(f"  [green]✓[/] {escape(edit.path)}:{edit.line}{escape(inside)}  {size}")
    _print_followed(outcome.followed)
    _print_looks(outcome.rules, lambda path: _conflict(path, outcome, synced.upstream))
    for note in outcome.decided:
        out.print(f"  [dim]·[/] {escape(note)}")
    for finding in outcome.findings:
        out.print(f"  [yellow]![/] {escape(finding)}")
    others = sorted(set(outcome.stages) - {p for r in outcome.rules for p in r.conflicts})
    for path in others:
        out.print(f"  [red]✗[/] {escape(path)}: {escape(_conflict(path, outcome, synced.upstream))}")
    _print_history(synced)
    print_audited(synced.audit)
    print_findings(synced.losses)
    if not outcome.clean and not dry_run:
        out.print(
            "\n[bold]next:[/] resolve the markers, `git add` the files,"
            " then `mergeguard sync --continue` (or `--abort`)"
        )
    elif (unfit := [r for r in outcome.rules if r.needs_a_look]) and not dry_run:
        out.print(
            f"\n[bold]next:[/] adapt .mergeguard/rules/{escape(unfit[0].name)}.toml, then"
            f" `mergeguard split {escape(unfit[0].name)}`; or `mergeguard leave {escape(unfit[0].name)}`"
        )
    elif synced.audit and not dry_run:
        out.print(f"\n{LOOK_AT_FINDINGS}")
    elif synced.losses:
        out.print("\n[bold]next:[/] bring back what was lost and commit it; `mergeguard ledger` names it")
    elif any(r.unmapped for r in outcome.rules):
        out.print("\n[bold]next:[/] `mergeguard unmapped` goes through them; `mergeguard report` shows all")
    elif dry_run:
        out.print(f"\n[bold]next:[/] `mergeguard sync {escape(synced.upstream)}`")
    elif synced.audit is None:
        out.print("\n[bold]next:[/] `mergeguard audit` looks for what a clean merge does not prove")


def _colour(fate: Fate) -> str:
    """What became of a rule, as a colour."""
    from mergeguard.treemerge.trees import Fate

    colours = {
        Fate.CONFLICT: "red",
        Fate.GONE_EDITED: "red",
        Fate.UNFIT: "yellow",
        Fate.RETIRED: "yellow",
        Fate.MOVED: "cyan",
        Fate.MERGED: "green",
    }
    return colours.get(fate, "default")


def _print_history(synced: Synced) -> None:
    for name, message in synced.history.items():
        out.print(f"  [red]✗[/] {escape(name)}: {escape(message)}")


def _print_followed(followed: Iterable[Followed]) -> None:
    from mergeguard.treemerge.followededits import Destination

    signs = {
        Destination.FOLLOWED: "[green]✓[/]",
        Destination.CONFLICT: "[red]✗[/]",
        Destination.UNSURE: "[yellow]![/]",
    }
    for edit in followed:
        out.print(f"  {signs[edit.fate]} {escape(edit.message)}")


def _followed_json(edit: Followed) -> dict[str, Any]:
    return {
        "name": edit.name,
        "path": edit.path,
        "fate": edit.fate.name.lower(),
        "places": [{"path": p.path, "line": p.line, "name": p.name} for p in edit.places],
        "why": edit.why,
    }


def _conflict(path: str, merged: Merged, theirs: str) -> str:
    """What kind of conflict a path has, in git's words."""
    stages = set(merged.stages.get(path, ()))
    if stages == {1, 2}:
        return f"conflict (modify/delete): deleted in {theirs}, modified in HEAD, left in the tree"
    if stages == {1, 3}:
        return f"conflict (modify/delete): deleted in HEAD, modified in {theirs}, left in the tree"
    return "conflict (add/add)" if stages == {2, 3} else "conflict"


def _print_looks(rules: Iterable[RuleOutcome], kind: Callable[[str], str] = lambda _: "conflict") -> None:
    for rule in rules:
        for path in rule.conflicts:
            out.print(f"  [red]✗[/] {escape(path)}: {escape(kind(path))}")
        for finding in rule.findings:
            out.print(f"  [yellow]![/] {escape(rule.name)}: {escape(finding)}")
        for note in rule.notes:
            out.print(f"  [dim]·[/] {escape(rule.name)}: {escape(note)}")
        if rule.unmapped:
            count = counted(len(rule.unmapped), "unmapped hunk")
            out.print(f"  [yellow]![/] {escape(rule.name)}: {count}, kept in the layout:")
            print_hunks(rule.unmapped)


def print_audited(audit: tuple[Located, ...] | None) -> None:
    """The audit's part of a sync's screen; nothing where there was none."""
    if audit is None:
        return
    if not audit:
        out.print("[green]Audited[/]: nothing found.")
        return
    out.print(f"[yellow]Audited: {counted(len(audit), 'finding')}[/]")
    print_audit(audit, limit=_FINDINGS)


def audit_json(audit: tuple[Located, ...] | None) -> list[dict[str, Any]] | None:
    """The findings of a sync's audit; None where there was none."""
    return None if audit is None else [finding_data(located) for located in audit]


def losses_json(losses: tuple[Finding, ...]) -> list[dict[str, Any]]:
    """What a merge lost of the fork's own work."""
    found: list[dict[str, Any]] = to_json(losses)["findings"]
    return found


def print_audit(findings: Iterable[Located], *, limit: int | None = None) -> None:
    """What an audit found: where to look on both sides, and who brought it."""
    findings = tuple(findings)
    for located in findings[:limit]:
        finding = located.finding
        path, line = located.at
        out.print(f"  [yellow]{finding.code}[/] {escape(path)}:{line}  {escape(finding.message)}")
        if finding.hint:
            out.print(f"      {escape(finding.hint)}")
        for place, (path, line) in [*zip(finding.places, located.spots, strict=True)][1:]:
            out.print(f"      [dim]{place.version}: {escape(path)}:{line}[/]")
        for commit in located.commits:
            out.print(f"      [dim]{commit.side}: {commit.oid[:12]} {escape(commit.subject)}[/]")
    if limit is not None and len(findings) > limit:
        out.print(f"  … {len(findings) - limit} more: `mergeguard audit` shows all")


def sync_json(synced: Synced) -> dict[str, Any]:
    from mergeguard.reporting.jsonreport import edit_data, hunk_data

    outcome = synced.outcome
    return {
        "upstream": synced.upstream,
        "theirs": outcome.theirs,
        "ours": outcome.ours,
        "merge_bases": list(outcome.bases),
        "commits": synced.behind,
        "up_to_date": outcome.up_to_date,
        "clean": outcome.clean,
        "commit": synced.commit,
        "tree": outcome.tree,
        "conflicts": sorted(outcome.stages),
        "messages": list(outcome.messages),
        "decided": list(outcome.decided),
        "findings": list(outcome.findings),
        "followed": [_followed_json(edit) for edit in outcome.followed],
        "audit": audit_json(synced.audit),
        "losses": losses_json(synced.losses),
        "history": dict(synced.history),
        "rules": [
            {
                "name": rule.name,
                "monolith": rule.path,
                "state": rule.state.name.lower(),
                "replayed": [edit_data(e) for e in rule.replayed],
                "overlay": [hunk_data(h) for h in rule.overlay],
                "unmapped": [hunk_data(h) for h in rule.unmapped],
                "conflicts": list(rule.conflicts),
                "notes": list(rule.notes),
                "findings": list(rule.findings),
            }
            for rule in outcome.rules
        ],
    }


def print_rebase(outcome: RebaseOutcome, *, dry_run: bool) -> None:
    """What became of each local commit, and where it stopped."""
    if outcome.up_to_date:
        out.print(f"[green]Already on top[/] of {escape(outcome.upstream)}.")
        return
    verb = "Would rebase" if dry_run else "Rebased" if outcome.clean else "Rebasing"
    number = sum(p.new is not None for p in outcome.picks)
    if outcome.stopped is not None:
        number += 1 + len(outcome.todo)
    onto = outcome.onto[:12]
    if outcome.upstream != outcome.onto:
        onto = f"{escape(outcome.upstream)} ({onto})"
    what = f"{counted(number, 'commit')} onto {onto}"
    out.print(f"[bold]{verb}[/] {what}")
    for pick in outcome.picks:
        if pick.new is None:
            out.print(f"  [dim]- {pick.old[:9]} {escape(pick.subject)}: {escape(pick.why)}[/]")
        else:
            out.print(f"  [green]✓[/] {pick.new[:9]} {escape(pick.subject)}")
    print_audited(outcome.audit)
    if outcome.stopped is not None and outcome.merged is not None:
        out.print(f"  [red]✗[/] {outcome.stopped.oid[:9]} {escape(outcome.stopped.subject)}")
        for path in sorted(outcome.merged.stages):
            out.print(f"      {escape(path)}: conflict")
        _print_followed(outcome.merged.followed)
        from mergeguard.treemerge.trees import RuleOutcome

        _print_looks(RuleOutcome(r.name, r.path, r.state, notes=r.notes) for r in outcome.merged.rules)
        if outcome.todo:
            out.print(f"  [dim]… {counted(len(outcome.todo), 'commit')} more[/]")
        if not dry_run:
            out.print(
                "\n[bold]next:[/] resolve the markers, `git add` the files, then `mergeguard sync --continue`"
                " (or `--skip`, `--abort`)"
            )


def rebase_json(outcome: RebaseOutcome) -> dict[str, Any]:
    stages = outcome.merged.stages if outcome.merged is not None else {}
    return {
        "upstream": outcome.upstream,
        "onto": outcome.onto,
        "original": outcome.original,
        "tip": outcome.tip,
        "up_to_date": outcome.up_to_date,
        "clean": outcome.clean,
        "picks": [{"old": p.old, "new": p.new, "subject": p.subject, "why": p.why} for p in outcome.picks],
        "stopped": outcome.stopped.oid if outcome.stopped else None,
        "conflicts": sorted(stages),
        "todo": list(outcome.todo),
        "audit": audit_json(outcome.audit),
    }


def print_findings(findings: Iterable[Finding]) -> None:
    """Print them; what is said of several things in one file, and what to do about several, is said once."""
    for (_, _, hint), same in groupby(findings, key=lambda f: (f.rule, f.code, f.hint)):
        for (path, severity, message), alike in groupby(same, key=lambda f: (f.path, f.severity, f.message)):
            _print_alike(path, severity, message, tuple(alike))
        if hint:
            out.print(f"    [dim]{escape(hint)}[/]")


def _print_alike(path: str, severity: Severity, message: str, findings: Sequence[Finding]) -> None:
    """A line about what findings say of several items of one file."""
    lines = listed(str(finding.line) for finding in findings if finding.line is not None)
    names = listed(finding.name for finding in findings if finding.name)
    place = f"{path}:{lines}" if lines else path
    item = f" ({names})" if names else ""
    out.print(
        f"[{SEVERITY_COLOURS[severity]}]{severity}[/] {escape(place)}{escape(item)}  "
        f"[dim]{findings[0].code}[/]  {escape(message)}"
    )


def listed(words: Iterable[str]) -> str:
    """Words for one line, each once: of many the first ones, and how many more there are."""
    known = tuple(dict.fromkeys(words))
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return ", ".join(known[:_MOST_NAMED]) + more


def grid(rows: Iterable[Sequence[str]]) -> Table:
    """A table whose first row is its head; all columns but the first are figures."""
    header, *rest = rows
    table = Table()
    for number, column in enumerate(header):
        table.add_column(column, justify="left" if number == 0 else "right")
    for row in rest:
        table.add_row(*map(escape, row))
    return table
