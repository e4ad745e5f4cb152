"""Further families: lists of all kinds, in one line or in many."""

from __future__ import annotations

from benchmarks.merge.execution.families import Family, Maker, program
from benchmarks.merge.execution.making import (
    F,
    Made,
    any_change,
    made,
    often_used,
    pieces,
    placed_at,
    together,
)
from benchmarks.merge.execution.trees import Edit, Insert, Replace, Several


def templates(make: Maker) -> Made:
    """Template parameters and arguments."""
    broken = make.rng.random() < 0.4
    old = ["int A", "int B = 3", "typename T = int"][: make.rng.randint(2, 3)]
    row = make.row("template <", ", ", old, ">", broken=broken)
    body = make.lines("static int q(int x) {", pieces(make, "x += A;", "x = x * B;", "return x;"))
    call = make.row("int x = q<", ", ", ["2", "k"][: make.rng.randint(1, 2)], ">(a);", broken=broken)
    use = make.lines(F, [call, *pieces(make, "x += q<1>(b);", "return x + c * d;")])
    used = (
        ("int C = 5", "x += C;"),
        ("int C = 7", "x ^= C;"),
        ("int N = 2", "x += N;"),
        ("bool F = true", "if (F) x -= 4;"),
        ("typename U = long", "x += sizeof(U);"),
    )
    new = ("int C = 5", "int C = 5, int N = 2", "typename U = long")
    calls = ("1", "4", "k + 1")
    root = program(make, [together(make, row, body), use])
    return root, often_used(make, row, body, used, (row, new), (body, ("x ^= 9;", "x -= B;")), (call, calls))


def constructor(make: Maker) -> Made:
    """What a constructor initialises, its members and its body."""
    broken = make.rng.random() < 0.5
    members = pieces(make, "int m0 = 1;", "int m1 = 1;", "int m2 = 1;", "int m3 = 1;")
    row = make.row(": ", ", ", ["m0(x)", "m1(y + 1)"], "", broken=broken)
    body = make.lines("{", pieces(make, "m0 += 2;", "m1 *= 3;"))
    whole = make.lines(
        "struct C {", [*members, together(make, make.node("C(int x, int y = 2)"), row, body)], "};"
    )
    use = make.lines(F, pieces(make, "C v(a, b);", "return v.m0 + v.m1 * 3 + v.m2 * 7 + v.m3 * c + d;"))
    new = ("m2(x)", "m2(4)", "m3(7)", "m2(y), m3(x)")
    return made(make, [whole, use], (row, new), (row, new), (body, ("m2 += m0;", "m3 = m1;", "m0 ^= 5;")))


def captures(make: Maker) -> Made:
    """A lambda: what it captures, and its body."""
    row = make.row("auto q = [", ", ", ["a", "&b"], "]", broken=make.rng.random() < 0.3)
    body = make.lines("(int x) {", pieces(make, "x += a;", "b += x;", "return x;"), "};")
    after = pieces(make, "int r = q(c) + q(d) * 3;", "return r + b;")
    use = make.lines(F, [together(make, row, body), *after])
    used = (
        ("c", "x += c;"),
        ("&d", "d += x;"),
        ("e = a + 1", "x ^= e;"),
        ("e = 4", "x += e;"),
        ("d", "x -= d;"),
    )
    plain = (row, ("c", "d", "e = 4")), (body, ("x += k;", "x ^= 6;", "b -= 1;"))
    return program(make, [use]), often_used(make, row, body, used, *plain)


def ternaries(make: Maker) -> Made:
    """A chain of choices in one expression."""
    chain = ["a > 2 ? b", "c < 9 ? d", "a + b > 7 ? 11", "k"]
    row = make.row("int x = ", " : ", chain, ";", broken=make.rng.random() < 0.5)
    use = make.lines(F, [row, make.node("return x * 3 + a;")])
    new = ("b > 5 ? 7", "a == 1 ? c", "d ? 13", "c > 3 ? b + 1", "a > 2 ? c")
    return made(make, [use], (row, new))


def strings(make: Maker) -> Made:
    """String literals beside each other, in a call and in a constant."""
    broken = make.rng.random() < 0.5
    text = make.row("static const char s[] = ", " ", ['"ab"', '"c,"', '"; d"', '"e"'], ";", broken=broken)
    body = ("int x = a;", "for (char q : s) x = x * 5 + q;", "return x + b + c + d;")
    use = make.lines(F, pieces(make, *body))
    return made(make, [text, use], (text, ('"f"', '"g //"', '"ab"', '", "', '"/* h"', r'"\"i"')))


def aggregates(make: Maker) -> Made:
    """Members in an order, and the values of each in the same order."""
    rng = make.rng
    named = rng.random() < 0.5
    members = pieces(make, "int m0 = 1;", "int m1 = 2;", "int m2 = 3;")
    whole = make.lines("struct P {", members, "};")
    values = [f".m{n} = {value}" if named else value for n, value in enumerate(("a", "b + 1", "c * 2"))]
    row = make.row("P v = {", ", ", values, "};", broken=rng.random() < 0.5)
    uses = pieces(make, "int x = v.m0 + v.m1 * 3 + v.m2 * 7;", "return x + int(sizeof(P)) + d;")
    use = make.lines(F, [row, *uses])

    def edit() -> Edit | None:
        name = rng.choice(("n0", "n1"))
        value = rng.choice(("d", "9"))
        at = rng.randint(0, 3)
        if rng.random() < 0.3:
            return any_change(
                make, ((whole, (f"int {name} = 4;", "long n2 = 5;")), (use, (f"x += v.{name};",)))
            )
        member = placed_at(whole, make.node(f"int {name} = 4;"), at)
        given = placed_at(row, make.node(f".{name} = {value}" if named else value), at)
        used = Insert(use.name, make.node(f"x += v.{name} * 11;"), uses[0].name, uses[1].name)
        return Several([member, given, used])

    return program(make, [whole, use]), edit


def specifiers(make: Maker) -> Made:
    """Attributes and specifiers in front of a function."""
    row = make.row("", " ", ["static", "inline"], " int q(int x) {")
    body = make.lines("", pieces(make, "x += 3;", "return x * 2;"))
    use = make.lines(F, pieces(make, "return q(a) + q(b) * c + d;"))
    new = ("constexpr", "__attribute__((noinline))", "[[maybe_unused]]", "__attribute__((unused))", "const")
    return made(
        make, [together(make, row, body), use], (row, new), (row, new), (body, ("x ^= 7;", "x += 4;"))
    )


def commented(make: Maker) -> Made:
    """A table with a comment behind each row, with and without its last comma."""
    rng = make.rng
    rows = [make.node(f"{n},  // {word}") for n, word in ((3, "three"), (5, "five"), (8, "eight"))]
    table = make.lines("static const int t[] = {", rows, "};")
    use = make.lines(F, pieces(make, "int x = a;", "for (int y : t) x = x * 3 + y;", "return x + b + c + d;"))
    new = ("9,  // nine", "4,", "6, 7,", "1,  /* one */", "2,  // it's {two", "9,  // other nine")

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.2:
            return Replace(rows[2].name, rows[2].head, "8  // eight")
        if kind < 0.3:
            return Replace(rows[1].name, rows[1].head, "5,  /* five */")
        return any_change(make, ((table, new),))

    return program(make, [table, use]), edit


def calls(make: Maker) -> Made:
    """A chain of calls, each on what the one before gives."""
    rng = make.rng
    steps = rng.sample(("add(1)", "mul(a)", "sub(b)", "add(c)", "mul(3)"), rng.randint(2, 4))
    row = make.row("int x = V()", "", [f".{step}" for step in steps], ".v;", broken=rng.random() < 0.5)
    head = (
        "struct V { int v = 2; V add(int x) { v += x; return *this; } V mul(int x) { v *= x; return *this; }"
        " V sub(int x) { v -= x; return *this; } };"
    )
    use = make.lines(F, [row, make.node("return x + d;")])
    new = (".add(7)", ".mul(2)", ".sub(b)", ".add(g(a))", ".sub(c).add(6)")
    return made(make, [make.node(head), use], (row, new))


def brackets(make: Maker) -> Made:
    """An expression with brackets in it, each of which is a list of its own."""
    rng = make.rng
    inner = [make.row("(", sign, rng.sample(("a", "b", "c", "2"), 2), ")") for sign in (" + ", " - ")]
    outer = make.node("int x = ", [inner[0], make.node("d"), inner[1]], separator=" * ", tail=";")
    outer.broken = rng.random() < 0.3
    use = make.lines(F, [outer, make.node("return x % 1009;")])
    new = ("k", "p[a]", "7", "g(b)", "(a ^ 3)")
    return made(make, [use], (inner[0], new), (inner[1], new), (outer, new))


def tables(make: Maker) -> Made:
    """Rows of structures, with a column more or a row more."""
    rng = make.rng
    values = (("1", "a0"), ("4", "a1"), ("9", "a0"))
    rows = [make.row("{", ", ", list(pair), "}") for pair in values]
    table = make.node("static const R t[] = {", rows, separator=", ", tail="};", broken=rng.random() < 0.7)
    head = "enum { a0 = 3, a1 = 5 }; struct R { int m, n = 1, o = 2, p = 3, q = 4; };"
    use = make.lines(
        F, pieces(make, "int x = a;", "for (R r : t) x = x * 3 + r.m * r.n - r.o;", "return x + d;")
    )
    new = ("{2, 6}", "{7, a1, 3}", "{1, a0}", "{a1}")
    columns = ((row, ("8", "a1", "6")) for row in rows)
    return made(make, [make.node(head), table, use], (table, new), (table, new), *columns)


FAMILIES: dict[str, Family] = {
    "templates": templates,
    "constructor": constructor,
    "captures": captures,
    "ternaries": ternaries,
    "strings": strings,
    "aggregates": aggregates,
    "specifiers": specifiers,
    "commented": commented,
    "calls": calls,
    "brackets": brackets,
    "tables": tables,
}
