import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.progress.grid import Grid, common, exact, plus

LENGTHS = st.sampled_from([0.001, 0.1, 0.3, 1 / 3, 0.1 * 3, 0.7, 1.0, 1.1, 7.0, 3600.0])


@pytest.mark.parametrize(
    ("seconds", "meant"),
    [
        (0.1, Fraction(1, 10)),
        (0.1 * 3, Fraction(3, 10)),
        (0.3 - 0.2, Fraction(1, 10)),
        (1 / 3, Fraction(1, 3)),
        (86400 / 7, Fraction(86400, 7)),
        (0.123456789, Fraction(123456789, 10**9)),
        (1e-7, Fraction(1, 10**7)),
        (math.pi, Fraction("3.141592653589793")),
        (60, Fraction(60)),
    ],
)
def test_a_length_is_the_one_that_was_meant(seconds, meant):
    assert exact(seconds) == meant


@given(LENGTHS, st.floats(min_value=-1e9, max_value=1e9))
def test_an_instant_lies_between_two_multiples(length, instant):
    grid = Grid(exact(length))
    n = grid.passed(instant)
    assert grid.at(n) <= instant < grid.at(n + 1)


@given(LENGTHS, st.integers(-(10**9), 10**9))
def test_a_multiple_is_the_nearest_float_and_has_been_passed_when_it_is_reached(length, n):
    grid = Grid(exact(length))
    there = grid.at(n)
    assert there == float(exact(length) * n) == grid.nearest(there)
    assert grid.passed(there) == n
    assert grid.passed(math.nextafter(there, -math.inf)) == n - 1


def test_what_several_lengths_have_in_common_is_exact():
    assert common(0.1 * 3, 0.2, 0.0) == Fraction(1, 10)
    assert common(1, 1 / 3) == Fraction(1, 3)
    assert common(0.0) is None


MICROSECONDS = st.integers(-(10**15), 10**15)


@given(MICROSECONDS, MICROSECONDS)
def test_a_sum_of_decimals_is_the_decimal_and_not_what_the_sum_of_the_floats_is_rounded_to(instant, seconds):
    assert plus(instant / 10**6, seconds / 10**6) == (instant + seconds) / 10**6


@pytest.mark.parametrize(
    ("instant", "seconds"), [(1 / 3, 0.1), (1e300, 1.0), (math.inf, -1.0), (-math.inf, 5.0), (3, 4)]
)
def test_a_sum_of_what_is_no_decimal_is_that_of_the_floats(instant, seconds):
    assert plus(instant, seconds) == instant + seconds
