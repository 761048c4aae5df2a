"""Law 9: what happens when a node fails."""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from streamweave_lab.engine.supervise import Supervisor
from streamweave_lab.errors import GraphError, RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import END, AsyncSource, Poll, Source, Wait
from streamweave_lab.graph.supervision import Policy, Supervision
from streamweave_lab.operators import Collect, Count, Map, Replay
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.testing.loop import run_virtual


def odd(n: int) -> int:
    if n % 2 == 0:
        raise ValueError(f"{n} is even")
    return n


class Summing(Step[int, int]):
    """A running sum, which fails on multiples of `poison`."""

    def __init__(self, name: str, poison: int) -> None:
        super().__init__(name)
        self.poison = poison

    def opened(self) -> None:
        self.sum = 0

    def on_item(self, item: int) -> None:
        if item % self.poison == 0:
            raise ValueError(item)
        self.sum += item
        self.emit(self.out, self.sum)

    def snapshot(self) -> Any:
        return self.sum

    def restore(self, state: Any) -> None:
        self.sum = state


def graph(policy: Supervision | Policy, items: Any = range(1, 7), node: Any = None) -> Graph:
    node = node or Map("odd", odd)
    return Graph("g", Replay("n", items) >> node >> Collect("all"), supervise={node.name: policy})


def events(run: Any) -> list[str]:
    return [event.event for event in reversed(run.status().events)]


def test_a_skipped_item_is_dropped_and_counted_and_the_others_go_on() -> None:
    run = graph("skip").run_to_end()
    node = run.status().node("odd")
    assert run["all"].items == [1, 3, 5]
    assert (node.errors, node.dropped, node.restarts) == (3, 3, 0)
    skipped = next(event for event in run.status().events if event.event == "node.item_skipped")
    assert skipped.item == "2"
    assert skipped.traceback is not None
    assert skipped.traceback.rstrip().endswith("ValueError: 2 is even")


def test_an_event_shows_of_an_item_what_the_graph_allows() -> None:
    node = Map("odd", odd)
    drawn = Graph(
        "g", Replay("n", [2]) >> node >> Count("c"), supervise={"odd": "skip"}, redact=lambda port, item: f"{port}: ***"
    )
    assert [event.item for event in drawn.run_to_end().status().events if event.item] == ["odd.in: ***"]


def test_a_node_that_restarts_rests_and_goes_on_empty_where_nothing_was_kept() -> None:
    run = graph(Supervision(policy="restart", backoff=2.0), [1, 2, 5, 3, 4], Summing("sum", 5)).run_to_end()
    # Items of one batch are not held up; the restart comes behind it.
    assert run["all"].items == [1, 3, 6, 10]
    node = run.status().node("sum")
    assert (node.restarts, node.dropped, node.errors) == (1, 1, 1)
    assert [name for name in events(run) if name.startswith("node.")] == [
        "node.item_skipped", "node.restarting", "node.restarted",
    ]  # fmt: skip
    assert 1.5 <= run.status().uptime <= 2.5


def test_a_node_goes_on_from_what_it_kept_at_the_last_checkpoint(tmp_path: Any) -> None:
    class Slowly(Replay[int]):
        def poll(self, limit: int) -> Poll[int]:
            return super().poll(1) if self.clock.now() >= self.position else Wait(0.1)

    async def main() -> None:
        source = Slowly("n", [1, 2, 3, 50, 4, 5])
        drawn = Graph(
            "g", source >> Summing("sum", 50) >> Collect("all"), supervise={"sum": Supervision(policy="restart")}
        )
        run = drawn.start(store=SqliteStore(tmp_path / "state.db"))
        await asyncio.sleep(1.5)
        assert (await run.checkpoint()).committed
        await run.done()
        assert run["all"].items == [1, 3, 6, 7, 12]  # after the failure the sum is 3 again, as in the checkpoint

    run_virtual(main())


def test_a_node_that_fails_after_a_resume_begins_again_from_what_the_run_went_on_from(tmp_path: Any) -> None:
    store = SqliteStore(tmp_path / "state.db")

    class OneByOne(Replay[int]):
        def poll(self, limit: int) -> Poll[int]:
            return super().poll(1)

    def drawn(items: range) -> Graph:
        step = Summing("sum", poison=4)
        return Graph("g", OneByOne("n", items) >> step >> Collect("all"), supervise={"sum": "restart"})

    drawn(range(1, 4)).run_to_end(store=store)
    run = drawn(range(1, 6)).run_to_end(store=store, resume=True)
    assert run["all"].items == [1, 3, 6, 11]
    assert run.status().node("sum").restarts == 1


def test_a_node_that_fails_too_often_fails_the_run() -> None:
    class One(Source[int]):
        def poll(self, limit: int) -> Poll[int]:
            self.position += 1
            return [self.position] if self.position < 100 else END

    node = Summing("sum", 1)
    drawn = Graph("g", One("one") >> node >> Count("c"), supervise={"sum": Supervision(policy="restart", backoff=0.1)})

    async def main() -> None:
        run = drawn.start()
        with pytest.raises(RunFailedError, match="failed in node 'sum'"):
            await run.done()
        assert run.status().node("sum").restarts == 3

    run_virtual(main())


def test_the_nodes_of_a_group_begin_again_together() -> None:
    a, b = Summing("a", 5), Summing("b", 1000)
    group = Supervision(policy="restart_group", group="both", backoff=0.0)
    drawn = Graph("g", Replay("n", [1, 5, 2]) >> a >> b >> Count("c"), supervise={"a": group, "b": group})
    run = drawn.run_to_end()
    assert [run.status().node(name).restarts for name in ("a", "b", "c")] == [1, 1, 0]


def test_a_node_that_is_stopped_drops_what_comes_and_the_run_is_drained() -> None:
    drawn = Graph(
        "g",
        Replay("n", range(10_000_000)) >> Summing("sum", 1000) >> Count("c"),
        supervise={"sum": "stop"},
    )

    async def main() -> None:
        run = drawn.start()
        status = await run.done()
        assert status.state == "stopped"
        node = status.node("sum")
        assert node.dropped > 0
        assert node.items_in["in"] == node.items_out["out"] + node.dropped
        assert "node.stopped" in events(run)

    run_virtual(main())


def test_a_source_that_fails_is_begun_again_where_it_was() -> None:
    class Shaky(AsyncSource[int]):
        def seek(self, position: int) -> None:
            self.position = position

        async def stream(self) -> AsyncIterator[list[int]]:
            while self.position < 5:
                if self.position == 3 and not failed:
                    failed.append(True)
                    raise OSError("gone")
                self.position += 1
                yield [self.position]

    failed: list[bool] = []
    drawn = Graph("g", Shaky("shaky") >> Collect("all"), supervise={"shaky": Supervision(policy="restart")})

    async def main() -> None:
        run = drawn.start()
        await run.done()
        assert run["all"].items == [1, 2, 3, 4, 5]
        assert run.status().node("shaky").restarts == 1

    run_virtual(main())


def test_what_is_raised_while_a_mark_passes_fails_the_run_for_nobody_could_go_on_from_there() -> None:
    class Unfinished(Step[int, int]):
        def on_item(self, item: int) -> None:
            pass

        def finished(self) -> None:
            raise OSError("cannot finish")

    with pytest.raises(RunFailedError, match="cannot finish"):
        graph("restart", node=Unfinished("u")).run_to_end()


def test_restarts_are_forgotten_after_a_quiet_time_and_the_waits_grow() -> None:
    supervisor = Supervisor({"n": Supervision(policy="restart", max_restarts=2, quiet=10.0)}, Random(1))
    waits = [supervisor.decide("n", now).seconds for now in (0.0, 5.0)]
    assert 0.75 <= waits[0] <= 1.25
    assert 1.5 <= waits[1] <= 2.5
    assert supervisor.decide("n", 9.0).policy == "escalate"
    assert supervisor.decide("n", 20.0).policy == "restart"


def test_a_run_whose_restarts_are_used_up_says_so_and_on_which_item_it_failed() -> None:
    supervision = Supervision(policy="restart", max_restarts=2, backoff=0.004, quiet=60.0)

    class OneByOne(Replay[int]):
        def poll(self, limit: int) -> Poll[int]:
            return super().poll(1)

    odd_ones = Map("odd", odd)
    drawn = Graph("g", OneByOne("n", [1, 2, 4, 5, 6, 7]) >> odd_ones >> Collect("all"), supervise={"odd": supervision})

    async def main() -> None:
        run = drawn.start()
        with pytest.raises(RunFailedError) as caught:
            await run.done()
        why = "odd was restarted 2 times before, and may be no more without 60 s of peace between"
        assert (caught.value.item, caught.value.why) == (6, why)
        assert f"failed in node 'odd' on item 6: ValueError('6 is even'); {why}; draw odd.error" in str(caught.value)
        assert run["all"].items == [1, 5]
        told = {event.event: event.message for event in reversed(run.events)}
        assert told["node.failed"] == f"odd: ValueError('6 is even'); {why}"
        assert told["run.failed"].startswith("failed in odd; ")
        assert run.dropped["odd"] == 1
        assert run.status().node("odd").dropped == 3
        waits = [event.message for event in run.events if event.event == "node.restarting"]
        assert all(" begins again in " in said and " ms (restart " in said for said in waits)

    run_virtual(main())


def test_supervision_is_checked_when_it_is_drawn() -> None:
    with pytest.raises(GraphError, match="supervise= names nobody, and there is no such node"):
        Graph("g", Replay("n", [1]) >> Count("c"), supervise={"nobody": "skip"})
    with pytest.raises(GraphError, match="'panic' is no supervision; use one of skip, restart"):
        Supervision(policy="panic")  # type: ignore[arg-type]
    with pytest.raises(GraphError, match="group= goes with restart_group"):
        Supervision(policy="restart", group="both")


class Patchy(Step[int, int]):
    """Fails on a 2 for each True at the end of `failed`."""

    failed: list[bool]

    def on_item(self, item: int) -> None:
        if item == 2 and self.failed.pop():
            raise OSError("gone")
        self.emit(self.out, item)


def resting(failures: int, backoff: float = 1000.0) -> Graph:
    """A node that fails on each 2, and then rests for long; two items come, and two seconds later two more."""

    class Twos(Source[int]):
        def poll(self, limit: int) -> Poll[int]:
            if self.clock.now() < 2.0 and self.position:
                return Wait(2.0 - self.clock.now())
            self.position += 2
            return [1, 2] if self.position <= 2 else [2, 3] if self.position <= 4 else Wait(1000.0)

    patchy = Patchy("patchy")
    patchy.failed = [False] * 9 + [True] * failures
    supervision = Supervision(policy="restart", backoff=backoff)
    return Graph("g", Twos("twos") >> patchy >> Collect("all"), supervise={"patchy": supervision})


def test_a_drain_lets_a_node_that_rests_begin_again_at_once_and_finishes_what_waits_for_it() -> None:
    async def main() -> None:
        run = resting(failures=1).start()
        await asyncio.sleep(3.0)
        assert run["all"].items == [1]
        drained = await run.drain(timeout=30.0)
        assert (run["all"].items, drained.complete, drained.dropped) == ([1, 2, 3], True, {})
        assert drained.seconds < 1.0
        assert run.status().node("patchy").restarts == 1

    run_virtual(main())


def test_a_suspend_lets_a_node_that_rests_begin_again_at_once_and_keeps_its_state(tmp_path: Any) -> None:
    async def main() -> None:
        run = resting(failures=1).start(store=SqliteStore(tmp_path / "state.db"))
        await asyncio.sleep(3.0)
        kept = await run.suspend(timeout=30.0)
        assert (kept.committed, kept.problem, run["all"].items) == (True, None, [1, 2, 3])
        assert kept.seconds < 1.0

    run_virtual(main())


def test_a_node_that_fails_again_in_a_drain_rests_as_ever_and_the_budget_holds() -> None:
    async def main() -> None:
        run = resting(failures=2).start()
        await asyncio.sleep(3.0)
        drained = await run.drain(timeout=30.0)
        assert (drained.complete, drained.held_by, 30.0 <= drained.seconds < 30.1) == (False, ("patchy",), True)

    run_virtual(main())


def test_a_drain_is_complete_though_supervision_dropped_items_which_the_status_counts() -> None:
    async def main() -> None:
        drawn = Graph("g", Replay("n", [1, 2, 3]) >> Map("odd", odd) >> Collect("all"), supervise={"odd": "skip"})
        run = drawn.start()
        drained = await run.drain()
        assert (drained.complete, drained.dropped, run.status().node("odd").dropped) == (True, {}, 1)

    run_virtual(main())
