"""For each kind of object: how it is taken apart, and how it is put together without running its `__init__`.

What can be known of the class is looked at once; then there may be a hundred thousand objects of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from operator import attrgetter
from types import MemberDescriptorType
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from streamweave_lab.errors import StateError
from streamweave_lab.state.refusal import Refused

Taken = tuple[tuple[str, ...], list[Any]]
"""The names of the values an object consists of, and these values; there may be more values than names."""


class Kind(NamedTuple):
    """Two functions of a class: what takes its objects apart, and what makes them of values with such names."""

    taker: Callable[[Any], Callable[[Any], Taken]]
    maker: Callable[[Any, tuple[str, ...]], Callable[[list[Any]], Any]]


def _dataclass_taker(cls: Any) -> Callable[[Any], Taken]:
    names = tuple(field.name for field in fields(cls))
    in_slots = [isinstance(getattr(cls, name, None), MemberDescriptorType) for name in names]
    get = attrgetter(*names) if len(names) > 1 and all(in_slots) else None
    builtin = _is_builtin(cls)

    def take(value: Any) -> Taken:
        if builtin:
            raise Refused(value, "a dataclass that is also a built-in type cannot be kept; keep its parts")
        own = getattr(value, "__dict__", {})
        if tuple(own) == names and own:
            return names, [*own.values(), None]
        if get is not None and not own:
            try:
                return names, [*get(value), None]
            except AttributeError:  # not all fields have a value
                pass
        there = tuple(n for n, slot in zip(names, in_slots, strict=True) if n in own or (slot and hasattr(value, n)))
        more = {name: child for name, child in own.items() if name not in there}
        return there, [*(getattr(value, name) for name in there), more or None]

    return take


def _is_builtin(cls: Any) -> bool:
    try:
        object.__new__(cls)
    except TypeError:
        return True
    return False


def _dataclass_maker(cls: Any, names: tuple[str, ...]) -> Callable[[list[Any]], Any]:
    known = {field.name: field for field in fields(cls)}
    _refuse_gone(cls, names, known)
    new = [field for name, field in known.items() if name not in names]
    for field in new:
        if field.init and field.default is MISSING and field.default_factory is MISSING:
            raise _changed(cls, f"has a new field {field.name!r} without a default")
    in_slots = any(isinstance(getattr(cls, name, None), MemberDescriptorType) for name in known)

    def make(values: list[Any]) -> Any:
        made, more = object.__new__(cls), values.pop()
        if in_slots:
            for name, value in zip(names, values, strict=True):
                object.__setattr__(made, name, value)  # it may be frozen
        else:
            made.__dict__.update(zip(names, values, strict=True))
        for field in new:
            _give_default(made, field)
        if more:
            made.__dict__.update(more)
        return made

    return make


def _give_default(made: Any, field: Field[Any]) -> None:
    """Nothing is given where there is no default: a field without init may really have had no value."""
    if field.default is not MISSING:
        object.__setattr__(made, field.name, field.default)
    elif field.default_factory is not MISSING:
        object.__setattr__(made, field.name, field.default_factory())


def _tuple_taker(cls: Any) -> Callable[[Any], Taken]:
    names: tuple[str, ...] = cls._fields

    def take(value: Any) -> Taken:
        if getattr(value, "__dict__", None):
            raise Refused(value, "a named tuple with attributes of its own cannot be kept; use a dataclass")
        return names, list(value)

    return take


def _tuple_maker(cls: Any, names: tuple[str, ...]) -> Callable[[list[Any]], Any]:
    if names == cls._fields:
        return lambda values: tuple.__new__(cls, values)
    _refuse_gone(cls, names, cls._fields)
    if new := [name for name in cls._fields if name not in names and name not in cls._field_defaults]:
        raise _changed(cls, f"has a new field {new[0]!r} without a default")

    def make(values: list[Any]) -> Any:
        had = cls._field_defaults | dict(zip(names, values, strict=True))
        return tuple.__new__(cls, [had[name] for name in cls._fields])

    return make


def _enum_maker(cls: Any, _names: tuple[str, ...]) -> Callable[[list[Any]], Any]:
    def make(values: list[Any]) -> Any:
        if values[0] not in cls.__members__:
            raise _changed(cls, f"has no member {values[0]!r} any more")
        return cls.__members__[values[0]]

    return make


def _flag_maker(cls: Any, _names: tuple[str, ...]) -> Callable[[list[Any]], Any]:
    def make(values: list[Any]) -> Any:
        try:
            return cls(values[0])
        except ValueError as error:
            raise _changed(cls, f"has changed ({error})") from error

    return make


def _take_model(value: Any) -> Taken:
    state = BaseModel.__getstate__(value)
    return (), [state]


def _model_maker(cls: Any, _names: tuple[str, ...]) -> Callable[[list[Any]], Any]:
    def make(values: list[Any]) -> Any:
        (state,) = values
        had = state["__dict__"]
        _refuse_gone(cls, [name for name in had if name in state["__pydantic_fields_set__"]], cls.model_fields)
        new = {name: field for name, field in cls.model_fields.items() if name not in had}
        if required := [name for name, field in new.items() if field.is_required()]:
            raise _changed(cls, f"has a new field {required[0]!r} without a default")
        values_now = had | {
            name: field.get_default(call_default_factory=True, validated_data=had) for name, field in new.items()
        }
        made = cls.__new__(cls)
        private = _private(cls, state["__pydantic_private__"] or {})
        BaseModel.__setstate__(made, state | {"__dict__": values_now, "__pydantic_private__": private})
        return made

    return make


def _private(cls: type[BaseModel], had: dict[str, Any]) -> dict[str, Any] | None:
    """The private attributes of a model: those it has now, with the values kept, or else their defaults."""
    if not cls.__private_attributes__:
        return None
    now = {name: had.get(name, attribute.get_default()) for name, attribute in cls.__private_attributes__.items()}
    return {name: value for name, value in now.items() if value is not PydanticUndefined}


def _take_error(value: Any) -> Taken:
    _, args, *more = _builtin(type(value)).__reduce__(value)
    return (), [args, more[0] if more else None]


def _error_maker(cls: Any, _names: tuple[str, ...]) -> Callable[[list[Any]], Any]:
    def make(values: list[Any]) -> Any:
        args, more = values
        made = _builtin(cls).__new__(cls, *args)
        _builtin(cls).__init__(made, *args)
        made.__setstate__(more)
        return made

    return make


def _builtin(cls: type) -> Any:
    """The exception of Python's own that `cls` derives from: its methods do what a class's own may not."""
    return next(base for base in cls.__mro__ if base.__module__ == "builtins")


def _refuse_gone(cls: type, names: Any, known: Any) -> None:
    if gone := [name for name in names if name not in known]:
        raise _changed(cls, f"has no field {gone[0]!r} any more")


def _changed(cls: type, how: str) -> StateError:
    return StateError(
        f"{cls.__qualname__} {how}; keep old fields and give new ones a default, "
        f"or let the node keep plain data and migrate it"
    )


KINDS = {
    "dataclass": Kind(_dataclass_taker, _dataclass_maker),
    "named tuple": Kind(_tuple_taker, _tuple_maker),
    "enum": Kind(lambda _cls: lambda value: ((), [value._name_]), _enum_maker),
    "flag": Kind(lambda _cls: lambda value: ((), [value._value_]), _flag_maker),
    "model": Kind(lambda _cls: _take_model, _model_maker),
    "error": Kind(lambda _cls: _take_error, _error_maker),
}
