"""Further families: what a function does, and in which order."""

from __future__ import annotations

from benchmarks.merge.execution.families import Family, Maker, program
from benchmarks.merge.execution.making import STEPS, F, Made, Target, any_change, made, pieces, together
from benchmarks.merge.execution.trees import Delete, Edit, Insert, Replace, Wrap


def fallthrough(make: Maker) -> Made:
    """Cases of which some go on into the next."""
    heads = ("case 0:", "case 1:", "case 2:", "default:")
    steps = (("x += 1;",), ("x *= 3;", "break;"), ("x += a;", "break;"), ("x -= 1;",))
    arms = [together(make, *pieces(make, head, *inner)) for head, inner in zip(heads, steps, strict=True)]
    choice = make.lines("switch (a % 5) {", arms)
    use = make.lines(F, [make.node("int x = b;"), choice, make.node("return x + c * d;")])
    new = ("x += 5;", "x ^= b;", "break;", "case 4:", "if (b > 3) break;")
    more = (
        "case 3:\nx -= 7;\nbreak;",
        "case 4:\nx += 9;\nbreak;",
        "case 3:\nx ^= 6;\nbreak;",
        "case 3: x += 2;",
    )
    return made(make, [use], *((arm, new) for arm in arms), (choice, more))


def branches(make: Maker) -> Made:
    """Conditions with `#elif` and conditions in them."""
    rng = make.rng
    inner = together(make, make.lines("#if X", pieces(make, "x += 2;"), "#endif", indented=False))
    heads = ("#if X", "#elif __GNUC__ > 3", "#else")
    parts = [make.lines(head, pieces(make, *rng.sample(STEPS, 2)), "", indented=False) for head in heads]
    rng.choice(parts).items.append(inner)  # type: ignore[union-attr]
    group = make.lines("", parts, "#endif", indented=False)
    body = make.lines(F, [make.node("int x = a;"), make.node("x += 1;"), group, make.node("return x;")])

    def edit() -> Edit | None:
        kind, part = rng.random(), rng.choice(parts)
        if kind < 0.55:
            return any_change(make, ((part, STEPS),))
        if kind < 0.65:
            new = make.lines(rng.choice(("#elif __cplusplus < 5", "#elif !X")), pieces(make, "x += 8;"), "")
            new.indented = False
            return Insert(group.name, new, parts[0].name, parts[1].name)
        if kind < 0.75:
            return Replace(parts[0].name, "#if X", rng.choice(("#if !X", "#if X && __GNUC__", "#ifdef Y")))
        if kind < 0.85:
            items = part.items or []
            around = make.lines(rng.choice(("#if !X", "#ifdef __GNUC__")), [], "#endif", indented=False)
            return Wrap(items[0].name, items[rng.randint(0, 1)].name, around)
        if kind < 0.92:
            return Delete(rng.choice((parts[1], parts[2], inner, group)).name)
        around = make.lines("if (b > 3) {", [])
        return Wrap(group.name, group.name, around)

    return program(make, [body]), edit


def macro(make: Maker) -> Made:
    """A macro of several lines, each but the last with its continuation."""
    steps = make.rng.sample(("x += 3;", "x *= 2;", "x ^= c;", "if (x > 9) x -= 4;"), make.rng.randint(2, 4))
    row = make.row("#define STEP(x) ", " \\\n  ", steps, "")
    use = make.lines(F, pieces(make, "int x = a;", "STEP(x)", "return x + b + d;"))
    end = make.node("#undef STEP")
    new = ("x += 7;", "x -= d;", "{ int t = x; x += t; }", "x ^= c;")
    edits: tuple[Target, ...] = (row, new), (row, new), (use, ("STEP(x)", "x += 1;"))
    return made(make, [together(make, row), use, end], *edits)


def handlers(make: Maker) -> Made:
    """What is tried and what is caught."""
    tried = make.lines(
        "try {", pieces(make, "x += 2;", "if (a > 2) throw 5;", "x *= b;", "if (c > 4) throw 2L;")
    )
    caught = make.lines("catch (int e) {", pieces(make, "x -= e;"))
    rest = make.lines("catch (...) {", pieces(make, "x += 4;", "x *= 3;"))
    group = together(make, tried, caught, rest)
    use = make.lines(F, [make.node("int x = a;"), group, make.node("return x + d;")])
    steps = ("x += 5;", "x ^= b;", "if (b == 4) throw 'c';", "if (b == 3) throw 9;")
    more = ("catch (long e) {\nx += 3;\n}", "catch (char e) {\nx += e;\n}", "catch (long e) {\nx -= 3;\n}")
    return made(make, [use], (tried, steps), (caught, STEPS), (rest, STEPS), (group, more))


def pragmas(make: Maker) -> Made:
    """Directives that belong to the loop behind them."""
    rng = make.rng
    loops = [
        make.lines(f"for (int i = 0; i < {n}; ++i) {{", pieces(make, f"x = x * {n} + i;", "x ^= b;"))
        for n in (2, 3)
    ]
    first = make.lines("#pragma GCC unroll 4", [loops[0]], "", indented=False)
    items = [make.node("int x = a;"), first, make.node("x += 3;"), loops[1], make.node("return x + c + d;")]
    use = make.lines(F, items)

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.2:
            head = rng.choice(("#pragma GCC unroll 2", "#pragma GCC ivdep"))
            around = make.lines(head, [], "", indented=False)
            return Wrap(loops[1].name, loops[1].name, around)
        if kind < 0.3:
            return Replace(first.name, first.head, rng.choice(("#pragma GCC unroll 8", "#pragma GCC ivdep")))
        if kind < 0.4:
            return Wrap(items[2].name, items[3].name, make.lines("if (a > 1) {", []))
        if kind < 0.5:
            loop = rng.choice(loops)
            return Replace(loop.name, loop.head, loop.head.replace("i = 0", "i = 1"))
        return any_change(make, ((use, STEPS), (loops[0], STEPS), (loops[1], STEPS)))

    return program(make, [use]), edit


def labels(make: Maker) -> Made:
    """Jumps and labels."""
    steps = ["int n = 0, x = a;", "again:", "x = x * 3 + b;", "if (++n < 3) goto again;", "x += c;"]
    steps += ["if (x > 500 && n++ < 9) goto out;", "x ^= 12;", "out:", "x += d;", "return x;"]
    body = make.lines(F, pieces(make, *steps))
    new = (
        "if (x > 90 && n++ < 8) goto out;",
        "x += 11;",
        "x -= b;",
        "more: x += 2;",
        "if (n++ < 7) goto again;",
    )
    return made(make, [body], (body, new))


def chains(make: Maker) -> Made:
    """`if`, `else if`, `else`."""
    rng = make.rng
    heads = ("if (a > 2) {", "} else if (b < 5) {", "} else if (c == 6) {", "} else {")
    arms = [make.lines(head, pieces(make, *rng.sample(STEPS, rng.randint(1, 2))), "") for head in heads]
    arms[-1].tail = "}"
    group = together(make, *arms)
    use = make.lines(F, [make.node("int x = a;"), make.node("x += 1;"), group, make.node("return x + d;")])

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.35:
            head = rng.choice(("} else if (b == 4) {", "} else if (a + c > 5) {", "} else if (b < 5) {"))
            new = make.lines(head, pieces(make, rng.choice(STEPS)), "")
            at = rng.randint(1, 3)
            return Insert(group.name, new, arms[at - 1].name, arms[at].name)
        if kind < 0.5:
            arm = rng.choice(arms[:3])
            return Replace(
                arm.name, arm.head, arm.head.replace(") {", rng.choice((" && d) {", " || a == 1) {")))
            )
        if kind < 0.6:
            return Delete(rng.choice(arms[1:3]).name)
        if kind < 0.7:
            return Wrap(group.name, group.name, make.lines("if (d > 4) {", []))
        return any_change(make, [(arm, STEPS) for arm in arms] + [(use, STEPS)])

    return program(make, [use]), edit


def dispatch(make: Maker) -> Made:
    """Blocks handed to a macro, one in the other."""
    head = (
        "#define DISPATCH(n, ...) if ((n) > 2) { constexpr int N = 4; __VA_ARGS__(); }"
        " else { constexpr int N = 1; __VA_ARGS__(); }"
    )
    inner = make.lines("DISPATCH(b, [&] {", pieces(make, "x += N;", "x *= 3;"), "});")
    outer = make.lines("DISPATCH(a, [&] {", [make.node("x += N * 2;"), inner, make.node("x ^= c;")], "});")
    use = make.lines(F, [make.node("int x = 1;"), outer, make.node("return x + d;")])
    new = ("x -= N;", "x += 5;", "x = x * N + a;", "int y = N; x += y;")
    parts = [make.node(head), use, make.node("#undef DISPATCH")]
    return made(make, parts, (inner, new), (outer, new), (outer, new))


def loops(make: Maker) -> Made:
    """Loops in loops, and what a loop's head counts."""
    rng = make.rng
    inner = make.lines("while (y < b) {", pieces(make, "y += 2;", "x += y;"))
    outer = make.lines(
        "for (int i = 0; i < 4; ++i) {", [make.node("int y = i;"), inner, make.node("x ^= i;")]
    )
    last = make.lines("do {", pieces(make, "x -= 3;", "++n;"), "} while (n < 3);")
    use = make.lines(F, [make.node("int x = a, n = 0;"), outer, last, make.node("return x + d;")])

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.15:
            new = rng.choice(("for (int i = 2; i < 4; ++i) {", "for (int i = 1; i < 4; ++i) {"))
            return Replace(outer.name, outer.head, new)
        if kind < 0.25:
            return Replace(inner.name, inner.head, "while (y < b + 2) {")
        if kind < 0.35:
            return Wrap(
                inner.name, inner.name, make.lines(rng.choice(("if (i > 1) {", "for (int j : {1, 2}) {")), [])
            )
        steps = ("x += 7;", "x ^= c;", "if (x > 40) break;", "if (x % 3 == 0) continue;")
        return any_change(make, ((inner, steps[:2]), (outer, steps), (last, steps[:2]), (use, steps[:2])))

    return program(make, [use]), edit


def returns(make: Maker) -> Made:
    """Tests that leave a function, and what comes behind them."""
    steps = ("int x = a;", "if (x > 2) return 7;", "x += b;", "if (b < 5) {\nx -= 2;\n}", "x *= 3;")
    body = make.lines(F, [*pieces(make, *steps), make.node("return x + d;")])
    new = ("if (c > 6) return 9;", "if (c > 6) {\nreturn x;\n}", "x += c;", "if (!d) return -1;", "x ^= 5;")
    return made(make, [body], (body, new))


def disabled(make: Maker) -> Made:
    """Code that is commented out, or under a condition that never holds."""
    rng = make.rng
    items = pieces(make, "int x = a;", "x += 2;", "x *= b;", "x ^= c;", "x -= 4;")
    use = make.lines(F, [*items, make.node("return x + d;")])

    def edit() -> Edit | None:
        if rng.random() < 0.35:
            first = rng.randint(1, 4)
            head, tail = rng.choice((("#if 0", "#endif"), ("/*", "*/"), ("if (false) {", "}")))
            around = make.lines(head, [], tail, indented=False)
            return Wrap(items[first].name, items[rng.randint(first, 4)].name, around)
        if rng.random() < 0.2:
            item = rng.choice(items[1:])
            return Replace(item.name, item.head, f"// {item.head}")
        return any_change(
            make, ((use, ("x += 9;  // nine", "x ^= b;", "/* more */ x += a;", "x -= 7;  /* or */")),)
        )

    return program(make, [use]), edit


FAMILIES: dict[str, Family] = {
    "fallthrough": fallthrough,
    "branches": branches,
    "macro": macro,
    "handlers": handlers,
    "pragmas": pragmas,
    "labels": labels,
    "chains": chains,
    "dispatch": dispatch,
    "loops": loops,
    "returns": returns,
    "disabled": disabled,
}
