"""Glue that is out of date with the text it serves: an arm typed into a shard that nothing calls, say."""

from __future__ import annotations

from mergeguard.findings import Finding, Severity
from mergeguard.fork import treelens
from mergeguard.fork.workspace import Guarded, Workspace
from mergeguard.lens.overlay import recompose


def stale(workspace: Workspace, guarded: Guarded) -> tuple[Finding, ...]:
    """What deriving the rule's layout again would change in this tree, arms that nothing calls first.

    Each finding names the command. Nothing else that ``check`` looks at: this is cheap enough for every
    commit and every ``status``.
    """
    before = workspace.unsplit(guarded)
    pristine = workspace.over(guarded)
    now = workspace.layout_files(pristine)
    if not before.hunks and now == {file.path: file.text for file in before.layout.files}:
        return ()  # as derived, to the last byte
    from mergeguard.fork.check import check_called, check_recomposed
    from mergeguard.verify.flatten import LayoutText

    merged = recompose(before, now, before.layout, treelens.merge_text)
    more = {path: workspace.read(path) for path in merged.files if path not in now}
    now = {**now, **more}
    found = check_recomposed(guarded.name, now, before, merged)
    drifted = tuple(one for one in found if one.code == "drift" and one.severity is Severity.ERROR)
    if not drifted or any(text is None for text in now.values()):
        return drifted
    units = {file.path for file in (*pristine.files, *before.layout.files) if file.is_unit}
    files = [LayoutText(path, text, path in units) for path, text in now.items() if text is not None]
    return (*check_called(guarded.name, before.monolith, files), *drifted)


def first_said(found: tuple[Finding, ...]) -> str:
    """The first of what ``stale`` found, in a sentence; "" where it found nothing."""
    return f"{found[0].path}: {found[0].message}; {found[0].hint}" if found else ""
