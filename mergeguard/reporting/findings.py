"""The findings of an audit in documents: what each code means, as JSON and as SARIF."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from mergeguard.audit.findings import Located
from mergeguard.reporting.inert import sarif

# code -> (what it means, what to do, SARIF level)
CODES = {
    "duplicate-definition": ("a definition is there twice now", "Keep one of the two.", "error"),
    "duplicate-macro": ("a macro is defined twice now", "Keep one: the second silently wins.", "error"),
    "duplicate-name": ("a variable or member is declared twice now", "Keep one of the two.", "error"),
    "doubled-code": ("what both sides added is there twice now", "Keep one of the two.", "error"),
    "left-scope": (
        "code that left its condition, namespace, linkage or branch",
        "Move it back under what its side put it under.",
        "error",
    ),
    "emptied-block": (
        "a condition with nothing left in it",
        "Remove it, or restore what it held.",
        "error",
    ),
    "kept-stub": ("a stub or twin of what one side removed", "Remove it, or bring back the other.", "error"),
    "lost-separator": ("two operands or signs side by side", "Put the separator back.", "error"),
    "lost-operand": ("an operand that one side added is gone", "Add it again.", "error"),
    "unbalanced": ("brackets or conditions that do not pair", "Pair them.", "error"),
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
    "swallowed-include": (
        "an include that came under a condition or into a namespace",
        "Move the include above it.",
        "error",
    ),
    "ast-error": ("an error that clang sees in the result alone", "Look at the line.", "error"),
    "layout": (
        "a layout that is no longer the monolith's program, or rests on what has changed",
        "`mergeguard check` shows it.",
        "error",
    ),
    "not-audited": ("an audit that broke off", "Run `mergeguard --debug audit`.", "error"),
    "guard-changed": (
        "one side edited a condition, the other what stands under it",
        "Look whether the code is still under the right condition.",
        "warning",
    ),
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
                "layout": None if there is None else list(there),
            }
            for place, there in zip(finding.places, located.layout, strict=True)
        ],
        "commits": [{"side": c.side, "oid": c.oid, "subject": c.subject} for c in located.commits],
    }


def sarif_rule(code: str) -> dict[str, Any]:
    """What SARIF has to know of a code."""
    return rule_data(f"audit/{code}", code, *CODES[code])


def rule_data(name: str, words: str, short: str, help_: str, level: str) -> dict[str, Any]:
    """A SARIF rule: its id, the dashed words of its name, what it means, what to do, how bad it is."""
    return {
        "id": name,
        "name": "".join(part.capitalize() for part in words.split("-")),
        "shortDescription": {"text": short},
        "fullDescription": {"text": short},
        "help": {"text": help_, "markdown": help_},
        "defaultConfiguration": {"level": level},
    }


def sarif_result(located: Located) -> dict[str, Any]:
    """One finding as a SARIF result, its rule by id."""
    finding = located.finding
    commits = "".join(f"\n{c.side}: {c.oid[:12]} {c.subject}" for c in located.commits)
    return {
        "ruleId": f"audit/{finding.code}",
        "level": CODES[finding.code][2],
        "message": message(finding.message + (f"\n{finding.hint}" if finding.hint else "") + commits),
        "locations": [location(*located.at)],
        "relatedLocations": [
            {
                "id": number,
                "message": message(f"{place.version}: {place.path}:{place.line}"),
                **location(*spot),
            }
            for number, (place, spot) in enumerate(zip(finding.places, located.spots, strict=True))
            if number
        ],
    }


def message(text: str) -> dict[str, Any]:
    """A SARIF message that is the text and nothing else."""
    return {"text": sarif(text)}


def location(path: str, line: int, lines: int = 1, snippet: str = "") -> dict[str, Any]:
    """A line of a file, or ``lines`` from it on; with the text there, if it is given."""
    region: dict[str, Any] = {"startLine": max(1, line)}
    if lines > 1:
        region["endLine"] = max(1, line) + lines - 1
    if snippet:
        region["snippet"] = {"text": snippet}
    uri = quote(path.encode("utf-8", "surrogateescape"))
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"},
            "region": region,
        }
    }
