"""Dataclasses whose methods are made when the first instance is, and without the ``dataclasses`` module.

``dataclasses`` writes and compiles the methods of a class while it is defined, and reads a fifth of the
standard library before the first: for the hundreds of classes here that was the largest part of every start,
and a command makes instances of a few dozen. What stands here behaves as theirs does, later; who asks a class
for its fields (a codec, ``dataclasses.fields``) gets theirs. To type checkers it is theirs.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it: `typing` is half of what starting costs

__all__ = ["MISSING", "Attribute", "attributes", "cached_property", "dataclass", "field", "replace"]

if TYPE_CHECKING:
    from dataclasses import MISSING, dataclass, field, replace
    from dataclasses import Field as _Field
    from functools import cached_property
    from typing import Any

    Attribute = _Field[Any]

    def attributes(cls: type) -> tuple[Attribute, ...] | None: ...
else:
    MISSING = object()
    _MANY = 5  # fields of a frozen class that are set faster while it is not
    _RECORD = "__values_record__"  # of a class that is made here: its `_Record`

    class Attribute:
        """One field: ``default`` and ``default_factory`` are ``MISSING`` where there is none."""

        __slots__ = (
            "compare",
            "default",
            "default_factory",
            "hash",
            "init",
            "kw_only",
            "name",
            "repr",
            "type",
        )

        def __init__(self, default, factory, init, repr, hash, compare, kw_only):
            self.default, self.default_factory = default, factory
            self.init, self.repr, self.hash, self.compare, self.kw_only = init, repr, hash, compare, kw_only
            self.name = self.type = None

    class cached_property:
        """As that of ``functools``, without the lock that it takes up to Python 3.11."""

        def __init__(self, function):
            self.function, self.name, self.__doc__ = function, function.__name__, function.__doc__

        def __set_name__(self, owner, name):
            self.name = name

        def __get__(self, instance, owner=None):
            if instance is None:
                return self
            value = instance.__dict__[self.name] = self.function(instance)
            return value

    def field(
        *,
        default=MISSING,
        default_factory=MISSING,
        init=True,
        repr=True,
        hash=None,
        compare=True,
        kw_only=MISSING,
    ):
        """As ``dataclasses.field``."""
        return Attribute(default, default_factory, init, repr, hash, compare, kw_only)

    def dataclass(cls=None, /, *, slots=False, **options):
        """As ``dataclasses.dataclass``, with its methods made at the first use."""

        def deferred(cls):
            given = {name: cls.__dict__[name] for name in _annotated(cls) if name in cls.__dict__}
            if slots:
                cls = _with_slots(cls)
            record = _Record(cls, given, slots, **options)
            setattr(cls, _RECORD, record)
            for name, value in given.items():
                if isinstance(value, Attribute) and not slots:
                    record.default_of(name, value)
            cls.__init__, cls.__dataclass_fields__ = _First(record), _Asked(record)
            return cls

        return deferred if cls is None else deferred(cls)

    def replace(instance, /, **changes):
        """As ``dataclasses.replace``."""
        record = type(instance).__dict__.get(_RECORD)
        if record is None:
            import dataclasses

            return dataclasses.replace(instance, **changes)
        for one in record.fields:
            if not one.init:
                if one.name in changes:
                    raise ValueError(f"field {one.name} is declared with init=False: it can't be replaced")
            elif one.name not in changes:
                changes[one.name] = getattr(instance, one.name)
        return instance.__class__(**changes)

    def attributes(cls):
        """The fields of a class that is a dataclass of ours; None for any other."""
        record = cls.__dict__.get(_RECORD)
        return None if record is None else tuple(record.fields)

    def _annotated(cls):
        return vars(cls).get("__annotations__", {})

    def _with_slots(cls):
        """The class anew, with a slot for each annotated name that no base has."""
        inherited = {name for base in cls.__mro__[1:-1] for name in getattr(base, "__slots__", ())}
        content = dict(cls.__dict__)
        names = tuple(name for name in _annotated(cls) if name not in inherited)
        for name in (*names, *inherited, "__dict__", "__weakref__"):
            content.pop(name, None)
        made = type(cls)(cls.__name__, cls.__bases__, content | {"__slots__": names})
        made.__qualname__ = cls.__qualname__
        return made

    class _Record:
        """What a class was declared with, and its methods once they are made."""

        def __init__(self, cls, given, slots, *, frozen=False, eq=True, kw_only=False):
            self.cls, self.given, self.slots = cls, given, slots
            self.frozen, self.eq, self.kw_only = frozen, eq, kw_only
            self._fields = None

        def default_of(self, name, one):
            """Have the class show a field's default, as a class has any other attribute."""
            if one.default is MISSING:
                delattr(self.cls, name)
            else:
                setattr(self.cls, name, one.default)

        @property
        def fields(self):
            """The fields, those of bases first."""
            if self._fields is None:
                found = {}
                for base in self.cls.__mro__[-1:0:-1]:
                    record = base.__dict__.get(_RECORD)
                    if record is not None:
                        found |= {one.name: one for one in record.fields}
                self._fields = [*(found | {one.name: one for one in self._own()}).values()]
            return self._fields

        def _own(self):
            for name, type_ in _annotated(self.cls).items():
                one = self.given.get(name, MISSING)
                if not isinstance(one, Attribute):
                    one = Attribute(one, MISSING, True, True, None, True, MISSING)
                one.name, one.type = name, type_
                if one.kw_only is MISSING:
                    one.kw_only = self.kw_only
                yield one

        def make(self):
            """Give the class its methods."""
            cls = self.cls
            if isinstance(cls.__dict__.get("__init__"), _First):
                cls.__init__ = _init(self)
                _compare_and_show(self)
                if self.frozen:
                    _freeze(self)
                if "__match_args__" not in cls.__dict__:
                    cls.__match_args__ = tuple(o.name for o in self.fields if o.init and not o.kw_only)

    class _First:
        """Stands in for ``__init__`` until there is one."""

        def __init__(self, record):
            self.record = record

        def __get__(self, instance, owner):
            self.record.make()
            made = self.record.cls.__init__
            return made if instance is None else made.__get__(instance, owner)

    class _Asked:
        """The fields for who asks in the way of ``dataclasses``, made then."""

        def __init__(self, record):
            self.record = record

        def __get__(self, instance, owner):
            import dataclasses

            self.record.make()
            found = {}
            for one in self.record.fields:
                given = {"default": one.default, "default_factory": one.default_factory}
                theirs = dataclasses.field(
                    **{name: value for name, value in given.items() if value is not MISSING},
                    **{name: getattr(one, name) for name in ("init", "repr", "hash", "compare", "kw_only")},
                )
                theirs.name, theirs.type, theirs._field_type = one.name, one.type, dataclasses._FIELD
                found[one.name] = theirs
            self.record.cls.__dataclass_fields__ = found
            return found

    def _init(record):
        """The ``__init__`` of a class, written as ``dataclasses`` writes it."""
        names = {"_made": object.__setattr__, "_none": MISSING}
        parameters, keywords, values = [], [], {}
        for number, one in enumerate(record.fields):
            if not one.init and one.default_factory is MISSING and one.default is MISSING:
                continue
            default, value = "", one.name
            if one.default_factory is not MISSING:
                names[f"_f{number}"] = one.default_factory
                made = f"_f{number}()"
                default, value = (
                    "=_none",
                    f"{made} if {one.name} is _none else {one.name}" if one.init else made,
                )
            elif one.default is not MISSING:
                names[f"_d{number}"] = one.default
                default, value = f"=_d{number}", one.name if one.init else f"_d{number}"
            if one.init:
                (keywords if one.kw_only else parameters).append(one.name + default)
            elif one.default_factory is MISSING and not record.slots:
                continue  # the class has its default
            values[one.name] = value
        lines = [f"self.{name} = {value}" for name, value in values.items()]
        if record.frozen:
            guarded = [f"_made(self, {name!r}, {value})" for name, value in values.items()]
            lines = guarded if len(values) < _MANY else _opened(record.cls, names, lines, guarded)
        if hasattr(record.cls, "__post_init__"):
            lines.append("self.__post_init__()")
        listed = ", ".join(["self", *parameters, *(["*", *keywords] if keywords else [])])
        body = "\n  ".join(lines or ["pass"])
        exec(f"def __init__({listed}):\n  {body}", names)
        made = names["__init__"]
        made.__qualname__ = f"{record.cls.__qualname__}.__init__"
        return made

    def _opened(cls, names, plain, guarded):
        """What sets the fields of a frozen class: the lines ``plain``, while the instance is of another class
        with the same slots, or ``guarded``, which takes twice as long, where it can't be."""
        if cls.__bases__ != (object,) or "__slots__" not in cls.__dict__:
            return guarded
        names["_own"], names["_open"] = cls, type(cls.__name__, (), {"__slots__": cls.__slots__})
        fast = ["_made(self, '__class__', _open)", *plain, "self.__class__ = _own"]
        return [
            "if self.__class__ is _own:",
            *(f"  {line}" for line in fast),
            "else:",
            *(f"  {line}" for line in guarded),
        ]

    def _compare_and_show(record):
        """``__eq__``, ``__hash__`` and ``__repr__`` as ``dataclasses`` has them."""
        cls, found = record.cls, record.fields
        compared = _values_of([f.name for f in found if f.compare])
        hashed = _values_of([f.name for f in found if (f.compare if f.hash is None else f.hash)])
        shown = [f.name for f in found if f.repr]
        running = set()

        def __eq__(self, other):
            return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

        def __hash__(self):
            return hash(hashed(self))

        def __repr__(self):
            if id(self) in running:
                return "..."
            running.add(id(self))
            try:
                fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
            finally:
                running.discard(id(self))
            return f"{self.__class__.__qualname__}({fields})"

        own = cls.__dict__
        if record.eq and ("__hash__" not in own or (own["__hash__"] is None and "__eq__" in own)):
            cls.__hash__ = __hash__ if record.frozen else None
        if record.eq and "__eq__" not in own:
            cls.__eq__ = __eq__
        if "__repr__" not in own:
            cls.__repr__ = __repr__

    def _values_of(names):
        """A function that gives an instance's values of these names, as a tuple."""
        from operator import attrgetter

        if len(names) > 1:
            return attrgetter(*names)
        return lambda instance: tuple(getattr(instance, name) for name in names)

    def _freeze(record):
        """Let no attribute be set or removed; with slots, let instances be copied and pickled as others."""
        cls, names = record.cls, frozenset(one.name for one in record.fields)

        def refused(self, name, done):
            from dataclasses import FrozenInstanceError

            raise FrozenInstanceError(f"cannot {done} field {name!r}")

        def __setattr__(self, name, value):
            if type(self) is cls or name in names:
                refused(self, name, "assign to")
            super(cls, self).__setattr__(name, value)

        def __delattr__(self, name):
            if type(self) is cls or name in names:
                refused(self, name, "delete")
            super(cls, self).__delattr__(name)

        cls.__setattr__, cls.__delattr__ = __setattr__, __delattr__
        if record.slots:
            cls.__getstate__, cls.__setstate__ = _state, _set_state

    def _state(self):
        return [getattr(self, one.name) for one in getattr(type(self), _RECORD).fields]

    def _set_state(self, state):
        for one, value in zip(getattr(type(self), _RECORD).fields, state, strict=True):
            object.__setattr__(self, one.name, value)
