"""The picture of a build schedule: memory over time for several numbers of jobs, as self-contained SVG.

Pure text building; no font, script or style from elsewhere, readable on light and dark pages, and every
figure that the picture shows is in its ``<title>`` and ``<desc>`` for those who can't see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from mergeguard.core.schedule import Schedule

WIDTH, PANEL, LEFT, TOP, GAP, SLOT = 860, 120, 76, 56, 40, 7
# Okabe and Ito's palette: told apart with every common kind of colour blindness.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C00", "#666666")


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
    return f"{count / 1e3:.0f} kB"


def human_seconds(seconds: float) -> str:
    """``4.2 s``, ``12 min 30 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def schedule_svg(title: str, panels: Sequence[Panel], budget: int | None = None) -> str:
    """The SVG document. All panels share one time and one memory scale; ``budget`` (bytes) is a dashed line.

    Below each memory curve a bar per job slot shows which unit ran when; the unit's name and times are the
    bar's tooltip. A measured parallel run, where given, is drawn over the prediction as a thin line.
    """
    longest = max((_end(panel) for panel in panels), default=0.0) or 1.0
    highest = max([*(_top(panel) for panel in panels), budget or 0, 1])
    names = list(dict.fromkeys(span.name for panel in panels for span in panel.schedule.spans))
    colour = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
    body: list[str] = []
    y = TOP
    for panel in panels:
        body += _panel(panel, y, longest, highest, colour, budget)
        y += PANEL + SLOT * panel.schedule.jobs + GAP
    legend, height = _legend(names, colour, y)
    body += legend
    summary = "; ".join(
        f"{panel.caption}: {human_seconds(panel.schedule.makespan)}, peak {human_bytes(panel.schedule.peak)}"
        for panel in panels
    )
    head = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" font-family="system-ui, sans-serif" font-size="12">'
        ),
        f"<title>{escape(title)}</title><desc>{escape(summary)}</desc>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="28" font-size="16" font-weight="600" fill="#222222">{escape(title)}</text>',
    ]
    return "\n".join([*head, *body, "</svg>", ""])


def _end(panel: Panel) -> float:
    return max([panel.schedule.makespan, *(moment for moment, _ in panel.measured)])


def _top(panel: Panel) -> int:
    return max([panel.schedule.peak, *(memory for _, memory in panel.measured)])


def _panel(
    panel: Panel, y: int, longest: float, highest: int, colour: dict[str, str], budget: int | None
) -> list[str]:
    across = (WIDTH - LEFT - 24) / longest
    bottom = y + PANEL

    def px(moment: float) -> str:
        return f"{LEFT + moment * across:.1f}"

    def py(memory: float) -> str:
        return f"{bottom - memory / highest * (PANEL - 20):.1f}"

    schedule = panel.schedule
    out = [
        (
            f'<text x="{LEFT}" y="{y + 10}" font-weight="600" fill="#222222">{escape(panel.caption)}'
            f'<tspan font-weight="400" fill="#555555"> · {human_seconds(schedule.makespan)} · peak '
            f"{human_bytes(schedule.peak)}</tspan></text>"
        )
    ]
    for share in (0.0, 0.5, 1.0):
        level = py(highest * share)
        out.append(f'<path d="M{LEFT} {level}H{WIDTH - 24}" stroke="#dddddd"/>')
        out.append(
            f'<text x="{LEFT - 6}" y="{float(level) + 4:.1f}" text-anchor="end" fill="#555555">'
            f"{human_bytes(highest * share)}</text>"
        )
    path = [f"M{px(0)} {bottom}"]
    for moment, memory in schedule.memory:
        path.append(f"H{px(moment)}V{py(memory)}")
    path.append(f"H{px(schedule.makespan)}V{bottom}Z")
    out.append(f'<path d="{"".join(path)}" fill="#0072B2" fill-opacity="0.25" stroke="#0072B2"/>')
    if panel.measured:
        line = "L".join(f"{px(moment)} {py(memory)}" for moment, memory in panel.measured)
        out.append(f'<path d="M{line}" fill="none" stroke="#D55E00"><title>measured</title></path>')
    if budget is not None:
        out.append(
            f'<path d="M{LEFT} {py(budget)}H{WIDTH - 24}" stroke="#B00020" stroke-dasharray="6 4">'
            f"<title>budget {human_bytes(budget)}</title></path>"
        )
    for span in schedule.spans:
        width = max((span.end - span.start) * across - 1, 1)
        out.append(
            f'<rect x="{px(span.start)}" y="{bottom + 4 + span.slot * SLOT}" width="{width:.1f}" '
            f'height="{SLOT - 2}" fill="{colour[span.name]}"><title>{escape(span.name)}: '
            f"{human_seconds(span.start)} to {human_seconds(span.end)}</title></rect>"
        )
    out.append(
        f'<text x="{px(schedule.makespan)}" y="{bottom + 16 + SLOT * schedule.jobs}" text-anchor="end" '
        f'fill="#555555">{human_seconds(schedule.makespan)}</text>'
    )
    return out


def _legend(names: Sequence[str], colour: dict[str, str], y: int) -> tuple[list[str], int]:
    out: list[str] = []
    x = LEFT
    for name in names:
        width = 24 + 7 * len(name)
        if x > LEFT and x + width > WIDTH - 24:
            x, y = LEFT, y + 18
        out.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour[name]}"/>')
        out.append(f'<text x="{x + 14}" y="{y}" fill="#222222">{escape(name)}</text>')
        x += width
    return out, y + 20


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
