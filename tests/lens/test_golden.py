"""The bytes of each emission, pinned: another byte is another emission version.

Only the project's own fixtures are pinned. ``pytest tests/lens/test_golden.py --update-golden`` writes the
files of the newest emission; the change then shows in the review.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mergeguard.cpp.source import parse
from mergeguard.fork import check
from mergeguard.lens.emissions import EMISSIONS
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import Rule, parse_rule
from tests.support import layouts, toolchain

GOLDEN = layouts.ROOT / "tests" / "golden"


def _made(name: str, emission: int) -> dict[str, bytes]:
    return {file.path: file.text for file in _split(name, emission)[1].files}


def _split(name: str, emission: int) -> tuple[Rule, Layout]:
    path = toolchain.MONOLITHS.get(name, f"{name}.cpp")
    # Rule and monolith are pinned with the layout: a rule that ships, and a fixture, may change without a
    # new emission.
    pinned = GOLDEN / str(emission) / f"{name}{Path(path).suffix}"
    text = (pinned if pinned.exists() else toolchain.COMPILE / path).read_bytes()
    rule_path = GOLDEN / str(emission) / f"{name}.toml"
    if not rule_path.exists():
        rule_path = layouts.ROOT / "rules" / "vllm" / f"{name}.toml"
    rule = parse_rule(rule_path.read_bytes(), str(rule_path))
    return rule, split(rule, name, path, text, emission)


def _read(text: bytes) -> dict[str, bytes]:
    """The files of one golden text: each after a line with its path and length."""
    files: dict[str, bytes] = {}
    while text:
        head, _, text = text.partition(b"\n")
        path, length = head.removeprefix(b"=== ").rsplit(b" ", 1)
        files[path.decode()] = text[: int(length)]
        text = text[int(length) + 1 :]
    return files


def _written(files: dict[str, bytes]) -> bytes:
    return b"".join(b"=== %s %d\n%s\n" % (path.encode(), len(text), text) for path, text in files.items())


# Dealings, which name nothing that stands in a block, are of emission 1.
DEALS = ("tally", "ledger")
# Emission 2 is that of rules whose interface is thin; for others its bytes are those of emission 1.
# Emission 3 is that of rules that name what stands in blocks.
CASES = [(name, emission) for emission in (1, 2) for name in toolchain.MONOLITHS]
CASES += [(name, 1) for name in DEALS]
CASES += [(path.stem, 3) for path in sorted((GOLDEN / "3").glob("*.toml"))]


@pytest.mark.parametrize(("name", "emission"), CASES)
def test_layout_is_as_pinned(name, emission, request):
    golden = GOLDEN / str(emission) / f"{name}.layout"
    made = _made(name, emission)
    if emission > 1 and not golden.exists():
        assert made == _made(name, emission - 1)
        return
    newest = emission == max(EMISSIONS) or name in DEALS
    if request.config.getoption("--update-golden") and newest:
        golden.write_bytes(_written(made))
    pinned = _read(golden.read_bytes())
    assert list(made) == list(pinned)
    for path, text in pinned.items():
        assert made[path] == text, path


@pytest.mark.parametrize(("name", "emission"), CASES)
def test_what_a_layout_has_twice_its_monolith_has_twice(name, emission):
    """So that of a layout just as it was emitted only the monolith needs to be asked."""
    rule, layout = _split(name, emission)
    files = {file.path: file.text for file in layout.files}
    entries = frozenset(one.entry.removeprefix("::") for one in rule.partition)
    source = parse(layout.monolith)
    assert not list(check.check_homes(name, source, files, entries, (), layout.path))


def test_golden_files_are_read_as_written():
    files = {"a/b.cu": b"x\n", "c.h": b"", "d": b"=== not a head 3\n\xff"}
    assert _read(_written(files)) == files
