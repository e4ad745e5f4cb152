"""Screenshots as text: the demo and a few commands in what it made, as a terminal shows them, in SVG.

    python docs/screens.py      # writes docs/screens/*.svg again

Nothing but mergeguard is needed. Text in an SVG can be searched, read aloud and compared by git.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "screens"
COLUMNS = 100
_COMMAND = (sys.executable, "-m", "mergeguard")
_WIDTH, _HEIGHT, _MARGIN = 8.4, 18, 14
_SGR = re.compile(r"\x1b\[([\d;]*)m")
_COLOURS = {
    "31": "#f7768e", "32": "#9ece6a", "33": "#e0af68", "34": "#7aa2f7", "35": "#bb9af7", "36": "#7dcfff",
}  # fmt: skip


def run(*arguments: str, cwd: Path | None = None) -> str:
    """What a terminal of 100 columns shows of a command, with its colours."""
    environment = os.environ | {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS), "TERM": "xterm-256color"}
    done = subprocess.run(
        [*_COMMAND, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return done.stdout


def spans(line: str) -> list[tuple[str, str]]:
    """A line in pieces: the SVG attributes of each, and its text."""
    found, attributes, at = [], {}, 0
    for code in [*_SGR.finditer(line), None]:
        text = line[at : code.start() if code else len(line)]
        if text:
            found.append(("".join(f' {name}="{value}"' for name, value in attributes.items()), text))
        if code is None:
            break
        at = code.end()
        for number in code[1].split(";"):
            if number in ("", "0"):
                attributes.clear()
            elif number == "1":
                attributes["font-weight"] = "bold"
            elif number == "2":
                attributes["opacity"] = "0.6"
            elif number in _COLOURS:
                attributes["fill"] = _COLOURS[number]
    return found


def svg(text: str, title: str) -> str:
    """A terminal's screen as an SVG picture."""
    lines = text.rstrip("\n").split("\n")
    longest = max([COLUMNS, *(len(_SGR.sub("", line)) for line in lines)])
    width, height = longest * _WIDTH + 2 * _MARGIN, len(lines) * _HEIGHT + 2 * _MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" role="img">',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" rx="8" fill="#1a1b26"/>',
        '<g font-family="ui-monospace,Menlo,Consolas,monospace" font-size="14" fill="#c0caf5">',
    ]
    for number, line in enumerate(lines):
        inner = "".join(f"<tspan{attributes}>{escape(text)}</tspan>" for attributes, text in spans(line))
        y = _MARGIN + (number + 0.75) * _HEIGHT
        out.append(f'<text x="{_MARGIN}" y="{y:.1f}" xml:space="preserve">{inner}</text>')
    return "\n".join([*out, "</g>", "</svg>"]) + "\n"


def main() -> None:
    """Make every picture again."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch, "demo")
        demo = run("demo", str(home)).replace(str(home), "demo")
        fork = home / "fork"
        screens = {
            "demo": ("mergeguard demo", demo),
            "report": ("mergeguard report", run("report", cwd=fork)),
            "ledger": ("mergeguard ledger", run("ledger", cwd=fork)),
            "help": ("mergeguard --help", run("--help")),
        }
        for name, (command, text) in screens.items():
            shown = f"\x1b[2m$ {command}\x1b[0m\n{text}"
            (FOLDER / f"{name}.svg").write_text(svg(shown, command), encoding="utf-8")


if __name__ == "__main__":
    main()
