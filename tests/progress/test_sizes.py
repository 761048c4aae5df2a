import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.progress.window import Counting, ProcessingTime, Session, Sliding, Tumbling

INSTANTS = st.floats(min_value=-1e9, max_value=1e9)
SLIDING = st.sampled_from([(60, 20), (60, 60), (5, 2), (0.3, 0.1), (0.7, 0.2), (86400.0, 3600.0)]).map(
    lambda both: Sliding(seconds=both[0], every=both[1])
)


def test_sliding_windows_begin_at_multiples_of_every():
    assert Sliding(seconds=60, every=20).windows(50.0) == [(0, 60), (20, 80), (40, 100)]
    assert Sliding(seconds=5, every=2).windows(-0.5) == [(-4, 1), (-2, 3)]


def test_lengths_that_were_reckoned_are_what_they_were_before_they_were_rounded():
    assert Sliding(seconds=0.1 * 3, every=0.1).windows(0.4) == [(0.2, 0.5), (0.3, 0.6), (0.4, 0.7)]
    assert Sliding(seconds=1, every=1 / 3).windows(0.5) == [(-1 / 3, 2 / 3), (0, 1), (1 / 3, 4 / 3)]
    assert Sliding(seconds=0.3, every=0.1 * 3).windows(0.3) == [(0.3, 0.6)]


@given(INSTANTS, SLIDING)
def test_an_instant_lies_in_all_its_sliding_windows_and_so_does_its_cell(instant, size):
    start, end = size.cell(instant)
    assert start <= instant < end
    windows = size.windows(instant)
    assert all(begin <= start and end <= until for begin, until in windows)
    assert math.floor(size.seconds / size.every) <= len(windows) <= math.ceil(size.seconds / size.every)
    assert windows[-1] == size.bounds(instant)


@given(INSTANTS, SLIDING)
def test_around_an_instant_one_sliding_window_has_ended_and_another_ends_next(instant, size):
    before, after = size.ends_around(instant)
    assert before <= instant < after
    assert after == size.windows(instant)[0][1] or after - before <= size.every * 1.000001
    assert math.isclose(after - before, size.every, rel_tol=1e-3)


@given(INSTANTS, st.sampled_from([0.1, 1.0, 60.0]))
def test_sliding_windows_as_far_apart_as_they_are_long_are_tumbling_ones(instant, seconds):
    tumbling = Tumbling(seconds=seconds)
    assert Sliding(seconds=seconds, every=seconds).windows(instant) == [tumbling.bounds(instant)]
    assert Sliding(seconds=seconds, every=seconds).ends_around(instant) == tumbling.ends_around(instant)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sliding(seconds=0, every=1), "longer than 0 seconds"),
        (lambda: Sliding(seconds=60, every=61), "what came between two of them would be in none"),
        (lambda: Sliding(seconds=60, every=0), "every 60 seconds or more often, not every 0"),
        (lambda: Session(gap=0), "the gap between sessions must be longer than 0 seconds"),
        (lambda: Session(gap=math.nan), "the gap between sessions"),
        (lambda: Counting(0), "at least 1 item, and a whole number of them, not 0"),
        (lambda: Counting(2.5), "a whole number of them, not 2.5"),
        (lambda: ProcessingTime(math.inf), "longer than 0 seconds and finite, not inf"),
    ],
)
def test_sizes_that_cut_nothing_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tumbling(10), r"^Tumbling takes keywords: Tumbling\(seconds=10\)$"),
        (lambda: Sliding(3600, 60), r"^Sliding takes keywords: Sliding\(seconds=3600, every=60\)$"),
        (lambda: Sliding(60, every=20), r"^Sliding takes keywords: Sliding\(seconds=60, every=20\)$"),
        (lambda: Sliding(60), r"^Sliding takes keywords: Sliding\(seconds=60, every=…\)$"),
        (lambda: Session(5), r"^Session takes keywords: Session\(gap=5\)$"),
    ],
)
def test_a_number_that_is_not_named_is_refused_and_told_how_to_name_it(make, message):
    with pytest.raises(TypeError, match=message):
        make()
