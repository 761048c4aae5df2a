from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamweave_lab.ops.http.limits import Allowance
from streamweave_lab.ops.http.plain import encoded


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: float
    colour: Colour


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Point(1.5, Colour.RED), {"x": 1.5, "colour": "red"}),
        ({("a", 1): {2}, None: b"\xff"}, {"('a', 1)": [2], "None": "\\xff"}),
        ([float("nan"), float("inf"), -0.0], ["nan", "inf", -0.0]),
        (datetime(2013, 1, 1, tzinfo=UTC), "2013-01-01T00:00:00+00:00"),
        ("\ud800 ü", "\ud800 ü"),
        (Rude(), "<a Rude whose repr raises RuntimeError>"),
        (2j, "2j"),
    ],
)
def test_any_value_is_shown_as_json(value: Any, shown: Any) -> None:
    assert json.loads(encoded(value)) == shown


def test_what_is_too_deep_too_long_or_within_itself_is_shown_as_text() -> None:
    knot: list[Any] = []
    knot.append(knot)
    assert b"[...]" in encoded(knot)
    assert len(encoded("x" * 1_000_000)) < 65_000
    assert encoded(10**5000).startswith(b'"0x')


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner)))  # fmt: skip
def test_encoding_never_fails(value: Any) -> None:
    json.loads(encoded(value))


def test_an_allowance_lets_a_burst_through_and_then_so_many_a_second() -> None:
    allowance = Allowance(rate=2.0, burst=3)
    assert [allowance.spend("a", 0.0) for _ in range(5)] == [0.0, 0.0, 0.0, 0.5, 0.5]
    assert allowance.spend("b", 0.0) == 0.0, "each address has its own"
    assert [allowance.spend("a", 0.5), allowance.spend("a", 0.5)] == [0.0, 0.5]
    assert [allowance.spend("a", 100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_an_allowance_remembers_only_so_many_addresses() -> None:
    allowance = Allowance(rate=1.0, burst=1, addresses=2)
    assert [allowance.spend(address, 0.0) for address in "abcb"] == [0.0, 0.0, 0.0, 1.0]
    assert allowance.spend("a", 0.0) == 0.0, "it was forgotten"
