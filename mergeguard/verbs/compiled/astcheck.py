"""The semantic layer of check and verify: what clang's AST sees of a monolith and of its layout.

Tokens know more than an AST does while headers are missing, so this only adds evidence: under each of the
architecture views, every declaration that clang names in the monolith must be named in some translation
unit of the layout, and every definition in no more of them than may see it. Without libclang it says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from mergeguard.build import clang
from mergeguard.errors import LayoutError
from mergeguard.findings import Finding, Reporter
from mergeguard.fork.workspace import Workspace
from mergeguard.lens.layout import Layout
from mergeguard.verify.flatten import LayoutText, flatten


def run(workspace: Workspace, names: Sequence[str] | None = None) -> tuple[Finding, ...]:
    """Findings about the split rules called ``names`` (all if None).

    Raises LayoutError where libclang can't be loaded, RuleError for an unknown name.
    """
    if not clang.available():
        raise LayoutError("libclang can't be loaded", hint="install mergeguard with its dependencies again")
    chosen = workspace.split_rules if names is None else tuple(workspace.rule(name) for name in names)
    return tuple(
        finding
        for guarded in chosen
        if guarded.is_split
        for finding in compare(guarded.name, workspace.unsplit(guarded).layout)
    )


def compare(name: str, layout: Layout) -> list[Finding]:
    """What the AST of the monolith names and the layout's does not, once for each name."""
    say = Reporter(name)
    texts = [LayoutText(file.path, file.text, file.is_unit) for file in layout.files]
    units = [flatten(file.path, texts).source.text for file in layout.files if file.is_unit]
    found: dict[str, Finding] = {}
    for view in clang.VIEWS:
        there: set[tuple[str, str]] = set()
        for text in units:
            there |= {(d.kind, d.name) for d in clang.declarations(text, view)}
        for declaration in clang.declarations(layout.monolith, view):
            if (declaration.kind, declaration.name) in there or declaration.name in found:
                continue
            line = layout.monolith.count(b"\n", 0, declaration.start) + 1
            kind = declaration.kind.lower().replace("_", " ")
            found[declaration.name] = say.error(
                "lost",
                f"clang's AST ({view}) has the {kind} `{declaration.name}` in the monolith, in no unit here",
                layout.path,
                line,
                declaration.name,
            )
    return [*found.values()]
