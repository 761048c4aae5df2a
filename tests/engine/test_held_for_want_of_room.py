"""Law 4: what a node has made and cannot send is held by it."""

import asyncio

from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import FlatMap, ForEach, Replay
from streamweave_lab.testing.loop import run_virtual


async def hang(_item: object) -> None:
    await asyncio.Event().wait()


def test_what_waits_behind_a_full_edge_is_held_by_its_sender() -> None:
    async def main() -> None:
        many = FlatMap("many", range)
        run = Graph("full", Replay("ten", [10]) >> many, (many >> ForEach("hang", hang)).capacity(3)).start()
        await asyncio.sleep(1.0)
        edge = run.status().edges[-1]
        assert edge.queued == 3
        assert run.core.by_name["many"].holds == 10 - edge.sent > 0
        await run.stop()

    run_virtual(main())
