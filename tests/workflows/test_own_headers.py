"""A rule written by hand whose units would all read a header that one unit alone may: said, and red."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.story import Story, git

RULE = """schema = 1
monolith = "m.cu"
build = []
[[deal]]
header = "internal.h"
[deal.shards]
"one.cu" = ["function one"]
"two.cu" = ["function two"]
"""
MONOLITH = (
    '#include "own.cuh"\nint one(int a) { return pick(a) + 1; }\nint two(int a) { return pick(a) + 2; }\n'
)
ONCE = "int pick(int a) { return a; }\n"
DIVIDED = "static int calls = 0;\nstatic int pick(int a) { return a + ++calls; }\n"


@pytest.fixture
def story(tmp_path: Path) -> Story:
    git(tmp_path, "init", "-q", "-b", "fork")
    made = Story(tmp_path, tmp_path)
    made.write("m.cu", MONOLITH.encode())
    made.write(".mergeguard/rules/m.toml", RULE.encode())
    return made


@pytest.mark.parametrize(
    ("header", "code", "said"),
    [
        (ONCE, "doubled", "own.cuh defines `pick`, which only one unit may"),
        (DIVIDED, "divided state", "own.cuh has `calls`, of which each unit would have one of its own"),
        ("inline " + ONCE, "", ""),
    ],
)
def test_what_a_header_defines_for_one_unit(story: Story, header: str, code: str, said: str) -> None:
    story.write("own.cuh", f"#pragma once\n{header}".encode())
    story.commits("whole")
    ran = story.run("split", "--json")
    (rule,) = json.loads(ran.out)["rules"]
    assert (ran.code, rule["parted"]) == ((1, [said]) if said else (0, []))
    # Also of the layout as it stands, whose units read it now.
    story.commits("split")
    verified = json.loads(story.run("verify", "--json").out)
    assert {f["check"] for proof in verified["rules"] for f in proof["findings"]} == (
        {code} if code else set()
    )
    assert said in story.run("split").out
