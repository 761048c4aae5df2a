from __future__ import annotations

from collections.abc import Callable

import pytest

from streamweave_lab.engine.status import EventStatus, LoopStatus, Status
from streamweave_lab.ops.health import Health, live, ready

Document = Callable[..., Status]


def event(name: str, at: float) -> EventStatus:
    return EventStatus(at=at, event=name, level="info", message=name)


def test_a_running_graph_is_live_and_ready_since_it_became_so(document: Document) -> None:
    assert live(document(), silent=0.2) == Health(True, (), 1_700_000_000.0)
    assert ready(document()) == Health(True, (), 1_700_000_001.0)


def test_readiness_gives_the_run_s_own_reasons_and_when_they_began(document: Document) -> None:
    events = (event("node.failed", 150.0), event("run.draining", 120.0), event("run.ready", 101.0))
    draining = document(state="draining", ready=False, reasons=("draining: sources",), events=events)
    assert ready(draining) == Health(False, ("draining: sources",), 120.0)


def test_a_stalled_loop_is_live_but_not_ready_since_it_stalled(document: Document) -> None:
    reason = "the event loop has not answered for 5 s: a cell blocks it"
    loop = LoopStatus(stalled_seconds=5.0, blocked_by="a cell")
    stalled = document(ready=False, reasons=(reason,), loop=loop)
    assert live(stalled, silent=5.25).ok
    assert ready(stalled) == Health(False, (reason,), stalled.taken_at - 5.0)


def test_only_a_loop_that_stays_silent_is_not_live(document: Document) -> None:
    held = document(loop=LoopStatus(stalled_seconds=61.0, blocked_by="node parse"))
    reason = "the event loop has not answered for 61 s (limit 60 s); node parse blocks it"
    assert live(held, silent=61.0) == Health(False, (reason,), held.taken_at - 61.0)


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_an_ended_run_is_not_ready_and_no_restart_of_its_loop_would_help(document: Document, state: str) -> None:
    ended = document(state=state, ready=False, ended_at=1_700_000_150.0, events=())
    assert live(ended, silent=3600.0).ok
    assert ready(ended) == Health(False, (f"the run is {state}",), 1_700_000_150.0)


def test_backpressure_and_errors_do_not_count_as_not_live(document: Document) -> None:
    assert live(document(ready=False, reasons=("parse waits for room",)), silent=0.0).ok
