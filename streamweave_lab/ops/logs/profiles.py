"""The same facts by other names: our own, those of the Elastic Common Schema, those of OpenTelemetry's log model."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, MutableMapping
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import unquote

Facts = dict[str, Any]

ECS_VERSION = "8.17.0"
_SEVERITY = {"debug": ("DEBUG", 5), "info": ("INFO", 9), "warning": ("WARN", 13), "error": ("ERROR", 17)}
"""OpenTelemetry's text and number of a level."""

_ECS = {
    "event": "event.action",
    "target": "log.logger",
    "request_id": "http.request.id",
    "trace_id": "trace.id",
    "span_id": "span.id",
    "error_type": "error.type",
    "traceback": "error.stack_trace",
}
_OTEL = {"error_type": "exception.type", "traceback": "exception.stacktrace"}
_OWN = "streamweave."
"""Before the names of what a schema does not know."""


def default(facts: Facts) -> Facts:
    """Our own names, such as timestamp, event and graph_id."""
    return facts


def ecs(facts: Facts) -> Facts:
    """Elastic Common Schema, dotted names at the top level as its loggers write them."""
    first = ("timestamp", "level", "message")
    service = {"service.name": service_name(facts), "service.node.name": instance()}
    return {
        "@timestamp": facts["timestamp"],
        "log.level": facts["level"],
        "message": facts["message"],
        "ecs.version": ECS_VERSION,
        "event.kind": "event",
        "event.dataset": "streamweave.events",
        **service,
        **{_ECS.get(name, _OWN + name): value for name, value in facts.items() if name not in first},
    }


def otel(facts: Facts) -> Facts:
    """OpenTelemetry's log data model, with its field names, as one JSON object."""
    text, number = _SEVERITY[facts["level"]]
    model = {"timestamp", "level", "message", "event", "target", "trace_id", "span_id"}
    ids = {"TraceId": facts.get("trace_id"), "SpanId": facts.get("span_id")}
    return {
        "Timestamp": _nanoseconds(facts["timestamp"]),
        **{name: value for name, value in ids.items() if value is not None},
        "SeverityText": text,
        "SeverityNumber": number,
        "EventName": facts["event"],
        "Body": facts["message"],
        "Resource": {"service.instance.id": instance(), **resource(), "service.name": service_name(facts)},
        "InstrumentationScope": {"Name": facts["target"]},
        "Attributes": {_OTEL.get(name, _OWN + name): value for name, value in facts.items() if name not in model},
    }


PROFILES: dict[str, Callable[[Facts], Facts]] = {"default": default, "ecs": ecs, "otel": otel}


def processor(profile: str) -> Callable[[Any, str, MutableMapping[str, Any]], Facts]:
    """A processor of structlog. Raises: ValueError for an unknown profile."""
    if profile not in PROFILES:
        raise ValueError(f"{profile!r} is not a log profile; use one of {', '.join(PROFILES)}")
    renamed = PROFILES[profile]
    return lambda _logger, _method, facts: renamed(dict(facts))


def service_name(facts: Facts) -> str:
    """OTEL_SERVICE_NAME, or what OTEL_RESOURCE_ATTRIBUTES says, or the graph's name."""
    named = os.environ.get("OTEL_SERVICE_NAME") or resource().get("service.name")
    return str(named or facts.get("graph_id") or "streamweave_lab")


@cache
def instance() -> str:
    """What tells this process from the others of its service."""
    return f"{socket.gethostname()}:{os.getpid()}"


def resource() -> dict[str, str]:
    """OTEL_RESOURCE_ATTRIBUTES: "key=value,key=value", percent-encoded; what is malformed is left out."""
    told = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    pairs = (pair.partition("=") for pair in told.split(",") if "=" in pair)
    return {unquote(key.strip()): unquote(value.strip()) for key, _, value in pairs if key.strip()}


def _nanoseconds(timestamp: str) -> int:
    """Since 1970, exactly: a float of this size has not the precision."""
    at = datetime.fromisoformat(timestamp)
    return int(at.replace(microsecond=0).timestamp()) * 1_000_000_000 + at.microsecond * 1000


__all__ = ["PROFILES", "default", "ecs", "otel", "processor"]
