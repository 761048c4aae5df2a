"""Classes change between a checkpoint and going on from it."""

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, PrivateAttr

from streamweave_lab.errors import StateError
from streamweave_lab.state.codec import decode, encode
from tests.state import things


@dataclass
class MoreReading:
    sensor: str
    value: Any
    seen: int = field(default=0, init=False)
    unit: str = "C"
    notes: list[str] = field(default_factory=list)


@dataclass
class LessReading:
    sensor: str


@dataclass
class StrictReading:
    sensor: str
    value: Any
    seen: int
    unit: str


class MorePlace(NamedTuple):
    city: str = "?"
    code: str = "?"
    seen: Any = None


class LessPlace(NamedTuple):
    code: str


class StrictPlace(NamedTuple):
    code: str
    seen: Any
    city: str


class Colour(enum.Enum):
    RED = "another value"


class Right(enum.Flag):
    READ = 1


class MoreModel(BaseModel):
    name: str
    values: Any = None
    unit: str = "C"
    _seen: int = PrivateAttr(default=3)


class LessModel(BaseModel):
    pass


class StrictModel(BaseModel):
    name: str
    values: Any
    unit: str


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, type, Any], Any]:
    """What a value comes back as, when its class in `things` has meanwhile become another."""

    def back(name: str, cls: type, value: Any) -> Any:
        data = encode(value)
        monkeypatch.setattr(things, name, cls)
        return decode(data)

    return back


Now = Callable[[str, type, Any], Any]


def test_new_fields_get_their_defaults(now: Now) -> None:
    back = now("Reading", MoreReading, things.Reading("a", 1))
    assert vars(back) == {"sensor": "a", "value": 1, "seen": 1, "unit": "C", "notes": []}
    assert now("Place", MorePlace, things.Place("JFK", 2)) == MorePlace("?", "JFK", 2)
    model = now("Model", MoreModel, things.Model(name="a"))
    assert (model, model._seen, model.model_fields_set) == (MoreModel(name="a"), 3, {"name"})


@pytest.mark.parametrize(("name", "cls", "value", "words"), [
    ("Reading", LessReading, things.Reading("a", 1), "LessReading has no field 'value' any more"),
    ("Reading", StrictReading, things.Reading("a", 1), "StrictReading has a new field 'unit' without a default"),
    ("Reading", things.Plain, things.Reading("a", 1), "things.Reading, which is no dataclass any more"),
    ("Place", LessPlace, things.Place("a"), "LessPlace has no field 'seen' any more"),
    ("Place", StrictPlace, things.Place("a"), "StrictPlace has a new field 'city' without a default"),
    ("Model", LessModel, things.Model(name="a"), "LessModel has no field 'name' any more"),
    ("Model", StrictModel, things.Model(name="a"), "StrictModel has a new field 'unit' without a default"),
    ("Colour", Colour, things.Colour.BLUE, "Colour has no member 'BLUE' any more"),
    ("Right", Right, things.Right.READ | things.Right.WRITE, "Right has changed"),
])  # fmt: skip
def test_a_class_that_does_not_fit_any_more_is_named_with_what_to_do(
    now: Now, name: str, cls: type, value: Any, words: str
) -> None:
    with pytest.raises(StateError) as refusal:
        now(name, cls, [value])
    assert words in str(refusal.value)
    assert "migrate it" in str(refusal.value)


def test_a_member_of_an_enum_is_found_by_its_name(now: Now) -> None:
    assert now("Colour", Colour, things.Colour.RED) is Colour.RED


def test_an_object_that_lacks_what_no_default_can_fill_is_refused() -> None:
    bare, slotted = object.__new__(things.Reading), object.__new__(things.Fixed)
    bare.sensor = "a"
    object.__setattr__(slotted, "parts", (1,))
    with pytest.raises(StateError, match="has a new field 'value' without a default"):
        decode(encode(bare))
    with pytest.raises(StateError, match="has a new field 'name' without a default"):
        decode(encode(slotted))


def test_objects_of_one_class_may_differ_in_what_they_have() -> None:
    first, second = things.Reading("a", 1), things.Reading("b", 2)
    second.more = [3]  # type: ignore[attr-defined]
    back = decode(encode([first, second, first]))
    assert [vars(one) for one in back] == [vars(first), vars(second), vars(first)]
