"""Rules listed, explained and added, on real repositories made of the fixtures."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from mergeguard.data import shipped_rules
from mergeguard.errors import RuleError, RuleMismatch, SourceError
from mergeguard.lens.explain import Why
from mergeguard.lens.rule import json_schema
from mergeguard.verbs import rulebook
from mergeguard.verbs.rulebook import RuleState
from tests.git.conftest import Sandbox
from tests.support.forks import fork, split, written

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "docs" / "rule.schema.json"


GONE = b"""schema = 1
monolith = "csrc/gone.cu"
[[partition]]
entry = "f"
over = { in = "f", chain = "a" }
body = "b.h"
rest = "x.cu"
[partition.shards]
"x.cu" = ["a"]
"""


@pytest.fixture
def sandbox(tmp_path):
    return Sandbox(tmp_path / "fork")


def test_the_published_schema_is_the_types():
    assert json.loads(PUBLISHED.read_text()) == json.loads(json.dumps(json_schema()))
    assert rulebook.schema() == json_schema()


@pytest.mark.parametrize("path", sorted(shipped_rules()))
def test_shipped_rules_fit_the_published_schema(path):
    rule = tomllib.loads(shipped_rules()[path].decode())
    schema = json.loads(PUBLISHED.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(rule, schema, cls=jsonschema.Draft202012Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**rule, "monolit": "a"}, schema, cls=jsonschema.Draft202012Validator)


def test_list_says_how_each_rule_stands(sandbox):
    workspace = fork(
        sandbox,
        *("paged_attention_v1", "selective_scan_fwd", "attention"),
        **{".mergeguard/rules/gone.toml": GONE},
    )
    workspace = split(split(workspace, "selective_scan_fwd"), "attention")
    edited = workspace.read(".mergeguard/rules/attention.toml") + b"\n# a word\n"
    workspace = written(workspace, ".mergeguard/rules/attention.toml", edited)
    rows = {row.name: row for row in rulebook.list_rules(workspace)}
    assert list(rows) == sorted(rows)
    assert {name: row.state for name, row in rows.items()} == {
        "attention": RuleState.EDITED,
        "gone": RuleState.RETIRED,
        "paged_attention_v1": RuleState.NOT_SPLIT,
        "selective_scan_fwd": RuleState.SPLIT,
    }
    assert rows["gone"].path is None
    assert rows["attention"].path == "csrc/rocm/attention.cu"
    assert rows["attention"].description == "ROCm paged attention by kv_cache_dtype"


def test_explain_gives_every_item_its_home_and_the_reason(sandbox):
    workspace = fork(sandbox, "paged_attention_v1")
    explained = rulebook.explain(workspace, "paged_attention_v1")
    items = {item.name: item for item in explained.placement.items}
    assert items["paged_attention_v1"].home == "dispatch.cuh"
    assert items["paged_attention_v1"].why is Why.PARTITION
    assert items["paged_attention_v1_launcher"].why is Why.PARTITION
    macros = [i for i in explained.placement.items if i.kind == "macro"]
    assert macros and {(m.home, m.why, m.detail) for m in macros} == {("common.h", Why.SELECTOR, "macro *")}
    text = workspace.read(explained.path).decode().splitlines()
    for item in explained.placement.items:
        if item.kind == "macro":
            assert item.name in text[item.line - 1]
    (partition,) = explained.placement.partitions
    served = {label: arm.shard for arm in partition.arms for label in arm.labels}
    assert served["32"] == "shard_small.cu"
    assert served["256"] == served["default"] == "shard_large.cu"
    assert explained.files[0].path == explained.path
    text_bytes = len(workspace.read(explained.path))
    assert sum(f.monolith_bytes for f in explained.files) == text_bytes
    json.dumps(explained.to_json())


def test_explain_of_a_split_fork_is_that_of_the_monolith(sandbox):
    workspace = fork(sandbox, "selective_scan_fwd")
    before = rulebook.explain(workspace, "selective_scan_fwd")
    after = rulebook.explain(split(workspace, "selective_scan_fwd"), "selective_scan_fwd")
    assert after.placement == before.placement
    assert after.state is RuleState.SPLIT
    assert {d.shard for d in before.placement.instantiations} == {"shard_fp16.cu", "shard_bf16.cu"}
    assert any(item.why is Why.STAYS for item in before.placement.items)


def test_explain_of_a_rule_without_monolith(sandbox):
    workspace = fork(sandbox, "attention")
    workspace = written(workspace, "csrc/rocm/attention.cu", None)
    with pytest.raises(RuleMismatch, match=r"csrc/rocm/attention\.cu"):
        rulebook.explain(workspace, "attention")
    with pytest.raises(RuleError, match="no rule `nothing`"):
        rulebook.explain(workspace, "nothing")


def test_shipped_sets():
    assert rulebook.shipped()["vllm"] == (
        *("attention", "paged_attention_v1", "selective_scan_fwd"),
        *("skinny_gemms", "skinny_gemms_int4", "skinny_gemms_int8"),
    )


def test_add_takes_the_rules_whose_monolith_is_there(sandbox):
    workspace = written(fork(sandbox, "attention"), "csrc/rocm/skinny_gemms_int8.cu", None)
    addition = rulebook.add(workspace, "vllm")
    assert addition.present == ("attention",)
    assert addition.missing == ("skinny_gemms_int8",)
    assert addition.added == (
        *("paged_attention_v1", "selective_scan_fwd", "skinny_gemms", "skinny_gemms_int4"),
    )
    for path, text in addition.files.items():
        workspace = written(workspace, path, text)
    assert len(rulebook.list_rules(workspace)) == 5
    assert rulebook.add(workspace, "vllm").files == {}
    everything = rulebook.add(workspace, "vllm", everything=True)
    assert everything.added == ("skinny_gemms_int8",)


def test_add_of_one_rule(sandbox):
    workspace = fork(sandbox)
    for name in ("attention", "vllm/attention", "vllm/attention.toml"):
        assert rulebook.add(workspace, name).added == ("attention",)
    with pytest.raises(RuleError, match="not in this tree"):
        rulebook.add(written(workspace, "csrc/rocm/attention.cu", None), "attention")
    with pytest.raises(RuleError) as caught:
        rulebook.add(workspace, "nothing")
    assert "vllm (attention" in (caught.value.hint or "")


def test_add_overwrites_nothing_and_gives_no_monolith_two_rules(sandbox):
    workspace = fork(sandbox, "attention")
    path = ".mergeguard/rules/attention.toml"
    changed = workspace.read(path) + b"\n"
    other = written(workspace, path, changed)
    kept = rulebook.add(other, "vllm")
    assert kept.differing == ("attention",) and path not in kept.files and kept.added
    assert rulebook.add(other, "attention", update=True).files == {path: workspace.read(path)}
    with pytest.raises(RuleError, match="differs") as caught:
        rulebook.add(other, "attention")
    assert caught.value.where is not None and caught.value.where.path == path
    renamed = written(written(workspace, path, None), ".mergeguard/rules/mine.toml", changed)
    assert rulebook.add(renamed, "vllm").claimed == (("attention", "mine"),)
    with pytest.raises(RuleError, match="belongs to the fork's rule `mine`"):
        rulebook.add(renamed, "attention")


def test_a_first_rule_passes_in_the_fork(sandbox):
    workspace = fork(sandbox)
    path = "csrc/libtorch_stable/attention/paged_attention_v1.cu"
    first = rulebook.first_rule(workspace, path)
    assert first.path == ".mergeguard/rules/paged_attention_v1.toml"
    assert any(choice.subject == "head_size" for choice in first.survey.choices)
    workspace = split(written(workspace, first.path, first.text), "paged_attention_v1")
    (row,) = rulebook.list_rules(workspace)
    assert row.state is RuleState.SPLIT
    assert b"paged_attention_v1/shard_" in workspace.read("CMakeLists.txt")


def test_a_first_rule_is_refused_where_there_is_one(sandbox):
    workspace = fork(sandbox, "attention")
    with pytest.raises(RuleError, match="has a rule already: attention"):
        rulebook.first_rule(workspace, "csrc/rocm/attention.cu")
    with pytest.raises(RuleError, match="of this name"):
        rulebook.first_rule(workspace, "csrc/rocm/skinny_gemms.cu", "attention")
    for missing in ("csrc/none.cu", "csrc", "../x.cu"):
        with pytest.raises(RuleError, match="no such file"):
            rulebook.first_rule(workspace, missing)
    with pytest.raises(SourceError, match="binary"):
        rulebook.look(written(workspace, "a.cu", b"int\0"), "a.cu")
