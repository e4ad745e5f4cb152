"""The verbs between a fork and its upstream: export, import, adopt."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

from mergeguard.adopt.model import AdoptedAs, Adoption, Keep
from mergeguard.cli.console import err, opened, out, print_json
from mergeguard.cli.declare import Argument, Option
from mergeguard.cli.looking import print_hunks
from mergeguard.cli.markup import escape
from mergeguard.cli.paths import file_from_root, typed
from mergeguard.errors import ExitCode, Location, MergeguardError, counted
from mergeguard.reporting.jsonreport import hunk_data
from mergeguard.verbs import adopting
from mergeguard.verbs.patches import exporting, importing

UPSTREAM = "Upstream"


Json = Annotated[bool, Option("--json", help="Print one JSON document instead.")]
Upstream = Annotated[str | None, Option("--upstream", metavar="REF", help="Upstream's branch.")]


def export(
    revisions: Annotated[
        str | None,
        Argument(metavar="[A..[B]]", help="Commits, C^! for one; default: all upstream lacks."),
    ] = None,
    folder: Annotated[
        str, Option("-o", "--output-directory", metavar="DIR", help="Where the patches go.")
    ] = ".",
    squash: Annotated[bool, Option("--squash", help="One patch of all commits.")] = False,
    message: Annotated[str | None, Option("-m", "--message", help="The message of a squashed patch.")] = None,
    cover_letter: Annotated[bool, Option("--cover-letter", help="With a cover letter.")] = False,
    signoff: Annotated[bool, Option("-s", "--signoff", help="Add your Signed-off-by.")] = False,
    subject_prefix: Annotated[str | None, Option(metavar="TEXT", help="As git's own.")] = None,
    reroll_count: Annotated[str | None, Option("-v", metavar="N", help="As git's own.")] = None,
    stdout: Annotated[bool, Option("--stdout", help="Print one mailbox, write no files.")] = False,
    upstream: Upstream = None,
    json: Json = False,
) -> int:
    """Write the fork's own edits as patches against upstream's files, for `git am`."""
    here = opened()
    form = exporting.Format(cover_letter, signoff, subject_prefix, reroll_count)
    series = exporting.series(here, revisions, upstream=upstream, squash=squash, message=message)
    cover: str | None = None
    patches: tuple[exporting.Patch, ...] = ()
    if stdout:
        sys.stdout.buffer.write(exporting.mailbox(here, series, form))
        sys.stdout.buffer.flush()
        console = err
    else:
        console = out
        cover, patches = exporting.write(here, series, typed(folder), form)
    code = ExitCode.FINDINGS if series.unmapped else ExitCode.CLEAN
    if json and not stdout:
        print_json("export", _export_json(series, cover, patches))
        return code
    if cover is not None:
        console.print(escape(cover))
    for patch in patches:
        console.print(f"{escape(patch.path)}  [green]+{patch.added}[/] [red]-{patch.removed}[/]")
    for left in series.left_out:
        console.print(f"  [dim]left out: {left.oid[:12]} {escape(left.subject)} ({escape(left.reason)})[/]")
    if series.unmapped:
        console.print(f"[yellow]{counted(len(series.unmapped), 'unmapped hunk')} in no patch:[/]")
        if not stdout:
            print_hunks(series.unmapped)
    if not series.commits:
        console.print(f"Nothing to export: the fork has no edits that {escape(series.onto)} lacks.")
    elif not stdout:
        listed = shlex.join(p.path for p in patches)
        console.print(f"\n[bold]next:[/] on {escape(series.onto)}: `git am {escape(listed)}`")
    return code


def _export_json(
    series: exporting.Series, cover: str | None, patches: tuple[exporting.Patch, ...]
) -> dict[str, object]:
    return {
        "onto": series.onto,
        "base": series.base,
        "cover_letter": cover,
        "patches": [
            {
                "path": p.path,
                "commit": p.oid,
                "subject": p.subject,
                "files": list(p.files),
                "added": p.added,
                "removed": p.removed,
            }
            for p in patches
        ],
        "left_out": [{"commit": i.oid, "subject": i.subject, "reason": i.reason} for i in series.left_out],
        "unmapped": [hunk_data(h) for h in series.unmapped],
    }


def import_(
    files: Annotated[list[str], Argument(metavar="PATCH...", help="Mails, mailboxes or diffs; - reads one.")],
    commit: Annotated[bool, Option("--commit", help="Commit each patch, as `git am` does.")] = False,
    message: Annotated[
        str | None, Option("-m", "--message", help="The commit's message for a plain diff.")
    ] = None,
    strip: Annotated[int, Option("-p", metavar="N", help="Folders to strip from paths.")] = 1,
    context: Annotated[
        int | None, Option("-C", metavar="N", help="Lines around a change that must match.")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", "-n", help="Only show what would happen.")] = False,
    json: Json = False,
) -> int:
    """Apply patches that were written against upstream's files; they land in the right shards."""
    here = opened()
    named = [(name, mail) for name in files for mail in importing.read(here, name, _read(name))]
    workspace = importing.clean_workspace(here) if commit else here.staged()
    imported = importing.apply(workspace, named, strip=strip, context=context)
    commits: tuple[str, ...] = ()
    if commit and not dry_run:
        commits = importing.commit(here, imported, message)
    elif not dry_run:
        importing.stage(here, imported)
    if json:
        print_json(
            "import",
            {
                "staged": not dry_run and not commit,
                "commits": list(commits),
                "tree": imported.tree,
                "files": [{"path": t.path, "added": t.added, "removed": t.removed} for t in imported.touched],
                "notes": list(imported.notes),
            },
        )
        return ExitCode.CLEAN
    for file in imported.touched:
        counts = "binary" if file.added is None else f"[green]+{file.added}[/] [red]-{file.removed}[/]"
        out.print(f"  {escape(file.path)}  {counts}")
    for note in imported.notes:
        out.print(f"  [dim]·[/] {escape(note)}")
    if dry_run:
        out.print("Nothing was changed (--dry-run).")
    elif commits:
        out.print(f"Committed as {', '.join(oid[:12] for oid in commits)}.")
    else:
        out.print("\n[bold]next:[/] `git diff --cached` to look, `git commit` to keep it")
    return ExitCode.CLEAN


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return typed(name).read_bytes()
    except OSError as error:
        raise MergeguardError(f"can't read the patch: {error.strerror}", where=Location(name)) from error


_FATES = {
    AdoptedAs.UPSTREAM: "dim",
    AdoptedAs.EDITED: "green",
    AdoptedAs.ADDED: "green",
    AdoptedAs.REMOVED: "red",
    AdoptedAs.TAKEN_APART: "cyan",
    AdoptedAs.GLUE: "dim",
    AdoptedAs.RETYPE: "yellow",
    AdoptedAs.UNPLACED: "yellow",
}


def adopt(
    rule: Annotated[str, Argument(metavar="RULE", help="The rule to change over to.")],
    files: Annotated[
        list[str] | None, Option("--file", metavar="PATH", help="A hand-made file; default: found.")
    ] = None,
    keep: Annotated[
        Keep | None,
        Option(
            "--keep",
            help="Whose text a function keeps that the split took apart and the fork changed: upstream's "
            "(what the fork has is listed, to be typed again), or the fork's, as its own declaration.",
        ),
    ] = None,
    keep_unplaced: Annotated[
        bool, Option("--keep-unplaced", help="Keep what can't be placed as unmapped text.")
    ] = False,
    dry_run: Annotated[bool, Option("--dry-run", "-n", help="Only show what would happen.")] = False,
    verbose: Annotated[bool, Option("--verbose", "-v", help="Every declaration.")] = False,
    upstream: Upstream = None,
    json: Json = False,
) -> int:
    """Change over from a split made by hand: local edits are kept, the layout is derived, then staged."""
    here = opened()
    named = tuple(file_from_root(here, name) for name in files or ())
    try:
        change = adopting.adopted(
            here, rule, upstream=upstream, files=named, keep=keep, keep_unplaced=keep_unplaced
        )
    except adopting.AdoptionRefused as refused:
        if json:
            print_json("adopt", {"staged": False, "refused": str(refused), **_adopted_json(refused.adopted)})
        else:
            _print_adoption(refused.adopted.adoption, verbose)
        if not dry_run:
            raise
        if not json:
            err.print(f"[yellow]would be refused:[/] {escape(str(refused))}")
        return ExitCode.FINDINGS
    if not dry_run:
        adopting.stage(here, change)
    code = ExitCode.FINDINGS if change.adoption.unplaced else ExitCode.CLEAN
    if json:
        print_json("adopt", {"staged": not dry_run, "refused": None, **_adopted_json(change)})
        return code
    out.print(
        f"[bold]{escape(change.name)}[/]  {escape(change.path)}, split by hand into {len(change.files)} files"
    )
    _print_adoption(change.adoption, verbose)
    if change.interface:
        out.print(
            f"  [yellow]the rule's interface is {change.interface} now[/]: in a thin layout, what the fork's "
            "functions call would stand where it can't be read back"
        )
    if change.listing:
        out.print(f"  [yellow]to be typed again:[/] {escape(change.listing)}")
    for name in change.kept:
        out.print(f"  [yellow]kept, unmapped:[/] {escape(name)}")
    out.print(
        "Nothing was changed (--dry-run)."
        if dry_run
        else "\n[bold]next:[/] `git diff --cached` to look, `git commit` to keep it"
    )
    return code


def _print_adoption(adoption: Adoption, verbose: bool) -> None:
    for fate in AdoptedAs:
        taken = adoption.of(fate)
        if not taken:
            continue
        out.print(f"  [{_FATES[fate]}]{fate.value}[/]: {len(taken)}")
        if fate in (AdoptedAs.UPSTREAM, AdoptedAs.GLUE) and not verbose:
            continue
        for one in taken:
            counts = f"  +{one.added} -{one.removed}" if one.added or one.removed else ""
            reason = f"  [dim]{escape(one.reason)}[/]" if one.reason else ""
            out.print(f"    {escape(one.path)}:{one.line}  {escape(one.item)}{counts}{reason}")
            for line in one.text.splitlines()[:6]:
                out.print(f"      [dim]{escape(line.decode('utf-8', 'replace'))}[/]")


def _adopted_json(change: adopting.Adopted) -> dict[str, object]:
    return {
        "rule": change.name,
        "monolith": change.path,
        "files": list(change.files),
        "tree": change.tree,
        "kept": list(change.kept),
        "listing": change.listing,
        "interface": change.interface,
        "decide": list(change.adoption.decide),
        "declarations": [
            {
                "path": t.path,
                "line": t.line,
                "item": t.item,
                "fate": t.fate.name.lower(),
                "reason": t.reason,
                "added": t.added,
                "removed": t.removed,
                "text": t.text.decode("utf-8", "backslashreplace"),
            }
            for t in change.adoption.taken
        ],
    }
