"""What families of programs are made of: blocks of text, and the edits that any list of them may get."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from benchmarks.merge.execution.families import Maker, place, program
from benchmarks.merge.execution.trees import Delete, Edit, Insert, Layout, Move, Node, Replace, Several

Made = tuple[Node, Callable[[], Edit | None]]
Target = tuple[Node, Sequence[str]]  # a list, and the texts that come into it

F = "static int f(int a, int b, int c, int d) {"
STEPS = ("x += 5;", "x ^= b;", "x = x * 3 + c;", "x -= d;", "x = x % 97;")


def piece(make: Maker, text: str) -> Node:
    """A node of a text; one of several lines is a block of its first and last line."""
    lines = text.split("\n")
    if len(lines) == 1:
        return make.node(text)
    return make.lines(lines[0], [make.node(line) for line in lines[1:-1]], lines[-1])


def pieces(make: Maker, *texts: str) -> list[Node]:
    return [piece(make, text) for text in texts]


def together(make: Maker, *items: Node) -> Node:
    """Neighbours that stay together, with nothing around them."""
    return make.lines("", items, "", indented=False)


def any_change(make: Maker, targets: Sequence[Target]) -> Edit | None:
    """An insertion, removal, replacement, move or other layout in one of the lists."""
    rng = make.rng
    target, pool = rng.choice(targets)
    items = target.items or []
    kind = rng.choice(("insert", "insert", "insert", "insert", "delete", "replace", "move", "layout"))
    if kind == "layout" and not target.lines:
        return Layout(target.name)
    if kind in ("insert", "layout") or len(items) < 2:
        return place(rng, target, piece(make, rng.choice(list(pool))))
    # A function without its `return` does whatever it likes; a label goes with what it is about.
    chosen = rng.choice([item for item in items if not item.head.startswith("return")])
    if kind in ("delete", "replace") and chosen.head.endswith(":"):
        return None
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


def often_used(
    make: Maker, into: Node, use: Node, pairs: Sequence[tuple[str, str]], *targets: Target
) -> Callable[[], Edit | None]:
    """Edits of which every other one brings something new into a list, and what uses it into another."""
    rng = make.rng

    def edit() -> Edit | None:
        if rng.random() < 0.5:
            return any_change(make, targets)
        new, used = rng.choice(pairs)
        return Several([place(rng, into, piece(make, new)), place(rng, use, piece(make, used))])

    return edit


def made(make: Maker, parts: Sequence[Node], *targets: Target) -> Made:
    return program(make, parts), lambda: any_change(make, targets)


def placed_at(parent: Node, node: Node, at: int) -> Insert:
    """An insertion at a place of a node's own."""
    items = parent.items or []
    before = items[at].name if at < len(items) else None
    return Insert(parent.name, node, items[at - 1].name if at else None, before)
