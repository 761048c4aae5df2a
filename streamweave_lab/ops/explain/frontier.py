"""Why the frontier stands where it does: read off a Status."""

from __future__ import annotations

from typing import Any

from streamweave_lab.engine.status import NodeStatus, Status
from streamweave_lab.ops.explain.explanation import Explanation, event_time
from streamweave_lab.ops.explain.flow import edge_facts, full_edge_after, name_of, node_at
from streamweave_lab.ops.explain.trouble import trouble_of


def frontier(status: Status) -> Explanation:
    """What keeps the run's frontier where it is, in the order in which one would have to see to it."""
    facts: dict[str, Any] = {"frontier": status.frontier, "held_by": status.frontier_held_by, "lag": status.lag}
    cause, because, more = _because(status)
    stands = (
        "there is no frontier yet"
        if status.frontier is None
        else f"the frontier stands at {event_time(status.frontier)}"
    )
    return Explanation("frontier", f"{stands}: {because}", {"cause": cause} | facts | more)


_Reason = tuple[str, str, dict[str, Any]]
"""The cause, the rest of the sentence, and facts."""


def _because(status: Status) -> _Reason:
    failed = next((node.name for node in status.nodes if node.state == "failed"), None)
    if failed is not None:
        return "failed node", f"{failed} has failed, and nothing flows any more", {"node": failed}
    if status.state in ("stopped", "created", "starting"):
        said = "the run has stopped" if status.state == "stopped" else "the run has not begun"
        return status.state, said, {}
    if status.state == "paused":
        seconds = status.pause.seconds if status.pause else None
        return "pause", "the run is paused, and nothing flows until it is resumed or stepped", {"seconds": seconds}
    if status.loop.stalled_seconds:
        by = status.loop.blocked_by or "something"
        return "stalled loop", f"{by} blocks the event loop", {"seconds": status.loop.stalled_seconds}
    if status.frontier_held_by is None:
        return _nobody_holds(status)
    holder = status.node(status.frontier_held_by)
    if holder.resting_seconds is not None and (trouble := trouble_of(holder)) is not None:
        return trouble[0], f"{holder.name} {trouble[1]}", {"node": holder.name} | trouble[2]
    return _source(status, holder) if holder.role == "source" else _step(status, holder)


def _nobody_holds(status: Status) -> _Reason:
    sources = [node for node in status.nodes if node.role == "source"]
    facts = {"sources": {node.name: {"state": node.state, "newest": node.newest} for node in sources}}
    names = ", ".join(node.name for node in sources)
    if all(node.newest is None for node in sources):
        return "no event time", f"{names}: no source has event time; give one time=, a function of an item", facts
    return "idle sources", f"no source counts, for those with event time have ended or are idle ({names})", facts


def _source(status: Status, node: NodeStatus) -> _Reason:
    facts = {
        "source": node.name, "state": node.state, "newest": node.newest, "position": node.position,
        "backlog": node.backlog, "quiet_seconds": node.quiet_seconds,
    }  # fmt: skip
    if node.state == "blocked" and (blocked := _blocked(status, node)):
        return blocked
    if node.newest is None:
        return "missing watermark", f"{node.name} has not brought in an item, and so has promised nothing", facts
    ahead = [n.name for n in status.nodes if n.role == "source" and n.frontier is not None and _is_ahead(n, node)]
    if node.state == "idle":
        said = f"{node.name} has brought in nothing after the item at {event_time(node.newest)}"
        if ahead:
            said += f"; with idle_after= it would let {', '.join(ahead)} go on without it"
        return "silent source", said, facts | {"ahead": ahead}
    furthest = f"{node.name} is the source that is furthest behind" if ahead else f"it follows {node.name}"
    return "source at work", f"{furthest}, and brings in items", facts | {"ahead": ahead}


def _is_ahead(other: NodeStatus, node: NodeStatus) -> bool:
    return other is not node and (other.frontier or 0.0) > (node.frontier or 0.0)


def _step(status: Status, node: NodeStatus) -> _Reason:
    if node.state == "blocked" and (blocked := _blocked(status, node)):
        return blocked
    before = {name_of(e): e.queued for e in status.edges if e.queued and node_at(status, e.target) is node}
    facts = {"node": node.name, "state": node.state, "held": node.held, "queued": before}
    standing = f", and {sum(before.values()):,} stand before it" if before else ""
    if node.held and (trouble := trouble_of(node)) is not None:
        return trouble[0], f"{node.name} {trouble[1]}{standing}", facts | trouble[2]
    if node.held and node.state == "busy":
        return "item in flight", f"{node.name} has {_items(node.held)} in flight{standing}", facts
    if node.held:
        said = f"{node.name} holds {_items(node.held)} back, until the frontier of its input lets them go{standing}"
        return "item held", said, facts | {"input_frontier": node.frontier}
    if before and node.state == "idle":
        edges = ", ".join(before)
        said = f"{node.name} leaves {_items(sum(before.values()))} on {edges}, for it waits for its other inputs"
        return "blocked edge", said, facts | {"edges": {edge: edge_facts(status, edge) for edge in before}}
    if before:
        return "item in flight", f"{_items(sum(before.values()))} before {node.name} have still to be taken", facts
    return "step at work", f"{node.name} has not let it go on", facts


def _blocked(status: Status, node: NodeStatus) -> _Reason | None:
    """The holder waits for room: whoever does not take its items is at the end of the chain."""
    edge = full_edge_after(status, node.name)
    if edge is None:
        return None
    name, slow = name_of(edge), node_at(status, edge.target)
    facts = {"node": node.name, "edge": name, **edge_facts(status, name), "slow": slow.name, "held": slow.held}
    said = f"{node.name} is blocked: {name} is full ({edge.queued:,} of {edge.capacity:,}), for {slow.name} "
    said += found[1] if (found := trouble_of(slow)) else "is slow to take"
    return "blocked edge", said, facts


def _items(n: int) -> str:
    return f"{n:,} item{'' if n == 1 else 's'}"
