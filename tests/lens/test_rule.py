"""Rules: what is read, and what is said about a rule that can't be."""

from __future__ import annotations

import json

import jsonschema
import pytest

from mergeguard.errors import RuleError
from mergeguard.lens.rule import Rule, digest, json_schema, parse_rule
from tests.support import layouts
from tests.support.toolchain import MONOLITHS

GOOD = """schema = 1
monolith = "src/run.cu"

[[move]]
to = "common.h"
items = ["include *"]

[[partition]]
entry = "run"
over = { in = "run", switch = "n" }
discriminator = "n"
body = "dispatch.cuh"
rest = "two.cu"

[partition.shards]
"one.cu" = [1]
"two.cu" = [2]
"""


def test_a_good_rule():
    rule = parse_rule(GOOD.encode(), "r.toml")
    assert rule.paths() == ("src/run.cu",)
    assert rule.folder("src/run.cu") == "src/run"
    assert rule.shard_files() == ("one.cu", "two.cu")
    assert rule.partition[0].declarations == "launch.h"
    assert parse_rule(b"\xef\xbb\xbf" + GOOD.encode(), "r.toml") == rule


@pytest.mark.parametrize(
    ("old", "new", "message", "line"),
    [
        ("schema = 1", "schema = 2", "schema is 2", 1),
        ("schema = 1\n", "", "schema is None", None),
        ("schema = 1", "schema = ", "not TOML", 1),
        ('monolith = "src/run.cu"', "", "missing required field `monolith`", None),
        ('monolith = "src/run.cu"', "monolith = 3", "Expected `str`, got `int`", 2),
        ('monolith = "src/run.cu"', 'monolith = "../run.cu"', "not inside the repository", 2),
        ('monolith = "src/run.cu"', 'monolith = "/run.cu"', "not inside the repository", 2),
        ('monolith = "src/run.cu"', 'monolith = "C:/run.cu"', "not inside the repository", 2),
        ('monolith = "src/run.cu"', 'monolith = "a/.git/run.cu"', "not inside the repository", 2),
        ('monolith = "src/run.cu"', 'monolith = "src/run.cu"\nlayout = "../x"', "not inside", 3),
        ('to = "common.h"', 'to = "../common.h"', "outside the layout's folder", 5),
        ('to = "common.h"', 'to = "dispatch.cuh"', "claimed twice", None),
        ('to = "common.h"', 'to = "common.h"\nunknown = 1', "unknown key `unknown`", None),
        ('"include *"', '"inclde *"', "unknown kind `inclde`", None),
        ('"include *"', '"include"', "no name", None),
        ('switch = "n"', 'switch = "n", chain = "n"', "one of `switch`, `chain` and `sequence`", None),
        (', switch = "n"', "", "one of `switch`, `chain` and `sequence`", None),
        ('"two.cu" = [2]', '"two.cu" = [1]', "given to two shards", None),
        ('"two.cu" = [2]', '"../two.cu" = [2]', "outside the layout's folder", None),
        ('"one.cu" = [1]', '"one.cu" = [1.5]', "Expected `int | str`, got `float`", None),
    ],
)
def test_a_broken_rule_is_named(old, new, message, line):
    assert old in GOOD
    with pytest.raises(RuleError) as caught:
        parse_rule(GOOD.replace(old, new).encode(), "rules/r.toml")
    assert message in str(caught.value)
    assert caught.value.where is not None and caught.value.where.path == "rules/r.toml"
    if line is not None:
        assert caught.value.where.line == line


def test_a_rule_without_shards():
    with pytest.raises(RuleError, match="makes no shards"):
        parse_rule(b'schema = 1\nmonolith = "a.cu"\n', "r.toml")


def test_a_rule_that_is_not_text():
    with pytest.raises(RuleError, match="not UTF-8"):
        parse_rule(b'schema = 1\nmonolith = "\xff"\n', "r.toml")


def test_the_digest_is_gits():
    assert digest(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


@pytest.mark.parametrize("name", MONOLITHS)
def test_shipped_rules_fit_the_schema(name):
    import tomllib

    text = (layouts.ROOT / "rules" / "vllm" / f"{name}.toml").read_bytes()
    assert isinstance(layouts.shipped_rule(name), Rule)
    schema = json.loads(json.dumps(json_schema()))
    validator = jsonschema.Draft202012Validator(schema)
    raw = tomllib.loads(text.decode())
    assert not list(validator.iter_errors(raw))
    assert list(validator.iter_errors(raw | {"unknown": 1}))
