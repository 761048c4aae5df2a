from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.connectors.pace import Pace

seconds = st.floats(0, 1e4)


def test_at_3600_an_hour_of_event_time_goes_by_in_a_second():
    pace = Pace(3600.0)
    pace.begin(event=1_000_000.0, now=5.0)
    assert round(pace.due(now=6.0)) == 1_003_600
    assert pace.wait(1_007_200.0, now=6.0) == 1.0


def test_without_a_speed_everything_is_due():
    pace = Pace(None)
    pace.begin(event=0.0, now=0.0)
    assert pace.due(now=0.0) == float("inf")
    assert pace.wait(1e9, now=0.0) == 0.0


def test_a_replay_that_is_slowed_down_goes_on_from_the_item_it_had_reached():
    pace = Pace(None)
    pace.begin(event=0.0, now=0.0)
    pace.sent(event=9_000.0, now=2.0)
    pace.change(60.0, now=5.0)
    assert pace.wait(9_060.0, now=5.0) == 1.0


@given(speeds=st.lists(st.tuples(st.floats(0.01, 1e5), seconds), min_size=1))
def test_event_time_never_jumps_however_the_speed_is_changed(speeds):
    pace, now, expected = Pace(1.0), 0.0, 0.0
    pace.begin(event=0.0, now=0.0)
    speed = 1.0
    for new_speed, wait in speeds:
        now += wait
        expected += wait * speed
        before = pace.due(now)
        pace.change(new_speed, now)
        assert abs(pace.due(now) - before) < 1e-5 * max(1.0, before)
        assert abs(pace.due(now) - expected) < 1e-2 + 1e-5 * expected
        speed = new_speed


@given(speed=st.floats(0.01, 1e6), minutes=st.integers(0, 600_000), now=st.floats(0, 1e6))
def test_after_the_wait_for_an_item_that_item_is_due(speed, minutes, now):
    pace = Pace(speed)
    begin = 1_356_998_400.0
    pace.begin(begin, now)
    item = begin + 60 * minutes
    assert pace.due(now + pace.wait(item, now)) >= item
