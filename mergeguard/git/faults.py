"""Named points before each step that changes something on disk, for tests that end the process at one.

``MERGEGUARD_FAULT=<n>`` makes the n-th point (from 1) of the process fatal: by default it dies as by ``kill
-9``; with ``MERGEGUARD_FAULT_MODE=raise`` the step fails as on a full disk. ``MERGEGUARD_FAULT_TRACE=<file>``
collects the names of the points passed. Without these variables a point costs one look-up.
"""

from __future__ import annotations

import errno
import os

VARIABLE = "MERGEGUARD_FAULT"
MODE_VARIABLE = "MERGEGUARD_FAULT_MODE"
TRACE_VARIABLE = "MERGEGUARD_FAULT_TRACE"

_passed = 0


def point(name: str) -> None:
    """Say that the step ``name`` comes next."""
    global _passed
    wanted = os.environ.get(VARIABLE)
    trace = os.environ.get(TRACE_VARIABLE)
    if wanted is None and trace is None:
        return
    _passed += 1
    if trace is not None:
        with open(trace, "a", encoding="utf-8") as out:
            out.write(f"{name}\n")
    if wanted == str(_passed):
        if os.environ.get(MODE_VARIABLE) == "raise":
            raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} (fault injected at {name!r})")
        os._exit(137)
