"""What one node keeps for later: its logic's state, and how far event time had come around it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any

from streamweave_lab.engine.source_state import SourceState
from streamweave_lab.errors import StateError
from streamweave_lab.graph.batch import Watermark

if TYPE_CHECKING:
    from streamweave_lab.engine.core import Core
    from streamweave_lab.engine.node_state import NodeState
    from streamweave_lab.graph.node import Node


@dataclass(frozen=True, slots=True)
class Kept:
    """One node at a barrier. `marks` is what the engine knew, in plain data; event times in seconds."""

    version: int
    state: Any
    marks: dict[str, Any]
    position: int | None = None
    """Of a source: items brought in."""
    pickled: bool = False


def take(state: NodeState) -> Kept:
    """What `state` has now. Copies; on the loop, so nothing is encoded here."""
    node = state.node
    marks: dict[str, Any] = {
        "kind": node.kind,
        "frontier": state.frontier,
        "promised": state.promised,
        "idle": state.idle,
        "inputs": {channel.name: [channel.watermark, channel.idle] for channel in state.ins},
    }
    position = None
    if isinstance(state, SourceState):
        position, marks["newest"] = state.source.position, state.stamper.newest
    return Kept(node.state_version, node.snapshot(), marks, position, node.pickled_state)


def give_back(core: Core, state: NodeState, kept: Kept) -> None:
    """Let `state`, which has just been opened, go on from what was kept. Raises: StateError."""
    node, known = state.node, kept.state
    if known is not None:
        known = node.brought_up(known, kept.version)
        _restore(node, known, kept.marks.get("kind", node.kind))
    # A node that fails before the next checkpoint begins again from here.
    core.kept[node.name] = replace(kept, version=node.state_version, state=known)
    marks = kept.marks
    state.frontier, state.promised, state.idle = marks["frontier"], marks["promised"], marks["idle"]
    for channel in state.ins:
        watermark, idle = marks["inputs"].get(channel.name, (-inf, False))
        channel.watermark, channel.idle = watermark, idle
        if watermark > -inf:
            state.progress.promise(channel, watermark)
        if idle:
            state.progress.idle(channel)
    _tell_new_edges(state)
    if isinstance(state, SourceState):
        _seek(state, kept)
    elif state.index in core.sinks:
        if state.frontier > -inf:
            core.progress.promise(state.index, state.frontier)
        if state.idle:
            core.progress.idle(state.index)


def _restore(node: Node, state: Any, kind: str) -> None:
    try:
        node.restore(state)
    except StateError:
        raise
    except Exception as error:
        raise StateError(
            f"{node.name}: this {node.kind} cannot go on from the state that a {kind} has kept under its name "
            f"({type(error).__name__}: {error}); count up its state_version and define migrate(state, version), "
            f"or draw it under another name, to let it begin empty"
        ) from error


def _tell_new_edges(state: NodeState) -> None:
    """What was promised before the graph was changed: else an edge drawn since would wait for it to be said again."""
    for channel in state.out_channels:  # its receiver has been given back already
        if state.promised > channel.watermark:
            channel.put(Watermark(state.promised))
        if state.idle and not channel.idle:
            channel.put(Watermark(None))


def _seek(state: SourceState, kept: Kept) -> None:
    state.stamper.newest = state.newest = kept.marks["newest"]
    if kept.state is None and kept.position:
        try:
            state.source.seek(kept.position)
        except NotImplementedError as error:
            raise StateError(
                f"{state.node.name}: {error}; start without resume=, or draw a source that can go on from a position"
            ) from error
