"""verify, cost and budget as a reviewer and a CI job call them, on a small program that compiles for real."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from tests.git.conftest import Sandbox
from tests.support import toolchain

ROOT = Path(__file__).resolve().parents[2]
BENCHMARK = ROOT / "benchmarks" / "compile"
RULE = """# ours: heavy.cpp by n
schema = 1
monolith = "src/heavy.cpp"

[[move]]
to = "common.h"
items = ["include *", "macro *", "type *", "function sum_rows", "function launch"]

[[partition]]
entry = "heavy"
over = { in = "heavy", switch = "n" }
discriminator = "n"
body = "dispatch.h"
rest = "n5.cpp"   # the next one, too

[partition.shards]  # one each
"n1.cpp" = [1]
"n2.cpp" = [2]
"n3.cpp" = [3]
"n4.cpp" = [4]
"n5.cpp" = [5]
"""
BUILD = ("--build", "build")
CMAKE = 'add_library(heavy SHARED\n  "src/heavy.cpp")\n'


class Reviewer:
    """A checkout, and the commands that its user types in it."""

    def __init__(self, root: Path) -> None:
        self.sandbox = Sandbox(root)
        self.root = root
        self.sandbox.commit_files(
            {
                "src/heavy.cpp": (BENCHMARK / "heavy.cpp").read_bytes(),
                "CMakeLists.txt": CMAKE.encode(),
                ".gitignore": b"build/\n",
                ".mergeguard/rules/heavy.toml": RULE.encode(),
            }
        )
        self.types("split")
        self.sandbox.git("commit", "-q", "-m", "Split heavy.cpp")

    def types(self, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        completed = subprocess.run(
            [sys.executable, "-m", "mergeguard", *map(str, arguments)],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == code, completed.stdout + completed.stderr
        return completed

    def json(self, *arguments: object, code: int = 0):
        """The JSON of a command, held against its published schema."""
        value = json.loads(self.types(*arguments, "--json", code=code).stdout)
        schema = json.loads((ROOT / "docs" / f"{arguments[0]}.schema.json").read_bytes())
        jsonschema.Draft202012Validator(schema).validate(value)
        return value

    def configures(self) -> None:
        """What `cmake -DCMAKE_EXPORT_COMPILE_COMMANDS=ON` leaves in the build folder."""
        compiler = toolchain.require_compiler()
        source = self.root / "src" / "heavy.cpp"
        line = f"{compiler} -DROWS=6 -O1 -fPIC -std=gnu++17 -o heavy.cpp.o -c {source}"
        (self.root / "build").mkdir()
        entry = {"directory": str(self.root / "build"), "command": line, "file": str(source)}
        (self.root / "build" / "compile_commands.json").write_text(json.dumps([entry]))


@pytest.fixture
def reviewer(tmp_path: Path) -> Reviewer:
    return Reviewer(tmp_path / "fork")


def test_is_it_the_same_program(reviewer: Reviewer) -> None:
    assert "heavy: same program by tokens" in reviewer.types("verify").stdout
    shards = [f"src/heavy/n{n}.cpp" for n in range(1, 6)]
    assert "5 files checked: clean" in reviewer.types("check", *shards).stdout
    assert "5 files and 1 rule checked: clean" in reviewer.types("check", "heavy", *shards).stdout
    told = reviewer.types("verify", "--compile", code=2).stderr
    assert "no command to compile src/heavy.cpp" in told
    assert "CMAKE_EXPORT_COMPILE_COMMANDS" in told
    reviewer.configures()
    told = reviewer.types("verify", "--compile", code=2).stderr
    assert "nobody has accepted it in this clone" in told
    (accepting,) = re.findall(r"`mergeguard (trust heavy [0-9a-f]+)`", " ".join(told.split()))
    assert "accepted" in reviewer.types(*accepting.split()).stdout
    value = reviewer.json("verify", "--compile")
    assert value["same"]
    assert value["compiled"]["heavy"]["symbols"] == 1

    body = reviewer.root / "src" / "heavy" / "dispatch.h"
    body.write_text(body.read_text().replace("namespace MG_NS {", "namespace one {"))
    value = reviewer.json("verify", "--compile", "--build", "build", code=1)
    assert not value["same"]
    assert value["rules"][0]["findings"]
    assert value["compiled"]["heavy"]["findings"]
    assert "not the same program" in reviewer.types("verify", code=1).stdout


def test_what_it_saves_as_one_page(reviewer: Reviewer, tmp_path: Path) -> None:
    reviewer.configures()
    page, svg = (tmp_path / name for name in ("cost.html", "cost.svg"))
    shown = reviewer.types("cost", *BUILD, "--parallel", 2, "--html", page, "--svg", svg).stdout
    assert re.search(r"^monolith +\d", shown, re.MULTILINE)
    assert re.search(r"^n5\.cpp +\d", shown, re.MULTILINE)
    assert "of the monolith's peak; above the headers: " in shown and "the entry: " in shown

    assert ElementTree.parse(svg).getroot().tag.endswith("svg")
    text = page.read_text()
    assert "layout, 8 jobs" in svg.read_text()
    assert svg.read_text() in text
    compiler = shlex.join([toolchain.require_compiler()])
    assert f"<code>{compiler} -DROWS=6" in text
    assert not re.search(r"<script|<link|(?:src|href)=\"?http", text)

    value = reviewer.json("cost", *BUILD)
    (rule,) = value["rules"]
    assert rule["monolith"]["cached"]
    assert all(unit["cached"] for unit in rule["units"])
    assert rule["library_bytes"]["monolith"] > 0
    assert not reviewer.json("cost", *BUILD, "--fresh")["rules"][0]["monolith"]["cached"]


def test_what_fits_the_build_machine(reviewer: Reviewer) -> None:
    reviewer.configures()
    nothing = reviewer.types("budget", "heavy", *BUILD, "--memory", "1M", "--jobs", 2, code=1).stdout
    assert "no dealing fits 1 MB with 2 at a time: the heaviest arm alone needs" in nothing
    assert reviewer.json("budget", "heavy", *BUILD, "--memory", "1M", code=1)["chosen"] is None

    value = reviewer.json("budget", "heavy", *BUILD, "--memory", "16G", "--jobs", 2, "--most", 3, "--write")
    assert 1 <= len(value["shards"]) <= 3
    assert sorted(n for values in value["shards"].values() for n in values) == [1, 2, 3, 4, 5]
    assert value["plans"][value["chosen"]]["shards"] == list(value["shards"].values())
    written = (reviewer.root / ".mergeguard" / "rules" / "heavy.toml").read_text()
    last = list(value["shards"])[-1]
    assert written.partition("[partition.shards]")[0] == RULE.partition("[partition.shards]")[0].replace(
        'rest = "n5.cpp"', f'rest = "{last}"'
    )
    assert "[partition.shards]  # one each\n" in written
    reviewer.types("split")
    reviewer.types("verify", "--compile", *BUILD)
    assert "no size: write 16G" in reviewer.types("budget", "heavy", "--memory", "lots", code=2).stderr


def test_what_is_missing_is_said(reviewer: Reviewer, tmp_path: Path) -> None:
    told = reviewer.types("cost", "--command", "nosuchcc {source} {output}", code=2).stderr
    assert "compiler not found: nosuchcc" in told
    told = reviewer.types("verify", "--compile", "--build", "nowhere", code=2).stderr
    assert "nowhere: can't read the compile commands: No such file" in told
    broken = f"{toolchain.require_compiler()} -DROWS=x -c {{source}} -o {{output}}"
    told = reviewer.types("cost", "--command", broken, code=1).stderr
    assert "src/heavy.cpp did not compile" in told
    assert "this is the command" in told
    reviewer.configures()
    told = reviewer.types("cost", *BUILD, "--html", tmp_path / "none" / "cost.html", code=2).stderr
    assert "can't write" in told
    reviewer.sandbox.git("rm", "-q", "-r", ".mergeguard")
    for verb in ("verify", "cost"):
        assert "this fork has no rules" in reviewer.types(verb, code=2).stderr
