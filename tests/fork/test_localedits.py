"""How a local edit in a namespace is named: by its declaration."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.story import Story, git

RULE = """schema = 1
monolith = "m.cpp"
build = []
[[deal]]
header = "internal.h"
[deal.shards]
"one.cpp" = ["function app::one"]
"two.cpp" = ["function app::two"]
"""
MONOLITH = """namespace app {
int one(int a) {
  return a + 1;
}

int two(int a) {
  return a + 2;
}
}  // namespace app
"""
MORE = "\nnamespace app {\nint three(int a) { return a + 3; }\nint four(int a) { return a + 4; }\n}\n"


def test_the_declaration_that_an_edit_is_in_or_adds_first(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "fork")
    story = Story(tmp_path, tmp_path)
    story.write("m.cpp", MONOLITH.encode())
    story.write(".mergeguard/rules/m.toml", RULE.encode())
    story.commits("whole")
    assert story.run("split").code == 0
    story.commits("split")
    story.edit("m/two.cpp", "return a + 2;", "return a + 22;")
    story.write("m.cpp", (story.text("m.cpp") + MORE).encode())
    story.commits("edits")
    (rule,) = json.loads(story.run("status", "--json").out)["rules"]
    assert {(edit["path"], edit["item"]) for edit in rule["edits"]} == {
        ("m/two.cpp", "app::two"),
        ("m.cpp", "app::three"),
    }
