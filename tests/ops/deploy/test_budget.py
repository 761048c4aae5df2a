"""The time to end in: what is asked for is compared with what the parts need."""

import pytest

from streamweave_lab.errors import ConfigError
from streamweave_lab.ops.deploy.budget import Budget


def test_the_grace_period_is_the_least_that_is_longer_than_all_parts():
    assert Budget(drain=30, checkpoint=10, pre_stop=5, margin=5).grace() == 51


def test_a_fraction_of_a_second_is_rounded_up():
    assert Budget(drain=30.5, checkpoint=10, pre_stop=5, margin=5).grace() == 51
    assert Budget(drain=0.2, checkpoint=0, pre_stop=0, margin=0).grace() == 1


def test_a_longer_grace_period_is_left_as_it_is():
    assert Budget(drain=30, checkpoint=10, pre_stop=5, margin=5).grace(120) == 120


def test_a_grace_period_equal_to_the_parts_is_refused_with_both_ways_out():
    with pytest.raises(ConfigError) as refused:
        Budget(drain=30, checkpoint=10, pre_stop=5, margin=5).grace(50)
    assert refused.value.problems == (
        (
            "a grace period of 50 s is too short: preStop 5 s + drain timeout 30 s + checkpoint timeout 10 s + "
            "margin 5 s = 50 s must be less than it; give a grace period of at least 51 s, "
            "or a drain timeout of at most 29 s"
        ),
    )


def test_no_shorter_drain_is_proposed_where_none_would_fit():
    with pytest.raises(ConfigError, match=r"give a grace period of at least 51 s$"):
        Budget(drain=30, checkpoint=10, pre_stop=5, margin=5).grace(20)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_what_is_no_number_of_seconds_is_refused(seconds):
    with pytest.raises(ConfigError, match=r"drain timeout = .*: must be a number of seconds, 0 or more"):
        Budget(drain=seconds)
