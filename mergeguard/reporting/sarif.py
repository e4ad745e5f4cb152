"""The report as SARIF 2.1.0, for a code host's annotations (OASIS, "Static Analysis Results Interchange
Format Version 2.1.0").
"""

from __future__ import annotations

from typing import Any

from mergeguard.findings import MERGE_CODES
from mergeguard.fork.report import Case, ForkReport
from mergeguard.lens.hunks import Reason
from mergeguard.reporting.findings import location, message, rule_data, sarif_log, sarif_result, sarif_rule
from mergeguard.reporting.jsonreport import text

_HELP = "`mergeguard unmapped show ID` shows the hunk with the places it could go to."
_RULES = {
    **{
        f"unmapped/{reason.name.lower().replace('_', '-')}": (reason.value, _HELP, "warning")
        for reason in Reason
        if reason is not Reason.GLUE
    },
    "conflict": (
        "a sync left a conflict in this file",
        "Resolve the markers, `git add` the file, then `mergeguard sync --continue`.",
        "error",
    ),
    "finding": (
        "a merge without conflicts that a person should look at",
        "Compare the item with upstream's.",
        "warning",
    ),
    "broken-rule": (
        "a rule or its layout can't be read",
        "`mergeguard status` names the file.",
        "error",
    ),
}


def sarif(ledger: ForkReport, version: str) -> dict[str, Any]:
    """The log for ``json.dumps``; ``version`` is mergeguard's. Paths are relative to the root."""
    results = [
        _result("conflict", f"conflict: both sides changed this; then `{ledger.resume}`", c.path, line)
        for c in ledger.conflicts
        for line in c.lines or (1,)
    ]
    for rule in ledger.rules:
        path = rule.monolith or f".mergeguard/rules/{rule.name}.toml"
        if rule.problem:
            results.append(_result("broken-rule", f"{rule.name}: {rule.problem}", path, 1))
        synced = ledger.synced(rule)
        for finding in synced.findings if synced is not None else ():
            results.append(_result("finding", f"{rule.name}: {finding}", path, 1))
        results += [_case(case) for case in rule.unmapped]
    results += map(sarif_result, ledger.findings)
    rules = [*map(_rule, _RULES), *map(sarif_rule, MERGE_CODES)]
    return sarif_log("report", version, rules, results)


def _rule(name: str) -> dict[str, Any]:
    return rule_data(name, name.replace("/", "-"), *_RULES[name])


def _case(case: Case) -> dict[str, Any]:
    hunk = case.hunk
    lines = [f"unmapped hunk {case.id}: {case.message}"]
    if case.nearest:
        lines.append(f"nearest declaration: {case.nearest}")
    lines += [f"{command}  ({does})" for does, command in case.commands()]
    name = f"unmapped/{hunk.reason.name.lower().replace('_', '-')}"
    result = _result(name, "\n".join(lines), hunk.path, hunk.line, len(hunk.new.splitlines()), text(hunk.new))
    result["partialFingerprints"] = {"mergeguardHunk/v1": case.id}
    result["relatedLocations"] = [
        {
            "id": number,
            "message": message(f"candidate: {p.side} {p.item}, similarity {p.similarity:.0%}"),
            **location(p.path, p.line),
        }
        for number, p in enumerate(case.places, 1)
    ]
    if case.kept is not None:
        result["level"] = "note"
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": case.kept or "kept on purpose"}
        ]
    return result


def _result(rule: str, said: str, path: str, line: int, lines: int = 1, snippet: str = "") -> dict[str, Any]:
    return {
        "ruleId": rule,
        "level": _RULES[rule][2],
        "message": message(said),
        "locations": [location(path, line, lines, snippet)],
    }
