"""A command whose process obeys file permissions, even as root: ``python -m tests.support.denied COMMAND …``.

The two capabilities that let root pass over permissions are dropped from the bounding set; the program that
is then started does not get them back.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2


def drop() -> None:
    """Give the capabilities up for what this process starts by exec. OSError where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))


if __name__ == "__main__":
    if os.geteuid() == 0:
        drop()
    os.execvp(sys.argv[1], sys.argv[1:])
