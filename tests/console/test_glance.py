"""A glance, which a console draws, says what the Status says."""

from __future__ import annotations

import asyncio
from array import array
from itertools import count

import streamweave_lab as sw
from streamweave_lab.console import columns
from streamweave_lab.engine.glance import glance
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.virtual_loop import VirtualLoop
from streamweave_lab.graph.source import Poll, Wait
from streamweave_lab.operators import Replay
from streamweave_lab.testing.loop import run_virtual


class Limits(sw.Config):
    limit: int = sw.live(10)


class Pairs(Replay[int]):
    """Two items each tenth of a second, without end."""

    def __init__(self, name: str) -> None:
        super().__init__(name, range(10**9), time=float)

    def poll(self, limit: int) -> Poll[int]:
        due = self.position / 20
        return super().poll(2) if self.clock.now() >= due else Wait(due - self.clock.now())


async def slowly(item: int) -> None:
    await asyncio.sleep(0.2)


def refuse_tens(item: int) -> int:
    if item % 10 == 0:
        raise ValueError("a ten")
    return item


def narrow() -> sw.Graph:
    """Of its nodes some are busy, some blocked, some idle, and one refuses items."""
    check, end = sw.Map("check", refuse_tens), sw.ForEach("end", slowly)
    return sw.Graph(
        "narrow", (Pairs("pairs") >> check).capacity(4), (check >> end).capacity(4), check.error >> sw.Count("bad")
    )


def same_said(run: LocalRun) -> set[str]:
    """That both say the same, field by field, and draw the same frame; and what its nodes are doing."""
    seen, status = glance(run), run.status()  # at one moment, for no virtual time passes between them
    ours = [(seen, status), *zip(seen.nodes, status.nodes, strict=True), *zip(seen.edges, status.edges, strict=True)]
    for counts, document in ours:
        for name in set(counts._fields) - {"nodes", "edges"}:
            assert getattr(counts, name) == getattr(document, name), (name, document)
    assert columns.frame(seen) == columns.frame(status)
    if not run.settled:
        assert columns.words(seen) == columns.words(status)
    return {node.state for node in seen.nodes}


def test_a_glance_says_what_the_status_says_from_the_first_moment_to_the_last() -> None:
    async def main() -> None:
        run = narrow().start(Limits())
        states = same_said(run)
        for _ in range(20):
            await asyncio.sleep(0.33)
            states |= same_said(run)
        await run.configure(limit=20)
        await run.pause()
        await asyncio.sleep(1.0)
        states |= same_said(run)
        await run.resume()
        asked = asyncio.ensure_future(run.drain())
        await asyncio.sleep(0.1)
        states |= same_said(run)
        await asked
        assert states | same_said(run) == {"idle", "busy", "blocked", "ended"}

    run_virtual(main())


def test_a_glance_of_a_failed_run_names_the_node_that_failed() -> None:
    run = sw.Graph("short", sw.Replay("ten", [10]) >> sw.Map("check", refuse_tens) >> sw.Count("end"))
    failed: list[LocalRun] = []

    async def main() -> None:
        failed.append(run.start())
        await asyncio.sleep(1.0)
        assert "failed" in same_said(failed[0])

    run_virtual(main())


def test_of_nodes_on_one_loop_the_one_that_works_is_busy_and_not_those_that_wait_for_their_turn() -> None:
    def work(item: int) -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.clock.move_to(loop.time() + 0.002)
        return item

    async def main() -> None:
        run = sw.Graph("slow", sw.Replay("nums", count(1)) >> sw.Map("m", work) >> sw.Count("c")).start()
        await asyncio.sleep(10.0)
        seen = glance(run)
        numbers = list(array("d", columns.frame(seen)))[-3 * 3 - 2 : -2]
        busy = {node.name: numbers[3 * i + 1] / seen.uptime for i, node in enumerate(run.status().nodes)}
        assert busy["m"] > 0.99
        assert busy["nums"] < 0.01
        assert busy["c"] < 0.01
        assert run.status().node("nums").busy_seconds > 9.9  # it has room, and waits for its turn
        assert run.explain().of("bottleneck")[0].sentence.startswith("m is the slowest so far: busy 100 %, ")
        await run.stop()

    run_virtual(main())
