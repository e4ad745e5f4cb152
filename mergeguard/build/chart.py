"""The picture of a build schedule: memory over time for several numbers of jobs.

A drawing (``build.drawing``) on a white ground, readable on light and dark pages; the figures that it shows
are in its description for those who can't see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mergeguard.build.drawing import Area, Box, Drawing, DrawnText, Line, Shape, TextRun
from mergeguard.propose.schedule import Schedule
from mergeguard.values import dataclass

WIDTH, PANEL, LEFT, RIGHT, TOP, GAP, SLOT = 860, 120, 76, 24, 56, 40, 7
DARK, GREY, PALE, ALARM = "#222222", "#555555", "#dddddd", "#B00020"
# Okabe and Ito's palette: told apart with every common kind of colour blindness.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#8C8C00", "#666666")
MEASURED = "#D55E00"


@dataclass(frozen=True, slots=True)
class Panel:
    """One build in the picture: ``caption`` ("monolith, 1 job"), its schedule, and a measured run if any."""

    caption: str
    schedule: Schedule
    measured: tuple[tuple[float, int], ...] = ()


def human_bytes(count: float) -> str:
    """``1342 MB`` and ``12.6 GB``: decimal units, as build logs and memory limits are talked about."""
    if count >= 10_000_000_000:
        return f"{count / 1e9:.1f} GB"
    if count >= 1_000_000_000:
        return f"{count / 1e9:.2f} GB"
    if count >= 1_000_000:
        return f"{count / 1e6:.0f} MB"
    if count == 0:
        return "0"
    return f"{count / 1e3:.0f} kB"


def human_seconds(seconds: float) -> str:
    """``4.2 s``, ``12 min 30 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def schedule_drawing(title: str, panels: Sequence[Panel], budget: int | None = None) -> Drawing:
    """The picture. All panels share one time and one memory scale; ``budget`` (bytes) is a dashed line.

    Below each memory curve a bar per job slot shows which unit ran when; the unit's name and times are the
    bar's note. A measured parallel run, where given, is drawn over the prediction as a thin line.
    """
    names = list(dict.fromkeys(span.name for panel in panels for span in panel.schedule.spans))
    scale = _Scale(
        longest=max((_end(panel) for panel in panels), default=0.0) or 1.0,
        highest=max([*(_top(panel) for panel in panels), budget or 0, 1]),
        colour={name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)},
        budget=budget,
    )
    shapes: list[Shape] = [DrawnText(LEFT, 28, (TextRun(title, DARK, bold=True),), size=16)]
    y = TOP
    for panel in panels:
        shapes += _panel(panel, y, scale)
        y += PANEL + SLOT * _used(panel.schedule) + GAP
    legend, height = _legend(scale, y, measured=any(panel.measured for panel in panels))
    summary = "; ".join(f"{panel.caption}: {_figures(panel.schedule, ', ')}" for panel in panels)
    return Drawing(WIDTH, height, title, summary, (*shapes, *legend))


@dataclass(frozen=True, slots=True)
class _Scale:
    """What all panels share: seconds and bytes at the far ends, a colour for each unit, the budget."""

    longest: float
    highest: int
    colour: Mapping[str, str]
    budget: int | None

    @property
    def across(self) -> float:
        return (WIDTH - LEFT - RIGHT) / self.longest

    def x(self, moment: float) -> float:
        return LEFT + moment * self.across

    def up(self, memory: float) -> float:
        return memory / self.highest * (PANEL - 20)


def _end(panel: Panel) -> float:
    return max([panel.schedule.makespan, *(moment for moment, _ in panel.measured)])


def _top(panel: Panel) -> int:
    return max([panel.schedule.peak, *(memory for _, memory in panel.measured)])


def _figures(schedule: Schedule, between: str) -> str:
    return f"{human_seconds(schedule.makespan)}{between}peak {human_bytes(schedule.peak)}"


def _panel(panel: Panel, y: int, scale: _Scale) -> Iterator[Shape]:
    bottom = y + PANEL
    schedule = panel.schedule
    caption = TextRun(panel.caption, DARK, bold=True)
    yield DrawnText(LEFT, y + 10, (caption, TextRun(f" · {_figures(schedule, ' · ')}", GREY)))
    for share in (0.0, 0.5, 1.0):
        level = bottom - scale.up(scale.highest * share)
        yield Line(((LEFT, level), (WIDTH - RIGHT, level)), PALE)
        yield DrawnText(
            LEFT - 6, level + 4, (TextRun(human_bytes(scale.highest * share), GREY),), at_end=True
        )
    outline = [(scale.x(0), float(bottom))]
    for moment, memory in schedule.memory:
        outline.append((scale.x(moment), outline[-1][1]))
        outline.append((scale.x(moment), bottom - scale.up(memory)))
    outline += [(scale.x(schedule.makespan), outline[-1][1]), (scale.x(schedule.makespan), bottom)]
    yield Area(tuple(outline), COLOURS[0], 0.25, COLOURS[0])
    if panel.measured:
        points = tuple((scale.x(moment), bottom - scale.up(memory)) for moment, memory in panel.measured)
        yield Line(points, MEASURED, note="measured")
    if scale.budget is not None:
        level = bottom - scale.up(scale.budget)
        note = f"budget {human_bytes(scale.budget)}"
        yield Line(((LEFT, level), (WIDTH - RIGHT, level)), ALARM, dash=(6, 4), note=note)
    for span in schedule.spans:
        width = max((span.end - span.start) * scale.across - 1, 1)
        place = scale.x(span.start), bottom + 4 + span.slot * SLOT
        note = f"{span.name}: {human_seconds(span.start)} to {human_seconds(span.end)}"
        yield Box(*place, width, SLOT - 2, scale.colour[span.name], note)
    end = TextRun(human_seconds(schedule.makespan), GREY)
    yield DrawnText(scale.x(schedule.makespan), bottom + 16 + SLOT * _used(schedule), (end,), at_end=True)


def _used(schedule: Schedule) -> int:
    """How many job slots ever run something."""
    return 1 + max((span.slot for span in schedule.spans), default=0)


def _legend(scale: _Scale, y: int, *, measured: bool) -> tuple[list[Shape], int]:
    entries = list(scale.colour.items())
    if measured:
        entries.append(("measured parallel run", MEASURED))
    if scale.budget is not None:
        entries.append((f"budget, {human_bytes(scale.budget)}", ALARM))
    shapes: list[Shape] = []
    x = LEFT
    for name, colour in entries:
        width = 24 + 7 * len(name)
        if x > LEFT and x + width > WIDTH - RIGHT:
            x, y = LEFT, y + 18
        shapes.append(Box(x, y - 9, 10, 10, colour))
        shapes.append(DrawnText(x + 14, y, (TextRun(name, DARK),)))
        x += width
    return shapes, y + 20


def panels_for(
    monolith: Schedule | None, layouts: Sequence[Schedule], measured: dict[int, tuple[tuple[float, int], ...]]
) -> tuple[Panel, ...]:
    """The usual picture: the monolith once (more jobs don't help it), then the layout for each job count.

    ``measured`` holds real parallel runs by their number of jobs.
    """
    out = [] if monolith is None else [Panel("monolith", monolith)]
    for schedule in layouts:
        noun = "job" if schedule.jobs == 1 else "jobs"
        caption = f"layout, {schedule.jobs} {noun}"
        out.append(Panel(caption, schedule, measured.get(schedule.jobs, ())))
    return tuple(out)
