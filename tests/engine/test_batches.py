"""Law 1: what moves is a batch; its size follows the time that the logic takes."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

from streamweave_lab.engine.virtual_loop import VirtualLoop
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import END, Poll, Source, Wait
from streamweave_lab.operators import Collect, Count, ForEach, Map, Replay
from streamweave_lab.testing.loop import run_virtual


class Recorded(Step[int, int]):
    """Sends batches on and remembers them; each item takes `seconds(item)` of virtual time."""

    def __init__(self, name: str, seconds: Callable[[int], float] = lambda item: 0.0) -> None:
        super().__init__(name)
        self.seconds = seconds
        self.batches: list[Batch] = []  # the run's copy shares this list with the drawing

    def on_batch(self, port: str, batch: Batch) -> None:
        self.batches.append(batch)
        spend(sum(map(self.seconds, batch.items)))
        self.send("out", batch.items, batch.times)

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]


def spend(seconds: float) -> None:
    """What an expensive logic does to the clock."""
    if seconds:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.clock.move_to(loop.time() + seconds)


def run_adapting(graph: Graph) -> Any:
    async def main() -> Any:
        run = graph.start()
        await run.done()
        return run

    return run_virtual(main())


def test_a_batch_grows_twofold_up_to_4096_items_if_the_logic_takes_no_time() -> None:
    recorded = Recorded("recorded")
    run_adapting(Graph("growing", Replay("numbers", range(40_000)) >> recorded >> Count("n")))
    assert recorded.sizes[:13] == [2**power for power in range(13)]
    assert max(recorded.sizes) == 4096


def test_a_turn_of_a_slow_node_takes_a_millisecond() -> None:
    recorded = Recorded("recorded", seconds=lambda item: 50e-6)
    run_adapting(Graph("slow", Replay("numbers", range(2_000)) >> recorded >> Count("n")))
    assert max(recorded.sizes[1:]) == 20  # a batch of the source may leave a smaller rest


def test_logic_slower_than_a_turn_gets_one_item_at_a_time() -> None:
    recorded = Recorded("recorded", seconds=lambda item: 0.003)
    run_adapting(Graph("slower", Replay("numbers", range(40)) >> recorded >> Count("n")))
    assert recorded.sizes == [1] * 40


def test_a_batch_shrinks_as_soon_as_the_logic_becomes_slow() -> None:
    recorded = Recorded("recorded", seconds=lambda item: 0.0005 if item >= 5_000 else 0.0)
    run_adapting(Graph("changing", Replay("numbers", range(9_000)) >> recorded >> Count("n")))
    assert recorded.sizes[:14] == [*(2**power for power in range(13)), 2]
    assert max(recorded.sizes[13:]) == 2  # the one before was as long as the logic had been fast


class OneASecond(Source[int]):
    """Has one item each second."""

    def poll(self, limit: int) -> Poll[int]:
        if self.position == 4:
            return END
        if self.clock.now() < self.position:
            return Wait(self.position - self.clock.now())
        self.position += 1
        return [self.position]


def test_an_item_that_comes_alone_does_not_wait_for_others() -> None:
    seen: list[tuple[int, float]] = []
    sink = ForEach("sink", lambda item: seen.append((item, asyncio.get_running_loop().time())))
    run_adapting(Graph("rare", OneASecond("rare") >> Map("same", int) >> sink))
    assert seen == [(1, 0.0), (2, 1.0), (3, 2.0), (4, 3.0)]


def test_in_deterministic_mode_batches_have_a_fixed_size() -> None:
    recorded = Recorded("recorded")
    Graph("fixed", Replay("numbers", range(600)) >> recorded >> Count("n")).run_to_end()
    assert recorded.sizes == [256, 256, 88]


def test_times_run_parallel_to_items_and_cost_nothing_where_there_are_none() -> None:
    timed, untimed = Recorded("timed"), Recorded("untimed")
    sink = Collect[int]("sink")
    Graph(
        "times",
        Replay("a", [3, 1, 2], time=lambda n: n * 10.0) >> timed >> sink,
        Replay("b", [4, 5]) >> untimed >> sink,
    ).run_to_end()
    assert [(batch.items, batch.times) for batch in timed.batches] == [([3, 1, 2], [30.0, 10.0, 20.0])]
    assert [(batch.items, batch.times) for batch in untimed.batches] == [([4, 5], None)]


def test_every_item_is_counted_whatever_the_size_of_batches() -> None:
    status = run_adapting(
        Graph("counted", Replay("numbers", range(10_007)) >> Map("half", lambda n: n / 2) >> Count("n"))
    ).status()
    assert status.node("half").items_in == {"in": 10_007}
    assert status.node("half").items_out == {"out": 10_007, "error": 0}
    assert (status.edge("half.out", "n.in").sent, status.edge("half.out", "n.in").received) == (10_007, 10_007)


def test_a_batch_is_split_and_not_copied_item_by_item() -> None:
    first, rest = Batch([1, 2, 3], [0.1, 0.2, 0.3]).split(2)
    assert (first.items, first.times, rest.items, rest.times) == ([1, 2], [0.1, 0.2], [3], [0.3])


class Emitting(Step[int, str]):
    """Own logic, an item at a time."""

    def on_item(self, item: int) -> None:
        for _ in range(item):
            self.emit(self.out, f"{item}")


def test_own_logic_sends_with_emit_and_every_run_begins_with_nothing() -> None:
    graph = Graph("own", Replay("numbers", [2, 0, 1], time=float) >> Emitting("many") >> Collect("all"))
    assert graph.run_to_end()["all"].items == ["2", "2", "1"]
    assert graph.run_to_end()["all"].items == ["2", "2", "1"]  # a drawing keeps nothing of the first run


class Overridden(Step[int, int]):
    """A batch at a time, with emit."""

    def on_batch(self, port: str, batch: Batch) -> None:
        for item, time in zip(batch.items, batch.times or count(), strict=False):
            self.emit(self.out, item * 2, time=time)


def test_what_is_emitted_in_a_batch_leaves_with_the_batch() -> None:
    recorded = Recorded("recorded")
    Graph("batchwise", Replay("n", [1, 2, 3], time=float) >> Overridden("twice") >> recorded >> Count("c")).run_to_end()
    assert [(batch.items, batch.times) for batch in recorded.batches] == [([2, 4, 6], [1.0, 2.0, 3.0])]
