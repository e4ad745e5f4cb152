"""Typed values of documents, declared once: read here where they are plainly right, by msgspec where not.

msgspec takes as long to load as a fifth of a `sync`, and nearly every document is right. So a table of a
document is a class with ``@table``; what is read here is exactly what msgspec would take (a property holds
both to it), and whatever is not plainly that is given to msgspec, made from the same declarations, which says
in its own words what is wrong. Schemas are msgspec's as well.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, NamedTuple, TypeVar, dataclass_transform

from mergeguard.values import MISSING, Attribute, attributes, dataclass, field

T = TypeVar("T")

_TABLE = "__table__"  # of a class that is one: its keys by the names of its fields
Reader = Callable[[object], Any]


class Meta(NamedTuple):
    """What a field must be beyond its type; ``description`` is for schemas. As ``msgspec.Meta``."""

    description: str | None = None
    min_length: int | None = None
    ge: int | None = None
    le: int | None = None
    pattern: str | None = None


class Odd(Exception):
    """Values that are not plainly what they should be."""


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def table(cls: type[T] | None = None, /, **keys: str) -> Any:
    """Make a class a table of a document: a frozen dataclass, read with no other keys than those of its
    fields. ``keys`` are those that are not called as their fields are."""

    def made(cls: type[T]) -> type[T]:
        done = dataclass(frozen=True)(cls)
        setattr(done, _TABLE, keys)
        return done

    return made if cls is None else made(cls)


def read(values: object, type_: type[T]) -> T:
    """Plain values as typed ones. Raises Odd: ``by_msgspec`` decides, and says what is wrong."""
    wanted: Any = type_  # `cache` wants to see that it is hashable
    return typing.cast(T, _reader(wanted)(values))


def by_msgspec(values: object, type_: type[T]) -> T:
    """The same as msgspec has it. Raises its ``ValidationError``."""
    import msgspec

    wanted: Any = type_
    return read(msgspec.to_builtins(msgspec.convert(values, struct(wanted))), type_)


# -- reading -------------------------------------------------------------------------------------------


@cache
def _reader(type_: Any) -> Reader:
    """What reads values of a type, made once."""
    origin, arguments = typing.get_origin(type_), typing.get_args(type_)
    if origin is Annotated:
        return _checked(_reader(arguments[0]), arguments[1:])
    if origin in (typing.Union, types.UnionType):
        return _one_of(tuple(map(_reader, arguments)))
    if origin is typing.Literal:
        return _known(dict.fromkeys(arguments))
    if origin in (tuple, list):
        return _sequence(origin, arguments)
    if origin in (dict, Mapping):
        return _mapping(*map(_reader, arguments))
    if isinstance(type_, type) and issubclass(type_, Enum):
        return _known({member.value: member for member in type_})
    if isinstance(type_, type) and hasattr(type_, "_fields"):
        return _row(type_)
    if isinstance(type_, type) and attributes(type_) is not None:
        return _table(type_)
    return _exactly(type(None) if type_ is None else type_)


def _exactly(type_: type) -> Reader:
    def reader(value: object) -> object:
        if type(value) is not type_:
            raise Odd
        return value

    return reader


def _checked(inner: Reader, metas: tuple[object, ...]) -> Reader:
    rules = [meta for meta in metas if isinstance(meta, Meta)]

    def reader(value: object) -> object:
        found = inner(value)
        if not all(_keeps(found, rule) for rule in rules):
            raise Odd
        return found

    return reader if any(rule[1:] != (None,) * 4 for rule in rules) else inner


def _keeps(value: Any, rule: Meta) -> bool:
    return (
        (rule.min_length is None or len(value) >= rule.min_length)
        and (rule.ge is None or value >= rule.ge)
        and (rule.le is None or value <= rule.le)
        and (rule.pattern is None or re.search(rule.pattern, value) is not None)
    )


def _one_of(readers: tuple[Reader, ...]) -> Reader:
    def reader(value: object) -> object:
        for one in readers:
            try:
                return one(value)
            except Odd:
                continue
        raise Odd

    return reader


def _known(values: Mapping[object, object]) -> Reader:
    def reader(value: object) -> object:
        if type(value) is not str or value not in values:
            raise Odd
        found = values[value]
        return value if found is None else found

    return reader


def _sequence(made: type, arguments: tuple[Any, ...]) -> Reader:
    if made is tuple and arguments[-1:] != (...,):
        return _exact_row(tuple(map(_reader, arguments)), tuple)
    inner = _reader(arguments[0])

    def reader(values: object) -> object:
        return made(map(inner, _array(values)))

    return reader


def _array(values: object) -> list[Any] | tuple[Any, ...]:
    if isinstance(values, list | tuple):
        return values
    raise Odd


def _exact_row(readers: tuple[Reader, ...], made: Callable[[list[Any]], Any], needed: int = -1) -> Reader:
    least = len(readers) if needed < 0 else needed

    def reader(values: object) -> object:
        row = _array(values)
        if not least <= len(row) <= len(readers):
            raise Odd
        return made([one(value) for one, value in zip(readers, row, strict=False)])

    return reader


def _row(type_: Any) -> Reader:
    """Of a NamedTuple, which documents have as an array."""
    hints = typing.get_type_hints(type_, include_extras=True)
    readers = tuple(_reader(hints[name]) for name in type_._fields)
    return _exact_row(readers, lambda values: type_(*values), len(readers) - len(type_._field_defaults))


def _mapping(key: Reader, inner: Reader) -> Reader:
    def reader(values: object) -> object:
        if type(values) is not dict:
            raise Odd
        return {key(name): inner(value) for name, value in values.items()}

    return reader


def _table(type_: type) -> Reader:
    keys = getattr(type_, _TABLE, None)
    hints = typing.get_type_hints(type_, include_extras=True)
    fields = [one for one in attributes(type_) or () if one.init]
    readers = {(keys or {}).get(one.name, one.name): (one.name, _reader(hints[one.name])) for one in fields}
    needed = {
        key
        for key, (name, _) in readers.items()
        if not any(one.name == name and _has_default(one) for one in fields)
    }

    def reader(values: object) -> object:
        if type(values) is not dict or not needed <= values.keys():
            raise Odd
        if keys is not None and not values.keys() <= readers.keys():
            raise Odd
        found = ((readers[key], value) for key, value in values.items() if key in readers)
        return type_(**{name: one(value) for (name, one), value in found})

    return reader


def _has_default(one: Attribute) -> bool:
    return one.default is not MISSING or one.default_factory is not MISSING


# -- writing -------------------------------------------------------------------------------------------


def plain(value: object) -> Any:
    """A typed value as the plain ones that ``read`` takes: nothing but what JSON has. Raises TypeError."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {plain(key): plain(one) for key, one in value.items()}
    fields = attributes(type(value))
    if fields is None:
        raise TypeError(f"{type(value).__name__} is no value of a document")
    keys = getattr(type(value), _TABLE, {})
    return {keys.get(one.name, one.name): plain(getattr(value, one.name)) for one in fields}


# -- as msgspec has it -----------------------------------------------------------------------------------


def struct(type_: Any) -> Any:
    """The type with an ``msgspec.Struct`` in each table's place."""
    from inspect import cleandoc  # Python before 3.13 keeps a docstring's indentation

    import msgspec

    origin, arguments = typing.get_origin(type_), typing.get_args(type_)
    if origin is Annotated:
        metas = (msgspec.Meta(**_given(meta)) for meta in arguments[1:] if isinstance(meta, Meta))
        return Annotated[(struct(arguments[0]), *metas)]
    if origin in (typing.Union, types.UnionType):
        return reduce(or_, map(struct, arguments))
    if origin in (tuple, list, dict, Mapping):
        return origin[tuple(one if one is ... else struct(one) for one in arguments)]
    if not isinstance(type_, type) or not hasattr(type_, _TABLE):
        return type_
    keys, hints = getattr(type_, _TABLE), typing.get_type_hints(type_, include_extras=True)
    fields = []
    for one in attributes(type_) or ():
        declared: tuple[Any, ...] = (one.name, struct(hints[one.name]))
        if one.default_factory is not MISSING:
            declared = (*declared, msgspec.field(default_factory=one.default_factory))
        elif hasattr(type(one.default), _TABLE):
            declared = (*declared, msgspec.convert(plain(one.default), declared[1]))
        elif one.default is not MISSING:
            declared = (*declared, one.default)
        fields.append(declared)
    return msgspec.defstruct(
        type_.__name__,
        fields,
        namespace={"__doc__": cleandoc(type_.__doc__ or "") or None},
        module=type_.__module__,
        frozen=True,
        forbid_unknown_fields=True,
        omit_defaults=True,
        rename=keys or None,
    )


def _given(meta: Meta) -> dict[str, Any]:
    return {name: value for name, value in meta._asdict().items() if value is not None}


def schema(type_: type) -> dict[str, Any]:
    """The JSON Schema of a document, for editors."""
    import msgspec

    wanted: Any = type_
    found: dict[str, Any] = msgspec.json.schema(struct(wanted))
    return found
