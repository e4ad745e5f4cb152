"""A step that rewrites a copy of the sources before they are compiled, such as hipify.

ROCm builds compile no source of the repository but what hipify made of a copy. So does a comparison here: the
tree that was laid out stays as it is, the step works on a copy of it, and where it made a copy of a unit,
that is compiled. The same step is applied to the monolith and to its layout.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from mergeguard.build.cache import digest_file, digest_text
from mergeguard.build.commands import CommandError, PrepareStep
from mergeguard.build.hipified import copy_names
from mergeguard.build.processes import run

_STAMP = ".mergeguard-prepared"


def prepared(step: PrepareStep, tree: Path, units: Sequence[str], where: Path) -> tuple[Path, dict[str, str]]:
    """Run the step for a tree, in the folder ``where``; the copy's root, and what it made of the units.

    A copy that was made of these very bytes by these words is taken as it is. Raises CommandError if the step
    fails or can't be started; there is no copy then.
    """
    root = tree.with_name(tree.name + ".prepared")
    words = step.fill(tree, root, units)
    stamp = root / _STAMP
    wanted = _digest(words, tree, where)
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(tree, root)
        try:
            _run(words, where)
        except CommandError:
            shutil.rmtree(root, ignore_errors=True)
            raise
        stamp.write_text(wanted, encoding="utf-8")
    return root, {unit: _copy_of(unit, tree, root) for unit in units}


def _copy_of(unit: str, tree: Path, root: Path) -> str:
    made = (name for name in copy_names(unit) if (root / name).is_file() and not (tree / name).exists())
    return next(made, unit)


def _digest(words: Sequence[str], tree: Path, where: Path) -> str:
    """Of the step, the programs that it names, and each file that it may rewrite."""
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    named = [where / word for word in words if (where / word).is_file()]
    return digest_text(*words, *(f"{path}\0{digest_file(path)}" for path in (*named, *files)))


def _run(words: Sequence[str], where: Path) -> None:
    try:
        outcome = run(words, os.fspath(where))
    except OSError as error:
        raise CommandError(
            f"the step before compiling can't be started: {error.strerror}: {words[0]}",
            hint="name a program that is here, with --prepare or in `git config mergeguard.prepare`",
        ) from error
    if outcome.exit_code != 0:
        raise CommandError(
            f"the step before compiling failed (exit {outcome.exit_code})\n{outcome.said.strip()}",
            hint=f"this is the command, in {where}: {shlex.join(words)}",
        )
