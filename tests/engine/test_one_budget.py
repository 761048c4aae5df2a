"""Law 3: one scheduler and one slice of time a loop, however many runs and nodes live on it."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from itertools import pairwise
from weakref import ref

from streamweave_lab.engine.scheduler import SLICE_SECONDS, scheduler_of
from streamweave_lab.engine.virtual_loop import VirtualLoop
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import AsyncSource
from streamweave_lab.operators import Collect, Count, Map, MapAsync, Replay
from streamweave_lab.testing.loop import run_virtual


class Turns(Step[int, int]):
    """Notes in a log that it had a turn, which takes `seconds` of virtual time."""

    def __init__(self, name: str, log: list[str], seconds: float = 0.0) -> None:
        super().__init__(name)
        self.log, self.seconds = log, seconds

    def on_batch(self, port: str, batch: Batch) -> None:
        self.log.append(self.name)
        if self.seconds:
            virtual().clock.move_to(virtual().time() + self.seconds)
        self.send("out", batch.items, batch.times)


def virtual() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


def busy(name: str, log: list[str], seconds: float = 0.0) -> Graph:
    """A graph that is never finished."""
    return Graph(name, Replay("numbers", iter(int, 1)) >> Turns("step", log, seconds) >> Count("n"))


def test_downstream_goes_first_so_that_queues_stay_short() -> None:
    log: list[str] = []
    path = Replay("numbers", range(3 * 256)) >> Turns("a", log) >> Turns("b", log) >> Turns("c", log)
    run = Graph("order", path >> Count("n")).run_to_end()
    assert log == ["a", "b", "c"] * 3
    assert [edge.peak for edge in run.status().edges] == [256] * 4


def test_sources_take_turns() -> None:
    first, second, third = (Replay(name, iter(int, 1)) for name in ("first", "second", "third"))
    sink = Count("n")

    async def main() -> None:
        run = Graph("three", first >> Turns("step", [], 1e-4) >> sink, second >> sink, third >> sink).start()
        await asyncio.sleep(0.05)
        positions = [run[name].position for name in ("first", "second", "third")]
        assert min(positions) > 4096
        assert max(positions) - min(positions) <= 4096
        await run.stop()

    run_virtual(main())


async def turns_of_the_loop(seconds: float) -> list[float]:
    """When the loop gave us a turn."""
    loop = virtual()
    end = loop.time() + seconds
    seen = [loop.time()]
    while seen[-1] < end:
        await asyncio.sleep(0)
        seen.append(loop.time())
    return seen


def test_others_on_the_loop_wait_no_longer_than_a_slice() -> None:
    async def main() -> None:
        run = busy("flat-out", [], seconds=0.0005).start()
        seen = await turns_of_the_loop(0.1)
        assert max(b - a for a, b in pairwise(seen)) <= SLICE_SECONDS + 0.0005
        await run.stop()

    run_virtual(main())


def test_five_runs_share_the_slice_of_one() -> None:
    async def main() -> None:
        log: list[str] = []
        runs = [busy(f"run{n}", log, seconds=0.0005).start() for n in range(5)]
        seen = await turns_of_the_loop(0.1)
        # Each of them may overrun its share by a turn, and no more.
        assert max(b - a for a, b in pairwise(seen)) <= SLICE_SECONDS + 5 * 0.0005
        counts = [run["n"].count for run in runs]
        assert min(counts) > max(counts) / 2 > 0
        for run in runs:
            await run.stop()

    run_virtual(main())


def test_a_chain_of_four_awaits_ends_between_two_slices() -> None:
    async def main() -> None:
        log: list[str] = []
        run = busy("flat-out", log, seconds=0.001).start()
        await asyncio.sleep(0.01)
        for _ in range(20):
            await asyncio.sleep(0.0001)
            before = len(log)
            for _ in range(4):
                await asyncio.sleep(0)
            assert len(log) == before
        await run.stop()

    run_virtual(main())


class Unresting(AsyncSource[int]):
    """Brings items in without ever waiting."""

    async def stream(self) -> AsyncIterator[list[int]]:
        for n in range(20_000):
            yield [n]


def test_a_source_that_never_waits_leaves_the_loop_to_others_after_each_batch() -> None:
    async def main() -> None:
        run = Graph("unresting", Unresting("numbers") >> Map("same", abs) >> Count("n")).start()
        counts: list[int] = []
        while not run.settled:
            counts.append(run["n"].count)
            await asyncio.sleep(0)
        assert max(after - before for before, after in pairwise(counts)) <= 2
        assert run["n"].count == 20_000

    asyncio.run(main())


def test_a_finished_run_leaves_no_task_timer_or_thread_behind() -> None:
    async def fetch(item: int) -> int:
        await asyncio.sleep(0)
        return item

    async def main() -> None:
        run = Graph(
            "gone", Replay("numbers", range(1000)) >> MapAsync("fetch", fetch, concurrency=5) >> Count("n")
        ).start()
        await run.done()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        loop = asyncio.get_running_loop()
        assert [handle for handle in loop._scheduled if not handle.cancelled()] == []  # type: ignore[attr-defined]
        assert scheduler_of(loop).cores == []

    before = set(threading.enumerate())
    asyncio.run(main())
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=60.0)
        assert not thread.is_alive()


def test_a_stopped_source_that_waits_for_hours_leaves_no_timer() -> None:
    from streamweave_lab.graph.source import Poll, Source, Wait

    class Hours(Source[int]):
        time = staticmethod(float)
        idle_after = 1.0

        def poll(self, limit: int) -> Poll[int]:
            return Wait(3600.0)

    async def main() -> None:
        run = Graph("hours", Hours("hours") >> Count("n")).start()
        await asyncio.sleep(0)
        await run.stop()
        loop = asyncio.get_running_loop()
        assert [handle for handle in loop._scheduled if not handle.cancelled()] == []  # type: ignore[attr-defined]

    asyncio.run(main())


def test_a_loop_that_is_gone_is_not_kept() -> None:
    async def nothing(item: int) -> int:
        return item

    def live() -> ref[asyncio.AbstractEventLoop]:
        graph = Graph("short", Replay("numbers", [1]) >> MapAsync("same", nothing, concurrency=1) >> Collect("all"))
        run = graph.run_to_end()
        assert run.loop is not None
        return ref(run.loop)

    loop = live()
    gc.collect()
    assert loop() is None


def test_a_graph_runs_in_the_same_order_again() -> None:
    logs: list[list[str]] = [[], []]
    for log in logs:
        left, right = Turns("left", log), Turns("right", log)
        source, sink = Replay("numbers", range(2000)), Count("n")
        Graph("diamond", source >> left >> Map("up", abs) >> sink, source >> right >> sink).run_to_end()
    assert logs[0] == logs[1]
    assert len(logs[0]) == 16
