"""The audit at the end of a plain ``git merge`` with hooks: a few lines on what no conflict marker shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from mergeguard.errors import MergeguardError
from mergeguard.fork.fork import LEDGER, Fork
from mergeguard.git.repository import Repository
from mergeguard.hooks import lensmerge
from mergeguard.hooks.mergework import GitChange
from mergeguard.verbs import auditing

_SHOWN = 5  # findings; `mergeguard audit` has the rest, and both places of each


def tell(repository: Repository, say: Callable[[str], None]) -> None:
    """Audit the merge that is HEAD and ``say`` what was found, unless ``mergeguard.audit`` says no; and what
    it lost of the fork's own work, where a ledger is kept.

    The merge stands whatever happens here: what goes wrong is said, too.
    """
    _tell_losses(repository, say)
    for line in _lines(repository, lambda: auditing.run(repository, "HEAD")):
        say(line)


def lines(repository: Repository, change: GitChange, tree: str) -> Iterator[str]:
    """What ``tell`` says of the audit, for a merge that is not committed yet and is to have ``tree``."""

    def audited() -> Iterable[auditing.Audited]:
        splitting = lensmerge.splitting(repository)
        return [auditing.audit_merge(repository, change.ours, change.theirs, tree, splitting)]

    return _lines(repository, audited)


def _lines(repository: Repository, audit: Callable[[], Iterable[auditing.Audited]]) -> Iterator[str]:
    if not repository.config_bool("mergeguard.audit", True):
        return
    try:
        found = [located for audited in audit() for located in audited.findings]
    except Exception as error:
        found = [auditing.broken_off(error)]
    for located in found[:_SHOWN]:
        path, line = located.at
        yield f"{path}:{line}: {located.finding.message}"
    if found:
        count = f"{len(found)} finding{'s' if len(found) > 1 else ''}"
        yield f"{count}, though the merge is clean by its lines; `mergeguard audit` shows both places"


def _tell_losses(repository: Repository, say: Callable[[str], None]) -> None:
    head = repository.head().oid
    if head is None or repository.entry(repository.tree_of(head), LEDGER) is None:
        return
    from mergeguard.verbs import ownwork

    try:
        fork = Fork(repository, None)
        lost = list(ownwork.findings(fork.at_head(), head, fork.upstream(None)))
    except MergeguardError as error:
        say(f"what the merge lost of the fork's own work is not known: {error}; next: `mergeguard ledger`")
        return
    for finding in lost[:_SHOWN]:
        place = finding.path if finding.line is None else f"{finding.path}:{finding.line}"
        say(f"{place}: {finding.message}")
    if lost:
        say("next: `mergeguard ledger` names what was lost, and how to accept what was meant")
