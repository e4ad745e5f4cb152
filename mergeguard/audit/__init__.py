"""What conflict markers don't show after a merge: problems of the result that neither side had alone.

Everything here compares four versions of the files that at least one side changed. What could be wrong is
screened by the words of the edited lines, and only what is suspicious is parsed.
"""

from mergeguard.audit.model import SIDES, Changed, Finding, Place
from mergeguard.audit.run import audit

__all__ = ["SIDES", "Changed", "Finding", "Place", "audit"]
