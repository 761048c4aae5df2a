"""Items as what files and tables can hold: fields by name, and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

_PLAIN = frozenset({bool, int, float, str, type(None)})
_MAPPINGS = (dict, Mapping)  # dict first: the abstract class takes its time


def fields_of(item: Any) -> dict[str, Any]:
    """The fields of a mapping, NamedTuple, dataclass or pydantic model, by name. Raises: TypeError if it is none."""
    if isinstance(item, tuple) and hasattr(item, "_fields"):
        return dict(zip(item._fields, item, strict=True))
    if isinstance(item, _MAPPINGS):
        return dict(item)
    if is_dataclass(item) and not isinstance(item, type):
        return {field.name: getattr(item, field.name) for field in fields(item)}
    if isinstance(item, BaseModel):
        return {name: getattr(item, name) for name in type(item).model_fields}
    raise TypeError(f"a {type(item).__name__} has no named fields")


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: named fields become an object, an error its repr, a time its ISO text.

    Raises: ValueError for what has no such form.
    """
    if type(value) in _PLAIN:
        return value
    if hasattr(value, "_fields") or isinstance(value, _MAPPINGS) or is_dataclass(value):
        named = fields_of(value)
        if _PLAIN.issuperset(map(type, named.values())):
            return named
        return {name: plain(field) for name, field in named.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, BaseException):
        return repr(value)
    return to_jsonable_python(value)


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def as_json(value: Any) -> str:
    """`value` as one line of JSON. Raises: ValueError or TypeError for what JSON cannot hold, NaN included."""
    return _encode(plain(value))
