"""A Status as the numbers and words that the console's front end reads. Pure; `static/frames.js` is the other end.

A frame is one buffer of float64, little-endian.
Rates and shares are differences between two frames, which the front end takes; so frames may be missed, and
history is nothing but older frames.
"""

from __future__ import annotations

import json
import re
from array import array
from dataclasses import asdict
from math import nan
from typing import TYPE_CHECKING, Any

from streamweave_lab.console.ending import ENDED, ending
from streamweave_lab.engine.glance import Glance
from streamweave_lab.graph.drawing import TITLE, text_width
from streamweave_lab.graph.layout import Box, Link, layout
from streamweave_lab.graph.shape import split

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamweave_lab.engine.status import ConfigStatus, EventStatus, Status

__all__ = ["ENDED", "events", "frame", "moved", "settings", "text", "topology", "words"]

_WIDE, _HIGH = 158.0, 66.0
"""Pixels a node of the live drawing has at least."""

_MORE = re.compile(r" \(and (\d+) more since the last such event\)$")

_NODE_STATES = {"idle": 0, "busy": 1, "blocked": 2, "ended": 3, "failed": 4}


def topology(status: Status, url: str | None = None) -> dict[str, Any]:
    """What does not change while a run goes on: the names, in the order in which frames have their numbers.

    `url` is where a run of another process is served.
    """
    return {
        "graph": status.graph,
        "host": status.host,
        "url": url,
        "nodes": [
            {"name": n.name, "kind": n.kind, "role": n.role, "ins": list(n.items_in), "outs": list(n.items_out)}
            for n in status.nodes
        ],
        "edges": [{"source": e.source, "target": e.target, "capacity": e.capacity} for e in status.edges],
        "drawing": _places(status),
    }


def _places(status: Status) -> dict[str, Any]:
    """Where the live drawing has its nodes and edges: where the static one has them, with more room for numbers."""
    boxes = [Box(n.name, max(text_width(_cut(n.name), TITLE, bold=True) + 46, _WIDE), _HIGH) for n in status.nodes]
    placed = layout(boxes, [_link(e.source, e.target) for e in status.edges], gap=72.0)
    at = (placed.boxes[n.name] for n in status.nodes)
    return {
        "width": placed.width,
        "height": placed.height,
        "boxes": [{"x": box.x, "y": box.y, "width": box.width, "height": box.height} for box in at],
        "routes": [[{"x": x, "y": y} for x, y in route] for route in placed.routes],
    }


def _link(source: str, target: str) -> Link:
    (node, out), (receiver, into) = split(source), split(target)
    before = 0.0 if out == "out" else text_width(out, 11.0) + 8
    after = 0.0 if into == "in" else text_width(into, 11.0) + 8
    return Link(node, out, receiver, into, 0.001 if out in ("error", "late") else 1.0, before, 0.0, after)


def _cut(name: str) -> str:
    return name if len(name) <= 26 else f"{name[:13]}…{name[-12:]}"


def frame(status: Status | Glance) -> bytes:
    """All numbers of one moment, node by node and edge by edge; what is not known is not a number.

    What changes by the mere passing of time stands at both ends: a source that looks for items and finds none is
    busy for a moment. 1,400 bytes for ten nodes, twenty ports and ten edges.
    """
    newest = max((n.newest for n in status.nodes if n.newest is not None), default=nan)
    numbers = [status.taken_at, status.uptime, status.loop.lag_seconds, _or_nan(status.frontier), newest]
    passing: list[float] = []
    for n in status.nodes:
        numbers += (_or_nan(n.frontier), n.errors, n.late, *n.items_in.values(), *n.items_out.values())
        numbers += (n.held, n.dropped, _or_nan(n.backlog), _or_nan(n.total))
        passing += (_NODE_STATES[n.state], n.run_seconds, n.blocked_seconds)
    for e in status.edges:
        numbers += (e.queued, e.peak, e.dropped, e.blocked)
        passing.append(e.blocked_seconds)
    return array("d", numbers + passing).tobytes()


def moved(numbers: bytes, nodes: int, edges: int) -> bytes:
    """The part of a frame that stays the same while nothing happens but the passing of time."""
    return numbers[3 * 8 : len(numbers) - 8 * (3 * nodes + edges)]


def words(status: Status | Glance) -> dict[str, Any]:
    """What is said in words, and changes seldom. How a run ended only a Status tells."""
    drain, kept = status.drain, status.checkpoint
    ended = None if isinstance(status, Glance) else ending(status)
    return {
        "state": status.state,
        "ready": status.ready,
        "reasons": list(status.reasons),
        "stale": None if status.stale_seconds is None else int(status.stale_seconds),
        "bottleneck": status.bottleneck,
        "holder": status.frontier_held_by,
        "started": status.started_at,
        "ended": status.ended_at,
        "stall": {"by": status.loop.blocked_by, "longest": status.loop.longest_stall_seconds},
        "kept": kept and {"last": kept.last_id, "from": kept.resumed_from, "problem": kept.problem},
        "ending": ended and asdict(ended),
        "drain": drain and {"phase": drain.phase, "complete": drain.complete, "dropped": drain.dropped},
    }


def settings(config: ConfigStatus | None) -> dict[str, Any] | None:
    """The configuration in force: a row of name, value and source for each field."""
    if config is None:
        return None
    return {
        "version": config.version,
        "schema": config.schema_version,
        "epoch": config.epoch,
        "sha256": config.sha256,
        "rows": [[name, text(_value(config.values, name)), source] for name, source in config.sources.items()],
        "reloads": config.reloads,
        "successful": config.last_reload_successful,
    }


def events(newest_first: Iterable[EventStatus]) -> list[dict[str, Any]]:
    """Events, newest first; what a node tells again and again is told once, with how often."""
    told: dict[Any, dict[str, Any]] = {}
    for i, e in enumerate(newest_first):
        same = (e.event, e.node) if e.node else i
        held_back = _MORE.search(e.message)
        times = 1 + int(held_back[1]) if held_back else 1
        if same in told:
            told[same]["times"] += times
            continue
        told[same] = {
            "at": e.at, "event": e.event, "level": e.level, "message": _MORE.sub("", e.message), "node": e.node,
            "asked": _asked(e), "times": times,
        }  # fmt: skip
    return list(told.values())


def _asked(event: EventStatus) -> str | None:
    """Who asked for it, and why, as far as that is known."""
    why = f"({event.why})" if event.why else ""
    return " ".join(filter(None, (event.by and f"by {event.by}", why))) or None


def text(value: Any) -> str:
    """A configured value, short and readable."""
    return value if isinstance(value, str) else json.dumps(value, default=repr, ensure_ascii=False)


def _value(values: dict[str, Any], name: str) -> Any:
    found: Any = values
    for part in name.split("."):
        found = found[part]
    return found


def _or_nan(number: float | None) -> float:
    return nan if number is None else number
