"""The examples of docs/rules.md: each rule splits the C++ above it, into the same program by tokens."""

from __future__ import annotations

import re

import pytest
from _pytest.mark import ParameterSet

from mergeguard.lens.emit import split
from mergeguard.lens.rule import parse_rule
from mergeguard.lens.selectors import KIND_WORDS
from mergeguard.lens.unsplit import unsplit
from mergeguard.verify.flatten import LayoutText
from mergeguard.verify.same_program import compare, failures
from tests.support import layouts

PAGE = (layouts.ROOT / "docs" / "rules.md").read_text()


def examples() -> list[ParameterSet]:
    """C++ and TOML of each example, in the page's order."""
    found = []
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        code = ""
        for kind, text in re.findall(r"^```(cpp|toml)\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL):
            if kind == "cpp":
                code = text
            elif code:
                found.append(pytest.param(code, text, id=section.partition("\n")[0]))
    return found


@pytest.mark.parametrize(("code", "rule"), examples())
def test_the_example_splits(code, rule):
    parsed = parse_rule(rule.encode(), "rule.toml")
    layout = split(parsed, "app", "app.cpp", code.encode())
    assert len(layout.shards) == 2
    files = [LayoutText(f.path, f.text, f.is_unit) for f in layout.files]
    assert not failures(compare("app.cpp", layout.monolith, files))
    back = unsplit(
        layout, {f.path: f.text for f in layout.files}, lambda text: split(parsed, "app", "app.cpp", text)
    )
    assert back.monolith == layout.monolith and not back.hunks


def test_the_first_table_of_keys_is_a_rule():
    (keys,) = re.findall(r"## The keys.*?^```toml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    parse_rule(f'{keys}\n[[deal]]\nheader = "h.h"\nunits = 2\n'.encode(), "rule.toml")


def test_every_kind_is_explained():
    table = PAGE.partition("| kind | what |")[2].partition("\n\n")[0]
    assert {*re.findall(r"`([a-z*]+)`", table)} >= set(KIND_WORDS)
