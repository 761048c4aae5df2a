"""Law 8: the phases of a drain say where its time went."""

import asyncio

from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import ForEach, Map, Pane, Window
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.testing.loop import run_virtual
from tests.engine.ticking import ticks


async def a_second(_item: object) -> None:
    await asyncio.sleep(1.0)


def test_while_what_windows_say_waits_for_room_a_drain_is_in_the_phase_of_windows() -> None:
    async def main() -> None:
        tens = Window("tens", sum_of, Tumbling(seconds=100), key=lambda n: n)
        slow = ForEach("slow", a_second, concurrency=1)
        run = Graph("many_panes", ticks() >> Map("same", abs) >> tens, (tens >> slow).capacity(1)).start()
        await asyncio.sleep(9.5)
        asked = asyncio.ensure_future(run.drain())
        await asyncio.sleep(2.0)
        drain = run.status().drain
        assert drain is not None
        assert drain.phase == "windows"
        report = await asked
        assert (report.complete, report.phases["in flight"]) == (True, 0.0)
        assert report.phases["windows"] > report.phases["sinks"] > 0.0

    run_virtual(main())


def sum_of(pane: Pane[int, int]) -> int:
    return sum(pane.items)
