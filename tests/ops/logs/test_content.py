"""What a line says, by which names, and what it does not say."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from typing import Any

import pytest

import streamweave_lab as sw
from streamweave_lab.engine.observer import announce
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.errors import RunFailedError
from streamweave_lab.ops.logs.log import log_to
from streamweave_lab.ops.logs.record import more, raised

SECRET = "4111-1111-1111-1111"


def parsing(graph: str = "cards", **options: Any) -> sw.Graph:
    parse = sw.Map[str, int]("parse", int)
    return sw.Graph(graph, sw.Replay("in", ["1", SECRET]) >> parse >> sw.Count("n"), parse.error >> sw.Collect("bad"))


def told(run: Any, **options: Any) -> list[dict[str, Any]]:
    lines: list[str] = []
    with log_to(lines.append, **options):
        run()
    return [json.loads(line) for line in lines]


def one(**fields: Any) -> EventStatus:
    told: dict[str, Any] = {"at": 1_700_000_000.25, "event": "run.draining", "level": "info", "message": "m"}
    return EventStatus(**(told | fields))


def test_an_item_is_nowhere_in_a_line_although_its_error_quotes_it() -> None:
    refused = told(parsing().run_to_end, level="warning")[0]
    assert SECRET not in json.dumps(refused)
    assert refused["message"] == "parse: ValueError"
    assert refused["error_type"] == "ValueError"
    assert re.fullmatch(r"\w+\.py:\d+ in \w+", refused["error_at"])


def test_an_item_is_nowhere_in_the_lines_of_a_run_that_fails_of_it() -> None:
    def fail() -> None:
        with pytest.raises(RunFailedError):
            sw.Graph("g", sw.Replay("in", [SECRET]) >> sw.Map("parse", int) >> sw.Count("n")).run_to_end()

    lines = told(fail)
    assert [line["event"] for line in lines][-2:] == ["node.failed", "run.failed"]
    assert SECRET not in json.dumps(lines)
    assert lines[-2]["error_type"] == "ValueError"


@pytest.mark.parametrize(("policy", "event"), [("restart", "node.restarting"), ("stop", "node.stopped")])
def test_an_item_is_nowhere_in_the_lines_of_a_supervised_node(policy: Any, event: str) -> None:
    parse = sw.Supervision(policy=policy, max_restarts=1, backoff=0.0)
    flow = sw.Replay("in", [SECRET, SECRET, SECRET]) >> sw.Map("parse", int) >> sw.Count("n")

    def run() -> None:
        with contextlib.suppress(RunFailedError):
            sw.Graph("g", flow, supervise={"parse": parse}).run_to_end()

    lines = told(run)
    (quoting,) = {line["message"] for line in lines if line["event"] == event}
    assert quoting.endswith(": ValueError")
    assert SECRET not in json.dumps(lines)


@pytest.mark.parametrize(
    ("event", "message", "said"),
    [
        ("node.close_failed", f"parse: OSError('{SECRET}') while closing", "parse: OSError"),
        ("node.restarting", f"parse begins again in 1.0 s (1 of 3): KeyError('{SECRET}')",
         "parse begins again in 1.0 s (1 of 3): KeyError"),
        ("node.begun_later", f"parse: Odd('{SECRET}')\n({SECRET})", "parse: Odd"),
        ("node.restarting", f"parse begins again: <{SECRET}>", "parse begins again: an error"),
    ],
)  # fmt: skip
def test_whatever_a_node_s_event_quotes_of_an_error_only_its_type_is_written(
    event: str, message: str, said: str
) -> None:
    (line,) = told(lambda: announce("g", one(event=event, level="warning", message=message)))
    assert line["message"] == said
    assert SECRET not in json.dumps(line)


def test_an_error_without_a_usual_repr_is_only_called_an_error() -> None:
    event = one(event="node.item_refused", message=f"parse: <{SECRET}>", traceback="cut off", node="parse")
    (line,) = told(lambda: announce("g", event))
    assert line["message"] == "parse: an error"
    assert SECRET not in json.dumps(line)


def test_with_items_the_item_its_error_and_the_traceback_are_there() -> None:
    refused = told(parsing().run_to_end, level="warning", items=True)[0]
    assert refused["item"] == repr(SECRET)
    assert SECRET in refused["message"]
    assert refused["traceback"].startswith("Traceback")


def test_the_type_and_place_of_an_error_are_those_of_the_last_frame() -> None:
    trace = (
        'Traceback (most recent call last):\n  File "/app/flow.py", line 12, in parse\n    raise X(item)\n    ^^^^^\n'
        "shop.errors.PriceError: secret\n  of two lines\n"
    )
    assert raised(trace) == ("shop.errors.PriceError", "flow.py:12 in parse")
    assert raised(None) == (None, None)
    assert raised("nonsense") == (None, None)


def test_what_the_engine_held_back_itself_is_counted_in_suppressed() -> None:
    event = one(event="node.item_refused", message="parse: E('x') (and 41 more since the last such event)")
    assert more(event) == 41
    (line,) = told(lambda: announce("g", event))
    assert (line["message"], line["suppressed"]) == ("parse: E", 41)


def test_who_asked_and_by_which_request_is_told() -> None:
    async def main() -> None:
        run = parsing().start()
        with sw.acting("http", request_id="r-17"):
            await run.drain()

    lines = told(lambda: asyncio.run(main()))
    (draining,) = [line for line in lines if line["event"] == "run.draining"]
    assert (draining["by"], draining["request_id"]) == ("http", "r-17")
    assert "by" not in lines[0]


def test_the_trace_that_is_current_is_told() -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    context = trace.SpanContext(0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331, is_remote=True)
    with trace.use_span(trace.NonRecordingSpan(context)):
        (line,) = told(lambda: announce("g", one()))
    assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert line["span_id"] == "b7ad6b7169203331"
    assert "trace_id" not in told(lambda: announce("g", one()))[0]


def test_the_profile_ecs_has_the_names_of_the_elastic_common_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    monkeypatch.delenv("OTEL_RESOURCE_ATTRIBUTES", raising=False)
    event = one(event="run.failed", level="error", node="parse", request_id="r-1", by="http")
    (line,) = told(lambda: announce("flights", event), profile="ecs")
    assert list(line)[:4] == ["@timestamp", "log.level", "message", "ecs.version"], "the order its loggers keep"
    node = line.pop("service.node.name")
    assert ":" in node
    assert line == {
        "@timestamp": "2023-11-14T22:13:20.250000Z",
        "log.level": "error",
        "message": "m",
        "ecs.version": "8.17.0",
        "event.kind": "event",
        "event.dataset": "streamweave.events",
        "event.action": "run.failed",
        "service.name": "flights",
        "log.logger": "streamweave_lab.run",
        "http.request.id": "r-1",
        "streamweave.graph_id": "flights",
        "streamweave.node_id": "parse",
        "streamweave.by": "http",
    }


def test_the_profile_otel_has_the_fields_of_opentelemetry_s_log_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "delays")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test%20bed,service.name=x,bad")
    event = one(event="node.item_refused", level="warning", node="parse", port="error", at=1_700_000_000.000001)
    (line,) = told(lambda: announce("flights", event), profile="otel")
    assert (
        line.pop("Resource").items()
        >= {
            "service.name": "delays",
            "deployment.environment.name": "test bed",
        }.items()
    )
    assert line == {
        "Timestamp": 1_700_000_000_000_001_000,
        "SeverityText": "WARN",
        "SeverityNumber": 13,
        "EventName": "node.item_refused",
        "Body": "m",
        "InstrumentationScope": {"Name": "streamweave_lab.node"},
        "Attributes": {
            "streamweave.graph_id": "flights",
            "streamweave.node_id": "parse",
            "streamweave.port": "error",
        },
    }


def test_an_unknown_profile_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'gelf' is not a log profile; use one of default, ecs, otel"):
        log_to(print, profile="gelf")  # type: ignore[arg-type]
