"""Live, ready and startup: functions of what is, never a flag that somebody has to remember to set."""

from __future__ import annotations

from dataclasses import dataclass

from streamweave_lab.engine.status import Status
from streamweave_lab.ops.explain.flow import blocked_edges, stuck

SILENT = 60.0
"""Seconds without a heartbeat after which only a restart would help."""

ENDED = frozenset({"stopped", "failed"})

GAINED = frozenset({"run.started", "run.resumed", "loop.stalled"})
"""The events that tell when a run became ready; a stall is told when it is over."""

LOST = frozenset({"run.draining", "run.paused", "run.failed", "run.stopped", "run.drained"})
"""The events that tell when a run ceased to be ready."""


REMEMBERED = 200
"""Events that a Status holds; where there are as many, earlier ones are forgotten."""


@dataclass(frozen=True)
class Health:
    """An answer to a probe."""

    ok: bool
    reasons: tuple[str, ...] = ()
    """Why not, a sentence each; empty when `ok`."""
    since: float | None = None
    """Wall time in seconds since when it has been so; None if that is not known."""


def live(status: Status, silent: float, limit: float = SILENT) -> Health:
    """Would a restart help? Only if the event loop has been silent for more than `limit` seconds.

    `silent` is the age of the loop's last heartbeat in seconds. Neither sources, sinks and backpressure nor a
    failed node count, and an ended run has no heartbeat to lose.
    """
    if status.state in ENDED or silent <= limit:
        return Health(True, since=status.started_at)
    reason = f"the event loop has not answered for {silent:.0f} s (limit {limit:.0f} s){_culprit(status)}"
    return Health(False, (reason,), status.taken_at - silent)


def ready(status: Status) -> Health:
    """Does the run take part in the work? If not, the reasons are the run's own."""
    reasons = status.reasons or (() if status.ready else (f"the run is {status.state}",))
    return Health(status.ready, () if status.ready else reasons, _last_change(status))


def startup(status: Status) -> Health:
    """Has the run been restored and started? Once it has, the answer stays yes, whatever becomes of the run."""
    if status.state in ("created", "starting"):
        return Health(False, status.reasons or (f"the run is {status.state}",), status.started_at)
    if status.state == "failed" and len(status.events) < REMEMBERED and not _told(status, "run.started"):
        return Health(False, status.reasons, status.ended_at)
    return Health(True, since=status.started_at)


def flow(status: Status) -> Health:
    """Can items move? What is in flight can, also while a run drains."""
    if status.loop.stalled_seconds:
        return Health(False, ("nothing moves while the event loop is silent",))
    if status.state not in ("running", "draining", "suspending"):
        return Health(False, (f"nothing moves: the run is {status.state}",))
    if stuck(status):
        return Health(False, (f"nothing can move: {', '.join(blocked_edges(status))} wait for each other",))
    return Health(True)


def told_to_all(status: Status) -> tuple[str, ...]:
    """The reasons for not being ready that may be read without a token.

    What a node raised can tell of the item it was raised for: of a failure only the node and the kind are told.
    """
    if status.state != "failed":
        return status.reasons
    where = next((f" in node {node.name}" for node in status.nodes if node.state == "failed"), "")
    return (f"failed{where}; GET /status tells why, to those who have the token",)


def _told(status: Status, name: str) -> bool:
    return any(event.event == name for event in status.events)


def _culprit(status: Status) -> str:
    return f"; {status.loop.blocked_by} blocks it" if status.loop.blocked_by else ""


def _last_change(status: Status) -> float | None:
    """When the newest of the events that tell of readiness happened, as far as the document remembers."""
    if not status.ready and status.loop.stalled_seconds:
        return status.taken_at - status.loop.stalled_seconds
    told = GAINED if status.ready else LOST
    began = status.started_at if status.ended_at is None else status.ended_at
    return next((event.at for event in status.events if event.event in told), began)


__all__ = ["Health", "flow", "live", "ready", "startup", "told_to_all"]
