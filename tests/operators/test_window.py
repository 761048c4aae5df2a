import math
from typing import NamedTuple

import pytest

from streamweave_lab.errors import GraphError, NoEventTimeError
from streamweave_lab.operators import Pane, Window, WindowResult, count, fold, sum  # noqa: A004
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.testing.harness import Drive

MINUTE = Tumbling(seconds=60)
LAST = math.nextafter(60.0, 0)


class Flight(NamedTuple):
    carrier: str
    delay: float


def counted(**kwargs):
    return Drive(Window("counts", count(), MINUTE, key=lambda item: item, **kwargs))


def values(drive):
    return [(row.key, row.start, row.value) for row in drive.out["out"]]


def test_a_pane_is_sent_when_the_frontier_reaches_its_end():
    drive = counted().batch(["a", "a"], [10.0, 59.0]).advance(59.9)
    assert drive.out["out"] == []
    drive.advance(60.0)
    assert drive.out["out"] == [WindowResult("a", 0.0, 60.0, 2)]


def test_open_panes_are_sent_when_the_input_ends():
    assert values(counted().batch(["a", "a"], [10.0, 61.0]).finish()) == [("a", 0.0, 1), ("a", 60.0, 1)]


def test_windows_are_sent_earliest_first_and_keys_in_the_order_they_came():
    drive = counted().batch(["z", "b", "a", "b"], [130.0, 70.0, 70.0, 10.0]).finish()
    assert values(drive) == [("b", 0.0, 1), ("b", 60.0, 1), ("a", 60.0, 1), ("z", 120.0, 1)]


def test_a_result_has_the_last_instant_of_its_window_as_event_time():
    assert counted().batch(["a"], [10.0]).finish().times["out"] == [LAST]


def test_a_function_is_given_the_pane_and_what_it_returns_is_sent():
    panes = []

    def mean_delay(pane: Pane[str, Flight]) -> float:
        panes.append(pane)
        return math.fsum(flight.delay for flight in pane.items) / len(pane.items)

    window = Window("delays", mean_delay, MINUTE, key=lambda flight: flight.carrier)
    flights = [Flight("UA", 10), Flight("DL", 7), Flight("UA", 20)]
    assert Drive(window).batch(flights, [1.0, 2.0, 3.0]).finish().out["out"] == [15.0, 7.0]
    assert panes == [Pane("UA", 0.0, 60.0, [flights[0], flights[2]]), Pane("DL", 0.0, 60.0, [flights[1]])]


def test_without_a_key_there_is_one_pane_a_window():
    drive = Drive(Window("all", sum(float), MINUTE)).batch([1, 2, 4], [1.0, 2.0, 61.0]).finish()
    assert drive.out["out"] == [WindowResult(None, 0.0, 60.0, 3), WindowResult(None, 60.0, 120.0, 4)]


def test_an_item_behind_the_frontier_is_not_late_while_its_window_is_open():
    drive = counted().advance(50.0).batch(["a"], [10.0]).finish()
    assert (values(drive), drive.late_items) == ([("a", 0.0, 1)], [])


def test_an_item_of_a_window_that_ended_by_the_frontier_is_late():
    drive = counted().batch(["a"], [10.0]).advance(60.0).batch(["b", "a", "b"], [59.0, 61.0, 0.0]).finish()
    assert (drive.late_items, drive.late_times) == (["b", "b"], [59.0, 0.0])
    assert values(drive) == [("a", 0.0, 1), ("a", 60.0, 1)]


def test_a_late_item_that_is_allowed_sends_its_pane_again():
    drive = counted(allowed_lateness=30.0).batch(["a"], [10.0]).advance(60.0).batch(["a", "a", "b"], [11.0, 12.0, 13.0])
    assert values(drive) == [("a", 0.0, 1), ("a", 0.0, 2), ("a", 0.0, 3), ("b", 0.0, 1)]
    assert drive.advance(90.0).batch(["a"], [14.0]).late_items == ["a"]
    assert len(values(drive.finish())) == 4


def test_a_window_that_had_no_item_in_time_takes_late_ones_that_are_allowed():
    drive = counted(allowed_lateness=30.0).advance(70.0).batch(["a"], [10.0])
    assert values(drive) == [("a", 0.0, 1)]


def test_a_pane_that_was_given_to_a_function_does_not_grow_afterwards():
    drive = Drive(Window("panes", lambda pane: pane, MINUTE, allowed_lateness=30.0))
    drive.batch([1], [10.0]).advance(60.0).batch([2], [11.0])
    assert [pane.items for pane in drive.out["out"]] == [[1], [1, 2]]


def test_the_frontier_goes_on_downstream_as_it_is():
    assert counted().batch(["a"], [10.0]).advance(59.0).promised == 59.0


def test_allowed_lateness_holds_the_frontier_at_the_window_that_may_be_sent_again():
    drive = counted(allowed_lateness=30.0)
    assert [drive.advance(t).promised for t in (59.0, 60.0, 89.0, 90.0, 130.0)] == [
        59.0,
        LAST,
        LAST,
        90.0,
        math.nextafter(120.0, 0),
    ]


def test_items_in_open_windows_are_held():
    drive = counted(allowed_lateness=10.0).batch(["a", "b", "a"], [10.0, 61.0, 20.0])
    assert drive.node.holds == 3
    assert drive.advance(60.0).node.holds == 1
    assert drive.batch(["late but allowed", "b"], [1.0, 62.0]).node.holds == 2
    assert drive.finish().node.holds == 0


def test_items_without_event_time_are_refused_and_the_remedy_is_named():
    drive = counted().batch(["a", "b"])
    assert [(f.item, f.time) for f in drive.failures] == [("a", None), ("b", None)]
    assert isinstance(drive.failures[0].error, NoEventTimeError)
    assert "'counts' goes by event time, and this item has none; give the source it comes from a time=" in str(
        drive.failures[0].error
    )


@pytest.mark.parametrize("time", [math.nan, math.inf, -math.inf])
def test_an_event_time_that_is_not_finite_is_refused(time):
    drive = counted().advance(10.0).batch(["a", "b"], [time, 20.0])
    assert [f.item for f in drive.failures] == ["a"]
    assert (drive.node.holds, values(drive.finish())) == (1, [("b", 0.0, 1)])


def test_one_item_without_event_time_among_others_is_refused_alone():
    drive = counted().batch(["a", "b", "c"], [1.0, None, 2.0])
    assert [(f.item, type(f.error)) for f in drive.failures] == [("b", NoEventTimeError)]
    assert drive.node.holds == 2


def test_an_item_on_which_the_key_or_the_fold_raises_leaves_by_error_and_its_pane_as_it_was():
    window = Window("w", fold(8.0, lambda value, item: value / item["by"]), MINUTE, key=lambda item: item["key"])
    items = [{"key": 1, "by": 2}, {"key": 1, "by": 0}, {"by": 1}, {"key": 1, "by": 2}]
    drive = Drive(window).batch(items, [1.0, 2.0, 3.0, 4.0])
    assert [(f.item, f.time) for f in drive.failures] == [(items[1], 2.0), (items[2], 3.0)]
    assert drive.node.holds == 2
    assert values(drive.finish()) == [(1, 0.0, 2.0)]


def test_a_late_but_allowed_item_on_which_the_fold_raises_leaves_by_error():
    drive = (
        Drive(Window("w", sum(lambda n: 1 / n), MINUTE, allowed_lateness=5.0)).advance(60.0).batch([0, 1], [1.0, 2.0])
    )
    assert [f.item for f in drive.failures] == [0]
    assert values(drive) == [(None, 0.0, 1.0)]


def test_a_pane_on_which_the_function_raises_leaves_by_error_as_a_whole_and_the_others_are_sent():
    def only(pane):
        (item,) = pane.items
        return item

    drive = Drive(Window("only", only, MINUTE, key=lambda n: n % 2)).batch([1, 2, 3], [1.0, 2.0, 3.0]).finish()
    assert drive.out["out"] == [2]
    assert [(f.item, f.time) for f in drive.failures] == [(Pane(1, 0.0, 60.0, [1, 3]), LAST)]
    assert drive.node.holds == 0


def test_an_interrupt_is_not_taken_for_a_failing_item():
    def interrupt(_item):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Drive(Window("w", count(), MINUTE, key=interrupt)).batch([1], [1.0])


def test_exact_watermarks_are_needed_where_windows_end_and_where_they_close():
    assert counted().node.window_granularity == 60.0
    assert counted(allowed_lateness=90.0).node.window_granularity == 30.0


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (("mean", MINUTE), {}, "needs a function of a Pane, or a fold"),
        ((len, 60), {}, r"needs a size such as Tumbling\(seconds=60\), not 60"),
        ((len, MINUTE), {"key": "carrier"}, "key= needs a function, not 'carrier'"),
        ((len, MINUTE), {"allowed_lateness": -1}, "allowed_lateness must be 0 or more seconds, not -1"),
        ((len, MINUTE), {"allowed_lateness": math.inf}, "allowed_lateness must be 0 or more seconds, not inf"),
    ],
)
def test_what_cannot_be_a_window_is_refused_when_it_is_drawn(args, kwargs, message):
    with pytest.raises(GraphError, match=message):
        Window("w", *args, **kwargs)
