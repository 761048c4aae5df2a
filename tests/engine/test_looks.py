"""What a run shows to who explores it: names to complete, and a verb that was not awaited."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor

import streamweave_lab as sw
from streamweave_lab.engine.protocol import VERBS
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.status import EventStatus, Status
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Sink
from streamweave_lab.operators import Count, Map, Replay
from streamweave_lab.testing.loop import run_virtual


def ended() -> LocalRun:
    return Graph("small", Replay("numbers", range(3)) >> Count("end")).run_to_end()


class Looks(Sink[float]):
    """Lets another thread look at its run while that ends."""

    def __init__(self, name: str, seen: list[Status]) -> None:
        super().__init__(name)
        self.seen = seen

    def on_item(self, item: float) -> None: ...

    def closed(self) -> None:
        with ThreadPoolExecutor(1) as other:
            self.seen.append(other.submit(sw.runs()["looked-at"].status).result())


def test_a_run_has_not_ended_for_another_thread_before_its_account_and_its_events_are_there() -> None:
    seen: list[Status] = []
    told: list[tuple[str, str, float | None]] = []

    async def main() -> None:
        broken = Replay("numbers", [1, 0]) >> Map("invert", lambda n: 1 / n)
        run = Graph("looked-at", broken >> Looks("looks", seen)).start()

        def hear(event: EventStatus) -> None:
            told.append((event.event, run.status().state, run.status().ended_at))

        run.observe(hear)
        await run.over()
        (meanwhile,), after = seen, run.status()
        assert (meanwhile.state, meanwhile.ready, meanwhile.ended_at) == ("running", True, None)
        assert {node.state for node in meanwhile.nodes} <= {"busy", "idle", "blocked"}
        assert [event.event for event in after.events] == ["run.failed", "node.failed", "run.started"]
        ended = ("failed", after.ended_at)
        assert told == [("node.failed", *ended), ("run.failed", *ended)], "who hears of it finds it so"

    run_virtual(main())


def test_a_verb_that_is_not_awaited_says_so_and_has_done_nothing() -> None:
    async def main() -> None:
        run = Graph("small", Replay("numbers", range(3)) >> Count("end")).start()
        asked = run.stop()
        assert repr(asked) == "run 'small': write await before stop(…); without it nothing happens"
        assert run.status().state == "running"
        assert isinstance(asked, Coroutine)
        assert (await asyncio.create_task(asked)).dropped == {}
        assert run.status().state == "stopped"
        finished = run.done()
        assert "await before done(…)" in repr(finished)
        assert (await finished).state == "stopped"

    run_virtual(main())


def test_a_run_completes_its_verbs_and_its_nodes_and_nothing_of_the_engine() -> None:
    run = ended()
    assert run._ipython_key_completions_() == ["numbers", "end"]
    assert {*VERBS, "status", "explain", "done", "graph", "events"} <= set(dir(run))
    assert not {"core", "epochs", "lifecycle", "stepper", "begin", "told"} & set(dir(run))
    assert all(hasattr(run, name) for name in dir(run))


def test_the_front_door_completes_its_public_names_only() -> None:
    assert [name for name in dir(sw) if not name.startswith("_")] == sorted(sw.__all__)
    assert all(hasattr(sw, name) for name in dir(sw))


def test_who_asks_to_hear_of_the_end_when_it_has_been_hears_at_once() -> None:
    heard: list[str] = []
    run = ended()
    run.on_end(lambda: heard.append(run.status().state))
    assert heard == ["stopped"]
