import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.progress.window import Tumbling, granularity, last_instant

INSTANTS = st.floats(min_value=-1e10, max_value=1e10)
SIZES = st.sampled_from([0.001, 0.1, 0.3, 0.7, 1.0, 1.1, 7.0, 60.0, 3600.0, 86400.0])


def test_an_instant_belongs_to_the_window_that_begins_with_it():
    assert Tumbling(seconds=60).bounds(120.0) == (120.0, 180.0)
    assert Tumbling(seconds=60).bounds(179.999) == (120.0, 180.0)


def test_windows_go_on_before_event_time_0():
    assert Tumbling(seconds=60).bounds(-0.5) == (-60.0, 0.0)
    assert Tumbling(seconds=60).bounds(-60.0) == (-60.0, 0.0)


@given(instant=INSTANTS, seconds=SIZES)
def test_every_instant_lies_in_its_window(instant, seconds):
    start, end = Tumbling(seconds=seconds).bounds(instant)
    assert start <= instant < end


@given(n=st.integers(-(10**6), 10**6), seconds=SIZES)
def test_a_window_begins_where_the_one_before_it_ends(n, seconds):
    size = Tumbling(seconds=seconds)
    written = float(Fraction(str(seconds)) * n)
    start, end = size.bounds(written)
    assert start == written
    assert size.bounds(end)[0] == end
    assert size.bounds(last_instant(end)) == (start, end)


def test_windows_of_a_tenth_begin_at_the_tenths_as_they_are_written():
    starts = [Tumbling(seconds=0.1).bounds(float(f"{n / 10}"))[0] for n in range(100)]
    assert starts == [float(f"{n // 10}.{n % 10}") for n in range(100)]


def test_the_last_instant_of_a_window_is_in_it_and_nothing_lies_behind():
    assert last_instant(3600.0) < 3600.0
    assert math.nextafter(last_instant(3600.0), math.inf) == 3600.0


@pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan])
def test_a_window_without_length_is_refused(seconds):
    with pytest.raises(ValueError, match="longer than 0 seconds"):
        Tumbling(seconds=seconds)


@pytest.mark.parametrize("instant", [math.inf, -math.inf, math.nan])
def test_no_window_holds_an_instant_that_is_not_finite(instant):
    with pytest.raises(ValueError, match="no window holds the instant"):
        Tumbling(seconds=1).bounds(instant)


@pytest.mark.parametrize(
    ("seconds", "common"),
    [
        ((), None),
        ((0.0,), None),
        ((60,), 60.0),
        ((60.0, 0.0), 60.0),
        ((60, 90), 30.0),
        ((0.1, 0.25), 0.05),
        ((1e-3, 1), 1e-3),
    ],
)
def test_the_granularity_is_the_greatest_length_that_divides_all(seconds, common):
    assert granularity(*seconds) == common
