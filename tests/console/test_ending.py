"""How a run ended, as the console and its twin say it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import streamweave_lab as sw
from streamweave_lab.console.columns import events
from streamweave_lab.console.ending import Ending, ending
from streamweave_lab.console.snapshot import twin
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.errors import RunFailedError
from streamweave_lab.state.sqlite_store import SqliteStore
from tests.console.runs import finished, waiting

if TYPE_CHECKING:
    from pathlib import Path

    from streamweave_lab.engine.status import Status


async def forever(item: int) -> int:
    await asyncio.Event().wait()
    return item


def held() -> sw.Graph:
    """A graph whose items never come through."""
    return sw.Graph("held", sw.Replay("n", [1, 2, 3]) >> sw.MapAsync("db", forever, concurrency=2) >> sw.Count("c"))


def said(status: Status) -> Ending:
    told = ending(status)
    assert told is not None
    return told


def ended_by(graph: sw.Graph, act: Any, **started: Any) -> Ending:
    async def main() -> Ending:
        run = graph.start(**started)
        await asyncio.sleep(0.05)
        await act(run)
        return said(run.status())

    return asyncio.run(main())


def test_a_run_that_goes_on_has_no_ending() -> None:
    async def main() -> None:
        run = waiting().start()
        assert ending(run.status()) is None
        await run.stop()

    asyncio.run(main())


def test_a_run_whose_sources_have_ended_came_to_its_end() -> None:
    told = said(finished().status())
    assert (told.word, told.tone, told.sentence, told.cut) == ("Came to its end", "ok", "", False)


def test_a_drain_that_was_complete_is_told_as_one() -> None:
    assert ended_by(waiting(), lambda run: run.drain()).word == "Drained"


def test_a_suspended_run_names_its_checkpoint(tmp_path: Path) -> None:
    told = ended_by(waiting(), lambda run: run.suspend(), store=SqliteStore(tmp_path / "kept.db"))
    assert told.word == "Suspended: checkpoint 2"  # the first is what the run began with
    assert "resume=True" in told.sentence


def test_what_a_stop_has_lost_is_loud() -> None:
    told = ended_by(held(), lambda run: run.stop())
    assert (told.word, told.tone, told.sentence) == ("Stopped by hand", "short", "3 items dropped")
    assert told.cut
    assert told.finished == ("n",)  # it had given all it had


def test_a_drain_out_of_time_says_so_and_who_held_it() -> None:
    told = ended_by(held(), lambda run: run.drain(timeout=0.05))
    assert told.word == "Drain ran out of time"
    assert told.sentence == "3 items dropped, held by db, the drain took more than 0.05 s"


def test_a_drain_that_somebody_stopped_did_not_run_out_of_time() -> None:
    async def stopped_meanwhile(run: Any) -> None:
        drain = asyncio.ensure_future(run.drain())
        await asyncio.sleep(0.02)
        await run.stop()
        await drain

    assert ended_by(held(), stopped_meanwhile).word == "Drain cut short by Stop"


def test_a_failure_names_the_item_and_the_way_out() -> None:
    graph = sw.Graph("g", sw.Replay("n", [1, 0]) >> sw.Map("boom", lambda n: 1 / n) >> sw.Count("c"))

    async def main() -> Status:
        run = graph.start()
        with pytest.raises(RunFailedError):
            await run.done()
        return run.status()

    status = asyncio.run(main())
    told = said(status)
    assert told.word == "Failed"
    assert "boom failed on item 0: ZeroDivisionError('division by zero')" in told.sentence
    assert told.sentence.endswith("Draw boom.error to a sink to keep such items and go on")
    assert "boom failed on item 0" in twin(status)


def test_what_a_node_tells_again_and_again_pushes_nothing_out() -> None:
    def event(name: str, at: float, node: str | None = None) -> EventStatus:
        return EventStatus(at=at, event=name, level="info", message=f"at {at:g}", node=node)

    refused = [event("node.item_refused", 100 - i, "parse") for i in range(90)]
    told = events([*refused[:50], event("config.applied", 30), *refused[50:], event("run.started", 1)])
    assert [(e["event"], e["times"]) for e in told] == [
        ("node.item_refused", 90),
        ("config.applied", 1),
        ("run.started", 1),
    ]
    assert told[0]["message"] == "at 100"


def test_what_was_held_back_between_two_events_is_counted_with_them() -> None:
    def refused(at: float, more: str) -> EventStatus:
        message = f"parse: ValueError('x'){more}"
        return EventStatus(at=at, event="node.item_refused", level="warning", message=message, node="parse")

    newest = refused(3, " (and 1204 more since the last such event)")
    (told,) = events([newest, refused(2, " (and 6 more since the last such event)"), refused(1, "")])
    assert told["times"] == 1213
    assert told["message"] == "parse: ValueError('x')"
