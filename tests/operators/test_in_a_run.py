"""Operators where they belong: drawn in a graph and run to its end by the engine."""

import asyncio
from collections import Counter

import pytest

import streamweave_lab as sw
from streamweave_lab.errors import RunFailedError, UsedUpError
from streamweave_lab.operators import WindowResult

TEN = sw.Tumbling(seconds=10)


def readings(times, **kwargs):
    return sw.Replay("readings", [(float(t), t % 2) for t in times], time=lambda row: row[0], **kwargs)


@pytest.mark.parametrize("deterministic", [True, False])
def test_every_operator_in_one_graph(deterministic):
    async def double(n: int) -> int:
        await asyncio.sleep(0)
        return 2 * n

    numbers = sw.Replay("numbers", range(100))
    route = sw.Route[int]("parity", even=lambda n: n % 2 == 0)
    seen: list[int] = []
    graph = sw.Graph(
        "all",
        numbers >> sw.Map("plus", lambda n: n + 1) >> route,
        route["even"] >> sw.MapAsync("double", double, concurrency=7) >> sw.Collect("doubled"),
        route.rest
        >> sw.Filter("small", lambda n: n < 10)
        >> sw.FlatMap("twice", lambda n: [n, n])
        >> sw.Collect("odd"),
        numbers >> sw.Reduce("tally", lambda n, _: n + 1, initial=0, key=lambda n: n % 3) >> sw.Latest("tallied"),
        numbers >> sw.ForEach("see", seen.append),
        numbers >> sw.Count("n"),
    )
    run = graph.run_to_end(deterministic=deterministic)
    assert run["doubled"].items == [2 * n for n in range(2, 101, 2)]
    assert run["odd"].items == [1, 1, 3, 3, 5, 5, 7, 7, 9, 9]
    assert run["tallied"].items == {None: 34}
    assert (seen, run["n"].count) == (list(range(100)), 100)


def test_a_window_cuts_the_stream_by_event_time_and_late_items_leave_by_their_port():
    window = sw.Window("counts", sw.count(), TEN, key=lambda row: row[1])
    graph = sw.Graph(
        "windows",
        readings([1, 2, 12, 3, 15, 4, 30]) >> window >> sw.Collect("results"),
        window.late >> sw.Collect("late"),
    )
    run = graph.run_to_end()
    assert run["results"].items == [
        WindowResult(1, 0.0, 10.0, 1),
        WindowResult(0, 0.0, 10.0, 1),
        WindowResult(0, 10.0, 20.0, 1),
        WindowResult(1, 10.0, 20.0, 1),
        WindowResult(0, 30.0, 40.0, 1),
    ]
    assert run["late"].items == [(3.0, 1), (4.0, 0)]


def test_a_lag_leaves_time_for_items_out_of_order():
    window = sw.Window("counts", sw.count(), TEN)
    run = sw.Graph("lag", readings([1, 12, 3, 15, 4], lag=5.0) >> window >> sw.Collect("results")).run_to_end()
    assert [row.value for row in run["results"].items] == [2, 2]
    assert run.status().nodes[1].late == 1


def test_a_window_of_windows_loses_nothing():
    small = sw.Window("tens", sw.count(), TEN, key=lambda row: row[1])
    large = sw.Window("minutes", sw.sum(lambda row: row.value), sw.Tumbling(seconds=60), key=lambda row: row.key)
    graph = sw.Graph("cascade", readings(range(300), lag=3.0) >> small >> large >> sw.Collect("minutes_"))
    run = graph.run_to_end()
    assert run["minutes_"].items == [WindowResult(key, 60.0 * n, 60.0 * n + 60, 30) for n in range(5) for key in (0, 1)]


def test_a_function_of_the_pane_and_a_latest_make_a_board():
    def tallest(pane: sw.Pane[int, tuple[float, int]]) -> tuple[int, float]:
        return pane.key, max(row[0] for row in pane.items)

    window = sw.Window("tallest", tallest, TEN, key=lambda row: row[1])
    run = sw.Graph("board", readings(range(25)) >> window >> sw.Latest("board", key=lambda row: row[0])).run_to_end()
    assert run["board"].items == {0: (0, 24.0), 1: (1, 23.0)}


def test_items_without_event_time_fail_a_run_at_its_window_and_the_remedy_is_named():
    graph = sw.Graph("timeless", sw.Replay("numbers", [1]) >> sw.Window("w", sw.count(), TEN) >> sw.Count("n"))
    with pytest.raises(RunFailedError, match="give the source it comes from a time="):
        graph.run_to_end()


def test_an_async_iterable_runs_to_its_end():
    async def letters():
        for letter in "abcab":
            await asyncio.sleep(0)
            yield letter

    tally = sw.Reduce("tally", lambda seen, c: (c, seen[1] + 1), initial=("", 0), key=lambda c: c)
    graph = sw.Graph(
        "letters", sw.Replay("letters", letters()) >> tally >> sw.Latest("tallied", key=lambda row: row[0])
    )
    run = graph.run_to_end()
    assert dict(run["tallied"].items.values()) == Counter("abcab")


def test_an_iterator_that_an_earlier_run_used_up_fails_the_next_run_with_its_reason():
    graph = sw.Graph("once", sw.Replay("once", iter([1, 2])) >> sw.Count("n"))
    assert graph.run_to_end()["n"].count == 2
    with pytest.raises((UsedUpError, RunFailedError), match="an earlier run has used up"):
        graph.run_to_end()


def test_a_list_can_be_run_again_and_again():
    graph = sw.Graph("again", sw.Replay("numbers", [1, 2]) >> sw.Count("n"))
    assert [graph.run_to_end()["n"].count for _ in range(3)] == [2, 2, 2]
