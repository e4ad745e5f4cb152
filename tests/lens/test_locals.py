"""What a function has in scope where."""

from __future__ import annotations

import pytest

from mergeguard.cpp.source import Kind, parse
from mergeguard.lens.locals import scope_at


def scope(text):
    """The scope at the mark ``HERE``."""
    source = parse(text)
    function = next(item for item in source.items if item.kind is Kind.FUNCTION)
    return scope_at(source, function, text.index(b"HERE"))


def types(text):
    return {name: local.type for name, local in scope(text).names.items()}


def test_parameters_locals_and_aliases():
    found = types(
        b"""template <typename T, int N = 3>
void f(const Tensor& in, const int64_t count, int, T* p = nullptr) {
  int a = 1, *b = nullptr;
  const unsigned long c{4};
  static dim3 grid(count);
  std::vector<std::pair<int, int>> d = {{1, 2}};
  using U = typename scalar<T>::type;
  typedef long V;
  float e[4];
  HERE
}
"""
    )
    assert found == {
        "T": "typename",
        "N": "int",
        "in": "const Tensor&",
        "count": "const int64_t",
        "p": "T*",
        "a": "int",
        "b": "int*",
        "c": "const unsigned long",
        "grid": "dim3",
        "d": "std::vector<std::pair<int, int>>",
        "U": "typename scalar<T>::type",
        "V": "long",
        "e": "",
    }


@pytest.mark.parametrize(
    ("initialiser", "expected"),
    [
        (b"t.size(0)", "int64_t"),
        (b"(t.has_value() && t->numel() > 0) ? (x ? t->size(1) : t->size(0)) : 1", "int64_t"),
        (b"a.b().size(0)", ""),
        (b"t.size(0) * 2", ""),
        (b"1", ""),
        (b"make()", ""),
    ],
)
def test_what_auto_is(initialiser, expected):
    local = scope(b"void f() { auto n = " + initialiser + b"; HERE }").names["n"]
    assert (local.type, local.deduced) == (expected, True)


def test_blocks_that_are_closed_and_those_that_hide():
    text = b"""void f(int a) {
  { int gone = 1; }
  if (a) { float gone2; } else { }
  int list[] = {1, 2};
  long a2 = a;
  CALL(x, [&] {
    double a2 = 1;
    HERE
  });
  int later;
}
"""
    assert types(text) == {"a": "int", "list": "", "a2": "double"}
    assert scope(text).calls == ("CALL",)


@pytest.mark.parametrize(
    "statement",
    [
        b"return x;",
        b"x = y;",
        b"run(x);",
        b"a::run(x);",
        b"x.y = z;",
        b"delete x;",
        b"throw E(x);",
        b"if (x) y;",
    ],
)
def test_what_declares_nothing(statement):
    assert types(b"void f() { " + statement + b" HERE }") == {}
