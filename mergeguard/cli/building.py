"""`generate` and `mode`: layouts made by the build, while git keeps the monoliths."""

from __future__ import annotations

import os
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from mergeguard.cli.console import err, json_text, opened, out
from mergeguard.cli.declare import Argument, DryRun, Names, Option, Upstream
from mergeguard.cli.looking import print_hunks
from mergeguard.cli.markup import escape
from mergeguard.cli.paths import typed
from mergeguard.errors import ExitCode, LayoutError, Location, counted
from mergeguard.verbs import generating, modes, splitting
from mergeguard.verbs.generating import Depfile, Generated, GenerateOptions


class Listing(StrEnum):
    """How ``generate`` prints the units."""

    PLAIN = "plain"
    JSON = "json"
    CMAKE = "cmake"
    SEMICOLON = "semicolon"
    NONE = "none"


def generate(
    folder: Annotated[Path, Option("--out", metavar="DIR", help="The build folder to write in.")],
    names: Names = None,
    root: Annotated[
        Path, Option("--root", metavar="DIR", help="The source tree; no git is needed.")
    ] = Path(),
    lines: Annotated[bool, Option("--line/--no-line", help="Name the monolith's lines by #line.")] = True,
    fallback: Annotated[
        bool, Option("--fallback", help="Compile a monolith whole where its rule does not fit it.")
    ] = False,
    mirror: Annotated[
        list[str] | None,
        Option("--mirror", metavar="DIR", help="Also copy this source folder, for hipify and the like."),
    ] = None,
    listing: Annotated[
        Listing, Option("--units", help="How to print the translation units.")
    ] = Listing.PLAIN,
    depfile: Annotated[
        Path | None,
        Option("--depfile", metavar="FILE", help="Write what the layouts depend on, for Make."),
    ] = None,
    target: Annotated[str, Option("--target", help="The depfile's target.")] = generating.TARGET,
) -> int:
    """Make the layouts of rules in build mode in a build folder; what did not change keeps its time."""
    source, build = typed(str(root)).resolve(), typed(str(folder)).resolve()
    options = GenerateOptions(lines, fallback, tuple(mirror or ()), tuple(names or ()))
    dependencies = None if depfile is None else Depfile(typed(str(depfile)), target)
    made, text = generating.generate(
        source,
        build,
        options,
        lambda made: _listed(made, source, build, listing),
        arguments=sys.argv[1:],
        dependencies=dependencies,
    )
    for warning in made.warnings:
        err.print(f"[yellow]warning:[/] {escape(warning)}")
    if not made.units and not made.warnings:
        err.print("[yellow]note:[/] no rule here is in build mode; see `mergeguard mode build RULE`")
    sys.stdout.write(text)
    return ExitCode.CLEAN


def _listed(made: Generated, root: Path, build: Path, listing: Listing) -> str:
    units = [str(build / unit) for units in made.units.values() for unit in units]
    if listing is Listing.JSON:
        data = {
            "units": {path: [str(build / u) for u in units] for path, units in made.units.items()},
            "files": [str(build / file) for file in made.files],
            "warnings": list(made.warnings),
        }
        return json_text("generate", data)
    if listing is Listing.CMAKE:
        return os.fsdecode(generating.cmake_list(made, root, build))
    if listing is Listing.NONE:
        return ""
    if listing is Listing.SEMICOLON:
        return ";".join(units) + "\n"
    return "".join(f"{unit}\n" for unit in units)


class Mode(StrEnum):
    """Where a rule's layout is."""

    BUILD = "build"
    TREE = "tree"


def mode(
    wanted: Annotated[Mode, Argument(metavar="build|tree")],
    names: Annotated[list[str], Argument(metavar="RULE...")],
    upstream: Upstream = None,
    drop_hunks: Annotated[
        bool,
        Option("--drop-hunks", help="Also without what has no place in the monolith, kept as patches."),
    ] = False,
    dry_run: DryRun = False,
) -> int:
    """Change a rule over: its layout committed in the tree, or made by the build. One staged change."""
    here = opened()
    changed = modes.change(here, names, wanted.value, upstream)
    kept = splitting.leftovers(here, names) if drop_hunks and wanted is Mode.BUILD else ()
    if changed.hunks and not drop_hunks:
        print_hunks(changed.hunks)
        raise LayoutError(
            f"{counted(len(changed.hunks), 'hunk')} with no place in the monolith would be lost",
            where=Location(changed.hunks[0].path, changed.hunks[0].line),
            hint="`mergeguard unmapped` goes through them; or keep them as patches: "
            f"`mergeguard mode build {shlex.join(names)} --drop-hunks`",
        )
    if changed.changed and not dry_run:
        here.stage(changed.tree, f"mode {wanted.value}", kept)
    for name in dict.fromkeys(names):
        did = f"is in {wanted.value} mode already"
        if name in changed.changed:
            did = f"would be in {wanted.value} mode" if dry_run else f"in {wanted.value} mode now, staged"
        out.print(f"{escape(name)}: {did}")
    if changed.changed and not dry_run:
        out.print("\n[bold]next:[/] `git diff --cached` to look, `git commit` to keep it")
    return ExitCode.CLEAN
