from collections import Counter

import pytest
from hypothesis import given, settings

import streamweave_lab as sw
from streamweave_lab.errors import GraphError, HoldFullError, NoEventTimeError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators.join import IntervalJoin
from streamweave_lab.operators.window_join import WindowJoin
from streamweave_lab.progress.window import Tumbling, last_instant
from streamweave_lab.testing.harness import Drive
from tests.operators.scripts import play, two

NEAR = IntervalJoin("near", lambda row: row[1], lambda row: row[1], within=(2.0, 3.0))
SAME = WindowJoin("same", lambda row: row[1], lambda row: row[1], Tumbling(seconds=5))


def near(within=(5.0, 10.0), **kwargs):
    return Drive(IntervalJoin("near", lambda item: item[0], lambda item: item[0], within=within, **kwargs))


def same(**kwargs):
    return Drive(WindowJoin("same", lambda item: item[0], lambda item: item[0], Tumbling(seconds=60), **kwargs))


def test_a_pair_is_sent_once_both_items_are_there_with_the_later_time():
    drive = near().batch(["a left"], [100.0], port="left")
    assert drive.out["out"] == []
    drive.batch(["a right", "b right"], [95.0, 96.0], port="right").batch(["a later"], [110.0], port="right")
    assert drive.out["out"] == [("a left", "a right"), ("a left", "a later")]
    assert drive.times["out"] == [100.0, 110.0]


@pytest.mark.parametrize("joined", [near, same])
def test_what_was_late_before_a_join_went_on_from_a_snapshot_is_late_after_it(joined):
    first = joined().advance(120.0)
    later = joined()
    later.node.restore(first.node.snapshot())
    later.batch(["a", "b"], [59.0, 121.0], port="left")
    assert (later.late_items, later.node.holds) == (["a"], 1)


@pytest.mark.parametrize(("time", "matches"), [(94.9, 0), (95.0, 1), (110.0, 1), (110.1, 0)])
def test_both_ends_of_the_interval_belong_to_it(time, matches):
    drive = near().batch(["a"], [100.0], port="left").batch(["a"], [time], port="right")
    assert len(drive.out["out"]) == matches


@pytest.mark.parametrize("first", ["left", "right"])
@pytest.mark.parametrize("tenth", [2, 7, 11, 17_000_000_001])
def test_an_interval_of_tenths_of_a_second_is_as_long_as_it_is_written(tenth, first):
    sides = {"left": (["l"], [tenth / 10]), "right": (["rr"], [(tenth + 1) / 10])}
    drive = Drive(IntervalJoin("near", len, lambda item: 1, within=(0.0, 0.1), every=0.1))
    second = "right" if first == "left" else "left"
    drive.batch(*sides[first], port=first).batch(*sides[second], port=second)
    assert drive.out["out"] == [("l", "rr")]
    drive = Drive(IntervalJoin("near", len, lambda item: 1, within=(0.0, 0.1), every=0.1))
    drive.batch(*sides["left"], port="left").advance((tenth + 1) / 10).batch(*sides["right"], port="right")
    assert (drive.out["out"], drive.out["left_only"]) == ([("l", "rr")], [])
    assert drive.advance((tenth + 2) / 10).node.holds == 0


def test_items_out_of_order_are_found_and_forgotten_by_their_times():
    drive = near().batch(["a100", "a90", "a95"], [100.0, 90.0, 95.0], port="left").batch(["a"], [92.0], port="right")
    assert drive.out["out"] == [("a90", "a"), ("a95", "a")]
    drive.advance(106.0).batch(["a'"], [106.0], port="right")
    assert drive.out["out"][2:] == [("a100", "a'")]
    assert drive.node.holds == 2


def test_an_interval_may_lie_altogether_after_the_left_item():
    drive = near(within=(-5.0, 10.0)).batch(["a"], [100.0], port="left")
    drive.batch(["a 4", "a 5", "a 10", "a 11"], [104.0, 105.0, 110.0, 111.0], port="right")
    assert [right for _, right in drive.out["out"]] == ["a 5", "a 10"]


def test_an_item_without_a_match_leaves_when_none_can_come_any_more():
    drive = near().batch(["a"], [100.0], port="left").batch(["b"], [100.0], port="right").advance(105.0)
    assert (drive.out["right_only"], drive.node.holds) == ([], 2)
    drive.advance(106.0)
    assert (drive.out["right_only"], drive.times["right_only"]) == (["b"], [105.0])
    drive.advance(110.0)
    assert drive.out["left_only"] == []
    drive.advance(111.0)
    assert (drive.out["left_only"], drive.times["left_only"]) == (["a"], [110.0])
    assert drive.node.holds == 0


def test_an_item_that_had_a_match_is_not_sent_alone():
    drive = near().batch(["a"], [100.0], port="left").batch(["a"], [100.0], port="right").finish()
    assert (drive.out["left_only"], drive.out["right_only"], drive.node.holds) == ([], [], 0)


def test_an_item_is_late_behind_the_multiple_of_every_that_the_frontier_has_passed():
    drive = near(every=10.0).advance(109.0).batch(["a", "b"], [99.0, 100.0], port="left")
    assert (drive.late_items, drive.late_times, drive.node.holds) == (["a"], [99.0], 1)
    assert (drive.promised, drive.node.window_granularity) == (100.0, 10.0)


def test_what_cannot_be_joined_leaves_by_error_and_is_not_kept():
    drive = near(hold=1).batch([7, "a", "b"], [1.0, 2.0, 3.0], port="left").batch(["a"], port="right")
    assert [(f.item, type(f.error), f.time) for f in drive.failures] == [
        (7, TypeError, 1.0),
        ("b", HoldFullError, 3.0),
        ("a", NoEventTimeError, None),
    ]
    assert "'near' holds 1 items that may still have a match" in str(drive.failures[1].error)


def test_an_event_time_that_is_not_finite_is_refused():
    drive = near().batch(["a", "b"], [float("nan"), 2.0], port="left")
    assert ([f.item for f in drive.failures], drive.node.holds) == (["a"], 1)


def test_a_window_is_joined_when_the_frontier_reaches_its_end():
    drive = same().batch(["a right", "a other"], [10.0, 59.0], port="right")
    drive.batch(["a left", "b left", "a next"], [50.0, 51.0, 60.0], port="left").advance(59.0)
    assert (drive.out["out"], drive.node.holds, drive.promised) == ([], 5, 59.0)
    drive.advance(60.0)
    assert drive.out["out"] == [("a left", "a right"), ("a left", "a other")]
    assert drive.out["left_only"] == ["b left"]
    assert drive.times["out"] == [last_instant(60.0)] * 2
    assert drive.node.holds == 1
    assert drive.batch(["a"], [59.0], port="left").late_items == ["a"]
    assert drive.finish().out["left_only"] == ["b left", "a next"]


def test_what_the_window_join_cannot_take_leaves_by_error():
    drive = same(hold=1).batch([7, [[]], "a", "b"], [1.0, 1.0, 2.0, 3.0], port="left")
    assert [(f.item, type(f.error)) for f in drive.failures] == [
        (7, TypeError),
        ([[]], TypeError),
        ("b", HoldFullError),
    ]


@settings(max_examples=40)
@given(two())
def test_an_interval_join_finds_every_pair_whichever_side_came_first(streams):
    drive = play(Drive(NEAR), streams.script(every=1.0)).finish()
    lefts, rights = streams.side("left"), streams.side("right")
    pairs = [(a, b) for a in lefts for b in rights if a[1] == b[1] and a[0] - 2.0 <= b[0] <= a[0] + 3.0]
    assert drive.late_items == []
    assert Counter(drive.out["out"]) == Counter(pairs)
    assert Counter(drive.out["left_only"]) == Counter(lefts) - Counter(a for a, _ in pairs)
    assert Counter(drive.out["right_only"]) == Counter(rights) - Counter(b for _, b in pairs)
    assert drive.times["out"] == [max(a[0], b[0]) for a, b in drive.out["out"]]
    assert drive.node.holds == 0


@settings(max_examples=40)
@given(two())
def test_a_window_join_finds_every_pair_in_order_whichever_side_came_first(streams):
    drive = play(Drive(SAME), streams.script(every=5.0)).finish()
    lefts = sorted(streams.side("left"), key=lambda row: row[0] // 5)
    rights = streams.side("right")
    pairs = [(a, b) for a in lefts for b in rights if (a[0] // 5, a[1]) == (b[0] // 5, b[1])]
    assert drive.out["out"] == pairs
    assert drive.out["left_only"] == [a for a in lefts if a not in {a for a, _ in pairs}]
    assert Counter(drive.out["right_only"]) == Counter(rights) - Counter(b for _, b in pairs)


def test_in_a_run_orders_meet_their_payments_within_an_hour():
    orders = sw.Replay("orders", [(0.0, "a"), (600.0, "b"), (7200.0, "c")], time=lambda row: row[0])
    payments = sw.Replay("payments", [(60.0, "a"), (4300.0, "b"), (7300.0, "c")], time=lambda row: row[0])
    paid = IntervalJoin("paid", lambda row: row[1], lambda row: row[1], within=(0.0, 3600.0))
    graph = Graph(
        "shop",
        orders >> paid.left,
        payments >> paid.right,
        paid >> sw.Collect("pairs"),
        paid.left_only >> sw.Collect("unpaid"),
        paid.right_only >> sw.Collect("stray"),
    )
    run = graph.run_to_end()
    assert sorted(run["pairs"].items) == [((0.0, "a"), (60.0, "a")), ((7200.0, "c"), (7300.0, "c"))]
    assert (run["unpaid"].items, run["stray"].items) == ([(600.0, "b")], [(4300.0, "b")])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"within": (-5.0, 4.0)}, r"is an interval in seconds, not \(-5.0, 4.0\)"),
        ({"within": (float("inf"), 0.0)}, "is an interval in seconds"),
        ({"every": 0.0}, "every must be more than 0 seconds and finite, not 0.0"),
        ({"hold": 0}, "hold must be a whole number and at least 1, not 0"),
    ],
)
def test_what_cannot_be_an_interval_join_is_refused_when_it_is_drawn(kwargs, message):
    with pytest.raises(GraphError, match=message):
        near(**kwargs)


def test_what_cannot_be_a_window_join_is_refused_when_it_is_drawn():
    with pytest.raises(GraphError, match=r"needs a size such as Tumbling\(seconds=60\), not 60"):
        WindowJoin("same", len, len, 60)
    with pytest.raises(GraphError, match="right_key= needs a function, not 'id'"):
        WindowJoin("same", len, "id", Tumbling(seconds=60))
