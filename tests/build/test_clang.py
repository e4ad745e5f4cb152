"""The lexer against libclang: the same token ranges on the six real files and on hard cases."""

from __future__ import annotations

import pytest

from mergeguard.build import clang
from mergeguard.cpp.lexer import lex
from mergeguard.cpp.source import Kind, nested, parse
from tests.support import corpus

pytestmark = pytest.mark.skipif(not clang.available(), reason="libclang can't be loaded here")


def ours(text: bytes) -> list[tuple[int, int]]:
    lexed = lex(text)
    return [(start, lexed.end(index)) for index, start in enumerate(lexed.starts)]


def test_same_tokens_on_real_files(monolith):
    _, version, path = monolith
    text = corpus.file(version, path)
    assert ours(text) == list(clang.token_ranges(text))


@pytest.mark.parametrize(
    "text",
    [
        b"#if 0\nit's not C\n#endif\n",
        b"int a\\\nb;",
        b"kernel<<<grid, block>>>(x);",
        b"x = 1'000 + .5e+3f; u8\"a\" R\"x(a\")x\" L'a' 'ab\\''",
        b"\xef\xbb\xbfint a;",
        b"// a\\\nstill a comment\nc",
        b"int \xc3\xa9 = 1;\r\n#define X \\\r\n y\r\n",
        b'"open\nnext',
        b"1.2.3e+x 0x1p-3 1_km",
        b"a->*b .* ... ## >>= <<= :: -> ++ --",
        b"/**/ /* a * b **/ c / d",
    ],
)
def test_same_tokens_on_hard_cases(text):
    assert ours(text) == list(clang.token_ranges(text))


def test_names_of_real_declarations_are_ours():
    """Every function that clang names in paged_attention_v1.cu is an item of that name."""
    text = corpus.file("0.22.0", "csrc/attention/paged_attention_v1.cu")
    found = clang.declarations(text)
    names = {item.name for item in parse(text).items}
    functions = {declaration.name for declaration in found if declaration.kind.startswith("FUNCTION")}
    assert functions == {"paged_attention_v1_launcher", "paged_attention_v1"}
    assert functions <= names


def test_declarations_lie_inside_items():
    """No declaration straddles an item's border, in any view."""
    for version, path in (
        ("0.24.0", "csrc/rocm/attention.cu"),
        ("0.33.0", "csrc/rocm/skinny_gemms.cu"),
        ("0.33.0", "csrc/rocm/skinny_gemms_int4.cu"),
    ):
        text = corpus.file(version, path)
        source = parse(text)
        items = [item for item in source.items if item.kind is not Kind.NAMESPACE]
        for item in source.items:
            items.extend(nested(source, item))
        for view in clang.VIEWS:
            for declaration in clang.declarations(text, view):
                if declaration.kind == "NAMESPACE":
                    continue
                homes = [i for i in items if i.start <= declaration.start < i.end]
                assert homes, (version, path, view, declaration)
                assert declaration.end <= homes[0].end, (version, path, view, declaration)


def test_a_definition_is_told_from_a_declaration():
    found = clang.declarations(b"namespace n { int f(int); }\nint g(int x) { return x; }\n")
    assert [(d.name, d.definition) for d in found] == [("n", True), ("f", False), ("g", True)]
