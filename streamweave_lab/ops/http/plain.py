"""What may go out as JSON: any Python value, made plain, whatever is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AnySet
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from enum import Enum
from math import isfinite
from typing import Any

from pydantic import BaseModel

DEEPEST = 32
"""Levels of nesting that are shown; what is below is shown as text."""

LONGEST = 64_000
"""Characters of one text that are shown."""


def encoded(value: Any) -> bytes:
    """`value` as JSON. Never raises: what JSON does not know appears as text."""
    return json.dumps(plain(value), ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")


def plain(value: Any, level: int = 0) -> Any:
    """`value` as what JSON knows: dataclasses and models as objects, NaN and other values as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float | str | Enum):
        return _scalar(value)
    if level == DEEPEST:
        return _text(value)
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name), level + 1) for name in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name, None), level + 1) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_key(key): plain(each, level + 1) for key, each in value.items()}
    if isinstance(value, list | tuple | AnySet):
        return [plain(each, level + 1) for each in value]
    return _other(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        return plain(value.value, DEEPEST)
    if isinstance(value, str):
        return str.__str__(value) if len(value) <= LONGEST else f"{value[:LONGEST]}…"
    if isinstance(value, float):
        return float(value) if isfinite(value) else str(float(value))
    return int(value) if value.bit_length() <= 8192 else hex(value)[:LONGEST]  # Python writes no longer ones


def _other(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return value[:LONGEST].decode("utf-8", "backslashreplace")
    return _text(value)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else _text(key)


def _text(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:
        return f"<a {type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


__all__ = ["encoded", "plain"]
