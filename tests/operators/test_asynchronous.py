import asyncio

import pytest

from streamweave_lab.errors import GraphError
from streamweave_lab.operators import MapAsync
from streamweave_lab.testing.harness import Drive


async def tenth(n):
    await asyncio.sleep(0)
    return 10 // n


def test_results_are_awaited_and_keep_the_times_of_their_items():
    drive = Drive(MapAsync("tenth", tenth, concurrency=8)).batch([1, 0, 5], [1.0, 2.0, 3.0])
    assert (drive.out["out"], drive.times["out"]) == ([10, 2], [1.0, 3.0])
    assert [(f.item, f.time) for f in drive.failures] == [(0, 2.0)]


def test_the_engine_is_told_how_many_may_be_in_flight_and_whether_order_matters():
    node = MapAsync("tenth", tenth, concurrency=8, ordered=False)
    assert (node.awaits, node.concurrency, node.ordered) == (True, 8, False)
    assert MapAsync("tenth", tenth, concurrency=1).ordered is True


def test_a_function_that_is_not_a_coroutine_function_is_told_by_its_first_item():
    drive = Drive(MapAsync("plain", lambda n: n, concurrency=1)).batch([1])
    assert "await" in str(drive.failures[0].error)


def test_concurrency_is_at_least_1():
    with pytest.raises(GraphError, match="concurrency must be at least 1, not 0"):
        MapAsync("tenth", tenth, concurrency=0)
