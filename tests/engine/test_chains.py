"""Quick nodes in a row take batches in one turn, and nobody can tell but by the time it takes."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.config.model import Config, live
from streamweave_lab.engine import core as core_module
from streamweave_lab.engine import host
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.scheduler import scheduler_of
from streamweave_lab.engine.status import Status
from streamweave_lab.errors import RunFailedError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Sink
from streamweave_lab.graph.supervision import Supervision
from streamweave_lab.operators import Collect, Count, Filter, FlatMap, ForEach, Map, Replay, Route
from streamweave_lab.testing import drills
from streamweave_lab.testing.interleave import run_interleaved
from streamweave_lab.testing.loop import run_virtual
from tests.engine.ticking import Ticking, ticks


def members(graph: Graph) -> list[list[str]]:
    """The chains of a graph, by the names of their nodes."""
    found: list[list[str]] = []

    async def look() -> None:
        run = graph.start()
        found.extend([s.node.name for s in state.chain.members] for state in run.core.states if state.chain)
        await run.stop()

    run_virtual(look())
    return found


def test_quick_nodes_in_a_row_take_a_batch_in_one_turn() -> None:
    calls: list[str] = []

    def named(name: str, f: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def called(item: Any) -> Any:
            calls.append(name)
            return f(item)

        return called

    first, second = Map("first", named("a", lambda n: n + 1)), Filter("second", named("b", lambda n: n % 2 == 0))
    run = Graph("row", Replay("n", range(5000)) >> first >> second >> Map("third", str) >> Collect("all")).run_to_end()
    assert run["all"].items == [str(n) for n in range(1, 5001) if n % 2 == 0]
    assert "".join(calls).count("ab") > 4000


def in_a_row(*nodes: Any) -> Graph:
    path: Any = Replay("n", range(50))
    for node in nodes:
        path = path >> node
    return Graph("row", path >> Count("c"))


def flat(item: int) -> list[int]:
    return [item]


@pytest.mark.parametrize(
    ("graph", "chains"),
    [
        (in_a_row(Map("a", abs)), []),
        (in_a_row(Map("a", abs), Filter("b", abs), Map("c1", abs)), [["a", "b", "c1"]]),
        (in_a_row(Filter("a", abs), Filter("b", abs), Map("c1", abs)), [["b", "c1"]]),
        (in_a_row(Map("a", abs), FlatMap("b", flat), Map("c1", abs)), []),
    ],
    ids=["one node", "one that decides", "two that decide", "one that makes more"],
)
def test_maps_and_one_that_decides_make_a_chain(graph: Graph, chains: list[list[str]]) -> None:
    assert members(graph) == chains


def test_what_two_nodes_share_is_in_no_chain() -> None:
    first, second, end = Map("first", abs), Map("second", abs), Collect[int]("end")
    shared = Map("shared", abs)
    graph = Graph("shared", Replay("a", [1]) >> first >> shared >> end, Replay("b", [1]) >> second >> shared)
    assert members(graph) == []
    twice, left = Map("twice", abs), Map("left", abs)
    assert members(Graph("twice", Replay("n", [1]) >> twice >> left >> end, twice >> Map("right", abs) >> end)) == []


def test_a_very_long_row_makes_several_chains() -> None:
    graph = in_a_row(*(Map(f"m{number}", abs) for number in range(200)))
    assert graph.run_to_end()["c"].count == 50
    assert sum(map(len, members(graph))) == 200


# Nobody can tell


class Ends(Sink[Any]):
    """Keeps items with their event times."""

    def opened(self) -> None:
        self.items: list[tuple[Any, float | None]] = []

    def on_batch(self, port: str, batch: Batch) -> None:
        self.items += zip(batch.items, batch.times or [None] * len(batch), strict=True)  # type: ignore[arg-type]


STAGES = st.lists(st.sampled_from(["map", "filter", "route"]), min_size=2, max_size=6)


def drawn(stages: list[str], *, timed: bool, failing: set[int], policy: Any, room: int = 8192) -> Graph:
    """A tree of nodes, of which some refuse some items."""
    path: Any = Replay("numbers", range(60), time=float if timed else None)
    rows, number = [], 0

    def odd_one(name: str, f: Callable[[int], int]) -> Callable[[int], int]:
        at = int(name[1:])

        def called(item: int) -> int:
            if at in failing and item % 7 == at % 7:
                raise (StopIteration if item % 2 else ValueError)(item)
            return f(item)

        return called

    errors: Collect[Any] = Collect("errors")
    for number, stage in enumerate(stages):
        name = f"s{number}"
        node: Any
        if stage == "map":
            node = Map(name, odd_one(name, lambda n: n + 3))
        elif stage == "filter":
            node = Filter(name, odd_one(name, lambda n: n % 3 > 0))
        else:
            node = Route(name, few=odd_one(name, lambda n: n % 5 == 0), more=odd_one(name, lambda n: n % 5 < 3))
            rows.append(node["few"] >> Map(f"{name}few", abs) >> Ends(f"{name}end"))
            rows.append(node["more"] >> Ends(f"{name}more"))
        if policy is None:
            rows.append(node.error >> errors)
        path = (path >> node).capacity(room)
        if stage == "route":
            rows.append(path)
            path = node.rest
    supervise = {f"s{at}": policy for at in failing if at < len(stages)} if policy else None
    return Graph("drawn", (path >> Ends("end")).capacity(room), *rows, supervise=supervise)


def told(run: LocalRun) -> Any:
    """All that is known of a run, but for times."""
    status: Status = run.status()
    nodes = {n.name: (n.items_in, n.items_out, n.errors, n.dropped, n.frontier) for n in status.nodes}
    ends = {name: run[name].items for name in run.graph.nodes if isinstance(run[name], Ends)}
    refused = sorted(
        (failure.node, failure.item, failure.time or 0, repr(failure.error))
        for failure in (run["errors"].items if "errors" in run.graph.nodes else ())
    )
    return status.state, nodes, ends, refused


def balanced(run: LocalRun) -> bool:
    return all(e.sent == e.received + e.queued + e.dropped for e in run.status().edges)


def nobody_holds(run: LocalRun) -> Callable[[], None]:
    """A node takes no more than what comes of it has room for."""

    def look() -> None:
        for state in run.core.states:
            assert not any(entry for channel in state.outs.get("out", ()) for entry in channel.waiting)

    return look


def one_by_one(graph: Graph) -> LocalRun:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core_module, "chains", lambda core: ())
        return graph.run_to_end()


@given(
    stages=STAGES, timed=st.booleans(), failing=st.sets(st.integers(0, 5), max_size=2),
    policy=st.sampled_from([None, "skip"]), batch=st.integers(1, 40), dice=st.integers(0, 1000),
    room=st.sampled_from([3, 10, 8192]),
)  # fmt: skip
def test_a_chain_does_what_its_nodes_do_one_by_one(
    stages: list[str], timed: bool, failing: set[int], policy: Any, batch: int, dice: int, room: int
) -> None:
    graph = drawn(stages, timed=timed, failing=failing, policy=policy, room=room)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, "_FIXED_BATCH", batch)
        together = graph.run_to_end()
    expected = one_by_one(graph)
    assert told(together) == told(expected)
    shuffled = run_interleaved(graph, Random(dice), witness=nobody_holds)
    assert told(shuffled) == told(expected)
    assert balanced(together)
    assert balanced(shuffled)


def test_a_failure_that_nobody_catches_fails_the_run_in_its_own_node() -> None:
    graph = Graph(
        "fails",
        Replay("numbers", range(1000), time=float) >> Map("first", lambda n: n + 1)
        >> Map("inverse", lambda n: 1 // (n - 900)) >> Filter("some", lambda n: n < 0) >> Collect("end"),
    )  # fmt: skip
    with pytest.raises(RunFailedError, match="failed in node 'inverse' on item 900: ZeroDivisionError") as failed:
        graph.run_to_end()
    assert failed.value.item == 900
    with pytest.raises(RunFailedError):
        one_by_one(graph)


def test_what_a_failed_chain_had_before_it_is_counted_as_dropped() -> None:
    async def main() -> None:
        graph = Graph(
            "fails",
            Replay("n", range(1000)) >> Map("first", abs) >> Map("inverse", lambda n: 1 // (n - 900)) >> Count("c"),
        )
        run = graph.start()
        with pytest.raises(RunFailedError):
            await run.done()
        status = run.status()
        first, inverse = status.node("first"), status.node("inverse")
        assert inverse.items_in["in"] == first.items_out["out"] == first.items_in["in"] == 901
        assert (inverse.errors, inverse.dropped, inverse.items_out["out"]) == (1, 1, 900)
        assert balanced(run)

    run_virtual(main())


@pytest.mark.parametrize("node", [Map, Filter, FlatMap], ids=lambda node: node.__name__)
def test_a_function_that_raises_stop_iteration_ends_no_batch(node: Any) -> None:
    def stops(item: int) -> Any:
        if item in (3, 4):
            raise StopIteration
        return [item]

    step, errors = node("stops", stops), Collect[Any]("errors")
    graph = Graph("stops", Replay("n", range(8)) >> Map("first", abs) >> step >> Count("c"), step.error >> errors)
    run = graph.run_to_end()
    assert run["c"].count == 6
    assert [repr(failure.error) for failure in run["errors"].items] == [
        "RuntimeError('the function raised StopIteration')"
    ] * 2


def test_an_interrupt_in_a_chain_ends_the_run_with_an_account() -> None:
    def interrupted(n: int) -> int:
        if n == 900:
            raise KeyboardInterrupt
        return n

    async def main() -> None:
        run = Graph(
            "i", Replay("n", range(1000)) >> Map("first", abs) >> Map("second", interrupted) >> Count("c")
        ).start()
        runs.append(run)
        await run.over()

    runs: list[LocalRun] = []
    with pytest.raises(KeyboardInterrupt):
        run_virtual(main())
    status = runs[0].status()
    assert status.state == "failed"
    came = status.edge("n.out", "first.in").received
    assert came == status.node("second").items_out["out"] + sum(n.dropped for n in status.nodes)
    assert balanced(runs[0])


class Doubling(Config):
    factor: int = live(1)


def test_a_chain_calls_its_functions_with_the_configuration_in_force() -> None:
    async def main() -> None:
        times = Map("times", lambda n, config: n * config.factor, config=Doubling)
        graph = Graph("configured", ticks(100) >> Map("first", int) >> times >> Collect("all"))
        run = graph.start(Doubling())
        await asyncio.sleep(50.5)
        assert run.core.by_name["first"].chain is not None
        await run.configure(factor=1000)
        await run.done()
        assert run["all"].items == [*range(51), *(n * 1000 for n in range(51, 100))]

    run_virtual(main())


# When they go one by one


def test_a_tap_sees_what_passes_between_the_nodes_of_a_chain() -> None:
    async def main() -> None:
        graph = Graph("tapped", ticks(100) >> Map("first", int) >> Map("second", lambda n: n * 2) >> Collect("all"))
        run = graph.start()
        await asyncio.sleep(40.5)
        tapped = await run.tap("first.out", n=3)
        assert tapped["first.out"].items == ("41", "42", "43")
        assert tapped["first.out"].passed == 3
        await run.done()
        assert run["all"].items == [n * 2 for n in range(100)]

    run_virtual(main())


def test_a_drill_finds_the_node_it_names_within_a_chain() -> None:
    async def main() -> None:
        second = Map("second", lambda n: n * 2)
        errors = Collect[Any]("errors")
        path = ticks(100) >> Map("first", int) >> second >> Collect("all")
        run = Graph("drilled", path, second.error >> errors, drills=True).start()
        await asyncio.sleep(40.5)
        drills.begin(run, "failing item", "second", items=2)
        await run.done()
        assert [(failure.node, failure.item) for failure in run["errors"].items] == [("second", 41), ("second", 42)]
        assert len(run["all"].items) == 98

    run_virtual(main())


@pytest.mark.parametrize("time", [None, float], ids=["without event time", "with event time"])
def test_a_node_of_a_chain_that_rests_with_its_group_is_given_nothing_meanwhile(
    time: Callable[[int], float] | None,
) -> None:
    seen: list[tuple[float, int]] = []

    def second(n: int) -> int:
        seen.append((asyncio.get_running_loop().time(), n))
        return n

    async def main() -> None:
        together = Supervision(policy="restart_group", group="both", backoff=20.0)
        source = Ticking("ticks", range(100), time=time)
        path = source >> Map("first", int) >> Map("second", second) >> Map("third", int)
        ill = path >> ForEach("ill", lambda n: 1 // (n - 40))
        run = Graph("rests", ill, supervise={"second": together, "ill": together}).start()
        await run.done()

    run_virtual(main())
    (failed, _), (after, item) = seen[40:42]
    assert (item, after - failed >= 15.0) == (41, True)


def test_a_node_of_a_chain_that_is_stopped_is_called_no_more() -> None:
    seen: list[int] = []

    def second(n: int) -> int:
        seen.append(n)
        return 1 // (n - 400)

    async def main() -> None:
        path = Replay("n", range(5000)) >> Map("first", int) >> Map("second", second) >> Count("c")
        run = Graph("stops", path, supervise={"second": "stop"}).start()
        it = (await run.done()).node("second")
        assert seen[-1] < 1000  # the batch in which it failed is its last
        assert it.dropped == it.items_in["in"] - it.items_out["out"] > 1
        assert balanced(run)

    run_virtual(main())


def test_coroutines_are_refused_wherever_in_a_row_they_are_made() -> None:
    async def later(n: int) -> int:
        return n

    for step in (Map("asks", lambda n: later(n)), Filter("asks", lambda n: later(n))):
        errors = Collect[Any]("errors")
        path = Replay("n", range(2000)) >> Map("first", int) >> step >> Map("last", abs) >> Count("c")
        run = Graph("asks", path, step.error >> errors).run_to_end()
        assert {type(failure.error).__name__ for failure in run["errors"].items} == {"NotAwaitedError"}
        assert (len(run["errors"].items), run["c"].count) == (2000, 0)


def test_behind_a_slow_sink_the_edges_of_a_chain_fill_up_as_others_do() -> None:
    async def slow(item: int) -> None:
        await asyncio.sleep(1)

    async def main() -> None:
        first, second, sink = Map("first", abs), Map("second", abs), ForEach("slow", slow, concurrency=1)
        between, last = (first >> second).capacity(10), (second >> sink).capacity(5)
        run = Graph("full", Replay("n", range(10_000)) >> first, between, last).start()
        await asyncio.sleep(3)
        status = run.status()
        assert status.edge("first.out", "second.in").queued == 10
        assert status.node("first").state == "blocked"
        await run.stop()
        assert balanced(run)

    run_virtual(main())


# Whose the time is


def test_the_time_of_a_chain_is_shared_out_to_its_nodes() -> None:
    graph = Graph("shared", Replay("n", range(3000)) >> Map("first", abs) >> Map("second", abs) >> Count("c"))
    run = run_interleaved(graph, Random(1))
    ran = {node.name: node.run_seconds for node in run.status().nodes}
    assert min(ran["first"], ran["second"]) > 0
    assert 0.2 < ran["first"] / ran["second"] < 5


def test_whoever_finds_the_loop_blocked_learns_which_node_of_a_chain_it_is() -> None:
    found: list[str | None] = []

    def first(n: int) -> int:
        found.append(scheduler_of(asyncio.get_running_loop()).current())
        return n

    def second(n: int) -> int:
        found.append(scheduler_of(asyncio.get_running_loop()).current())
        return n

    async def main() -> None:
        await (
            Graph("at-work", Replay("n", range(9000)) >> Map("first", first) >> Map("second", second) >> Count("c"))
            .start()
            .done()
        )

    run_virtual(main())
    assert found.count("first") == found.count("second") == 9000
    together = sum(pair == ("first", "second") for pair in pairwise(found))
    assert together > 4500


def test_slow_nodes_go_one_by_one_so_that_their_time_is_their_own() -> None:
    calls: list[str] = []

    def slow(n: int) -> int:
        calls.append("b")
        loop.clock.move_to(loop.clock.now() + 0.001)
        return n

    def quick(n: int) -> int:
        calls.append("a")
        return n

    async def main() -> LocalRun:
        nonlocal loop
        loop = asyncio.get_running_loop()
        run = Graph("slow", Replay("n", range(500)) >> Map("quick", quick) >> Map("slow", slow) >> Count("c")).start()
        await run.done()
        return run

    loop: Any = None
    status = run_virtual(main()).status()
    assert status.node("slow").run_seconds == pytest.approx(0.5, rel=0.01)
    assert "".join(calls).count("ab") < 250  # one by one, and in batches


def test_a_node_that_becomes_slow_leaves_its_chain() -> None:
    def slow(n: int) -> int:
        if n >= 500:
            loop.clock.move_to(loop.clock.now() + 0.01)
        return n

    async def main() -> LocalRun:
        nonlocal loop
        loop = asyncio.get_running_loop()
        run = Graph("slow", ticks(1000) >> Map("quick", int) >> Map("slow", slow) >> Count("c")).start()
        await run.done()
        return run

    loop: Any = None
    status = run_virtual(main()).status()
    assert status.node("slow").run_seconds == pytest.approx(5.0, rel=0.005)
