"""Real vLLM files: what the build makes of them is what the tree would hold, but for `#line` and places of
headers."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import pytest

from mergeguard.build.generate import GenerateOptions, generate
from tests.support import corpus
from tests.support.layouts import Case
from tests.support.rules import full_rules

_INCLUDE = re.compile(rb'^(\s*#\s*include\s*)"([^"]+)"')


def told(text: bytes) -> list[bytes]:
    """The words of a file: without `#line`, and with headers by their names alone."""
    lines = (line for line in text.splitlines() if not line.startswith(b"#line "))
    shown = (_INCLUDE.sub(lambda m: m[1] + b'"' + posixpath.basename(m[2]) + b'"', line) for line in lines)
    return [word for line in shown for word in line.replace(b"\\", b" ").split()]


@pytest.mark.parametrize("name", corpus.MONOLITHS)
def test_units_of_the_build_are_those_of_the_tree(name: str, tmp_path: Path):
    released = corpus.releases_with(name, corpus.CI_VERSIONS)
    if not released:
        pytest.skip("no release of vLLM has this file")
    version, path = max(released)
    case = Case(name, version)
    (tmp_path / "source" / path).parent.mkdir(parents=True)
    (tmp_path / "source" / path).write_bytes(case.text)
    rule = tmp_path / "source/.mergeguard/rules" / f"{name}.toml"
    rule.parent.mkdir(parents=True)
    rule.write_bytes(
        full_rules()[f"vllm/{name}.toml"].replace(b"monolith =", b'mode = "build"\nmonolith =', 1)
    )
    made = generate(tmp_path / "source", tmp_path / "out", GenerateOptions())
    layout = case.split(case.text)
    assert set(made.files) == {file.path for file in layout.files}
    assert list(made.units[path]) == [file.path for file in layout.files if file.is_unit]
    for file in layout.files:
        assert told((tmp_path / "out" / file.path).read_bytes()) == told(file.text), file.path
