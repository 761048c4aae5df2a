"""How a Status is read off a run. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from streamweave_lab.engine.async_state import AsyncState
from streamweave_lab.engine.lifecycle import State
from streamweave_lab.engine.node_state import BLOCKED, BUSY, IDLE, NodeState
from streamweave_lab.engine.source_state import AsyncSourceState, SourceState
from streamweave_lab.engine.status import (
    STATUS_VERSION,
    AwaitedStatus,
    CheckpointStatus,
    ConfigStatus,
    EdgeStatus,
    LoopStatus,
    NodeStatus,
    Status,
)
from streamweave_lab.engine.status import NodeState as Doing
from streamweave_lab.graph.node import Sink
from streamweave_lab.graph.source import Source
from streamweave_lab.operators.each import Map

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config
    from streamweave_lab.engine.channel import Channel
    from streamweave_lab.engine.core import Core
    from streamweave_lab.engine.execution import Execution
    from streamweave_lab.engine.step import Pause

_DOING: tuple[Doing, ...] = ("idle", "busy", "blocked")
"""By Activity, which is a number: to look one up in a dict costs a call."""


def look(run: Execution) -> Status:
    """The whole document."""
    core, now = run.core, run.core.clock.now()
    loop = run.pulse.status() if run.pulse is not None else LoopStatus()
    reasons = tuple(why_not_ready(run, loop))
    over = run.lifecycle.over
    timed = run.started_now is not None and not over
    nodes = tuple(_node(state, core, now, timed, over) for state in _in_drawing_order(core))
    frontier, holder = frontier_of(core)
    newest = max((state.newest for state in core.states), default=-inf)
    return Status.of(
        status_version=STATUS_VERSION,
        graph=run.name,
        state=run.lifecycle.state.value,
        ready=not reasons,
        reasons=reasons,
        host=run.host,
        taken_at=core.clock.wall(),
        started_at=run.started_at,
        ended_at=run.ended_at,
        uptime=(run.ended_now if run.ended_now is not None else now) - run.started_now
        if run.started_now is not None
        else 0.0,
        frontier=frontier,
        frontier_held_by=holder,
        lag=None if frontier is None or newest == -inf else max(0.0, newest - frontier),
        bottleneck=bottleneck(core),
        config=config_status(run),
        nodes=nodes,
        edges=tuple(_edge(channel, now) for channel in core.channels),
        events=run.events,
        loop=loop,
        drain=run.draining.status() if run.draining is not None else None,
        checkpoint=_checkpoints(run),
        pause=run.pausing.status() if run.pausing is not None and run.lifecycle.state is State.PAUSED else None,
        epoch=core.epoch,
        awaited=_awaited(run, now),
        stale_seconds=None,
    )


def why_not_ready(run: Execution, loop: LoopStatus) -> Iterable[str]:
    """A sentence for each reason why the run is not ready."""
    state = run.lifecycle.state
    if state is State.FAILED and run.failure is not None:
        where = run.failure.node and f"{run.failure.node}: "  # state that could not be kept is no node's fault
        yield f"failed: {where}{run.error_shown(run.failure.error)}"
    elif state is State.STARTING and run.waits_for is not None:
        yield "starting: the run it replaces has not ended"
    elif state is State.DRAINING and run.draining is not None:
        yield f"draining: {run.draining.phase()}"
    elif state is State.RUNNING and not run.core.let:
        yield "starting: what the run begins with is not in the store yet"
    elif state is not State.RUNNING:
        yield state.value
        if state is State.PAUSED and run.pausing is not None:
            yield from cost_of_pause(run.core, run.pausing)
    if loop.stalled_seconds:
        by = loop.blocked_by or "something"
        yield f"the event loop has not answered for {loop.stalled_seconds:.0f} s: {by} blocks it"
    if state is State.RUNNING and (stuck := stuck_edges(run.core)):
        remedy = "give them more capacity, as (a >> b).capacity(n) does"
        yield f"nothing can move: {', '.join(stuck)} wait for each other; {remedy}"


def cost_of_pause(core: Core, pause: Pause) -> Iterable[str]:
    """A sentence for each source that falls behind, or stands with items in hand, because the run is paused."""
    grown = pause.status().grown
    for state in core.sources:
        if state.node.name in grown:
            yield f"{state.node.name} falls behind"
        elif isinstance(state, AsyncSourceState) and not state.ended and state.has_input():
            yield f"{state.node.name} has items in hand that it cannot send"


def stuck_edges(core: Core) -> list[str]:
    """The full edges of a graph in which every node that has input waits for room, and nothing is in flight."""
    full = [c for c in core.channels if c.blocked_since is not None]
    if not full or core.runnable or core.halted or any(state.activity is BUSY for state in core.states):
        return []
    return [channel.name for channel in full]


def frontier_of(core: Core) -> tuple[float | None, str | None]:
    """How far event time has come at the sinks, and the node that holds it back."""
    holders = core.progress.holders()
    return core.progress.time, _holder(core, core.states[holders[0]]) if holders else None


def _holder(core: Core, state: NodeState) -> str:
    """Walk upstream along the slowest input to whoever has not let the frontier go on."""
    while True:
        alive = [channel for channel in state.ins if not channel.ended and not channel.idle]
        if not alive:
            return state.node.name
        slowest = min(alive, key=lambda channel: channel.watermark)
        sender = core.states[slowest.sender]
        if sender.promised > slowest.watermark:
            return state.node.name
        if isinstance(sender.node, Source) or sender.promised < sender.frontier:
            return sender.node.name
        state = sender


def bottleneck(core: Core) -> str | None:
    """The first node that is not blocked below a blocked chain, in a sentence."""
    for state in core.states:
        if state.activity is not BLOCKED:
            continue
        full = _full_edge(state)
        while full is not None and (further := _full_edge(core.states[full.receiver])) is not None:
            full = further
        if full is None:
            return None
        sender, state = core.states[full.sender], core.states[full.receiver]
        return (
            f"{state.node.name} is the bottleneck: {sender.node.name} waits for room on {full.name}, "
            f"where {full.queued} of {full.capacity} items stand"
        )
    return None


def _full_edge(state: NodeState) -> Channel | None:
    """The edge that a blocked node waits for."""
    if state.activity is not BLOCKED:
        return None
    return next((channel for channel in state.out_channels if channel.queued >= channel.capacity), None)


def config_status(run: Execution) -> ConfigStatus | None:
    """The configuration in force, without its secrets."""
    if run.config is None:
        return None
    key = (run.config_version, run.last_reload_at, *run.reloads.values())
    kept = _CONFIGS.get(run)
    if kept is None or kept[0] != key:
        kept = _CONFIGS[run] = key, _config(run, run.config)
    return kept[1]


_CONFIGS: WeakKeyDictionary[Execution, tuple[Any, ConfigStatus]] = WeakKeyDictionary()
"""Kept until it changes: to fingerprint a configuration takes as long as all else in a Status together."""


def _config(run: Execution, config: Config) -> ConfigStatus:
    return ConfigStatus(
        version=run.config_version,
        schema_version=type(config).schema_version,
        epoch=run.config_epoch,
        sha256=config.fingerprint(),
        values=config.public(),
        sources=config.provenance(),
        reloads=dict(run.reloads),
        last_reload_successful=run.last_reload_successful,
        last_reload_at=run.last_reload_at,
    )


def _in_drawing_order(core: Core) -> list[NodeState]:
    return [core.by_name[name] for name in core.graph.nodes]


def _node(state: NodeState, core: Core, now: float, timed: bool, over: bool) -> NodeStatus:
    node, seconds = state.node, state.seconds.copy()
    if timed:
        seconds[IDLE if core.paused else state.activity] += max(0.0, now - state.since)
    position = backlog = total = None
    if is_source := isinstance(node, Source):
        position, backlog, total = node.position, node.backlog, node.total
    return NodeStatus.of(
        name=node.name,
        kind=node.kind,
        role="source" if is_source else "sink" if isinstance(node, Sink) else "step",
        state=_doing(state, core, over),
        items_in=state.items_in.copy(),
        items_out=state.items_out.copy(),
        errors=state.errors,
        late=state.late_items,
        dropped=state.dropped,
        held=0 if over else state.holds,
        restarts=state.restarts,
        busy_seconds=seconds[BUSY],
        blocked_seconds=seconds[BLOCKED],
        idle_seconds=seconds[IDLE],
        run_seconds=state.run_seconds,
        frontier=None if state.frontier == -inf else state.frontier,
        newest=None if state.newest == -inf else state.newest,
        position=position,
        backlog=backlog,
        total=total,
        guarantee=node.guarantee if isinstance(node, Sink) else None,
        quiet_seconds=max(0.0, now - state.quiet_since)
        if isinstance(state, SourceState) and timed and not state.ended
        else None,
        resting_seconds=max(0.0, due - now) if (due := core.restarts.due.get(state.index)) is not None else None,
        oldest_seconds=state.oldest(now) if isinstance(state, AsyncState) and timed else None,
        workers_lost=node.workers_lost if isinstance(node, Map) and node.workers else None,
    )


def _checkpoints(run: Execution) -> CheckpointStatus | None:
    kept = run.checkpoints
    if kept is None:
        return None
    return CheckpointStatus.of(
        every=kept.every,
        committed=kept.committed,
        failed=kept.failed,
        last_id=kept.last_id,
        last_at=kept.last_at,
        problem=kept.problem,
        resumed_from=run.resume_from and run.resume_from.id,
        positions=dict(kept.positions) or _resumed_at(run),
    )


def _awaited(run: Execution, now: float) -> AwaitedStatus | None:
    found = run.awaited
    if found is None:
        return None
    return AwaitedStatus.of(purpose=found.purpose, seconds=max(0.0, now - found.since), nodes=found.nodes)


def _resumed_at(run: Execution) -> dict[str, int]:
    kept = {} if run.resume_from is None else run.resume_from.kept
    return {name: each.position for name, each in kept.items() if each.position is not None}


def _doing(state: NodeState, core: Core, over: bool) -> Doing:
    if core.failed_node == state.node.name:
        return "failed"
    return "ended" if state.ended or over else _DOING[state.activity]


def _edge(channel: Channel, now: float) -> EdgeStatus:
    waiting = 0.0 if channel.blocked_since is None else max(0.0, now - channel.blocked_since)
    return EdgeStatus.of(
        source=channel.source,
        target=channel.target,
        queued=channel.queued,
        capacity=channel.capacity,
        peak=channel.peak,
        sent=channel.sent,
        received=channel.received,
        dropped=channel.dropped,
        blocked_seconds=channel.blocked_seconds + waiting,
        blocked=channel.blocked_since is not None,
        frontier=None if channel.watermark == -inf else channel.watermark,
    )
