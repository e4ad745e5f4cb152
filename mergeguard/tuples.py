"""Named tuples without ``typing``'s, which compiles a function for each class and each of its annotations:
a tenth of a millisecond a class, before the first tuple is made.

To type checkers they are ``typing.NamedTuple``'s, and they behave alike; what a class declares beside its
fields (methods, properties) is a class's as ever.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it: `typing` is half of what starting costs

__all__ = ["NamedTuple"]

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    try:
        from _collections import _tuplegetter as _getter
    except ImportError:  # as `collections` does where an interpreter has none
        from operator import itemgetter

        def _getter(place, doc):
            return property(itemgetter(place), doc=doc)

    _FEW = 200  # tuples of a class that are made before it pays to compile what makes them

    class _Fields(type):
        """Makes a tuple's class of annotations and the defaults beside them."""

        def __new__(cls, name, bases, content):
            names = tuple(content.get("__annotations__", ()))
            defaults = {field: content.pop(field) for field in names if field in content}
            if names[len(names) - len(defaults) :] != tuple(defaults):
                raise TypeError(f"{name}: a field without a default stands behind one that has one")
            content |= {field: _getter(place, f"Field {place}") for place, field in enumerate(names)}
            content |= {
                "__slots__": (),
                "__match_args__": names,
                "_fields": names,
                "_field_defaults": defaults,
            }
            made = super().__new__(cls, name, bases, content)
            if names:
                made.__new__ = staticmethod(_first(made, names, tuple(defaults.values())))
            return made

    def _first(owner, names, defaults):
        """``__new__`` for the first tuples of a class, or for whatever is given by name or does not fit."""
        rests = {len(names) - left: defaults[len(defaults) - left :] for left in range(len(defaults) + 1)}
        left, make = _FEW, tuple.__new__

        def __new__(cls, /, *given, **named):
            nonlocal left
            left -= 1
            if named or left < 0 or len(given) not in rests:
                compiled = _compiled(names, defaults)
                owner.__new__ = staticmethod(compiled)
                return compiled(cls, *given, **named)
            return make(cls, given + rests[len(given)])

        return __new__

    def _compiled(names, defaults):
        """``__new__`` as ``collections.namedtuple`` writes it."""
        listed = ", ".join(names)
        made = eval(f"lambda _cls, {listed}: _make(_cls, ({listed},))", {"_make": tuple.__new__})
        made.__name__, made.__defaults__ = "__new__", defaults
        return made

    class NamedTuple(tuple, metaclass=_Fields):
        """As ``typing.NamedTuple``."""

        @classmethod
        def _make(cls, values):
            return cls(*values)

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def _replace(self, /, **changes):
            return self.__class__(**(self._asdict() | changes))

        def __repr__(self):
            shown = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
            return f"{self.__class__.__name__}({shown})"

        def __getnewargs__(self):
            return tuple(self)
