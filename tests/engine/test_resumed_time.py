"""Law 6 across a suspend: how far event time had come, and who was idle, is not forgotten."""

import asyncio
from pathlib import Path

from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import Poll, Wait
from streamweave_lab.operators import Collect, Replay, Window
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.testing.loop import run_virtual
from tests.engine.ticking import Ticking


def test_the_newest_item_before_a_suspend_still_counts_where_only_earlier_ones_follow(tmp_path: Path) -> None:
    ticks = Ticking("ticks", [0.0, 100.0, 80.0], time=float, lag=30.0)
    graph, store = Graph("earlier", ticks >> Collect("all")), SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        run = graph.start(store=store)
        await asyncio.sleep(1.5)
        assert (await run.suspend()).committed
        assert run.status().frontier == 70.0
        again = graph.start(store=store, resume=True)
        await again.done()
        assert (again["all"].items, again.status().frontier) == ([0.0, 100.0, 80.0], 100.0)

    run_virtual(main())


class Once(Replay[float]):
    """One item at 0, and then silence."""

    def poll(self, limit: int) -> Poll[float]:
        return Wait(1e6) if self.position else super().poll(1)


def test_an_input_that_was_idle_before_a_suspend_holds_nobody_back_after_it(tmp_path: Path) -> None:
    silent, ticks = Once("silent", [0.0, 1.0], time=float, idle_after=3.0), Ticking("ticks", range(1000), time=float)
    tens = Window("tens", lambda pane: pane.end, Tumbling(seconds=10))
    graph = Graph("one_idle", silent >> tens, ticks >> tens, tens >> Collect("ends"))
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        run = graph.start(store=store)
        await asyncio.sleep(8.5)
        assert (await run.suspend()).committed
        assert (run["ends"].items, run.status().frontier) == ([], 8.0)
        again = graph.start(store=store, resume=True)
        await asyncio.sleep(2.5)
        assert again["ends"].items == [10.0]
        await again.stop()

    run_virtual(main())
