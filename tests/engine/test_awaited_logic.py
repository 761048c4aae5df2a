"""MapAsync and asynchronous sinks: bounds, order, marks, and pauses."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, ForEach, MapAsync, Replay, Window
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.testing.loop import run_virtual

Work = Callable[[int], Coroutine[Any, Any, int]]


def sleeping(seconds: Callable[[int], float]) -> Work:
    async def work(item: int) -> int:
        await asyncio.sleep(seconds(item))
        return item

    return work


backwards = sleeping(lambda item: (10 - item) % 10)


def test_ordered_results_leave_in_the_order_their_items_came() -> None:
    graph = Graph("ordered", Replay("n", range(30)) >> MapAsync("m", backwards, concurrency=10) >> Collect("all"))
    assert graph.run_to_end()["all"].items == list(range(30))


def test_unordered_results_leave_as_they_are_done() -> None:
    step = MapAsync("m", backwards, concurrency=10, ordered=False)
    items = Graph("unordered", Replay("n", range(10)) >> step >> Collect("all")).run_to_end()["all"].items
    assert items == [0, 9, 8, 7, 6, 5, 4, 3, 2, 1]


def test_hundred_workers_take_hundred_times_less() -> None:
    work = sleeping(lambda item: 1.0)

    def seconds(concurrency: int) -> float:
        run = Graph("w", Replay("n", range(200)) >> MapAsync("m", work, concurrency=concurrency) >> Collect("c"))
        return run.run_to_end().status().uptime

    assert (seconds(1), seconds(10), seconds(100)) == (200.0, 20.0, 2.0)


def test_no_more_are_in_flight_than_may_be_at_any_moment() -> None:
    async def main() -> None:
        counts: list[int] = []
        now = 0

        async def work(item: int) -> int:
            nonlocal now
            now += 1
            counts.append(now)
            await asyncio.sleep(item % 4 + 0.5)
            now -= 1
            return item

        step = MapAsync("m", work, concurrency=5)
        run = Graph("bound", Replay("n", range(100)) >> step >> ForEach("slow", sleeping(lambda item: 3.0))).start()
        await run.done()
        assert (max(counts), len(counts)) == (5, 100)

    run_virtual(main())


@pytest.mark.parametrize("ordered", [True, False])
def test_a_watermark_waits_for_what_came_before_it(ordered: bool) -> None:
    slow = MapAsync("m", backwards, concurrency=10, ordered=ordered)
    window = Window("sums", lambda pane: sorted(pane.items), Tumbling(seconds=5))
    path = Replay("n", range(20), time=float) >> slow >> window >> Collect("all")
    run = Graph("marks", path, window.late >> Collect("late")).run_to_end()
    assert run["late"].items == []
    assert run["all"].items == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14], [15, 16, 17, 18, 19]]


def test_results_keep_their_items_event_times() -> None:
    step = MapAsync("m", backwards, concurrency=4, ordered=False)
    window = Window("w", lambda pane: (pane.start, sorted(pane.items)), Tumbling(seconds=1))
    graph = Graph("times", Replay("n", [3, 1, 2], time=float, lag=9.0) >> step >> window >> Collect("all"))
    assert graph.run_to_end()["all"].items == [(1.0, [1]), (2.0, [2]), (3.0, [3])]


async def refuse_odd(item: int) -> int:
    await asyncio.sleep(item % 3)
    if item % 2:
        raise ValueError(item)
    return item


@pytest.mark.parametrize("ordered", [True, False])
def test_refused_items_leave_by_the_error_port_and_hold_nothing_up(ordered: bool) -> None:
    step = MapAsync("m", refuse_odd, concurrency=3, ordered=ordered)
    run = Graph(
        "refuse", Replay("n", range(20)) >> step >> Collect("all"), step.error >> Collect("refused")
    ).run_to_end()
    assert sorted(run["all"].items) == list(range(0, 20, 2))
    assert sorted(failure.item for failure in run["refused"].items) == list(range(1, 20, 2))
    node = run.status().node("m")
    assert (node.items_in, node.items_out, node.held) == ({"in": 20}, {"out": 10, "error": 10}, 0)


def test_a_function_that_is_not_asynchronous_refuses_its_items() -> None:
    step: Any = MapAsync("m", len, concurrency=2)  # type: ignore[arg-type]
    run = Graph("plain", Replay("n", ["a"]) >> step >> Collect("all"), step.error >> Collect("refused")).run_to_end()
    assert isinstance(run["refused"].items[0].error, TypeError)


def test_a_pause_begins_no_new_work_and_lets_what_is_in_flight_come_back() -> None:
    async def main() -> None:
        begun: list[tuple[int, float]] = []

        async def work(item: int) -> int:
            begun.append((item, asyncio.get_running_loop().time()))
            await asyncio.sleep(1.0)
            return item

        step = MapAsync("m", work, concurrency=2)
        run = Graph("pause", Replay("n", range(6)) >> step >> Collect("all")).start()
        await asyncio.sleep(0.5)
        await run.pause()
        await asyncio.sleep(60)
        assert (begun, run["all"].items) == ([(0, 0.0), (1, 0.0)], [])
        await run.resume()
        await run.done()
        assert [item for item, _ in begun] == run["all"].items == [0, 1, 2, 3, 4, 5]
        assert [at for _, at in begun[2:]] == [60.5, 60.5, 61.5, 61.5]

    run_virtual(main())


def test_a_stop_cancels_what_is_awaited() -> None:
    async def main() -> None:
        cancelled: list[int] = []

        async def work(item: int) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(item)
                raise

        run = Graph("stop", Replay("n", range(100)) >> ForEach("m", work, concurrency=3)).start()
        await asyncio.sleep(1)
        assert (await run.stop()).dropped == {"m": 6, "n.out -> m.in": 94}
        await asyncio.sleep(0)
        assert sorted(cancelled) == [0, 1, 2]

    run_virtual(main())


def outputs(graph: Graph) -> list[int]:
    items: list[int] = graph.run_to_end()["all"].items
    return items


def test_run_to_end_with_awaited_logic_gives_the_same_order_every_time_also_in_a_running_loop() -> None:
    step = MapAsync("m", sleeping(lambda item: item * 7919 % 13 / 10), concurrency=7, ordered=False)
    graph = Graph("again", Replay("n", range(100)) >> step >> Collect("all"))

    async def inside() -> list[int]:
        return outputs(graph)

    first = outputs(graph)
    assert first != sorted(first)
    assert outputs(graph) == first == asyncio.run(inside())


def test_status_can_be_asked_for_in_another_thread_all_the_time() -> None:
    async def main() -> None:
        step = MapAsync("m", sleeping(lambda item: 0.0), concurrency=50, ordered=False)
        run: LocalRun = Graph("threads", Replay("n", range(5000)) >> step >> Collect("all")).start()

        def look() -> int:
            looks = 0
            while not run.lifecycle.over:
                assert run.status().node("m").held <= 100
                looks += 1
            return looks

        looking = asyncio.ensure_future(asyncio.to_thread(look))
        await run.done()
        assert await looking > 0

    asyncio.run(main())
