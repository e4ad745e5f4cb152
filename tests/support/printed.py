"""The commands that a screen prints, and typing them in the state in which it was printed.

Each is typed in a copy of the repository, after what its sentence asks for ("resolve …, then"). Holes that
only the reader can fill are filled with something sensible, or the command is left out and named.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.story import Ran, Story

_WORD = r"(?:[A-Z_]+=\S+ )?(?:git|mergeguard|rm|pip)"
#: A command in backticks, or one that stands alone on its line: what follows ``  #`` explains it.
_TICKED = re.compile(rf"`({_WORD} [^`]+)`")
_ALONE = re.compile(rf"^\s*(?:next: )?({_WORD} [^`\n]*?)(?:  #.*| \([^`\n]*)?$", re.MULTILINE)
#: "`mergeguard sync --continue` (or `--skip`, `--abort`)": the same command with its last word exchanged.
_OTHERWISE = re.compile(r"`((?:git|mergeguard) \S+) [^`]*`,? (?:\(or )?((?:(?:,|or| )*`--[a-z-]+`)+)")
#: Parts of "resolve the markers, `git add` the files": no commands by themselves.
_PARTS = ("git add", "git stash", "git stash -u", "git apply", "git am", "git fetch", "git rm")
#: What the reader fills in.
_FILLED = {
    "--why TEXT": "--why 'it was meant'",
    "--message TEXT": "--message 'it was meant'",
    " REF": " upstream/main",
    " A..B": " HEAD~1..HEAD",
    "'…'": "'Somebody'",
    "FILE:LINE": "README:1",
}
_HOLE = re.compile(r"(?<![\w'=/-])(?!HEAD\b)[A-Z]{2,}(?![\w=/.~^_-])|…|<\w+>")

#: Takes this side of everything in conflict, as somebody does who resolves markers in a hurry.
_RESOLVE = (
    "git diff --name-only --diff-filter=U -z | sort -zu | while IFS= read -r -d '' f; do "
    'git checkout -q --ours -- "$f" 2>/dev/null || git rm -q --cached -- "$f"; '
    'git add -- "$f" 2>/dev/null; done'
)
#: What a sentence may ask for before its command, and how it is done.
_ACTIONS = (
    (r"resolve", _RESOLVE),
    (r"on upstream/main: ", "git checkout -q upstream/main"),
    (
        r"commit (?:them|it\b|or stash)|commit something|look at it, then `git add",
        "git add -A; git commit -qm 'as it is'",
    ),
)
#: Work that nobody else can do before the command.
_THEIR_OWN = r"\b(?:adapt|correct)\b"
#: An editor that saves a message.
_EDITOR = 'saves() { echo typed > "$1"; }; saves'


def commands(text: str) -> dict[str, str]:
    """The commands of a screen, each with the sentence before it; holes are filled in where that can be."""
    found = []
    for pattern in (_TICKED, _ALONE):
        found += [(match.start(1), match[1]) for match in pattern.finditer(text)]
    for match in _OTHERWISE.finditer(text):
        options = re.findall(r"`(--[a-z-]+)`", match[2])
        found += [(match.end(), f"{match[1]} {option}") for option in options]
    told: dict[str, str] = {}
    for at, command in sorted(found):
        line = text.rfind("\n", 0, at) + 1
        told.setdefault(_filled(" ".join(command.split())), text[line:at])
    return {command: before for command, before in told.items() if command not in _PARTS}


def _filled(command: str) -> str:
    for hole, text in _FILLED.items():
        command = re.sub(rf"{re.escape(hole)}(?!\w)", text, command)
    return command


def has_hole(command: str) -> bool:
    """Whether something is left that only the reader knows."""
    return _HOLE.search(re.sub(r"'[^']*'", "", command)) is not None


@dataclass(frozen=True)
class Typed:
    """A command that was typed as printed, and what came of it."""

    command: str
    code: int
    said: str

    @property
    def works(self) -> bool:
        """Whether the command was not refused: done, or done and somebody is needed."""
        return self.code in ((0, 1) if "mergeguard" in self.command else (0,))


def type_all(story: Story, screen: Ran, scratch: Path, known: set[tuple[str, ...]]) -> Iterator[Typed]:
    """Type each command of a screen in a copy of the fork as it is now; not what is ``known``: typed before,
    after the same sentence."""
    for command, before in commands(f"{screen.out}\n{screen.err}").items():
        asked = (command, *(action for pattern, action in _ACTIONS if re.search(pattern, before)))
        if has_hole(command) or re.search(_THEIR_OWN, before) or asked in known:
            continue
        known.add(asked)
        yield typed(story, command, before, scratch)


def typed(story: Story, command: str, before: str, scratch: Path) -> Typed:
    """Type one command in a copy of the fork, after what the sentence ``before`` it asks for."""
    copy = Story(story.upstream, scratch / "fork")
    shutil.copytree(story.fork, copy.fork, symlinks=True)
    _shell(copy.fork, "git update-index -q --refresh")  # a copy's files have other times
    try:
        for pattern, action in _ACTIONS:
            if re.search(pattern, before):
                _shell(copy.fork, action)
        words = shlex.split(command)
        if words[0] == "mergeguard" and not {"&&", "|", ">"} & set(words):
            ran = copy.run(*words[1:])
            return Typed(command, ran.code, ran.out + ran.err)
        done = _shell(copy.fork, command)
        return Typed(command, done.returncode, done.stdout + done.stderr)
    finally:
        shutil.rmtree(copy.fork)


def _shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | {"GIT_EDITOR": _EDITOR, "EDITOR": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
