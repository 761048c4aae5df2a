"""The classes of objects in state. One is found again only where it has been imported already."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import Enum, Flag
from typing import Any

from pydantic import BaseModel

from streamweave_lab.errors import StateError
from streamweave_lab.state.kinds import KINDS, Taken
from streamweave_lab.state.refusal import Refused, unknown


def taker(value: Any) -> Callable[[Any], Taken]:
    """What takes objects of the class of `value` apart into the names and the values they consist of.

    Raises: Refused if they are of no kind that can be kept.
    """
    cls = type(value)
    kind = _kind(cls)
    if kind is None:
        raise unknown(value)
    if _found(cls.__module__, cls.__qualname__) is None:
        raise Refused(value, f"its class {cls.__qualname__} cannot be found again; define it at the top of a module")
    return KINDS[kind].taker(cls)


def entry(cls: type, names: tuple[str, ...]) -> list[Any]:
    """What stands in the table of classes for objects of `cls` that consist of these names."""
    return [_kind(cls), cls.__module__, cls.__qualname__, list(names)]


def maker(kind: str, module: str, qualname: str, names: list[str]) -> Callable[[list[Any]], Any]:
    """What puts objects together again, of their values; neither `__init__` nor `__post_init__` is called.

    Raises: StateError if their class is not imported, is of another kind, or has no such fields any more.
    """
    cls = _found(module, qualname)
    if cls is None or _kind(cls) != kind:
        there = "is not imported" if cls is None else f"is no {kind} any more"
        raise StateError(
            f"this state holds a {kind} {module}.{qualname}, which {there}; "
            f"import what it was drawn with, or let the node keep plain data and migrate it"
        )
    return KINDS[kind].maker(cls, tuple(names))


def _kind(cls: type) -> str | None:
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


def _found(module: str, qualname: str) -> type | None:
    """The class of that name, without importing anything and without calling a module's `__getattr__`."""
    place: Any = sys.modules.get(module)
    for name in qualname.split("."):
        place = getattr(place, "__dict__", {}).get(name)
    return place if isinstance(place, type) else None
