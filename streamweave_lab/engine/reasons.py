"""What is said of a run in words: why it is not ready, what holds its frontier, where it is narrow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from streamweave_lab.engine.lifecycle import State
from streamweave_lab.engine.node_state import BLOCKED, BUSY, NodeState
from streamweave_lab.engine.source_state import AsyncSourceState
from streamweave_lab.graph.source import Source

if TYPE_CHECKING:
    from streamweave_lab.engine.channel import Channel
    from streamweave_lab.engine.core import Core
    from streamweave_lab.engine.execution import Execution
    from streamweave_lab.engine.status import LoopStatus
    from streamweave_lab.engine.step import Pause


def why_not_ready(run: Execution, loop: LoopStatus, state: State) -> Iterable[str]:
    """A sentence for each reason why the run, whose state is `state`, is not ready."""
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
    if run.checkpoints is not None and run.checkpoints.lost and not run.lifecycle.over:
        remedy = "stop it, and start it again if it is the one that should go on"
        yield f"it has lost its place in its store, and keeps no checkpoint any more; {remedy}"


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
    full = {c: c.blocked_since for c in core.channels if c.blocked_since is not None}
    if not full or core.current is not None or core.runnable or core.halted:
        return []
    if any(state.activity is BUSY for state in core.states):
        return []
    if any(channel.blocked_since != since for channel, since in full.items()):
        return []  # it has gone on while another thread was looking
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
            f"where {full.queued:,} of {full.capacity:,} items stand"
        )
    return None


def _full_edge(state: NodeState) -> Channel | None:
    """The edge that a blocked node waits for."""
    if state.activity is not BLOCKED:
        return None
    return next((channel for channel in state.out_channels if channel.queued >= channel.capacity), None)
