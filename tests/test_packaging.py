"""Recipes and workflows say what the package says."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import yaml

from mergeguard import __version__
from mergeguard.cli.documents.completion import installed
from mergeguard.cli.documents.describe import describe

ROOT = Path(__file__).resolve().parents[1]
PACKAGING = ROOT / "packaging"
#: What conda calls some of them.
RENAMED = {"libclang": "python-clang", "msgspec": "msgspec-python"}


def declared() -> set[tuple[str, str]]:
    """Name and bounds of each dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    split = (re.fullmatch(r"([\w.-]+)(.*)", one) for one in project["dependencies"])
    return {(RENAMED.get(found[1], found[1]), found[2]) for found in split if found}


def test_the_conda_recipe_has_the_version_and_every_dependency():
    recipe = yaml.safe_load((PACKAGING / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["context"]["version"] == __version__
    for part in ("host", "run"):  # man pages are made by running the program
        named = {tuple(line.split(" ", 1)) for line in recipe["requirements"][part]}
        assert declared() <= named
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert recipe["build"]["python"]["entry_points"] == [f"{name} = {at}" for name, at in scripts.items()]


def test_the_homebrew_formula_has_the_version_and_places_that_the_wheel_has():
    formula = (PACKAGING / "homebrew" / "mergeguard.rb").read_text(encoding="utf-8")
    assert f"mergeguard-{__version__}.tar.gz" in formula
    there = {f"share/{Path(place).parent.as_posix()}" for place in installed(describe())} | {"share/man/man1"}
    places = re.findall(r'libexec/"([^"]+)"', formula)
    assert {place.removesuffix("/*") for place in places} == there


def test_the_release_workflow_builds_checks_and_attests():
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8"))
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["attest-and-publish"]
    (command,) = (step["run"] for step in build["steps"] if "run" in step)
    script = ROOT / command.split()[1]
    subprocess.run(["sh", "-n", str(script)], check=True)
    assert os.access(script, os.X_OK)
    used = [step["uses"].split("@")[0] for step in publish["steps"] if "uses" in step]
    assert used.index("actions/attest-build-provenance") < used.index("pypa/gh-action-pypi-publish")
    assert publish["permissions"]["attestations"] == publish["permissions"]["id-token"] == "write"
