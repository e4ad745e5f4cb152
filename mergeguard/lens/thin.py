"""The glue of a layout with ``interface = "thin"`` (emission 2), as lines; ``lens.emit`` places them.

The host function stays in the entry; where it came to the branching, glue chooses a shard and calls its
launch function. The body holds the host function's dealt text, verbatim: its macros, and the branching as the
body of launch functions. Shards include the body, so kernels and light headers, and instantiate the launch
functions for the types that the entry calls them with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from mergeguard.cpp.source import Item, Source, code_tokens, identifiers
from mergeguard.lens import glue, signature
from mergeguard.lens.homes.assignment import Assignment, DealtPartition
from mergeguard.lens.homes.launches import Launch
from mergeguard.lens.homes.parting import Parted
from mergeguard.lens.homes.pytorch import LIGHT_TYPES
from mergeguard.lens.locals import Local
from mergeguard.lens.rule import Rule
from mergeguard.values import dataclass

# What the host's headers bring along and dealt text may use.
_STANDARD = {"to_string": "<string>", "runtime_error": "<stdexcept>", "int64_t": "<cstdint>"}
# So many instantiations have their parameters on lines of their own; more have a line each.
_FEW = 4
_OTHER_TYPE = b"its type is not what the shards take"


@dataclass(frozen=True, slots=True)
class Cut:
    """Bytes ``[start, end)`` of a host function that are dealt: ``launch`` if they are a launch function's.

    ``name`` is the launch function's, else one of its own.
    """

    start: int
    end: int
    name: str
    partition: DealtPartition
    launch: Launch | None


class ThinGlue:
    """Lines of glue for an assignment that is thin. Lines have no line endings.

    ``namespace`` names a shard's namespace, ``shards_of`` the shards that serve a partition, and
    ``conditions`` puts ``#if`` lines around lines, and opens the blocks around an item for them.
    """

    def __init__(
        self,
        source: Source,
        rule: Rule,
        assignment: Assignment,
        namespace: Callable[[str], bytes],
        shards_of: Callable[[DealtPartition], list[str]],
        conditions: Callable[[Item, list[bytes]], list[bytes]],
    ) -> None:
        self.source = source
        self.rule = rule
        self.assignment = assignment
        self.namespace = namespace
        self.shards_of = shards_of
        self.conditions = conditions
        self.pairs = list(zip(assignment.partitions, assignment.parted, strict=True))
        self.helpers = assignment.helpers
        self.host = namespace("host")

    def cuts(self, item: Item) -> Iterator[Cut]:
        """What leaves a function, in file order."""
        for partition, parted in self.pairs:
            if parted.function is item:
                yield from self._cuts(partition, parted)

    def _cuts(self, partition: DealtPartition, parted: Parted) -> Iterator[Cut]:
        launches = {launch.region: launch for launch in parted.launches}
        for number, (start, end) in enumerate(parted.ranges, 1):
            launch = launches.get((start, end))
            name = launch.name if launch else f"{parted.name}_text_{number}"
            yield Cut(start, end, name, partition, launch)

    # -- the entry -----------------------------------------------------------------------------------

    def offers(self, item: Item) -> list[bytes]:
        """Before the first host function: what the shards call of the entry, in a namespace of its own."""
        if self.assignment.qualified or item is not self.assignment.parted[0].function:
            return []
        return self._offered()

    def offers_at_end(self) -> list[bytes]:
        """As ``offers``, at the entry's end: in the blocks around the function, but for internal ones."""
        lines = self._offered() if self.assignment.qualified else []
        return self.conditions(self.assignment.parted[0].function, lines) if lines else []

    def _offered(self) -> list[bytes]:
        if not self.helpers:
            return []
        lines: list[bytes] = [glue.offer_open(), b"namespace %s {" % self.host]
        for helper in self.helpers:
            arguments = b", ".join(signature.parameter_name(helper, n) for n in range(len(helper.parameters)))
            call = b"  return ::%s(%s);" % (_encoded(self.assignment.name_of(helper)), arguments)
            lines += conditional(helper.condition, [*_declared(self.source, helper, b" {"), call, b"}"])
        return [*lines, b"}", glue.offer_close()]

    def replacement(self, cut: Cut) -> list[bytes]:
        """What stands in the entry where a cut stood; a launch's last line goes on in upstream's text."""
        if cut.launch is None:
            return [glue.parted_open(cut.name)]
        return self._choice(cut.partition, cut.launch)

    def _choice(self, partition: DealtPartition, launch: Launch) -> list[bytes]:
        """What stands where the host function came to the branching."""
        lines = [glue.launch_open(launch.name) + b" {"]
        for local in launch.passed:
            if local.deduced:
                lines.append(
                    b'static_assert(std::is_same_v<std::decay_t<decltype(%s)>, %s>, "%s");'
                    % (_encoded(local.name), _encoded(local.type), _OTHER_TYPE)
                )
        place = partition.place_of(launch.region)
        arms = [
            (arm, shard)
            for arm, shard in zip(place.branching.arms, place.shard_of, strict=True)
            if not arm.is_default
        ]
        if place.branching.kind == "switch":
            lines.append(b"switch (%s) {" % _encoded(place.branching.subject))
            for shard in self.shards_of(partition):
                labels = [
                    label for arm, s in arms if s == shard != partition.rule.rest for label in arm.labels
                ]
                lines += [b"  case %s:" % _encoded(label) for label in labels]
                if labels:
                    lines.append(b"    " + self._call(shard, launch))
                    lines += [] if launch.returns != "void" else [b"    break;"]
            lines += [b"  default:", b"    " + self._call(partition.rule.rest, launch), b"}"]
        else:
            for number, (arm, shard) in enumerate(arms):
                word = b"if" if number == 0 else b"} else if"
                lines += [b"%s (%s) {" % (word, _encoded(arm.labels[0])), b"  " + self._call(shard, launch)]
            lines += [b"} else {", b"  " + self._call(partition.rule.rest, launch), b"}"]
        lines.append(b"} " + glue.launch_close(launch.name))
        return lines

    def _call(self, shard: str, launch: Launch) -> bytes:
        types = b"<%s>" % b", ".join(map(_encoded, launch.types)) if launch.types else b""
        arguments = b", ".join(_encoded(local.name) for local in launch.passed)
        result = b"return " if launch.returns != "void" else b""
        call = self.namespace(shard), _encoded(launch.name), types, arguments
        return result + b"%s::%s%s(%s);" % call

    # -- headers, body, declarations, shards ---------------------------------------------------------

    def light_includes(self, texts: Iterable[tuple[int, int]]) -> list[bytes]:
        """What the shards include in the place of the host's headers, for their bytes ``texts``."""
        words: set[str] = set()
        for text in texts:
            words |= identifiers(self.source, *text)
        for parted in self.assignment.parted:
            for dealt in parted.ranges:
                words |= set(code_tokens(self.source, *dealt))
            for launch in parted.launches:
                types = (
                    *(local.type for local in launch.passed),
                    *(t for one in launch.instances for t in one),
                )
                words |= {word for text in types for word in _words(text)}
        found = [f"<{header}>" for name, header in LIGHT_TYPES.items() if name in words]
        found += [header for name, header in _STANDARD.items() if name in words]
        found += () if self.rule.thin.define else self.rule.thin.include  # else they stand in the shards
        return [glue.added_include(_encoded(header)) for header in dict.fromkeys(found)]

    def definitions(self) -> list[bytes]:
        """What the shards define before they include upstream's headers, behind what the rule includes."""
        defined = [glue.defined_for_includes(_encoded(one)) for one in self.rule.thin.define]
        first = [glue.added_include(_encoded(header)) for header in self.rule.thin.include]
        return [*first, *defined] if defined else []

    def helper_declarations(self) -> list[bytes]:
        """For the body, before its namespace."""
        if not self.helpers:
            return []
        lines = [glue.offer_open(), b"namespace %s {" % self.host]
        for helper in self.helpers:
            lines += conditional(helper.condition, _declared(self.source, helper, b";"))
        lines += [b"}", glue.offer_close()]
        if self.assignment.qualified:
            lines += [b"using namespace %s;" % self.host]
            lines = self.conditions(self.assignment.parted[0].function, lines)
        return [b"", *lines]

    def used_helpers(self) -> list[bytes]:
        """For the body, in its namespace."""
        return [b"using namespace %s;" % self.host] if self.helpers else []

    def opening(self, cut: Cut) -> list[bytes]:
        """What stands in the body before a cut."""
        if cut.launch is None:
            return [glue.parted_open(cut.name)]
        constants = [
            b"%s %s = %s;  %s" % (*map(_encoded, (one.type, one.name, one.value)), glue.CONSTANT)
            for one in cut.launch.constants
        ]
        return [b"", *_template(cut.launch), *_head(cut.launch, cut.launch.types, b" {"), *constants]

    def closing(self, cut: Cut) -> list[bytes]:
        """What stands in the body behind a cut, on lines of its own."""
        end = glue.parted_close(cut.name)
        return [end] if cut.launch is None else [b"}  " + end]

    def used_names(self, declarations: str) -> frozenset[str]:
        """The names in what a header declares."""
        return frozenset(
            word
            for partition, parted in self.pairs
            if partition.rule.declarations == declarations
            for launch in parted.launches
            for text in (launch.returns, *(local.type for local in launch.passed), *launch.heads)
            for word in _words(text)
        )

    def declared(self, declarations: str) -> list[bytes]:
        """The launch functions of every shard, for the entry."""
        lines: list[bytes] = []
        for partition, parted in self.pairs:
            if partition.rule.declarations != declarations:
                continue
            found: list[bytes] = []
            for shard in self.shards_of(partition):
                found.append(b"namespace %s {" % self.namespace(shard))
                for launch in parted.launches:
                    found += [*_template(launch), *_head(launch, launch.types, b";")]
                found.append(b"}")
            lines += [b"", *self.conditions(parted.function, found)]
        return lines

    def instantiations(self, shard: str) -> list[bytes]:
        """What the entry calls of a shard."""
        lines: list[bytes] = []
        for partition, parted in self.pairs:
            if shard not in self.shards_of(partition):
                continue
            made: list[bytes] = []
            for launch in parted.launches:
                for types in launch.instances if launch.types else ():
                    name = b"MG_NS::%s<%s>" % (_encoded(launch.name), b", ".join(map(_encoded, types)))
                    if len(launch.instances) > _FEW:
                        head = _encoded(launch.returns), name, _types_of(launch, types)
                        made.append(b"template %s %s(%s);" % head)
                        continue
                    first, *rest = _head(launch, types, b";", name)
                    made += [b"template " + first, *rest]
            lines += self.conditions(parted.function, made) if made else []
        return lines


def conditional(conditions: Sequence[str], lines: Sequence[bytes]) -> list[bytes]:
    """Lines within ``#if`` lines, the outermost condition first."""
    opening = [b"#if " + _encoded(condition) for condition in conditions]
    return [*opening, *lines, *(b"#endif" for _ in opening)]


def _declared(source: Source, helper: Item, end: bytes) -> list[bytes]:
    """The head of a function of the entry, as one with external linkage."""
    first, *rest = signature.declaration(source, helper, defaults=False, end=end)
    return [re.sub(rb"\b(?:static|inline|constexpr)\s+", b"", first), *rest]


def _template(launch: Launch) -> list[bytes]:
    if not launch.types:
        return []
    return [b"template <%s>" % b", ".join(map(_encoded, launch.heads))]


def _head(launch: Launch, types: tuple[str, ...], end: bytes, name: bytes | None = None) -> list[bytes]:
    """The launch function's head, ``types`` in the place of its type parameters."""
    parameters = [
        b"    %s %s" % (_encoded(_typed(local, launch.types, types)), _encoded(local.name))
        for local in launch.passed
    ]
    start = b"%s %s(" % (_encoded(launch.returns), name or _encoded(launch.name))
    if not parameters:
        return [start + b")" + end]
    return [start, *(line + b"," for line in parameters[:-1]), parameters[-1] + b")" + end]


def _types_of(launch: Launch, types: tuple[str, ...]) -> bytes:
    """The types of a launch function's parameters, for one instantiation."""
    return b", ".join(_encoded(_typed(local, launch.types, types)) for local in launch.passed)


def _typed(local: Local, names: tuple[str, ...], types: tuple[str, ...]) -> str:
    text = local.type
    for name, value in zip(names, types, strict=True):
        text = re.sub(rf"\b{re.escape(name)}\b", value, text)
    return text


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
