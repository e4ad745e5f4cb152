"""Layouts as a build folder has them: compilers count the monolith's lines, and nothing else is changed."""

from __future__ import annotations

import re

import pytest

from mergeguard.lens import generated, glue
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout, LayoutFile
from mergeguard.lens.rule import parse_rule
from tests.lens.test_laws import FIXTURES, RELEASES
from tests.support.layouts import Case

_LINE = re.compile(rb'#line (\d+) "([^"]*)"')
RULE = b"""
schema = 1
monolith = "csrc/scale.cu"
[[move]]
to = "common.h"
items = ["include *"]
needed = true
[[partition]]
entry = "scale"
over = { in = "scale", switch = "n" }
discriminator = "n"
body = "body.h"
rest = "b.cu"
[partition.shards]
"a.cu" = [1]
"b.cu" = [2]
"""
SCALE = b"""#include "beside.h"
#include "far.h"
const char* text = R"(
#include "beside.h"
)";
int scale(int n) {
  switch (n) {
    case 1: return 10;
    case 2: return 20;
  }
  return 0;
}
"""


def presumed(text: bytes) -> list[tuple[str, int, bytes]]:
    """Each line as a compiler takes it: file, 1-based line, text."""
    found = []
    name, number = "own", 1
    for line in text.split(b"\n"):
        directive = _LINE.fullmatch(line)
        if directive is not None:
            name, number = directive[2].decode(), int(directive[1])
            continue
        found.append((name, number, line))
        number += 1
    return found


def bare(line: bytes) -> bytes:
    """The line without its indentation and what re-basing adds to an include."""
    return line.split(b"  // MG_")[0].strip().replace(b"../", b"")


def lines_of(layout: Layout, file: LayoutFile) -> bytes:
    shown = generated.joined(file)
    return generated.with_lines(shown, shown.text, generated.LineMap(layout.monolith), "monolith", "own")


@pytest.mark.parametrize("case", [*FIXTURES, *RELEASES], ids=str)
def test_code_is_at_its_line_of_the_monolith(case: Case):
    layout = case.split(case.text)
    monolith = [b"", *case.text.split(b"\n")]
    told = 0
    for file in layout.files:
        for name, number, line in presumed(lines_of(layout, file)):
            if name != "monolith" or not line.strip() or glue.is_glue_line(line):
                continue
            told += 1
            own, shown = bare(monolith[number]), bare(line)
            # A line may be two where glue parts it.
            assert own in shown or shown in own, (file.path, number, line)
    assert told > len(monolith) / 2


@pytest.mark.parametrize("case", FIXTURES, ids=str)
def test_lines_add_directives_and_nothing_else(case: Case):
    layout = case.split(case.text)
    for file in layout.files:
        without = b"\n".join(line for _, _, line in presumed(lines_of(layout, file)))
        assert without == generated.joined(file).text
        assert without.split() == [w for w in file.text.split() if w != b"\\"] or b"\\" in file.text


def test_glue_has_the_lines_of_its_own_file():
    case = FIXTURES[0]
    layout = case.split(case.text)
    for file in layout.files:
        text = lines_of(layout, file)
        physical = text.split(b"\n")
        for name, number, line in presumed(text):
            if name == "own" and line.strip():
                assert physical[number - 1] == line


def test_includes_lead_back_to_the_source_tree_but_not_those_in_strings():
    layout = split(parse_rule(RULE, "scale.toml"), "scale", "csrc/scale.cu", SCALE)
    there = {"csrc/beside.h", "csrc/scale/beside.h"}
    texts = {
        file.path: generated.relocate(layout, file, lambda path: f"SRC/{path}" if path in there else None)
        for file in layout.files
    }
    whole = b"".join(texts.values())
    assert b'#include "SRC/csrc/scale/beside.h"' in whole or b'#include "SRC/csrc/beside.h"' in whole
    assert b'#include "far.h"' in whole  # found on the search path, as before
    assert b'R"(\n#include "beside.h"\n)"' in whole
    assert b'#include "scale/launch.h"' in texts["csrc/scale.cu"]  # the layout's own


def test_a_byte_order_mark_stays_first():
    layout = split(parse_rule(RULE, "scale.toml"), "scale", "csrc/scale.cu", b"\xef\xbb\xbf" + SCALE)
    entry = layout.files[0]
    assert lines_of(layout, entry).startswith(b"\xef\xbb\xbf#line")
