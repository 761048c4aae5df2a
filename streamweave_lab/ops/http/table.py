"""The HTTP API of a run, whole: every endpoint, what it takes and what it answers."""

from __future__ import annotations

from typing import Any

from streamweave_lab.engine.protocol import Verb
from streamweave_lab.engine.reports import Checkpointed, Drained, Reloaded, Stopped
from streamweave_lab.engine.status import ConfigStatus, Status
from streamweave_lab.engine.step import Stepped
from streamweave_lab.engine.tap import Tapped
from streamweave_lab.ops.http import acts, looks, probes
from streamweave_lab.ops.http.api import Answer, Endpoint, Parameter
from streamweave_lab.ops.http.bodies import (
    Back,
    Body,
    Changes,
    HealthDocument,
    HistoryDocument,
    Looks,
    Nothing,
    OperationDocument,
    OperationsDocument,
    PlanDocument,
    Steps,
    TopologyDocument,
    Verified,
    Within,
)

WAIT = Parameter(
    "wait", "query", "Seconds to wait for the end of the operation.",
    {"type": "number", "minimum": 0, "maximum": acts.LONGEST_WAIT},
)  # fmt: skip
VERBOSE = Parameter("verbose", "query", "Tell all that was looked at; any value will do.", {"type": "string"})
KEY = Parameter(
    "Idempotency-Key", "header",
    "The same key again answers the same operation, and does nothing twice. A key holds as long as its operation.",
    {"type": "string", "pattern": "^[!-~]{1,255}$"},
)  # fmt: skip
LAST = Parameter(
    "Last-Event-ID", "header", "Go on after this event; 0 begins with the oldest that is kept.",
    {"type": "string", "pattern": "^[0-9]{1,18}$"},
)  # fmt: skip
NAME = Parameter("id", "path", "Of the operation.", {"type": "string", "minLength": 1}, required=True)


def _open(path: str, answer: Answer, summary: str, what: str, result: Any = None, *media: str) -> Endpoint:
    return Endpoint("GET", path, answer, summary, what, result, media or ("application/json",), open=True)


def _probe(path: str, answer: Answer, summary: str, what: str) -> Endpoint:
    statuses = {200: "Yes.", 503: "No, and why."}
    return Endpoint(
        "GET", path, answer, summary, what, HealthDocument, open=True, parameters=(VERBOSE,), statuses=statuses
    )


def _look(path: str, answer: Answer, summary: str, what: str, result: Any, **more: Any) -> Endpoint:
    return Endpoint("GET", path, answer, summary, what, result, **more)


def _act(verb: Verb, body: type[Body], summary: str, result: Any, *problems: int) -> Endpoint:
    statuses = {200: "It is over, within the time that was waited.", 202: "It has been asked for, and goes on."}
    what = (
        "Answers with the operation, and where it can be looked up; with `wait` once it is over. "
        "What the run refuses at once is answered as a problem, with the operation in `operation`."
    )
    return Endpoint(
        "POST", f"/{verb}", acts.act(verb, body), summary, what, OperationDocument[result], body=body, verb=verb,
        parameters=(WAIT, KEY), statuses=statuses, problems=(400, 409, 413, 422, *problems),
    )  # fmt: skip


TABLE: tuple[Endpoint, ...] = (
    _open("/", probes.index, "What there is", "A page with links.", None, "text/html"),
    _probe("/live", probes.live, "Is the run's event loop alive?",
           "503 once it has been silent for 60 s: then a restart would help."),
    _probe("/ready", probes.ready, "Does the run take part in the work?", "503 as soon as a drain begins."),
    _probe("/startup", probes.startup, "Has the run been restored and started?", "Once it has, this stays 200."),
    _open("/metrics", probes.scrape, "All counters, for Prometheus", "Text 0.0.4 unless OpenMetrics is asked for.",
          None, "text/plain", "application/openmetrics-text"),
    _open("/openapi.json", probes.description, "This description", "OpenAPI 3.1.", dict[str, Any]),
    _look("/status", looks.status, "The run at this moment", "The whole Status document.", Status),
    _look("/events", looks.events, "What happens, as it happens",
          "Server-Sent Events: `id` is a rising number, `event` the event's name, `data` an EventStatus. Without "
          "Last-Event-ID only what happens from now on. A comment every 15 s.",
          None, media=("text/event-stream",), parameters=(LAST,), problems=(422,)),
    _look("/plan", looks.plan, "What a reload would change", "Reads the sources again, and changes nothing.",
          PlanDocument, problems=(409, 422)),
    _look("/config", looks.config, "The configuration in force", "Secrets are masked.", ConfigStatus, problems=(404,)),
    _look("/config/history", looks.history, "All configuration versions", "Newest first.", HistoryDocument),
    _look("/topology", looks.topology, "The drawing of the graph", "As Mermaid text and as SVG.", TopologyDocument,
          problems=(404,)),
    _look("/operations", acts.operations, "What was asked of the run",
          "Newest first; what a tap has seen is only with the operation itself.", OperationsDocument),
    _look("/operations/{id}", acts.operation, "How far an operation has come", "With `wait`, once it is over.",
          OperationDocument[Any], parameters=(NAME, WAIT), problems=(404, 422)),
    _act("drain", Within, "Take in nothing new, finish everything, and stop", Drained),
    _act("suspend", Within, "Keep everything in a checkpoint, and stop", Checkpointed),
    _act("stop", Nothing, "Stop now; what is in flight is lost, and counted", Stopped),
    _act("reload", Verified, "Read the configuration's sources again, and apply what has changed", Reloaded),
    _act("configure", Changes, "Change values of the configuration, on a barrier", Reloaded),
    _act("rollback", Back, "Go back to an earlier configuration version", Reloaded),
    _act("checkpoint", Nothing, "Keep the state of the whole graph", Checkpointed),
    _act("pause", Nothing, "Let nothing flow until resume", None),
    _act("resume", Nothing, "Go on after pause", None),
    _act("step", Steps, "While paused, let so much through", Stepped),
    _act("tap", Looks, "Look at items that pass some ports", Tapped),
)  # fmt: skip
