"""Every command that a message prints is one that exists: collected from the source, where all messages are.

That the ones which go on with something work where they are printed is for the stories; here no verb, option
or part may be spelled as nobody can type it.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from mergeguard.cli.documents.describe import Described, describe
from mergeguard.cli.verbs import VERBS
from tests.support.story import PAGED, Story, git

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


# -- the tutorials ---------------------------------------------------------------------------------------

HEAVY = Path("csrc/heavy.cu")


def block(page: str, number: int) -> list[str]:
    """The commands of one indented block of a page."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = [
        [line.strip().split("  #")[0].strip() for line in block.splitlines() if line.startswith("    ")]
        for block in re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)
    ]
    return blocks[number]


@pytest.fixture(name="story")
def _story(tmp_path: Path) -> Story:
    """A fork whose upstream has one heavy file, where the tutorials look for it."""
    story = Story.begin(tmp_path)
    heavy = (story.upstream / f"{PAGED}.cu").read_text(encoding="utf-8")
    for folder in (story.upstream, story.fork):
        (folder / HEAVY).write_text(heavy, encoding="utf-8")
        for header in (folder / PAGED).parent.glob("*.*h"):
            (folder / "csrc" / header.name).write_bytes(header.read_bytes())
        lists = folder / "CMakeLists.txt"
        lists.write_text(
            lists.read_text(encoding="utf-8").replace(f"{PAGED}.cu", str(HEAVY)), encoding="utf-8"
        )
    story.upstream_commits("a heavy file")
    story.fetch()
    git(story.fork, "reset", "-q", "--hard", "upstream/main")
    return story


def typed(story: Story, commands: list[str]) -> None:
    """Run the commands as a person types them."""
    for command in commands:
        words = shlex.split(command)
        if words[0] == "git":
            git(story.fork, *words[1:])
        else:
            ran = story.run(*words[1:])
            assert ran.code == 0, (command, ran.out, ran.err)


@pytest.mark.parametrize("page", ["tutorials/tree.md", "tutorials/build.md"])
def test_a_tutorial_runs_as_printed(story: Story, page: str):
    typed(story, block(page, 0))
    text = (story.upstream / HEAVY).read_text(encoding="utf-8")
    (story.upstream / HEAVY).write_text(text.replace("case 32:", "case 32:  // theirs"), encoding="utf-8")
    story.upstream_commits("upstream goes on")
    if page.endswith("tree.md"):
        typed(story, block(page, 1))
        assert block(page, 2) == ["mergeguard sync --continue"]  # only where there was a conflict
        typed(story, [*block(page, 3), "mergeguard leave heavy"])
        assert "// theirs" in story.text(str(HEAVY))
    else:
        typed(story, block(page, 1))
        typed(story, ["git fetch upstream", "mergeguard sync upstream/main"])
        assert "// theirs" in story.text(str(HEAVY))
        assert (story.fork / "build/mergeguard" / HEAVY).exists()
