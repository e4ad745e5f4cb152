"""The texts that are measured: ordinary code, edits of it, and what no person would write."""

from __future__ import annotations

from collections.abc import Callable


def kernels(lines: int) -> bytes:
    """Ordinary code of so many lines."""
    kernel = (
        b"template <typename T>\n__global__ void kernel%d(T* out, const T* in, int n) {\n"
        b"  int i = blockIdx.x * blockDim.x + threadIdx.x;\n"
        b"  if (i < n) {\n    out[i] = in[i] * %d;\n  }\n}\n\n"
    )
    return b"".join(kernel % (number, number) for number in range(lines // 8))


def edits_that_meet(text: bytes) -> tuple[bytes, bytes, bytes]:
    """Base and two versions that write different lines at three places."""
    lines = text.splitlines(keepends=True)
    places = {len(lines) * part // 4 for part in (1, 2, 3)}

    def version(words: bytes) -> bytes:
        return b"".join(words + line if at in places else line for at, line in enumerate(lines))

    return text, version(b"int ours;\n"), version(b"int theirs;\n")


def odd_texts(size: int) -> dict[str, bytes]:
    """Texts of about ``size`` bytes, by what they are of."""

    def lines(line: bytes) -> bytes:
        return line * (size // len(line))

    def numbered(line: bytes) -> bytes:
        """``line`` with ascending numbers in place of its ``%d``."""
        count = size // (len(line) + 3 * line.count(b"%d"))
        return b"".join(line.replace(b"%d", b"%d" % number) for number in range(count))

    return _brackets(size, lines) | _flat(size, lines) | _named(lines, numbered)


def _brackets(size: int, lines: Callable[[bytes], bytes]) -> dict[str, bytes]:
    """What nests, or does not end."""
    return {
        "open brackets": b"(\n" * (size // 4) + b")\n" * (size // 4),
        "nested blocks": b"{\n" * (size // 4) + b"}\n" * (size // 4),
        "conditions": b"#if A\n" * (size // 14) + b"#endif\n" * (size // 14),
        "namespaces": b"namespace a {\n" * (size // 16) + b"}\n" * (size // 16),
        "elifs": b"#if A\n" + lines(b"#elif B\nint x;\n") + b"#endif\n",
        "closing brackets": lines(b"}\n"),
        "closing parentheses": lines(b")"),
        "blocks of macros": lines(b"A_BEGIN\nA_END\n"),
        "classes in each other": b"struct A {\n" * (size // 24) + b"};\n" * (size // 24),
        "definitions in conditions": b"#if A\nvoid f() {}\n" * (size // 26) + b"#endif\n" * (size // 26),
        "cut braces": lines(b"#if A\nvoid f() {\n#else\nvoid g() {\n#endif\n}\n"),
    }


def _flat(size: int, lines: Callable[[bytes], bytes]) -> dict[str, bytes]:
    """Rows of one thing, and things of one piece."""
    return {
        "hashes": lines(b"#\n"),
        "one line": lines(b"int a; "),
        "one expression": b"int x = " + lines(b"a +\n") + b"1;\n",
        "words": lines(b"a\n"),
        "apostrophes": lines(b"'\n"),
        "macro calls": lines(b"REGISTER(op, f)\n"),
        "a macro of lines": b"#define A \\\n" + lines(b"x = 1; \\\n") + b"\n",
        "a table": b"int t[] = {\n" + lines(b"0, 0, 0,\n") + b"};\n",
        "else-ifs": b"void f(int x) {\n" + lines(b"else if (x == 1) { g(); }\n") + b"}\n",
        "quotes": lines(b"'\"'\n"),
        "semicolons": lines(b";"),
        "signs": lines(b"@"),
        "one function": b"void f(int x) {\n" + lines(b"  x = g(x, 1);\n") + b"}\n",
        "a string": b'const char* s = "' + lines(b"words ") + b'";\n',
        "a raw string": b'const char* s = R"(' + lines(b"words\n") + b')";\n',
        "a comment": b"/*\n" + lines(b"words\n") + b"*/\n",
        "a switch": b"int f(int x) {\n  switch (x) {\n"
        + b"".join(b"    case %d: return g<%d>();\n" % (n, n) for n in range(size // 32))
        + b"  }\n  return 0;\n}\n",
    }


def _named(lines: Callable[[bytes], bytes], numbered: Callable[[bytes], bytes]) -> dict[str, bytes]:
    """Thousands of declarations."""
    return {
        "small items": numbered(b"int v%d = %d;\n"),
        "small functions": numbered(b"int f%d() { return %d; }\n"),
        "static functions": numbered(b"static int f%d() { return %d; }\n"),
        "calls in a chain": b"int f0();\n" + _chain(b"int f%d() { return f%d(); }\n", numbered),
        "one name": lines(b"void f() { g(); }\n"),
        "overloads": numbered(b"void f(A%d a) { g(a); }\n"),
        "specialisations": b"template <int N> int s();\n"
        + numbered(b"template <> int s<%d>() { return %d; }\n"),
        "instantiations": b"template <int N> void s() {}\n" + numbered(b"template void s<%d>();\n"),
        "types": numbered(b"struct S%d { int a; };\n"),
        "defines": numbered(b"#define M%d %d\n"),
        "chained macros": b"#define M0 1\n" + _chain(b"#define M%d M%d\n", numbered),
        "includes": numbered(b'#include "header%d.h"\n'),
        "templates": numbered(b"template <typename T> T t%d(T a) { return a; }\n"),
        "kernels": numbered(b"__global__ void k%d(int* a) { a[0] = %d; }\n"),
    }


def _chain(line: bytes, numbered: Callable[[bytes], bytes]) -> bytes:
    """Numbered lines of which each speaks of the one before."""
    count = numbered(line).count(b"\n")
    return b"".join(line % (number, number - 1) for number in range(1, count))
