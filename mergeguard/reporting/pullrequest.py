"""The body of a pull request for a merge with upstream, in Markdown."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from mergeguard.audit.findings import Located
from mergeguard.errors import counted as count
from mergeguard.reporting.inert import code
from mergeguard.reporting.inert import markdown as escape
from mergeguard.treemerge.resolution import by_folder, described
from mergeguard.verbs.pullrequest import PullRequest

_SHOWN = 20


def render(merge: PullRequest) -> str:
    """The whole body."""
    mark = "✅" if merge.clean else "⚠️"
    out = [f"## {escape(merge.title)}", ""]
    out += [f"{mark} {_verdict(merge)}", "", *_came(merge), *_conflicts(merge), *_checks(merge), *_own(merge)]
    return "\n".join(out).rstrip() + "\n"


def _verdict(merge: PullRequest) -> str:
    if merge.clean:
        return "Nothing was found that needs a look."
    parts = [
        count(len(found), what)
        for found, what in (
            (merge.audit, "finding of the audit"),
            (merge.checks, "failed check"),
            (merge.losses, "loss of the fork's own work"),
        )
        if found
    ]
    unproved = sum(not proof.same for proof in merge.proofs)
    if unproved:
        parts.append(f"{count(unproved, 'layout')} without a proof")
    return f"To look at: {', '.join(parts)}."


def _came(merge: PullRequest) -> list[str]:
    came = f"{count(merge.commits, 'commit')} of upstream, up to {code(merge.theirs[:12])}"
    out = ["### What came", "", f"{came}; {count(merge.files, 'file')} changed in the fork.", ""]
    shown = merge.subjects[:_SHOWN]
    out += ["<details><summary>Commits</summary>", "", *(f"- {escape(subject)}" for subject in shown)]
    if merge.commits > len(shown):
        out.append(f"- … {merge.commits - len(shown)} more")
    out += ["", "</details>", ""]
    split = [rule for rule in merge.rules if rule.state != "not split"]
    if split:
        out += ["| file kept split | what upstream did | conflicts |", "|---|---|--:|"]
        out += [f"| {code(r.monolith)} | {escape(r.state)} | {len(r.conflicts)} |" for r in split]
        out.append("")
    return out


def _conflicts(merge: PullRequest) -> list[str]:
    if not merge.resolved:
        return ["### Conflicts", "", "None.", ""]
    total = sum(len(file.taken) for file in merge.resolved)
    out = ["### Conflicts, and how they were resolved", ""]
    out += [f"{count(total, 'conflict')} in {count(len(merge.resolved), 'file')}.", ""]
    if merge.result != merge.merge:
        typed = code(f"git show {merge.result[:12]}")
        pair = f"{code(merge.merge[:12])} has them as they were, {code(merge.result[:12])} the resolution"
        out += [f"{pair}: {typed} is what a person typed.", ""]
    for folder, files in by_folder(merge.resolved):
        out.append(f"- **{escape(folder)}**: {described(taken for file in files for taken in file.taken)}")
        out += [f"  - {code(posixpath.basename(file.path))}: {file.described}" for file in files]
    return [*out, ""]


def _checks(merge: PullRequest) -> list[str]:
    out = ["### What was checked", ""]
    out += _found(
        "Audit of the merge (what no conflict marker shows)", [_audited(one) for one in merge.audit]
    )
    out += _found(
        "Layouts against their rules and history",
        [f"{code(one.path)} {escape(one.message)}" for one in merge.checks],
    )
    for proof in merge.proofs:
        word = "the same program by tokens" if proof.same else "**not shown to be the same program**"
        out.append(f"- {code(proof.name)}: {word} as {code(proof.path)} whole")
    return [*out, ""]


def _audited(located: Located) -> str:
    path, line = located.at
    return f"{code(f'{path}:{line}')} {code(located.finding.code)} {escape(located.finding.message)}"


def _found(title: str, rows: Iterable[str]) -> list[str]:
    rows = list(rows)
    out = [f"- {title}: {count(len(rows), 'finding') if rows else 'nothing found'}"]
    out += [f"  - {row}" for row in rows[:_SHOWN]]
    return [*out, *([f"  - … {len(rows) - _SHOWN} more"] if len(rows) > _SHOWN else [])]


def _own(merge: PullRequest) -> list[str]:
    out = ["### The fork's own work", ""]
    if not merge.work:
        return [*out, "The fork has none of its own.", ""]
    out.append(", ".join(f"{number} {fate}" for fate, number in merge.work) + ".")
    for line in merge.losses[:_SHOWN]:
        work = line.outcome.work
        what = f"{work.kind} {work.name}" if work.name else "the file"
        out.append(f"- ⚠️ {line.outcome.fate}: {code(f'{work.path}:{work.line}')} {escape(what)}")
    return [*out, ""]
