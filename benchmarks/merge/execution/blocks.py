"""More families of programs: classes, namespaces, enumerations and lists, conditional groups."""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.merge.execution.families import Maker, changed, place, program
from benchmarks.merge.execution.trees import (
    Delete,
    Edit,
    Insert,
    Layout,
    Move,
    Node,
    Rename,
    Replace,
    Several,
    Trail,
    Wrap,
)

Made = tuple[Node, Callable[[], Edit | None]]

_F = "static int f(int a, int b, int c, int d) {"
_MEMBERS = ("int m = 4;", "int n = 6;", "long m = 8;", "int w = m0 + 2;")
_METHODS = (
    "int two(int x) const { return x * 2 + m0; }",
    "int two(int x) const { return x * 5; }",
    "int three(int x) const { return x - m1; }",
    "template <class T> int four(T x) const { return int(x) + 9; }",
)
_LAST = ("int last() const { return m1 * 4; }", "int last() const { return m0; }")


def a_class(make: Maker) -> Made:
    """A class: members, methods, access."""
    rng = make.rng
    members = [make.node(f"int m{n} = {n + 2};") for n in range(rng.randint(2, 4))]
    rest = [
        make.node(text)
        for text in ("int one(int x) const { return x + m0; }", "int last() const { return m1 * 3; }")
    ]
    label = make.node(rng.choice(("public:", "// more")))
    whole = make.lines(rng.choice(("struct C {", "class C { public:")), [*members, label, *rest], "};")
    body = (
        "C v;",
        "int x = v.one(a) + v.last() * b;",
        "x = x * 3 + int(sizeof(C)) / 4;",
        "return x + c - d;",
    )
    use = make.lines(_F, [make.node(text) for text in body])

    def edit() -> Edit | None:
        kind = rng.random()
        if kind < 0.35:
            return place(rng, whole, make.node(rng.choice(_MEMBERS)))
        if kind < 0.6:
            return place(rng, whole, make.node(rng.choice(_METHODS)))
        if kind < 0.7:
            return Delete(rng.choice(members[2:] or rest).name)
        if kind < 0.8:
            return Replace(rest[1].name, rest[1].head, rng.choice(_LAST))
        if kind < 0.9:
            return place(rng, whole, make.node(rng.choice(("private:", "public:"))))
        return Rename("m1", "second")

    return program(make, [whole, use]), edit


def spaces(make: Maker) -> Made:
    """Functions in namespaces that say one name for different things."""
    rng = make.rng
    first, second = _space(make, "one", 10), _space(make, "two", 20)
    outer = make.node("inline int who() { return 30; }")
    calls = [
        f"{space}::{node.head.split()[2].split('(')[0]}({name})"
        for space, name, whole in (("one", "a", first), ("two", "b", second))
        for node in (whole.items or [])[1:]
    ]
    body = [make.node(f"c = c * 3 + {call};") for call in calls]
    use = make.lines(_F, [*body, make.node("return c + d + who();")])
    root = program(make, [outer, first, second, use])
    return root, lambda: _edit_of_space(make, root, rng.choice((first, second)))


def _space(make: Maker, name: str, who: int) -> Node:
    rng = make.rng
    functions = [
        make.lines(f"inline int {word}{who}(int x) {{", [make.node(f"return who() * {n + 2} + x;")])
        for n, word in enumerate(rng.sample(["u", "v", "w"], rng.randint(2, 3)))
    ]
    items = [make.node(f"inline int who() {{ return {who}; }}"), *functions]
    return make.lines(f"namespace {name} {{", items, f"}}  // {name}", indented=False)


def _edit_of_space(make: Maker, root: Node, space: Node) -> Edit | None:
    rng, items = make.rng, space.items or []
    kind = rng.random()
    node = rng.choice(items[1:])
    inner = (node.items or [node])[0]
    if kind < 0.15:
        return Rename("one", "uno")
    if kind < 0.35:
        return Move(node.name, rng.choice([n for n in items if n is not node]).name, None)
    if kind < 0.55:
        head = f"inline int {rng.choice(('x1', 'x2'))}(int x) {{"
        return place(rng, space, make.lines(head, [make.node("return who() - x;")]))
    if kind < 0.7:
        return Replace(inner.name, inner.head, inner.head.replace("+ x", "- x"))
    if kind < 0.8:
        head, tail = rng.choice((("#ifdef __GNUC__", "#endif"), ("inline namespace v1 {", "}  // v1")))
        block = make.lines(head, [], tail, indented=False)
        return Wrap(items[rng.randint(1, len(items) - 1)].name, items[-1].name, block)
    head = rng.choice(("namespace three {", "namespace one {"))
    text = rng.choice(("inline int z() { return 5; }", "inline int y() { return who(); }"))
    return Insert(root.name, make.lines(head, [make.node(text)], indented=False), space.name, None)


_ELEMENTS = ("E5", "E6", "E7 = 40", "E8")


def lists(make: Maker) -> Made:
    """An enumeration and an initialiser, in one line or in many, with and without a last comma."""
    rng = make.rng
    how = {"broken": rng.random() < 0.6, "trailing": rng.random() < 0.5}
    names = ["E0", "E1 = 5", "E2", "E3"][: rng.randint(2, 4)]
    if how["broken"] and rng.random() < 0.5:
        names[-1] += "  /* last */"
    row = make.row("enum E { ", ", ", names, " };", **how)
    numbers = make.row("static const int t[] = {", ", ", ["1", "2", "3", "E1"], "};", **how)
    body = ("for (int x : t) a = a * 5 + x;", "return a * E1 + b + c + d + E0;")
    use = make.lines(_F, [make.node(text) for text in body])

    def edit() -> Edit | None:
        target, pool = rng.choice(((row, _ELEMENTS), (numbers, ("4", "5", "E0", "E1 + 2"))))
        kind = rng.random()
        if kind < 0.12:
            return Layout(target.name)
        if kind < 0.25:
            return Trail(target.name)
        if target is row and kind < 0.8:
            return place(rng, row, make.node(rng.choice(pool)))
        return changed(rng, target, pool, make)

    return program(make, [row, numbers, use]), edit


_GUARDED = ("h += 3;", "h *= 5;", "h ^= a;", "h -= b;")


def guards(make: Maker) -> Made:
    """Conditional groups around statements and around functions."""
    rng = make.rng

    def plain(count: int) -> list[Node]:
        return [make.node(text) for text in rng.sample(_GUARDED, count)]

    then = make.lines(
        "#if X", plain(rng.randint(1, 2)), "#else" if rng.random() < 0.5 else "", indented=False
    )
    branches = [then]
    if then.tail:
        branches.append(make.lines("", plain(1), "", indented=False))
    group = make.lines("", branches, "#endif", indented=False)
    items = [make.node("int h = d;"), *plain(1), group, *plain(1), make.node("return h + c;")]
    body = make.lines(_F, items)
    other = make.lines("inline int spare(int x) {", [make.node("return x + 1;")])
    root = program(make, [other, body])

    def edit() -> Edit | None:
        if rng.random() < 0.25:
            return _guarded_block(make, root, other, body)
        return _edit_of_group(make, body, group)

    return root, edit


def _edit_of_group(make: Maker, body: Node, group: Node) -> Edit | None:
    rng, items, branches = make.rng, body.items or [], group.items or []
    kind = rng.random()
    then = branches[0]
    if kind < 0.4:
        return place(rng, rng.choice(branches), make.node(rng.choice(_GUARDED)))
    if kind < 0.6:
        return _beside_group(rng, make, body, items)
    if kind < 0.75:
        at = rng.choice((1, 3))
        block = make.lines(rng.choice(("#if X", "#ifndef Y")), [], "#endif", indented=False)
        return Wrap(items[at].name, items[at].name, block)
    if kind < 0.88:
        return Replace(then.name, then.head, rng.choice(("#if !X", "#if X && 1")))
    return Delete(rng.choice((group, *(then.items or []))).name)


def _beside_group(rng: random.Random, make: Maker, body: Node, items: list[Node]) -> Edit:
    before, after = rng.choice(((0, 1), (1, 2), (2, 3)))
    new = [text for text in _GUARDED if text not in (items[before].head, items[after].head)]
    return Insert(body.name, make.node(rng.choice(new)), items[before].name, items[after].name)


def _guarded_block(make: Maker, root: Node, before: Node, behind: Node) -> Edit:
    """A block of its own at file level, perhaps with something else above it."""
    rng = make.rng
    head, tail = rng.choice(
        (("#ifdef __GNUC__", "#endif"), ("namespace extra {", "}"), ('extern "C++" {', "}"))
    )
    text = rng.choice(("inline int same(int x) { return x * 7; }", "inline int more() { return 8; }"))
    block = make.lines(head, [make.node(text)], tail, indented=False)
    if rng.random() < 0.5:
        return Insert(root.name, block, before.name, behind.name)
    head = rng.choice(("inline int top() {", "inline int low() {"))
    above = make.lines(head, [make.node("return 2;")])
    return Several(
        [
            Insert(root.name, above, before.name, behind.name),
            Insert(root.name, block, above.name, behind.name),
        ]
    )
