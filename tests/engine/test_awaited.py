"""Whoever waits for a barrier can see which nodes have not met it, and since when."""

import asyncio
from pathlib import Path

from streamweave_lab.engine.epochs import Awaited
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import Poll, Source, Wait
from streamweave_lab.operators import Collect, ForEach, Map
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.testing.loop import run_virtual


async def _hang(_: object) -> None:
    await asyncio.Event().wait()


class Ticks(Source[int]):
    """One item a second."""

    def poll(self, limit: int) -> Poll[int]:
        now = int(self.clock.now())
        if self.position > now:
            return Wait(self.position - self.clock.now())
        self.position = now + 1
        return [now]


def _stalling() -> Graph:
    ticks = Ticks("ticks")
    return Graph("g", ticks >> Map("same", lambda n: n) >> Collect("calm"), ticks >> ForEach("hang", _hang))


def test_a_checkpoint_under_way_tells_the_node_that_has_not_met_the_barrier_and_since_when(tmp_path: Path) -> None:
    async def main() -> None:
        run = _stalling().start(store=SqliteStore(tmp_path / "state.db"))
        assert run.awaited is None
        await asyncio.sleep(3.2)
        asked = run.core.clock.now()
        waiting = asyncio.create_task(run.checkpoint())
        await asyncio.sleep(7.0)
        assert run.awaited == Awaited("checkpoint", asked, ("hang",))
        await run.stop()
        assert run.awaited is None
        assert not (await waiting).committed

    run_virtual(main())


def test_a_suspend_has_the_last_word_over_a_checkpoint_under_way(tmp_path: Path) -> None:
    async def main() -> None:
        run = _stalling().start(store=SqliteStore(tmp_path / "state.db"))
        await asyncio.sleep(3.2)
        checkpoint = asyncio.create_task(run.checkpoint())
        await asyncio.sleep(1.0)
        asked = run.core.clock.now()
        suspend = asyncio.create_task(run.suspend(timeout=5.0))
        await asyncio.sleep(4.0)
        assert run.awaited == Awaited("suspend", asked, ("hang",))
        assert not (await suspend).committed
        assert not (await checkpoint).committed

    run_virtual(main())


def test_a_checkpoint_that_was_written_leaves_nothing_awaited(tmp_path: Path) -> None:
    async def main() -> None:
        run = Graph("g", Ticks("ticks") >> Collect("all")).start(store=SqliteStore(tmp_path / "state.db"))
        await asyncio.sleep(3.2)
        assert (await run.checkpoint()).committed
        assert run.awaited is None
        await run.stop()

    run_virtual(main())
