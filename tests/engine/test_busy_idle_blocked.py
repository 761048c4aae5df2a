"""Law 11: what each node does with its time, measured at the transitions, and summing to the whole."""

import asyncio
from typing import Any

import pytest

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.status import NodeStatus
from streamweave_lab.engine.virtual_loop import VirtualLoop
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import Poll, Wait
from streamweave_lab.operators import Collect, Count, ForEach, Map, MapAsync, Replay
from streamweave_lab.testing.loop import run_virtual


class Every(Replay[int]):
    """One item every so many seconds, without end."""

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(name, range(10**9))
        self.seconds = seconds

    def poll(self, limit: int) -> Poll[int]:
        due = self.position * self.seconds
        return super().poll(1) if self.clock.now() >= due else Wait(due - self.clock.now())


def lasting(seconds: float) -> Any:
    async def work(item: int) -> int:
        await asyncio.sleep(seconds)
        return item

    return work


def spending(seconds: float) -> Any:
    """Logic that keeps the loop, and moves its clock."""

    def work(item: int) -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.clock.move_to(loop.time() + seconds)
        return item

    return work


def shares(node: NodeStatus) -> tuple[float, float, float]:
    return (round(node.busy_seconds, 6), round(node.blocked_seconds, 6), round(node.idle_seconds, 6))


async def after(graph: Graph, seconds: float) -> LocalRun:
    run = graph.start()
    await asyncio.sleep(seconds)
    return run


def test_a_sink_that_works_half_of_the_time_is_half_busy_and_half_idle() -> None:
    async def main() -> None:
        run = await after(Graph("half", Every("ticks", 2.0) >> ForEach("write", lasting(1.0))), 100.0)
        status = run.status()
        assert shares(status.node("write")) == (50.0, 0.0, 50.0)
        assert shares(status.node("ticks")) == (0.0, 0.0, 100.0)
        await run.stop()

    run_virtual(main())


def test_whoever_waits_for_room_is_blocked() -> None:
    async def main() -> None:
        path = (Every("ticks", 1.0) >> Map("step", abs)).capacity(1)
        run = await after(Graph("blocked", (path >> ForEach("write", lasting(10.0))).capacity(1)), 100.0)
        status = run.status()
        assert shares(status.node("write")) == (100.0, 0.0, 0.0)
        # By second 4 the sink has two items, and each channel one: from then on all wait for the sink.
        busy, blocked, idle = shares(status.node("step"))
        assert (busy, blocked + idle) == (0.0, 100.0)
        assert blocked > 80.0
        edge = status.edge("step.out", "write.in")
        assert (edge.blocked, round(edge.blocked_seconds)) == (True, round(blocked))
        await run.stop()
        assert run.status().edge("step.out", "write.in").blocked_seconds == pytest.approx(edge.blocked_seconds)

    run_virtual(main())


def test_time_that_logic_takes_is_busy_and_also_told_apart() -> None:
    async def main() -> None:
        run = await after(Graph("running", Every("ticks", 2.0) >> Map("slow", spending(0.5)) >> Count("n")), 99.0)
        node = run.status().node("slow")
        assert shares(node) == (25.0, 0.0, 74.0)
        assert node.run_seconds == pytest.approx(25.0)
        await run.stop()

    run_virtual(main())


def test_a_node_that_waits_for_its_turn_is_busy_though_it_does_not_run() -> None:
    async def main() -> None:
        slow, quick = Map("slow", spending(0.5)), Map("quick", abs)
        source = Every("ticks", 2.0)
        # `slow` stands further down, so it goes first; meanwhile `quick` has input and waits.
        run = await after(Graph("turns", source >> quick >> Count("n"), source >> slow >> Count("m")), 99.0)
        status = run.status()
        assert status.node("quick").run_seconds == 0.0
        assert status.node("quick").busy_seconds + status.node("n").busy_seconds == pytest.approx(25.0)
        await run.stop()

    run_virtual(main())


def test_a_turn_in_progress_counts() -> None:
    async def main() -> None:
        seen: list[float] = []

        def look(item: int) -> int:
            spending(0.5)(item)
            seen.append(run.status().node("slow").run_seconds)
            return item

        run = Graph("progress", Every("ticks", 2.0) >> Map("slow", look) >> Count("n")).start()
        await asyncio.sleep(3.0)
        assert seen == pytest.approx([0.5, 1.0])
        assert run.status().node("slow").run_seconds == pytest.approx(1.0)
        await run.stop()

    run_virtual(main())


def test_a_node_that_awaits_is_at_work_while_its_items_are_awaited_and_not_while_results_wait_for_their_turn() -> None:
    async def main() -> None:
        fetch = MapAsync("fetch", lasting(0.0), concurrency=4)
        path = Replay("n", range(10**9)) >> fetch >> Map("slow", spending(0.5)) >> Count("end")
        status = (await after(Graph("turns", path), 99.0)).status()
        assert status.node("fetch").busy_seconds > 90.0
        assert status.node("fetch").run_seconds < 20.0  # the loop keeps its items while it is with `slow`
        assert status.node("slow").run_seconds > 98.0

    run_virtual(main())


def test_work_whose_results_have_no_room_is_time_blocked_and_not_time_at_work() -> None:
    async def main() -> None:
        path = (Every("ticks", 1.0) >> MapAsync("fetch", lasting(3.0), concurrency=1)).capacity(1)
        run = await after(Graph("room", (path >> ForEach("write", lasting(10.0))).capacity(1)), 100.0)
        node = run.status().node("fetch")
        assert 6.0 < node.run_seconds <= node.busy_seconds
        assert node.busy_seconds + node.blocked_seconds > 90.0
        assert node.blocked_seconds > 60.0
        await run.stop()

    run_virtual(main())


def test_the_three_sum_to_the_time_since_the_run_began_at_every_moment() -> None:
    async def main() -> None:
        path = (Every("ticks", 0.3) >> MapAsync("fetch", lasting(1.0), concurrency=2)).capacity(3)
        run = Graph("sum", (path >> ForEach("write", lasting(0.7))).capacity(2)).start()
        for _ in range(40):
            await asyncio.sleep(0.77)
            status = run.status()
            for node in status.nodes:
                assert sum(shares(node)) == pytest.approx(status.uptime)
        await run.drain()
        await asyncio.sleep(100.0)
        status = run.status()
        assert all(sum(shares(node)) == pytest.approx(status.uptime) for node in status.nodes)
        assert status.uptime < 60.0  # an ended run grows no older

    run_virtual(main())


def test_awaited_work_is_busy_from_the_moment_its_item_was_taken() -> None:
    async def main() -> None:
        run = await after(Graph("awaits", Replay("n", [1]) >> ForEach("hang", lasting(1000.0))), 0.0)
        assert run.status().node("hang").state in ("idle", "busy")
        await asyncio.sleep(500.0)
        node = run.status().node("hang")
        assert (node.state, shares(node), node.run_seconds) == ("busy", (500.0, 0.0, 0.0), 500.0)
        await run.stop()
        assert run.status().node("hang").run_seconds == 500.0

    run_virtual(main())


def test_the_bottleneck_is_the_first_node_that_is_not_blocked_below_a_blocked_chain() -> None:
    async def main() -> None:
        path = (Replay("n", range(10**9)) >> Map("a", abs)).capacity(5) >> Map("b", abs)
        graph = Graph("chain", path >> MapAsync("fetch", lasting(60.0), concurrency=1) >> Collect("all"))
        run = await after(graph, 30.0)
        assert run.status().bottleneck == (
            "fetch is the bottleneck: b waits for room on b.out -> fetch.in, where 8,192 of 8,192 items stand"
        )
        assert run.status().ready  # slow is not broken
        await run.stop()

    run_virtual(main())


def test_nothing_is_the_bottleneck_where_nobody_waits() -> None:
    async def main() -> None:
        run = await after(Graph("easy", Every("ticks", 1.0) >> Count("n")), 10.0)
        assert run.status().bottleneck is None
        await run.stop()

    run_virtual(main())


def test_of_two_full_outputs_each_is_counted_for_as_long_as_it_is_full() -> None:
    async def main() -> None:
        source = Every("ticks", 1.0)
        left, right = ForEach("left", lasting(10.0)), ForEach("right", lasting(3.0))
        run = await after(Graph("two", (source >> left).capacity(1), (source >> right).capacity(4)), 1000.0)
        edges = {edge.target: edge for edge in run.status().edges}
        assert edges["left.in"].blocked_seconds > 900
        assert edges["right.in"].blocked_seconds < 10
        await run.stop()

    run_virtual(main())


def test_while_a_run_is_paused_its_nodes_are_idle_whatever_they_have_before_them() -> None:
    async def main() -> None:
        run = await after(Graph("paused", Every("ticks", 0.5) >> ForEach("work", lasting(1.0))), 2.25)
        await run.pause()
        before = {node.name: node.busy_seconds + node.blocked_seconds for node in run.status().nodes}
        assert (at_work := run.status().node("work").run_seconds) > 1.0
        await asyncio.sleep(10.0)
        status = run.status()
        assert {node.name: node.busy_seconds + node.blocked_seconds for node in status.nodes} == before
        assert status.node("work").run_seconds == at_work  # though its worker has finished an item meanwhile
        assert all(round(sum(shares(node)), 6) == 12.25 for node in status.nodes)
        await run.stop()
        assert {node.name: node.busy_seconds + node.blocked_seconds for node in run.status().nodes} == before

    run_virtual(main())
