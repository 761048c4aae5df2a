"""What is written of an event, by the agreed names; never an item's content unless asked."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from streamweave_lab.engine.status import EventStatus

QUOTING = frozenset({"node.stopped", "node.restarting", "node.close_failed"})
"""Events without a traceback whose message quotes the error all the same."""

WITH_ITEMS = "its words may quote an item, and are written only by a log with `items`, as STREAMWEAVE_LOG=info,items"

_MORE = re.compile(r" \(and (\d+) more since the last such event\)$")
_ERROR = re.compile(r": ([A-Za-z_]\w*)\(.*", re.DOTALL)
_RAISED = re.compile(r'^  File "([^"\n]*)", line (\d+), in (\S+)\n(?:    .*\n)*(?:([A-Za-z_][\w.]*)(?::|$))?', re.M)


Key = tuple[str | None, str, str | None, str | None]
"""What makes two events the same: graph, event, node, port."""


@dataclass(frozen=True, slots=True)
class Record:
    """An event of a run, and what was known of it only at that moment and on that thread."""

    graph: str | None
    event: EventStatus
    at: float
    """Wall time, in seconds; the event has the time of its run, which may be virtual."""
    suppressed: int = 0
    """How many of its kind were held back before it."""
    trace: tuple[str, str] | None = None
    """The ids of the trace and of the span, in hexadecimal."""
    lost: int | None = None

    @property
    def key(self) -> Key:
        """What it is the same as."""
        return (self.graph, self.event.event, self.event.node, self.event.port)


def facts(record: Record, *, items: bool) -> dict[str, Any]:
    """Every field that has something to say, in the agreed order. With `items`, the item and what quotes it too."""
    event = record.event
    trace_id, span_id = record.trace or (None, None)
    error_type, error_at = raised(event.traceback)
    found = {
        "timestamp": stamp(record.at),
        "level": event.level,
        "target": f"streamweave_lab.{event.event.partition('.')[0]}",
        "event": event.event,
        "message": message(event, items=items),
        "graph_id": record.graph,
        "virtual_seconds": None if event.at == record.at else event.at,
        "node_id": event.node,
        "port": event.port,
        "request_id": event.request_id,
        "trace_id": trace_id,
        "span_id": span_id,
        "by": event.by,
        "why": event.why,
        "suppressed": record.suppressed or None,
        "lost": record.lost,
        "error_type": error_type,
        "error_at": error_at,
        "item": event.item if items else None,
        "traceback": event.traceback if items else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def message(event: EventStatus, *, items: bool) -> str:
    """The event's message; without `items` an error is only named, for its words may quote the item."""
    said = _MORE.sub("", event.message)
    if items or not event.event.startswith("node."):
        return said
    named = _ERROR.sub(r": \1", said)
    surely = event.traceback is not None or event.item is not None or event.event in QUOTING
    named = said.partition(": ")[0] + ": an error" if surely and named == said else named
    # The end of a service, and all that is left to look at: it says how to see more.
    return f"{named}; {WITH_ITEMS}" if event.event == "node.failed" else named


def more(event: EventStatus) -> int:
    """How many such events the engine itself has held back before this one."""
    found = _MORE.search(event.message)
    return int(found[1]) if found else 0


def stamp(seconds: float) -> str:
    """RFC 3339 in UTC, to the microsecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def raised(traceback: str | None) -> tuple[str | None, str | None]:
    """The type of the error that a traceback ends with, and where it was raised: "prices.py:12 in parse"."""
    found = list(_RAISED.finditer(traceback or ""))
    if not found:
        return None, None
    path, line, function, kind = found[-1].groups()
    return kind, f"{path.replace(chr(92), '/').rpartition('/')[2]}:{line} in {function}"


def current_trace() -> tuple[str, str] | None:
    """The OpenTelemetry span that is current here. Costs nothing where the program does not use OpenTelemetry."""
    api: Any = sys.modules.get("opentelemetry.trace")
    if api is None:
        return None
    context = api.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"


__all__ = ["Key", "Record", "current_trace", "facts", "message", "more", "raised", "stamp"]
