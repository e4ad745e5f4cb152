"""Dataclasses whose methods are made when the first instance is.

``dataclasses`` writes and compiles the methods of a class while it is defined: for the two hundred classes
here that was the largest part of every start, and a command makes instances of a few dozen. The decorator
below does what theirs does, later: it is their own, run at the first instance, or for whoever asks for the
fields. To type checkers it is theirs.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it: `typing` is half of what starting costs

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, *, slots=False, **options):
        """As ``dataclasses.dataclass``, with its methods made at the first use."""

        def deferred(cls):
            if slots:
                cls = _with_slots(cls)
            first = _First(cls, options, slots)
            cls.__init__, cls.__dataclass_fields__ = first, _Fields(first)
            return cls

        return deferred if cls is None else deferred(cls)

    def _with_slots(cls):
        """The class anew, with a slot for each annotated name that no base has."""
        inherited = {name for base in cls.__mro__[1:-1] for name in getattr(base, "__slots__", ())}
        content = dict(cls.__dict__)
        names = tuple(name for name in content.get("__annotations__", ()) if name not in inherited)
        given = {name: content.pop(name) for name in (*names, *inherited) if name in content}
        content.pop("__dict__", None)
        content.pop("__weakref__", None)
        made = type(cls)(cls.__name__, cls.__bases__, content | {"__slots__": names, _GIVEN: given})
        made.__qualname__ = cls.__qualname__
        return made

    _GIVEN = "__values_given__"  # the defaults of slots: a class can't hold both

    class _First:
        """Stands in for ``__init__`` until there is one."""

        def __init__(self, cls, options, slots):
            self.cls, self.options, self.slots = cls, options, slots

        def __get__(self, instance, owner):
            self.make()
            return self.cls.__init__ if instance is None else self.cls.__init__.__get__(instance, owner)

        def make(self):
            from dataclasses import dataclass

            cls = self.cls
            del cls.__init__
            del cls.__dataclass_fields__
            given = cls.__dict__.get(_GIVEN, {}) if self.slots else {}
            slots = {name: cls.__dict__[name] for name in given if name in cls.__dict__}
            for name, default in given.items():
                setattr(cls, name, default)
            dataclass(**self.options, repr=False, eq=False)(cls)
            _compare_and_show(cls, self.options.get("frozen", False))
            for name in given:
                if name in slots:
                    setattr(cls, name, slots[name])
                elif name in cls.__dict__:
                    delattr(cls, name)
            if self.slots and self.options.get("frozen"):
                _let_copy(cls)

    def _compare_and_show(cls, frozen):
        """``__eq__``, ``__hash__`` and ``__repr__`` as ``dataclasses`` has them, without a compiler."""
        from reprlib import recursive_repr

        found = cls.__dataclass_fields__.values()
        compared = _values_of([f.name for f in found if f.compare])
        hashed = _values_of([f.name for f in found if (f.compare if f.hash is None else f.hash)])
        shown = [f.name for f in found if f.repr]

        def __eq__(self, other):
            return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

        def __hash__(self):
            return hash(hashed(self))

        @recursive_repr()
        def __repr__(self):
            fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
            return f"{self.__class__.__qualname__}({fields})"

        own = cls.__dict__
        if "__hash__" not in own or (own["__hash__"] is None and "__eq__" in own):
            cls.__hash__ = __hash__ if frozen else None
        if "__eq__" not in own:
            cls.__eq__ = __eq__
        if "__repr__" not in own:
            cls.__repr__ = __repr__

    def _values_of(names):
        """A function that gives an instance's values of these names, as a tuple."""
        from operator import attrgetter

        if len(names) > 1:
            return attrgetter(*names)
        return lambda instance: tuple(getattr(instance, name) for name in names)

    class _Fields:
        """Stands in for the fields: whoever asks for them (a codec, a subclass) has the class made."""

        def __init__(self, first):
            self.first = first

        def __get__(self, instance, owner):
            self.first.make()
            return self.first.cls.__dataclass_fields__

    def _let_copy(cls):
        """Frozen instances with slots can't be copied and pickled as others: as ``dataclasses`` does it."""
        from dataclasses import _dataclass_getstate, _dataclass_setstate

        cls.__getstate__ = _dataclass_getstate
        cls.__setstate__ = _dataclass_setstate
