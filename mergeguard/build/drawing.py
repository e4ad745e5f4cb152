"""Pictures as values: a few kinds of shapes on a white page, and how they are written as SVG.

What a picture shows is decided once, here in values; ``svg`` only puts it down. Coordinates
are CSS pixels, y grows downwards.
"""

from __future__ import annotations

from html import escape

from mergeguard.values import dataclass

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle; ``note`` is said where the pointer rests, as for the other shapes."""

    x: float
    y: float
    width: float
    height: float
    fill: str  # "#rrggbb", as all colours
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through ``points``, one pixel wide. ``dash`` is (drawn, left out) in pixels."""

    points: tuple[Point, ...]
    stroke: str
    dash: tuple[int, int] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """A closed outline, ``opacity`` (0 to 1) of its fill let through."""

    points: tuple[Point, ...]
    fill: str
    opacity: float
    stroke: str


@dataclass(frozen=True, slots=True)
class TextRun:
    """A stretch of text in one colour and weight."""

    text: str
    colour: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class DrawnText:
    """Runs one after the other on the baseline ``y``; ``x`` is where they begin, or end if ``at_end``."""

    x: float
    y: float
    runs: tuple[TextRun, ...]
    size: int = 12
    at_end: bool = False


Shape = Box | Line | Area | DrawnText


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture; ``description`` says in words what it shows, for those who can't see it."""

    width: int
    height: int
    title: str
    description: str
    shapes: tuple[Shape, ...]


def svg(drawing: Drawing) -> str:
    """The SVG document: no font, script or style from elsewhere."""
    width, height = drawing.width, drawing.height
    head = (
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="system-ui, sans-serif" font-size="12">'
        ),
        f"<title>{escape(drawing.title)}</title><desc>{escape(drawing.description)}</desc>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    )
    return "\n".join([*head, *map(_element, drawing.shapes), "</svg>", ""])


def _element(shape: Shape) -> str:
    match shape:
        case Box():
            place = (
                f'x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}"'
            )
            return _noted("rect", f'{place} fill="{shape.fill}"', shape.note)
        case Line():
            dash = "" if shape.dash is None else f' stroke-dasharray="{shape.dash[0]} {shape.dash[1]}"'
            path = f'd="{_path(shape.points)}" fill="none" stroke="{shape.stroke}"{dash}'
            return _noted("path", path, shape.note)
        case Area():
            colours = f'fill="{shape.fill}" fill-opacity="{shape.opacity}" stroke="{shape.stroke}"'
            return f'<path d="{_path(shape.points)}Z" {colours}/>'
        case DrawnText():
            anchor = ' text-anchor="end"' if shape.at_end else ""
            size = "" if shape.size == 12 else f' font-size="{shape.size}"'
            runs = "".join(map(_run, shape.runs))
            return f'<text x="{shape.x:.1f}" y="{shape.y:.1f}"{size}{anchor}>{runs}</text>'


def _noted(name: str, attributes: str, note: str) -> str:
    if not note:
        return f"<{name} {attributes}/>"
    return f"<{name} {attributes}><title>{escape(note)}</title></{name}>"


def _path(points: tuple[Point, ...]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _run(run: TextRun) -> str:
    weight = ' font-weight="600"' if run.bold else ""
    return f'<tspan fill="{run.colour}"{weight}>{escape(run.text)}</tspan>'
