"""A preview of the next merge as JSON and as Markdown, made to be a job's summary or an issue."""

from __future__ import annotations

from typing import Any

from mergeguard.reporting.findings import finding_data
from mergeguard.reporting.inert import code
from mergeguard.reporting.inert import markdown as escape
from mergeguard.verbs.preview import Conflicts, Preview

_SHOWN = 20


def preview_data(preview: Preview) -> dict[str, Any]:
    """The preview's values for JSON."""
    return {
        "upstream": preview.upstream,
        "head": preview.head,
        "theirs": preview.theirs,
        "number": preview.number,
        "behind": preview.behind,
        "ahead": preview.ahead,
        "both_changed": list(preview.both),
        "conflicts": {"git": _conflict_data(preview.git), "mergeguard": _conflict_data(preview.ours)},
        "findings": [finding_data(located) for located in preview.findings],
        "heavy": [{"path": h.path, "lines": h.lines, "split": h.split} for h in preview.heavy],
        "copied": [
            {"path": c.path, "original": c.original, "share": round(c.share, 2)} for c in preview.copied
        ],
    }


def _conflict_data(conflicts: Conflicts) -> dict[str, Any]:
    return {"files": list(conflicts.files), "hunks": conflicts.hunks, "lines": conflicts.lines}


def render(preview: Preview) -> str:
    """The whole preview as Markdown."""
    behind = f"{preview.behind} commits behind, {preview.ahead} of our own"
    out = [
        f"## The next merge of {code(preview.upstream)}: {preview.number} to look at",
        "",
        f"{behind}; {len(preview.both)} files changed on both sides.",
        "",
        "| merge | files in conflict | hunks | lines by hand |",
        "|---|--:|--:|--:|",
        _row("git", preview.git),
        _row("mergeguard", preview.ours),
    ]
    out += _listing("Conflicts left", [code(path) for path in preview.ours.files])
    found = [
        f"{code(f'{path}:{line}')} {code(f.finding.code)} {escape(f.finding.message)}"
        for f in preview.findings
        for path, line in [f.at]
    ]
    out += _listing("What a clean merge would not show", found)
    heavy = [f"{code(h.path)}, {h.lines} lines" for h in preview.heavy if not h.split]
    out += _listing("Heavy files that could be split", heavy)
    copied = [
        f"{code(c.path)}: {c.share:.0%} of it is {code(c.original)}, which upstream has changed since"
        for c in preview.copied
    ]
    out += _listing("Copied aside", copied)
    return "\n".join(out) + "\n"


def _row(name: str, conflicts: Conflicts) -> str:
    return f"| {name} | {len(conflicts.files)} | {conflicts.hunks} | {conflicts.lines} |"


def _listing(title: str, rows: list[str]) -> list[str]:
    if not rows:
        return []
    more = [f"- … {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else []
    return ["", f"### {title}", "", *(f"- {row}" for row in rows[:_SHOWN]), *more]
