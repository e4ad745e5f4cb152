"""Every command that a message prints is one that exists: collected from the source, where all messages are.

That they work where they are printed is for ``tests/workflows/test_typed_as_printed.py``; here no verb,
option or part may be spelled as nobody can type it.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from mergeguard.cli.documents.describe import Described, describe
from mergeguard.cli.verbs import VERBS

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "mergeguard").rglob("*.py"))
#: What a message fills in where the source has an expression.
FILLED = "VALUE"
_QUOTED = re.compile(r"(?:`|&& )(mergeguard [^`\n]+?)(?:`| && )")
#: A message that is a command, or a title or purpose that begins like one.
_WHOLE = re.compile(r"mergeguard ([a-z-]+)( [^:]*)?")
#: Git's own options, and what is read by others.
FOREIGN = ("blame", "merge-file", "hook", "merge-driver", "--debug", "--cmake-dir", "--version", "--help")


@cache
def known() -> dict[str, Described]:
    return {verb.name: verb for verb in describe()}


def texts(tree: ast.AST) -> Iterator[str]:
    """The strings of a module that are no docstrings, with ``FILLED`` for what is filled in."""
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in ast.walk(node) if part is not node}
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else FILLED for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in documented and id(node) not in inside:
                yield node.value


def printed(path: Path) -> list[str]:
    """The commands that a module's messages print."""
    found = []
    for text in texts(ast.parse(path.read_text(encoding="utf-8"))):
        found += _QUOTED.findall(re.sub(r"\[/?[a-z ]*\]", "", text))
        whole = _WHOLE.fullmatch(text)
        if whole is not None and whole[1] in VERBS:
            found.append(text)
    return [command for command in found if command.split()[1] not in ("…", "VERB")]


PRINTED = [(path, command) for path in SOURCES for command in printed(path)]


def test_the_collection_finds_what_is_printed():
    commands = {command for _, command in PRINTED}
    assert len(commands) > 60
    assert "mergeguard sync --continue" in commands
    assert f"mergeguard mode tree {FILLED}" in commands


def wrong(command: str) -> bool:
    """Whether a command names a verb, part or option that is not there."""
    words = shlex.split(command.replace("…", ""), comments=True)[1:]
    if not words or words[0] == FILLED or words[0] in FOREIGN:
        return False
    if words[0] not in VERBS:
        return True
    verb = " ".join(words[:2]) if " ".join(words[:2]) in known() else words[0]
    if verb not in known():  # a group: its part is filled in, or left out
        return len(words) > 1 and not words[1].startswith(("-", FILLED))
    options = {name for parameter in known()[verb].parameters for name in parameter.spellings}
    named = (word.split("=")[0].rstrip(",.);") for word in words[1:])
    return any(name.startswith("-") and name.strip("-") and name not in options for name in named)


def test_printed_commands_can_be_typed():
    assert [f"{path.name}: {command}" for path, command in PRINTED if wrong(command)] == []
