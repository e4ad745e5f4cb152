"""The report as JSON; ``docs/report.schema.json`` is its published schema.

``hunk_data`` and ``edit_data`` give these values the same keys in every other command's JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mergeguard.fork.localedits import LocalEdit
from mergeguard.fork.report import Arrival, Case, ForkReport, LastSync, RuleLedger
from mergeguard.lens.hunks import Hunk
from mergeguard.reporting.findings import finding_data


def ledger_data(ledger: ForkReport) -> dict[str, Any]:
    """The report's values for ``json.dumps``, without the envelope that every command's JSON has."""
    return {
        "clean": ledger.clean,
        "head": ledger.head,
        "branch": ledger.branch,
        "upstream": ledger.upstream,
        "conflicts": [{"path": c.path, "lines": list(c.lines)} for c in ledger.conflicts],
        "notes": list(ledger.notes),
        "next": ledger.next_command(),
        "last_sync": None if ledger.last_sync is None else _last_sync(ledger.last_sync),
        "rules": [_rule(ledger, rule) for rule in ledger.rules],
    }


def cases_data(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Unmapped hunks as in the report."""
    return [_case(case) for case in cases]


def _last_sync(last: LastSync) -> dict[str, Any]:
    return {
        "upstream": last.upstream,
        "ours": last.ours,
        "theirs": last.theirs,
        "commit": last.commit,
        "commits": last.commits,
        "state": last.state,
        "conflicts": list(last.conflicts),
        "messages": list(last.messages),
        "audit": None if last.audit is None else [finding_data(located) for located in last.audit],
    }


def _rule(ledger: ForkReport, rule: RuleLedger) -> dict[str, Any]:
    synced = ledger.synced(rule)
    return {
        "name": rule.name,
        "monolith": rule.monolith,
        "state": rule.state,
        "upstream_blob": rule.upstream,
        "problem": rule.problem,
        "arrived": [_arrival(a) for a in rule.arrived],
        "waiting": [_arrival(a) for a in rule.waiting],
        "edits": [edit_data(e) for e in rule.edits],
        "overlay": [hunk_data(h) for h in rule.overlay],
        "unmapped": cases_data(rule.unmapped),
        "notes": list(rule.notes),
        "last_sync": None
        if synced is None
        else {
            "state": synced.state,
            "conflicts": list(synced.conflicts),
            "notes": list(synced.notes),
            "findings": list(synced.findings),
        },
    }


def _arrival(arrival: Arrival) -> dict[str, Any]:
    return {
        "item": arrival.item,
        "kind": arrival.kind,
        "status": arrival.status,
        "added": arrival.added,
        "removed": arrival.removed,
    }


def edit_data(edit: LocalEdit) -> dict[str, Any]:
    """A local edit and where it is now."""
    return {
        "path": edit.path,
        "line": edit.line,
        "item": edit.item,
        "added": edit.added,
        "removed": edit.removed,
    }


def hunk_data(hunk: Hunk) -> dict[str, Any]:
    """A hunk of glue or an unmapped one."""
    return {
        "path": hunk.path,
        "line": hunk.line,
        "pristine_line": hunk.old_line,
        "reason": hunk.reason.name.lower(),
        "message": hunk.reason.value,
        "detail": hunk.detail,
        "old": text(hunk.old),
        "new": text(hunk.new),
    }


def _case(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "rule": case.rule,
        "open": case.open,
        "kept": case.kept,
        **hunk_data(case.hunk),
        "nearest": None if not case.nearest else {"item": case.nearest, "upstream_line": case.nearest_line},
        "places": [
            {
                "path": p.path,
                "line": p.line,
                "side": p.side,
                "item": p.item,
                "similarity": p.similarity,
                "condition": p.condition,
            }
            for p in case.places
        ],
        "commands": [{"does": does, "command": command} for does, command in case.commands()],
        "patch": text(case.patch),
    }


def text(raw: bytes) -> str:
    """Bytes for a document: what is not UTF-8 is escaped."""
    return raw.decode("utf-8", "backslashreplace")
