"""Drive one node by hand, without a graph and without an engine."""

from __future__ import annotations

import asyncio
import copy
import math
from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from streamweave_lab.clock import VirtualClock
from streamweave_lab.graph.batch import Batch, Failure
from streamweave_lab.graph.node import Node

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config


class Drive:
    """A copy of `node`, opened as a run would open it, and all that it sends.

    Every method calls the hooks an engine would call, in the same order, at once. What the node must promise
    is checked meanwhile: event times are parallel to items, and nothing is sent with an event time earlier than the
    frontier promised before; but what came behind the frontier may leave with the time it came with.

    Raises: AssertionError where the node breaks such a promise.
    """

    def __init__(self, node: Node, config: Config | None = None) -> None:
        self.node: Any = copy.copy(node)
        """The copy, with the state it has in this run."""
        self.out: dict[str, list[Any]] = defaultdict(list)
        """Items sent, by output port."""
        self.times: dict[str, list[float | None]] = defaultdict(list)
        """Their event times in seconds."""
        self.failures: list[Failure[Any]] = []
        """Items refused."""
        self.late_items: list[Any] = []
        self.late_times: list[float] = []
        self.frontier = -math.inf
        """Where the node's frontier was moved to."""
        self.promised = -math.inf
        """The frontier the node promises downstream."""
        self.behind: set[float] = set()
        """The event times of items that came behind the frontier."""
        self._broken: list[str] = []  # told after the call, so that logic which catches errors cannot hide it
        self.sated = False
        """The node has told that nothing that still comes makes a difference to it."""
        self.alarms: list[float] = []
        """Times for which the node has asked to be woken, in seconds of its clock, the earliest first."""
        self.node.clock = VirtualClock()
        self.node._outbox = self
        self.node._emitted = {}
        self.node.opened()
        if config is not None:
            self.node.configure(config)

    def configure(self, config: Config) -> Drive:
        """Let `config` hold from the next item on."""
        self.node.configure(config)
        return self

    def batch(self, items: list[Any], times: list[float] | None = None, port: str = "in") -> Drive:
        """Give the node one batch. Logic that must be awaited is awaited, one item after the other."""
        self.behind.update(time for time in times or () if time is not None and time < self.frontier)
        if self.node.awaits:
            asyncio.run(self._work(items, times))
        else:
            self.node.on_batch(port, Batch(items, times))
        return self._settled()

    def advance(self, frontier: float) -> Drive:
        """Move the node's frontier; an earlier one than before is ignored."""
        if frontier > self.frontier:
            self.frontier = self.node._item_time = frontier
            self.node.advanced(frontier)
            self._settled()
            self.promised = max(self.promised, self.node.frontier_out(frontier))
        return self

    def sleep(self, seconds: float) -> Drive:
        """Let that much time pass on the node's clock, and wake the node whenever it asked for it meanwhile."""
        clock, end = self.node.clock, self.node.clock.now() + seconds
        while self.alarms and self.alarms[0] <= end:
            clock.move_to(max(clock.now(), self.alarms.pop(0)))
            self._between_items()
            self.node.woken(clock.now())
            self._settled()
        clock.move_to(end)
        return self

    def finish(self) -> Drive:
        """End every input, and close the node."""
        self._between_items()
        self.node.finished()
        self._settled()
        self.node.closed()
        return self

    def _between_items(self) -> None:
        self.node._item_time = self.frontier if self.frontier > -math.inf else None

    def _settled(self) -> Drive:
        self.node.flush()
        if self._broken:
            raise AssertionError(self._broken.pop(0))
        return self

    async def _work(self, items: list[Any], times: list[float] | None) -> None:
        all_times: Sequence[float | None] = times or [None] * len(items)
        for item, time in zip(items, all_times, strict=True):
            try:
                result = await self.node.work(item)
            except Exception as error:
                self.refuse(item, error, time)
            else:
                if "out" in self.node.outputs:
                    self.send("out", [result], None if time is None else [time])

    # What the node calls: the Outbox.

    def send(self, port: str, items: list[Any], times: list[float] | None) -> None:
        """Record what was sent on `port`."""
        if port not in self.node.outputs:
            self._broken.append(f"{self.node!r} has no output port {port!r}")
        if times is not None:
            if len(times) != len(items):
                self._broken.append(f"{self.node!r} sent {len(items)} items with {len(times)} times")
            early = [time for time in times if time < self.promised and time not in self.behind]
            if early:
                self._broken.append(f"{self.node!r} promised {self.promised} and then sent {early[0]}")
        self.out[port] += items
        self.times[port] += times or [None] * len(items)

    def refuse(self, item: Any, error: BaseException, time: float | None) -> None:
        """Record an item that was refused."""
        self.failures.append(Failure(self.node.name, item, error, time))

    def wake_at(self, when: float) -> None:
        """Remember when the node wants to be woken."""
        insort(self.alarms, when)

    def enough(self) -> None:
        """Remember that nothing more would make a difference."""
        self.sated = True

    def let_go(self, time: float, first: Callable[[], None]) -> None:
        """Promise all that may be promised, at once."""
        if time > self.promised:
            first()
            self.promised = max(self.promised, self.node.frontier_out(self.frontier))

    def late(self, items: list[Any], times: list[float]) -> None:
        """Record late items."""
        self.late_items += items
        self.late_times += times
