"""Windows of every kind where they belong: in a graph, with sources that cut batches as they will."""

from random import Random

import pytest

import streamweave_lab as sw
from streamweave_lab.graph.source import END, Poll, Source, Wait
from streamweave_lab.operators import quantiles
from streamweave_lab.progress.window import Counting, ProcessingTime, Session, Sliding
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.testing.interleave import Interleaver, run_interleaved

SIZES = [sw.Tumbling(seconds=10), Sliding(seconds=15, every=5), Session(gap=4), Counting(3)]


def readings(n=160):
    dice = Random(5)
    return [(float(at + dice.randint(-25, 0)), dice.choice("abc"), at) for at in range(n)]


def cascade(size, how=sw.sum(lambda row: row[2]), capacity=8192):  # noqa: B008 - a value
    """A window, and how many of its results there are in each minute."""
    source = sw.Replay("readings", readings(), time=lambda row: row[0], lag=6.0)
    first = sw.Window("first", how, size, key=lambda row: row[1])
    second = sw.Window("second", sw.count(), sw.Tumbling(seconds=60))
    same = sw.Map("same", lambda row: row)
    return sw.Graph(
        "cascade",
        (source >> same).capacity(capacity) >> first >> sw.Collect("results"),
        first >> second >> sw.Collect("minutes"),
        first.late >> sw.Collect("late"),
        second.late >> sw.Collect("late_results"),
    )


def found(run):
    return {name: run[name].items for name in ("results", "minutes", "late", "late_results")}


@pytest.mark.parametrize("size", SIZES[:3])
def test_what_event_time_windows_say_depends_on_the_items_alone(size):
    once = found(cascade(size).run_to_end())
    assert len(once["late"]) > 2
    assert once["late_results"] == []
    for capacity, seed in [(1, 1), (5, 2), (8192, 3)]:
        assert found(run_interleaved(cascade(size, capacity=capacity), Random(seed))) == once


class Timed(sw.Step):
    """Shows the event time of each item."""

    def on_batch(self, port, batch):
        self.send("out", list(zip(batch.items, batch.times, strict=True)), batch.times)


@pytest.mark.parametrize("key", [lambda row: row[1] % 3, None])
def test_what_a_count_window_sends_and_what_is_late_after_it_depends_on_the_items_alone(key):
    items = [(at * 1.3 - (at % 4) * 3, at) for at in range(40)]

    def counted():
        source = sw.Replay("s", items, time=lambda row: row[0], lag=1.0)
        below = sw.Window("below", lambda pane: (pane.start, pane.items), sw.Tumbling(seconds=5))
        above = sw.Window("above", sw.count(), Counting(3), key=key)
        return sw.Graph(
            "counted",
            source >> above >> Timed("timed") >> below >> sw.Collect("panes"),
            below.late >> sw.Collect("late"),
        )

    once = counted().run_to_end()
    for seed in range(12):
        again = run_interleaved(counted(), Random(seed))
        assert [again[name].items for name in ("panes", "late")] == [once[name].items for name in ("panes", "late")]


@pytest.mark.parametrize("size", [sw.Tumbling(seconds=0.1), Sliding(seconds=0.1 * 3, every=0.1)])
@pytest.mark.parametrize("allowed", [0.0, 0.1])
def test_windows_of_tenths_of_a_second_hold_what_is_written_and_depend_on_the_items_alone(size, allowed):
    dice = Random(3)
    items = [(n - dice.choice([0, 0, 1, 3, 9])) / 10 for n in range(120)]

    def tenths():
        window = sw.Window("window", lambda p: (p.start, p.end, p.items), size, allowed_lateness=allowed)
        source = sw.Replay("s", items, time=float, lag=0.2)
        return sw.Graph("tenths", source >> window >> sw.Collect("results"), window.late >> sw.Collect("late"))

    once = tenths().run_to_end()
    for start, end, inside in once["results"].items:
        assert (round(start, 1), round(end, 1)) == (start, end)
        assert all(start <= time < end for time in inside)
    assert len(once["late"].items) > 2
    for seed in range(4):
        again = run_interleaved(tenths(), Random(seed))
        assert [again[name].items for name in ("results", "late")] == [once[name].items for name in ("results", "late")]


@pytest.mark.parametrize(
    ("size", "how"),
    [*((size, lambda pane: pane) for size in SIZES), (SIZES[2], quantiles(lambda row: row[2], 0.5))],
)
def test_a_run_that_crashes_and_goes_on_from_its_checkpoint_says_what_the_uninterrupted_one_says(tmp_path, size, how):
    once = found(cascade(size, how).run_to_end())
    for crash in (9, 60):
        store = SqliteStore(tmp_path / f"{crash}.db")

        async def script(run, interleaver: Interleaver, crash=crash) -> None:
            await interleaver.turn(crash // 2)
            if not run.lifecycle.over:
                await run.checkpoint()
            await interleaver.turn(crash)
            await run.stop()

        run_interleaved(cascade(size, how, capacity=7), Random(crash), script=script, store=store)
        again = run_interleaved(cascade(size, how, capacity=7), Random(crash + 1), store=store, resume=True)
        if isinstance(size, Counting):
            assert (found(again)["results"], found(again)["late_results"]) == (once["results"], [])
        else:
            assert found(again) == once
        store.close()


class Ticks(Source[int]):
    """The numbers from 0, one a second."""

    def poll(self, limit: int) -> Poll[int]:
        now = self.clock.now()
        if now < self.position:
            return Wait(self.position - now)
        if self.position == 10:
            return END
        self.position += 1
        return [self.position - 1]


def test_windows_of_processing_time_close_by_themselves_in_a_run():
    graph = sw.Graph("clock", Ticks("ticks") >> sw.Window("w", sw.count(), ProcessingTime(4)) >> sw.Collect("all"))
    assert graph.run_to_end()["all"].items == [
        sw.WindowResult(None, 0.0, 4.0, 4),
        sw.WindowResult(None, 4.0, 8.0, 4),
        sw.WindowResult(None, 8.0, 12.0, 2),
    ]


def test_early_results_come_while_a_window_is_open_and_nothing_wakes_a_run_that_has_no_news():
    window = sw.Window("w", sw.count(), Counting(8), early=2.5)
    graph = sw.Graph("early", Ticks("ticks") >> window >> sw.Map("n", lambda result: result.value) >> sw.Collect("all"))
    assert graph.run_to_end()["all"].items == [3, 6, 8, 1, 2]


def test_the_status_counts_items_that_are_too_late_for_some_of_their_sliding_windows():
    times = [5.0, 31.0, 25.0]
    window = sw.Window("w", sw.count(), sw.Sliding(seconds=20, every=10))
    run = sw.Graph("g", sw.Replay("s", times, time=float) >> window >> sw.Collect("c")).run_to_end()
    node = run.status().node("w")
    assert (node.partly_late, node.late, run.status().node("c").partly_late) == (1, 0, None)
    assert "1 late for some windows" in str(run.status())
