"""Objects as their class and their fields. A class is found again only where it has been imported already."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, fields
from enum import Enum, Flag
from types import MemberDescriptorType
from typing import Any, NamedTuple

from pydantic import BaseModel

from streamweave_lab.errors import StateError
from streamweave_lab.state.refusal import Refused


class Shape(NamedTuple):
    """The class of an object, how it is put together (`kind`), and the names of the values it consists of."""

    kind: str
    module: str
    qualname: str
    names: tuple[str, ...]


def taken_apart(value: Any) -> tuple[Shape, list[Any]] | None:
    """An object as its shape and values; None if it is of no kind that can be kept. Raises: Refused."""
    cls = type(value)
    kind = kind_of(cls)
    if kind is None:
        return None
    if found(cls.__module__, cls.__qualname__) is None:
        raise Refused(value, f"its class {cls.__qualname__} cannot be found again; define it at the top of a module")
    names, values = _KINDS[kind][0](value)
    return Shape(kind, cls.__module__, cls.__qualname__, tuple(names)), values


def put_together(kind: str, module: str, qualname: str, names: list[str], values: list[Any]) -> Any:
    """The object again; neither `__init__` nor `__post_init__` is called.

    Raises: StateError if its class is not imported, is of another kind, or has no such fields any more.
    """
    cls = found(module, qualname)
    if cls is None or kind_of(cls) != kind:
        there = "is not imported" if cls is None else f"is no {kind} any more"
        raise StateError(
            f"this state holds a {kind} {module}.{qualname}, which {there}; "
            f"import what it was drawn with, or let the node keep plain data and migrate it"
        )
    return _KINDS[kind][1](cls, names, values)


def kind_of(cls: type) -> str | None:
    """How objects of this class are put together; None if they cannot be."""
    if issubclass(cls, Flag):
        return "flag"
    if issubclass(cls, Enum):
        return "enum"
    if issubclass(cls, BaseModel):
        return "model"
    if issubclass(cls, tuple):
        return "named tuple" if hasattr(cls, "_fields") else None
    if issubclass(cls, BaseException):
        return "error"
    return "dataclass" if hasattr(cls, "__dataclass_fields__") else None


def found(module: str, qualname: str) -> type | None:
    """The class of that name, without importing anything and without calling a module's `__getattr__`."""
    place: Any = sys.modules.get(module)
    for name in qualname.split("."):
        place = getattr(place, "__dict__", {}).get(name)
    return place if isinstance(place, type) else None


# Each kind: the names and values an object consists of, and the object made of them again.


def _take_dataclass(value: Any) -> tuple[Iterable[str], list[Any]]:
    try:
        object.__new__(type(value))
    except TypeError:
        raise Refused(value, "a dataclass that is also a built-in type cannot be kept; keep its parts") from None
    names = [field.name for field in fields(value) if _is_set(value, field.name)]
    more = {name: child for name, child in getattr(value, "__dict__", {}).items() if name not in names}
    return names, [*(getattr(value, name) for name in names), more or None]


def _is_set(value: Any, name: str) -> bool:
    """Whether the object itself has a value for this field, and not only its class a default."""
    if name in getattr(value, "__dict__", ()):
        return True
    return isinstance(getattr(type(value), name, None), MemberDescriptorType) and hasattr(value, name)


def _make_dataclass(cls: Any, names: list[str], values: list[Any]) -> Any:
    *values, more = values
    made, known = object.__new__(cls), {field.name: field for field in fields(cls)}
    if gone := [name for name in names if name not in known]:
        raise _changed(cls, f"has no field {gone[0]!r} any more")
    for name, value in zip(names, values, strict=True):
        object.__setattr__(made, name, value)  # it may be frozen
    for name, field in known.items():
        if name not in names:
            _give_default(cls, made, field)
    if more:
        made.__dict__.update(more)
    return made


def _give_default(cls: Any, made: Any, field: Field[Any]) -> None:
    if field.default is not MISSING:
        object.__setattr__(made, field.name, field.default)
    elif field.default_factory is not MISSING:
        object.__setattr__(made, field.name, field.default_factory())
    elif field.init:  # one without init may really have had no value
        raise _changed(cls, f"has a new field {field.name!r} without a default")


def _take_tuple(value: Any) -> tuple[Iterable[str], list[Any]]:
    if getattr(value, "__dict__", None):
        raise Refused(value, "a named tuple with attributes of its own cannot be kept; use a dataclass")
    return value._fields, list(value)


def _make_tuple(cls: Any, names: list[str], values: list[Any]) -> Any:
    had = dict(zip(names, values, strict=True))
    if gone := [name for name in names if name not in cls._fields]:
        raise _changed(cls, f"has no field {gone[0]!r} any more")
    had = cls._field_defaults | had
    if new := [name for name in cls._fields if name not in had]:
        raise _changed(cls, f"has a new field {new[0]!r} without a default")
    return tuple.__new__(cls, [had[name] for name in cls._fields])


def _take_enum(value: Any) -> tuple[Iterable[str], list[Any]]:
    return (), [value._name_]


def _make_enum(cls: Any, _names: list[str], values: list[Any]) -> Any:
    if values[0] not in cls.__members__:
        raise _changed(cls, f"has no member {values[0]!r} any more")
    return cls.__members__[values[0]]


def _take_flag(value: Any) -> tuple[Iterable[str], list[Any]]:
    return (), [value._value_]


def _make_flag(cls: Any, _names: list[str], values: list[Any]) -> Any:
    try:
        return cls(values[0])
    except ValueError as error:
        raise _changed(cls, f"has changed ({error})") from error


def _take_model(value: Any) -> tuple[Iterable[str], list[Any]]:
    state = BaseModel.__getstate__(value)
    return state.keys(), list(state.values())


def _make_model(cls: Any, names: list[str], values: list[Any]) -> Any:
    state, made = dict(zip(names, values, strict=True)), cls.__new__(cls)
    had = state["__dict__"]
    new = [name for name, field in cls.model_fields.items() if name not in had and field.is_required()]
    gone = [name for name in had if name in state["__pydantic_fields_set__"] and name not in cls.model_fields]
    if gone or new:
        raise _changed(cls, f"has no field {gone[0]!r} any more" if gone else f"has a new required field {new[0]!r}")
    defaults = {
        name: field.get_default(call_default_factory=True, validated_data=had)
        for name, field in cls.model_fields.items()
        if name not in had
    }
    BaseModel.__setstate__(made, state | {"__dict__": had | defaults})
    return made


def _take_error(value: Any) -> tuple[Iterable[str], list[Any]]:
    _, args, *more = _builtin(type(value)).__reduce__(value)
    return (), [args, more[0] if more else None]


def _make_error(cls: Any, _names: list[str], values: list[Any]) -> Any:
    args, more = values
    made = _builtin(cls).__new__(cls, *args)
    _builtin(cls).__init__(made, *args)
    made.__setstate__(more)
    return made


def _builtin(cls: type) -> Any:
    """The exception of Python's own that `cls` derives from: its methods do what a class's own may not."""
    return next(base for base in cls.__mro__ if base.__module__ == "builtins")


def _changed(cls: type, how: str) -> StateError:
    return StateError(
        f"{cls.__qualname__} {how}; keep old fields and give new ones a default, "
        f"or let the node keep plain data and migrate it"
    )


_Take = Callable[[Any], tuple[Iterable[str], list[Any]]]
_Make = Callable[[Any, list[str], list[Any]], Any]

_KINDS: dict[str, tuple[_Take, _Make]] = {
    "dataclass": (_take_dataclass, _make_dataclass),
    "named tuple": (_take_tuple, _make_tuple),
    "enum": (_take_enum, _make_enum),
    "flag": (_take_flag, _make_flag),
    "model": (_take_model, _make_model),
    "error": (_take_error, _make_error),
}
