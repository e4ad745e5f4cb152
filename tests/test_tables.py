"""Documents are read without msgspec as msgspec reads them; what it refuses is refused in its words."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard import store, tables
from mergeguard.lens.rule import Rule
from mergeguard.tables import Meta, table
from mergeguard.values import attributes, dataclass, field


class Colour(StrEnum):
    """Two of them."""

    RED = "red"
    BLUE = "blue"


class Row(NamedTuple):
    """An array with a default."""

    name: str
    number: int = 0


@table(in_="in")
class Inner:
    """A table with a key that is no name of Python's."""

    in_: str
    few: Annotated[int, Meta(ge=0, le=3)] = 0


@dataclass(frozen=True, slots=True)
class Loose:
    """A dataclass: other keys are let pass."""

    a: int
    b: tuple[str, ...] = ()


@table
class Outer:
    """One of each kind of field."""

    needed: Annotated[str, Meta(min_length=1, pattern="^[a-z]")]
    inner: Inner = Inner("x")
    more: tuple[Inner, ...] = ()
    pair: tuple[int, str] | None = None
    mixed: dict[str, tuple[int | str, ...]] = field(default_factory=dict)
    mode: Literal["tree", "build"] = "tree"
    colour: Colour = Colour.RED
    rows: tuple[Row, ...] = ()
    loose: Loose | None = None
    flag: bool = False
    ratio: float = 0.5
    listed: list[str] = field(default_factory=list)
    told: Mapping[str, str] = field(default_factory=dict)


WORDS = st.sampled_from(["", "a", "ab", "A", "tree", "build", "red", "blue", "in", "a\n"])
SCALARS = st.one_of(WORDS, st.integers(-1, 4), st.booleans(), st.none(), st.floats(0, 2, width=16))
KEYS = ("in", "in_", "few", "a", "b", "c")
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=6,
)
INNER = st.fixed_dictionaries({"in": WORDS}, optional={"few": st.integers(-1, 4)})
#: Values of each field that are mostly right, so that whole documents are.
RIGHT: dict[str, st.SearchStrategy[Any]] = {
    "needed": WORDS,
    "inner": INNER,
    "more": st.lists(INNER, max_size=2),
    "pair": st.one_of(st.none(), st.tuples(st.integers(0, 2), WORDS).map(list)),
    "mixed": st.dictionaries(WORDS, st.lists(st.one_of(st.integers(0, 2), WORDS), max_size=2), max_size=2),
    "mode": st.sampled_from(["tree", "build", "other"]),
    "colour": st.sampled_from(["red", "blue", "green"]),
    "rows": st.lists(st.one_of(WORDS.map(lambda w: [w]), WORDS.map(lambda w: [w, 1])), max_size=2),
    "loose": st.one_of(st.none(), st.just({"a": 1}), st.just({"a": 1, "b": ["x"], "other": 1})),
    "flag": st.booleans(),
    "ratio": st.floats(0, 2, width=16),
    "listed": st.lists(WORDS, max_size=2),
    "told": st.dictionaries(WORDS, WORDS, max_size=2),
}


@st.composite
def documents(draw):
    """A document whose fields are right, but perhaps one, or a key too much or too few."""
    names = draw(st.sets(st.sampled_from([*RIGHT]))) | {"needed"}
    found = {name: draw(RIGHT[name]) for name in sorted(names)}
    if draw(st.booleans()):
        found[draw(st.sampled_from([*RIGHT, "unknown"]))] = draw(VALUES)
    if draw(st.integers(0, 9)) == 0:
        del found["needed"]
    return found


@settings(max_examples=300)
@given(documents())
def test_read_as_msgspec_reads(values):
    by_msgspec = _said(lambda: msgspec.convert(values, tables.struct(Outer)))
    assert _said(lambda: store.convert(values, Outer)) == by_msgspec


def _said(read: Callable[[], object]) -> Any:
    """The fields of what was read, or what is wrong."""
    try:
        return _fields(read())
    except ValueError as error:
        return str(error)


def _fields(value: Any) -> Any:
    """The fields of a value and of those in it, be it msgspec's or ours."""
    if isinstance(value, msgspec.Struct):
        return [_fields(getattr(value, name)) for name in value.__struct_fields__]
    if isinstance(value, Inner | Outer):
        return [_fields(getattr(value, one.name)) for one in attributes(type(value)) or ()]
    return tuple(map(_fields, value)) if type(value) is tuple else value


@given(documents())
def test_what_is_written_is_read_again(values):
    try:
        found = store.convert(values, Outer)
    except store.Unreadable:
        return
    assert store.decode(store.encode(found), Outer) == found
    assert json.loads(store.encode(found)) == tables.plain(found)


def test_what_is_no_value_of_a_document_is_not_written():
    with pytest.raises(TypeError, match="object is no value"):
        tables.plain({"a": object()})


def test_a_right_document_needs_no_msgspec():
    program = (
        "import sys; from mergeguard.data import shipped_rules; from mergeguard.lens.rule import parse_rule\n"
        "print(len([parse_rule(text, name) for name, text in shipped_rules().items()]), "
        "'msgspec' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    count, loaded = said.split()
    assert int(count) > 3 and loaded == "False"


def test_the_schema_is_that_of_the_declarations():
    found = tables.schema(Rule)["$defs"]
    assert found["Over"]["required"] == ["in"]
    assert found["Rule"]["properties"]["includes"] == {"$ref": "#/$defs/Includes", "default": {}}
    assert found["Deal"]["properties"]["units"]["maximum"] == 64
