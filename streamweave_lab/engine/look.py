"""How a Status is made of what is read off a run. Nothing here changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamweave_lab.engine.async_state import AsyncState
from streamweave_lab.engine.glance import glance
from streamweave_lab.engine.lifecycle import State
from streamweave_lab.engine.sections import awaited_status
from streamweave_lab.engine.source_state import SourceState
from streamweave_lab.engine.status import STATUS_VERSION, EdgeStatus, NodeStatus, Status
from streamweave_lab.graph.node import Sink
from streamweave_lab.operators.each import Map
from streamweave_lab.operators.window import Window

if TYPE_CHECKING:
    from streamweave_lab.engine.channel import Channel
    from streamweave_lab.engine.core import Core
    from streamweave_lab.engine.execution import Execution
    from streamweave_lab.engine.glance import EdgeCounts, NodeCounts
    from streamweave_lab.engine.node_state import NodeState


def look(run: Execution) -> Status:
    """The whole document."""
    seen, core, now = glance(run), run.core, run.core.clock.now()
    timed = seen.started_at is not None and seen.ended_at is None
    newest = max((node.newest for node in seen.nodes if node.newest is not None), default=None)
    states = (core.by_name[name] for name in core.graph.nodes)
    return Status.of(
        status_version=STATUS_VERSION,
        graph=run.name,
        state=seen.state,
        ready=seen.ready,
        reasons=seen.reasons,
        host=run.host,
        taken_at=seen.taken_at,
        started_at=seen.started_at,
        ended_at=seen.ended_at,
        uptime=seen.uptime,
        frontier=seen.frontier,
        frontier_held_by=seen.frontier_held_by,
        lag=None if seen.frontier is None or newest is None else max(0.0, newest - seen.frontier),
        bottleneck=seen.bottleneck,
        config=seen.config,
        nodes=tuple(_node(*each, core, now, timed) for each in zip(states, seen.nodes, strict=True)),
        edges=tuple(_edge(*each) for each in zip(core.channels, seen.edges, strict=True)),
        events=seen.events,
        loop=seen.loop,
        drain=seen.drain,
        checkpoint=seen.checkpoint,
        pause=run.pausing.status() if run.pausing is not None and seen.state == State.PAUSED.value else None,
        epoch=core.epoch,
        awaited=awaited_status(run, now),
        stale_seconds=seen.stale_seconds,
    )


def _node(state: NodeState, counts: NodeCounts, core: Core, now: float, timed: bool) -> NodeStatus:
    node, source = state.node, isinstance(state, SourceState)
    due = core.restarts.due.get(state.index)
    return NodeStatus.of(
        name=node.name,
        kind=node.kind,
        role="source" if source else "sink" if isinstance(node, Sink) else "step",
        **counts._asdict(),
        guarantee=node.guarantee if isinstance(node, Sink) else None,
        quiet_seconds=max(0.0, now - state.quiet_since)
        if isinstance(state, SourceState) and timed and not state.ended
        else None,
        resting_seconds=None if due is None else max(0.0, due - now),
        oldest_seconds=state.oldest(now) if isinstance(state, AsyncState) and timed else None,
        workers_lost=node.workers_lost if isinstance(node, Map) and node.workers else None,
        partly_late=node.partly_late if isinstance(node, Window) else None,
    )


def _edge(channel: Channel, counts: EdgeCounts) -> EdgeStatus:
    return EdgeStatus.of(source=channel.source, target=channel.target, **counts._asdict())
