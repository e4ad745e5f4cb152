"""The AST's view of a split, on the fixtures and on a layout that has lost something."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mergeguard.data import shipped_rules
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout, LayoutFile, Piece, Role
from mergeguard.lens.rule import parse_rule
from mergeguard.verbs.compiled import astcheck
from tests.support.story import COMPILE, PAGED, Story

# The fixtures are of vLLM's files.
NAMES = [path[5:-5] for path in shipped_rules() if path.startswith("vllm/")]


def laid_out(name: str) -> Layout:
    rule = parse_rule(shipped_rules()[f"vllm/{name}.toml"], name)
    path = next(p for p in rule.paths() if (COMPILE / p).is_file())
    return split(rule, name, path, (COMPILE / path).read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_the_ast_names_the_same(name):
    assert astcheck.compare(name, laid_out(name)) == []


def test_a_lost_definition_is_named():
    layout = laid_out("skinny_gemms_int4")
    whole = layout.monolith + b"\nvoid mg_only_in_the_monolith() {}\n"
    # As if a unit that nobody compiles had taken it.
    extra = LayoutFile(
        "csrc/nowhere.h", Role.HEADER, (Piece(whole[len(layout.monolith) :], len(layout.monolith)),)
    )
    lost = replace(layout, monolith=whole, files=(*layout.files, extra))
    (finding,) = astcheck.compare("skinny_gemms_int4", lost)
    assert "mg_only_in_the_monolith" in finding.message


def test_check_takes_the_ast_along(tmp_path):
    story = Story.begin(tmp_path, "paged_attention_v1")
    assert (story.fork / f"{PAGED}.cu").exists()
    ran = story.run("check", "--ast", "--json")
    assert ran.code == 0, ran.out
    assert json.loads(ran.out)["passed"]
