"""Numbers that are none, such as nan: refused also in sections that are plain models, and would take them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from pydantic import BaseModel
from pydantic_core import InitErrorDetails, ValidationError

Place = tuple[str | int, ...]


def refuse_endless(model: BaseModel) -> None:
    """Raises: ValidationError for each number within the sections of `model` that is not finite."""
    found = [pair for name, value in model for pair in _endless(value, (name,)) if len(pair[0]) > 1]
    if found:
        errors = [InitErrorDetails(type="finite_number", loc=place, input=number) for place, number in found]
        raise ValidationError.from_exception_data(type(model).__name__, errors)


def _endless(value: Any, place: Place) -> Iterator[tuple[Place, float]]:
    match value:
        case float():
            if not isfinite(value):
                yield place, value
        case BaseModel():
            if value.model_config.get("allow_inf_nan") is None:  # else pydantic looks, as the class has said
                for name, inner in value:
                    if not _allowed(type(value), name):
                        yield from _endless(inner, (*place, name))
        case Mapping():
            for key, inner in value.items():
                yield from _endless(inner, (*place, str(key)))
        case list() | tuple():
            for index, inner in enumerate(value):
                yield from _endless(inner, (*place, index))


def _allowed(model: type[BaseModel], name: str) -> bool:
    """The field has said so: `Field(allow_inf_nan=True)`."""
    info = model.model_fields.get(name)
    return info is not None and any(getattr(each, "allow_inf_nan", False) for each in info.metadata)


__all__ = ["refuse_endless"]
