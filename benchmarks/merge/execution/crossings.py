"""Further families: what one side changes, and the other edits or newly relies on."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.merge.execution.families import Family, Maker, place, program
from benchmarks.merge.execution.making import (
    STEPS,
    F,
    Made,
    any_change,
    pieces,
    placed_at,
    together,
)
from benchmarks.merge.execution.trees import (
    Delete,
    Edit,
    Exchange,
    Extract,
    Hides,
    Insert,
    Move,
    MoveTo,
    Node,
    Rename,
    Replace,
    Several,
    Uses,
    Wrap,
)


def signatures(make: Maker) -> Made:
    """A function whose parameters change, with every call of it, and new calls."""
    rng = make.rng
    row = make.row(rng.choice(("static int q(", "inline long q(")), ", ", ["int x", "int y"], ") {")
    body = make.lines("", pieces(make, "x = x * 5 + y;", "x ^= 3;", "return x;"))
    calls = [
        make.row(f"{head}q(", ", ", pair, ");")
        for head, pair in (("x += ", ["a", "b"]), ("x -= ", ["c", "3"]))
    ]
    between = pieces(make, "int x = 1;", "x *= 2;", "x ^= d;", "return x;")
    use = make.lines(F, [between[0], calls[0], between[1], calls[1], *between[2:]])

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.25:
            new, value, step = rng.choice((("int z", "d", "x += z;"), ("int w", "7", "x ^= w;")))
            at = rng.randint(0, 2)
            more = [
                placed_at(part, make.node(text), at)
                for part, text in ((row, new), *((c, value) for c in calls))
            ]
            return Several([*more, place(rng, body, make.node(step))])
        if kind < 0.35:
            lists = (row, *calls)
            return Exchange(
                [Move((part.items or [])[1].name, None, (part.items or [])[0].name) for part in lists], "q"
            )
        if kind < 0.45:
            return Replace(
                row.name, row.head, row.head.replace("int q", "short q").replace("long q", "short q")
            )
        if kind < 0.5:
            return Rename("q", "qq")
        if kind < 0.75:
            return Uses([place(rng, use, make.node(rng.choice(("x += q(d, a);", "x ^= q(2, b);"))))], "q")
        if kind < 0.85:
            item = (rng.choice(calls).items or [])[rng.randint(0, 1)]
            return Replace(item.name, item.head, rng.choice(("a + 1", "b * 2")))
        return any_change(make, ((body, ("x += 4;", "x -= y;")), (body, ("x += 4;", "x -= y;"))))

    return program(make, [together(make, row, body), use]), edit


def macros(make: Maker) -> Made:
    """A macro with arguments, in functions that use it."""
    rng = make.rng
    names = make.row("(", ", ", ["x", "y"], ")")
    terms = make.row(" (", " + ", ["(x) * 3", "(y)"], ")")
    head = make.node("#define Q", [names, terms], separator="")
    calls = [make.row("x += Q(", ", ", pair, ");") for pair in (["a", "b"], ["c + 1", "2"])]
    use = make.lines(
        F, [make.node("int x = 1;"), calls[0], make.node("x ^= 5;"), calls[1], make.node("return x + d;")]
    )

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.25:
            new, value = rng.choice((("z", "d"), ("w", "7")))
            at = rng.randint(0, 2)
            more = [
                placed_at(part, make.node(text), at)
                for part, text in ((names, new), *((c, value) for c in calls))
            ]
            return Several([*more, place(rng, terms, make.node(f"({new}) * 7"))])
        if kind < 0.3:
            return Rename("Q", "QQ")
        if kind < 0.5:
            new = rng.choice(("x -= Q(d, a);", "x += Q(x, 1) * 2;"))
            return Uses([place(rng, use, make.node(new))], "Q")
        if kind < 0.6:
            item = (rng.choice(calls).items or [])[rng.randint(0, 1)]
            return Replace(item.name, item.head, rng.choice(("a + 1", "b * 2")))
        return any_change(make, ((terms, ("4", "(x) * (y)")), (use, STEPS)))

    return program(make, [head, use, make.node("#undef Q")]), edit


def scopes(make: Maker) -> Made:
    """Objects that do something at the end of their scope, the last one first."""
    rng = make.rng
    guard = "struct G { int& r; int n; G(int& r, int n) : r(r), n(n) { r ^= n; } ~G() { r = r * 3 + n; } };"
    inner = make.lines("{", pieces(make, "G three(x, c);", "x += 5;"))
    items = [*pieces(make, "G one(x, 1);", "x += a;", "G two(x, 2);"), inner, make.node("x ^= b;")]
    block = make.lines("{", items)
    use = make.lines(F, [make.node("int x = a;"), block, make.node("return x + d;")])
    new = ("G four(x, d);", "G five(x, 9);", "x += 4;", "x *= 2;", "G six(x, x);")

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.2:
            first = rng.randint(0, 4)
            head = rng.choice(("{", "if (b > 3) {", "for (int i = 0; i < 2; ++i) {"))
            return Wrap(items[first].name, items[rng.randint(first, 4)].name, make.lines(head, []))
        if kind < 0.3:
            return MoveTo(rng.choice(items[:3]).name, inner.name, (inner.items or [])[0].name)
        return any_change(make, ((block, new), (block, new), (inner, new)))

    return program(make, [make.node(guard), use]), edit


def statics(make: Maker) -> Made:
    """Functions that keep something from call to call."""
    rng = make.rng
    body = make.lines(
        "static int q(int x) {",
        pieces(make, "static int n = 3;", "n += x;", "if (n > 20) n -= 17;", "return n;"),
    )
    use = make.lines(F, pieces(make, "int x = q(a);", "x = x * 3 + q(b);", "x ^= q(1);", "return x + c + d;"))
    used = (
        ("static int m = 2;", "x += m++;"),
        ("static int m = 5;", "m ^= x;"),
        ("static bool s = false;", "if (!s) { s = true; n += 9; }"),
    )

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.15:
            first = (body.items or [])[0]
            return Replace(first.name, first.head, rng.choice(("static int n = 8;", "static int n = 9;")))
        if kind < 0.4:
            local, step = rng.choice(used)
            at = rng.randint(1, 3)
            both = [placed_at(body, make.node(text), at) for text in (step, local)]
            return Several(both)
        return any_change(
            make, ((body, ("n += 2;", "n ^= 5;", "++n;")), (use, ("q(c);", "x += q(d);", "x -= q(2);")))
        )

    return program(make, [body, use]), edit


def sized(make: Maker) -> Made:
    """Tables whose length is said elsewhere, and loops over them."""
    rng = make.rng
    size = make.node("static constexpr int N = 3;")
    values = [
        make.row(f"static constexpr int {name}[N] = {{", ", ", row, "};", broken=rng.random() < 0.4)
        for name, row in (("t", ["3", "5", "7"]), ("s", ["1", "g(2)", "4"]))
    ]
    values[1].head = "static const int s[N] = {"
    sure = make.node("static_assert(sizeof(t) / sizeof(int) == N && N > 2);")
    loop = make.lines("for (int i = 0; i < N; ++i) {", pieces(make, "x = x * 3 + t[i];", "x ^= s[i];"))
    use = make.lines(F, [make.node("int x = a;"), loop, make.node("return x + b + c + d;")])

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.45:
            at = rng.randint(0, 3)
            more = [placed_at(row, make.node(rng.choice(("8", "9", "6"))), at) for row in values]
            return Several([Replace(size.name, size.head, "static constexpr int N = 4;"), *more])
        if kind < 0.6:
            item = rng.choice(rng.choice(values).items or [])
            return Replace(item.name, item.head, rng.choice(("11", "12", "g(1)")))
        if kind < 0.7:
            return Replace(
                loop.name,
                loop.head,
                rng.choice(("for (int i = N - 1; i >= 0; --i) {", "for (int i = 1; i < N; ++i) {")),
            )
        if kind < 0.75:
            return Rename("N", "kSize")
        return any_change(
            make, ((loop, ("x += N;", "x -= t[N - 1 - i];")), (use, ("x += t[1];", "x ^= s[N - 1];")))
        )

    return program(make, [size, *values, sure, use]), edit


def modes(make: Maker) -> Made:
    """Arms of `#if` that a macro selects, which a side sets otherwise."""
    rng = make.rng
    mode = make.node(f"#define MODE {rng.randint(1, 3)}")
    heads = ("#if MODE == 1", "#elif MODE == 2", "#else")
    arms = [make.lines(head, pieces(make, *rng.sample(STEPS, 2)), "", indented=False) for head in heads]
    group = make.lines("", arms, "#endif", indented=False)
    body = make.lines(F, [make.node("int x = a;"), make.node("x += MODE;"), group, make.node("return x;")])

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.25:
            return Replace(mode.name, mode.head, f"#define MODE {rng.randint(1, 4)}")
        if kind < 0.35:
            arm = rng.choice(arms[:2])
            return Replace(arm.name, arm.head, rng.choice((arm.head + " || MODE == 4", arm.head + " && X")))
        if kind < 0.45:
            new = make.lines(
                rng.choice(("#elif MODE == 4", "#elif MODE == 3")),
                pieces(make, "x += 8;"),
                "",
                indented=False,
            )
            return Insert(group.name, new, arms[1].name, arms[2].name)
        if kind < 0.5:
            return Delete(arms[1].name)
        if kind < 0.55:
            return Rename("MODE", "KIND")
        return any_change(make, [(arm, STEPS) for arm in arms] + [(body, ("x += MODE * 2;", "x -= 9;"))])

    return program(make, [mode, body, make.node("#undef MODE")]), edit


def numbered(make: Maker) -> Made:
    """Enumerators that count, a table in their order, and a choice among them."""
    rng = make.rng
    names = make.row("enum E { ", ", ", ["e0", "e1", "e2"], ", count };", broken=rng.random() < 0.5)
    table = make.row("static const int t[] = {", ", ", ["3", "5", "7"], "};", broken=rng.random() < 0.5)
    arms = [
        make.lines(f"case {name}:", pieces(make, step, "break;"), "")
        for name, step in (("e0", "x += 4;"), ("e1", "x *= 3;"), ("e2", "x ^= 6;"))
    ]
    rest = make.lines("default:", pieces(make, "x -= 1;"), "")
    choice = make.lines("switch (a % count) {", [*arms, rest])
    use = make.lines(
        F,
        [
            make.node("int x = t[b % count];"),
            choice,
            make.node("x += t[e1];"),
            make.node("return x + c + d;"),
        ],
    )

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.4:
            at = rng.randint(0, 3)
            name = rng.choice(("e3", "e4"))
            more: list[Edit] = [
                placed_at(names, make.node(name), at),
                placed_at(table, make.node(rng.choice(("8", "9"))), at),
            ]
            if rng.random() < 0.7:
                arm = make.lines(
                    f"case {name}:", pieces(make, rng.choice(("x += 9;", "x -= 5;")), "break;"), ""
                )
                more.append(placed_at(choice, arm, rng.randint(0, 3)))
            return Several(more)
        if kind < 0.5:
            one, two = rng.sample(range(3), 2)
            parts = (names, table)
            return Several(
                [Move((part.items or [])[one].name, (part.items or [])[two].name, None) for part in parts]
            )
        if kind < 0.6:
            return Several(
                [
                    Delete((names.items or [])[2].name),
                    Delete((table.items or [])[2].name),
                    Delete(arms[2].name),
                ]
            )
        if kind < 0.65:
            return Rename("e1", "first")
        pool = ("x += t[e2];", "x ^= e2;", "x += count;")
        return any_change(make, ((use, pool), *((arm, ("x += 2;", "x ^= 9;")) for arm in arms)))

    return program(make, [names, table, use]), edit


def hidden(make: Maker) -> Made:
    """Blocks with locals of their own, which may have the name of one outside."""
    rng = make.rng
    inner = make.lines(
        rng.choice(("if (a > 1) {", "for (int i = 0; i < 2; ++i) {", "{")),
        pieces(make, "x += 2;", "x *= b;", "x -= 4;"),
    )
    parts = [
        *pieces(make, "int x = a;", "int y = c + 3;", "x ^= 5;"),
        inner,
        *pieces(make, "x += y;", "return x + d;"),
    ]
    use = make.lines(F, parts)

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.35:
            new = make.lines("", pieces(make, "int y = b * 2;", "x += y;"), "", indented=False)
            return Hides([place(rng, inner, new)], "y")
        if kind < 0.45:
            name = rng.choice(("x", "y"))
            around = make.lines(f"for (int {name} : {{1, 2}}) {{", [make.node(f"g({name});")])
            return Hides([place(rng, inner, around)], name)
        if kind < 0.5:
            return Rename("y", "yy")
        return any_change(
            make,
            (
                (inner, ("x += y;", "x ^= y * 2;", "y += 1;")),
                (inner, ("x += y;", "x ^= y * 2;")),
                (use, ("x += y;", "y ^= x;")),
            ),
        )

    return program(make, [use]), edit


def extracted(make: Maker) -> Made:
    """Statements that go to a function of their own, and edits of them."""
    rng = make.rng
    inner = make.lines("if (b > 3) {", pieces(make, "x += 7;", "x *= 2;"))
    steps = [
        *pieces(make, "x += a;", "x ^= b;", "x = x * 3 + c;"),
        inner,
        *pieces(make, "x -= d;", "x = x % 97;"),
    ]
    use = make.lines(F, [make.node("int x = 1;"), *steps, make.node("return x;")])
    spare = make.node("static int spare(int x) { return x + 1; }")
    head = "static void part(int& x, int a, int b, int c, int d) {"

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.4:
            first = rng.randint(0, 4)
            last = rng.randint(first + 1, 5)
            function = make.lines(head, [])
            call = make.node("part(x, a, b, c, d);")
            return Extract(steps[first].name, steps[last].name, function, call, rng.choice((spare, use)).name)
        if kind < 0.5:
            return MoveTo(rng.choice(steps[:3]).name, inner.name, (inner.items or [])[rng.randint(0, 1)].name)
        return any_change(make, ((use, STEPS), (use, STEPS), (inner, ("x += 1;", "x ^= c;"))))

    return program(make, [spare, use]), edit


def overloads(make: Maker) -> Made:
    """A function template, what it is for single types, and overloads."""
    inner = make.lines("if constexpr (sizeof(T) == 8) {", pieces(make, "r += 5;"), "}")
    generic = make.lines(
        "template <typename T> static int q(T x) {",
        [make.node("int r = int(x);"), inner, make.node("return r * 2;")],
    )
    special = make.lines("template <> int q<char>(char x) {", pieces(make, "return x + 4;"))
    whole = together(make, generic, special)
    use = make.lines(
        F, pieces(make, "int x = q(a);", "x += q('b') * 3;", "x ^= q(long(c));", "return x + d;")
    )
    new = (
        "template <> int q<long>(long x) {\nreturn int(x) - 7;\n}",
        "template <> int q<short>(short x) {\nreturn x * 6;\n}",
        "static int q(int x) {\nreturn x ^ 9;\n}",
        "template <typename T> static int q(T* x) {\nreturn int(*x) + 1;\n}",
        "template <> int q<long>(long x) {\nreturn int(x) - 8;\n}",
    )
    uses = ("x += q(short(b));", "x -= q(&a);", "x += q<long>(b);", "x ^= q<int>(3);")
    plain: Sequence[tuple[Node, Sequence[str]]] = (
        (whole, new),
        (whole, new),
        (use, uses),
        (inner, ("r ^= 3;", "r *= 3;")),
        (generic, ("r += 1;", "r -= 2;")),
    )
    return program(make, [whole, use]), lambda: any_change(make, plain)


def closures(make: Maker) -> Made:
    """Lambdas in lambdas: what they capture how, and what changes between."""
    rng = make.rng
    inner = make.lines(
        "auto r = [=](int z) mutable {", pieces(make, "z += y * 2;", "z ^= b;", "return z;"), "};"
    )
    outer = make.lines(
        "auto q = [&](int y) {",
        [make.node("x += y;"), inner, *pieces(make, "x ^= r(3);", "return x - b;")],
        "};",
    )
    use = make.lines(
        F,
        [
            make.node("int x = a;"),
            outer,
            *pieces(make, "x += q(c);", "b += 1;", "x = x * 3 + q(d);", "return x;"),
        ],
    )

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.15:
            return Replace(
                inner.name, inner.head, rng.choice(("auto r = [&](int z) {", "auto r = [y, b](int z) {"))
            )
        if kind < 0.3:
            return Replace(
                outer.name,
                outer.head,
                rng.choice(
                    (
                        "auto q = [&x, b](int y) {",
                        "auto q = [&, b](int y) mutable {",
                    )
                ),
            )
        if kind < 0.5:
            return Rename("y", "why")
        pools = (
            (inner, ("z += y;", "z -= 3;")),
            (outer, ("x += b;", "x ^= y;", "y += 2;")),
            (use, ("x += q(2);", "b ^= 3;")),
        )
        return any_change(make, pools)

    return program(make, [use]), edit


def generations(make: Maker) -> Made:
    """A class template with a partial specialisation, and a type that derives from it."""
    head = make.lines(
        "template <typename T, int N> struct V {",
        pieces(make, "T v = N;", "int get() const { return int(v) * N; }"),
        "};",
    )
    part = make.lines(
        "template <int N> struct V<long, N> {",
        pieces(make, "long v = N + 1;", "int get() const { return int(v) - N; }"),
        "};",
    )
    child = make.lines(
        "struct W : V<int, 3> {", pieces(make, "int w = 2;", "int sum() const { return w + get(); }"), "};"
    )
    use = make.lines(
        F,
        pieces(
            make,
            "V<int, 4> v;",
            "V<long, 2> u;",
            "W w;",
            "int x = v.get() * a + u.get() * b;",
            "x += w.sum();",
            "return x + c + d;",
        ),
    )
    used = (
        (head, "int two() const { return int(v) + 2; }", "x += v.two();"),
        (head, "T more = 7;", "x ^= v.more;"),
        (part, "int two() const { return int(v) + 9; }", "x += u.two();"),
        (child, "int get() const { return 11; }", "x -= w.get();"),
        (child, "int two() const { return w * 2; }", "x += w.two();"),
    )
    rng = make.rng

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.5:
            into, new, step = rng.choice(used)
            return Several([place(rng, into, make.node(new)), place(rng, use, make.node(step))])
        if kind < 0.6:
            return Rename(*rng.choice((("get", "value"), ("V", "Vec"))))
        return any_change(
            make,
            (
                (head, ("T k2 = 5;", "int get2() const { return 5; }")),
                (child, ("int m = 5;", "int w2 = w;")),
                (use, ("x += w.w;", "x += u.get();")),
            ),
        )

    return program(make, [head, part, child, use]), edit


FAMILIES: dict[str, Family] = {
    "signatures": signatures,
    "macros": macros,
    "scopes": scopes,
    "statics": statics,
    "sized": sized,
    "modes": modes,
    "numbered": numbered,
    "hidden": hidden,
    "extracted": extracted,
    "overloads": overloads,
    "closures": closures,
    "generations": generations,
}
