"""Law 5: one output to many inputs, many outputs to one input."""

import asyncio
from collections import Counter

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Node
from streamweave_lab.graph.port import In, Out
from streamweave_lab.operators import Collect, Count, ForEach, Map, Replay, Route
from streamweave_lab.testing.loop import run_virtual


def test_each_of_many_receivers_gets_every_item_in_order() -> None:
    source = Replay("numbers", range(1000))
    sinks = [Collect[int](f"sink{n}") for n in range(5)]
    run = Graph("many", *[source >> sink for sink in sinks]).run_to_end()
    assert all(run[sink.name].items == list(range(1000)) for sink in sinks)
    assert run.status().node("numbers").items_out == {"out": 1000}


async def hang(_item: object) -> None:
    await asyncio.Event().wait()


def test_one_slow_receiver_slows_all_and_is_named() -> None:
    async def main() -> None:
        source = Replay("numbers", iter(int, 1))
        graph = Graph("uneven", (source >> ForEach("slow", hang)).capacity(50), source >> Count("fast"))
        run = graph.start()
        await asyncio.sleep(1.0)
        status = run.status()
        assert run["fast"].count == run["numbers"].position == 52
        assert status.bottleneck == (
            "slow is the bottleneck: numbers waits for room on numbers.out -> slow.in, where 50 of 50 items stand"
        )
        assert [edge.blocked for edge in status.edges] == [True, False]
        await run.stop()

    run_virtual(main())


def test_many_senders_into_one_port_lose_nothing() -> None:
    sink = Collect[int]("all")
    sources = [Replay(f"source{n}", range(n * 1000, n * 1000 + 700)) for n in range(4)]
    run = Graph("merge", *[source >> sink for source in sources]).run_to_end()
    assert Counter(run["all"].items) == Counter(n for source in sources for n in source._items)
    assert run.status().node("all").items_in == {"in": 2800}


def test_the_items_of_one_sender_stay_in_order() -> None:
    sink = Collect[int]("all")
    source = Replay("numbers", range(3000))
    run = Graph(
        "ways", source >> Map("a", abs) >> Map("b", abs) >> sink, Replay("others", range(-900, 0)) >> sink
    ).run_to_end()
    positive = [n for n in run["all"].items if n >= 0]
    assert positive == list(range(3000))


async def take_a_while(_item: int) -> None:
    await asyncio.sleep(0.01)


def after(run: LocalRun, *names: str) -> list[int]:
    return [run.status().edge(f"{name}.out", "all.in").received for name in names]


def test_two_senders_that_are_always_ready_get_on_equally() -> None:
    async def main() -> None:
        sink = ForEach("all", take_a_while)
        graph = Graph(
            "fair",
            (Replay("one", iter(int, 1)) >> sink).capacity(4),
            (Replay("two", iter(int, 1)) >> sink).capacity(4000),
        )
        run = graph.start()
        await asyncio.sleep(20.0)
        one, two = after(run, "one", "two")
        assert one + two > 1500
        assert min(one, two) > 500  # the one whose edge holds a thousand times as many does not push the other out
        await run.stop()

    run_virtual(main())


class Both(Node):
    """Two input ports."""

    left: In[int]
    right: In[int]
    out: Out[tuple[str, int]]

    def on_left(self, item: int) -> None:
        self.emit(self.out, ("left", item))

    def on_right(self, item: int) -> None:
        self.emit(self.out, ("right", item))


def test_input_ports_are_told_apart_and_counted_apart() -> None:
    both = Both("both")
    graph = Graph("ports", Replay("a", [1, 2]) >> both.left, Replay("b", [3]) >> both.right, both.out >> Collect("all"))
    run = graph.run_to_end()
    assert sorted(run["all"].items) == [("left", 1), ("left", 2), ("right", 3)]
    assert run.status().node("both").items_in == {"left": 2, "right": 1}


def test_two_ways_from_a_source_meet_again() -> None:
    source, sink = Replay("numbers", range(10)), Collect[int]("all")
    parity = Route("parity", even=lambda n: n % 2 == 0)
    graph = Graph(
        "diamond", source >> parity, parity["even"] >> Map("up", lambda n: n + 100) >> sink, parity.rest >> sink
    )
    run = graph.run_to_end()
    assert sorted(run["all"].items) == [1, 3, 5, 7, 9, 100, 102, 104, 106, 108]


def test_a_batch_is_shared_by_its_receivers_and_changed_by_none() -> None:
    source = Replay("numbers", list(range(600)), time=float)
    narrow = (source >> Collect("narrow")).capacity(7)  # which has to split what the other gets whole
    run = Graph("shared", narrow, source >> Collect("wide")).run_to_end()
    assert run["narrow"].items == run["wide"].items == list(range(600))
