"""Law 4: every item is taken, held, refused or late; and what is lost is counted."""

import asyncio
from typing import Any

import pytest

from streamweave_lab.errors import RunFailedError
from streamweave_lab.graph.batch import Failure
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import Poll, Wait
from streamweave_lab.operators import Collect, Count, Filter, FlatMap, ForEach, Map, MapAsync, Pane, Replay, Window
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.testing.loop import run_virtual


def inverse(number: int) -> float:
    return 1 / number


async def awaited_inverse(number: int) -> float:
    return 1 / number


class OwnInverse(Step[int, float]):
    def on_item(self, item: int) -> None:
        self.emit(self.out, 1 / item)


INVERSES = [Map("inverse", inverse), OwnInverse("inverse"), MapAsync("inverse", awaited_inverse, concurrency=2)]
each_inverse = pytest.mark.parametrize("step", INVERSES, ids=lambda step: step.kind)


@each_inverse
def test_an_item_that_is_refused_fails_a_run_without_an_error_port(step: Any) -> None:
    with pytest.raises(RunFailedError) as failed:
        Graph("bad", Replay("numbers", [1, 0, 2]) >> step >> Collect("all")).run_to_end()
    error = failed.value
    assert (error.graph, error.node, error.item, type(error.__cause__)) == ("bad", "inverse", 0, ZeroDivisionError)
    assert "failed in node 'inverse' on item 0: ZeroDivisionError('division by zero')" in str(error)
    assert "draw inverse.error to a sink" in str(error)


@each_inverse
def test_an_item_that_is_refused_leaves_by_the_error_port(step: Any) -> None:
    spill = Collect[Failure[int]]("spill")
    source = Replay("numbers", [4, 0, 2, 0], time=lambda n: n + 10.0)
    run = Graph("kept", source >> step >> Collect("all"), step.error >> spill).run_to_end()
    assert run["all"].items == [0.25, 0.5]
    refused = [(failure.node, failure.item, type(failure.error), failure.time) for failure in run["spill"].items]
    assert refused == [("inverse", 0, ZeroDivisionError, 10.0)] * 2
    assert run.status().node("inverse").errors == 2
    assert run.status().node("inverse").items_out == {"out": 2, "error": 2}


def test_items_that_are_refused_all_at_once_wait_for_room_on_the_error_edge() -> None:
    step, spill = MapAsync("inverse", awaited_inverse, concurrency=10), Collect[Failure[int]]("spill")
    errors = (step.error >> spill).capacity(1)
    run = Graph("full", Replay("zeros", [0] * 50) >> step >> Count("n"), errors).run_to_end()
    assert len(run["spill"].items) == run.status().node("inverse").items_out["error"] == 50


def test_refused_items_are_told_once_a_second_and_the_others_counted() -> None:
    async def main() -> None:
        step = Map("inverse", inverse)
        run = Graph("many", Replay("zeros", [0] * 500) >> step >> Count("n"), step.error >> Count("errors")).start()
        await run.done()
        told = [event for event in run.status().events if event.event == "node.item_refused"]
        assert [(event.node, event.level) for event in told] == [("inverse", "warning")]
        assert run["errors"].count == 500

    run_virtual(main())


def test_an_item_without_an_event_time_fails_the_run_and_is_named() -> None:
    source = Replay("rows", [{"t": 1.0}, {"t": 2.0}, {"u": 3.0}], time=lambda row: row["t"])
    with pytest.raises(RunFailedError, match=r"failed in node 'rows' on item {'u': 3.0}: KeyError\('t'\)$"):
        Graph("untimed", source >> Count("n")).run_to_end()


@pytest.mark.parametrize("time", [None, float("nan"), float("inf"), "noon"])
def test_an_event_time_that_is_no_finite_number_fails_the_run_and_is_named(time: Any) -> None:
    source = Replay("rows", [(1, 5.0), (2, time), (3, 6.0)], time=lambda row: row[1])
    with pytest.raises(RunFailedError, match=r"on item \(2, .*an event time must be a finite number of seconds, not"):
        Graph("odd", source >> Count("n")).run_to_end()


def test_late_items_leave_by_the_late_port_or_are_counted() -> None:
    window = Window("sums", lambda pane: sum(pane.items), Tumbling(seconds=10), key=None)
    source = Replay("numbers", [1, 12, 3, 25, 14, 26], time=float)
    late = Collect[int]("behind")
    run = Graph("wired", source >> window >> Collect("all"), window.late >> late).run_to_end()
    assert (run["all"].items, run["behind"].items) == ([1, 12, 51], [3, 14])
    assert (run.status().node("sums").late, run.status().node("sums").dropped) == (2, 0)

    unwired = Graph("unwired", source >> window >> Collect("all")).run_to_end().status().node("sums")
    assert (unwired.late, unwired.dropped, unwired.items_out["late"]) == (2, 2, 0)


def test_a_pane_that_fails_leaves_by_the_error_port_as_a_whole() -> None:
    def fail(pane: Pane[None, int]) -> int:
        raise ValueError(pane.start)

    window = Window("sums", fail, Tumbling(seconds=10))
    spill = Collect[Failure[Any]]("spill")
    run = Graph(
        "panes", Replay("n", [1, 2, 11], time=float) >> window >> Count("c"), window.error >> spill
    ).run_to_end()
    assert [failure.item for failure in run["spill"].items] == [Pane(None, 0, 10, [1, 2]), Pane(None, 10, 20, [11])]


async def hang(_item: object) -> None:
    await asyncio.Event().wait()


class Unfinished(Replay[int]):
    """Has nothing more, and does not end."""

    def poll(self, limit: int) -> Poll[int]:
        answer = super().poll(limit)
        return answer if isinstance(answer, list) else Wait(3600.0)


def test_at_every_moment_each_item_is_somewhere() -> None:

    async def main() -> None:
        halves, window = Map("inverse", inverse), Window("open", len, Tumbling(seconds=1000))
        source, fetch = Unfinished("numbers", [1, 2, 3, 0, 0, 0], time=float), ForEach("hang", hang, concurrency=1)
        path = (source >> fetch).capacity(64)
        run = Graph(
            "all", path, source >> window >> Count("n"), source >> halves >> Count("c"), halves.error >> Count("e")
        )
        live = run.start()
        await asyncio.sleep(1)
        status = live.status()
        nodes = {node.name: node for node in status.nodes}
        assert (nodes["open"].items_in["in"], nodes["open"].held, nodes["n"].items_in["in"]) == (6, 6, 0)
        assert (nodes["inverse"].items_in["in"], nodes["inverse"].errors, nodes["c"].items_in["in"]) == (6, 3, 3)
        assert (nodes["hang"].items_in["in"], nodes["hang"].held) == (1, 1)  # and the mark behind it
        assert status.edge("numbers.out", "hang.in").queued == 5
        stopped = await live.stop()
        assert stopped.dropped == {"open": 6, "hang": 1, "numbers.out -> hang.in": 5}

    run_virtual(main())


def test_what_a_failure_costs_is_counted() -> None:
    async def main() -> None:
        source = Replay("numbers", [*range(1, 40), 0, *range(1, 61)])
        run = Graph("costly", (source >> Map("inverse", inverse)).capacity(64) >> Collect("all")).start()
        with pytest.raises(RunFailedError):
            await run.done()
        status = run.status()
        edges = {edge.target: edge for edge in status.edges}
        taken, arrived = status.node("inverse").items_in["in"], len(run["all"].items)
        # Nothing of the batch with the item that failed was sent.
        assert run.dropped["inverse"] == taken - arrived > 0
        assert edges["inverse.in"].sent == edges["inverse.in"].received + edges["inverse.in"].dropped
        assert status.node("numbers").position == edges["inverse.in"].sent

    run_virtual(main())


def test_an_awaited_item_that_fails_the_run_is_counted_among_the_lost() -> None:
    with pytest.raises(RunFailedError) as failed:
        Graph("bad", Replay("n", [0]) >> MapAsync("inverse", awaited_inverse, concurrency=1) >> Count("c")).run_to_end()
    assert failed.value.item == 0


def test_an_item_that_has_no_time_passes_beside_others_that_have() -> None:
    async def same(item: int) -> int:
        await asyncio.sleep(item % 3)
        return item

    mixed = MapAsync("mixed", same, concurrency=4)
    window = Window("sums", lambda pane: sum(pane.items), Tumbling(seconds=100))
    graph = Graph(
        "mixed",
        Replay("timed", [1, 2, 3, 4], time=float) >> mixed,
        Replay("untimed", [70, 80]) >> mixed >> window >> Collect("all"),
        window.error >> Collect("untimely"),
    )
    run = graph.run_to_end()
    assert run["all"].items == [10]
    assert sorted(failure.item for failure in run["untimely"].items) == [70, 80]


def test_items_that_are_filtered_or_multiplied_are_counted_as_what_they_are() -> None:
    path = Replay("n", range(10)) >> Filter("odd", lambda n: n % 2) >> FlatMap("many", lambda n: [n] * n) >> Count("c")
    status = Graph("counts", path).run_to_end().status()
    assert [status.node(name).items_in.get("in") for name in ("odd", "many", "c")] == [10, 5, 25]
