"""What could split a file: found, traced to a public function's parameters, weighed."""

from __future__ import annotations

import json

import pytest

from mergeguard.cpp.source import parse
from mergeguard.propose.survey import survey

KERNEL = b"""template <int N>
__global__ void kernel(int* x) { x[0] = N + N * N; }
"""


def choice(text, subject):
    found = [c for c in survey(parse(text)).choices if c.subject == subject]
    assert len(found) == 1, found
    return found[0]


def function(body, signature="void f(Tensor& a, int n)"):
    return KERNEL + signature.encode() + b" {\n" + body.encode() + b"\n}\n"


SWITCH = "switch (%s) { case 1: kernel<1><<<1, 1>>>(x); break; case 2: kernel<2><<<1, 1>>>(x); break; }"


@pytest.mark.parametrize(
    ("locals_", "subject", "discriminator"),
    [
        ("", "n", "n"),
        ("int m = n;", "m", "n"),
        ("auto m = a.size(0);", "m", "a.size(0)"),
        ("const int m(a.size(0));", "m", "a.size(0)"),
        ("int m{n};", "m", "n"),
        ("int heads = a.size(1); int m = heads / n;", "m", "a.size(1) / n"),
        ("int heads = n + 1; int m = heads * 2;", "m", "(n + 1)*2"),
        ("", "n + 1", "n + 1"),
        # None of these can be told in terms of the parameters:
        ("int m = helper(n);", "m", ""),
        ("int b = 1, m = n;", "m", ""),
        ("int m = n; m += 1;", "m", ""),
        ("int m = n; { int m = 2; }", "m", ""),
        ("int m; m = n;", "m", ""),
        ("", "other", ""),
        ("n = 3;", "n", ""),
        ("int m = m;", "m", ""),
    ],
)
def test_a_switch_in_terms_of_the_parameters(locals_, subject, discriminator):
    found = choice(function(locals_ + SWITCH % subject), subject)
    assert "".join(found.discriminator.split()) == "".join(discriminator.split())
    assert bool(found.obstacle) == (not discriminator)
    assert found.entry == ("f" if discriminator else "::f")
    assert [arm.labels for arm in found.arms] == [("1",), ("2",)]


LAUNCHER = (
    KERNEL
    + b"""
template <typename T> void launcher(Tensor& out, Tensor& query, int scale) {
  int size = query.size(2);
  switch (size) { case 32: kernel<32><<<1, 1>>>(0); break; case 64: kernel<64><<<1, 1>>>(0); break;
    default: FAIL(); }
}
#define CALL(T) launcher<T>(out, %s, scale);
void entry(Tensor& out, Tensor& q, double scale) {
  Tensor& local = q;
  DISPATCH(q.scalar_type(), CALL)
}
"""
)


@pytest.mark.parametrize(
    ("argument", "discriminator"), [(b"q", "q.size(2)"), (b"local", "q.size(2)"), (b"make(q)", "")]
)
def test_a_launchers_switch_belongs_to_its_caller(argument, discriminator):
    found = choice(LAUNCHER % argument, "size")
    called = ("launcher", "entry") if discriminator else ("::launcher", "::launcher")
    assert (found.function, found.entry) == called
    assert found.discriminator == discriminator
    assert (found.interface == "thin") == bool(found.obstacle) == (not discriminator)


def test_calls_that_differ_in_the_argument_are_not_traced():
    text = LAUNCHER % b"q" + b"#define CALL_OTHER(T) launcher<T>(out, out, scale);\n"
    assert choice(text, "size").discriminator == ""


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ((b"void entry(", b"static void entry("), "internal linkage"),
        ((b"void entry(", b"template <typename U> void entry("), "is a template"),
        ((b"CALL)", b"CALL_NOT)"), "nothing here calls it"),
        (
            (b"void entry(", b"void other(Tensor& out, Tensor& q, int scale) { CALL(int) }\nvoid entry("),
            "several callers: other, entry",
        ),
    ],
)
def test_what_stands_in_the_way_is_said(change, problem):
    text = (LAUNCHER % b"q").replace(*change)
    found = choice(text, "size")
    assert problem in found.obstacle and found.interface == "thin"


def test_arms_that_a_macro_makes_are_no_lack_of_arms():
    text = b"void entry(int n) {\n#define ARM(N) \\\n  case N: \\\n    run<N>(); break;\n"
    text += b"  switch (n) {\n    ARM(1)\n    ARM(2)\n    default: fail();\n  }\n}\n"
    (found,) = survey(parse(text)).choices
    assert found.problem == "its arms are made by calls of the macro ARM"
    (found,) = survey(parse(text.replace(b"case N:", b"if (N)"))).choices
    assert found.problem == "it has fewer than two arms to deal"


def test_a_switch_in_a_function_local_macro():
    arms = "".join(f"    case {n}: kernel<{n}><<<1, 1>>>(x); break; \\\n" for n in (1, 2))
    macro = "#define RUN(P) \\\n  switch (m) { \\\n" + arms + "  }\n"
    text = function("int m = a.size(0);\n" + macro + "RUN(1)\n#undef RUN")
    found = choice(text, "m")
    assert (found.macro, found.discriminator, found.problem) == ("RUN", "a.size(0)", "")


def test_chains_over_a_parameter():
    chain = 'if (kind == "one") { kernel<1><<<1, 1>>>(x); } '
    chain += 'else if (kind == "two" || kind == "2") { kernel<2><<<1, 1>>>(x); } else { FAIL(kind); }'
    found = choice(function(chain, "void f(const std::string& kind)"), "kind")
    assert (found.kind, found.problem, len(found.arms)) == ("chain", "", 3)
    text = function(chain.replace('"two"', "other"), "void f(const std::string& kind)")
    assert "more than the parameters" in choice(text, "kind").obstacle


def test_a_macro_at_file_scope_belongs_to_nobody():
    text = b"#define RUN(n) switch (n) { case 1: a(); break; case 2: b(); break; }\n"
    found = choice(text, "n")
    assert (found.entry, found.problem) == ("", "no function here uses the macro RUN")


def test_arms_take_their_kernels_along():
    text = (
        KERNEL
        + b"template <int N>\n__global__ void big(int* x) { x[0] = N; }\n#define RUN(n) big<n><<<1, 1>>>(x)\n"
        + b"void f(int n) { switch (n) { case 1: kernel<1><<<1, 1>>>(x); break; case 2: RUN(2); break; } }\n"
    )
    one, two = choice(text, "n").arms
    assert (one.takes, two.takes) == (("kernel",), ("big",))
    assert one.bytes == len(KERNEL)
    assert one.line == one.last_line == 6


def test_an_outer_choice_weighs_what_its_arms_lead_to():
    run = "switch (%s) { case 1: RUN; break; case 2: RUN; break; }"
    body = "\n#define RUN " + run % "b" + "\n#define BOTH kernel<1><<<1, 1>>>(x); kernel<2><<<1, 1>>>(x);\n"
    body = body.replace("RUN; break; case 2: RUN;", "BOTH; break; case 2: BOTH;") + run % "a"
    text = function(body, "void f(int a, int b)")
    outer = choice(text, "a")
    inner = choice(text, "b")
    assert outer.weight == inner.weight
    assert outer.peak < 0.6 * outer.weight
    assert inner.peak < 0.6 * inner.weight


def test_explicit_instantiations():
    text = KERNEL + b"template <class T, class U> void run(T t, U u) { kernel<1><<<1, 1>>>(t); }\n"
    text += b"template void run<int, float>(int, float);\ntemplate void run<int, int>(int, int);\n"
    text += b"extern template void run<long, int>(long, int);\n"
    (found,) = survey(parse(text)).instantiated
    assert (found.template, found.arguments, found.line) == ("run", ("int, float", "int, int"), 4)
    assert found.bytes > len(KERNEL)
    json.dumps(survey(parse(text)).to_json())


@pytest.mark.parametrize(
    "text", [b"", b"}}}", b"switch", b"void f( {", b"\xff\xfe", b"#if\nvoid f() { switch"]
)
def test_any_bytes_can_be_surveyed(text):
    assert survey(parse(text)).instantiated == ()


def test_a_source_is_surveyed_once():
    source = parse(b"void f(int n) {\n  switch (n) {\n  case 1: a(); break;\n  case 2: b(); break;\n  }\n}\n")
    assert survey(source) is survey(source)
