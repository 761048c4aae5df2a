"""What the graph's `redact` hides of an item is hidden also in what errors say of it."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from streamweave_lab.cli.outcome import sentence
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import HoldFullError, RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.redaction import at_length, error_shown, traceback_shown
from streamweave_lab.graph.supervision import Supervision
from streamweave_lab.operators import Collect, Count, Map, Replay
from streamweave_lab.ops.explain.explain import explain
from streamweave_lab.ops.http.problems import problem_of
from streamweave_lab.state.sqlite_store import SqliteStore

SECRET = "123-45"


def hidden(_: str, __: Any) -> str:
    return "***"


def read(row: dict[str, str]) -> dict[str, str]:
    try:
        return {"id": row["number"]}
    except KeyError as error:
        raise ValueError(f"cannot read {row}") from error


def drawn(**how: Any) -> Graph:
    return Graph("g", Replay("rows", [{"ssn": SECRET}]) >> Map("read", read) >> Collect("all"), **how)


async def ended(graph: Graph) -> tuple[LocalRun, BaseException | None]:
    run = graph.start()
    try:
        await run.done()
    except RunFailedError as error:
        return run, error
    return run, None


def test_nothing_that_is_told_of_a_failed_run_quotes_an_item_that_the_graph_redacts() -> None:
    run, failed = asyncio.run(ended(drawn(redact=hidden)))
    status = run.status()
    assert isinstance(failed, RunFailedError)
    told = [status.model_dump_json(), str(status), str(explain(status)), explain(status)._repr_html_(), str(failed)]
    told += [sentence(status, run.dropped), problem_of(failed, "drain").detail]
    assert not [each for each in told if SECRET in each]
    error = "ValueError(<not shown: the graph redacts>)"
    assert str(failed).startswith(f"run 'g' failed in node 'read' on item ***: {error}; draw read.error to a sink")
    assert status.reasons == (f"failed: read: {error}",)
    event = next(event for event in status.events if event.event == "node.failed")
    assert (event.message, event.item) == (f"read: {error}", "***")
    assert event.traceback is not None
    assert "in read\n" in event.traceback
    assert [line for line in event.traceback.splitlines() if line.endswith("Error")] == ["KeyError", "ValueError"]


def test_whoever_runs_the_graph_has_the_item_and_the_error_whole() -> None:
    _, failed = asyncio.run(ended(drawn(redact=hidden)))
    assert isinstance(failed, RunFailedError)
    assert failed.item == {"ssn": SECRET}
    assert SECRET in str(failed.error)
    assert failed.__cause__ is failed.error


def test_a_graph_without_a_rule_of_its_own_quotes_item_and_error() -> None:
    run, failed = asyncio.run(ended(drawn()))
    quoted = "ValueError(\"cannot read {'ssn': '123-45'}\")"
    assert str(failed).startswith(f"run 'g' failed in node 'read' on item {{'ssn': '123-45'}}: {quoted}; draw")
    assert run.status().reasons == (f"failed: read: {quoted}",)


@pytest.mark.parametrize("supervise", ["skip", "stop", Supervision(policy="restart", backoff=0.0, max_restarts=1)])
def test_what_supervision_tells_quotes_no_item_either(supervise: Any) -> None:
    run, _ = asyncio.run(ended(drawn(redact=hidden, supervise={"read": supervise})))
    assert any("ValueError(<not shown" in event.message for event in run.status().events)
    assert SECRET not in run.status().model_dump_json()


def test_an_item_that_left_by_an_error_port_is_not_quoted() -> None:
    bad = Map("read", read)
    rows = Replay("rows", [{"ssn": SECRET}])
    run, _ = asyncio.run(ended(Graph("g", rows >> bad >> Count("all"), bad.error >> Count("bad"), redact=hidden)))
    assert run["bad"].count == 1
    assert SECRET not in run.status().model_dump_json()


def test_a_node_that_fails_to_close_quotes_nothing() -> None:
    class Leaving(Collect[Any]):
        def closed(self) -> None:
            raise RuntimeError(self.items[0])

    run, _ = asyncio.run(ended(Graph("g", Replay("n", [SECRET]) >> Leaving("all"), redact=hidden)))
    assert "all: RuntimeError(<not shown: the graph redacts>) while closing" in [e.message for e in run.status().events]
    assert SECRET not in run.status().model_dump_json()


def test_what_the_system_says_and_what_quotes_nothing_is_shown() -> None:
    full = OSError(28, os.strerror(28), f"/data/{SECRET}")
    assert error_shown(hidden, full) == "OSError('No space left on device')"
    holds = HoldFullError("join", 5, "items")
    assert error_shown(hidden, holds) == repr(holds)


def test_a_chain_of_errors_that_leads_back_to_itself_has_an_end() -> None:
    first, second = ValueError(SECRET), KeyError(SECRET)
    first.__cause__, second.__cause__ = second, first
    said = traceback_shown(hidden, first)
    assert (said.count("ValueError"), said.count("KeyError"), SECRET in said) == (1, 1, False)
    assert SECRET in traceback_shown(at_length, ValueError(SECRET))


@pytest.mark.parametrize("redact", [hidden, at_length])
def test_state_that_cannot_be_kept_is_told_without_the_keys_it_stands_under(redact: Any) -> None:
    class Odd(Collect[Any]):
        def snapshot(self) -> Any:
            return {SECRET: object()}

    graph = Graph("g", Replay("n", [1]) >> Odd("all"), redact=redact)
    status = graph.run_to_end(store=SqliteStore(":memory:")).status()
    assert status.checkpoint is not None
    assert status.checkpoint.problem is not None
    if redact is at_length:
        assert status.checkpoint.problem.startswith("all: state['state']['123-45']: a builtins.object cannot be kept")
    else:
        assert status.checkpoint.problem.startswith(
            "all: what its snapshot() returned cannot be kept; where and why is"
        )
        assert SECRET not in status.model_dump_json() + str(status) + str(explain(status))
