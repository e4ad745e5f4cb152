"""The laws, for every strategy that opens blocks: deals, partitions and instantiations in namespaces.

One table of programs; each is a file of everything that is hard for its strategy, or a small one.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard.errors import MergeguardError
from mergeguard.lens.emit import split
from mergeguard.lens.layout import Layout
from mergeguard.lens.rule import parse_rule
from mergeguard.lens.unsplit import unsplit
from tests.lens.test_laws import PHASES, check_edited
from tests.support import layouts
from tests.support.layouts import Case, findings
from tests.support.smallfaults import PROGRAMS

FIXTURES = layouts.ROOT / "fixtures"


@dataclass(frozen=True)
class Program:
    """A monolith and its rule; ``header`` is the one that it reads, "" if it is not to be compiled."""

    path: str
    text: bytes
    rule: bytes
    header: str = ""
    flags: tuple[str, ...] = ("",)

    def split(self, text: bytes) -> Layout:
        return _split(self.path, self.rule, text)


@lru_cache(maxsize=512)
def _split(path: str, rule: bytes, text: bytes) -> Layout:
    return split(parse_rule(rule, "rule.toml"), Path(path).stem, path, text)


def _fixture(folder: str, name: str, *flags: str, edit: Callable[[bytes], bytes] = bytes) -> Program:
    text, rule = ((FIXTURES / folder / f"{name}.{end}").read_bytes() for end in ("cpp", "toml"))
    return Program(f"{name}.cpp", text, edit(rule), f"{folder}/{name}.hpp", flags or ("",))


def _shared(rule: bytes) -> bytes:
    return rule.replace(b"units = 3", b"units = 2\nentry = true")


WHOLE = {
    "deal": _fixture("deal", "tally", "-DTALLY_RELEASE", "-DTALLY_DEBUG"),
    "deal with the entry": _fixture("deal", "tally", "-DTALLY_RELEASE", edit=_shared),
    "deal that shares": _fixture("deal", "ledger", "", "-DLEDGER_QUIET"),
    "blocks": _fixture("blocks", "reduce"),
    "arms in arms": _fixture("blocks", "grid"),
    "blocks of macros": _fixture("blocks", "opened"),
}
SMALL = {name: Program(p.path, p.text, p.rule) for name, p in PROGRAMS.items() if name in ("span", "table")}
EVERY = WHOLE | SMALL
each = pytest.mark.parametrize("program", EVERY.values(), ids=EVERY)


class _Case(Case):
    """A program, for ``check_edited``."""

    def __init__(self, program: Program) -> None:
        super().__init__(Path(program.path).stem, None)
        self.program = program

    def split(self, text: bytes) -> Layout:
        return self.program.split(text)


@each
def test_unsplit_of_split_is_the_monolith(program):
    for form in layouts.FORMS.values():
        text = form(program.text)
        pristine = program.split(text)
        unedited = unsplit(pristine, {f.path: f.text for f in pristine.files}, program.split)
        assert unedited.monolith == text
        assert not unedited.hunks and not unedited.edits


@each
def test_nothing_the_user_typed_is_lost(program):
    @settings(max_examples=40, phases=PHASES)
    @given(
        st.sampled_from(["as it is", "CRLF", "no final newline"]),
        st.lists(layouts.edits, min_size=1, max_size=3),
    )
    def law(form, changes):
        pristine = program.split(layouts.FORMS[form](program.text))
        check_edited(_Case(program), pristine, layouts.apply(pristine, changes))

    law()


@each
def test_any_bytes_split_or_are_refused(program):
    whole = layouts.whole(program.path, program.text)

    @settings(max_examples=25, phases=PHASES)
    @given(st.lists(layouts.edits, min_size=1, max_size=3))
    def law(changes):
        text = layouts.apply(whole, changes)[program.path]
        if text is None:
            return
        try:
            layout = program.split(text)
        except MergeguardError:
            return
        unedited = unsplit(layout, {f.path: f.text for f in layout.files}, program.split)
        assert unedited.monolith == text and not unedited.hunks

    law()


@each
def test_it_is_the_same_program_by_tokens(program):
    assert findings(program.split(program.text)) == []


@pytest.mark.skipif(shutil.which("g++") is None, reason="no g++")
@pytest.mark.parametrize(
    ("program", "flag"),
    [pytest.param(p, flag, id=f"{name} {flag}".strip()) for name, p in WHOLE.items() for flag in p.flags],
)
def test_it_defines_the_same_symbols(program, flag, tmp_path):
    (tmp_path / Path(program.header).name).write_bytes((FIXTURES / program.header).read_bytes())
    (tmp_path / "whole.cpp").write_bytes(program.text)
    layout = program.split(program.text)
    for file in layout.files:
        (tmp_path / file.path).parent.mkdir(exist_ok=True)
        (tmp_path / file.path).write_bytes(file.text)
    units = [f.path for f in layout.files if f.is_unit]
    compiler = ["g++", "-std=c++17", "-O0", "-Wall", "-Wextra", "-Werror", *filter(None, [flag])]
    for number, unit in enumerate([*units, "whole.cpp"]):
        subprocess.run([*compiler, "-c", unit, "-o", f"{number}.o"], cwd=tmp_path, check=True)
    objects = [f"{n}.o" for n in range(len(units))]
    subprocess.run(["ld", "-r", "-o", "all.o", *objects], cwd=tmp_path, check=True)
    assert _symbols(tmp_path / "all.o") == _symbols(tmp_path / f"{len(units)}.o") != []


def _symbols(path: Path) -> list[str]:
    """Defined external symbols, but for those in the shards' namespaces."""
    command = ["nm", "-C", "--defined-only", "--extern-only", str(path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(line.split(" ", 2)[2] for line in lines if "mergeguard_" not in line)
