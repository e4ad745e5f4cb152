"""Named tuples are what ``typing`` makes of the same declaration."""

from __future__ import annotations

import copy
import pickle
import types
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mergeguard import tuples
from mergeguard.tuples import NamedTuple


class Place(NamedTuple):
    """A line of a file."""

    path: str
    line: int = 1

    @property
    def shown(self) -> str:
        return f"{self.path}:{self.line}"


def test_it_is_a_tuple_with_names():
    place = Place("a", 2)
    assert place == ("a", 2)
    assert hash(place) == hash(("a", 2))
    assert (place.path, place.line, place.shown, Place("a").line) == ("a", 2, "a:2", 1)
    assert repr(place) == "Place(path='a', line=2)"
    assert not hasattr(place, "__dict__")
    assert pickle.loads(pickle.dumps(place)) == copy.deepcopy(place) == place
    assert type(copy.copy(place)) is Place
    with pytest.raises(AttributeError):
        place.line = 3  # type: ignore[misc]
    match place:
        case Place(path, line):
            assert (path, line) == place


def test_a_field_without_a_default_stands_before_those_that_have_one():
    with pytest.raises(TypeError, match="without a default"):

        class Wrong(NamedTuple):
            path: str = ""
            line: int  # type: ignore[misc]


def _ours(names, defaults):
    content = {"__annotations__": dict.fromkeys(names, "object"), "__module__": __name__, **defaults}
    return types.new_class("Made", (NamedTuple,), exec_body=lambda scope: scope.update(content))


def _standard(names, defaults):
    fields = [f"    {name}: object" + (" = None" if name in defaults else "") for name in names]
    scope: dict[str, typing.Any] = {"NamedTuple": typing.NamedTuple}
    exec("\n".join(["class Made(NamedTuple):", *(fields or ["    pass"])]), scope)
    return scope["Made"]


def _told(cls, values, named):
    try:
        one = cls(*values, **named)
    except TypeError:
        return "TypeError"
    replaced = one._replace(**dict.fromkeys(cls._fields[:1], 7))
    about = (cls._fields, cls._field_defaults, cls.__match_args__, cls._make(one) == one)
    return tuple(one), repr(one), one._asdict(), tuple(replaced), about


@given(
    st.integers(0, 3),
    st.integers(0, 3),
    st.lists(st.integers(), max_size=5),
    st.sets(st.integers(0, 6)),
    st.sampled_from([0, 1, 200]),
)
def test_it_is_what_the_standard_one_makes(required, optional, values, named, few):
    names = [f"f{n}" for n in range(required + optional)]
    defaults = dict.fromkeys(names[required:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuples, "_FEW", few)  # how many are made before one is compiled
        ours = _ours(names, defaults)
    theirs = _standard(names, defaults)
    for _ in range(3):
        asked = {f"f{n}": n for n in named}
        assert _told(ours, values, asked) == _told(theirs, values, asked)
