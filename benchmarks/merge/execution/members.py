"""Further families: classes, linkage, names."""

from __future__ import annotations

from benchmarks.merge.execution.families import Family, Maker, place, program
from benchmarks.merge.execution.making import F, Made, any_change, made, often_used, pieces, together
from benchmarks.merge.execution.trees import Edit, Rename, Wrap


def friends(make: Maker) -> Made:
    """A class with friends, operators, aliases and overloads, and its uses."""
    old = (
        "using T = int;",
        "T m = 3;",
        "friend int look(const C& o) { return o.m * 2; }",
        "C& add(int x) { m += x; return *this; }",
    )
    whole = make.lines("struct C {", pieces(make, *old), "};")
    uses = ("C v;", "int x = v.add(a).m;", "x += look(v) * b;", "return x + c + d;")
    use = make.lines(F, pieces(make, *uses))
    used = (
        ("friend int look(const C& o, int x) { return o.m - x; }", "x += look(v, a);"),
        ("friend int look2(const C& o) { return o.m + 9; }", "x += look2(v);"),
        ("int get() const { return m; }", "x += v.get();"),
        ("int get() const { return m * 2; }", "x -= v.get();"),
        ("C& add(long x) { m -= int(x); return *this; }", "v.add(3L);"),
        ("friend C operator+(C o, int x) { o.m += x; return o; }", "x += (v + 4).m;"),
        ("C& add2(int x) {\nm += x * 2;\nreturn *this;\n}", "v.add2(c);"),
    )
    new = ("using U = T;", "friend int look2(const C& o) { return o.m + 9; }")
    plain = (whole, new), (use, ("v.add(2);", "v.add(b);"))
    return program(make, [whole, use]), often_used(make, whole, use, used, *plain)


def linkage(make: Maker) -> Made:
    """Functions in a linkage, with and without the guard around its braces."""
    rng = make.rng
    names = ("u", "v", "w")
    functions = [
        make.lines(f"static int {name}(int x) {{", pieces(make, f"x += {n};", "return x * 3;"))
        for n, name in enumerate(names)
    ]
    opening, closing = 'extern "C++" {', "}  // extern"  # "C" would make one name of all programs' functions
    if rng.random() < 0.5:
        opening, closing = f"#ifdef __cplusplus\n{opening}\n#endif", f"#ifdef __cplusplus\n{closing}\n#endif"
    block = make.lines(opening, functions[:2], closing, indented=False)
    use = make.lines(F, pieces(make, "int x = u(a) + v(b);", "x = x * 2 + w(c);", "return x + d;"))
    parts = [block, functions[2]]
    whole = together(make, *parts)
    new = ("static int z(int x) {\nreturn x - 5;\n}", "static int y(int x) {\nreturn x * 9;\n}")

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.15:
            around = make.lines(opening, [], closing, indented=False)
            return Wrap(functions[2].name, functions[2].name, around)
        if kind < 0.25:
            head, tail = rng.choice((("inline namespace n {", "}  // n"), ("#ifdef __GNUC__", "#endif")))
            return Wrap(block.name, rng.choice(parts).name, make.lines(head, [], tail, indented=False))
        if kind < 0.35:
            fresh = make.lines(opening, pieces(make, rng.choice(new)), closing, indented=False)
            return place(rng, whole, fresh)
        bodies = [(one, ("x ^= 3;", "x += 8;")) for one in functions]
        return any_change(make, ((block, new), (whole, new), *bodies, (use, ("x += 1;", "x -= u(d);"))))

    return program(make, [whole, use]), edit


def aliases(make: Maker) -> Made:
    """Using declarations, aliases and constants at file level and in a function."""
    spaces = [
        make.node(f"namespace {name} {{ inline int who() {{ return {n}; }} }}")
        for n, name in ((3, "one"), (8, "two"))
    ]
    old = ("using T = int;", "static constexpr int n0 = 4;", "typedef unsigned char B;")
    names = together(make, *pieces(make, *old))
    steps = ("using one::who;", "T x = a + n0;", "x += who() * b;", "return x + B(c * 90) + d;")
    use = make.lines(F, pieces(make, *steps))
    used = (
        ("using U = long;", "U u = 7; x += u;"),
        ("static constexpr int n1 = 6;", "x += n1;"),
        ("static constexpr int n1 = n0;", "x ^= n1;"),
        ("typedef T V;", "V y = 2; x += y;"),
        ("#define n2 5", "x += n2;"),
    )
    plain = (
        (names, ("using two::who;", "typedef T V;")),
        (use, ("using T = long;", "x += two::who();", "x ^= n0;")),
    )
    root = program(make, [*spaces, names, use, make.node("#undef n2")])
    return root, often_used(make, names, use, used, *plain)


def specialised(make: Maker) -> Made:
    """A template and what it is for single arguments."""
    head = pieces(make, "template <int N> struct V { static const int v = N; };")
    old = pieces(make, "template <> struct V<2> { static const int v = 9; };")
    whole = together(make, *head, *old)
    use = make.lines(
        F, pieces(make, "int x = V<1>::v * a;", "x += V<2>::v * b;", "return x + V<4>::v * c + d;")
    )
    new = (
        "template <> struct V<3> { static const int v = 7; };",
        "template <> struct V<4> { static const int v = 8; };",
        "template <> struct V<4> {\nstatic const int v = 6;\n};",
        "template <> struct V<1> { static const int v = 0; };",
    )
    uses = ("x += V<3>::v;", "x -= V<1>::v;", "x ^= V<4>::v;")
    return made(make, [whole, use], (whole, new), (whole, new), (use, uses))


def order(make: Maker) -> Made:
    """Functions that call each other, declared before they are used."""
    rng = make.rng
    first = make.node("static int v(int x, int y = 3);")
    bodies = {
        "u": ("x += v(x);", "return x * 2;"),
        "v": ("x -= y;", "return x + 1;"),
        "w": ("x = u(x) + 1;", "return x;"),
    }
    functions = [
        make.lines(f"static int {name}(int x{', int y' if name == 'v' else ''}) {{", pieces(make, *body))
        for name, body in bodies.items()
    ]
    whole = together(make, first, *functions)
    use = make.lines(F, pieces(make, "int x = w(a) + u(b);", "return x + c * d;"))
    new = (
        "static int z(int x) {\nreturn u(x) - 5;\n}",
        "static int y(int x) {\nreturn x * 9;\n}",
        "static int u2(int x);",
    )

    def edit() -> Edit | None:
        if rng.random() < 0.15:
            return Rename(*rng.choice((("v", "vv"), ("u", "uu"))))
        inner = [(one, ("x += 4;", "x ^= 7;", "x += v(2);", "x -= u(1);")) for one in functions]
        return any_change(make, ((whole, new), (whole, new), *inner, (use, ("x += v(d);", "x ^= w(1);"))))

    return program(make, [whole, use]), edit


def raw(make: Maker) -> Made:
    """Lines of code in a raw string."""
    lines = pieces(make, "int x = 1;", "if (x) { x += 2; }", "x *= 3;", "return x;")
    text = make.lines('static const char s[] = R"(', lines, ')";', indented=False)
    use = make.lines(
        F, pieces(make, "int x = a;", "for (char q : s) x = x * 5 + q;", "return x + b + c + d;")
    )
    return made(make, [text, use], (text, ("x -= 4;", "// more", "x *= 3;", "#if 0", "}")))


FAMILIES: dict[str, Family] = {
    "friends": friends,
    "linkage": linkage,
    "aliases": aliases,
    "specialised": specialised,
    "order": order,
    "raw": raw,
}
