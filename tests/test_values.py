"""Dataclasses made at the first use are what ``dataclasses`` makes."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mergeguard import values
from mergeguard.values import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Point:
    """Two numbers."""

    x: int
    y: int = 2
    seen: list[int] = field(default_factory=list, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Named(Point):
    """A point with a name, and another default."""

    y: int = 3
    name: str = ""


@dataclass
class Counter:
    """Not frozen, no slots."""

    count: int
    doubled: int = field(init=False)

    def __post_init__(self) -> None:
        self.doubled = 2 * self.count


def test_an_instance_has_its_fields_and_defaults():
    assert (Point(1).x, Point(1).y, Point(1).seen) == (1, 2, [])
    assert (Named(1).y, Named(1, name="a").name) == (3, "a")
    assert Counter(4).doubled == 8
    assert Point(1).seen is not Point(1).seen


def test_it_compares_hashes_and_shows_as_its_fields():
    assert Point(1, 2, [7]) == Point(1)
    assert Point(1) != Point(2)
    assert Named(1, 2) != Point(1, 2)
    assert hash(Point(1, 2, [7])) == hash(Point(1))
    assert repr(Point(1)) == "Point(x=1, y=2)"


def test_a_frozen_one_with_slots_is_closed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Point(1).x = 2  # type: ignore[misc]
    assert not hasattr(Point(1), "__dict__")
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]


@dataclass(frozen=True, slots=True)
class Wide:
    """More fields than are set one by one."""

    a: int
    b: int
    c: int
    d: int = 4
    e: list[int] = field(default_factory=list)
    f: int = field(default=6, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "a", self.a + 1)


class Undeclared(Wide):
    """A subclass that is no dataclass itself, with other slots."""


def test_a_frozen_one_of_many_fields_is_as_closed_as_one_of_few():
    one = Wide(1, 2, 3, f=7)
    assert type(one) is Wide
    assert (one.a, one.b, one.c, one.d, one.e, one.f) == (2, 2, 3, 4, [], 7)
    assert one == Wide(1, 2, 3, f=7) != Wide(1, 2, 4, f=7)
    assert copy.copy(one) == pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.d = 5  # type: ignore[misc]
    other = Undeclared(1, 2, 3)
    assert (type(other), other.a, other.f) == (Undeclared, 2, 6)


def test_what_asks_a_class_for_its_fields_gets_them_before_any_instance():
    @dataclass(frozen=True, slots=True)
    class Fresh:
        a: int
        b: str = "b"

    assert [f.name for f in dataclasses.fields(Fresh)] == ["a", "b"]
    assert Fresh(1) == Fresh(a=1, b="b")

    @dataclass(frozen=True, slots=True)
    class Decoded:
        a: int
        b: str = "b"

    assert msgspec.json.decode(b'{"a": 4}', type=Decoded).b == "b"


def test_copies_pickles_and_replacements_are_equal():
    named = Named(1, name="a")
    assert pickle.loads(pickle.dumps(named)) == named == copy.copy(named)
    assert replace(named, name="b") == Named(1, name="b")
    assert dataclasses.asdict(named) == {"x": 1, "y": 3, "seen": [], "name": "a"}


def test_patterns_take_it_apart():
    match Point(5, 6):
        case Point(x, y):
            assert (x, y) == (5, 6)


# -- the same, by the standard one ---------------------------------------------------------------------

PARTS = st.sampled_from(
    [
        {},
        {"default": 1},
        {"default_factory": list},
        {"default": 2, "compare": False},
        {"default": 3, "repr": False, "init": False},
        {"default_factory": dict, "init": False},
        {"default": 4, "kw_only": True},
        {"kw_only": True, "hash": False},
    ]
)
OPTIONS = st.fixed_dictionaries(
    {"frozen": st.booleans(), "eq": st.booleans(), "kw_only": st.booleans(), "slots": st.booleans()}
)


NUMBERS = st.lists(st.integers(0, 3), max_size=4)


def made(module, fields, options):
    """A class of these fields, made by one of the two ``dataclass``."""
    content = {f"f{n}": module.field(**given) for n, given in enumerate(fields) if given}
    annotations = {f"f{n}": "object" for n in range(len(fields))}
    cls = type("Made", (), {**content, "__annotations__": annotations, "__module__": __name__})
    return module.dataclass(**options)(cls)


def told(cls, arguments, names):
    """What becomes of making, comparing, showing, hashing and replacing an instance."""
    try:
        one, other = cls(*arguments, **dict.fromkeys(names, 9)), cls(*arguments, **dict.fromkeys(names, 9))
        hashed = None if cls.__hash__ is None or not cls.__dict__.get("__hash__") else hash(one)
    except TypeError as error:
        return "unhashable" in str(error) or "TypeError"
    shown = [(f.name, f.init, f.compare, f.kw_only, f.default) for f in dataclasses.fields(cls)]
    return one == other, repr(one), hashed, shown, cls.__match_args__, hasattr(one, "__dict__")


@settings(max_examples=60)
@given(
    st.lists(PARTS, max_size=4), OPTIONS, st.lists(st.integers(0, 3), max_size=4), st.sets(st.integers(0, 3))
)
def test_it_is_what_the_standard_one_makes(fields, options, arguments, named):
    names = sorted(f"f{n}" for n in named)
    try:
        theirs = made(dataclasses, fields, options)
    except TypeError:
        return  # a field without a default behind one with: theirs says so at once, ours at the first use
    assert told(made(values, fields, options), arguments, names) == told(theirs, arguments, names)


def test_a_sync_starts_without_the_standard_module():
    asked = "import sys, mergeguard.verbs.sync; print('dataclasses' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_cached_property_is_asked_once_of_each_instance():
    asked = []

    class Doubled:
        def __init__(self, number: int) -> None:
            self.number = number

        @values.cached_property
        def value(self) -> int:
            """What is asked."""
            asked.append(self.number)
            return 2 * self.number

    one, other = Doubled(1), Doubled(2)
    assert [one.value, other.value, one.value, other.value] == [2, 4, 2, 4]
    assert asked == [1, 2]
    assert Doubled.value.__doc__ == "What is asked."
