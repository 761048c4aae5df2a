"""The laws that hold in a run at every moment, checked on its insides."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from streamweave_lab.engine.async_state import AsyncState
from streamweave_lab.engine.channel import Channel
from streamweave_lab.graph.batch import Batch

if TYPE_CHECKING:
    from streamweave_lab.engine.node_state import NodeState
    from streamweave_lab.engine.run import LocalRun


class Witness:
    """Looks at one run again and again, between turns, and remembers how far its frontiers had come.

    Each look raises AssertionError if an edge holds more than its capacity, if an item was lost or doubled on
    an edge or between an edge and a node, if a frontier went back, if more is awaited than may be, or if the
    times of a node do not sum to the time since the run began.
    """

    def __init__(self, run: LocalRun) -> None:
        self._run = run
        self._reached: dict[str, float] = {}
        self._looks = 0

    def __call__(self) -> None:
        """Look now; every eighth time at the Status document as well, which costs more."""
        self._looks += 1
        if self._looks % 8 == 0:
            self.look_at_status()
        for channel in self._run.core.channels:
            check_edge(channel)
            self._moves_forward(channel.name, channel.watermark)
        for state in self._run.core.states:
            check_node(state)
            self._moves_forward(state.node.name, state.frontier)
            self._moves_forward(f"what {state.node.name} promises", state.promised)

    def look_at_status(self) -> None:
        """Check what the Status document says."""
        status = self._run.status()
        self._moves_forward("the run", -inf if status.frontier is None else status.frontier)
        for node in status.nodes:
            total = node.busy_seconds + node.blocked_seconds + node.idle_seconds
            # Reading a ticking clock moves it, so the parts are summed a few readings later than the whole.
            _require(abs(total - status.uptime) < 1e-4, f"{node.name}: {total} s accounted for, of {status.uptime} s")

    def _moves_forward(self, what: str, time: float) -> None:
        before = self._reached.get(what, -inf)
        _require(time >= before, f"the frontier of {what} went back from {before} to {time}")
        self._reached[what] = time


def check_edge(channel: Channel) -> None:
    """What holds of one edge. Raises: AssertionError."""
    inside = sum(len(entry) for entry in channel.queue if isinstance(entry, Batch))
    _require(channel.queued == inside, f"{channel.name} counts {channel.queued} items and has {inside}")
    _require(channel.queued <= channel.capacity, f"{channel.name} holds {channel.queued} of {channel.capacity} items")
    _require(channel.peak <= channel.capacity, f"{channel.name} once held {channel.peak} of {channel.capacity} items")
    gone = channel.received + channel.queued + channel.dropped
    _require(channel.sent == gone, f"{channel.name}: {channel.sent} items sent, {gone} accounted for")


def check_node(state: NodeState) -> None:
    """What holds of one node between turns. Raises: AssertionError."""
    name = state.node.name
    for port, items in state.items_in.items():
        received = sum(channel.received for channel in state.ins if channel.port == port)
        _require(items == received, f"{name}.{port} counts {items} items, its edges {received}")
    for port, channels in state.outs.items():
        for channel in (each for each in channels if isinstance(each, Channel)):  # a tap may listen there too
            came, put = state.items_out[port], channel.sent + channel.left - channel.queued
            _require(came == put, f"{name}.{port}: {came} items sent, {put} on {channel.name}")
    if isinstance(state, AsyncState):
        most = state.node.concurrency
        _require(state.in_flight <= most, f"{name} awaits {state.in_flight} items, of at most {most}")
        _require(state.in_slots() <= 2 * most, f"{name} keeps {state.in_slots()} items, of at most {2 * most}")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
