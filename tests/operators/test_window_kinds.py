"""What each kind of window does, by example."""

import math

import pytest

from streamweave_lab.errors import GraphError, StateError
from streamweave_lab.operators import Pane, Window, WindowResult, count, fold, quantiles, sum  # noqa: A004
from streamweave_lab.progress.window import Counting, ProcessingTime, Session, Sliding, Tumbling
from streamweave_lab.testing.harness import Drive

HOUR = Sliding(seconds=60, every=20)
VISIT = Session(gap=10)


def counted(size, **kwargs):
    return Drive(Window("counts", count(), size, key=lambda item: item, **kwargs))


def gathered(size, **kwargs):
    return Drive(Window("panes", lambda pane: pane, size, **kwargs))


def values(drive):
    return [(row.key, row.start, row.end, row.value) for row in drive.out["out"]]


# Sliding


def test_an_item_is_in_every_sliding_window_around_it():
    drive = counted(HOUR).batch(["a"], [50.0]).advance(200.0)
    assert values(drive) == [("a", 0.0, 60.0, 1), ("a", 20.0, 80.0, 1), ("a", 40.0, 100.0, 1)]


def test_an_item_is_held_until_its_last_sliding_window_was_sent():
    drive = counted(HOUR).batch(["a", "b"], [50.0, 70.0])
    assert [drive.advance(t).node.holds for t in (60.0, 99.0, 100.0, 120.0)] == [2, 2, 1, 0]


def test_an_item_is_late_when_its_last_sliding_window_is_closed_and_else_it_is_in_those_that_are_not():
    drive = counted(HOUR).advance(80.0).batch(["late", "in one"], [19.0, 50.0]).finish()
    assert drive.late_items == ["late"]
    assert values(drive) == [("in one", 40.0, 100.0, 1)]


def test_a_late_but_allowed_item_sends_the_sliding_windows_that_were_sent_again_and_waits_in_the_others():
    drive = counted(HOUR, allowed_lateness=30.0).batch(["a"], [50.0]).advance(80.0).batch(["a"], [51.0])
    assert values(drive)[2:] == [("a", 0.0, 60.0, 2), ("a", 20.0, 80.0, 2)]
    assert values(drive.advance(100.0))[4:] == [("a", 40.0, 100.0, 2)]


def test_an_item_on_which_the_fold_raises_for_one_sliding_window_is_in_none():
    def only_twice(n, _item):
        if n == 2:
            raise ValueError
        return n + 1

    drive = Drive(Window("w", fold(0, only_twice), Sliding(seconds=4, every=2)))
    drive.batch([1, 2, 3], [1.0, 3.0, 3.5]).finish()
    assert [failure.item for failure in drive.failures] == [3]
    assert values(drive) == [(None, -2.0, 2.0, 1), (None, 0.0, 4.0, 2), (None, 2.0, 6.0, 1)]


# Sessions


def test_a_pause_as_long_as_the_gap_parts_two_sessions():
    drive = gathered(VISIT).batch([1, 2, 3], [0.0, 9.5, 19.5]).finish()
    assert drive.out["out"] == [Pane(None, 0.0, 19.5, [1, 2]), Pane(None, 19.5, 29.5, [3])]


@pytest.mark.parametrize("first", [0.2, 0.7, 1.1, 1_700_000_000.1])
def test_a_pause_of_tenths_of_a_second_is_as_long_as_it_is_written(first):
    tenth = round(first * 10)
    times = [tenth / 10, (tenth + 1) / 10, (tenth + 3) / 10]
    drive = counted(Session(gap=0.1)).batch(["a", "a", "a"], times).advance(times[1])
    assert [(result.start, result.end) for result in drive.out["out"]] == [(times[0], times[1])]
    drive = counted(Session(gap=0.2), allowed_lateness=0.1).batch(["a", "a", "a"], times)
    assert [(result.start, result.end) for result in drive.finish().out["out"]] == [
        (times[0], times[2]),
        (times[2], (tenth + 5) / 10),
    ]


def test_every_key_has_sessions_of_its_own():
    drive = counted(VISIT).batch(["a", "b", "a"], [0.0, 5.0, 12.0]).finish()
    assert values(drive) == [("a", 0.0, 10.0, 1), ("b", 5.0, 15.0, 1), ("a", 12.0, 22.0, 1)]


def test_an_item_between_two_sessions_makes_one_of_them_in_the_order_the_items_came():
    drive = gathered(VISIT).batch(["late", "early", "between"], [15.0, 0.0, 7.0]).finish()
    assert drive.out["out"] == [Pane(None, 0.0, 25.0, ["late", "early", "between"])]


@pytest.mark.parametrize("merge", [None, lambda one, other: one + other])
def test_a_fold_of_sessions_that_become_one_says_what_it_says_of_all_their_items(merge):
    drive = Drive(Window("w", fold((), lambda seen, item: (*seen, item), merge=merge), VISIT))
    assert values(drive.batch([1, 2, 3], [0.0, 15.0, 7.0]).finish()) == [(None, 0.0, 25.0, (1, 2, 3))]


def test_a_session_is_sent_when_the_frontier_has_passed_a_multiple_of_the_gap_after_its_end():
    drive = counted(VISIT).batch(["a"], [2.0]).advance(19.9)
    assert (values(drive), drive.node.holds) == ([], 1)
    assert values(drive.advance(20.0)) == [("a", 2.0, 12.0, 1)]
    assert (drive.times["out"], drive.node.holds) == ([math.nextafter(12.0, 0)], 0)


def test_sessions_hold_the_frontier_at_the_multiple_of_the_gap_that_was_passed_last():
    assert [counted(VISIT).advance(t).promised for t in (9.0, 10.0, 19.0, 20.0)] == [0.0, 10.0, 10.0, 20.0]
    assert counted(VISIT, allowed_lateness=5.0).advance(20.0).promised == 15.0


def test_an_item_is_late_if_a_session_of_its_own_would_be_over_and_no_open_one_takes_it():
    drive = counted(VISIT).batch(["a"], [25.0]).advance(30.0).batch(["a", "b", "b"], [16.0, 16.0, 20.5]).finish()
    assert drive.late_items == ["b"]
    assert values(drive) == [("b", 20.5, 30.5, 1), ("a", 16.0, 35.0, 2)]


def test_a_late_but_allowed_item_sends_its_session_again_as_far_as_it_has_grown():
    drive = counted(VISIT, allowed_lateness=30.0).batch(["a"], [15.0]).advance(30.0).batch(["a", "a"], [8.0, 24.0])
    assert values(drive) == [("a", 15.0, 25.0, 1), ("a", 8.0, 25.0, 2)]
    assert drive.node.holds == 1  # the third makes the session go on
    assert values(drive.advance(40.0))[2:] == [("a", 8.0, 34.0, 3)]
    assert drive.node.holds == 0


def test_an_item_on_which_a_merged_fold_raises_leaves_by_error_and_the_sessions_stay_two():
    drive = Drive(Window("w", sum(lambda n: 1 / n), VISIT)).batch([1, 2, 0], [0.0, 15.0, 7.0]).finish()
    assert [failure.item for failure in drive.failures] == [0]
    assert [row.value for row in drive.out["out"]] == [1.0, 0.5]


def test_items_that_are_too_late_for_some_of_their_sliding_windows_are_in_the_others_and_counted():
    drawn = Window("w", count(), Sliding(seconds=20, every=10))
    drive = Drive(drawn).batch(["a"], [25.0]).advance(30.0).batch(["b", "c", "d"], [24.0, 31.0, 9.0]).finish()
    assert values(drive) == [(None, 10.0, 30.0, 1), (None, 20.0, 40.0, 3), (None, 30.0, 50.0, 1)]
    assert (drive.node.partly_late, drive.late_items, drawn.partly_late) == (1, ["d"], 0)
    allowed = Drive(Window("w", count(), Sliding(seconds=20, every=10), allowed_lateness=10.0))
    assert allowed.batch(["a"], [25.0]).advance(30.0).batch(["b"], [24.0]).node.partly_late == 0


# Counting


def test_a_count_window_is_sent_when_it_has_its_items_and_the_rest_at_the_end():
    drive = gathered(Counting(2), key=str.lower).batch(["a", "B", "A"], [3.0, 2.0, 1.0])
    assert drive.out["out"] == [Pane("a", 1.0, 3.0, ["a", "A"])]
    assert (drive.times["out"], drive.node.holds) == ([3.0], 1)
    assert drive.finish().out["out"][1:] == [Pane("b", 2.0, 2.0, ["B"])]


def test_count_windows_need_no_event_time():
    drive = Drive(Window("w", sum(float), Counting(items=2))).batch([1, 2, 3]).finish()
    assert [(row.value, math.isnan(row.start)) for row in drive.out["out"]] == [(3, True), (3, True)]
    assert drive.times["out"] == [None, None]


def test_items_that_wait_for_others_in_a_count_window_hold_the_frontier():
    drive = counted(Counting(2)).batch(["a", "b"], [5.0, 8.0]).advance(20.0)
    assert drive.promised == 5.0
    assert drive.batch(["a"], [21.0]).advance(22.0).promised == 8.0
    assert drive.batch(["b"], [23.0]).advance(24.0).promised == 24.0


def test_the_frontier_is_found_without_keeping_count_windows_that_were_sent():
    drive = counted(Counting(2)).batch(["seldom"], [0.0])
    for n in range(2000):
        drive.batch([f"k{n}"] * 2, [float(n)] * 2)
    assert len(drive.node._gather._firsts) < 100
    assert drive.advance(1999.0).promised == 0.0


# Processing time


def test_a_processing_time_window_is_sent_when_the_clock_has_passed_its_end():
    drive = counted(ProcessingTime(5)).batch(["a", "a"])
    drive.sleep(4.9).batch(["b"])
    assert (values(drive), drive.node.holds) == ([], 3)
    assert values(drive.sleep(0.1)) == [("a", 0.0, 5.0, 2), ("b", 0.0, 5.0, 1)]
    assert (drive.node.holds, drive.alarms) == (0, [])
    assert values(drive.sleep(2.0).batch(["a"]).finish())[2:] == [("a", 5.0, 10.0, 1)]


def test_a_processing_time_window_that_is_over_takes_nothing_more_though_its_alarm_is_late():
    drive = counted(ProcessingTime(5)).batch(["a"])
    drive.node.clock.move_to(6.0)
    assert values(drive.batch(["a"])) == [("a", 0.0, 5.0, 1)]
    assert values(drive.sleep(4.0))[1:] == [("a", 5.0, 10.0, 1)]


def test_an_alarm_that_rings_a_tick_too_soon_does_not_let_a_processing_time_window_be_sent_twice():
    drive = counted(ProcessingTime(5)).batch(["a"])
    drive.node.clock.move_to(5 - 5e-7)
    drive.node.woken(5.0)
    assert values(drive.batch(["a"]).sleep(6.0)) == [("a", 0.0, 5.0, 1), ("a", 5.0, 10.0, 1)]


def test_results_of_processing_time_have_the_newest_event_time_and_hold_the_frontier_at_it():
    drive = counted(ProcessingTime(5)).batch(["a", "b"], [30.0, 20.0]).advance(25.0)
    assert drive.promised == 25.0
    assert drive.advance(35.0).promised == 30.0
    assert drive.sleep(5.0).times["out"] == [30.0, 30.0]
    assert drive.advance(36.0).promised == 36.0


# Early results


@pytest.mark.parametrize("size", [Tumbling(seconds=60), Sliding(seconds=60, every=60), Session(gap=30), Counting(9)])
def test_panes_that_have_changed_are_sent_early_and_once_more_when_they_are_due(size):
    drive = counted(size, early=5.0).batch(["a", "b"], [1.0, 2.0])
    assert [row.value for row in drive.sleep(5.0).out["out"]] == [1, 1]
    drive.sleep(60.0).batch(["a"], [3.0]).sleep(4.0)
    assert len(drive.out["out"]) == 2
    assert [(row.key, row.value) for row in drive.sleep(1.0).out["out"][2:]] == [("a", 2)]
    assert drive.alarms == []
    assert sorted((row.key, row.value) for row in drive.finish().out["out"][3:]) == [("a", 2), ("b", 1)]


def test_a_processing_time_window_too_sends_early_results():
    drive = counted(ProcessingTime(10), early=4.0).batch(["a"]).sleep(9.0).batch(["a"])
    assert [row.value for row in drive.out["out"]] == [1]
    assert [row.value for row in drive.sleep(1.0).out["out"]] == [1, 2]


# Going on from a snapshot


def test_a_window_does_not_go_on_with_what_was_kept_for_another_size():
    state = counted(Tumbling(seconds=60)).batch(["a"], [1.0]).node.snapshot()
    with pytest.raises(StateError, match=r"kept for Tumbling\(seconds=60\) and cannot go on as Tumbling\(seconds=30\)"):
        counted(Tumbling(seconds=30)).node.restore(state)


def test_a_processing_time_window_that_was_over_meanwhile_is_sent_at_once():
    state = counted(ProcessingTime(5)).batch(["a"]).node.snapshot()
    later = counted(ProcessingTime(5))
    later.node.clock.move_to(100.0)
    later.node.restore(state)
    assert values(later.sleep(0.0)) == [("a", 0.0, 5.0, 1)]


def test_a_processing_time_window_goes_on_though_the_clock_was_set_back_meanwhile():
    first = counted(ProcessingTime(5)).sleep(1000.0).batch(["a"]).sleep(6.0).batch(["a"])
    later = counted(ProcessingTime(5))  # on whose clock it is 0
    later.node.restore(first.node.snapshot())
    later.sleep(4.0).batch(["a"]).sleep(2.0).batch(["a"]).sleep(5.0)
    assert values(first) == [("a", 1000.0, 1005.0, 1)]
    assert values(later) == [("a", 1005.0, 1010.0, 2), ("a", 1010.0, 1015.0, 1)]


def test_a_processing_time_window_is_not_sent_twice_though_the_clock_was_set_back_meanwhile():
    first = counted(ProcessingTime(5)).sleep(1000.0).batch(["a"]).sleep(6.0)
    later = counted(ProcessingTime(5))
    later.node.restore(first.node.snapshot())
    assert values(later.batch(["a"]).sleep(5.0)) == [("a", 1005.0, 1010.0, 1)]


@pytest.mark.parametrize(
    "size", [Tumbling(seconds=60), Sliding(seconds=60, every=60), Session(gap=30), Counting(9), ProcessingTime(60)]
)
def test_panes_that_were_not_sent_early_before_a_snapshot_are_sent_early_after_it(size):
    first = counted(size, early=5.0).batch(["a", "b"], [1.0, 2.0])
    later = counted(size, early=5.0)
    later.node.restore(first.node.snapshot())
    later.sleep(5.0)
    assert [(row.key, row.value) for row in later.out["out"]] == [("a", 1), ("b", 1)]
    later.batch(["a"], [3.0]).sleep(5.0)
    assert [(row.key, row.value) for row in later.out["out"][2:]] == [("a", 2)]
    assert sorted((row.key, row.value) for row in later.finish().out["out"][3:]) == [("a", 2), ("b", 1)]


def test_sessions_that_become_one_after_a_snapshot_have_their_items_in_the_order_they_came():
    first = gathered(VISIT).batch([1, 2], [0.0, 15.0])
    later = gathered(VISIT)
    later.node.restore(first.node.snapshot())
    assert later.batch([3], [8.0]).finish().out["out"] == [Pane(None, 0.0, 25.0, [1, 2, 3])]


def test_the_early_results_of_a_session_begun_after_a_snapshot_are_its_own():
    first = counted(VISIT, early=5.0).batch(["a"], [0.0])
    later = counted(VISIT, early=5.0)
    later.node.restore(first.node.snapshot())
    later.batch(["b"], [0.0]).sleep(5.0)
    assert values(later) == [("a", 0.0, 10.0, 1), ("b", 0.0, 10.0, 1)]


def test_a_count_window_begun_after_a_snapshot_holds_the_frontier_where_it_began():
    first = counted(Counting(2)).batch(["a"], [1.0])
    later = counted(Counting(2))
    later.node.restore(first.node.snapshot())
    assert later.batch(["a", "a"], [2.0, 50.0]).advance(100.0).promised == 50.0


def test_a_snapshot_can_be_gone_on_from_twice_for_it_stays_as_it_was():
    for how in (lambda pane: pane.items, quantiles(float, 0.5), fold([], lambda seen, item: seen.append(item) or seen)):
        for size in (Tumbling(seconds=60), HOUR, VISIT, Counting(9), ProcessingTime(5)):
            state = Drive(Window("w", how, size)).batch([1], [1.0]).node.snapshot()
            ends = []
            for _ in range(2):
                drive = Drive(Window("w", how, size))
                drive.node.restore(state)
                ends.append(drive.batch([3], [2.0]).finish().out["out"])
            assert ends[0] == ends[1]


@pytest.mark.parametrize(
    ("size", "kwargs", "message"),
    [
        (Counting(3), {"allowed_lateness": 1}, r"nothing is late for Counting\(items=3\)"),
        (ProcessingTime(3), {"allowed_lateness": 1}, "does not go by event time; leave out allowed_lateness"),
        (VISIT, {"early": 0}, "early must be more than 0 seconds between early results, not 0"),
        (Tumbling, {}, "needs a size such as"),
    ],
)
def test_what_makes_no_sense_for_a_size_is_refused_when_it_is_drawn(size, kwargs, message):
    with pytest.raises(GraphError, match=message):
        Window("w", len, size, **kwargs)


def test_exact_watermarks_are_needed_at_multiples_of_slides_and_gaps():
    sizes = [Sliding(seconds=50, every=20), VISIT, Counting(3), ProcessingTime(3)]
    assert [Window("w", len, size).window_granularity for size in sizes] == [10.0, 10, None, None]
    assert Window("w", WindowResult, Sliding(seconds=50, every=20), allowed_lateness=5).window_granularity == 5.0
