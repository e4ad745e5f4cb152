"""`mergeguard sync`: upstream into the fork."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from mergeguard.cli import render
from mergeguard.cli.console import opened, out, print_json, progress
from mergeguard.cli.declare import Argument, BadParameter, DryRun, Json, Option
from mergeguard.errors import ExitCode, LayoutError, counted
from mergeguard.verbs import sync as syncing
from mergeguard.verbs.rebase import RebaseOutcome

if TYPE_CHECKING:
    from mergeguard.fork.fork import Fork


def sync(
    upstream: Annotated[
        str | None, Argument(metavar="REF", help="What to merge, e.g. upstream/main.")
    ] = None,
    rebase_mode: Annotated[
        bool, Option("--rebase", help="Replay the local commits onto REF instead of merging.")
    ] = False,
    rebase_merges: Annotated[
        bool, Option("--rebase-merges", help="As --rebase, with merges of local branches made again.")
    ] = False,
    stepwise: Annotated[
        bool, Option("--stepwise", help="Merge in the steps of `plan`, a commit each.")
    ] = False,
    branches: Annotated[
        str | None,
        Option("--branches", metavar="PREFIX", help="With --stepwise: a branch for each step."),
    ] = None,
    audit: Annotated[
        bool | None,
        Option(
            "--audit/--no-audit",
            help="Look for what a clean merge does not prove (the default; git config mergeguard.audit).",
        ),
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
    message: Annotated[str | None, Option("-m", "--message", help="The merge commit's message.")] = None,
    two_commits: Annotated[
        bool,
        Option(
            "--two-commits",
            help="Commit conflicts as they were, then their resolution (git config mergeguard.twoCommits).",
        ),
    ] = False,
    proceed: Annotated[
        bool, Option("--continue", help="Go on once the conflicts are resolved and added.")
    ] = False,
    skip: Annotated[bool, Option("--skip", help="Leave out the commit that conflicts (rebase).")] = False,
    abort: Annotated[bool, Option("--abort", help="Back to before a sync that conflicted.")] = False,
    quit_: Annotated[
        bool, Option("--quit", help="Forget the waiting sync; leave everything as it is.")
    ] = False,
) -> int:
    """Merge upstream as if the split had never happened, then derive the layouts again."""
    if sum((proceed, abort, skip, quit_, upstream is not None)) > 1:
        raise BadParameter("one of REF, --continue, --skip, --abort and --quit")
    if stepwise and (rebase_mode or rebase_merges or message is not None):
        raise BadParameter("--stepwise makes merges with messages of their own: no --rebase, no -m")
    if stepwise and dry_run:
        raise BadParameter("`mergeguard plan REF` shows the steps of --stepwise")
    if two_commits and (rebase_mode or rebase_merges):
        raise BadParameter("--two-commits is for merges: a rebase has no commit for conflicts")
    if branches is not None and not stepwise:
        raise BadParameter("--branches goes with --stepwise")
    here = opened()
    two_commits = two_commits or here.repository.config_bool("mergeguard.twoCommits")
    if abort or quit_:
        (syncing.abort_sync if abort else syncing.quit_sync)(here)
        out.print("The sync was aborted; all is as before it." if abort else "The sync is forgotten.")
        return ExitCode.CLEAN
    if proceed or skip:
        with progress("sync", quiet=json) as report:
            done = syncing.continue_sync(
                here, skip=skip, audit=audit, two_commits=two_commits, progress=report
            )
        if isinstance(done, syncing.Concluded):
            code = ExitCode.CLEAN if done.done else ExitCode.FINDINGS
            if json:
                print_json(
                    "continue",
                    {
                        "commit": done.commit,
                        "audit": render.audit_json(done.audit),
                        "losses": render.losses_json(done.losses),
                    },
                )
                return code
            out.print(f"[green]Merged[/] as {done.commit[:12]}.")
            render.print_audited(done.audit)
            if done.audit and not done.undecided:
                out.print("  [dim]all in conflicts that you have just resolved[/]")
            render.print_findings(done.losses)
            if done.undecided:
                out.print(f"\n{render.LOOK_AT_FINDINGS}")
            return code
        return _rebased(done, dry_run=False, json=json)
    ref = here.upstream(upstream)
    if ref is None:
        raise LayoutError(
            "no upstream is known",
            hint="`mergeguard sync REF`, or `git config mergeguard.upstream REF` once",
        )
    if stepwise:
        return _stepwise(here, ref, branches, audit, two_commits=two_commits, json=json)
    with progress(f"sync {ref}", quiet=json) as report:
        if rebase_mode or rebase_merges:
            outcome = syncing.sync_rebase(
                here, ref, dry_run=dry_run, rebase_merges=rebase_merges, audit=audit, progress=report
            )
        else:
            synced = syncing.sync(
                here,
                ref,
                dry_run=dry_run,
                message=message,
                audit=audit,
                two_commits=two_commits,
                progress=report,
            )
    if rebase_mode or rebase_merges:
        return _rebased(outcome, dry_run=dry_run, json=json)
    if json:
        print_json("sync", render.sync_json(synced))
    else:
        render.print_sync(synced, dry_run=dry_run)
    return ExitCode.CLEAN if synced.done else ExitCode.FINDINGS


def _stepwise(
    here: Fork, ref: str, branches: str | None, audit: bool | None, *, two_commits: bool, json: bool
) -> int:
    with progress(f"sync {ref}", quiet=json) as report:
        stepped = syncing.sync_stepwise(
            here, ref, branches=branches, audit=audit, two_commits=two_commits, progress=report
        )
    if json:
        print_json("steps", {"left": stepped.left, "steps": [render.sync_json(s) for s in stepped.done]})
    else:
        for synced in stepped.done:
            render.print_sync(synced, dry_run=False)
        if branches and stepped.done:
            out.print(
                f"[bold]next:[/] `mergeguard report --pull-request --merge {branches}/01`, for each step"
            )
        if stepped.left:
            out.print(f"{counted(stepped.left, 'commit')} left; after that, the same command goes on")
    clean = all(s.done for s in stepped.done)
    return ExitCode.CLEAN if clean else ExitCode.FINDINGS


def _rebased(outcome: RebaseOutcome, *, dry_run: bool, json: bool) -> int:
    if json:
        print_json("rebase", render.rebase_json(outcome))
    else:
        render.print_rebase(outcome, dry_run=dry_run)
    return ExitCode.CLEAN if outcome.clean and not outcome.audit else ExitCode.FINDINGS
