"""Items: lossless on any bytes, named and keyed on real and adversarial sources."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.cpp.leaves import leaves_of
from mergeguard.cpp.source import (
    Item,
    Kind,
    Source,
    code_tokens,
    identifiers,
    item_at,
    nested,
    opened_items,
    parse,
    units,
)
from tests.cpp.test_lexer import SOURCE_BYTES
from tests.support import corpus

_checked: set[bytes] = set()
EXTENSIONS = (".cu", ".cuh", ".h", ".hpp", ".cpp", ".cc", ".c", ".hip", ".inl")


def slices(source: Source, items) -> bytes:
    return b"".join(source.text[item.start : item.end] for item in items)


def check_lossless(text: bytes) -> Source:
    """Items and units partition the file, nested items their block; all ranges lie where they should."""
    source = parse(text)
    assert slices(source, source.items) == text
    assert slices(source, units(source)) == text
    assert [item for unit in units(source) for item in unit.items] == list(source.items)
    keys = [item.key for item in source.items]
    assert len(set(keys)) == len(keys)
    pending = list(source.items)
    while pending:
        item = pending.pop()
        assert item.start <= item.code_start <= item.code_end <= item.end
        for span in (item.body, item.name_range, item.parameter_list, item.template_header):
            assert span is None or item.code_start <= span[0] < span[1] <= item.code_end
        for parameter in item.parameters:
            assert item.code_start <= parameter.start < parameter.end <= item.code_end
        inside = nested(source, item)
        if inside:
            assert item.body is not None
            assert slices(source, inside) == text[item.body[0] + 1 : item.body[1] - 1]
            pending.extend(inside)
    return source


def code(source: Source, item: Item) -> bytes:
    return source.text[item.code_start : item.code_end]


def only(text: bytes) -> Item:
    source = check_lossless(text)
    assert not source.problems
    (item,) = source.items
    return item


def shape(text: bytes) -> list[tuple[str, str]]:
    return [(item.kind.value, item.name) for item in check_lossless(text).items]


# ---- any bytes


@given(SOURCE_BYTES)
@settings(max_examples=1000)
def test_any_bytes_are_lossless(text):
    check_lossless(text)


@given(SOURCE_BYTES, st.integers(0, 300), st.integers(0, 300))
@settings(max_examples=200)
def test_helpers_take_any_range(text, start, end):
    source = parse(text)
    assert identifiers(source, start, end) <= set(code_tokens(source, start, end))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n\n",
        b" ",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbfint a;\n",
        b"int a;",
        b"int a;\r\nint b;\r\n",
        b"int \xe9;\n",
        b"\0\0",
        b"}\n}\nint a;\n",
        b"#endif\nint a;\n#else\n",
        b"#if A\nint a;\n",
        b"void f() {\n",
        b"/* never closed",
        b"void f(] { }\nint b;\n",
    ],
)
def test_odd_files_are_lossless(text):
    check_lossless(text)


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        (b"int a;\n}\n", 7, "closing bracket"),
        (b"int a;\nvoid f() {\n", 7, "never closed"),
        (b"int a; /* b", 7, "comment without end"),
        (b"#if A\nint a;\n", 0, "#if without #endif"),
        (b"int a;\n#endif\n", 7, "#endif without #if"),
        (b'auto a = R"(b', 9, "raw string without end"),
    ],
)
def test_problems_say_where(text, offset, words):
    problems = check_lossless(text).problems
    assert any(at == offset and words in message for at, message in problems), problems


def test_great_depth_and_long_lines_are_read():
    deep = b"void f() {" + b"{" * 10_000 + b"}" * 10_000 + b"}\n"
    assert shape(deep + b"int a;\n") == [("function", "f"), ("variable", "a")]
    line = b"void f() {" + b"a = b + c;" * 100_000 + b"}"
    assert shape(line) == [("function", "f")]
    check_lossless(b"#if A\n" * 10_000)
    check_lossless(b"(" * 100_000)


# ---- the corpus


def test_every_real_file_is_lossless(corpus_version):
    """Every C++/CUDA/HIP file of a release; what is not named is only what no compiler reads."""
    root = corpus.require(corpus_version)
    files = [path for path in sorted(Path(root).rglob("*")) if path.suffix in EXTENSIONS and path.is_file()]
    assert len(files) > 50
    for path in files:
        text = path.read_bytes()
        if text in _checked:  # most files are the same in many releases
            continue
        _checked.add(text)
        source = check_lossless(text)
        assert not source.problems, path
        for item in source.items:
            start = item.start
            assert start == 0 or source.text[start - 1 : start] == b"\n", (path, item.name)
            assert item.name or item.kind in (Kind.OPAQUE, Kind.COMMENT, Kind.NAMESPACE), (path, item)


def test_monoliths_have_no_opaque_items(monolith):
    _, version, path = monolith
    source = check_lossless(corpus.file(version, path))
    assert [code(source, item) for item in source.items if item.kind is Kind.OPAQUE] == []


def test_selective_scan_has_its_instantiations_and_forward_declaration(corpus_version):
    for version, path in corpus.releases_with("selective_scan_fwd", [corpus_version]):
        source = parse(corpus.file(version, path))
        instantiations = [item for item in source.items if item.kind is Kind.INSTANTIATION]
        assert len(instantiations) in (3, 5)
        assert {item.name for item in instantiations} == {"selective_scan_fwd_cuda"}
        assert {item.returns for item in instantiations} == {"void"}
        assert len({item.arguments for item in instantiations}) == len(instantiations)
        assert {item.arguments.count(", ") for item in instantiations} <= {1, 2}
        declarations = [
            item
            for item in source.items
            if item.kind is Kind.DECLARATION and item.name == "selective_scan_fwd_cuda"
        ]
        assert len(declarations) == 1
        assert "template" in declarations[0].flags


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("attention", "csrc/rocm/attention.cu"),
        ("skinny_gemms", "csrc/rocm/skinny_gemms.cu"),
        ("skinny_gemms_int4", "csrc/rocm/skinny_gemms_int4.cu"),
    ],
)
def test_most_keys_survive_a_release(name, path):
    versions = [version for version, _ in corpus.releases_with(name, corpus.CI_VERSIONS)]
    before, after = (parse(corpus.file(version, path)) for version in versions[-2:])
    named = [item.key for item in before.items if item.kind not in (Kind.COMMENT, Kind.CONDITIONAL)]
    later = {item.key for item in after.items}
    assert sum(key in later for key in named) >= 0.85 * len(named)


# ---- borders


def test_comments_and_blank_lines_belong_to_the_item_after():
    source = check_lossless(b"// licence\n\n// about a\nint a;  // its end\n\n\n/* b */ int b;\n// rest\n")
    assert [source.text[i.start : i.end] for i in source.items] == [
        b"// licence\n",
        b"\n// about a\nint a;  // its end\n",
        b"\n\n/* b */ int b;\n",
        b"// rest\n",
    ]
    assert [i.kind for i in source.items] == [Kind.COMMENT, Kind.VARIABLE, Kind.VARIABLE, Kind.COMMENT]


def test_header_comment_ends_at_the_first_code_if_no_blank_line_comes():
    source = check_lossless(b"// one\n/* two */\n#include <a>\n")
    assert [source.text[i.start : i.end] for i in source.items] == [b"// one\n/* two */\n", b"#include <a>\n"]


def test_white_space_at_the_end_belongs_to_the_last_item():
    source = check_lossless(b"int a;\n\n\n")
    assert [(i.start, i.end) for i in source.items] == [(0, 9)]


def test_two_items_on_a_line():
    source = check_lossless(b"int a; int b; // both\nint c;\n")
    assert [source.text[i.start : i.end] for i in source.items] == [
        b"int a;",
        b" int b; // both\n",
        b"int c;\n",
    ]


def test_trailing_comment_over_lines_stays_with_its_item():
    source = check_lossless(b"int a; /* x\n y */\nint b; /* x\n y */ int c;\n")
    assert [source.text[i.start : i.end] for i in source.items] == [
        b"int a; /* x\n y */\n",
        b"int b;",
        b" /* x\n y */ int c;\n",
    ]


def test_semicolon_behind_a_body_belongs_to_it():
    assert shape(b"void f() {};\nnamespace n {};\nint a;\n") == [
        ("function", "f"),
        ("namespace", "n"),
        ("variable", "a"),
    ]


# ---- names and kinds


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        (b"#include <torch/all.h>  // why", "include", "<torch/all.h>"),
        (b'# include "a b.h"', "include", '"a b.h"'),
        (b"#include <a//b.h>", "include", "<a//b.h>"),
        (b"#define MAX(a, b) \\\n  ((a) > (b) ? (a) : (b))", "macro", "MAX"),
        (b"#undef MAX", "undef", "MAX"),
        (b"#pragma  once", "pragma", "#pragma once"),
        (b"namespace a::b { int x; }", "namespace", "a::b"),
        (b"namespace { int x; }", "namespace", ""),
        (b"inline namespace v1 { }", "namespace", "v1"),
        (b"namespace cub = hipcub;", "alias", "cub"),
        (b'extern "C" { int x; }', "namespace", 'extern "C"'),
        (b'extern "C" void f(int a) { }', "function", "f"),
        (b"using namespace a::b;", "using", "a::b"),
        (b"using a::b;", "using", "a::b"),
        (b"using T = std::vector<int>;", "alias", "T"),
        (b"template <class T> using V = std::vector<T>;", "alias", "V"),
        (b"typedef unsigned int u32;", "alias", "u32"),
        (b"typedef int (*callback)(int, float);", "alias", "callback"),
        (b"typedef struct _H { int x; } H;", "type", "H"),
        (b"typedef struct __align__(16) { int x; } H8;", "type", "H8"),
        (b"struct A { int x; };", "type", "A"),
        (b"struct __align__(16) A { int x; };", "type", "A"),
        (b"struct alignas(16) A final : public B<int> { A() : x{1} {} int x; };", "type", "A"),
        (b"class [[nodiscard]] A { };", "type", "A"),
        (b"enum class E : uint8_t { a, b };", "type", "E"),
        (b"union { int a; } u;", "type", ""),
        (b"struct A::B { };", "type", "A::B"),
        (b"struct A;", "declaration", "A"),
        (b"template <typename T> class A;", "declaration", "A"),
        (b'static_assert(sizeof(int) == 4, "x");', "declaration", "static_assert"),
        (b"int a = 1;", "variable", "a"),
        (b"static constexpr int a[2] = {1, 2};", "variable", "a"),
        (b"const std::map<int, A> a{{1, A()}};", "variable", "a"),
        (b"std::mutex A::lock;", "variable", "A::lock"),
        (b"int a(3);", "variable", "a"),
        (b"int (*table[4])(int);", "variable", "table"),
        (b"auto f = [](int x) { return x; };", "variable", "f"),
        (b"__device__ __constant__ float table[2] = {1, 2};", "variable", "table"),
        (b"struct A a = {1};", "variable", "a"),
        (b"int f(int);", "declaration", "f"),
        (b"int f(int a) { return a; }", "function", "f"),
        (b"struct A f(int a) { return {}; }", "function", "f"),
        (b"auto f(int a) -> std::vector<int> { return {}; }", "function", "f"),
        (b"A::A(int a) : x{a}, y(a) { }", "function", "A::A"),
        (b"A::~A() { }", "function", "A::~A"),
        (b"A& A::operator=(const A& o) { return *this; }", "function", "A::operator="),
        (b"bool operator()(int a) { return a; }", "function", "operator()"),
        (b"bool operator<(A a, A b) { return 1; }", "function", "operator<"),
        (b"A::operator bool() const { return true; }", "function", "A::operator bool"),
        (b"template <typename T> int A<T>::f() const noexcept { return 1; }", "function", "A::f"),
        (b"__global__ void __launch_bounds__(256) k(int a) { }", "kernel", "k"),
        (b"__launch_bounds__(256) __global__ void k(int a) { }", "kernel", "k"),
        (b"__global__ void k(int a);", "declaration", "k"),
        (b"template void f<half>(int);", "instantiation", "f"),
        (b"extern template class A<int>;", "instantiation", "A"),
        (b"template <typename T> concept C = requires(T t) { t.x; };", "type", "C"),
        (b"TORCH_LIBRARY(ops, m) { m.def(); }", "function", "TORCH_LIBRARY"),
        (b"REGISTER(ops)", "declaration", "REGISTER"),
        (b"template <typename T, bool B = (sizeof(T) > 2)> void f(T t) { }", "function", "f"),
        (b"template <typename T, typename U = A<B<T>>> void f(T t) { }", "function", "f"),
        (b"std::enable_if_t<(N > 3), int> f() { return 1; }", "function", "f"),
        (b"[[maybe_unused]] static int f() { return 1; }", "function", "f"),
        (b"int foo\\\nbar() { return 1; }", "function", "foobar"),
        (b";", "opaque", ""),
        (b"#error no such architecture", "opaque", "#error no such architecture"),
    ],
)
def test_kind_and_name(text, kind, name):
    item = only(text + b"\n")
    assert (item.kind.value, item.name) == (kind, name)


def test_specialisation_says_its_arguments_and_return_type():
    item = only(b"template <>\n__device__ inline half2 cast< float , int >(float a) { return {}; }\n")
    assert item.arguments == "float, int"
    assert item.returns == "half2"
    assert item.flags == {"template", "specialization", "definition", "device", "inline"}


def test_specialisations_that_differ_in_the_return_type_alone_have_two_keys():
    text = b"template <> half cast(float a) { return a; }\ntemplate <> bfloat cast(float a) { return a; }\n"
    first, second = parse(text).items
    assert first.key.ordinal == second.key.ordinal == 0
    assert first.key != second.key


def test_instantiation_arguments_are_normalised():
    item = only(b"template void scan<at::BFloat16,\n    float,at::BFloat16>(Params &p, cudaStream_t s);\n")
    assert (item.arguments, item.returns) == ("at::BFloat16, float, at::BFloat16", "void")


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (b"static __forceinline__ __device__ int f() { }", {"static", "inline", "device", "definition"}),
        (b"__host__ __device__ constexpr int f() { }", {"host", "device", "constexpr", "definition"}),
        (b"__attribute__((always_inline)) int f() { }", {"inline", "definition"}),
        (b"template <class T> __global__ void f() { }", {"template", "global", "definition"}),
        (b"extern int a;", {"extern"}),
        (b"namespace { }", {"anonymous"}),
        (b"int f();", set()),
    ],
)
def test_flags(text, flags):
    assert only(text).flags == flags


def test_ranges_of_a_function():
    text = b"// c\ntemplate <int N,\n          class T>\n[[a]] static int f(T a, int = 3) { return N; }\n"
    source = check_lossless(b"int x;\n" + text)
    item = source.items[1]

    def cut(span: tuple[int, int] | None) -> bytes:
        assert span is not None
        return source.text[span[0] : span[1]]

    assert cut(item.template_header) == b"template <int N,\n          class T>"
    assert source.text[item.declarator_start :].startswith(b"static int f")
    assert cut(item.parameter_list) == b"(T a, int = 3)"
    assert cut(item.name_range) == b"f"
    assert cut(item.body) == b"{ return N; }"


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        (b"", []),
        (b"void", []),
        (b"int", [""]),
        (b"int a, float b", ["a", "b"]),
        (b"const T* __restrict__ a", ["a"]),
        (b"const T&, T const&", ["", ""]),
        (b"std::map<int, A> m = std::map<int, A>(), int n = f(1, 2)", ["m", "n"]),
        (b"void (*callback)(int, int), int n", ["callback", "n"]),
        (b"const int a[4][2]", ["a"]),
        (b"unsigned n, unsigned long long m", ["n", "m"]),
        (b"const scalar_t", [""]),
        (b"typename A::type, typename A::type t", ["", "t"]),
        (b"const std::optional<torch::Tensor>& bias", ["bias"]),
        (b"T&&... args", ["args"]),
        (b"const int a [[maybe_unused]]", ["a"]),
        (b"struct A a, enum E", ["a", ""]),
    ],
)
def test_parameters(parameters, names):
    item = only(b"int f(" + parameters + b") { return 1; }\n")
    assert [parameter.name for parameter in item.parameters] == names


def test_default_argument_is_found():
    text = b"int f(A<1, 2> a, int b = g(3, 4) );"
    first, second = only(text).parameters
    assert first.default_start is None
    assert second.default_start == text.index(b"=")
    assert text[second.start : second.end] == b"int b = g(3, 4)"


def test_macro_parameters():
    item = only(b"#define F(a, b) a + b\n")
    assert item.parameter_list == (9, 15)
    assert only(b"#define F (a)\n").parameter_list is None


# ---- conditions


def test_condition_paths():
    text = b"""#ifdef A
int a;
#if B > 1 && !defined C
int b;
#endif
#elif defined(D)
int d;
#else
int e;
#endif
int f;
"""
    paths = {i.name: i.condition for i in check_lossless(text).items if i.kind is Kind.VARIABLE}
    assert paths == {
        "a": ("defined(A)",),
        "b": ("defined(A)", "B>1 && !defined(C)"),
        "d": ("!(defined(A)) && (defined(D))",),
        "e": ("!((defined(A)) || (defined(D)))",),
        "f": (),
    }


def test_a_new_elif_does_not_rename_its_neighbours():
    before = parse(b"#if A\nint a;\n#else\nint b;\n#endif\n")
    after = parse(b"#if A\nint a;\n#elif C\nint c;\n#else\nint b;\n#endif\n")
    assert {i.key for i in before.items} <= {i.key for i in after.items}


def test_the_same_name_in_several_branches():
    text = b"#if A\nvoid k() {}\n#elif B\nvoid k() {}\n#else\nvoid k() {}\n#endif\n"
    functions = [i for i in check_lossless(text).items if i.kind is Kind.FUNCTION]
    assert len({i.key for i in functions}) == 3
    assert {i.key.ordinal for i in functions} == {0}


def test_brace_that_is_opened_and_closed_under_the_same_condition():
    text = b"""void f() {
#ifdef PCML
  {
#endif
  x();
#ifdef PCML
  }
#endif
}
int a;
"""
    assert shape(text) == [("function", "f"), ("variable", "a")]


def test_brace_opened_in_both_branches():
    text = b"""void f() {
#if A
  for (;;) {
#else
  while (x) {
#endif
  }
}
int a;
"""
    assert shape(text) == [("function", "f"), ("variable", "a")]


def test_two_signatures_over_one_body_are_one_item():
    text = b"""#if A
void f(int a)
#else
void f(float a)
#endif
{
  x();
}
int b;
"""
    assert shape(text) == [("function", "f"), ("variable", "b")]
    assert len(units(parse(text))) == 2


def test_extern_c_under_a_condition():
    text = b"""#ifdef __cplusplus
extern "C" {
#endif
int f(int);
int g(int);
#ifdef __cplusplus
}
#endif
int a;
"""
    items = check_lossless(text).items
    assert [item.name for item in items] == ["", "f", "g", "", "a"]
    assert [text[i.code_start : i.code_end].count(b"#") for i in items] == [2, 0, 0, 2, 0]


def test_a_condition_that_is_redefined_is_not_assumed_any_more():
    text = b"""void f() {
#ifdef X
  {
#endif
#undef X
#ifdef X
  {
#endif
}
int a;
"""
    # The second brace is not known to open whenever the first does, so nothing sound can be said.
    source = check_lossless(text)
    assert [(i.kind, i.start, i.end) for i in source.items] == [(Kind.OPAQUE, 0, len(text))]
    assert source.problems


def test_text_that_is_never_compiled_is_one_opaque_item():
    text = b"#if 0\nit's { not ( C\n#else\nint a;\n#endif\nint b;\n"
    source = check_lossless(text)
    assert not source.problems
    assert [i.kind.value for i in source.items] == [
        "conditional",
        "opaque",
        "conditional",
        "variable",
        "conditional",
        "variable",
    ]


def test_macro_statement_without_semicolon_ends_with_the_branch_it_is_in():
    text = b"#if A\nvoid f() {}\nREGISTER(foo)\n#else\nREGISTER(bar)  // other\n#endif\nint g;\n"
    items = parse(text, calls_end=True).items
    assert b"".join(text[i.start : i.end] for i in items) == text
    assert [i.kind for i in items] == [
        "conditional",
        "function",
        "declaration",
        "conditional",
        "declaration",
        "conditional",
        "variable",
    ]
    # A layout's items are what they were when its emission was pinned.
    assert [i.kind for i in parse(text).items] == ["function"]


def test_macro_statement_without_semicolon_does_not_swallow_the_next_function():
    text = b"DEFINE_OP(foo)\nvoid f() {}\n"
    assert shape(text) == [("declaration", "DEFINE_OP"), ("function", "f")]


def test_units_keep_a_condition_together():
    text = b"int a;\n#if A\nint b;\n#if B\nint c;\n#endif\n#endif\nint d;\n"
    assert [text[u.start : u.end] for u in units(parse(text))] == [
        b"int a;\n",
        b"#if A\nint b;\n#if B\nint c;\n#endif\n#endif\n",
        b"int d;\n",
    ]


def test_condition_without_end_makes_the_rest_one_unit():
    source = parse(b"int a;\n#if A\nint b;\nint c;\n")
    assert len(units(source)) == 2
    assert source.problems


# ---- nested


def test_nested_items_are_qualified_and_keep_the_condition():
    text = b"#if A\nnamespace vllm {\n// about f\nvoid f() {}\n\nnamespace n {\nint x;\n}  // n\n}\n#endif\n"
    source = check_lossless(text)
    (block,) = [i for i in source.items if i.kind is Kind.NAMESPACE]
    function, inner = nested(source, block)
    assert (function.name, function.condition) == ("vllm::f", ("A",))
    assert text[function.start : function.end] == b"\n// about f\nvoid f() {}\n"
    assert [i.name for i in nested(source, inner)] == ["vllm::n::x"]


def test_nested_in_extern_c_is_not_qualified():
    source = parse(b'extern "C" {\nint f(int);\n}\n')
    assert [i.name for i in nested(source, source.items[0])] == ["f"]


def test_block_that_ends_in_every_branch_has_no_nested_items():
    text = b"namespace n {\n#if A\nint a;\n}\n#else\nint b;\n}\n#endif\nint c;\n"
    source = check_lossless(text)
    assert [i.name for i in source.items] == ["n", "c"]
    assert nested(source, source.items[0]) == ()


def test_too_many_conditions_are_a_problem_and_still_lossless():
    text = b"void f() {\n" + b"".join(b"#if A%d\n{\n#endif\n" % i for i in range(40)) + b"}\n"
    assert any("too many" in message for _, message in check_lossless(text).problems)


def test_other_items_have_no_nested_ones():
    source = parse(b"struct A { int x; };\n")
    assert nested(source, source.items[0]) == ()


# ---- identity


def test_key_ignores_bodies_comments_and_white_space():
    one = parse(b"int a;\ntemplate <int N> void f(int a, float b) { x(); }\n")
    two = parse(b"int a;\n// new\ntemplate<int N>\nvoid f(int a,\n       float b) {\n  y();\n}\n")
    assert [i.key for i in one.items] == [i.key for i in two.items]


def test_key_tells_overloads_apart():
    one, two = parse(b"void f(int a) {}\nvoid f(float a) {}\n").items
    assert one.key != two.key


def test_equal_keys_get_ordinals():
    items = parse(b'#include "a.h"\nint x;\n#include "a.h"\n').items
    assert [i.key.ordinal for i in items] == [0, 0, 1]


@pytest.mark.parametrize("sign", ["; ", "}\n", ")"])
def test_a_long_row_of_what_declares_nothing_is_one_item(sign):
    text = (sign * 5 + "int a;\n" + sign * 100 + "int b;\n").encode()
    source = parse(text)
    assert b"".join(text[item.start : item.end] for item in source.items) == text
    assert [item.name for item in source.items] == [""] * 5 + ["a", "", "b"]
    assert len(source.problems) == (0 if ";" in sign else 6)


def test_a_long_row_of_directives_that_say_nothing_is_one_item():
    text = b"#\n" * 5 + b"int a;\n" + b"#\n" * 100 + b"#define M\n"
    source = parse(text)
    assert [text[item.start : item.end] for item in source.items] == [
        *[b"#\n"] * 5,
        b"int a;\n",
        b"#\n" * 100,
        b"#define M\n",
    ]
    assert not source.problems


def test_short_statements_that_come_again_are_read_as_alone():
    text = b"int a;\nint b;\nnamespace n {\nint a;\n}\nint a ;\nint a;\n"
    source = parse(text)
    assert [(i.name, i.key.ordinal, text[slice(*i.name_range)]) for i in source.items if i.name_range] == [
        ("a", 0, b"a"),
        ("b", 0, b"b"),
        ("n", 0, b"n"),
        ("a", 1, b"a"),
        ("a", 2, b"a"),
    ]


def test_code_tokens_and_identifiers_leave_out_comments():
    text = b"int a = f(b); // c\n#define X \\\n 1 + d\n"
    source = parse(text)
    assert code_tokens(source, 0, len(text)) == "int a = f ( b ) ; # define X 1 + d".split()
    assert identifiers(source, 0, 14) == {"int", "a", "f", "b"}


def test_namespaces_in_namespaces_end_somewhere():
    deep = b"namespace a {\n" * 3000 + b"int x;\n" + b"}\n" * 3000
    depth, item = 0, parse(deep).items[0]
    source = parse(deep)
    while inner := nested(source, item):
        depth, item = depth + 1, inner[0]
    assert 20 < depth < 100
    assert b"".join(leaf.text for leaf in leaves_of(deep)[0]) == deep


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"typedef double F(unsigned a, void* b);", "F"),
        (b"typedef int (G)(int);", "G"),
        (b"typedef int (*H)(int);", "H"),
        (b"typedef int A[N(4)];", "A"),
        (b"typedef int V __attribute__((vector_size(16)));", "V"),
        (b"typedef struct { int a; } __attribute__((packed)) P;", "P"),
        (b"typedef struct { int a; } const Q;", "Q"),
        (b"typedef struct { int a; } (*R);", "R"),
        (b"typedef struct { int a; };\nint x;", ""),
    ],
)
def test_what_a_typedef_names(text, name):
    assert parse(text).items[0].name == name


def test_a_macro_call_without_a_semicolon_ends_before_an_if():
    text = b"U(a, b)\n#ifdef F\nU(c, d)\n#endif\nstatic void\nf(int x) {\n}\nint g;\n"
    names = [item.name for item in parse(text, calls_end=True).items]
    assert names == ["U", "#if defined(F)", "U", "#endif", "f", "g"]
    text = b"#ifdef F\nDIAG_POP\n#endif\nTEST(a, b) {\n}\n"
    assert [i.name for i in parse(text, calls_end=True).items][1::2] == ["DIAG_POP", "TEST"]
    text = b"#include <a>\nDIAG_PUSH\nTEST(a, b) {\n}\nEXPORT\nint f();\n"
    assert [i.name for i in parse(text, calls_end=True).items][1:] == ["DIAG_PUSH", "TEST", "f"]
    # A body that an #if chooses belongs to the call.
    text = b"T(a, b)\n#if X\n{ f(); }\n#else\n{ g(); }\n#endif\nint g;\n"
    assert [item.name for item in parse(text, calls_end=True).items] == ["T", "g"]


def test_what_a_byte_is_in():
    text = (
        b'#include <a>\nnamespace a {\nint one() { return 1; }\n\nextern "C" {\nint two;\n}\n}\nint last;\n'
    )
    source = parse(text)
    named = {word: item_at(source, text.index(word)) for word in (b"return", b"two", b"last", b"namespace")}
    names = {word: None if item is None else item.name for word, item in named.items()}
    assert names == {b"return": "a::one", b"two": "a::two", b"last": "last", b"namespace": "a"}
    assert item_at(source, len(text)) is None
    # In file order, and nothing twice.
    starts = [item.start for item in opened_items(source)]
    assert starts == sorted(set(starts))
