import pytest
from hypothesis import given, settings

import streamweave_lab as sw
from streamweave_lab.errors import GraphError, HoldFullError, NoEventTimeError, RunFailedError, UnmatchedError
from streamweave_lab.operators.enrich import Enrich
from streamweave_lab.testing.harness import Drive
from tests.operators.scripts import play, two


def enrich(**kwargs):
    options = {"key": lambda item: item[0], "table_key": lambda row: row[0], **kwargs}
    return Drive(Enrich("rates", lambda item, row: f"{item}/{row}", **options))


def test_an_item_has_the_row_that_was_in_force_at_its_time():
    drive = enrich().batch(["a1", "a3"], [10.0, 30.0], port="table").batch(["a", "a'", "a''"], [30.0, 10.0, 29.0])
    assert (drive.out["out"], drive.node.holds) == ([], 5)
    drive.advance(30.0)
    assert (drive.out["out"], drive.times["out"]) == (["a'/a1", "a''/a1"], [10.0, 29.0])
    assert drive.batch(["a30"], [30.0], port="table").advance(31.0).out["out"][2:] == ["a/a30"]
    assert drive.node.holds == 0


def test_an_item_waits_for_the_frontier_and_the_frontier_downstream_for_it():
    drive = enrich(every=10.0).batch(["a1"], [10.0], port="table").batch(["a"], [12.0]).advance(19.0)
    assert (drive.out["out"], drive.promised) == ([], 10.0)
    assert drive.advance(20.0).out["out"] == ["a/a1"]


def test_an_item_without_a_row_is_refused_and_the_remedy_is_named():
    drive = enrich().batch(["b1"], [10.0], port="table").batch(["a", "b"], [11.0, 9.0]).finish()
    assert [(f.item, type(f.error), f.time) for f in drive.failures] == [
        ("b", UnmatchedError, 9.0),
        ("a", UnmatchedError, 11.0),
    ]
    assert (
        str(drive.failures[1].error)
        == "'rates' has no row for the key 'a'; give it otherwise=, a function of such an item"
    )


def test_otherwise_says_what_is_sent_for_an_item_without_a_row():
    drive = enrich(otherwise=lambda item: f"{item}/none").batch(["a"], [1.0]).finish()
    assert (drive.out["out"], drive.failures) == (["a/none"], [])


def test_a_row_can_be_too_old():
    drive = enrich(otherwise=lambda item: "too old", within=5.0)
    drive.batch(["a1"], [10.0], port="table").batch(["a", "a'"], [15.0, 15.1]).finish()
    assert drive.out["out"] == ["a/a1", "too old"]


def test_an_item_behind_the_frontier_is_late():
    drive = enrich(every=10.0).advance(19.0).batch(["a", "b"], [9.0, 10.0])
    assert (drive.late_items, drive.late_times, drive.node.holds) == (["a"], [9.0], 1)


def test_a_late_row_counts_from_then_on_unless_there_is_a_newer_one():
    drive = enrich().advance(20.0).batch(["a5", "a8", "a6"], [5.0, 8.0, 6.0], port="table")
    assert (drive.late_items, drive.late_times, drive.node.holds) == (["a6"], [6.0], 0)
    assert drive.batch(["a"], [20.0]).finish().out["out"] == ["a/a8"]


def test_by_arrival_it_is_the_row_that_came_last_and_nothing_waits():
    drive = enrich(as_of=False, otherwise=str.upper).batch(["a"], [5.0])
    drive.batch(["a1", "a2"], port="table").batch(["a", "b"], [3.0, 4.0]).advance(7.0)
    assert (drive.out["out"], drive.times["out"]) == (["A", "a/a2", "B"], [5.0, 3.0, 4.0])
    assert (drive.promised, drive.node.holds, drive.node.window_granularity) == (7.0, 0, None)


def test_by_arrival_what_fails_leaves_by_error():
    drive = enrich(as_of=False).batch([7], port="table").batch(["a", 8])
    assert [(f.item, type(f.error)) for f in drive.failures] == [(7, TypeError), ("a", UnmatchedError), (8, TypeError)]


def test_what_fails_leaves_by_error_when_its_time_has_come():
    def how(item, row):
        return item / row

    drive = Drive(Enrich("ratio", how, key=lambda _: 0, table_key=lambda row: {1: []}.get(row, 0)))
    drive.batch([1, 0], [1.0, 2.0], port="table").batch([8, 9], [3.0, None]).finish()
    assert [(f.item, type(f.error)) for f in drive.failures] == [
        (1, TypeError),
        (9, NoEventTimeError),
        (8, ZeroDivisionError),
    ]
    late = Drive(Enrich("ratio", how, key=lambda _: 0, table_key=lambda row: 1 / row)).advance(9.0)
    assert [f.item for f in late.batch([0], [3.0], port="table").failures] == [0]


def test_no_more_than_hold_wait():
    drive = enrich(hold=2).batch(["a1"], [1.0], port="table").batch(["a", "a'"], [1.0, 2.0])
    assert [(f.item, type(f.error)) for f in drive.failures] == [("a'", HoldFullError)]
    assert drive.finish().out["out"] == ["a/a1"]


@settings(max_examples=40)
@given(two(ports=("in", "table")))
def test_each_item_finds_the_row_of_a_plain_search_whichever_input_was_faster(streams):
    node = Enrich(
        "near",
        lambda item, row: (item, row),
        key=lambda row: row[1],
        table_key=lambda row: row[1],
        otherwise=lambda item: (item, None),
        within=8.0,
    )
    drive = play(Drive(node), streams.script(every=1.0)).finish()
    expected = []
    for item in sorted(streams.side("in"), key=lambda row: row[0]):
        rows = [row for row in streams.side("table") if row[1] == item[1] and item[0] - 8.0 <= row[0] <= item[0]]
        # Of rows of the same time the one that came last.
        expected.append((item, max(enumerate(rows), key=lambda r: (r[1][0], r[0]))[1] if rows else None))
    assert drive.out["out"] == expected
    assert drive.late_items == []


PRICES = [(0.0, "tea", 3), (50.0, "tea", 4), (55.0, "rye", 9)]


def shop(table, **kwargs):
    sales = sw.Replay("sales", [(10.0, "tea"), (60.0, "tea"), (61.0, "rye")], time=lambda row: row[0])
    priced = Enrich(
        "priced", lambda sale, row: (sale[1], row[2]), key=lambda sale: sale[1], table_key=lambda row: row[1], **kwargs
    )
    return sw.Graph("shop", sales >> priced >> sw.Collect("sold"), table >> priced.table)


@pytest.mark.parametrize("deterministic", [True, False])
def test_in_a_run_sales_find_the_price_of_their_time(deterministic):
    run = shop(sw.Replay("prices", PRICES, time=lambda row: row[0])).run_to_end(deterministic=deterministic)
    assert run["sold"].items == [("tea", 3), ("tea", 4), ("rye", 9)]


def test_in_a_run_a_table_without_event_times_fails_and_says_so():
    with pytest.raises(RunFailedError, match="'priced' goes by event time, and this item has none"):
        shop(sw.Replay("prices", PRICES)).run_to_end()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"within": 0.0}, "within must be more than 0 seconds and finite, not 0.0"),
        ({"within": 5.0, "as_of": False}, "within= is of event time"),
        ({"every": -1.0}, "every must be more than 0 seconds and finite, not -1.0"),
        ({"otherwise": "none"}, "otherwise= needs a function, not 'none'"),
        ({"hold": 0}, "hold must be a whole number and at least 1"),
    ],
)
def test_what_cannot_be_an_enrich_is_refused_when_it_is_drawn(kwargs, message):
    with pytest.raises(GraphError, match=message):
        enrich(**kwargs)
