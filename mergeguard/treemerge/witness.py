"""What history holds against the layouts, in words: for ``check``, ``report``, ``status`` and ``repair``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mergeguard.errors import MergeguardError
from mergeguard.findings import Finding, Reporter
from mergeguard.fork.workspace import Workspace
from mergeguard.git.repository import Repository
from mergeguard.treemerge.ailments import Ailment, examine
from mergeguard.treemerge.losses import TRAILER, Loss

_REPAIR = "`mergeguard repair` merges it in a new commit"


def findings(workspace: Workspace, head: str, names: Iterable[str] | None = None) -> tuple[Finding, ...]:
    """What history holds against a tree made on top of commit ``head``, as findings of ``check``.

    ``names`` are the rules to look at, all if None.
    """
    chosen = None if names is None else set(names)
    try:
        ailment = examine(workspace, head)
    except MergeguardError as error:
        path = error.where.path if error.where is not None else ""
        message, hint = error.message, error.hint or ""
        if workspace.repository.is_shallow:
            message = "this clone is shallow: what merges brought and lost can't be looked up"
            hint = "`git fetch --unshallow`"
        return (Reporter("").error("history", message, path, hint=hint),)
    found = _findings(workspace.repository, ailment)
    return tuple(finding for finding in found if chosen is None or finding.rule in chosen)


def _findings(repository: Repository, ailment: Ailment) -> Iterator[Finding]:
    for one in ailment.behind:
        yield Reporter(one.name).error(
            "history", behind(repository, ailment, one.name), one.lock_path, hint=_REPAIR
        )
    for loss in ailment.lost:
        yield Reporter(loss.name).error(
            "history",
            lost(repository, loss),
            loss.monolith,
            hint=f"{_REPAIR}; if it was meant: {settling(loss.merge)}",
        )


def problems(workspace: Workspace, head: str, *, text: bool = True) -> dict[str, str]:
    """By rule, what history holds against it, in a sentence; ``text``: not the locks alone."""
    try:
        ailment = examine(workspace, head, text=text)
    except MergeguardError:
        return {}  # what can't be read is said where it is read
    found: dict[str, str] = {}
    for finding in _findings(workspace.repository, ailment):
        found.setdefault(finding.rule, f"{finding.message}: `mergeguard repair`")
    return found


def behind(repository: Repository, ailment: Ailment, name: str) -> str:
    """What the lock of a rule is behind of; "" where it is not."""
    one = next((one for one in ailment.behind if one.name == name), None)
    if one is None:
        return ""
    source = repository.commit_info(one.expected.source)
    merged = f"{source.oid[:9]} ({source.subject})"
    return f"the layout was made from an older {one.monolith} than was merged with {merged}"


def lost(repository: Repository, loss: Loss) -> str:
    """What a merge lost, in a sentence."""
    merge, side = (repository.commit_info(commit) for commit in (loss.merge, loss.side))
    count = f"{len(loss.lines)} line{'s' if len(loss.lines) != 1 else ''}"
    sample = loss.lines[0].decode("utf-8", "replace")[:60]
    return (
        f"the merge {merge.oid[:9]} lost {count} of {loss.monolith} that {side.oid[:9]} ({side.subject}) "
        f"has, `{sample}` among them"
    )


def settling(merge: str) -> str:
    """The command that says of a merge that it lost nothing that was wanted."""
    return f"`git commit --allow-empty -m 'Settle a merge' --trailer '{TRAILER}: {merge}'`"
