"""Rules: how a monolith becomes a layout. Typed, versioned, data only.

``parse_rule`` turns TOML bytes into a ``Rule``; every error names the file and, as far as TOML lets us
know, the line. Nothing here looks at a monolith: whether a rule *fits* one is decided by ``emit``.
"""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from mergeguard import store, tables
from mergeguard.cpp.remember import remembered
from mergeguard.digests import sha1
from mergeguard.errors import Location, RuleError
from mergeguard.lens.selectors import Selector, parse_selector
from mergeguard.tables import Meta
from mergeguard.values import field, replace

SCHEMA_VERSION = 1

RelativePath = Annotated[
    str,
    Meta(
        description="A path with forward slashes, inside the repository. One that TOML can't hold, or that "
        "holds a backslash or a quote, stands in git's quotes: '\"odd\\303\\244.cu\"'.",
        min_length=1,
    ),
]


@tables.table
class Includes:
    """How quoted includes are re-based when their line moves into the layout's folder.

    Paths that start with ``./`` or ``../`` are re-based; where they are ``searched``, they are looked for
    beside the monolith first, as compilers do. Others are only when listed here; ``either`` are found beside
    the monolith in some versions of upstream, through the search path in others. The first list that names
    one counts: ``beside``, then ``searched``, then ``either``.
    """

    beside: Annotated[
        tuple[str, ...],
        Meta(description="Globs of quoted includes that are found beside the monolith."),
    ] = ()
    searched: Annotated[
        tuple[str, ...],
        Meta(description="Globs of those that are on the search path: exceptions to `either`."),
    ] = ()
    either: Annotated[
        tuple[str, ...],
        Meta(description="Globs of those that are beside the monolith or, if not, on the search path."),
    ] = ()

    def way(self, name: str) -> Literal["beside", "searched", "either", ""]:
        """How the quoted include of ``name`` is re-based; "" where nothing says so."""
        lists = (self.beside, self.searched, self.either)
        beside, searched, either = (any(fnmatchcase(name, glob) for glob in globs) for globs in lists)
        if name.startswith(("./", "../")):
            return "either" if searched and not beside else "beside"
        return "beside" if beside else "searched" if searched else "either" if either else ""


@tables.table
class Move:
    """Items that move verbatim to a header of the layout, their one home."""

    to: Annotated[RelativePath, Meta(description="The header, relative to the layout's folder.")]
    items: Annotated[
        tuple[str, ...], Meta(description='Selectors, such as "kernel wvSplitK_*" or "macro MAX?".')
    ] = ()
    needed: Annotated[
        bool,
        Meta(description="Also takes what no selector names and what the shards turn out to need."),
    ] = False


@tables.table(in_="in")
class Over:
    """The branching whose arms are dealt: a switch, an if / else-if chain, or a sequence of ifs."""

    in_: Annotated[str, Meta(description="The function that holds the branching, named as `entry` is.")]
    switch: Annotated[str | None, Meta(description="The switch's expression.")] = None
    then: Annotated[
        str | None,
        Meta(
            description="What the arms of `switch` choose by in their turn (a switch's expression, or a name "
            "in every condition of a chain): the inner arms are dealt, by labels such as `1/32` and globs "
            "over them. Needs a thin interface."
        ),
    ] = None
    chain: Annotated[
        str | None, Meta(description="A name that every condition of the if / else-if chain uses.")
    ] = None
    sequence: Annotated[
        str | None,
        Meta(
            description="A name that every condition uses of `if` statements one after the other, each of "
            "which returns or throws."
        ),
    ] = None


@tables.table
class Partition:
    """A host function whose branching is dealt to shards, each compiling only its own arms."""

    entry: Annotated[
        str,
        Meta(
            description="The public host function; in a namespace its qualified name (`app::run`), in an "
            '`extern "C"` or anonymous block `::run`.'
        ),
    ]
    over: Over
    body: Annotated[RelativePath, Meta(description="The header that holds the function for all shards.")]
    shards: Annotated[
        dict[str, tuple[int | str, ...]],
        Meta(description="Shard file to case labels, or (for a chain) to text that the arm's condition has."),
    ]
    rest: Annotated[str, Meta(description="The shard of the arms that no shard lists, and of the default.")]
    declarations: Annotated[
        RelativePath, Meta(description="The header that declares the shards' functions to the entry.")
    ] = "launch.h"
    discriminator: Annotated[
        str | None,
        Meta(
            description="The switch's value in terms of the entry's parameters, where it can't be derived "
            "from the monolith; not for a chain."
        ),
    ] = None
    items: Annotated[tuple[str, ...], Meta(description="Further items of the body.")] = ()
    optional: Annotated[bool, Meta(description="Left out where the monolith has no such function.")] = False


@tables.table
class Instantiate:
    """Explicit instantiations of a host template, dealt to shards."""

    template: Annotated[
        str, Meta(description="The template that is instantiated, by its qualified name (`app::f`).")
    ]
    header: Annotated[RelativePath, Meta(description="The header with its definition.")]
    shards: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="Shard file to globs over the template arguments."),
    ]
    rest: Annotated[str, Meta(description="The shard of the instantiations that no shard lists.")]
    add: Annotated[
        tuple[str, ...],
        Meta(description="Template arguments to instantiate where the monolith does not say so."),
    ] = ()


@tables.table
class Deal:
    """Independent definitions, dealt to units; what two units need goes to an internal header."""

    header: Annotated[
        RelativePath, Meta(description="The internal header: includes, and what several units need.")
    ]
    shards: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description='Unit file to selectors, such as "function AddFunction::*".'),
    ] = field(default_factory=dict)
    units: Annotated[
        int,
        Meta(description="So many further units share what no selector names.", ge=0, le=64),
    ] = 0
    seed: Annotated[
        int,
        Meta(description="Chooses one of many equally stable dealings to `units`; `init` finds a good one."),
    ] = 0
    entry: Annotated[
        bool,
        Meta(description="The entry is one of those that share, beside `units`: one file fewer to compile."),
    ] = False
    calls: Annotated[
        bool,
        Meta(
            description="Also deals calls of macros that the file does not define, by their first arguments."
        ),
    ] = False
    overloads: Annotated[
        bool,
        Meta(description="Overloads of a name go by themselves, each by its name and parameter types."),
    ] = False
    kernels: Annotated[
        bool,
        Meta(description="Kernels go by themselves, as functions do; units that launch one declare it."),
    ] = False
    external: Annotated[
        tuple[str, ...],
        Meta(description="Constants that another file's header declares `extern`: each is one object."),
    ] = ()
    shared: Annotated[
        tuple[str, ...],
        Meta(
            description="Selectors of objects and functions that the file keeps to itself and several units "
            "may use: each has one home, and a name that no other file has."
        ),
    ] = ()
    rest: Annotated[
        str,
        Meta(
            description="Without `units`: the unit of the definitions that no selector names; "
            "default: they stay in the entry."
        ),
    ] = ""


@tables.table
class Thin:
    """What a thin interface can't derive from the monolith; see ``Rule.interface``."""

    host: Annotated[
        tuple[str, ...],
        Meta(description="Globs of further includes that only the entry reads, beside PyTorch's own."),
    ] = ()
    include: Annotated[
        tuple[str, ...],
        Meta(description='What the shards include in their place, such as "<string>".'),
    ] = ()
    define: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[A-Za-z_]\w*( [^\\\n/]+)?$")], ...],
        Meta(
            description="Macros, such as `NAME 1`, that the shards define before upstream's includes, behind "
            "those of `include`: by them upstream's headers choose to read less. The entry has none of them."
        ),
    ] = ()
    types: Annotated[
        dict[str, str],
        Meta(description="Types of host variables whose declaration does not say it."),
    ] = field(default_factory=dict)
    instances: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="The types that a type name of the host function stands for, one after the other."),
    ] = field(default_factory=dict)


@tables.table
class Rule:
    """One monolith's transform."""

    schema: Annotated[int, Meta(description="Version of this schema: 1.")]
    monolith: Annotated[RelativePath, Meta(description="Upstream's file.")]
    description: Annotated[str, Meta(description="One line for `mergeguard rules`.")] = ""
    also: Annotated[
        tuple[RelativePath, ...], Meta(description="Other paths at which upstream has or had it.")
    ] = ()
    mode: Annotated[
        Literal["tree", "build"],
        Meta(
            description="Where the layout is: committed in the tree, or made by the build "
            "(`mergeguard generate`) while git keeps the monolith as upstream has it."
        ),
    ] = "tree"
    layout: Annotated[
        str, Meta(description="The layout's folder, relative to the monolith's; default: its stem.")
    ] = ""
    build: Annotated[
        tuple[RelativePath, ...] | None,
        Meta(
            description="Build files in which the shards are listed wherever the monolith is; default: those "
            "that list it, in its folder or above. [] says that no build file has to list them."
        ),
    ] = None
    compile: Annotated[
        str,
        Meta(
            description="A proposal how `cost`, `budget` and `verify --compile` may compile a unit, with the "
            "holes {source}, {output} and {root}. It runs only in a clone whose user has accepted these very "
            "bytes (`mergeguard trust`)."
        ),
    ] = ""
    prepare: Annotated[
        str,
        Meta(
            description="A proposal of a step that rewrites a copy of the sources before they are compiled, "
            "such as hipify: with the holes {tree} (the sources), {root} (the copy) and {units} (the "
            "translation units in the copy), run in the work tree. It runs only where its user has accepted "
            "it, as `compile`."
        ),
    ] = ""
    includes: Includes = Includes()
    interface: Annotated[
        Literal["full", "thin"],
        Meta(
            description="What the shards of a partition read. `full`: what the monolith reads. `thin`: "
            "kernels and light headers; the host function stays in the entry, the shards get the text of the "
            "branching behind launch functions. Where upstream's text can't be parted so, `full` it is."
        ),
    ] = "full"
    thin: Thin = Thin()
    move: tuple[Move, ...] = ()
    partition: tuple[Partition, ...] = ()
    instantiate: tuple[Instantiate, ...] = ()
    deal: tuple[Deal, ...] = ()

    def paths(self) -> tuple[str, ...]:
        """Every path the monolith may have, the declared one first."""
        return (self.monolith, *self.also)

    def folder(self, monolith_path: str) -> str:
        """The layout's folder for a monolith at this path, relative to the repository's root."""
        stem = posixpath.splitext(posixpath.basename(monolith_path))[0]
        return posixpath.join(posixpath.dirname(monolith_path), self.layout or stem)

    def shard_files(self) -> tuple[str, ...]:
        """The shard files that the rule can make, in the rule's order, relative to the layout's folder."""
        seen: dict[str, None] = {}
        for partition in self.partition:
            seen |= dict.fromkeys((*partition.shards, partition.rest))
        for instantiate in self.instantiate:
            seen |= dict.fromkeys((*instantiate.shards, instantiate.rest))
        for deal in self.deal:
            seen |= dict.fromkeys((*deal.shards, *self.parts(deal), *filter(None, (deal.rest,))))
        return tuple(seen)

    @property
    def is_qualified(self) -> bool:
        """Whether a [[partition]] or [[instantiate]] names what is in a block: ``app::run``, ``::run``."""
        names = [name for p in self.partition for name in (p.entry, p.over.in_)]
        names += [i.template for i in self.instantiate]
        return any("::" in name for name in names)

    def parts(self, deal: Deal) -> tuple[str, ...]:
        """The unit files that share what no selector of the deal names."""
        suffix = posixpath.splitext(self.monolith)[1]
        return tuple(f"part_{number}{suffix}" for number in range(1, deal.units + 1))


def digest(text: bytes) -> str:
    """The rule's digest, as git names the blob of its bytes (so that git can give the bytes back)."""
    return sha1(b"blob %d\0%s" % (len(text), text))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a rule file, for editors; generated from the types above."""
    schema = tables.schema(Rule)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mergeguard rule",
        **schema,
    }


@remembered
def parse_rule(text: bytes, path: str) -> Rule:
    """Read a rule. ``path`` is used in errors only.

    Raises RuleError for TOML that can't be read, unknown or missing keys, wrong types, an unknown
    schema version, outputs outside the layout's folder, and selectors that can't be read.
    """
    try:
        raw = store.read_toml(text)
    except store.Unreadable as error:
        if marked := re.search(rb"^<{7,}(?: |$)", text, re.MULTILINE):
            raise RuleError(
                "a conflict marker stands here",
                where=Location(path, text.count(b"\n", 0, marked.start()) + 1),
                hint=f"resolve {path}, `git add` it, and go on as after any conflict",
            ) from None
        raise RuleError(error.message, where=Location(path, error.line)) from None
    version = raw.get("schema")
    if version != SCHEMA_VERSION:
        shown = version if isinstance(version, int | None) else "no number"
        raise RuleError(
            f"schema is {shown}; this mergeguard reads {SCHEMA_VERSION}",
            where=Location(path, _line_of(text, ("schema",))),
            hint=f"write `schema = {SCHEMA_VERSION}`, or install the mergeguard the rule was written for",
        )
    try:
        rule = _with_odd_paths(store.convert(raw, Rule))
    except store.Unreadable as error:
        message, _, at = str(error).partition(" - at `$")
        keys = tuple(re.findall(r"[^.\[\]`]+", at))
        unknown = re.search(r"unknown field `(\w+)`", message)
        if unknown:
            keys = (*keys, unknown[1])
            message = f"unknown key `{unknown[1]}`"
        hint = (
            f"`{'.'.join(keys)}`: see `mergeguard rules schema`" if keys else "see `mergeguard rules schema`"
        )
        raise RuleError(message, where=Location(path, _line_of(text, keys)), hint=hint) from None
    _validate(rule, text, path)
    return rule


def _with_odd_paths(rule: Rule) -> Rule:
    """The rule with the paths that stand in git's quotes as they are. Raises Unreadable."""

    def path(text: str) -> str:
        if "\\" in text and text[:1] != '"':
            raise store.Unreadable(f"`{text}` is not inside the repository: a path has forward slashes")
        return store.unquoted(text)

    return replace(
        rule,
        monolith=path(rule.monolith),
        also=tuple(map(path, rule.also)),
        build=None if rule.build is None else tuple(map(path, rule.build)),
    )


def _validate(rule: Rule, text: bytes, path: str) -> None:
    def fail(message: str, *keys: str, hint: str | None = None) -> RuleError:
        return RuleError(message, where=Location(path, _line_of(text, keys)), hint=hint)

    for key, value in [
        ("monolith", rule.monolith),
        *(("also", p) for p in rule.also),
        *(("build", p) for p in rule.build or ()),
    ]:
        if not _inside(value, odd=True):
            raise fail(
                f"{key} `{value}` is not inside the repository", key, hint="give a relative path without `..`"
            )
    if rule.layout and not _inside(rule.layout):
        raise fail(f"layout `{rule.layout}` is not inside the repository", "layout")
    if not rule.partition and not rule.instantiate and not rule.deal:
        raise fail("the rule makes no shards", hint="add a [[deal]], a [[partition]] or an [[instantiate]]")
    outputs: dict[str, str] = {}
    named: list[tuple[str, str, str]] = [("move", "to", m.to) for m in rule.move]
    for p in rule.partition:
        if sum(key is not None for key in (p.over.switch, p.over.chain, p.over.sequence)) != 1:
            raise fail(
                f"partition of `{p.entry}`: `over` takes one of `switch`, `chain` and `sequence`",
                "partition",
                "over",
            )
        named += [
            ("partition", "body", p.body),
            ("partition", "declarations", p.declarations),
            ("partition", "rest", p.rest),
        ]
        named += [("partition", "shards", s) for s in p.shards]
    for i in rule.instantiate:
        named += [("instantiate", "shards", s) for s in (*i.shards, i.rest)]
        if i.header not in {m.to for m in rule.move}:
            raise fail(
                f"instantiate `{i.template}`: header `{i.header}` is not the `to` of any [[move]]",
                "instantiate",
                "header",
            )
    for d in rule.deal:
        if len(rule.deal) > 1:
            raise fail("more than one [[deal]]", "deal", hint="join their `shards`")
        if not d.shards and not d.units:
            raise fail("the [[deal]] has no units", "deal", hint="give `units = 4`, or [deal.shards]")
        if d.units and d.rest:
            raise fail("`units` and `rest` exclude each other", "deal", "rest")
        if d.entry and not d.units:
            raise fail("`entry` needs `units`, which the entry shares with", "deal", "entry")
        if any(m.needed for m in rule.move):
            message = f"a [[move]] says `needed = true`, but what units need goes to `{d.header}`"
            raise fail(message, "move", "needed")
        named.append(("deal", "header", d.header))
        named += [("deal", "shards", s) for s in (*d.shards, *rule.parts(d), *filter(None, (d.rest,)))]
    for table, key, name in named:
        if not _inside(name):
            raise fail(
                f"`{name}` is outside the layout's folder",
                table,
                key,
                hint="outputs are relative to the layout's folder, without `..`",
            )
        role = "shard" if key in ("shards", "rest") else f"{table}.{key}"
        if outputs.setdefault(name, role) != role:
            raise fail(f"`{name}` is claimed twice: as {outputs[name]} and as {role}", table, key)
    if len({m.to for m in rule.move}) != len(rule.move):
        raise fail("two [[move]] tables have the same `to`", "move", "to", hint="join their `items`")
    if sum(m.needed for m in rule.move) > 1:
        raise fail("more than one [[move]] says `needed = true`", "move", "needed")
    for partition in rule.partition:
        listed: set[str] = set()
        for shard, labels in partition.shards.items():
            for label in map(str, labels):
                if label in listed:
                    message = f"label `{label}` is given to two shards (again in `{shard}`)"
                    raise fail(message, "partition", "shards")
                listed.add(label)
    for selector_text, table in _selector_texts(rule):
        try:
            parse_selector(selector_text)
        except ValueError as error:
            raise fail(f"selector `{selector_text}`: {error}", table, "items") from None


def _selector_texts(rule: Rule) -> list[tuple[str, str]]:
    return (
        [(s, "move") for m in rule.move for s in m.items]
        + [(s, "partition") for p in rule.partition for s in p.items]
        + [(s, "deal") for d in rule.deal for texts in d.shards.values() for s in texts]
        + [(s, "deal") for d in rule.deal for s in d.shared]
    )


def selectors(texts: tuple[str, ...]) -> tuple[Selector, ...]:
    """The selectors of a validated rule."""
    return tuple(parse_selector(text) for text in texts)


def is_inside(path: str) -> bool:
    """Whether a path (of a lock, say) can be one of a file in the repository."""
    return _inside(path, odd=True)


def _inside(path: str, *, odd: bool = False) -> bool:
    return (
        not path.startswith("/")
        and "\0" not in path
        and (odd or "\\" not in path)
        and not re.match(r"^[A-Za-z]:", path)
        and all(part.lower() not in ("", ".", "..", ".git") for part in path.rstrip("/").split("/"))
    )


def _line_of(text: bytes, keys: tuple[str, ...]) -> int | None:
    """The 1-based line of the first key path that can be found, else of its longest prefix."""
    names = [k for k in keys if not k.isdigit() and k != "..."]
    lines = text.decode("utf-8", "replace").splitlines()
    best: int | None = None
    start = 0
    for depth, name in enumerate(names):
        pattern = re.compile(
            rf"^\s*\[{{1,2}}\s*([\w.\"-]+\.)?{re.escape(name)}\s*\]"
            if depth == 0 and len(names) > 1
            else rf"(^|[\s{{,.])\"?{re.escape(name)}\"?\s*="
        )
        for number in range(start, len(lines)):
            if pattern.search(lines[number]):
                best, start = number + 1, number
                break
        else:
            continue
    return best
