"""What a drawn node and a drawn edge become in a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.engine.async_state import AsyncState
from streamweave_lab.engine.channel import Channel
from streamweave_lab.engine.choosy_state import ChoosyState
from streamweave_lab.engine.node_state import NodeState
from streamweave_lab.engine.source_state import AsyncSourceState, SourceState
from streamweave_lab.graph.node import Node
from streamweave_lab.graph.port import DEFAULT_CAPACITY
from streamweave_lab.graph.source import AsyncSource, Source
from streamweave_lab.operators.each import Map

if TYPE_CHECKING:
    from streamweave_lab.engine.core import Core
    from streamweave_lab.graph.port import Edge


def state_of(core: Core, index: int, node: Node) -> NodeState:
    """The state machine for a node."""
    if isinstance(node, AsyncSource):
        return AsyncSourceState(core, index, node)
    if isinstance(node, Source):
        return SourceState(core, index, node)
    if isinstance(node, Map) and node.workers and core.clock is SYSTEM_CLOCK:  # in virtual time there are none
        from streamweave_lab.engine.workers_state import WorkersState  # processes are rare, and slow to import

        return WorkersState(core, index, node)
    if node.choosy:
        return ChoosyState(core, index, node)
    return AsyncState(core, index, node) if node.awaits else NodeState(core, index, node)


def connected(states: Mapping[str, NodeState], edge: Edge) -> Channel:
    """The channel of an edge, between the states of its nodes."""
    sender, receiver = states[edge.source.node.name], states[edge.target.node.name]
    capacity = edge.capacity or DEFAULT_CAPACITY
    channel = Channel(repr(edge.source), repr(edge.target), capacity, sender.index, receiver.index, edge.target.name)
    sender.outs[edge.source.name].append(channel)
    receiver.ins.append(channel)
    return channel
