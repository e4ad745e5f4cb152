"""Audits as JSON and as SARIF 2.1.0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mergeguard.findings import MERGE_CODES
from mergeguard.reporting.findings import finding_data, sarif_log, sarif_result, sarif_rule
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
    results = [sarif_result(located) for audited in audits for located in audited.findings]
    return sarif_log("audit", version, [sarif_rule(code) for code in MERGE_CODES], results)
