"""Nothing that the repository brings is run before the user of this clone has accepted those bytes."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from mergeguard.data import shipped_rules
from tests.support.story import PAGED, Story, git

MARKER = "was-run"
RULE = shipped_rules()["vllm/paged_attention_v1.toml"].decode()
VERBS = (["verify", "--compile"], ["cost"], ["budget", "paged_attention_v1", "--memory", "1G"])


@pytest.fixture(scope="module")
def cloned(tmp_path_factory):
    """A fork of somebody else's, whose compile command leaves a file in its clone."""
    return Story.begin(tmp_path_factory.mktemp("theirs"), "paged_attention_v1")


@pytest.fixture
def story(cloned):
    yield cloned
    git(cloned.fork, "reset", "-q", "--hard")
    git(cloned.fork, "clean", "-fdqx")
    git(cloned.fork, "config", "--unset-all", "mergeguard.trusted", check=False)


def rule_runs(story, line):
    """The fork's rule with this compile command; gives the word that leaves the marker."""
    story.write(".mergeguard/rules/paged_attention_v1.toml", f"compile = {json.dumps(line)}\n{RULE}".encode())


def evil(story):
    return f"touch {story.fork / MARKER} {{source}} {{output}}"


def database_runs(story, **entry):
    values = {"directory": str(story.fork), "file": f"{PAGED}.cu", **entry}
    story.write("compile_commands.json", json.dumps([values]).encode())


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
@pytest.mark.parametrize("how", ["rule", "database"])
def test_what_the_repository_proposes_does_not_run(story, how, verb):
    if how == "rule":
        rule_runs(story, evil(story))
    else:
        database_runs(story, command=f"touch {story.fork / MARKER} {PAGED}.cu -o x.o")
    ran = story.run(*verb)
    assert ran.code == 2 and "nobody has accepted it" in ran.err
    assert MARKER in ran.err  # what it would have run is shown
    assert not (story.fork / MARKER).exists()


def test_the_command_that_is_printed_accepts_it_for_these_bytes_alone(story):
    rule_runs(story, evil(story))
    (command,) = re.findall(r"mergeguard (trust \S+ [0-9a-f]+)", story.run("cost").err)
    accepted = story.run(*command.split())
    assert accepted.code == 0 and "accepted" in accepted.out
    story.run("cost")
    assert (story.fork / MARKER).exists()
    # Another command, another word.
    (story.fork / MARKER).unlink()
    rule_runs(story, evil(story) + " -O2")
    assert "nobody has accepted it" in story.run("cost").err
    assert story.run(*command.split()).code == 2
    assert not (story.fork / MARKER).exists()


def test_what_was_accepted_can_be_taken_back_and_is_in_no_commit(story):
    rule_runs(story, evil(story))
    (command,) = re.findall(r"mergeguard (trust \S+ [0-9a-f]+)", story.run("cost").err)
    assert story.run(*command.split()).code == 0
    assert git(story.fork, "status", "--porcelain", "--", ".").split("\n")[0].endswith("v1.toml")
    assert "1 accepted" in story.run("trust", "--forget").out
    assert "nobody has accepted it" in story.run("cost").err


def test_a_file_of_the_repository_that_the_command_names_is_part_of_its_bytes(story):
    story.write("tools/cc.sh", b"#!/bin/sh\n")
    rule_runs(story, f"sh {story.fork}/tools/cc.sh -c {{source}} -o {{output}}")
    first = re.findall(r"trust \S+ ([0-9a-f]+)", story.run("trust").out)
    story.write("tools/cc.sh", b"#!/bin/sh\nrm -rf /\n")
    second = re.findall(r"trust \S+ ([0-9a-f]+)", story.run("trust").out)
    assert first and second and first != second


@pytest.mark.parametrize(
    "word", ["@options.txt", "--options-file options.txt", "-B {root}/tools", "-ccbin={root}/tools", "-Bx"]
)
def test_what_no_digest_can_hold_is_not_accepted(story, word):
    story.write("options.txt", b"-fplugin=./evil.so")
    story.write("tools/as", b"")
    story.write("x/as", b"")
    rule_runs(story, f"g++ {word} -c {{source}} -o {{output}}")
    ran = story.run("verify", "--compile")
    assert ran.code == 2 and "can't be accepted by its bytes" in ran.err and "--command" in ran.err


def test_options_files_of_a_database_stay_inside(story, tmp_path):
    (tmp_path / "secret.rsp").write_text("-DSECRET")
    database_runs(story, command=f"g++ @{tmp_path}/secret.rsp -c {PAGED}.cu -o x.o")
    ran = story.run("verify", "--compile", "--build", ".")
    assert ran.code == 2 and "neither the source tree nor the build folder" in ran.err
    assert "SECRET" not in ran.err


@pytest.mark.skipif(shutil.which("g++") is None, reason="no compiler")
def test_the_users_own_word_needs_no_asking(story):
    rule_runs(story, evil(story))
    story.run("verify", "--compile", "--command", "g++ -fsyntax-only {source} -DX={output}")
    assert not (story.fork / MARKER).exists()
    ran = story.run("cost", "--command", f"touch {story.fork / MARKER} {{source}} {{output}}")
    assert "nobody has accepted" not in ran.err and (story.fork / MARKER).exists()


def test_what_is_proposed_is_listed(story):
    rule_runs(story, evil(story))
    ran = story.run("trust", "--json")
    (proposed,) = json.loads(ran.out)["proposals"]
    assert ran.code == 1 and proposed["command"][0] == "touch" and not proposed["accepted"]
    git(story.fork, "checkout", "-q", ".")
    assert story.run("trust").code == 0
