"""Commands that the repository under work proposes, and which of them its user has accepted.

A rule's ``compile`` and a compile database in the work tree may have been written by anybody: they run only
once the user of this clone has accepted their very bytes. What was accepted is remembered by digest in the
clone's own configuration, which no commit and no clone carries. ``--command`` and ``--build`` are the
user's own word and need none of this.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from mergeguard.build.commands import ROOT, TREE, CommandError
from mergeguard.errors import Location
from mergeguard.git.repository import Repository
from mergeguard.values import dataclass

KEY = "mergeguard.trusted"
SHOWN = 16  # hex digits of a digest that a person types

#: Options that take their programs, or more options, from a folder or file: those of the repository change
#: without the command's own bytes changing.
_FOLDERS_OF_PROGRAMS = ("-B", "--compiler-bindir", "-ccbin", "--gcc-toolchain", "--rocm-path", "--cuda-path")
_FILES_OF_OPTIONS = ("--options-file", "-optf", "--config")


@dataclass(frozen=True, slots=True)
class ProposedCommand:
    """A command that the repository proposes, as words: for which rule, and the file that it stands in."""

    rule: str
    where: str
    words: tuple[str, ...]
    digest: str

    @property
    def text(self) -> str:
        """The command as a shell would take it."""
        return shlex.join(self.words)


def proposal(rule: str, where: str, words: tuple[str, ...], root: Path) -> ProposedCommand:
    """The proposal with the digest of all that decides what it runs: its words, and each file of the work
    tree ``root`` that they name. Raises CommandError where a digest can't hold what it would run.
    """
    digest = hashlib.sha256()
    for word in words:
        digest.update(word.encode("utf-8", "surrogateescape") + b"\0")
    for file in _files_named(words, root, where):
        digest.update(os.fsencode(file) + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return ProposedCommand(rule, where, words, digest.hexdigest())


def _files_named(words: tuple[str, ...], root: Path, where: str) -> Iterator[Path]:
    """The files of the work tree that a command's words name: a plug-in, a script, a specification."""
    top = Path(os.path.realpath(root))
    for number, word in enumerate(words):
        after = words[number + 1] if number + 1 < len(words) else ""
        option, _, value = word.partition("=")
        if word.startswith("@") or option in _FILES_OF_OPTIONS:
            raise _unbounded(where, f"takes options from a file ({word})")
        for name in _FOLDERS_OF_PROGRAMS:
            folder = value or after if option == name else word[len(name) :] if word.startswith(name) else ""
            if folder and _inside(folder, top) is not None:
                raise _unbounded(where, f"takes programs from the repository ({word})")
        for part in {word, *re.split(r"[=,]", word)}:
            found = _inside(part, top)
            if found is not None and found.is_file():
                yield found


def _inside(text: str, top: Path) -> Path | None:
    """The path in the work tree that a word names, if it names one."""
    path = Path(os.path.realpath(top / text.replace(ROOT, str(top)).replace(TREE, str(top))))
    return path if text and path.is_relative_to(top) and path != top else None


def _unbounded(where: str, why: str) -> CommandError:
    return CommandError(
        f"the compile command that the repository proposes {why}: it can't be accepted by its bytes",
        where=Location(where),
        hint="give the command yourself, with --command, or --build for a compile database you have made",
    )


def accepted(repository: Repository) -> frozenset[str]:
    """The digests that the user of this clone has accepted."""
    said = repository.git("config", "--local", "--no-includes", "--get-all", KEY, ok=(0, 1))
    return frozenset(said.text.split())


def accept(repository: Repository, proposed: ProposedCommand) -> None:
    """Remember that the user of this clone takes the proposal for their own word."""
    if proposed.digest not in accepted(repository):
        repository.git("config", "--local", "--add", KEY, proposed.digest)


def forget(repository: Repository) -> int:
    """Take back all that was accepted; how many there were."""
    count = len(accepted(repository))
    if count:
        repository.git("config", "--local", "--unset-all", KEY)
    return count


def require(repository: Repository, proposed: ProposedCommand) -> None:
    """Raises CommandError while the user of this clone has not accepted the proposal."""
    if proposed.digest in accepted(repository):
        return
    raise CommandError(
        f"the repository proposes to run this, and nobody has accepted it in this clone: {proposed.text}",
        where=Location(proposed.where),
        hint=f"look at it, then `mergeguard trust {shlex.quote(proposed.rule)} {proposed.digest[:SHOWN]}`; "
        "or give --command, or --build with a folder that you have configured",
    )
