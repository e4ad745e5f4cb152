"""How the process itself begins and ends, whatever its standard streams are."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def _started(line: str, folder) -> subprocess.CompletedProcess[str]:
    """A line of shell in which ``$M`` is mergeguard."""
    environment = {**os.environ, "M": f"{sys.executable} -P -m mergeguard"}
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("closed", [">&-", "<&- >&-"])
def test_a_closed_stream_is_like_one_that_nobody_reads(closed, tmp_path):
    ran = _started(f"$M --help {closed}", tmp_path)
    assert (ran.returncode, ran.stderr) == (_started("$M --help >/dev/null", tmp_path).returncode, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_output_that_can_not_be_written_is_an_error(tmp_path):
    ran = _started("$M --help >/dev/full", tmp_path)
    assert ran.returncode and "No space left on device" in ran.stderr


def test_functions_for_the_end_of_the_process_are_called(tmp_path):
    code = (
        "import atexit, sys; from mergeguard.__main__ import main\n"
        "atexit.register(print, 'at the end'); sys.argv = ['mergeguard', '--version']; main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0 and ran.stdout.endswith("at the end\n")
