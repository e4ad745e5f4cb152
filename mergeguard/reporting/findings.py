"""The findings of an audit in documents: as JSON and as SARIF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from mergeguard.audit.findings import Located
from mergeguard.findings import CODES
from mergeguard.reporting.inert import sarif


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


SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif_log(
    name: str, version: str, rules: Sequence[dict[str, Any]], results: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The log of one run of ``name`` (report, audit), each result with its rule's number."""
    ids = [rule["id"] for rule in rules]
    driver = {
        "name": "mergeguard",
        "semanticVersion": version,
        "informationUri": "https://pypi.org/project/mergeguard/",
        "rules": list(rules),
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"mergeguard/{name}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "the repository's root"}}},
        "results": [{**result, "ruleIndex": ids.index(result["ruleId"])} for result in results],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def sarif_rule(code: str) -> dict[str, Any]:
    """What SARIF has to know of a code."""
    meaning = CODES[code]
    return rule_data(f"audit/{code}", code, meaning.short, meaning.advice, meaning.severity)


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
        "level": CODES[finding.code].severity,
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
