"""Audits as JSON and as SARIF 2.1.0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mergeguard.audit.codes import CODES
from mergeguard.reporting.findings import finding_data, sarif_result, sarif_rule
from mergeguard.reporting.sarif import SCHEMA
from mergeguard.verbs.auditing import Audited


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


def audits_sarif(audits: Iterable[Audited], version: str) -> dict[str, Any]:
    """The SARIF log; ``version`` is mergeguard's. Paths are relative to the root, in the layout."""
    ids = list(CODES)
    results = [
        {**sarif_result(located), "ruleIndex": ids.index(located.finding.code)}
        for audited in audits
        for located in audited.findings
    ]
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
                        "rules": [sarif_rule(code) for code in ids],
                    }
                },
                "automationDetails": {"id": "mergeguard/audit/"},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "the repository's root"}}},
                "results": results,
            }
        ],
    }
