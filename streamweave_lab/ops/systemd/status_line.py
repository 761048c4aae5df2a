"""What `systemctl status` shows of a run: one sentence, without an item's content."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from streamweave_lab.engine.status import Status


def sentence(status: Status, refused: str = "") -> str:
    """How the run is; `refused`: why its last reload was refused."""
    parts = [_state(status), *_facts(status)]
    if status.state == "running" and not status.ready:
        parts.append(f"not ready: {'; '.join(status.reasons)}")
    if refused:
        parts.append(f"reload refused: {refused}")
    return "; ".join(parts)


def _state(status: Status) -> str:
    drain = status.drain
    if status.state == "failed":
        # The error's own words may quote an item.
        node = next((node.name for node in status.nodes if node.state == "failed"), None)
        return f"failed in {node}; see the log" if node else "failed; see the log"
    if status.state == "draining" and drain is not None:
        return f"draining for {drain.seconds:.0f} s, now {drain.phase}"
    if status.state == "stopped" and drain is not None:
        return f"drained, {sum(drain.dropped.values()):,} items dropped"
    return status.state


def _facts(status: Status) -> Iterable[str]:
    came = sum(node.position or 0 for node in status.nodes if node.role == "source")
    yield f"{came:,} items in"
    waiting = sum(edge.queued for edge in status.edges) + sum(node.held for node in status.nodes)
    if waiting and status.state not in ("stopped", "failed"):
        yield f"{waiting:,} waiting or held"
    if instant := _instant(status.frontier):
        yield f"event time up to {instant}"
    if status.config is not None:
        yield f"configuration version {status.config.version}"


def _instant(seconds: float | None) -> str:
    try:
        return "" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return ""  # at its end a run's frontier may be infinite


__all__ = ["sentence"]
