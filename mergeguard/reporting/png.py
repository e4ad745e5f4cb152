"""A drawing (``build.drawing``) as a PNG image, for pages and tools that take no SVG.

The only place that knows Pillow, whose built-in font needs no file on the machine.
"""

from __future__ import annotations

import io
from itertools import pairwise
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from mergeguard.build.drawing import Area, Box, Drawing, DrawnText, Line, Point

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw as Canvas

# Two pixels to one: sharp on today's screens.
SCALE = 2


def png(drawing: Drawing) -> bytes:
    """The image's bytes; its title and description are in it as text, where viewers can show them."""
    image = Image.new("RGB", (drawing.width * SCALE, drawing.height * SCALE), "#ffffff")
    # Over an image without transparency, this mode blends what it draws.
    canvas = ImageDraw.Draw(image, "RGBA")
    for shape in drawing.shapes:
        match shape:
            case Box():
                corner = shape.x + shape.width, shape.y + shape.height
                low, high = _scaled((shape.x, shape.y)), _scaled(corner)
                canvas.rectangle((low, (max(low[0], high[0] - 1), max(low[1], high[1] - 1))), shape.fill)
            case Line():
                _line(canvas, shape.points, shape.stroke, shape.dash)
            case Area():
                canvas.polygon([_scaled(point) for point in shape.points], _translucent(shape))
                _line(canvas, (*shape.points, *shape.points[:1]), shape.stroke, None)
            case DrawnText():
                _text(canvas, shape)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True, pnginfo=_said(drawing))
    return out.getvalue()


def _said(drawing: Drawing) -> object:
    from PIL.PngImagePlugin import PngInfo

    said = PngInfo()
    said.add_itxt("Title", drawing.title)
    said.add_itxt("Description", drawing.description)
    return said


def _scaled(point: Point) -> tuple[int, int]:
    return round(point[0] * SCALE), round(point[1] * SCALE)


def _translucent(area: Area) -> str:
    return f"{area.fill}{round(area.opacity * 255):02x}"


def _line(canvas: Canvas, points: tuple[Point, ...], stroke: str, dash: tuple[int, int] | None) -> None:
    if dash is not None:
        for start, end in pairwise(points):
            for low, high in _dashes(start, end, dash):
                canvas.line((_scaled(low), _scaled(high)), stroke, SCALE)
    elif len(points) > 1:
        canvas.line([_scaled(point) for point in points], stroke, SCALE)


def _dashes(start: Point, end: Point, dash: tuple[int, int]) -> list[tuple[Point, Point]]:
    """The drawn parts of a straight line."""
    across, down = end[0] - start[0], end[1] - start[1]
    length = max((across**2 + down**2) ** 0.5, 1e-9)

    def at(distance: float) -> Point:
        share = min(distance / length, 1.0)
        return start[0] + across * share, start[1] + down * share

    steps = range(int(length // sum(dash)) + 1)
    return [(at(n * sum(dash)), at(n * sum(dash) + dash[0])) for n in steps]


def _text(canvas: Canvas, text: DrawnText) -> None:
    font = ImageFont.load_default(text.size * SCALE)
    x, y = text.x * SCALE, text.y * SCALE
    if text.at_end:
        x -= sum(canvas.textlength(run.text, font) for run in text.runs)
    for run in text.runs:
        # The built-in font has one weight: a heavier one is drawn twice.
        for shift in (0, 1) if run.bold else (0,):
            canvas.text((x + shift, y), run.text, run.colour, font, anchor="ls")
        x += canvas.textlength(run.text, font) + (1 if run.bold else 0)
