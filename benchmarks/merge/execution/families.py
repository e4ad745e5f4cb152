"""Programs of one family each, and the edits that people make of such code."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from benchmarks.merge.execution.trees import (
    Delete,
    Edit,
    Insert,
    Layout,
    Move,
    Negate,
    Node,
    Rename,
    Replace,
    Several,
    Wrap,
)


class Maker:
    """Nodes with names that no other has, drawn from one source of chance."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.count = 0

    def node(self, head: str, items: Sequence[Node] | None = None, **how: object) -> Node:
        self.count += 1
        return Node(self.count, head, items=None if items is None else list(items), **how)  # type: ignore[arg-type]

    def lines(self, head: str, items: Sequence[Node], tail: str = "}", **how: object) -> Node:
        return self.node(head, items, tail=tail, lines=True, **how)

    def row(self, head: str, separator: str, texts: Sequence[str], tail: str, **how: object) -> Node:
        items = [self.node(text) for text in texts]
        return self.node(head, items, separator=separator, tail=tail, **how)

    def some(self, pool: Sequence[str], least: int, most: int) -> list[str]:
        return self.rng.sample(list(pool), self.rng.randint(least, min(most, len(pool))))


def place(rng: random.Random, parent: Node, node: Node) -> Insert:
    """An insertion somewhere in a node."""
    items = parent.items or []
    # Beside its like nobody can tell which of the two is new.
    free = [
        k
        for k in range(len(items) + 1)
        if all(item.render() != node.render() for item in items[max(0, k - 1) : k + 1])
    ]
    at = rng.choice(free or [len(items)])
    return Insert(
        parent.name,
        node,
        items[at - 1].name if at else None,
        items[at].name if at < len(items) else None,
    )


def changed(rng: random.Random, parent: Node, new: Sequence[str], make: Maker) -> Edit | None:
    """An insertion, removal, replacement or move among a node's items."""
    items = parent.items or []
    kind = rng.choice(("insert", "insert", "insert", "delete", "replace", "move"))
    plain = [item for item in items if item.items is None]
    if kind == "insert" or len(plain) < 2:
        return place(rng, parent, make.node(rng.choice(list(new))))
    target = rng.choice(plain)
    if kind == "delete":
        return Delete(target.name)
    if kind == "replace":
        return Replace(target.name, target.head, rng.choice(list(new)))
    others = [item for item in items if item is not target]
    at = rng.randint(0, len(others))
    if any(item.head == target.head for item in others[max(0, at - 1) : at + 1]):
        return None  # beside its like nobody can tell which of the two has moved
    after, before = (others[at - 1].name if at else None), (others[at].name if at < len(others) else None)
    return Move(target.name, after, before)


ATOMS = ("a", "b", "c", "d", "p[1]", "2", "7", "g(a)", "k", "p[b]")
RUN = """int run() {
  long h = 7;
  for (int i = 1; i < 4; ++i) {
    h = h * 31 + f(i, i + 2, 3 * i, 5);
  }
  return int(h % 1000003);
}
"""
HELPERS = """static const int p[] = {3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59};
static const int k = 6;
static int g(int x) { return x * x + 1; }
"""

Family = Callable[[Maker], tuple[Node, Callable[[], Edit | None]]]


def program(make: Maker, parts: Sequence[Node], ending: str = RUN, head: str = HELPERS) -> Node:
    fixed = [make.node(line) for line in head.splitlines()]
    last = [make.node(line) for line in ending.splitlines()]
    return make.lines("", [*fixed, make.node(""), *parts, *last], tail="", indented=False)


def expression(make: Maker) -> tuple[Node, Callable[[], Edit | None]]:
    """One expression: sums, products, an index, a call, a chain of tests."""
    rng = make.rng
    kind = rng.choice(("sum", "product", "index", "call", "chain", "stream", "nested"))
    broken = rng.random() < 0.4
    size = 3 + rng.randint(0, 4)
    atoms = [rng.choice(ATOMS) for _ in range(size)]
    shapes = {
        "sum": ("int x = ", rng.choice((" + ", " - ")), ";"),
        "product": ("int x = ", " * ", ";"),
        "index": ("int x = p[(", " + ", ") % 16];"),
        "call": ("int x = h(", ", ", ");"),
        "chain": ("int x = ", rng.choice((" && ", " || ")), ";"),
        "stream": ("S x = S() << ", " << ", ";"),
        "nested": ("int x = k + g(", " * ", ") - a;"),
    }
    row = make.row(*shapes[kind][:2], atoms, shapes[kind][2], broken=broken)
    body = make.lines(
        "static int f(int a, int b, int c, int d) {",
        [make.node("a = a + 1;"), row, make.node("return int(x) + d;")],
    )
    extra = (
        "template <typename... T> static int h(T... t) { int r = 1; ((r = r * 3 + t), ...); return r; }\n"
        "struct S { int v = 1; S operator<<(int x) const { S s; s.v = v * 3 + x; return s; }"
        " explicit operator int() const { return v; } };\n"
    )

    def edit() -> Edit | None:
        if rng.random() < 0.1:
            return Layout(row.name)
        return changed(rng, row, ATOMS[: 3 + rng.randint(0, 7)], make)

    return program(make, [body], head=HELPERS + extra), edit


STATEMENTS = (
    "x = x * 3 + a;",
    "x += g(b);",
    "x ^= c;",
    "x = x + p[x & 7];",
    "x -= d;",
    "x = g(x & 15);",
    "c += 2;",
    "b = b + c;",
)
LOCALS = ("int t = a * 2;", "int t = c;", "int u = b + 1;", "long t = 5;")
USES = ("x += t;", "x = x * 2 + u;")
TESTS = ("a > 1", "b < 5", "c != 6", "x % 2 == 0")


def statements(make: Maker) -> tuple[Node, Callable[[], Edit | None]]:
    """A function's body: statements, tests with two branches, loops, arms."""
    rng = make.rng

    def plain(least: int, most: int) -> list[Node]:
        return [make.node(text) for text in make.some(STATEMENTS, least, most)]

    def branches() -> Node:
        then = make.lines(f"if ({rng.choice(TESTS)}) {{", plain(1, 2), "} else {")
        return make.lines("", [then, make.lines("", plain(1, 2))], "", indented=False)

    def arms() -> Node:
        cases = [make.lines(f"case {n}: {{", [*plain(1, 2), make.node("break;")]) for n in (1, 2, 3)]
        return make.lines("switch (a % 4) {", cases)

    blocks = [branches(), make.lines("for (int i = 0; i < 2; ++i) {", plain(1, 2)), arms()]
    items = [*plain(2, 4), *rng.sample(blocks, rng.randint(1, 2))]
    rng.shuffle(items)
    if rng.random() < 0.4:
        items.insert(0, make.node(rng.choice(LOCALS[:2])))
        items.append(make.node(USES[0]))
    frame = [make.node("int x = 1;"), *items, make.node("return x;")]
    body = make.lines("static int f(int a, int b, int c, int d) {", frame)

    def edit() -> Edit | None:
        lists = [n for n, _, _ in body.walk() if n.lines and n.indented]
        where = rng.choice(lists)
        choice = rng.random()
        if choice < 0.5:
            return _inner(rng, where, frame, make)
        if choice < 0.65:
            return _with_local(rng, body, make)
        if choice < 0.8:
            return _wrapped(rng, where, frame, make)
        pairs = [n for n, _, _ in body.walk() if n.lines and not n.indented and len(n.items or ()) == 2]
        if pairs and choice < 0.95:
            pair = rng.choice(pairs)
            one, two = ([item.render() for item in branch.items or ()] for branch in pair.items or ())
            if one == two:
                return None
            return Negate(pair.name, (pair.items or [])[0].head)
        return Delete(rng.choice(items).name)

    return program(make, [body]), edit


def _inner(rng: random.Random, where: Node, frame: Sequence[Node], make: Maker) -> Edit | None:
    edit = changed(rng, where, STATEMENTS, make)
    ends = {frame[0].name, frame[-1].name}
    if isinstance(edit, Insert) and (edit.after is None or edit.before is None) and where.items:
        if where.items[0] is frame[0]:
            return Insert(edit.parent, edit.node, frame[0].name, None)
    if isinstance(edit, Delete | Replace | Move) and (edit.name in ends or _is_end(where, edit.name)):
        return None
    if isinstance(edit, Move) and frame[0] in (where.items or ()):
        return None
    return edit


def _is_end(where: Node, name: int) -> bool:
    return any(item.name == name and item.head.startswith(("break", "return")) for item in where.items or ())


def _with_local(rng: random.Random, body: Node, make: Maker) -> Edit | None:
    """A new local and its use, at one depth or at two."""
    local = rng.choice(LOCALS)
    use = USES[1] if " u " in local else USES[0]
    items = body.items or []
    at = rng.randint(1, len(items) - 1)
    inner = [n for n in items[at:] if n.lines and n.indented and n.head.startswith("for")]
    first = Insert(body.name, make.node(local), items[at - 1].name, items[at].name)
    if inner and rng.random() < 0.5:
        block = rng.choice(inner)
        return Insert(block.name, make.node(f"{local} {use}"), None, (block.items or [block])[0].name)
    last = Insert(body.name, make.node(use), items[-2].name, items[-1].name)
    return Several([first, last])


def _wrapped(rng: random.Random, where: Node, frame: Sequence[Node], make: Maker) -> Edit | None:
    items = [
        n for n in where.items or () if n not in (frame[0], frame[-1]) and not n.head.startswith("break")
    ]
    if not items or any(n.head.startswith(("int ", "long ", "case")) for n in items):
        return None
    at = rng.randint(0, len(items) - 1)
    end = min(at + rng.randint(0, 1), len(items) - 1)
    head = rng.choice([f"if ({rng.choice(TESTS)}) {{", "for (int j = 0; j < 2; ++j) {", "#if X"])
    tail = "#endif" if head.startswith("#") else "}"
    return Wrap(items[at].name, items[end].name, make.lines(head, [], tail, indented=tail == "}"))


PARAMETERS = ("int n = 4", "int m = 9", "long n = 2", "int s = k", "int n = 4, int m = 9")


def parameters(make: Maker) -> tuple[Node, Callable[[], Edit | None]]:
    """A function's parameters, its calls, and what its body makes of them."""
    rng = make.rng
    broken = rng.random() < 0.4
    row = make.row(
        "static int q(",
        ", ",
        ["int a", "int b", *make.some(("int e = 3", "int w = 8"), 0, 2)],
        ") {",
        broken=broken,
    )
    body = make.lines("", [make.node("int x = a * 3 + b;"), make.node("x = x * 2;"), make.node("return x;")])
    caller = make.lines(
        "static int f(int a, int b, int c, int d) {", [make.node("return q(a, b) + q(c, d) * 2;")]
    )

    def edit() -> Edit | None:
        kind = rng.random()
        items, inner = row.items or [], body.items or []
        if kind < 0.6:
            new = rng.choice(PARAMETERS)
            at = rng.randint(2, len(items))
            spot = Insert(
                row.name,
                make.node(new),
                items[at - 1].name,
                items[at].name if at < len(items) else None,
            )
            name = new.split(" ")[1]
            used = Insert(body.name, make.node(f"x += {name};"), inner[0].name, inner[1].name)
            return Several([spot, used]) if rng.random() < 0.6 else spot
        if kind < 0.7:
            return Rename("b", "bb") if rng.random() < 0.3 else Layout(row.name)
        if kind < 0.8 and len(items) > 2:
            return Delete(rng.choice(items[2:]).name)
        new = rng.choice(("x += 5;", "x ^= 9;"))
        if kind < 0.9:
            return Replace(inner[1].name, inner[1].head, new)
        return Insert(body.name, make.node(new), inner[0].name, inner[1].name)

    return program(make, [row, body, caller]), edit
