"""What happened between two looks at a run: rates and shares, which one Status alone does not tell."""

from __future__ import annotations

from dataclasses import dataclass, field

from streamweave_lab.engine.status import EdgeStatus, NodeStatus, Status


@dataclass(frozen=True)
class NodeRate:
    """One node between two looks."""

    items_in: float = 0.0
    """Items a second, over all input ports."""
    items_out: float = 0.0
    busy: float = 0.0
    """Share of the time, from 0 to 1."""
    blocked: float = 0.0


@dataclass(frozen=True)
class Seen:
    """A Status, with what has happened since the one before it; since the beginning of the run for the first."""

    status: Status
    nodes: dict[str, NodeRate] = field(default_factory=dict)
    edges: dict[str, float] = field(default_factory=dict)
    """Share of the time that the sender waited for room, by "parse.out -> delays.in"."""

    def node(self, name: str) -> NodeRate:
        """What one node did."""
        return self.nodes.get(name, NodeRate())

    def after(self, now: Status) -> Seen:
        """The next look. While nothing newer is heard of the run, its rates stay as they were."""
        if now.started_at != self.status.started_at or now.graph != self.status.graph:
            return first(now)  # another run answers there now
        if now.uptime <= self.status.uptime:
            return Seen(now, self.nodes, self.edges)
        return _between(self.status, now)


def first(status: Status) -> Seen:
    """The first look: what happened on average since the run began."""
    return _between(None, status)


def edge_name(edge: EdgeStatus) -> str:
    """The edge as people write it."""
    return f"{edge.source} -> {edge.target}"


def _between(before: Status | None, now: Status) -> Seen:
    seconds = now.uptime - (before.uptime if before else 0.0)
    if seconds <= 0:
        return Seen(now)
    earlier = {node.name: node for node in before.nodes} if before else {}
    waited = {edge_name(edge): edge.blocked_seconds for edge in before.edges} if before else {}
    nodes = {node.name: _rate(earlier.get(node.name), node, seconds) for node in now.nodes}
    edges = {
        name: _share(edge.blocked_seconds - waited.get(name, 0.0), seconds)
        for edge in now.edges
        for name in [edge_name(edge)]
    }
    return Seen(now, nodes, edges)


def _rate(before: NodeStatus | None, now: NodeStatus, seconds: float) -> NodeRate:
    taken, sent, busy, blocked = _counts(now)
    if before is not None:
        taken, sent, busy, blocked = (new - old for new, old in zip(_counts(now), _counts(before), strict=True))
    return NodeRate(
        max(0.0, taken / seconds), max(0.0, sent / seconds), _share(busy, seconds), _share(blocked, seconds)
    )


def _counts(node: NodeStatus) -> tuple[float, float, float, float]:
    return sum(node.items_in.values()), sum(node.items_out.values()), node.run_seconds, node.blocked_seconds


def _share(part: float, seconds: float) -> float:
    return min(1.0, max(0.0, part / seconds))


__all__ = ["NodeRate", "Seen", "edge_name", "first"]
