"""Which pairs an IntervalJoin finds: those of exact arithmetic, from whichever side it looks."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamweave_lab.operators.join import IntervalJoin
from streamweave_lab.progress.reach import meant
from streamweave_lab.progress.window import last_instant
from streamweave_lab.testing.harness import Drive

Entry = tuple[str, float]

units = st.sampled_from([(10, 0), (100, 1_700_000_000), (10**6, 1_700_000_000), (10**6, 0)])
"""Parts of a second, and the second to begin with."""


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Entry], tuple[float, float]]:
    parts, base = draw(units)
    time = st.integers(-60, 60).map(lambda n: (base * parts + n) / parts)
    entries = draw(st.lists(st.tuples(st.sampled_from(["left", "right"]), time), max_size=12))
    before, length = draw(st.integers(-9, 30)), draw(st.integers(0, 30))
    return entries, (before / parts, (length - before) / parts)


def written(number: float) -> Fraction:
    return Fraction(str(number))


def joined(entries: list[Entry], within: tuple[float, float]) -> list[tuple[float, float]]:
    drive = Drive(IntervalJoin("near", lambda _: 0, lambda _: 0, within=within))
    for side, time in entries:
        drive.batch([time], [time], port=side)
    return sorted(drive.out["out"])


@settings(deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_every_order_gives_the_pairs_of_exact_decimal_arithmetic(case, dice):
    entries, within = case
    before, after = map(written, within)
    lefts, rights = ([time for side, time in entries if side == which] for which in ("left", "right"))
    pairs = [(a, b) for a in lefts for b in rights if -before <= written(b) - written(a) <= after]
    assert joined(entries, within) == sorted(pairs)
    dice.shuffle(entries)
    assert joined(entries, within) == sorted(pairs)


instants = st.one_of(
    st.integers(-100, 100).map(lambda n: n / 10),
    st.integers(-100, 100).map(lambda n: last_instant(n / 10)),
    st.floats(-10, 10),
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["left", "right"]), instants), max_size=10), instants, instants)
def test_every_order_gives_the_same_pairs_whatever_the_times(entries, one, other):
    within = (-min(one, other), max(one, other))
    first = sorted(entries)
    assert joined(first, within) == joined(first[::-1], within)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["left", "right"]), instants), max_size=10), instants, instants, instants)
def test_what_can_still_have_a_match_is_not_forgotten(entries, one, other, reached):
    within, reached = (-min(one, other), max(one, other)), float(math.floor(reached))
    first = sorted(entries, key=lambda entry: entry[1] >= reached)
    drive = Drive(IntervalJoin("near", lambda _: 0, lambda _: 0, within=within))
    for side, time in first:
        drive.advance(reached if time >= reached else -math.inf).batch([time], [time], port=side)
    assert sorted(drive.out["out"]) == joined(entries, within)


@pytest.mark.parametrize("first", ["left", "right"])
def test_the_result_of_a_window_is_joined_as_of_the_end_of_its_window(first):
    both = [("left", last_instant(15.0)), ("right", 18.0), ("right", 18.1), ("right", 13.0), ("right", 12.9)]
    entries = both if first == "left" else both[::-1]
    assert joined(entries, (2.0, 3.0)) == [(last_instant(15.0), 13.0), (last_instant(15.0), 18.0)]


@given(st.floats(-1e11, 1e11), st.integers(1, 5))
def test_the_later_of_two_instants_is_never_meant_to_be_earlier(instant, steps):
    later = instant
    for _ in range(steps):
        later = math.nextafter(later, math.inf)
    assert meant(instant) <= meant(later)
