"""The demo: one screen, the contrast first, and every word of it true."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

from mergeguard.cli import demo

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_fits_on_one_screen_and_says_what_is_so(tmp_path: Path):
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "mergeguard", "demo", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) <= 30
    files, lines = map(int, re.findall(r"CONFLICT in (\d+) files?, (\d+) lines", done.stdout)[0])
    unmerged = subprocess.run(
        ["git", "diff", "--name-only", "--diff-filter=U"],
        cwd=folder / "fork-with-plain-git",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert (files, lines > 50) == (len(unmerged), True)
    assert "byte for byte" in done.stdout
    assert "check`: clean" in done.stdout
    picture = (ROOT / "docs/screens/demo.svg").read_text(encoding="utf-8")
    shown = unescape(re.sub(r"<[^>]+>", "", picture))
    # (The last line names the folder.)
    assert all(line in shown for line in done.stdout.splitlines()[:-1]), "run python docs/screens.py"
    for _, _, new in demo._LOCAL:
        assert new.strip().split("\n")[0].split("//")[0].strip()[:20] in done.stdout
