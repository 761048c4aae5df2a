"""What comes while nobody has anything to do passes the graph at once, and is accounted for as everything else is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.virtual_loop import VirtualLoop
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import AsyncSource
from streamweave_lab.graph.supervision import Supervision
from streamweave_lab.operators import Collect, Count, Filter, FlatMap, ForEach, Map, Reduce, Route, Window, count
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.testing.loop import run_virtual


class Alone(AsyncSource[int]):
    """Brings in each batch a second after the one before; `after` is called when one has been sent."""

    def __init__(self, name: str, batches: list[list[int]], time: Callable[[int], float] | None = None) -> None:
        super().__init__(name)
        self.batches, self.time = batches, time
        self.after: Callable[[int], object] = abs

    async def stream(self) -> AsyncIterator[list[int]]:
        for number, batch in enumerate(self.batches):
            await asyncio.sleep(1.0)
            yield batch
            self.after(number)


def spend(seconds: float) -> None:
    """Keep the loop, and move its clock."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    loop.clock.move_to(loop.time() + seconds)


def watched(graph: Graph, look: Callable[[LocalRun, int], object]) -> LocalRun:
    """Run `graph` in virtual time, and look at it each time its source `numbers` has sent something."""

    async def main() -> LocalRun:
        run = graph.start()
        run["numbers"].after = lambda number: look(run, number)
        await run.over()
        return run

    return run_virtual(main())


def test_a_sink_has_an_item_before_its_source_goes_on() -> None:
    seen: list[list[int]] = []
    path = Alone("numbers", [[1], [2], [3, 4]]) >> Map("a", abs) >> Filter("b", bool) >> FlatMap("c", lambda n: [n])
    watched(Graph("g", path >> Collect("all")), lambda run, _: seen.append(list(run["all"].items)))
    assert seen == [[1], [1, 2], [1, 2, 3, 4]]


def test_the_rest_waits_for_the_loop_where_the_turns_take_long() -> None:
    seen: list[int] = []

    def slow(item: int) -> int:
        spend(0.002)
        return item

    path = Alone("numbers", [[1], [2]]) >> Map("slow", slow) >> Map("slower", slow) >> Map("slowest", slow)
    graph = Graph("g", path >> Count("all"))
    run = watched(graph, lambda run, _: seen.append(run["all"].count))
    assert seen == [0, 1]
    assert run["all"].count == 2


def test_time_in_which_an_item_passes_is_on_the_account_of_who_had_it() -> None:
    def working(item: int) -> int:
        spend(0.0001)
        return item

    path = Alone("numbers", [[1], [2], [3]]) >> Map("first", working) >> Map("second", abs)
    status = watched(Graph("g", path >> ForEach("last", working)), lambda run, _: None).status()
    for name, spent in (("first", 0.0003), ("second", 0.0), ("last", 0.0003)):
        node = status.node(name)
        assert (node.run_seconds, node.busy_seconds) == pytest.approx((spent, spent))
        assert node.busy_seconds + node.idle_seconds + node.blocked_seconds == pytest.approx(status.uptime)


@pytest.mark.parametrize("verb", ["pause", "halt"])
def test_a_run_that_is_held_or_ends_in_the_midst_accounts_for_all_time_once(verb: str) -> None:
    runs: list[LocalRun] = []

    def act(item: int) -> int:
        spend(0.0001)
        if item == 2:
            getattr(runs[0].core, verb)()
        spend(0.0001)
        return item

    async def main() -> None:
        run = Graph("g", Alone("numbers", [[1], [2], [3]]) >> Map("act", act) >> Count("all")).start()
        runs.append(run)
        await asyncio.sleep(2.5)
        assert run["all"].count == 1  # the second waits before the sink, or was dropped
        for state in run.core.states:
            until = run.core.clock.now() - state.since if verb == "pause" else 2.5 - 2.0003
            assert sum(state.seconds) + until == pytest.approx(2.5)
        await run.stop()

    run_virtual(main())


def test_a_node_that_fails_begins_again_and_the_item_behind_it_is_not_lost() -> None:
    failed: list[int] = []

    def once(item: int) -> int:
        if item == 2 and not failed:
            failed.append(item)
            raise ValueError(item)
        return item

    resting = {"once": Supervision(policy="restart", backoff=2.5)}
    graph = Graph("g", Alone("numbers", [[1], [2], [3]]) >> Map("once", once) >> Collect("all"), supervise=resting)
    seen: list[list[int]] = []
    run = watched(graph, lambda run, _: seen.append(list(run["all"].items)))
    assert seen == [[1], [1], [1]]  # it rests while the third comes
    assert run["all"].items == [1, 3]
    assert run.status().node("once").dropped == 1


class Sizes(Step[int, int]):
    """Keeps how many items came at once."""

    def opened(self) -> None:
        self.seen: list[int] = []

    def on_batch(self, port: str, batch: Batch) -> None:
        self.seen.append(len(batch))
        self.send("out", batch.items, batch.times)


def test_a_full_edge_is_not_overrun() -> None:
    async def slow(item: int) -> None:
        await asyncio.sleep(100.0)

    def look(run: LocalRun, number: int) -> None:
        for edge in run.status().edges:
            assert edge.queued <= edge.capacity

    path = (Alone("numbers", [[n] for n in range(20)]) >> Sizes("sizes")).capacity(2)
    run = watched(Graph("g", (path >> ForEach("slow", slow)).capacity(2)), look)
    assert run.status().node("slow").items_in == {"in": 20}
    assert run["sizes"].seen == [1] * 20


NODES: dict[str, Callable[[str], Any]] = {
    "map": lambda name: Map(name, lambda n: n + 1),
    "filter": lambda name: Filter(name, lambda n: n % 3 > 0),
    "flat": lambda name: FlatMap(name, lambda n: [n, n]),
    "sum": lambda name: Reduce(name, lambda total, n: (total + n) % 1000, initial=0),
}
BATCHES = st.lists(st.lists(st.integers(0, 9), max_size=5), min_size=1, max_size=12)


def outcome(stages: list[str], batches: list[list[int]], timed: bool, at_once: bool) -> tuple[Any, ...]:
    path: Any = Alone("numbers", batches, float if timed else None)
    for number, stage in enumerate(stages):
        path = path >> NODES[stage](f"n{number}")
    ways, odd = Route("ways", odd=lambda n: n % 2 > 0), Map("odd", lambda n: -n)
    ends: list[Any] = [path >> ways, ways["odd"] >> odd >> Collect("a"), ways.rest >> Collect("b"), odd >> Count("c")]
    if timed:
        ends.append(ways.rest >> Window("w", count(), Tumbling(seconds=2)) >> Collect("d"))

    async def main() -> tuple[Any, ...]:
        run = Graph("g", *ends).start()
        if not at_once:
            run.core.watched += 1  # as if somebody tapped
        await run.done()
        status = run.status()
        found = [run["a"].items, run["b"].items, run["c"].count, *([run["d"].items] if timed else [])]
        edges = [(edge.sent, edge.received, edge.queued) for edge in status.edges]
        return found, edges, [(node.items_in, node.items_out, node.late) for node in status.nodes], status.frontier

    return run_virtual(main())


@given(st.lists(st.sampled_from(list(NODES)), max_size=4), BATCHES, st.booleans())
def test_nobody_can_tell_from_what_comes_out_or_is_counted(
    stages: list[str], batches: list[list[int]], timed: bool
) -> None:
    assert outcome(stages, batches, timed, True) == outcome(stages, batches, timed, False)
