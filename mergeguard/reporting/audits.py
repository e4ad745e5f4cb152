"""Audits as JSON and as SARIF 2.1.0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mergeguard.auditing import Audited, Located
from mergeguard.reporting.sarif import SCHEMA, location

# code -> (what it means, what to do, SARIF level)
CODES = {
    "duplicate-definition": ("a definition is there twice now", "Keep one of the two.", "error"),
    "duplicate-macro": ("a macro is defined twice now", "Keep one: the second silently wins.", "error"),
    "duplicate-arm": ("a case or condition is there twice now", "Keep one of the two.", "error"),
    "duplicate-registration": ("an operator is registered twice now", "Keep one of the two.", "error"),
    "undefined-registration": (
        "a registration without its function or schema",
        "Remove the registration, or bring back what it names.",
        "error",
    ),
    "lost-registration": (
        "a function that is no longer registered",
        "Register it again, or remove the function.",
        "warning",
    ),
    "gone-name": ("a name that one side took away is still used", "Use what replaced it.", "error"),
    "gone-file": ("a file that one side took away is included", "Include what replaced it.", "error"),
    "changed-signature": (
        "parameters changed on one side, new calls on the other",
        "Compare the call with the new parameters.",
        "warning",
    ),
    "unused-edit": (
        "an edit in code that nothing uses any more",
        "Move the edit to what is used instead.",
        "warning",
    ),
    "overwritten-edit": (
        "an edit that a rewrite has overwritten",
        "Make the edit again in the rewritten code.",
        "warning",
    ),
    "lost-lines": ("what a side added is not in the result", "Add it again.", "warning"),
    "doubled-lines": ("what a side added is there twice", "Keep one of the two.", "warning"),
    "undone-removal": ("what a side removed is back", "Remove it again.", "warning"),
    "lost-guard": ("a condition or template argument vanished", "Put it back.", "warning"),
    "guard-changed": (
        "one side edited a condition, the other what stands under it",
        "Look whether the code is still under the right condition.",
        "warning",
    ),
}


def audits_data(audits: Sequence[Audited]) -> dict[str, Any]:
    """The audits for ``json.dumps``, without the envelope that every command's JSON has."""
    return {
        "clean": not any(audited.findings for audited in audits),
        "merges": [
            {
                "merge": audited.merge,
                "subject": audited.subject,
                "base": audited.base,
                "ours": audited.ours,
                "theirs": audited.theirs,
                "files": audited.files,
                "findings": [finding_data(located) for located in audited.findings],
            }
            for audited in audits
        ],
    }


def finding_data(located: Located) -> dict[str, Any]:
    """One finding for ``json.dumps``."""
    finding = located.finding
    return {
        "code": finding.code,
        "name": finding.name,
        "message": finding.message,
        "hint": finding.hint,
        "side": finding.side,
        "places": [
            {
                "version": place.version,
                "path": place.path,
                "line": place.line,
                "layout": None if place not in located.layout else list(located.layout[place]),
            }
            for place in finding.places
        ],
        "commits": [{"side": c.side, "oid": c.oid, "subject": c.subject} for c in located.commits],
    }


def audits_sarif(audits: Iterable[Audited], version: str) -> dict[str, Any]:
    """The SARIF log; ``version`` is mergeguard's. Paths are relative to the root, in the layout."""
    ids = list(CODES)
    results = [_result(located, ids) for audited in audits for located in audited.findings]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "mergeguard",
                        "semanticVersion": version,
                        "informationUri": "https://pypi.org/project/mergeguard/",
                        "rules": [_rule(code) for code in ids],
                    }
                },
                "automationDetails": {"id": "mergeguard/audit/"},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "the repository's root"}}},
                "results": results,
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    short, help_, level = CODES[code]
    return {
        "id": f"audit/{code}",
        "name": "".join(part.capitalize() for part in code.split("-")),
        "shortDescription": {"text": short},
        "fullDescription": {"text": short},
        "help": {"text": help_, "markdown": help_},
        "defaultConfiguration": {"level": level},
    }


def _result(located: Located, ids: list[str]) -> dict[str, Any]:
    finding = located.finding
    commits = "".join(f"\n{c.side}: {c.oid[:12]} {c.subject}" for c in located.commits)
    return {
        "ruleId": f"audit/{finding.code}",
        "ruleIndex": ids.index(finding.code),
        "level": CODES[finding.code][2],
        "message": {"text": finding.message + (f"\n{finding.hint}" if finding.hint else "") + commits},
        "locations": [location(*located.at)],
        "relatedLocations": [
            {
                "id": number,
                "message": {"text": f"{place.version}: {place.path}:{place.line}"},
                **location(*located.layout.get(place, (place.path, place.line))),
            }
            for number, place in enumerate(finding.places[1:], 1)
        ],
    }
