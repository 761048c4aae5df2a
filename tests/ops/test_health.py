from __future__ import annotations

from collections.abc import Callable

import pytest

from streamweave_lab.engine.status import EventStatus, LoopStatus, Status
from streamweave_lab.ops.health import Health, flow, live, ready, startup, told_to_all
from tests.ops.conftest import NODES

Document = Callable[..., Status]


def event(name: str, at: float) -> EventStatus:
    return EventStatus(at=at, event=name, level="info", message=name)


def test_a_running_graph_is_live_and_ready_since_it_became_so(document: Document) -> None:
    assert live(document(), silent=0.2) == Health(True, (), 1_700_000_000.0)
    assert ready(document()) == Health(True, (), 1_700_000_001.0)


def test_readiness_gives_the_run_s_own_reasons_and_when_they_began(document: Document) -> None:
    events = (event("node.failed", 150.0), event("run.draining", 120.0), event("run.started", 101.0))
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


def test_a_run_is_not_started_until_it_has_been_restored(document: Document) -> None:
    waits = document(state="starting", ready=False, reasons=("starting: the run it replaces has not ended",), events=())
    assert startup(waits) == Health(False, ("starting: the run it replaces has not ended",), waits.started_at)
    assert startup(document(state="created", ready=False)) == Health(False, ("the run is created",), 1_700_000_000.0)
    assert startup(document()) == Health(True, (), 1_700_000_000.0)


def test_a_run_that_failed_before_it_had_started_never_started_and_one_that_failed_later_did(
    document: Document,
) -> None:
    reasons = ("failed: store: StateError('the checkpoint is damaged')",)
    early = document(state="failed", ready=False, reasons=reasons, events=(event("run.failed", 1.0),))
    assert startup(early) == Health(False, reasons, None)
    assert startup(document(state="failed", events=(event("run.failed", 2.0), event("run.started", 1.0)))).ok
    assert startup(document(state="failed", events=tuple(event("node.failed", 1.0) for _ in range(200)))).ok


def test_items_can_move_unless_the_loop_is_silent_or_the_run_stands_or_its_edges_wait_for_each_other(
    document: Document,
) -> None:
    assert flow(document()) == flow(document(state="draining", ready=False, reasons=("draining: sinks",)))
    assert flow(document()) == Health(True)
    silent = document(ready=False, reasons=("the loop is silent",), loop=LoopStatus(stalled_seconds=5.0))
    assert flow(silent) == Health(False, ("nothing moves while the event loop is silent",))
    for state in ("starting", "paused", "stopped", "failed"):
        stands = document(state=state, ready=False, reasons=(f"{state}: parse: ValueError('4111')",))
        assert flow(stands) == Health(False, (f"nothing moves: the run is {state}",)), "and of no item is told"
    waits = [node.model_copy(update={"state": "blocked" if node.name == "departures" else "idle"}) for node in NODES]
    stuck = "nothing can move: departures.out -> parse.in wait for each other"
    assert flow(document(ready=False, nodes=tuple(waits))) == Health(False, (stuck,))
    assert flow(document(ready=False, reasons=("it has lost its place in its store",))).ok


def test_what_an_error_says_of_an_item_is_not_told_to_all(document: Document) -> None:
    nodes = [node.model_copy(update={"state": "failed" if node.name == "parse" else "ended"}) for node in NODES]
    reasons = ("failed: parse: ValueError('4111')",)
    failed = document(state="failed", ready=False, reasons=reasons, nodes=tuple(nodes), events=())
    assert told_to_all(failed) == ("failed in node parse; GET /status tells why, to those who have the token",)
    assert told_to_all(document(ready=False, reasons=("draining: sources",))) == ("draining: sources",)
