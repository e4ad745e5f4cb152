"""trust: the compile commands that a repository proposes, and the user's word for one of them."""

from __future__ import annotations

from collections.abc import Sequence

from mergeguard.build import trust
from mergeguard.build.trust import ProposedCommand
from mergeguard.errors import LayoutError
from mergeguard.fork.fork import Fork
from mergeguard.values import dataclass, replace
from mergeguard.verbs.compiled import compiling, proof

# So many characters of a digest are shown, and at least so many must be given.
SHOWN = trust.SHOWN


@dataclass(frozen=True, slots=True)
class Proposals:
    """What is proposed to be run, and the digests of all that this clone's user has accepted."""

    commands: tuple[ProposedCommand, ...]
    accepted: frozenset[str]

    @property
    def settled(self) -> bool:
        """Whether nothing waits for the user's word."""
        return all(command.digest in self.accepted for command in self.commands)


def proposals(here: Fork, names: Sequence[str] = ()) -> Proposals:
    """What the repository proposes for the rules ``names`` (all if none). RuleError for an unknown name."""
    workspace = here.work_tree()
    found = [
        proposed
        for subject in proof.subjects(workspace, names)
        for proposed in compiling.proposals_for(workspace, subject)
    ]
    return Proposals(tuple(found), trust.accepted(here.repository))


def accept(here: Fork, found: Proposals, name: str | None, digest: str) -> Proposals:
    """Accept the command among ``found`` whose digest begins with ``digest``.

    Raises LayoutError if there is none, or if ``digest`` is too short to mean one.
    """
    proposed = next((one for one in found.commands if one.digest.startswith(digest)), None)
    if proposed is None or len(digest) < SHOWN:
        raise LayoutError(
            f"the command that the repository proposes for {name} does not have this digest (any more)",
            hint=f"`mergeguard trust {name}` shows it",
        )
    trust.accept(here.repository, proposed)
    return replace(found, accepted=trust.accepted(here.repository))


def forget(here: Fork) -> int:
    """Take back all that was accepted in this clone: how many commands."""
    return trust.forget(here.repository)
