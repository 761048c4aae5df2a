"""The soak of `python -m tests.journeys.soak`, for five seconds."""

from tests.journeys.soak import soak


def test_whatever_is_done_to_a_run_at_full_load_nothing_is_lost_or_left_behind():
    report = soak(5.0, seed=3)
    assert report.clean, f"{report}"
    assert report.items > 10_000
    assert report.looks >= 10
