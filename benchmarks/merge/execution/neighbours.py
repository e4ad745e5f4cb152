"""Further families: what stands next to the first ones in the language, and goes wrong in the same ways."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from benchmarks.merge.execution.families import Maker, place, program
from benchmarks.merge.execution.trees import Delete, Edit, Insert, Layout, Move, Node, Replace, Several, Wrap

Made = tuple[Node, Callable[[], Edit | None]]
Target = tuple[Node, Sequence[str]]  # a list, and the texts that come into it

_F = "static int f(int a, int b, int c, int d) {"


def _piece(make: Maker, text: str) -> Node:
    """A node of a text; one of several lines is a block of its first and last line."""
    lines = text.split("\n")
    if len(lines) == 1:
        return make.node(text)
    return make.lines(lines[0], [make.node(line) for line in lines[1:-1]], lines[-1])


def _pieces(make: Maker, *texts: str) -> list[Node]:
    return [_piece(make, text) for text in texts]


def _group(make: Maker, *items: Node) -> Node:
    """Neighbours that stay together, with nothing around them."""
    return make.lines("", items, "", indented=False)


def _any_change(make: Maker, targets: Sequence[Target]) -> Edit | None:
    """An insertion, removal, replacement, move or other layout in one of the lists."""
    rng = make.rng
    target, pool = rng.choice(targets)
    items = target.items or []
    kind = rng.choice(("insert", "insert", "insert", "insert", "delete", "replace", "move", "layout"))
    if kind == "layout" and not target.lines:
        return Layout(target.name)
    if kind in ("insert", "layout") or len(items) < 2:
        return place(rng, target, _piece(make, rng.choice(list(pool))))
    # A function without its `return` does whatever it likes.
    chosen = rng.choice([item for item in items if not item.head.startswith("return")])
    if kind == "delete":
        return Delete(chosen.name)
    if kind == "replace":
        plain = [text for text in pool if "\n" not in text and text != chosen.head]
        return Replace(chosen.name, chosen.head, rng.choice(plain)) if plain and not chosen.items else None
    return _move(rng, chosen, [item for item in items if item is not chosen])


def _move(rng: random.Random, chosen: Node, others: Sequence[Node]) -> Edit | None:
    at = rng.randint(0, len(others))
    if any(item.render() == chosen.render() for item in others[max(0, at - 1) : at + 1]):
        return None  # beside its like nobody can tell which of the two has moved
    after, before = (others[at - 1].name if at else None), (others[at].name if at < len(others) else None)
    return Move(chosen.name, after, before)


def _often_used(
    make: Maker, into: Node, use: Node, pairs: Sequence[tuple[str, str]], *targets: Target
) -> Callable[[], Edit | None]:
    """Edits of which every other one brings something new into a list, and what uses it into another."""
    rng = make.rng

    def edit() -> Edit | None:
        if rng.random() < 0.5:
            return _any_change(make, targets)
        new, used = rng.choice(pairs)
        return Several([place(rng, into, _piece(make, new)), place(rng, use, _piece(make, used))])

    return edit


def _made(make: Maker, parts: Sequence[Node], *targets: Target) -> Made:
    return program(make, parts), lambda: _any_change(make, targets)


_STEPS = ("x += 5;", "x ^= b;", "x = x * 3 + c;", "x -= d;", "x = x % 97;")


def templates(make: Maker) -> Made:
    """Template parameters and arguments."""
    broken = make.rng.random() < 0.4
    old = ["int A", "int B = 3", "typename T = int"][: make.rng.randint(2, 3)]
    row = make.row("template <", ", ", old, ">", broken=broken)
    body = make.lines("static int q(int x) {", _pieces(make, "x += A;", "x = x * B;", "return x;"))
    call = make.row("int x = q<", ", ", ["2", "k"][: make.rng.randint(1, 2)], ">(a);", broken=broken)
    use = make.lines(_F, [call, *_pieces(make, "x += q<1>(b);", "return x + c * d;")])
    used = (
        ("int C = 5", "x += C;"),
        ("int C = 7", "x ^= C;"),
        ("int N = 2", "x += N;"),
        ("bool F = true", "if (F) x -= 4;"),
        ("typename U = long", "x += sizeof(U);"),
    )
    new = ("int C = 5", "int C = 5, int N = 2", "typename U = long")
    calls = ("1", "4", "k + 1")
    root = program(make, [_group(make, row, body), use])
    return root, _often_used(make, row, body, used, (row, new), (body, ("x ^= 9;", "x -= B;")), (call, calls))


def constructor(make: Maker) -> Made:
    """What a constructor initialises, its members and its body."""
    broken = make.rng.random() < 0.5
    members = _pieces(make, "int m0 = 1;", "int m1 = 1;", "int m2 = 1;", "int m3 = 1;")
    row = make.row(": ", ", ", ["m0(x)", "m1(y + 1)"], "", broken=broken)
    body = make.lines("{", _pieces(make, "m0 += 2;", "m1 *= 3;"))
    whole = make.lines(
        "struct C {", [*members, _group(make, make.node("C(int x, int y = 2)"), row, body)], "};"
    )
    use = make.lines(_F, _pieces(make, "C v(a, b);", "return v.m0 + v.m1 * 3 + v.m2 * 7 + v.m3 * c + d;"))
    new = ("m2(x)", "m2(4)", "m3(7)", "m2(y), m3(x)")
    return _made(make, [whole, use], (row, new), (row, new), (body, ("m2 += m0;", "m3 = m1;", "m0 ^= 5;")))


def fallthrough(make: Maker) -> Made:
    """Cases of which some go on into the next."""
    heads = ("case 0:", "case 1:", "case 2:", "default:")
    steps = (("x += 1;",), ("x *= 3;", "break;"), ("x += a;", "break;"), ("x -= 1;",))
    arms = [_group(make, *_pieces(make, head, *inner)) for head, inner in zip(heads, steps, strict=True)]
    choice = make.lines("switch (a % 5) {", arms)
    use = make.lines(_F, [make.node("int x = b;"), choice, make.node("return x + c * d;")])
    new = ("x += 5;", "x ^= b;", "break;", "case 4:", "if (b > 3) break;")
    more = (
        "case 3:\nx -= 7;\nbreak;",
        "case 4:\nx += 9;\nbreak;",
        "case 3:\nx ^= 6;\nbreak;",
        "case 3: x += 2;",
    )
    return _made(make, [use], *((arm, new) for arm in arms), (choice, more))


def branches(make: Maker) -> Made:
    """Conditions with `#elif` and conditions in them."""
    rng = make.rng
    inner = _group(make, make.lines("#if X", _pieces(make, "x += 2;"), "#endif", indented=False))
    heads = ("#if X", "#elif __GNUC__ > 3", "#else")
    parts = [make.lines(head, _pieces(make, *rng.sample(_STEPS, 2)), "", indented=False) for head in heads]
    rng.choice(parts).items.append(inner)  # type: ignore[union-attr]
    group = make.lines("", parts, "#endif", indented=False)
    body = make.lines(_F, [make.node("int x = a;"), make.node("x += 1;"), group, make.node("return x;")])

    def edit() -> Edit | None:
        kind, part = rng.random(), rng.choice(parts)
        if kind < 0.55:
            return _any_change(make, ((part, _STEPS),))
        if kind < 0.65:
            new = make.lines(rng.choice(("#elif __cplusplus < 5", "#elif !X")), _pieces(make, "x += 8;"), "")
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
    use = make.lines(_F, _pieces(make, "int x = a;", "STEP(x)", "return x + b + d;"))
    end = make.node("#undef STEP")
    new = ("x += 7;", "x -= d;", "{ int t = x; x += t; }", "x ^= c;")
    edits: tuple[Target, ...] = (row, new), (row, new), (use, ("STEP(x)", "x += 1;"))
    return _made(make, [_group(make, row), use, end], *edits)


def captures(make: Maker) -> Made:
    """A lambda: what it captures, and its body."""
    row = make.row("auto q = [", ", ", ["a", "&b"], "]", broken=make.rng.random() < 0.3)
    body = make.lines("(int x) {", _pieces(make, "x += a;", "b += x;", "return x;"), "};")
    after = _pieces(make, "int r = q(c) + q(d) * 3;", "return r + b;")
    use = make.lines(_F, [_group(make, row, body), *after])
    used = (
        ("c", "x += c;"),
        ("&d", "d += x;"),
        ("e = a + 1", "x ^= e;"),
        ("e = 4", "x += e;"),
        ("d", "x -= d;"),
    )
    plain = (row, ("c", "d", "e = 4")), (body, ("x += k;", "x ^= 6;", "b -= 1;"))
    return program(make, [use]), _often_used(make, row, body, used, *plain)


def handlers(make: Maker) -> Made:
    """What is tried and what is caught."""
    tried = make.lines(
        "try {", _pieces(make, "x += 2;", "if (a > 2) throw 5;", "x *= b;", "if (c > 4) throw 2L;")
    )
    caught = make.lines("catch (int e) {", _pieces(make, "x -= e;"))
    rest = make.lines("catch (...) {", _pieces(make, "x += 4;", "x *= 3;"))
    group = _group(make, tried, caught, rest)
    use = make.lines(_F, [make.node("int x = a;"), group, make.node("return x + d;")])
    steps = ("x += 5;", "x ^= b;", "if (b == 4) throw 'c';", "if (b == 3) throw 9;")
    more = ("catch (long e) {\nx += 3;\n}", "catch (char e) {\nx += e;\n}", "catch (long e) {\nx -= 3;\n}")
    return _made(make, [use], (tried, steps), (caught, _STEPS), (rest, _STEPS), (group, more))


def ternaries(make: Maker) -> Made:
    """A chain of choices in one expression."""
    chain = ["a > 2 ? b", "c < 9 ? d", "a + b > 7 ? 11", "k"]
    row = make.row("int x = ", " : ", chain, ";", broken=make.rng.random() < 0.5)
    use = make.lines(_F, [row, make.node("return x * 3 + a;")])
    new = ("b > 5 ? 7", "a == 1 ? c", "d ? 13", "c > 3 ? b + 1", "a > 2 ? c")
    return _made(make, [use], (row, new))


def strings(make: Maker) -> Made:
    """String literals beside each other, in a call and in a constant."""
    broken = make.rng.random() < 0.5
    text = make.row("static const char s[] = ", " ", ['"ab"', '"c,"', '"; d"', '"e"'], ";", broken=broken)
    body = ("int x = a;", "for (char q : s) x = x * 5 + q;", "return x + b + c + d;")
    use = make.lines(_F, _pieces(make, *body))
    return _made(make, [text, use], (text, ('"f"', '"g //"', '"ab"', '", "', '"/* h"', r'"\"i"')))


def pragmas(make: Maker) -> Made:
    """Directives that belong to the loop behind them."""
    rng = make.rng
    loops = [
        make.lines(f"for (int i = 0; i < {n}; ++i) {{", _pieces(make, f"x = x * {n} + i;", "x ^= b;"))
        for n in (2, 3)
    ]
    first = make.lines("#pragma GCC unroll 4", [loops[0]], "", indented=False)
    items = [make.node("int x = a;"), first, make.node("x += 3;"), loops[1], make.node("return x + c + d;")]
    use = make.lines(_F, items)

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
        return _any_change(make, ((use, _STEPS), (loops[0], _STEPS), (loops[1], _STEPS)))

    return program(make, [use]), edit


def labels(make: Maker) -> Made:
    """Jumps and labels."""
    steps = ["int n = 0, x = a;", "again:", "x = x * 3 + b;", "if (++n < 3) goto again;", "x += c;"]
    steps += ["if (x > 500 && n++ < 9) goto out;", "x ^= 12;", "out:", "x += d;", "return x;"]
    body = make.lines(_F, _pieces(make, *steps))
    new = (
        "if (x > 90 && n++ < 8) goto out;",
        "x += 11;",
        "x -= b;",
        "more: x += 2;",
        "if (n++ < 7) goto again;",
    )
    return _made(make, [body], (body, new))


def aggregates(make: Maker) -> Made:
    """Members in an order, and the values of each in the same order."""
    rng = make.rng
    named = rng.random() < 0.5
    members = _pieces(make, "int m0 = 1;", "int m1 = 2;", "int m2 = 3;")
    whole = make.lines("struct P {", members, "};")
    values = [f".m{n} = {value}" if named else value for n, value in enumerate(("a", "b + 1", "c * 2"))]
    row = make.row("P v = {", ", ", values, "};", broken=rng.random() < 0.5)
    uses = _pieces(make, "int x = v.m0 + v.m1 * 3 + v.m2 * 7;", "return x + int(sizeof(P)) + d;")
    use = make.lines(_F, [row, *uses])

    def edit() -> Edit | None:
        name = rng.choice(("n0", "n1"))
        value = rng.choice(("d", "9"))
        at, items = rng.randint(0, 3), row.items or []
        if rng.random() < 0.3:
            return _any_change(
                make, ((whole, (f"int {name} = 4;", "long n2 = 5;")), (use, (f"x += v.{name};",)))
            )
        member = _at(whole.name, make.node(f"int {name} = 4;"), members, at)
        given = _at(row.name, make.node(f".{name} = {value}" if named else value), items, at)
        used = Insert(use.name, make.node(f"x += v.{name} * 11;"), uses[0].name, uses[1].name)
        return Several([member, given, used])

    return program(make, [whole, use]), edit


def _at(parent: int, node: Node, items: Sequence[Node], at: int) -> Insert:
    before = items[at].name if at < len(items) else None
    return Insert(parent, node, items[at - 1].name if at else None, before)


def friends(make: Maker) -> Made:
    """A class with friends, operators, aliases and overloads, and its uses."""
    old = (
        "using T = int;",
        "T m = 3;",
        "friend int look(const C& o) { return o.m * 2; }",
        "C& add(int x) { m += x; return *this; }",
    )
    whole = make.lines("struct C {", _pieces(make, *old), "};")
    uses = ("C v;", "int x = v.add(a).m;", "x += look(v) * b;", "return x + c + d;")
    use = make.lines(_F, _pieces(make, *uses))
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
    return program(make, [whole, use]), _often_used(make, whole, use, used, *plain)


def linkage(make: Maker) -> Made:
    """Functions in a linkage, with and without the guard around its braces."""
    rng = make.rng
    names = ("u", "v", "w")
    functions = [
        make.lines(f"static int {name}(int x) {{", _pieces(make, f"x += {n};", "return x * 3;"))
        for n, name in enumerate(names)
    ]
    opening, closing = 'extern "C++" {', "}  // extern"  # "C" would make one name of all programs' functions
    if rng.random() < 0.5:
        opening, closing = f"#ifdef __cplusplus\n{opening}\n#endif", f"#ifdef __cplusplus\n{closing}\n#endif"
    block = make.lines(opening, functions[:2], closing, indented=False)
    use = make.lines(_F, _pieces(make, "int x = u(a) + v(b);", "x = x * 2 + w(c);", "return x + d;"))
    parts = [block, functions[2]]
    whole = _group(make, *parts)
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
            fresh = make.lines(opening, _pieces(make, rng.choice(new)), closing, indented=False)
            return place(rng, whole, fresh)
        bodies = [(one, ("x ^= 3;", "x += 8;")) for one in functions]
        return _any_change(make, ((block, new), (whole, new), *bodies, (use, ("x += 1;", "x -= u(d);"))))

    return program(make, [whole, use]), edit


def chains(make: Maker) -> Made:
    """`if`, `else if`, `else`."""
    rng = make.rng
    heads = ("if (a > 2) {", "} else if (b < 5) {", "} else if (c == 6) {", "} else {")
    arms = [make.lines(head, _pieces(make, *rng.sample(_STEPS, rng.randint(1, 2))), "") for head in heads]
    arms[-1].tail = "}"
    group = _group(make, *arms)
    use = make.lines(_F, [make.node("int x = a;"), make.node("x += 1;"), group, make.node("return x + d;")])

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.35:
            head = rng.choice(("} else if (b == 4) {", "} else if (a + c > 5) {", "} else if (b < 5) {"))
            new = make.lines(head, _pieces(make, rng.choice(_STEPS)), "")
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
        return _any_change(make, [(arm, _STEPS) for arm in arms] + [(use, _STEPS)])

    return program(make, [use]), edit


def specifiers(make: Maker) -> Made:
    """Attributes and specifiers in front of a function."""
    row = make.row("", " ", ["static", "inline"], " int q(int x) {")
    body = make.lines("", _pieces(make, "x += 3;", "return x * 2;"))
    use = make.lines(_F, _pieces(make, "return q(a) + q(b) * c + d;"))
    new = ("constexpr", "__attribute__((noinline))", "[[maybe_unused]]", "__attribute__((unused))", "const")
    return _made(make, [_group(make, row, body), use], (row, new), (row, new), (body, ("x ^= 7;", "x += 4;")))


def aliases(make: Maker) -> Made:
    """Using declarations, aliases and constants at file level and in a function."""
    spaces = [
        make.node(f"namespace {name} {{ inline int who() {{ return {n}; }} }}")
        for n, name in ((3, "one"), (8, "two"))
    ]
    old = ("using T = int;", "static constexpr int n0 = 4;", "typedef unsigned char B;")
    names = _group(make, *_pieces(make, *old))
    steps = ("using one::who;", "T x = a + n0;", "x += who() * b;", "return x + B(c * 90) + d;")
    use = make.lines(_F, _pieces(make, *steps))
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
    return root, _often_used(make, names, use, used, *plain)


def commented(make: Maker) -> Made:
    """A table with a comment behind each row, with and without its last comma."""
    rng = make.rng
    rows = [make.node(f"{n},  // {word}") for n, word in ((3, "three"), (5, "five"), (8, "eight"))]
    table = make.lines("static const int t[] = {", rows, "};")
    use = make.lines(
        _F, _pieces(make, "int x = a;", "for (int y : t) x = x * 3 + y;", "return x + b + c + d;")
    )
    new = ("9,  // nine", "4,", "6, 7,", "1,  /* one */", "2,  // it's {two", "9,  // other nine")

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.2:
            return Replace(rows[2].name, rows[2].head, "8  // eight")
        if kind < 0.3:
            return Replace(rows[1].name, rows[1].head, "5,  /* five */")
        return _any_change(make, ((table, new),))

    return program(make, [table, use]), edit


FAMILIES: dict[str, Callable[[Maker], Made]] = {
    "templates": templates,
    "constructor": constructor,
    "fallthrough": fallthrough,
    "branches": branches,
    "macro": macro,
    "captures": captures,
    "handlers": handlers,
    "ternaries": ternaries,
    "strings": strings,
    "pragmas": pragmas,
    "labels": labels,
    "aggregates": aggregates,
    "friends": friends,
    "linkage": linkage,
    "chains": chains,
    "specifiers": specifiers,
    "aliases": aliases,
    "commented": commented,
}
