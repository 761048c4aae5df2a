"""What is read off a run at one moment, before a Status is made of it.

A field here is the field of that name in the document, so who draws four frames a second may do without the document:
to make it takes longer than to read what it says.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from streamweave_lab.engine.node_state import BLOCKED, BUSY, IDLE
from streamweave_lab.engine.reasons import bottleneck, frontier_of, why_not_ready
from streamweave_lab.engine.sections import checkpoint_status, config_status
from streamweave_lab.engine.source_state import SourceState
from streamweave_lab.engine.status import LoopStatus
from streamweave_lab.engine.status import NodeState as Doing

if TYPE_CHECKING:
    from streamweave_lab.engine.channel import Channel
    from streamweave_lab.engine.core import Core
    from streamweave_lab.engine.execution import Execution
    from streamweave_lab.engine.node_state import NodeState
    from streamweave_lab.engine.status import CheckpointStatus, ConfigStatus, DrainStatus, EventStatus, RunState

_DOING: tuple[Doing, ...] = ("idle", "busy", "blocked")
"""By Activity, which is a number: to look one up in a dict costs a call."""


class NodeCounts(NamedTuple):
    """What changes in a NodeStatus."""

    state: Doing
    items_in: dict[str, int]
    items_out: dict[str, int]
    errors: int
    late: int
    dropped: int
    held: int
    restarts: int
    busy_seconds: float
    blocked_seconds: float
    idle_seconds: float
    run_seconds: float
    frontier: float | None
    newest: float | None
    position: int | None
    backlog: int | None
    total: int | None


class EdgeCounts(NamedTuple):
    """What changes in an EdgeStatus, and its capacity."""

    queued: int
    capacity: int
    peak: int
    sent: int
    received: int
    dropped: int
    blocked_seconds: float
    blocked: bool
    frontier: float | None


class Glance(NamedTuple):
    """What changes in a Status while a run goes on."""

    state: RunState
    ready: bool
    reasons: tuple[str, ...]
    taken_at: float
    started_at: float | None
    ended_at: float | None
    uptime: float
    frontier: float | None
    frontier_held_by: str | None
    bottleneck: str | None
    config: ConfigStatus | None
    nodes: tuple[NodeCounts, ...]
    edges: tuple[EdgeCounts, ...]
    events: tuple[EventStatus, ...]
    loop: LoopStatus
    drain: DrainStatus | None
    checkpoint: CheckpointStatus | None
    stale_seconds: None = None
    """It is of a run in this process."""


def glance(run: Execution) -> Glance:
    """Read it all off. From any thread; nothing here changes anything."""
    core, now = run.core, run.core.clock.now()
    loop = LoopStatus() if run.pulse is None else run.pulse.status()
    with run.lifecycle.lock:
        state, over, events, drain = run.lifecycle.state, run.lifecycle.over, run.events, run.draining
    reasons = tuple(why_not_ready(run, loop, state))
    failed = core.failed_node if over else None
    timed = run.started_now is not None and not over
    frontier, holder = frontier_of(core)
    return Glance(
        state=state.value,
        ready=not reasons,
        reasons=reasons,
        taken_at=core.clock.wall(),
        started_at=run.started_at,
        ended_at=run.ended_at if over else None,
        uptime=0.0 if run.started_now is None else (run.ended_now if over and run.ended_now else now) - run.started_now,
        frontier=frontier,
        frontier_held_by=holder,
        bottleneck=bottleneck(core),
        config=config_status(run),
        nodes=tuple([_node(core.by_name[name], core, now, timed, over, name == failed) for name in core.graph.nodes]),
        edges=tuple([_edge(channel, now) for channel in core.channels]),
        events=events,
        loop=loop,
        drain=None if drain is None else drain.status(),
        checkpoint=checkpoint_status(run),
    )


def _node(state: NodeState, core: Core, now: float, timed: bool, over: bool, failed: bool) -> NodeCounts:
    seconds = state.seconds.copy()
    if timed:
        seconds[IDLE if core.paused else state.activity] += max(0.0, now - state.since)
    position = backlog = total = None
    if isinstance(state, SourceState):
        source = state.source
        position, backlog, total = source.position, source.backlog, source.total
    return NodeCounts(
        "failed" if failed else "ended" if over or state.ended else _DOING[state.activity],
        state.items_in.copy(),
        state.items_out.copy(),
        state.errors,
        state.late_items,
        state.dropped,
        0 if over else state.holds,
        state.restarts,
        seconds[BUSY],
        seconds[BLOCKED],
        seconds[IDLE],
        state.seconds_run(now) if timed else state.run_seconds,
        None if state.frontier == -inf else state.frontier,
        None if state.newest == -inf else state.newest,
        position,
        backlog,
        total,
    )


def _edge(channel: Channel, now: float) -> EdgeCounts:
    since = channel.blocked_since  # read once: the run may go on in another thread
    return EdgeCounts(
        channel.queued,
        channel.capacity,
        channel.peak,
        channel.sent,
        channel.received,
        channel.dropped,
        channel.blocked_seconds + (0.0 if since is None else max(0.0, now - since)),
        since is not None,
        None if channel.watermark == -inf else channel.watermark,
    )
