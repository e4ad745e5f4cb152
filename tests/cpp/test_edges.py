"""Macros that open and close blocks: items of their own, and blocks of the lens."""

from __future__ import annotations

import pytest

from mergeguard.cpp.blocks import opened
from mergeguard.cpp.definitions import definitions
from mergeguard.cpp.source import Kind, parse

INSIDE = "int one() { return 1; }\nint two() { return 2; }\n"


def _read(text: str) -> list[tuple[str, tuple[bytes, ...]]]:
    """Names of what stands in a file, each with the lines that open the blocks around it."""
    source = parse(text.encode())
    assert b"".join(source.text[i.start : i.end] for i in source.items) == source.text
    return [
        (item.name, tuple(scope.opening for scope in unit.scopes))
        for unit in opened(source).units
        for item in unit.items
        if item.kind not in (Kind.MACRO, Kind.CONDITIONAL)
    ]


@pytest.mark.parametrize(
    ("before", "opening", "closing"),
    [
        ("", "C10_BEGIN", "C10_END"),
        ("", "FMT_BEGIN_NAMESPACE", "FMT_END_NAMESPACE"),
        ("", "G_BEGIN_DECLS  // C", "G_END_DECLS /* C */"),
        ("", "APP_NAMESPACE_OPEN", "APP_NAMESPACE_CLOSE"),
        ("", "PYBIND11_NAMESPACE_BEGIN(detail)", "PYBIND11_NAMESPACE_END(detail)"),
        ("#define INSIDE_APP namespace app { namespace v1 {\n#define DONE }}\n", "INSIDE_APP", "DONE"),
        ('#define C_PART extern "C" {\n#define C_PART_OVER }\n', "C_PART", "C_PART_OVER"),
    ],
)
def test_what_stands_between_two_macros_is_in_a_block(before, opening, closing):
    macro = opening.partition("  //")[0].encode()
    found = _read(f"{before}int before();\n{opening}\n{INSIDE}{closing}\nint after();\n")
    assert found == [("before", ()), ("one", (macro,)), ("two", (macro,)), ("after", ())]


def test_a_namespace_right_behind_the_macro_is_in_its_block():
    found = _read(f"APP_BEGIN namespace detail {{\n{INSIDE}}}  // namespace detail\nAPP_END\n")
    assert found[0] == ("detail::one", (b"APP_BEGIN", b"namespace detail {"))


@pytest.mark.parametrize(
    "text",
    [
        f"APP_BEGIN\n{INSIDE}OTHER_END\n",
        f"APP_BEGIN\n{INSIDE}",
        f"{INSIDE}APP_END\n",
        f"APP_BEGIN\n#ifdef X\nAPP_END\n#endif\n{INSIDE}",
    ],
)
def test_what_is_not_closed_is_no_block(text):
    assert all(scopes in ((), (b"#ifdef X",)) for _, scopes in _read(text))


@pytest.mark.parametrize(
    "text", ["BEGIN_API int one();\n", "int END;\nint two();\n", "LIMIT_END = 3;\n", "MPI_START int x = 1;\n"]
)
def test_a_word_before_a_declaration_is_a_part_of_it(text):
    assert parse(text.encode()).items[0].end == text.index("\n") + 1


@pytest.mark.parametrize("condition", ["#ifdef __cplusplus", "#if defined(__cplusplus)  // C++"])
def test_a_brace_under_a_condition_of_its_own_is_an_edge(condition):
    text = (
        f'{condition}\nextern "C" {{\n#endif\n{INSIDE}{condition}\n}}  // extern "C"\n#endif\nint after();\n'
    )
    opening = (f'{condition}\nextern "C" {{\n#endif'.encode(),)
    assert _read(text) == [("one", opening), ("two", opening), ("after", ())]
    assert all(one.in_c == (one.name != "after") for one in definitions(parse(text.encode())))


def test_an_edge_under_another_condition_closes_nothing():
    text = f'#ifdef __cplusplus\nextern "C" {{\n#endif\n{INSIDE}#ifdef OTHER\n}}\n#endif\n'
    assert all(not scopes for _, scopes in _read(text))


def test_an_anonymous_namespace_under_a_condition_is_an_edge():
    text = f"#ifdef __cplusplus\nnamespace {{\n#endif\n{INSIDE}#ifdef __cplusplus\n}}\n#endif\n"
    assert [name for name, scopes in _read(text) if scopes] == ["one", "two"]
    assert all(one.hidden and not one.in_c for one in definitions(parse(text.encode())))


def test_many_broken_branches_in_one_group_cost_only_themselves():
    broken = "#ifdef A{0}\nvoid f{0}() {{\n#else\nint f{0}() {{\n#endif\n}}\n"
    text = "#ifdef ALL\n" + "".join(broken.format(n) for n in range(9)) + INSIDE + "#endif\n"
    names = [item.name for item in parse(text.encode()).items]
    assert names[-3:] == ["one", "two", "#endif"] and len(names) == 13
