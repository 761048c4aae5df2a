"""Where items wait for room, and for whom: read off a Status."""

from __future__ import annotations

from typing import Any

from streamweave_lab.engine.status import EdgeStatus, NodeStatus, Status
from streamweave_lab.ops.explain.explanation import Explanation
from streamweave_lab.ops.explain.trouble import trouble_of

MOSTLY = 0.5
"""The share of a run's time from which on a node is at work most of it."""
A_WHILE = 1.0
"""Seconds of a node's own work that wait for it, from which on it lags behind."""


def name_of(edge: EdgeStatus) -> str:
    """The edge as people write it."""
    return f"{edge.source} -> {edge.target}"


def node_at(status: Status, port: str) -> NodeStatus:
    """The node that a port, such as "parse.out", belongs to. Names of nodes may have points in them."""
    return status.node(port.rpartition(".")[0])


def blocked_edges(status: Status) -> list[str]:
    """The edges on which a sender waits for room now."""
    return [name_of(edge) for edge in status.edges if edge.blocked]


def stuck(status: Status) -> bool:
    """Some node waits for room, and no node can do anything about it."""
    return bool(blocked_edges(status)) and not any(node.state == "busy" for node in status.nodes)


def edge_facts(status: Status, name: str) -> dict[str, Any]:
    """How full an edge is, and what share of the run's time its sender has waited."""
    edge = next(edge for edge in status.edges if name_of(edge) == name)
    share = edge.blocked_seconds / status.uptime if status.uptime else 0.0
    return {"queued": edge.queued, "capacity": edge.capacity, "blocked_share": round(share, 4)}


def full_edge_after(status: Status, node: str) -> EdgeStatus | None:
    """Down a chain of blocked nodes from `node`: the last edge on which one waits, before a node that does not."""
    found: EdgeStatus | None = None
    while step := next((e for e in status.edges if e.blocked and e.source.rpartition(".")[0] == node), None):
        found, node = step, step.target.rpartition(".")[0]
    return found


def bottleneck(status: Status) -> Explanation:
    """The first node that is not blocked below a blocked chain; where none is, the one that is the slowest so far."""
    if status.state in ("stopped", "failed"):
        return Explanation("bottleneck", "the run has ended: nothing waits for room", {"cause": "none"})
    edge = next((found for node in status.nodes if (found := full_edge_after(status, node.name))), None)
    if edge is None:
        return _no_full_edge(status)
    facts: dict[str, Any] = {"edge": name_of(edge), **edge_facts(status, name_of(edge))}
    if stuck(status) and status.state == "running":
        said = f"no single node: {', '.join(blocked_edges(status))} wait for each other"
        return Explanation("bottleneck", said, {"cause": "stuck", "edges": blocked_edges(status)} | facts)
    sender, node = node_at(status, edge.source), node_at(status, edge.target)
    facts |= {"node": node.name, "waiting": sender.name, **_time_of(status, node)}
    said = (
        f"{node.name} is the bottleneck: {sender.name} waits for room on {name_of(edge)}, "
        f"where {edge.queued:,} of {edge.capacity:,} items stand"
    )
    if node.held:
        said += f", and {node.name} itself holds {node.held:,}"
    if (trouble := trouble_of(node)) is not None:
        said += f"; {node.name} {trouble[1]}"
        facts |= {"trouble": trouble[0], "seconds": trouble[2]["seconds"]}
    return Explanation("bottleneck", said, {"cause": "slow node"} | facts)


def _no_full_edge(status: Status) -> Explanation:
    """Nothing waits for room yet: the node that keeps others waiting most, if any does."""
    live = [node for node in status.nodes if node.role != "source" and node.state not in ("ended", "failed")]
    slow = [node for node in live if trouble_of(node) is not None or _lags(status, node)]
    if not slow or status.state in ("created", "starting", "paused"):
        busiest = max(status.nodes, key=lambda node: node.run_seconds, default=None)
        more = {} if busiest is None else {"busiest": busiest.name, **_time_of(status, busiest)}
        return Explanation("bottleneck", "no node is: nothing waits for room", {"cause": "none"} | more)
    node = max(slow, key=lambda node: (trouble_of(node) is not None, node.run_seconds))
    queued, in_flight = queued_before(status, node), _in_flight(node)
    facts = {"cause": "slowest so far", "node": node.name, "queued": queued, "oldest_seconds": node.oldest_seconds}
    facts |= _time_of(status, node)
    said = f"{node.name} is the slowest so far: busy {facts['run_share']:.0%}".replace("%", " %")
    said += f", {_items(queued)} before it" if queued else ""
    said += f", {in_flight:,} in flight" if in_flight else ""
    if (trouble := trouble_of(node)) is not None:
        said += f"; it {trouble[1]}"
        facts |= {"trouble": trouble[0], "seconds": trouble[2]["seconds"]}
    return Explanation("bottleneck", said, facts)


def _lags(status: Status, node: NodeStatus) -> bool:
    """There is work for it, and it was at work most of the time, or what waits will take it a while."""
    queued, came = queued_before(status, node), sum(node.items_in.values())
    if not queued and not _in_flight(node):
        return False
    its_own_pace = node.run_seconds / came if came else 0.0
    return node.run_seconds >= MOSTLY * status.uptime or queued * its_own_pace >= A_WHILE


def queued_before(status: Status, node: NodeStatus) -> int:
    """Items that wait in the edges to a node."""
    return sum(edge.queued for edge in status.edges if edge.target.rpartition(".")[0] == node.name)


def _in_flight(node: NodeStatus) -> int:
    return node.held if node.oldest_seconds is not None else 0


def _items(count: int) -> str:
    return "1 item waits" if count == 1 else f"{count:,} items wait"


def _time_of(status: Status, node: NodeStatus) -> dict[str, Any]:
    """The shares of the run's time in which a node was busy, its waits for its turn included, and at work itself."""
    whole = status.uptime or 1.0
    busy, ran = node.busy_seconds / whole, node.run_seconds / whole
    return {"busy_share": round(busy, 4), "run_share": round(ran, 4), "held": node.held}
