"""Law 12: what a run says of itself is derived from what is."""

import asyncio
import json
import re
import threading
import time
from typing import Any

import pytest

from streamweave_lab.engine.lifecycle import Lifecycle, State
from streamweave_lab.engine.observer import observe_all
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.status import EventStatus, Status
from streamweave_lab.errors import IllegalMoveError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import Poll, Wait
from streamweave_lab.operators import Collect, Count, ForEach, Map, Replay
from streamweave_lab.testing.loop import run_virtual


class Ticking(Replay[int]):
    """One item a second, without end."""

    def __init__(self, name: str = "ticks") -> None:
        super().__init__(name, range(10**9), time=float)

    def poll(self, limit: int) -> Poll[int]:
        return super().poll(1) if self.clock.now() >= self.position else Wait(self.position - self.clock.now())


ALLOWED = [
    (State.CREATED, State.STARTING),
    (State.STARTING, State.RUNNING),
    (State.STARTING, State.STOPPED),
    (State.STARTING, State.FAILED),
    (State.RUNNING, State.PAUSED),
    (State.RUNNING, State.DRAINING),
    (State.RUNNING, State.SUSPENDING),
    (State.RUNNING, State.STOPPED),
    (State.RUNNING, State.FAILED),
    (State.PAUSED, State.RUNNING),
    (State.PAUSED, State.DRAINING),
    (State.PAUSED, State.SUSPENDING),
    (State.PAUSED, State.STOPPED),
    (State.PAUSED, State.FAILED),
    (State.DRAINING, State.STOPPED),
    (State.DRAINING, State.FAILED),
    (State.SUSPENDING, State.STOPPED),
    (State.SUSPENDING, State.FAILED),
]


@pytest.mark.parametrize("to", State)
@pytest.mark.parametrize("state", State)
def test_a_run_goes_from_state_to_state_only_where_that_makes_sense(state: State, to: State) -> None:
    lifecycle = Lifecycle("g")
    lifecycle.state = state
    if (state, to) in ALLOWED:
        lifecycle.move(to, "go on")
        assert lifecycle.state is to
    else:
        with pytest.raises(IllegalMoveError, match=f"run 'g' is {state.value}: it cannot go on now"):
            lifecycle.move(to, "go on")
        assert lifecycle.state is state


def test_a_pause_pauses_and_nothing_flows_until_it_is_resumed() -> None:
    async def main() -> None:
        run = Graph("pause", Ticking() >> Map("step", abs) >> Count("n")).start()
        await asyncio.sleep(3.5)
        await run.pause()
        status = run.status()
        assert (status.state, status.ready, status.reasons) == ("paused", False, ("paused",))
        await asyncio.sleep(60)
        assert (run["n"].count, run["ticks"].position) == (4, 4)
        with pytest.raises(IllegalMoveError, match="is paused: it cannot pause now"):
            await run.pause()
        await run.resume()
        assert run.status().ready
        await asyncio.sleep(0.1)
        assert run["n"].count == 64  # it catches up with what had become due
        with pytest.raises(IllegalMoveError, match="is running: it cannot resume now"):
            await run.resume()
        await run.stop()
        assert [event.event for event in run.status().events] == [
            "run.stopped",
            "run.resumed",
            "run.paused",
            "run.started",
        ]

    run_virtual(main())


def test_a_run_is_ready_when_it_runs_and_says_why_when_it_is_not() -> None:
    async def main() -> None:
        run = Graph("ready", Ticking() >> ForEach("write", slow)).start()
        assert (run.status().ready, run.status().reasons) == (True, ())
        await asyncio.sleep(1.5)
        draining = asyncio.ensure_future(run.drain())
        await asyncio.sleep(0.1)
        assert (run.status().ready, run.status().reasons) == (False, ("draining: sinks",))
        await draining
        assert (run.status().ready, run.status().reasons) == (False, ("stopped",))

    run_virtual(main())


async def slow(_item: int) -> None:
    await asyncio.sleep(1.0)


def test_a_status_is_a_frozen_document_that_can_be_sent_as_json() -> None:
    run = Graph("document", Replay("n", [1, 2, 0], time=float, lag=0.5) >> Collect("all")).run_to_end()
    status = run.status()
    with pytest.raises(ValueError, match="frozen"):
        status.state = "running"  # type: ignore[misc]
    assert Status.model_validate_json(status.model_dump_json()) == status
    document = json.loads(status.model_dump_json())
    assert document["status_version"] == 1
    assert document["nodes"][0] | {"run_seconds": 0} == {
        "name": "n",
        "kind": "Replay",
        "role": "source",
        "state": "ended",
        "items_in": {},
        "items_out": {"out": 3},
        "errors": 0,
        "late": 0,
        "dropped": 0,
        "held": 0,
        "restarts": 0,
        "busy_seconds": 0.0,
        "blocked_seconds": 0.0,
        "idle_seconds": 0.0,
        "run_seconds": 0,
        "frontier": 2.0,
        "newest": 2.0,
        "position": 3,
        "backlog": None,
        "total": 3,
        "guarantee": None,
        "quiet_seconds": None,
        "resting_seconds": None,
        "oldest_seconds": None,
        "workers_lost": None,
        "partly_late": None,
    }
    assert (status.frontier, status.lag) == (2.0, 0.0)


def test_the_first_event_time_may_be_zero() -> None:
    async def main() -> None:
        run = Graph("zero", Ticking() >> Count("n")).start()
        await asyncio.sleep(0.5)
        status = run.status()
        assert [node.frontier for node in status.nodes] == [0.0, 0.0]
        assert status.frontier == 0.0
        await run.stop()

    run_virtual(main())


def test_an_ended_run_holds_nothing_and_says_what_it_dropped() -> None:
    async def main() -> None:
        run = Graph("held", Ticking() >> ForEach("write", slow)).start()
        await asyncio.sleep(2.5)
        assert run.status().node("write").held == 1
        await run.stop()
        assert run.status().node("write").held == 0
        assert run.dropped == {"write": 1}

    run_virtual(main())


def test_observers_hear_events_in_order_until_they_take_their_leave() -> None:
    async def main() -> None:
        mine: list[str] = []
        everyones: list[tuple[str, str]] = []
        forget = observe_all(lambda name, event, _: everyones.append((name, event.event)))
        run = Graph("heard", Ticking() >> Count("n")).start()
        leave = run.observe(lambda event: mine.append(event.event))
        await run.pause()
        leave()
        await run.resume()
        forget()
        await run.stop()
        assert mine == ["run.paused"]
        assert everyones == [("heard", "run.started"), ("heard", "run.paused"), ("heard", "run.resumed")]

    run_virtual(main())


def test_only_the_newest_two_hundred_events_are_kept() -> None:
    async def main() -> None:
        run = Graph("events", Ticking() >> Count("n")).start()
        for number in range(300):
            run.told("test", f"{number}")
        events = run.status().events
        assert (len(events), events[0].message, events[-1].message) == (200, "299", "100")
        await run.stop()

    run_virtual(main())


def test_a_node_that_blocks_the_loop_is_named_while_it_does_and_afterwards() -> None:
    """The one test that really waits: a stall is told from outside the loop, in real time."""
    seen: list[Any] = []
    found = threading.Event()

    def block(item: int) -> int:
        assert found.wait(60)
        return item

    def watch(run: LocalRun) -> None:
        while not seen or seen[-1].loop.blocked_by != "node sleepy" or seen[-1].ready:
            seen.append(run.status())
            time.sleep(0.05)
        found.set()

    async def main() -> None:
        run = Graph(
            "stalled", Replay("n", [1]) >> Map("sleepy", block) >> Collect("all"), Ticking() >> Count("n2")
        ).start()
        told: list[EventStatus] = []
        run.observe(told.append)

        threading.Thread(target=watch, args=(run,)).start()  # before the first turn, which then keeps the loop
        while not (stalls := [event for event in told if event.event == "loop.stalled"]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert len(stalls) == 1
        assert re.match(r"node sleepy blocked the event loop for \d+\.\d s", stalls[0].message)
        loop = run.status().loop
        assert (loop.blocked_by, loop.stalled_seconds) == ("node sleepy", 0.0)
        assert loop.longest_stall_seconds > 1.0
        assert run.status().ready
        await run.stop()

    asyncio.run(main())
    (reason,) = seen[-1].reasons
    assert re.fullmatch(r"the event loop has not answered for \d+ s: node sleepy blocks it", reason)
