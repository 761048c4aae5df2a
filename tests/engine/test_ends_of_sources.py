"""However a run ends, the task of a source that is awaited ends with it, and what it has open is closed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from streamweave_lab.errors import RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import AsyncSource
from streamweave_lab.operators import Collect, Map, Take


class Connection(AsyncSource[int]):
    """One item at a time, for ever, on a connection that must be closed."""

    closed_after: int | None = None

    async def stream(self) -> AsyncIterator[list[int]]:
        items = 0
        try:
            while True:
                yield [items]
                items += 1
                await asyncio.sleep(0.001)
        finally:
            type(self).closed_after = items


def fails_on_three(n: int) -> float:
    return 1 / (n - 3)


@pytest.mark.parametrize("how", ["stop", "drain", "fail", "enough"])
def test_the_task_of_a_source_is_gone_and_its_stream_closed(how: str) -> None:
    step = Take("m", 3) if how == "enough" else Map("m", fails_on_three if how == "fail" else str)
    Connection.closed_after = None

    async def main() -> None:
        run = Graph("g", Connection("s") >> step >> Collect("c")).start()
        if how in ("stop", "drain"):
            while not run["c"].items:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await getattr(run, how)()
        try:
            await run.done()
        except RunFailedError:
            assert how == "fail"
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=60)
        assert [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
        assert Connection.closed_after is not None
        if how == "enough":
            assert run["c"].items == [0, 1, 2]
            assert run.status().node("s").items_out["out"] == 3

    asyncio.run(main())
