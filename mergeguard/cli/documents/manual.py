"""The command line as documents: a man page in roff (man(7)), and the reference of the documentation in
Markdown.

``python -m mergeguard.cli.documents.manual DIR`` writes the man pages; the wheel's build does, so that
``git help mergeguard`` finds one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from mergeguard import __version__
from mergeguard.cli.documents.describe import Described, describe
from mergeguard.errors import ExitCode

_PURPOSE = "keep upstream's heavy C++/CUDA/HIP files split in a fork, and merge as if they were not"
_STATUS = {
    ExitCode.CLEAN: "done, nothing needs you",
    ExitCode.FINDINGS: "the command worked, and a person is needed: a conflict, a failed check, findings",
    ExitCode.USAGE: "bad input; nothing was changed, the next step is printed",
    ExitCode.INTERNAL: "a bug in mergeguard; nothing was changed",
}


def man_page(verbs: Iterable[Described], name: str = "mergeguard") -> str:
    """The man page, section 1."""
    out = [
        f'.TH {name.upper()} 1 "" "mergeguard {__version__}"',
        ".SH NAME",
        f"{name} \\- {_roff(_PURPOSE)}",
        ".SH SYNOPSIS",
        f".B {name}",
        "[\\fB\\-C\\fR \\fIDIR\\fR] \\fIVERB\\fR ...",
        ".br",
        ".B git mergeguard",
        "\\fIVERB\\fR ...",
    ]
    panel = ""
    for verb in verbs:
        if verb.panel != panel:
            panel = verb.panel
            out.append(f".SH {_roff(panel.upper())}")
        out += [f".SS {_roff(verb.usage)}", _roff(" ".join(verb.help.split()))]
        for parameter in verb.parameters:
            if parameter.is_option:
                names = ", ".join(f"\\fB{_roff(name)}\\fR" for name in parameter.spellings)
                takes = f" \\fI{_roff(parameter.takes)}\\fR" if parameter.takes else ""
                out += [".TP", names + takes, _roff(parameter.help)]
    out += [".SH EXIT STATUS"]
    for code, meaning in _STATUS.items():
        out += [".TP", f".B {int(code)}", _roff(meaning)]
    return "\n".join(line for line in out if line) + "\n"


def _roff(text: str) -> str:
    shown = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + shown if shown.startswith((".", "'")) else shown


def reference(verbs: Iterable[Described]) -> str:
    """The reference of all verbs, in Markdown."""
    out = ["# Command line", "", "Made from the program. `mergeguard VERB --help` says the same.", ""]
    panel = ""
    for verb in verbs:
        if verb.panel != panel:
            panel = verb.panel
            out += [f"## {panel}", ""]
        out += [f"### `{verb.name}`", "", f"    mergeguard {verb.usage}", "", verb.help, ""]
        rows = [p for p in verb.parameters if p.help or p.is_option]
        if rows:
            out += ["| | |", "|---|---|"]
            for parameter in rows:
                names = ", ".join(parameter.spellings) or parameter.takes
                takes = f" {parameter.takes}" if parameter.is_option and parameter.takes else ""
                cell = f"`{names}{takes}`".replace("|", "\\|")
                out.append(f"| {cell} | {parameter.help} |")
            out.append("")
    out += ["## Exit status", "", "| status | meaning |", "|---|---|"]
    out += [f"| {int(code)} | {meaning} |" for code, meaning in _STATUS.items()]
    return "\n".join(out) + "\n"


def write_pages(folder: Path) -> tuple[Path, ...]:
    """Write the man pages below ``folder``; their paths."""
    verbs = describe()
    pages = []
    for name in ("mergeguard", "git-mergeguard"):
        page = folder / f"{name}.1"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(man_page(verbs, name), encoding="utf-8")
        pages.append(page)
    return tuple(pages)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
