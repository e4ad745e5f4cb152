"""A first rule as text: what ``core.propose`` found, written down as people write rules, with comments."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence

from mergeguard.cpp.source import Kind, Source, flattened, nested
from mergeguard.lens.glue import rebase_point
from mergeguard.lens.homes.assignment import defined_names
from mergeguard.lens.rule import Deal
from mergeguard.propose.deals import Dealing
from mergeguard.propose.reach import last_name
from mergeguard.propose.survey import Instantiated, SurveyedChoice
from mergeguard.store import quoted
from mergeguard.store import toml_string as _quoted
from mergeguard.values import dataclass

Exists = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class DraftPart:
    """A [[partition]] or [[instantiate]] to be written: the groups are what each shard gets.

    ``peak`` is the weight of the heaviest unit of the layout, a small ``score`` is good.
    """

    found: SurveyedChoice | Instantiated | Dealing
    groups: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    peak: int
    score: int

    def __str__(self) -> str:
        return str(self.found)


class RuleText:
    """Writes rules for one monolith. ``exists`` tells whether the repository has a path."""

    def __init__(self, source: Source, path: str, exists: Exists) -> None:
        self.source = source
        self.path = path
        self.exists = exists
        self.folder = posixpath.dirname(path)
        self.suffix = posixpath.splitext(path)[1] or ".cu"

    def write(self, parts: Sequence[DraftPart], *, by_kind: bool, layout: str) -> bytes:
        """The rule's TOML. ``by_kind``: the header takes all device code, not only what is needed."""
        lines = self.heading(parts, layout)
        if any(isinstance(part.found, Dealing) for part in parts):
            for part in parts:
                lines += ["", *self.write_part(part)]
        else:
            lines += self.write_headers(parts, by_kind=by_kind)
            for part in parts:
                lines += ["", *self.write_part(part)]
        return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")

    def heading(self, parts: Sequence[DraftPart], layout: str) -> list[str]:
        """What every rule begins with."""
        lines = [
            "# How mergeguard keeps this file split; the shards are edited like any other file.",
            "# A first rule, written by `mergeguard init`: names and groups are yours to change. Then",
            "# `mergeguard check` says whether it still fits, `mergeguard rules explain` what goes where.",
            "schema = 1",
            f"description = {_quoted('; '.join(_summary(p) for p in parts))}",
            f"monolith = {_quoted(quoted(self.path))}",
        ]
        if any(isinstance(p.found, SurveyedChoice) and p.found.interface == "thin" for p in parts):
            lines.append('interface = "thin"  # the function stays in the entry, the arms are called there')
        if layout:
            lines.append(f"layout = {_quoted(layout)}")
        return lines + self.includes()

    def write_headers(self, parts: Sequence[DraftPart], *, by_kind: bool) -> list[str]:
        """The headers of shards that share a body or a template."""
        lines = [
            "",
            "# What every shard includes.",
            "[[move]]",
            'to = "common.h"',
            f"items = [{', '.join(map(_quoted, self.common()))}]",
            "",
            "# Kernels and helpers: what the shards turn out to need"
            + (", and all device code." if by_kind else "."),
            "[[move]]",
            f'to = "{self.header}"',
        ]
        # Under qualified names blocks are opened: what is in force, and what is needed, comes by itself.
        opens = any("::" in _named(part) for part in parts)
        selected = self.kinds(opens) if by_kind else []
        selected += self.templates(parts)
        selected += [] if opens else self.declarations()
        if selected:
            lines.append(f"items = [{', '.join(map(_quoted, dict.fromkeys(selected)))}]")
        lines.append("needed = true")
        return lines

    @property
    def header(self) -> str:
        return "kernel.cuh" if self.suffix in (".cu", ".cuh", ".hip") else "kernel.h"

    @property
    def body(self) -> str:
        return "dispatch.cuh" if self.suffix in (".cu", ".cuh", ".hip") else "dispatch.h"

    def write_part(self, part: DraftPart) -> list[str]:
        found = part.found
        if isinstance(found, Dealing):
            return self.write_deal(found)
        rest = part.names[-1]
        if isinstance(found, Instantiated):
            lines = [
                f"# {found}.",
                "[[instantiate]]",
                f"template = {_quoted(found.template)}",
                f'header = "{self.header}"',
                f"rest = {_quoted(rest)}  # instantiations that no shard lists, such as upstream's next one",
                "",
                "[instantiate.shards]",
            ]
            return lines + [
                f"{_quoted(name)} = [{', '.join(map(_quoted, group))}]"
                for name, group in zip(part.names, part.groups, strict=True)
            ]
        over = found.kind
        then = f", then = {_quoted(found.then)}" if found.then else ""
        lines = [
            f"# {found}.",
            "[[partition]]",
            f"entry = {_quoted(found.entry)}",
            f"over = {{ in = {_quoted(found.function)}, {over} = {_quoted(found.subject)}{then} }}",
        ]
        lines += [
            f'body = "{self.body}"',
            f"rest = {_quoted(rest)}  # arms that no shard lists, such as upstream's next one",
            "",
            "[partition.shards]",
        ]
        return lines + [
            f"{_quoted(name)} = [{', '.join(_label(label, found.kind) for label in group)}]"
            for name, group in zip(part.names, part.groups, strict=True)
        ]

    def write_deal(self, found: Dealing) -> list[str]:
        extension = ".cuh" if self.suffix in (".cu", ".cuh", ".hip") else ".h"
        return [
            f"# {found.definitions} definitions, each dealt by the hash of its name: no edit moves another.",
            "# The seed balances the units as the file is now; `[deal.shards]` names units by selectors.",
            "[[deal]]",
            f'header = "internal{extension}"  # includes, and what several units need',
            f"units = {found.units - 1}",
            "entry = true  # is one of the units",
            f"seed = {found.seed}",
            *_said(found.way),
        ]

    def common(self) -> list[str]:
        """Selectors of what all shards include: includes, macros, #undef lines that come before any code."""
        selected = ["include *", "macro *"]
        for item in self.source.items:
            if item.kind is Kind.UNDEF:
                selected.append(f"undef {item.name}?")
            elif item.kind in (Kind.FUNCTION, Kind.KERNEL, Kind.TYPE, Kind.VARIABLE, Kind.NAMESPACE):
                break
        return selected

    def kinds(self, opens: bool) -> list[str]:
        """Kinds of device code that the file has, for the header; ``opens``: of a rule that opens blocks."""
        kinds = ["type *", "alias *", "template *", "device *"]
        if any(item.kind is Kind.USING for item in self.source.items):
            kinds.append("using *")
        if not opens and any(item.kind is Kind.NAMESPACE for item in self.source.items):
            kinds.append("namespace *")
        return kinds

    def templates(self, parts: Sequence[DraftPart]) -> list[str]:
        return [f"template {p.found.template}" for p in parts if isinstance(p.found, Instantiated)]

    def declarations(self) -> list[str]:
        """Selectors of using lines, and of declarations of what is defined elsewhere."""
        defined = defined_names(self.source, self.source.items)
        selected = []
        for item in self.source.items:
            if item.kind is Kind.USING:
                selected.append(f"using {item.name}?" if item.name else "using *")
            elif (
                item.kind is Kind.DECLARATION
                and item.parameter_list is not None
                and item.returns
                and last_name(item.name) not in defined
            ):
                selected.append(f"declaration {item.name}?")
            elif item.kind is Kind.NAMESPACE and item.name:
                # What a namespace declares may be defined, and used, outside of it.
                if any(inner.kind is Kind.DECLARATION for inner in nested(self.source, item)):
                    selected.append(f"namespace {literal(item.name)}?")
        return selected

    def includes(self) -> list[str]:
        """How quoted includes are re-based: those of today one by one, whatever comes by looking beside."""
        beside, searched = self.quoted_includes()
        lines = [
            "",
            "# Quoted includes, as the layout's files are one folder deeper: beside the monolith, on the",
            "# search path; of the next ones, either.",
            "[includes]",
        ]
        lists = (("beside", beside), ("searched", searched), ("either", ["*"]))
        return lines + [f"{key} = [{', '.join(map(_quoted, names))}]" for key, names in lists if names]

    def quoted_includes(self) -> tuple[list[str], list[str]]:
        """Quoted includes: those of files beside the monolith, without dots, and those on the search path."""
        beside: dict[str, None] = {}
        searched: dict[str, None] = {}
        for item in self.source.items:
            if item.kind is not Kind.INCLUDE:
                continue
            found = rebase_point(self.source.text[item.code_start : item.code_end])
            if found is None:
                continue
            name = found[1].decode("utf-8", "surrogateescape")
            if not name.startswith(("./", "../")):
                there = self.exists(posixpath.join(self.folder, name))
                (beside if there else searched)[literal(name)] = None
        dotted = searched_with_dots(self.source, self.folder, self.exists)
        return [*beside], [*searched, *map(literal, dotted)]


def searched_with_dots(source: Source, folder: str, exists: Exists) -> list[str]:
    """The includes of ``../name`` that are not beside a file in ``folder``, but beside one around it: that
    folder must be on the search path."""

    def there(around: str, name: str) -> bool:
        path = posixpath.normpath(posixpath.join(around, name))
        return not path.startswith("..") and exists(path)

    found: dict[str, None] = {}
    for item in flattened(source, source.items):
        name = item.name.strip('"')
        if item.kind is not Kind.INCLUDE or not name.startswith("../") or there(folder, name):
            continue
        around = folder
        while around and not there(around, name):
            around = posixpath.dirname(around)
        if around:
            found[name] = None
    return [*found]


def meant_otherwise(names: Iterable[str], folder: str, exists: Exists) -> str:
    """Of includes with dots one that is another file from a layout's folder, one deeper; "" for none."""
    return next((name for name in names if exists(posixpath.normpath(posixpath.join(folder, "_", name)))), "")


def _said(way: Deal) -> list[str]:
    """The keys of a [[deal]] that say what goes by itself, with a word on each."""
    said = []
    if way.external:
        said.append(
            f"external = [{', '.join(map(_quoted, way.external))}]  # a header declares them `extern`"
        )
    if way.calls:
        said.append("calls = true  # such as TEST(…): macros that the file does not define")
    if way.shared:
        said.append(f"shared = [{', '.join(map(_quoted, way.shared))}]  # the file's own: one for all")
    if way.overloads:
        said.append("overloads = true  # each overload goes by itself, by its parameters' types")
    if way.kernels:
        said.append("kernels = true  # each kernel goes by itself; what launches it declares it")
    return said


def _named(part: DraftPart) -> str:
    """The name by which a rule finds a part."""
    if isinstance(part.found, Instantiated):
        return part.found.template
    return part.found.entry if isinstance(part.found, SurveyedChoice) else ""


def _label(text: str, kind: str) -> str:
    return text if kind == "switch" and re.fullmatch(r"0|[1-9]\d{0,17}", text) else _quoted(text)


def literal(text: str) -> str:
    """A glob that means just this text."""
    return re.sub(r"([*?\[])", r"[\1]", text)


def _summary(part: DraftPart) -> str:
    found = part.found
    if isinstance(found, Instantiated):
        return f"{found.template} by explicit instantiation"
    if isinstance(found, Dealing):
        return f"{found.definitions} definitions in {found.units} units"
    return f"{found.entry} by {found.subject}"
