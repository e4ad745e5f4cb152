"""What a split costs and saves as one self-contained HTML page: tables, advice, the schedule, the machine."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence

from mergeguard.build.cost import SplitCost
from mergeguard.build.drawing import svg
from mergeguard.reporting.inert import attribute
from mergeguard.reporting.inert import html as esc
from mergeguard.reporting.page import page
from mergeguard.reporting.png import png


def render(costs: Mapping[str, SplitCost], version: str) -> str:
    """The whole page for the rules' measured costs, by rule; ``version`` is mergeguard's.

    The picture is embedded twice: as PNG, which can be copied from the page into a review, and as SVG, which
    scales and tells each unit's times where the pointer rests.
    """
    body = ["<h1>mergeguard cost</h1>"]
    for name, cost in costs.items():
        body += _rule(name, cost, version)
    return page(f"mergeguard cost: {', '.join(costs)}", version, body)


def _rule(name: str, cost: SplitCost, version: str) -> Iterable[str]:
    drawing = cost.picture()
    image = f"data:image/png;base64,{b64encode(png(drawing)).decode('ascii')}"
    yield f"<h2>{esc(name)}</h2>"
    yield f"<p>{esc(cost.summary)}</p>"
    yield from (f"<p class=warn>{esc(advice)}</p>" for advice in cost.advice)
    yield _table(cost.table())
    yield "<h3>Builds with MAX_JOBS</h3>"
    yield _table(cost.jobs_table())
    yield "<h3>Memory over time</h3>"
    yield (
        f"<div class=scroll><img width={drawing.width} height={drawing.height} "
        f"alt={attribute(drawing.description)} src={attribute(image)}></div>"
    )
    yield (
        "<details><summary>The same as vector graphics, with each unit's times under the pointer</summary>"
        f"<div class=scroll>{svg(drawing)}</div></details>"
    )
    yield "<h3>Measured with</h3>"
    facts = (
        ("machine", cost.machine),
        ("compiler", cost.compiler),
        ("command", cost.command),
        ("mergeguard", version),
    )
    rows = "".join(f"<tr><th>{esc(what)}</th><td><code>{esc(how)}</code></td></tr>" for what, how in facts)
    yield f"<div class=scroll><table class=list>{rows}</table></div>"
    yield (
        "<p class=dim>Peaks are of the whole process tree. Builds are predicted from units measured alone, "
        "scaled to their CPU seconds: with more jobs than cores a real build is slower, its memory is the "
        "same.</p>"
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row is its head; all columns but the first are figures."""
    head, *rest = rows

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(f"<{tag}{' class=n' if n else ''}>{esc(cell)}</{tag}>" for n, cell in enumerate(row))

    listed = "".join(f"<tr>{cells('td', row)}</tr>" for row in rest)
    table = f"<thead><tr>{cells('th', head)}</tr></thead><tbody>{listed}</tbody>"
    return f"<div class=scroll><table class=list>{table}</table></div>"
