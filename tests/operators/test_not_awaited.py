"""Functions that return a coroutine to a node that does not await it. A coroutine left alone would be a warning."""

import pytest

from streamweave_lab.errors import GraphError, NotAwaitedError, RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, Filter, FlatMap, ForEach, Map, Replay, Route
from streamweave_lab.testing.harness import Drive


async def send(item):
    return item


class Sender:
    async def __call__(self, item):
        return item


NODES = [
    Map("n", lambda item: send(item)),
    Filter("n", lambda item: send(item)),
    FlatMap("n", lambda item: send(item)),
    ForEach("n", lambda item: send(item)),
    Route("n", there=lambda item: send(item)),
]


@pytest.mark.parametrize("times", [None, [1.0, 2.0, 3.0]], ids=["without times", "with times"])
@pytest.mark.parametrize("node", NODES, ids=lambda node: node.kind)
def test_items_whose_function_returns_a_coroutine_are_refused_and_none_passes(node, times):
    drive = Drive(node).batch([1, 2, 3], times)
    assert [failure.item for failure in drive.failures] == [1, 2, 3]
    assert {type(failure.error) for failure in drive.failures} == {NotAwaitedError}
    assert not any(drive.out.values())


def test_who_must_await_is_told_how_and_not_to_keep_such_items():
    message = "the function returned the coroutine 'send', which Filter does not await; await it in a MapAsync"
    with pytest.raises(RunFailedError, match=message) as failed:
        Graph("g", Replay("s", [1]) >> Filter("f", lambda item: send(item)) >> Collect("c")).run_to_end()
    assert "to a sink" not in str(failed.value)


def test_for_each_asks_for_the_async_function_itself():
    with pytest.raises(RunFailedError, match="give ForEach an async function: send itself"):
        Graph("g", Replay("s", [1]) >> ForEach("f", lambda item: send(item))).run_to_end()


def test_map_sends_what_its_function_did_return_beside_coroutines():
    drive = Drive(Map("n", lambda item: send(item) if item < 3 else 10 // (item - 5))).batch(
        [1, 4, 5, 2, 6], [1, 4, 5, 2, 6]
    )
    assert (drive.out["out"], [failure.item for failure in drive.failures]) == ([-10, 10], [1, 5, 2])


@pytest.mark.parametrize("kind", [Map, Filter, FlatMap])
def test_an_object_whose_call_is_async_is_refused_when_drawn(kind):
    with pytest.raises(GraphError, match="a coroutine function; use MapAsync for it"):
        kind("n", Sender())


def test_an_async_predicate_is_refused_when_drawn():
    with pytest.raises(GraphError, match="cannot await 'send', a coroutine function"):
        Route("n", there=send)


@pytest.mark.parametrize("on", ["threads", "processes"])
def test_a_map_with_workers_refuses_coroutines_as_one_without_does(on):
    step = Map("m", lambda item: send(item) if item < 2 else item, workers=1, on=on)
    refused = Collect("refused")
    run = Graph("g", Replay("s", [1, 2, 3]) >> step >> Collect("c"), step.error >> refused).run_to_end(
        deterministic=False
    )
    assert run["c"].items == [2, 3]
    (failure,) = run["refused"].items
    assert (failure.item, type(failure.error)) == (1, NotAwaitedError)
    assert "'send', which Map does not await; await it in a MapAsync" in str(failure.error)
