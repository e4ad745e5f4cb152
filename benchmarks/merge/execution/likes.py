"""Further families: code in which much is alike, and edits that make more of it."""

from __future__ import annotations

from benchmarks.merge.execution.families import Family, Maker, place, program
from benchmarks.merge.execution.making import F, Made, any_change, pieces, placed_at, together
from benchmarks.merge.execution.trees import Delete, Edit, Insert, Layout, Move, Node, Replace, Several, Wrap

_VALUES = ("a", "b", "c", "d", "2", "7", "k", "a + 1")
_HELPERS = (
    "static int q(int x, int y = 3, int z = 5, int w = 1) { return x * 5 + y * 3 + z * 7 - w; }",
    "static int r(int x, int y = 3, int z = 5, int w = 1) { return x * 2 - y + z * 11 + w; }",
)


def _call(make: Maker) -> Node:
    rng = make.rng
    head = f"x {rng.choice(('+=', '+=', '^=', '-='))} {rng.choice(('q', 'q', 'r'))}("
    return make.row(head, ", ", [rng.choice(_VALUES) for _ in range(rng.randint(1, 3))], ");")


def alike_calls(make: Maker) -> Made:
    """Statements that call much the same with much the same."""
    rng = make.rng
    calls = [_call(make) for _ in range(rng.randint(2, 4))]
    inner = make.lines(
        rng.choice(("if (b > 3) {", "for (int i = 0; i < 2; ++i) {")), [_call(make), _call(make)]
    )
    items: list[Node] = [*calls, inner] if rng.random() < 0.5 else calls
    use = make.lines(F, [make.node("int x = 1;"), *items, make.node("return x;")])

    def edit() -> Edit | None:
        kind = rng.random()
        every = [*calls, *(inner.items or [])] if inner in items else calls
        if kind < 0.4:
            into = rng.choice((use, inner)) if inner in items else use
            first = 0 if into is inner else 1
            last = len(into.items or []) - (0 if into is inner else 1)
            return placed_at(into, _call(make), rng.randint(first, last))
        one = rng.choice(every)
        if kind < 0.55:
            return place(rng, one, make.node(rng.choice(_VALUES)))
        if kind < 0.75:
            item = rng.choice(one.items or [])
            return Replace(item.name, item.head, rng.choice(_VALUES))
        if kind < 0.85:
            return Replace(one.name, one.head, _call(make).head)
        if kind < 0.9:
            return Delete(one.name)
        if kind < 0.95:
            return Layout(one.name)
        at = rng.randint(0, len(items) - 1)
        end = min(at + rng.randint(0, 1), len(items) - 1)
        return Wrap(items[at].name, items[end].name, make.lines("if (c > 4) {", []))

    return program(make, [*map(make.node, _HELPERS), use]), edit


def alike_arms(make: Maker) -> Made:
    """Arms of a choice that do much the same, written out or by a macro."""
    rng = make.rng
    by_macro = rng.random() < 0.5

    def arm(number: int) -> Node:
        size = 8 * number if rng.random() < 0.8 else 24
        if by_macro:
            return make.row("ARM(", ", ", [str(number), str(size), rng.choice(("a", "b"))], ")")
        body = pieces(make, f"x += step<{size}>({rng.choice(('a', 'b'))});", "break;")
        return make.lines(f"case {number}:", body, "")

    arms = [arm(number) for number in range(1, rng.randint(3, 5))]
    choice = make.lines("switch (a % 7) {", [*arms, make.node("default: x -= 1;")])
    head = "template <int N> static int step(int x) { return x * N + 1; }"
    macro = "#define ARM(n, size, arg) case n: x += step<size>(arg); break;"
    use = make.lines(F, [make.node("int x = b;"), choice, make.node("return x + c * d;")])
    parts = [make.node(head), make.node(macro), use, make.node("#undef ARM")]

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.4:
            return placed_at(choice, arm(rng.randint(4, 6)), rng.randint(0, len(arms)))
        one = rng.choice(arms)
        if kind < 0.5:
            return Delete(one.name)
        if kind < 0.6:
            others = [item for item in arms if item is not one]
            return Move(one.name, rng.choice(others).name, None)
        inner = (one.items or [])[1 if by_macro else 0]
        if by_macro:
            return Replace(inner.name, inner.head, rng.choice(("12", "20", "8 * 9")))
        if kind < 0.8:
            return Replace(inner.name, inner.head, f"x += step<{rng.choice((12, 20))}>(c);")
        return Insert(one.name, make.node(rng.choice(("x ^= 3;", "x += d;"))), inner.name, None)

    return program(make, parts), edit


def alike_functions(make: Maker) -> Made:
    """Functions of which one is much the other."""
    rng = make.rng

    def function(name: str) -> Node:
        steps = [
            f"int r = x * {rng.randint(3, 40)};",
            rng.choice(("r += y;", "r -= y;")),
            "for (int i = 0; i < 3; ++i) r ^= i + y;",
        ]
        return make.lines(f"static int {name}(int x, int y) {{", pieces(make, *steps, "return r;"))

    functions = [function(name) for name in ("one", "two", "three")[: rng.randint(2, 3)]]
    whole = together(make, *functions)
    calls = pieces(make, *(f"x += {word}({arg}, c);" for word, arg in (("one", "a"), ("two", "b"))))
    use = make.lines(F, [make.node("int x = d;"), *calls, make.node("return x;")])
    steps = ("r += 4;", "r *= 2;", "r ^= x;", "if (y > 3) r -= 1;")

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.35:
            name = rng.choice(("four", "five"))
            called = place(rng, use, make.node(f"x ^= {name}(a, b);"))
            new = placed_at(whole, function(name), rng.randint(0, len(functions)))
            return Several([new, Insert(use.name, called.node, calls[0].name, calls[1].name)])
        if kind < 0.45:
            one, two = rng.sample(functions, 2)
            return Move(one.name, two.name, None)
        return any_change(make, [(one, steps) for one in functions])

    return program(make, [whole, use]), edit


def alike_rows(make: Maker) -> Made:
    """Tables in which rows and columns repeat."""
    rng = make.rng
    width = rng.randint(2, 3)

    def row() -> Node:
        return make.row("{", ", ", [str(rng.choice((1, 1, 2, 2, 4, 8))) for _ in range(width)], "}")

    rows = [row() for _ in range(rng.randint(2, 4))]
    table = make.node("static const R t[] = {", rows, separator=", ", tail="};", broken=rng.random() < 0.8)
    head = "struct R { int m, n = 1, o = 2, p = 3; };"
    use = make.lines(
        F,
        pieces(
            make,
            "int x = a;",
            "for (R r : t) x = (x * 3 + r.m * r.n - r.o * r.p) % 9973;",
            "return x + b + c + d;",
        ),
    )

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.4:
            return place(rng, table, row())
        one = rng.choice(rows)
        if kind < 0.7:
            item = rng.choice(one.items or [])
            return Replace(item.name, item.head, str(rng.randint(3, 60)))
        if kind < 0.8:
            return Insert(one.name, make.node(rng.choice(("5", "1"))), (one.items or [])[-1].name, None)
        if kind < 0.9:
            same = [item for item in rows if item is not one and item.render() == one.render()]
            return Delete(one.name) if not same else None
        return Layout(table.name)

    return program(make, [make.node(head), table, use]), edit


FAMILIES: dict[str, Family] = {
    "alike calls": alike_calls,
    "alike arms": alike_arms,
    "alike functions": alike_functions,
    "alike rows": alike_rows,
}
