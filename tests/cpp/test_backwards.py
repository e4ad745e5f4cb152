"""Values followed backwards: what tokens tell for certain, and what they don't."""

from __future__ import annotations

import pytest

from mergeguard.cpp.backwards import origin, same_value, words_of
from mergeguard.cpp.source import parse


def traced(text: str, expression: str = "n", holder: str = "launch", entry: str = "run"):
    source = parse(text.encode())
    items = {item.name: item for item in source.items}
    return origin(source, items[holder], items[entry], expression)


RUN = "void run(T& x, T& y, int a) { launch(x, a); }\n"


@pytest.mark.parametrize(
    ("launcher", "value"),
    [
        ("void launch(T& q, int k) { int n = q.size(2); switch (n) {} }", "x.size(2)"),
        ("void launch(T& q, int n) { switch (n) {} }", "a"),
        ("void launch(T& q, int k) { const auto m{q.size(0)}; int n(m); }", "x.size(0)"),
        ("void launch(T& q, int k) { auto m = k + 1; int n = m * 2; }", "(a + 1)*2"),
        # What gets another value on the way, or may get one, is nobody's guess.
        ("void launch(T& q, int k) { int n = k; if (k > 3) n = 4; }", ""),
        ("void launch(T& q, int n) { n *= 2; }", ""),
        ("void launch(T& q, int n) { #define GROW() n = 3\n GROW(); }", ""),
        ("void launch(T& q, int k) { int n = k; fill(&n); }", ""),
        ("void launch(T& q, int n) { auto f = [&](int n) { switch (n) {} }; }", ""),
        ("void launch(T& q, int k) { int n; n = k; }", ""),
        ("void launch(T& q, int k) { uint8_t n = k; }", ""),
        ("void launch(T& q, int k) { int n = sizes(q)[0]; }", ""),
    ],
)
def test_a_value_is_followed_or_not_told(launcher, value):
    assert traced(f"{launcher}\n{RUN}".replace("{ #define", "{\n#define")).text == value


def test_a_middle_function_speaks_in_its_own_names():
    text = (
        "void launch(int n) { switch (n) {} }\n"
        "void middle(int a, int b) { launch(b); }\n"
        "void run(int b, int a) { middle(b, a); }\n"
    )
    assert traced(text).text == "a"


def test_calls_that_the_entry_does_not_reach_do_not_count_and_others_must_agree():
    other = "void elsewhere(T& z) { launch(z, 7); }\n"
    launcher = "void launch(T& q, int n) { switch (n) {} }\n"
    assert traced(launcher + RUN + other).text == "a"
    assert traced(launcher + RUN.replace("launch(x, a);", "launch(x, a); launch(y, 7);")).value is None


def test_the_arguments_of_a_macro_are_not_taken_for_names_of_the_function():
    text = (
        "void launch(int n) { switch (n) {} }\n"
        "#define CALL(a) launch(a)\n"
        "void run(int b, int a) { CALL(b); }\n"
    )
    assert traced(text).value is None
    assert traced(text.replace("CALL(a) launch(a)", "CALL(T) launch<T>(b)")).text == "b"


def test_what_it_rests_on_are_the_statements_on_the_way():
    text = (
        "int pick(T& q, int unused);\n"
        "void launch(T& q, int k) { int other = k; int m = pick(q, 0); int n = m + 1; other += 2; }\n" + RUN
    )
    found = traced(text)
    assert found.value is None
    said = [" ".join(words) for words in found.statements]
    assert "int m = pick ( q , 0 )" in said and "int n = m + 1" in said
    assert not any("other" in words for words in said)
    again = traced(text.replace("other += 2", "other += 3"))
    assert again.statements == found.statements
    assert traced(text.replace("pick(q, 0)", "pick(q, 1)")).statements != found.statements


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x.size(0)", "(x.size(0))", True),
        ("static_cast<int>(x.size(0))", "x.size(0)", True),
        ("(int64_t)x.size(0)", "int(x.size(0))", True),
        ("static_cast<uint8_t>(n)", "n", False),
        ("x.size(0)", "x.size(1)", False),
        ("(a) + (b)", "a + b", False),
    ],
)
def test_conversions_to_a_wide_number_change_nothing(one, other, same):
    assert same_value(words_of(one), words_of(other)) is same
