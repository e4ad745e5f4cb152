"""What conflict markers don't show after a merge: problems of the result that neither side had alone.

Everything here compares four versions of the files that at least one side changed. What could be wrong is
screened by the words of the edited lines, and only what is suspicious is parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mergeguard.audit.model import SIDES, Changed, Finding, Place
    from mergeguard.audit.run import audit

__all__ = ["SIDES", "Changed", "Finding", "Place", "audit"]


def __getattr__(name: str) -> Any:
    """The names of ``__all__``, loaded when one is asked for: many ask for a finding alone."""
    if name not in __all__:
        raise AttributeError(name)
    from mergeguard.audit import model, run

    return getattr(run if name == "audit" else model, name)
