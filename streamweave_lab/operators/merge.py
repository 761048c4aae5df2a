"""Merge and Zip: several streams become one, by event time or by place."""

from __future__ import annotations

import math
from heapq import heappop, heappush
from typing import Any, Generic

from streamweave_lab.errors import HoldFullError
from streamweave_lab.graph.batch import Batch, Failure
from streamweave_lab.graph.node import Node, Step
from streamweave_lab.graph.port import DEFAULT_CAPACITY, In, Out, Outlet, T
from streamweave_lab.operators.held import HOLD, WAITING, HoldingNode, check_at_least_one
from streamweave_lab.operators.joining import L, R
from streamweave_lab.operators.waiting import Waiting


class Merge(Step[T, T], HoldingNode):
    """Sends the items of all the edges that are drawn to it in the order of event time.

    An item is held until the frontier, which is the earliest of all inputs, has passed it. Of equal event times
    what came first goes first. An input that stays silent holds everything back, unless it is idle or has ended.

    The node moves on where the frontier passes a multiple of `every` seconds; an item earlier than that is late and
    leaves by `late`. One without event time, or that comes while `hold` items are held, leaves by `error`.

    Raises: GraphError if `every` or `hold` is out of range.
    """

    late: Out[T]

    def __init__(self, name: str, *, every: float = 1.0, hold: int = HOLD) -> None:
        super().__init__(name)
        self._move_by(every, hold)

    def opened(self) -> None:
        """Begin with no item."""
        super().opened()
        self._waiting: list[tuple[float, int, T]] = []
        self._number = 0

    def on_batch(self, port: str, batch: Batch) -> None:
        """Hold the items."""
        waiting, number = self._waiting, self._number
        room = number + self._hold - len(waiting)
        for item, time in self._timely(batch):
            if number < room:
                heappush(waiting, (time, number, item))
                number += 1
            else:
                self.refuse(item, HoldFullError(self.name, self._hold, WAITING), time)
        self._number, self.holds = number, len(waiting)

    def _move_on(self, reached: float) -> None:
        waiting = self._waiting
        out: list[T] = []
        times: list[float] = []
        while waiting and waiting[0][0] < reached:
            time, _, item = heappop(waiting)
            out.append(item)
            times.append(time)
        self.holds = len(waiting)
        if out:
            self.send("out", out, times)

    def finished(self) -> None:
        """Send what is still held."""
        self._move_on(math.inf)

    def snapshot(self) -> Any:
        """The items that are held, and how far the frontier has come."""
        return {"reached": self._reached, "number": self._number, "waiting": self._waiting[:]}

    def restore(self, state: Any) -> None:
        """Go on with those."""
        self._reached, self._number = state["reached"], state["number"]
        self._waiting = state["waiting"][:]
        self.holds = len(self._waiting)


class Zip(Node, Outlet[tuple[L, R]], Generic[L, R]):
    """Sends pairs `(left, right)`: the first item of each side, then the second of each, and so on.

    A pair has the later of the two event times; none where one of the items has none. What has no partner when
    both inputs have ended leaves by `left_only` or `right_only`, with its own event time. An item that waits for a
    partner holds the frontier. What is paired with what goes by the order in which items come: where several edges
    lead to a side, or event times are out of order, by which of them was faster.

    At most `hold` items of one side wait here for the other side; then that side waits on its edge, and its sender
    with it. Where the sides come from one source and one of them brings nothing, nothing may be able to move: then the
    run is not ready, and the reason names the edges.

    Raises: GraphError if `hold` is less than 1.
    """

    left: In[L]
    right: In[R]
    out: Out[tuple[L, R]]
    choosy = True
    state_version = 2
    left_only: Out[L]
    right_only: Out[R]
    error: Out[Failure[Any]]

    def __init__(self, name: str, *, hold: int = DEFAULT_CAPACITY) -> None:
        super().__init__(name)
        check_at_least_one(self, "hold", hold)
        self._hold = hold

    def _tail(self) -> Out[tuple[L, R]]:
        return self.out

    def opened(self) -> None:
        """Begin with no item."""
        self._waiting = {"left": Waiting(), "right": Waiting()}
        self._over: set[str] = set()
        self.holds = 0

    def on_batch(self, port: str, batch: Batch) -> None:
        """Pair the items with those of the other side that wait, and let the rest wait."""
        other = "right" if port == "left" else "left"
        mine, theirs = self._waiting[port], self._waiting[other]
        n = min(len(batch), len(theirs))
        if n:
            partners, (first, batch) = theirs.take(n), batch.split(n)
            self._send_pairs(*((first, partners) if port == "left" else (partners, first)))
        mine.add(batch)
        if other in self._over:
            self._send_surplus(port)
        self.holds = len(mine) + len(theirs)

    def takes(self, port: str) -> bool:
        """Not more than `hold` items that wait for a partner."""
        return len(self._waiting[port]) < self._hold

    def ended(self, port: str) -> None:
        """What waits on the other side finds no partner any more, nor will what comes there."""
        self._over.add(port)
        self._send_surplus("right" if port == "left" else "left")
        self.holds = sum(map(len, self._waiting.values()))

    def _send_pairs(self, left: Batch, right: Batch) -> None:
        self.send("out", list(zip(left.items, right.items, strict=True)), _later(left.times, right.times))

    def frontier_out(self, frontier: float) -> float:
        """The frontier; or the earliest event time that waits, if that is before it."""
        return min(frontier, *(waiting.earliest for waiting in self._waiting.values()))

    def finished(self) -> None:
        """Send what has found no partner."""
        self._send_surplus("left")
        self._send_surplus("right")
        self.holds = 0

    def _send_surplus(self, port: str) -> None:
        waiting = self._waiting[port]
        batch = waiting.take(len(waiting))
        self.send(f"{port}_only", batch.items, None if None in (batch.times or ()) else batch.times)

    def snapshot(self) -> Any:
        """The items that wait for a partner."""
        return {port: waiting.rows() for port, waiting in self._waiting.items()}

    def restore(self, state: Any) -> None:
        """Go on with those."""
        self._waiting = {port: Waiting(state[port]) for port in ("left", "right")}
        self.holds = sum(map(len, self._waiting.values()))

    def migrate(self, state: Any, version: int) -> Any:
        """Version 1 kept the frontier as well."""
        return {port: state[port] for port in ("left", "right")}


def _later(times: list[float] | None, others: list[float] | None) -> list[float] | None:
    """The later of each two times; none where one of them has none."""
    if times is None or others is None:
        return None
    try:
        return [other if other > time else time for time, other in zip(times, others, strict=True)]
    except TypeError:
        return None
