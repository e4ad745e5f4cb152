"""The verbs between fork and upstream as people and editors call them."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import handmade
from tests.support.exchange import KERNEL, LAYOUT, MONOLITH, Pair
from tests.support.rules import full_rules

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def pair(tmp_path):
    made = Pair.make(tmp_path / "repo")
    made.change(KERNEL, "  int waves = div2;", "  int waves = div2 + 0;", "Waves")
    return made


def run(pair, *arguments, folder=".", stdin=b"", code=0):
    completed = subprocess.run(
        [sys.executable, "-m", "mergeguard", *arguments],
        cwd=pair.root / folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=stdin,
        capture_output=True,
        check=False,
    )
    assert completed.returncode == code, completed.stderr.decode()
    return completed.stdout


def test_export_then_import_elsewhere(pair):
    said = json.loads(run(pair, "export", "-o", "../out", "--json"))
    (patch,) = said["patches"]
    assert (patch["subject"], patch["added"], patch["removed"]) == ("Waves", 1, 1)
    assert patch["files"] == [MONOLITH]
    assert [left["subject"] for left in said["left_out"]] == ["split"]
    tree = pair.git("rev-parse", "HEAD^{tree}")
    pair.git("reset", "-q", "--hard", "HEAD~1")
    said = json.loads(run(pair, "import", "--commit", "--json", patch["path"]))
    assert [file["path"] for file in said["files"]] == [KERNEL]
    assert pair.git("rev-parse", "HEAD^{tree}") == tree
    assert pair.git("log", "-1", "--format=%s") == "Waves"


def test_the_command_that_export_prints_works_as_it_is(pair):
    pair.change(KERNEL, "  int waves = div2 + 0;", "  int waves = div2 + 1;", "More waves")
    whole = run(pair, "unsplit", MONOLITH)
    said = run(pair, "export", "-o", "../out patches").decode()
    ((onto, command),) = re.findall(r"next: on (\S+): `(git am .*)`", said)
    pair.git("checkout", "-q", "--detach", onto)
    subprocess.run(shlex.split(command), cwd=pair.root, check=True, capture_output=True)
    assert pair.git("log", "-2", "--format=%s").splitlines() == ["More waves", "Waves"]
    assert (pair.root / MONOLITH).read_bytes() == whole


def test_export_to_a_pipe_and_import_from_one(pair):
    box = run(pair, "export", "--stdout")
    assert box.startswith(b"From ") and b"Subject: [PATCH] Waves" in box
    pair.git("reset", "-q", "--hard", "HEAD~1")
    assert b"next:" in run(pair, "import", "-", stdin=box)
    assert pair.git("diff", "--cached", "--name-only") == KERNEL


def test_an_import_that_does_not_apply_says_which_hunk(pair, tmp_path):
    patch = f"--- a/{MONOLITH}\n+++ b/{MONOLITH}\n@@ -3,1 +3,1 @@\n-nothing like it\n+x\n"
    (tmp_path / "p.diff").write_text(patch)
    run(pair, "import", str(tmp_path / "p.diff"), code=1)
    assert pair.git("status", "--porcelain") == ""


def test_blame_as_editors_call_it(pair):
    """From the file's folder, one line, porcelain."""
    line = pair.read(KERNEL).splitlines().index(b"  int waves = div2 + 0;") + 1
    folder, name = KERNEL.rsplit("/", 1)
    out = run(pair, "blame", "--porcelain", f"-L{line},{line}", "--", name, folder=folder)
    head = pair.git("rev-parse", "HEAD")
    assert out.startswith(f"{head} {line} {line} 1\n".encode())
    assert b"\nsummary Waves\n" in out and out.endswith(b"\t  int waves = div2 + 0;\n")


def test_blame_for_people(pair):
    out = run(pair, "blame", "-s", "HEAD~1", LAYOUT + "instantiate_n2.cu").decode()
    git = pair.git("blame", "-s", "HEAD~1", "--", LAYOUT + "instantiate_n2.cu")
    assert out == git + "\n"


def test_adopt_shows_and_stages(tmp_path):
    pair = Pair.bare(tmp_path / "repo")
    pair.commit_files({**handmade.files(pair.read(MONOLITH))}, "Split by hand")
    pair.write(".mergeguard/rules/skinny_gemms.toml", full_rules()["vllm/skinny_gemms.toml"])
    assert b"Nothing was changed" in run(pair, "adopt", "--dry-run", "skinny_gemms")
    assert pair.git("diff", "--cached", "--name-only") == ""
    said = json.loads(run(pair, "adopt", "--json", "skinny_gemms"))
    assert said["staged"] and said["refused"] is None
    assert {d["fate"] for d in said["declarations"]} == {"upstream", "glue", "taken_apart"}
    assert ".mergeguard/locks/skinny_gemms.toml" in pair.git("diff", "--cached", "--name-only")


def test_adopt_says_what_it_can_not_place(tmp_path):
    pair = Pair.bare(tmp_path / "repo")
    files = handmade.files(pair.read(MONOLITH))
    files[MONOLITH] = files[MONOLITH].replace(
        b"    case 5:\n      wv", b"    case 6:\n      f();\n    case 5:\n      wv"
    )
    pair.commit_files({**files}, "Split by hand")
    pair.write(".mergeguard/rules/skinny_gemms.toml", full_rules()["vllm/skinny_gemms.toml"])
    assert b"a new arm: case 6" in run(pair, "adopt", "skinny_gemms", code=1)
    assert pair.git("diff", "--cached", "--name-only") == ""
