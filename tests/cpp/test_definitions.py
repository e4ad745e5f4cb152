"""What the checks ask about a definition: here, whether its static objects only cache."""

from __future__ import annotations

import pytest

from mergeguard.cpp.definitions import definitions, local_states, only_caches
from mergeguard.cpp.source import parse

CACHED = """bool on_boards() {
  static bool is_cached = false;
  static bool result = false;
  if (!is_cached) {
    auto properties = current_device();
    result = properties->name.find("gfx1") != npos;
    is_cached = true;
  }
  return result;
}
"""


def verdict(text: str) -> bool | None:
    (one,) = definitions(parse(text.encode()))
    states = local_states(one.tokens)
    return only_caches(one, states) if states else None


@pytest.mark.parametrize(
    ("old", "new", "caches"),
    [
        ("", "", True),
        ("if (!is_cached)", "if (is_cached == false)", True),
        ("static bool result = false;", "static const bool result = false;", True),
        ("bool on_boards()", "bool on_boards(int device)", False),
        ("bool on_boards()", "bool& on_boards()", False),
        ("is_cached = true;", "is_cached = true; ++result;", False),
        ("is_cached = true;", "is_cached = !is_cached;", False),
        ("is_cached = true;", "remember(&result);", False),
        ("is_cached = true;", "fill(result); is_cached = true;", False),
        ("static bool result = false;", "static std::mutex result; result.lock();", False),
        ("static bool result = false;", "static int result[4]; result[0] = 1;", False),
    ],
)
def test_a_static_that_only_caches(old, new, caches):
    assert old in CACHED
    assert verdict(CACHED.replace(old, new, 1) if old else CACHED) is caches


def test_nothing_writable_is_nothing_to_judge():
    assert verdict("int f() { static const int x = g(); return x; }\n") is None
