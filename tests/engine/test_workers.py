"""A Map with workers: order, times, refusals, bounds, configuration, and every way to end."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Literal

import psutil
import pytest

import streamweave_lab as sw
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import RunFailedError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, Map, Replay, Window
from streamweave_lab.progress.window import Tumbling

On = Literal["processes", "threads"]
both = pytest.mark.parametrize("on", ["processes", "threads"])


def children() -> list[Any]:
    found: list[Any] = psutil.Process().children(recursive=True)
    return found


def left() -> list[Any]:
    """Those that do not go, though a machine with much to do is given its time."""
    alive: list[Any] = psutil.wait_procs(children(), timeout=30)[1]
    return alive


def worker_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("worker of")]


def ended(graph: Graph, config: Any = None) -> LocalRun:
    run = graph.run_to_end(config, deterministic=False)
    assert left() == []
    return run


async def until(come: Callable[[], object]) -> None:
    while not come():  # noqa: ASYNC110 - what it waits for happens in other processes
        await asyncio.sleep(0.005)


def slow(seconds: float) -> Callable[[int], tuple[int, int]]:
    def work(item: int) -> tuple[int, int]:
        import os
        import time

        time.sleep(seconds)
        return item, os.getpid()

    return work


@both
def test_results_leave_in_the_order_their_items_came(on: On) -> None:
    def work(item: int) -> int:
        import time

        time.sleep(0.002 if item % 7 == 0 else 0)
        return item * 2

    run = ended(Graph("order", Replay("n", range(500)) >> Map("m", work, workers=2, on=on) >> Collect("all")))
    assert run["all"].items == list(range(0, 1000, 2))
    node = run.status().node("m")
    assert (node.kind, node.items_in, node.items_out, node.held) == ("Map", {"in": 500}, {"out": 500, "error": 0}, 0)


def test_the_function_is_called_in_other_processes_and_in_as_many_as_were_asked_for() -> None:
    run = ended(Graph("pids", Replay("n", range(40)) >> Map("m", slow(0.005), workers=2) >> Collect("all")))
    pids = {pid for _, pid in run["all"].items}
    assert len(pids) == 2
    assert os.getpid() not in pids


@both
def test_event_times_stay_with_their_items_and_watermarks_behind_them(on: On) -> None:
    window: Any = Window("w", lambda pane: (pane.start, list(pane.items)), Tumbling(seconds=5))
    step = Map("m", lambda item: item, workers=2, on=on)
    path = Replay("n", range(20), time=float) >> step >> window >> Collect("all")
    run = ended(Graph("times", path, window.late >> Collect("late")))
    assert run["all"].items == [(float(start), list(range(start, start + 5))) for start in (0, 5, 10, 15)]
    assert run["late"].items == []


class Seen(sw.Sink[Any]):
    """Items with their event times."""

    def opened(self) -> None:
        self.items: list[tuple[Any, float]] = []

    def on_batch(self, port: str, batch: Batch) -> None:
        self.items += zip(batch.items, batch.times or [], strict=True)


@both
def test_a_refused_item_leaves_by_error_with_its_own_error_and_time_and_the_others_go_on(on: On) -> None:
    step: Any = Map("m", lambda item: (item, 12 // (item % 5)), workers=2, on=on)
    graph = Graph("refuse", Replay("n", range(500), time=float) >> step >> Seen("all"), step.error >> Collect("no"))
    run = ended(graph)
    assert run["all"].items == [((item, 12 // (item % 5)), float(item)) for item in range(500) if item % 5]
    assert [(f.item, f.time) for f in run["no"].items] == [(item, float(item)) for item in range(0, 500, 5)]
    assert all(type(failure.error) is ZeroDivisionError for failure in run["no"].items)


def test_the_error_of_another_process_tells_where_it_happened_there() -> None:
    def divide_by_nothing(item: int) -> float:
        return item / 0

    step = Map("m", divide_by_nothing, workers=1)
    run = ended(Graph("told", Replay("n", [1]) >> step >> Collect("all"), step.error >> Collect("no")))
    (note,) = run["no"].items[0].error.__notes__
    assert note.startswith("In worker process ")
    assert "in divide_by_nothing" in note


@both
def test_without_an_error_port_the_run_fails_and_names_the_item_and_leaves_nothing_behind(on: On) -> None:
    graph = Graph(
        "fails", Replay("n", range(9)) >> Map("m", lambda n: 1 // (n - 4), workers=2, on=on) >> Collect("all")
    )
    with pytest.raises(RunFailedError, match=r"'m' on item 4: ZeroDivisionError") as failed:
        graph.run_to_end(deterministic=False)
    assert failed.value.item == 4
    assert left() == []


class Factor(sw.Config):
    factor: int = sw.live(1)


@both
def test_items_before_a_change_of_configuration_use_the_old_one_and_those_after_it_the_new(on: On) -> None:
    async def main() -> None:
        step: Any = Map("m", lambda item, config: (item, config.factor), config=Factor, workers=2, on=on)
        run = Graph("config", Replay("n", count()) >> step >> Collect("all")).start(Factor())
        await until(lambda: run["all"].items)
        assert (await run.configure(factor=2)).applied
        assert (await run.drain()).complete
        items = run["all"].items
        factors = [factor for _, factor in items]
        assert [item for item, _ in items] == list(range(len(items)))
        assert factors == sorted(factors)
        assert set(factors) == {1, 2}

    asyncio.run(main())
    assert left() == []


def test_what_is_in_flight_is_bounded_and_results_wait_for_the_slow_head(tmp_path: Path) -> None:
    gate = tmp_path / "gate"

    async def main() -> None:
        def work(item: int) -> int:
            import time

            while item == 100 and not gate.exists():
                time.sleep(0.01)
            return item

        run = Graph("bound", Replay("n", count()) >> Map("m", work, workers=2) >> Collect("all")).start()
        await until(lambda: run["all"].items[-1:] >= [50])
        await asyncio.sleep(0.2)
        before = run.status()
        assert run["all"].items[-1] < 100  # the rest waits for the hundredth item, in order
        assert 0 < before.node("m").held <= 8 * 1024
        await asyncio.sleep(0.1)
        assert run.status().node("m").held == before.node("m").held
        gate.touch()
        assert (await run.drain()).complete
        assert run["all"].items == list(range(run["n"].position))

    asyncio.run(main())


@both
def test_a_stop_ends_the_workers_at_once_and_counts_what_they_had(on: On) -> None:
    gate = threading.Event()

    async def main() -> None:
        step = Map("m", slow(100) if on == "processes" else lambda _: gate.wait(100), workers=2, on=on)
        run = Graph("stop", Replay("n", range(10)) >> step >> Collect("all")).start()
        await until(lambda: len(children()) + len(worker_threads()) == (4 if on == "processes" else 2))
        await until(lambda: run["n"].position == 10)
        report = await run.stop()
        assert report.seconds < 60
        assert sum(report.dropped.values()) == 10
        assert left() == []
        gate.set()
        await until(lambda: not worker_threads())

    asyncio.run(main())


def test_a_drain_ends_when_the_last_worker_has_gone_and_each_went_in_good_order(tmp_path: Path) -> None:
    def work(item: int) -> int:
        import atexit
        import os
        import time

        time.sleep(0.02)
        atexit.register((tmp_path / str(os.getpid())).touch)
        return os.getpid()

    async def main() -> None:
        run = Graph("drain", Replay("n", range(8)) >> Map("m", work, workers=2) >> Collect("all")).start()
        await until(lambda: run["n"].position == 8)
        assert (await run.drain()).complete
        assert left() == []
        assert len(run["all"].items) == 8
        pids.update(map(str, run["all"].items))

    pids: set[str] = set()
    asyncio.run(main())
    assert {path.name for path in tmp_path.iterdir()} == pids


def test_a_drain_that_takes_too_long_is_ended_by_force() -> None:
    async def main() -> None:
        run = Graph("force", Replay("n", [1]) >> Map("m", slow(100), workers=1) >> Collect("all")).start()
        await until(lambda: children() and run.status().node("m").held)
        report = await run.drain(timeout=0.1)
        assert (report.complete, report.dropped, report.held_by) == (False, {"m": 1}, ("m",))
        assert left() == []

    asyncio.run(main())


def test_a_pause_begins_no_new_work() -> None:
    begun: list[int] = []
    gate = threading.Event()

    def work(item: int) -> int:
        begun.append(item)
        time.sleep(0.02)
        if item == 2:
            gate.wait(60)
        return item

    async def main() -> None:
        step = Map("m", work, workers=1, on="threads")
        run = Graph("pause", Replay("n", range(12)) >> step >> Collect("all")).start()
        await until(lambda: run["all"].items)
        await run.pause()
        gate.set()
        await asyncio.sleep(0.15)
        assert len(begun) < run.status().node("m").items_in["in"]
        await run.resume()
        await run.done()
        assert begun == run["all"].items == list(range(12))

    asyncio.run(main())


def test_a_function_that_needs_a_configuration_and_got_none_says_so() -> None:
    step = Map("m", lambda item, config: item, config=Factor, workers=1)
    run = ended(Graph("none", Replay("n", [1]) >> step >> Collect("all"), step.error >> Collect("no")))
    assert "start the graph with config=Factor()" in str(run["no"].items[0].error)
