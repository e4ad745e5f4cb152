"""The layouts of the pull request, where this machine has them: nothing is left over, nothing unaccounted."""

from __future__ import annotations

from pathlib import Path

import pytest

from mergeguard.adopt.account import unaccounted
from mergeguard.adopt.adopt import adopt
from mergeguard.adopt.model import Adoption, Keep
from mergeguard.lens.rule import parse_rule
from tests.support.rules import full_rules

HAND_MADE = Path.home() / ".cache" / "mergeguard" / "handmade"
RULES = {
    "int8": "skinny_gemms_int8",
    "attention": "attention",
    "v1": "paged_attention_v1",
    "selective_scan": "selective_scan_fwd",
    "skinny_gemms": "skinny_gemms",
    "int4": "skinny_gemms_int4",
}


def layout(name: str) -> tuple[str, bytes, dict[str, bytes]]:
    """The entry's path, upstream's text there, and the hand-made files, the entry first."""
    root = HAND_MADE / name
    if not root.is_dir():
        pytest.skip(f"the hand-made layout {name} is not on this machine")
    found = sorted(path for path in root.rglob("*") if path.suffix in (".cu", ".cuh", ".h"))
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in found}
    entry = next(path for path in files if (HAND_MADE / "pristine" / path).exists())
    return entry, (HAND_MADE / "pristine" / entry).read_bytes(), {entry: files.pop(entry), **files}


def adopted(name: str, keep: Keep | None) -> tuple[dict[str, bytes], Adoption]:
    entry, upstreams, files = layout(name)
    rule = parse_rule(full_rules()[f"vllm/{RULES[name]}.toml"], f"{name}.toml")
    return files, adopt(rule, entry, upstreams, files, keep)


@pytest.mark.parametrize(
    ("name", "keep"),
    [
        ("attention", None),
        ("selective_scan", None),
        *((name, Keep.UPSTREAM) for name in ("int8", "v1", "skinny_gemms", "int4")),
        ("int8", Keep.FORK),
        ("int4", Keep.FORK),
    ],
)
def test_it_is_adopted_and_every_line_is_accounted_for(name: str, keep: Keep | None) -> None:
    files, found = adopted(name, keep)
    assert not found.unplaced
    assert bool(found.decide) == (keep is not None)
    report = [(taken.path, taken.text) for taken in found.taken]
    lines = [line for _, _, line, _ in unaccounted(files, found.monolith, report)]
    assert [line for line in lines if not line.lstrip().startswith(b"#include") and b"V1_" not in line] == []


def test_one_decision_is_left_of_a_split_that_is_a_feature_too() -> None:
    _, found = adopted("int8", None)
    assert found.decide == ("wvSplitK_int8", "wvSplitK_int8_sweep")
    assert {"dispatch_int8", "dispatch_int8_sweep"} <= {taken.item for taken in found.unplaced}
    assert len(found.unplaced) == 4
