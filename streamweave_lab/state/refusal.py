"""Why a value cannot be kept, and where in the state it stands."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

REMEDY = (
    "let snapshot() return plain data (numbers, str, bytes, list, tuple, dict, set, dates, dataclasses, named tuples), "
    "or say pickled_state = True on that node"
)


class Refused(Exception):  # noqa: N818 - it never leaves the codec
    """`value` cannot be kept, for the reason `why`."""

    def __init__(self, value: Any, why: str) -> None:
        self.value, self.why = value, why
        super().__init__(why)


def unknown(value: Any) -> Refused:
    """The refusal of a value whose type the codec does not know."""
    cls = type(value)
    return Refused(value, f"a {cls.__module__}.{cls.__qualname__} cannot be kept; {REMEDY}")


def where(root: Any, wanted: Any) -> str:
    """The way from `root` to the very object `wanted`, as one would write it: `state["open"][3].due`."""
    ways: deque[tuple[str, Any]] = deque([("state", root)])
    seen: set[int] = set()
    while ways:
        way, value = ways.popleft()
        if value is wanted:
            return way
        if id(value) not in seen:
            seen.add(id(value))
            ways.extend((way + step, child) for step, child in _children(value))
    return "state"


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield f"[{key!r}]", child
            yield f" key {key!r}", key
    elif isinstance(value, list | tuple | deque):
        yield from ((f"[{n}]", child) for n, child in enumerate(value))
    elif isinstance(value, set | frozenset):
        yield from ((f" element {child!r}", child) for child in value)
    if isinstance(value, BaseException):
        yield ".args", value.args
    yield from ((f".{name}", getattr(value, name)) for name in _names(value) if hasattr(value, name))


def _names(value: Any) -> list[str]:
    fields = getattr(type(value), "__dataclass_fields__", {})
    return [*fields, *(name for name in getattr(value, "__dict__", {}) if name not in fields)]
