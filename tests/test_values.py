"""Dataclasses made at the first use are what ``dataclasses`` makes."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field, replace

import msgspec
import pytest

from mergeguard.values import dataclass


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
