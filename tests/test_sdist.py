"""The source distribution is the checkout: what its own tests and its documents need is in it."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: What serves the repository's host alone, and what the build puts there by itself.
NOT_NEEDED = {".github", ".gitignore", ".pre-commit-hooks.yaml", "LICENSE", "pyproject.toml"}


def test_everything_that_is_tracked_is_in_the_source_distribution():
    if not (ROOT / ".git").exists():
        pytest.skip("this is a source distribution")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = {path.split("/")[0] for path in listed.stdout.splitlines()}
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    included = {path.strip("/") for path in build["targets"]["sdist"]["include"]}
    assert tracked - NOT_NEEDED <= included
