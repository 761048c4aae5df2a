"""Classes whose objects are kept in the tests."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import BaseModel, PrivateAttr


class Colour(enum.Enum):
    RED = "r"
    BLUE = ("b", 2)


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Place(NamedTuple):
    code: str
    seen: Any = None


@dataclass
class Reading:
    sensor: str
    value: Any
    seen: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.seen += 1


@dataclass(frozen=True, slots=True)
class Fixed:
    name: str
    parts: Any = ()


class Model(BaseModel):
    name: str
    values: Any = None
    _hidden: int = PrivateAttr(default=0)


class OddError(ValueError):
    def __init__(self, item: object, *, port: str) -> None:
        super().__init__(f"{item} is odd")
        self.item, self.port = item, port


class Plain:
    """Of no kind that can be kept."""


@dataclass
class Mine(dict):  # type: ignore[type-arg]
    name: str = ""
