"""What a unit has in common with one before it is asked once: the findings are those of asking each unit."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp.lexer import lex
from mergeguard.data import shipped_rules
from mergeguard.findings import Finding
from mergeguard.verify import incommon
from tests.support.faults import FAULTS, ROOT, base
from tests.support.spoiling import Fault, Tree, layout_of

INT8 = "csrc/rocm/skinny_gemms_int8.cu"


def asked_each(tree: Tree) -> tuple[Finding, ...]:
    """The findings, where nothing counts as asked before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incommon, "_NEAR", 0)
        return tree.findings()


@cache
def thin() -> Tree:
    rule = shipped_rules()["vllm/skinny_gemms_int8.toml"]
    text = (ROOT / "fixtures" / "int8" / "skinny_gemms_int8.cu").read_bytes()
    return layout_of(rule, "skinny_gemms_int8", INT8, text, b"")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_of_a_seeded_fault(fault: Fault) -> None:
    tree = base(fault.base)
    fault.spoil(tree)
    assert tree.findings() == asked_each(tree)


WORDS = st.sampled_from(
    [b"", b" static ", b" inline ", b"\n#undef THRDS\n", b"\n#define int long\n", b" MG_NS::", b'"C"', b";"]
)


@pytest.mark.parametrize("name", ["paged_attention_v1", "state", "thin"])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_of_any_edit(name: str, data: st.DataObject) -> None:
    tree = Tree(**vars(thin())) if name == "thin" else base(name)
    tree.files = dict(tree.files)
    file = data.draw(st.sampled_from(sorted(tree.files)))
    text = tree.files[file]
    lexed = lex(text)
    for _ in range(data.draw(st.integers(1, 2))):
        number = data.draw(st.integers(0, len(lexed) - 1))
        start, end = lexed.starts[number], lexed.end(number)
        kept = data.draw(st.sampled_from([b"", text[start:end]]))
        text = text[:start] + data.draw(WORDS) + kept + text[end:]
        lexed = lex(text)
    tree.files[file] = text
    assert tree.findings() == asked_each(tree)


@pytest.mark.parametrize("text", [b"\nint f() { return MG_NS::limit; }\n", b"\n= MG_NS::limit { 3 }\n"])
def test_a_shard_that_is_named_and_not_called_is_a_finding(text: bytes) -> None:
    tree = base("state")
    tree.files["common.h"] += text
    assert any(found.fails for found in tree.findings())
