"""The audit at the end of a plain ``git merge`` with hooks: a few lines on what no conflict marker shows."""

from __future__ import annotations

from collections.abc import Callable

from mergeguard.git.repository import Repository
from mergeguard.verbs import auditing

_SHOWN = 5  # findings; `mergeguard audit` has the rest, and both places of each


def tell(repository: Repository, say: Callable[[str], None]) -> None:
    """Audit the merge that is HEAD and ``say`` what was found, unless ``mergeguard.audit`` says no.

    The merge stands whatever happens here: what goes wrong is said, too.
    """
    if not repository.config_bool("mergeguard.audit", True):
        return
    try:
        found = [located for audited in auditing.run(repository, "HEAD") for located in audited.findings]
    except Exception as error:
        found = [auditing.broken_off(error)]
    for located in found[:_SHOWN]:
        path, line = located.at
        say(f"{path}:{line}: {located.finding.message}")
    if found:
        count = f"{len(found)} finding{'s' if len(found) > 1 else ''}"
        say(f"{count}, though the merge is clean by its lines; `mergeguard audit` shows both places")
