"""A Status as plain text, for notebooks and terminals: no clock, no rate, nothing that differs without a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamweave_lab.engine.status import EdgeStatus, NodeStatus, Status

LONG_SECONDS = 10.0
"""A barrier that has been under way for longer than this is told of."""

_MOVING = {"idle", "busy", "blocked"}


def text_of(status: Status) -> str:
    """The run in one line, a line for each node, and one for each edge that has something to say."""
    lines = [_run(status), *_columns([_node(node) for node in status.nodes])]
    lines += [f"  {edge}" for edge in filter(None, map(_edge, status.edges))]
    return "\n".join(lines)


def lost(status: Status) -> int:
    """Items that an ended run dropped: of a drain all that its account has, on edges and held by nodes."""
    if status.drain is not None and status.drain.phase == "over":
        return sum(status.drain.dropped.values())
    return sum(edge.dropped for edge in status.edges) + sum(node.dropped for node in status.nodes)


def _run(status: Status) -> str:
    """Its age is the one clock in it: of a run that does not answer that is what matters."""
    if status.stale_seconds is not None:
        return f"{status.graph}: {status.state} when it was last heard of, {status.stale_seconds:.0f} s ago"
    reasons = [reason for reason in status.reasons if reason != status.state]
    ready = "ready" if status.ready else f"not ready: {'; '.join(reasons)}" if reasons else ""
    version = f", configuration version {status.config.version}" if status.config else ""
    return f"{status.graph}: {status.state}{ready and ', '}{ready}{version}{_checkpoints(status)}"


def _checkpoints(status: Status) -> str:
    """Something only where the last one was not committed, or one does not come through."""
    kept, said = status.checkpoint, ""
    if kept is not None and kept.problem is not None:
        said = f"; the last checkpoint failed ({kept.failed:,} so far): {kept.problem}"
    awaited = waits_for(status)
    return said if awaited is None else f"{said}; {awaited}"


def waits_for(status: Status) -> str | None:
    """Who or what a checkpoint, or a change of configuration, has been waiting for long; None where nothing has."""
    awaited = status.awaited
    if awaited is None or awaited.seconds < LONG_SECONDS:
        return None
    what = {"checkpoint": "a checkpoint", "configuration": "a new configuration", "suspend": "the suspend"}
    by = f"{', '.join(awaited.nodes)}, not yet at its barrier" if awaited.nodes else "the store"
    return f"{what[awaited.purpose]} waits for {by}"


def _node(node: NodeStatus) -> list[str]:
    facts = [_ports("in", node.items_in), _ports("out", node.items_out)]
    facts += [f"{count:,} {what}" for count, what in _exceptions(node) if count]
    state = "running" if node.state in _MOVING else node.state
    return [node.name, node.kind, state, " · ".join(fact for fact in facts if fact)]


def _exceptions(node: NodeStatus) -> list[tuple[int, str]]:
    counts = [(node.errors, "errors"), (node.late, "late"), (node.dropped, "dropped"), (node.held, "held")]
    return [*counts, (node.workers_lost or 0, "workers lost"), (node.partly_late or 0, "late for some windows")]


def _ports(way: str, items: dict[str, int]) -> str:
    """As `in 12`, or `out 12, rest 3` where several ports saw items."""
    seen = {port: count for port, count in items.items() if count or port == way}
    return ", ".join(f"{port} {count:,}" for port, count in seen.items())


def _edge(edge: EdgeStatus) -> str | None:
    if not (edge.queued or edge.dropped):
        return None
    dropped = f", {edge.dropped:,} dropped" if edge.dropped else ""
    return f"{edge.source} -> {edge.target}: {edge.queued:,} of {edge.capacity:,} queued{dropped}"


def _columns(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
