"""What programs that git starts say to the person at the terminal: on standard error, and inert."""

from __future__ import annotations

import sys


def tell(text: str) -> None:
    """Say this, on lines of its own."""
    from mergeguard.reporting.inert import visible

    sys.stderr.write(f"{visible(text)}\n")
