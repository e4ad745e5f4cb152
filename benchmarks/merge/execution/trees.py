"""Tiny programs as trees whose nodes keep their identity, and edits of them.

An edit names nodes, not places, so that two edits made one after the other mean what they mean alone; where
the second no longer finds what it names, the two do not commute.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

INDENT = "  "


@dataclass
class Node:
    """A piece of a program. ``items`` stand between ``head`` and ``tail``: joined by ``separator`` in one
    line (or one to a line where ``broken``), or as ``lines``; a node without items is its head."""

    name: int
    head: str
    tail: str = ""
    items: list[Node] | None = None
    separator: str = ""
    lines: bool = False
    broken: bool = False
    indented: bool = True
    trailing: bool = False  # a separator behind the last item too

    def render(self, indent: str = "") -> str:
        """The text; of lines with their ends."""
        if self.items is None:
            return self.head
        if not self.lines:
            return self._joined(indent)
        deeper = indent + INDENT if self.indented else indent
        parts = [f"{indent}{self.head}\n"] if self.head else []
        for item in self.items:
            parts.append(item.render(deeper) if item.lines else f"{deeper}{item.render(deeper)}\n")
        parts += [f"{indent}{self.tail}\n"] if self.tail else []
        return "".join(parts)

    def _joined(self, indent: str) -> str:
        parts = [item.render(indent) for item in self.items or ()]
        if self.trailing and parts:
            parts.append("")
        sign = self.separator.rstrip() + f"\n{indent}{INDENT}{INDENT}" if self.broken else self.separator
        return self.head + sign.join(parts).rstrip(" " if not self.broken else "") + self.tail

    def walk(self) -> Iterator[tuple[Node, Node | None, int]]:
        """Every node with its parent and its index in it."""
        yield self, None, 0
        stack = [self]
        while stack:
            parent = stack.pop()
            for index, item in enumerate(parent.items or ()):
                yield item, parent, index
                stack.append(item)

    def find(self, name: int) -> tuple[Node, Node | None, int] | None:
        """The node of that name with its parent and its index in it."""
        return next((found for found in self.walk() if found[0].name == name), None)


class Edit:
    """Something that one side does to a program."""

    def apply(self, root: Node) -> bool:
        """Make the edit; False where it can't be made."""
        raise NotImplementedError

    def brings(self, root: Node) -> dict[str, Node]:
        """The texts that it inserts into the program ``root``, with the node that each goes into."""
        return {}

    def about(self) -> tuple[int, ...]:
        """The names of the nodes that it edits, or edits something in."""
        return ()

    def is_done(self, root: Node) -> bool:
        """Whether there is nothing left to do: what it takes away is gone with what was around it."""
        return False

    def apart(self, number: int) -> Edit:
        """The same edit, its own locals under names that nobody else has: what its maker means."""
        return self

    def made(self, root: Node) -> Node | None:
        """A copy of the program with the edit; None where it can't be made."""
        copied = copy.deepcopy(root)
        return copied if self.apply(copied) else None


@dataclass
class Insert(Edit):
    """``node`` into ``parent`` behind ``after``, else before ``before``: names, or None for what opens and
    what ends the parent; beside the block that the other side put around only one of the two, or around the
    first or last."""

    parent: int
    node: Node
    after: int | None
    before: int | None

    def about(self) -> tuple[int, ...]:
        return (self.parent,)

    def apply(self, root: Node) -> bool:
        found = root.find(self.parent)
        if found is None or found[0].items is None:
            return False
        ways = [
            (way, step)
            for name, step in ((self.after, 1), (self.before, 0))
            if name is not None and (way := _way_to(root, name))
        ]
        outside = len({id(way[0][0]) for way, _ in ways}) > 1 or len(ways) == 1
        for way, step in ways:
            around = next((place for place in way if place[0] is found[0]), None)
            here = around if outside and (around is not None or len(ways) > 1) else way[0]
            if here is not None:
                assert here[0].items is not None
                here[0].items.insert(here[1] + step, copy.deepcopy(self.node))
                return True
        if found[0].items and None not in (self.after, self.before):
            return False
        found[0].items.insert(0 if self.after is None else len(found[0].items), copy.deepcopy(self.node))
        return True

    def brings(self, root: Node) -> dict[str, Node]:
        found = root.find(self.parent)
        if found is None:
            return {}
        text = self.node.render().strip()
        # Two elements that come together are two texts: the other side may bring one of them alone.
        several = found[0].separator == ", " and not set(text) & set('({["')
        return dict.fromkeys(text.split(", ") if several else [text], found[0])


@dataclass
class Delete(Edit):
    """A node taken away."""

    name: int

    def about(self) -> tuple[int, ...]:
        return (self.name,)

    def apply(self, root: Node) -> bool:
        found = root.find(self.name)
        if found is None or found[1] is None or found[1].items is None:
            return False
        del found[1].items[found[2]]
        return True

    def is_done(self, root: Node) -> bool:
        return root.find(self.name) is None


@dataclass
class Replace(Edit):
    """Another head for a node."""

    name: int
    old: str
    head: str

    def about(self) -> tuple[int, ...]:
        return (self.name,)

    def apply(self, root: Node) -> bool:
        found = root.find(self.name)
        if found is None or found[0].head != self.old:
            return False
        found[0].head = self.head
        return True

    def brings(self, root: Node) -> dict[str, Node]:
        found = root.find(self.name)
        if found is None or found[1] is None:
            return {}
        # The beginning of something is nothing by itself, and another thing at each place.
        place = f" of {self.name}" if found[0].items is not None else ""
        return {self.head.strip() + place: found[1]}


@dataclass
class Move(Edit):
    """A node to another place of its parent."""

    name: int
    after: int | None
    before: int | None

    def about(self) -> tuple[int, ...]:
        return (self.name,)

    def apply(self, root: Node) -> bool:
        found = root.find(self.name)
        if found is None or found[1] is None or found[1].items is None:
            return False
        node, parent, index = found
        assert parent is not None and parent.items is not None
        del parent.items[index]
        return Insert(parent.name, node, self.after, self.before).apply(root)


@dataclass
class MoveTo(Edit):
    """A node into another parent, before one of that."""

    name: int
    parent: int
    before: int

    def about(self) -> tuple[int, ...]:
        return self.name, self.parent

    def apply(self, root: Node) -> bool:
        found = root.find(self.name)
        if found is None or found[1] is None or found[1].items is None or root.find(self.before) is None:
            return False
        del found[1].items[found[2]]
        return Insert(self.parent, found[0], None, self.before).apply(root)


@dataclass
class Extract(Edit):
    """Neighbours into a function of their own, above the node ``above``, and ``call`` in their place; what
    came between goes with them."""

    first: int
    last: int
    function: Node
    call: Node
    above: int

    def about(self) -> tuple[int, ...]:
        return self.first, self.last

    def apply(self, root: Node) -> bool:
        one, two, above = (root.find(name) for name in (self.first, self.last, self.above))
        if one is None or two is None or one[1] is None or one[1] is not two[1] or one[2] > two[2]:
            return False
        items = one[1].items
        function = copy.deepcopy(self.function)
        assert items is not None and above is not None and above[1] is not None and above[1].items is not None
        function.items = items[one[2] : two[2] + 1]
        items[one[2] : two[2] + 1] = [copy.deepcopy(self.call)]
        above[1].items.insert(above[2], function)
        return True


@dataclass
class Wrap(Edit):
    """A block around neighbours, from ``first`` to ``last`` or what the other side put around them; what came
    between is in it too."""

    first: int
    last: int
    block: Node

    def about(self) -> tuple[int, ...]:
        return self.first, self.last

    def apply(self, root: Node) -> bool:
        one, two = (_way_to(root, name) for name in (self.first, self.last))
        common = [parent for parent, _ in one if any(parent is other for other, _ in two)]
        if not common:
            return False
        items = common[0].items
        start, end = (next(at for parent, at in way if parent is common[0]) for way in (one, two))
        if start > end:
            return False
        assert items is not None
        block = copy.deepcopy(self.block)
        inner = block
        while inner.items:  # the innermost block takes them
            inner = inner.items[0]
        inner.items = items[start : end + 1]
        items[start : end + 1] = [block]
        return True


def _way_to(root: Node, name: int) -> list[tuple[Node, int]]:
    """From a node outwards: each node around it, and the index in that."""
    way: list[tuple[Node, int]] = []
    found = root.find(name)
    while found is not None and found[1] is not None:
        way.append((found[1], found[2]))
        found = root.find(found[1].name)
    return way


@dataclass
class Negate(Edit):
    """An ``if`` with its condition negated and its branches exchanged (``name`` holds both branches)."""

    name: int
    old: str

    def about(self) -> tuple[int, ...]:
        return (self.name,)

    def apply(self, root: Node) -> bool:
        found = root.find(self.name)
        if found is None or found[0].items is None or len(found[0].items) != 2:
            return False
        then, other = found[0].items
        if then.head != self.old or "else" not in then.tail:
            return False
        condition = then.head.removeprefix("if (").removesuffix(") {")
        then.head = f"if (!({condition})) {{"
        then.items, other.items = other.items, then.items
        return True


@dataclass
class Rename(Edit):
    """A word that becomes another one, everywhere."""

    old: str
    new: str

    def apply(self, root: Node) -> bool:
        word = re.compile(rf"\b{self.old}\b")
        for node, _, _ in root.walk():
            node.head, node.tail = word.sub(self.new, node.head), word.sub(self.new, node.tail)
        return True


@dataclass
class Layout(Edit):
    """A list from one line to many, or back."""

    name: int

    def apply(self, root: Node) -> bool:
        found = root.find(self.name)
        if found is None:
            return True  # what the other side removed has no layout
        found[0].broken = not found[0].broken
        return True


@dataclass
class Trail(Edit):
    """The comma behind a list's last element put or taken away."""

    name: int

    def apply(self, root: Node) -> bool:
        found = root.find(self.name)
        if found is None:
            return False
        found[0].trailing = not found[0].trailing
        return True


@dataclass
class Several(Edit):
    """Edits made together, such as a parameter and the arguments of every call."""

    parts: Sequence[Edit] = field(default_factory=list)

    def about(self) -> tuple[int, ...]:
        return tuple(name for part in self.parts for name in part.about())

    def apply(self, root: Node) -> bool:
        return all(part.apply(root) or part.is_done(root) for part in self.parts)

    def brings(self, root: Node) -> dict[str, Node]:
        return {text: node for part in self.parts for text, node in part.brings(root).items()}

    def apart(self, number: int) -> Edit:
        return type(self)(**{**vars(self), "parts": [part.apart(number) for part in self.parts]})


@dataclass
class Exchange(Several):
    """Edits after which each use of ``subject`` means something else: its parameters in another order."""

    subject: str = ""


@dataclass
class Uses(Several):
    """Edits that bring a use of ``subject`` as the base has it."""

    subject: str = ""


@dataclass
class Hides(Several):
    """Edits that bring a local called ``hidden``, as something outside is, and its uses."""

    hidden: str = ""

    def apart(self, number: int) -> Edit:
        copied = copy.deepcopy(self)
        own = Rename(self.hidden, f"{self.hidden}_{number}")
        for part in copied.parts:
            if isinstance(part, Insert):
                own.apply(part.node)
        return copied


def outdated(one: Edit, two: Edit) -> bool:
    """Whether one edit gives a name another meaning, and the other newly relies on the one that it had."""
    return any(
        isinstance(edit, Exchange) and isinstance(other, Uses) and edit.subject == other.subject
        for edit, other in ((one, two), (two, one))
    )


def one_intention(root: Node, one: Edit, two: Edit) -> bool:
    """Whether both edits bring one text to where the base lacks it, into one node or one inside the other:
    then it belongs there once."""
    mine, other = one.brings(root), two.brings(root)
    if isinstance(one, Replace) != isinstance(two, Replace):
        return False
    return any(
        _encloses(mine[text], other[text]) or _encloses(other[text], mine[text])
        for text in mine.keys() & other.keys()
        if not any(
            text == item.render().strip() for node in (mine[text], other[text]) for item in node.items or ()
        )
    )


def condition_over_edit(root: Node, one: Edit, two: Edit) -> bool:
    """Whether an edit changes a condition, or brings a further branch, and the other one something in what
    the condition decides: the two commute here, and a person is to look at it all the same."""
    return any(
        any(_encloses(group, found[0]) for name in other.about() if (found := root.find(name)) is not None)
        for edit, other in ((one, two), (two, one))
        for group in _decided_by(root, edit)
    )


_CONDITIONS = ("#if", "#elif", "if (", "} else if (")


def _decided_by(root: Node, edit: Edit) -> Iterator[Node]:
    """The blocks that stand under the condition that an edit changes or brings."""
    found = root.find(edit.about()[0]) if isinstance(edit, Insert | Replace) else None
    if found is None:
        return
    node, parent, _ = found
    if isinstance(edit, Insert):
        if node.head == "" and edit.node.head.startswith(_CONDITIONS):
            yield node
    elif node.items is not None and node.head.startswith(_CONDITIONS):
        yield parent if parent is not None and parent.head == "" and parent is not root else node


def _encloses(node: Node, inner: Node) -> bool:
    return any(found is inner for found, _, _ in node.walk())
