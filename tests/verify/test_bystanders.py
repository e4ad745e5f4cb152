"""What is found without the bystanders of an edit is all that is new (``verify.bystanders``)."""

from __future__ import annotations

import re
from copy import deepcopy
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mergeguard.cpp.lexer import lex
from mergeguard.findings import Finding
from mergeguard.verify import bystanders, same_program
from mergeguard.verify.bystanders import SplitTexts, without_bystanders
from mergeguard.verify.flatten import LayoutText
from tests.support.faults import FAULTS, base
from tests.support.spoiling import Fault, Tree
from tests.verify.test_asked_once import WORDS, thin

_NAME = re.compile(rb"(?:__global__ |void |struct |class |#\s*define |using |int |float )\s*(\w+)")


@pytest.fixture(autouse=True)
def of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small texts are cheaper here than large ones."""
    monkeypatch.setattr(bystanders, "_SHORTEST", 0)


@cache
def crowded(name: str) -> Tree:
    """A good layout with many functions more, some of which name what the file has; they are in the entry."""
    tree = deepcopy(thin()) if name == "thin" else base(name)
    names = sorted(set(_NAME.findall(tree.monolith)))
    users = (
        b"template <typename T>\nvoid user%d(T* out) {\n  out[0] = %s;\n}\n\n" % (n, w)
        for n, w in enumerate(names[:20])
    )
    crowd = b"".join(
        b"template <typename T>\nvoid crowd%d(T* out, int n) {\n  for (int i = 0; i < n; ++i) {\n"
        b"    out[i] = out[i] * %d;\n  }\n  last%d(out);\n}\n\n" % (n, n, n + 1)
        for n in range(max(30, len(tree.monolith) // 150))
    )
    more = b"\n" + b"".join(users) + crowd
    tree.monolith += more
    tree.files["entry"] += more
    return tree


def laid_out(tree: Tree) -> SplitTexts:
    return SplitTexts(
        tree.monolith, [LayoutText(tree.full(n), text, n in tree.units) for n, text in tree.files.items()]
    )


def keys(found: tuple[Finding, ...]) -> set[tuple[object, ...]]:
    """The failures by what a merge tells new ones by."""
    return {(f.code, f.path, f.name, f.message) for f in same_program.failures(found)}


_KNOWN: dict[int, set[tuple[object, ...]]] = {}


def known(good: Tree) -> set[tuple[object, ...]]:
    """What is found in a good layout."""
    if id(good) not in _KNOWN:
        _KNOWN[id(good)] = keys(same_program.proof(good.path, *laid_out(good)))
    return _KNOWN[id(good)]


def assert_all_is_found(tree: Tree, good: Tree, *, strictly: bool) -> bool:
    """Whether there were bystanders."""
    before, after = laid_out(good), laid_out(tree)
    rest = without_bystanders(tree.path, before, after)
    if rest is None:
        return False
    assert len(rest.monolith) < len(after.monolith)
    found = keys(same_program.proof(tree.path, *rest))
    new = keys(same_program.proof(tree.path, *after)) - known(good)
    assert new <= found if strictly else bool(found) or not new
    return True


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_of_a_seeded_fault(fault: Fault) -> None:
    tree = deepcopy(crowded(fault.base))
    fault.spoil(tree)
    assert_all_is_found(tree, crowded(fault.base), strictly=True)


@pytest.mark.parametrize("name", ["paged_attention_v1", "state", "ledger", "span", "thin"])
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_of_any_edit(name: str, data: st.DataObject) -> None:
    good = crowded(name)
    tree = deepcopy(good)
    for _ in range(data.draw(st.integers(1, 2))):
        file = data.draw(st.sampled_from(sorted(tree.files)))
        edited = data.draw(st.sampled_from([file, "the monolith", "both"]))
        text = tree.files[file] if edited != "the monolith" else tree.monolith
        lexed = lex(text)
        number = data.draw(st.integers(0, len(lexed) - 1))
        start, end = lexed.starts[number], lexed.end(number)
        kept = data.draw(st.sampled_from([b"", text[start:end]]))
        new = data.draw(EDITS) + kept
        if edited == "the monolith":
            tree.monolith = text[:start] + new + text[end:]
        else:
            tree.files[file] = text[:start] + new + text[end:]
        around = text[max(0, start - 30) : end + 30]
        if edited == "both" and tree.monolith.count(around) == 1:
            at = tree.monolith.index(around) + start - max(0, start - 30)
            tree.monolith = tree.monolith[:at] + new + tree.monolith[at + end - start :]
    assert_all_is_found(tree, good, strictly=False)


EDITS = WORDS | st.sampled_from(
    [
        b"/*",
        b"*/",
        b"}",
        b"{",
        b"namespace x {",
        b"int n;",
        b"void crowd3(int);\n",
        b"\n#define n m\n",
        b"\n#if 0\n",
    ]
    + [b"\n#endif\n", b"\n#include <a.h>\n", b"using namespace x;\n", b"static int last4(int);\n", b'R"(']
)
