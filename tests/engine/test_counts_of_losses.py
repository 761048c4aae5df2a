"""Laws 4 and 9: each item that is late, or lost with a node's state at a restart, is counted."""

from typing import Any

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.status import NodeStatus
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.operators import Collect, Replay, Window
from streamweave_lab.operators import sum as total
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.testing.loop import run_virtual
from tests.engine.ticking import ticks


def of(run: LocalRun, name: str) -> NodeStatus:
    return next(node for node in run.status().nodes if node.name == name)


class Hoard(Step[int, int]):
    """Keeps all until the end, but cannot take a 3."""

    def opened(self) -> None:
        self.kept: list[int] = []
        self.holds = 0

    def on_item(self, item: int) -> None:
        if item == 3:
            raise ValueError(item)
        self.kept.append(item)
        self.holds += 1

    def finished(self) -> None:
        for item in self.kept:
            self.emit(self.out, item)
        self.holds = 0

    def snapshot(self) -> Any:
        return self.kept[:]

    def restore(self, state: Any) -> None:
        self.kept, self.holds = state[:], len(state)


def test_a_node_that_has_kept_nothing_begins_again_empty_and_what_it_held_is_counted() -> None:
    async def main() -> None:
        graph = Graph("hoarding", ticks(6) >> Hoard("hoard") >> Collect("all"), supervise={"hoard": "restart"})
        run = graph.start()
        await run.done()
        hoard = of(run, "hoard")
        assert run["all"].items == [4, 5]
        assert (hoard.restarts, hoard.errors, hoard.dropped) == (1, 1, 1 + 3)

    run_virtual(main())


def test_of_a_batch_of_late_items_each_is_counted_whether_they_are_dropped_or_not() -> None:
    source = Replay("readings", [0.0, 50.0, 1.0, 2.0, 3.0], time=float)
    dropping, keeping = (Window(name, total(float), Tumbling(seconds=10)) for name in ("dropping", "keeping"))
    sums = Collect[object]("sums")
    late = Collect[float]("late")
    graph = Graph("late", source >> dropping >> sums, source >> keeping >> sums, keeping.late >> late)
    run = graph.run_to_end()
    assert run["late"].items == [1.0, 2.0, 3.0]
    assert [(of(run, name).late, of(run, name).dropped) for name in ("dropping", "keeping")] == [(3, 3), (3, 0)]
