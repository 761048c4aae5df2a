"""What the nodes that hold items back have in common: how far they have come, what is late, how much they hold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any

from streamweave_lab.errors import GraphError, HoldFullError, NoEventTimeError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Node
from streamweave_lab.progress.window import Tumbling

HOLD = 1_000_000
"""Items that a node which goes by event time holds at most, unless it is told otherwise."""
WAITING = "items that wait for the frontier"
"""Of what it holds too many, in a HoldFullError."""


class HoldingNode(Node):
    """A node that goes by event time, and moves on only where its frontier passes a multiple of `every` seconds.

    There every source puts a mark, whatever the size of its batches; so what is late does not depend on it.
    """

    _reached: float = -math.inf
    _hold: int = HOLD

    def _move_by(self, every: float, hold: int) -> None:
        """Remember what was drawn. Raises: GraphError if `every` or `hold` is out of range."""
        check_seconds(self, "every", every)
        check_at_least_one(self, "hold", hold)
        self._every = Tumbling(seconds=every)
        self._hold = hold
        self.window_granularity = every

    def opened(self) -> None:
        """Begin with nothing."""
        self._reached = -math.inf
        self.holds = 0

    def advanced(self, frontier: float) -> None:
        """Move on to the multiple of `every` that the frontier has reached."""
        reached = self._floor(frontier)
        if reached > self._reached:
            self._reached = reached
            self._move_on(reached)

    def frontier_out(self, frontier: float) -> float:
        """The multiple of `every` that the frontier has reached."""
        return self._floor(frontier)

    def _move_on(self, reached: float) -> None:
        """Nothing earlier than `reached` is taken from now on."""
        raise NotImplementedError

    def _floor(self, frontier: float) -> float:
        return self._every.bounds(frontier)[0] if math.isfinite(frontier) else frontier

    def _timely(self, batch: Batch) -> Iterator[tuple[Any, float]]:
        """The items to take, with their event times. Late ones leave by `late`, those without a time by `error`."""
        items, times, reached = batch.items, batch.times, self._reached
        if times is not None and _all_from(reached, times):
            return zip(items, times, strict=True)
        timely: list[tuple[Any, float]] = []
        late: list[tuple[Any, float]] = []
        for item, time in zip(items, times or [None] * len(items), strict=True):  # type: ignore[list-item]
            if time is None:
                self.refuse(item, NoEventTimeError(self.name))
            elif not math.isfinite(time):
                self.refuse(item, ValueError(f"an event time must be a finite number of seconds, not {time}"), time)
            else:
                (timely if time >= reached else late).append((item, time))
        if late:
            self._running("late").late([item for item, _ in late], [time for _, time in late])
        return iter(timely)

    def _make_room(self, what: str) -> None:
        """Raises: HoldFullError if this node holds all it may."""
        if self.holds >= self._hold:
            raise HoldFullError(self.name, self._hold, what)


class Earliest:
    """The earliest of some event times (seconds) that come and go; those of items without one do not count."""

    def __init__(self) -> None:
        self._heap: list[float] = []
        self._gone: Counter[float] = Counter()

    def add(self, time: float | None) -> None:
        """A time more."""
        if time is not None:
            heappush(self._heap, time)

    def remove(self, time: float | None) -> None:
        """One of the times that were added is gone."""
        if time is not None:
            self._gone[time] += 1

    @property
    def time(self) -> float:
        """The earliest there is; infinite if there is none."""
        heap, gone = self._heap, self._gone
        while heap and gone[heap[0]]:
            time = heappop(heap)
            gone[time] -= 1
            if not gone[time]:
                del gone[time]
        return heap[0] if heap else math.inf


def check_function(node: Node, what: str, f: Callable[..., Any] | None) -> None:
    """Raise GraphError unless it is a function, or not given at all."""
    if f is not None and not callable(f):
        raise GraphError(f"{node!r}: {what}= needs a function, not {f!r}")


def check_seconds(node: Node, what: str, seconds: float) -> None:
    """Raise GraphError unless it is finite and more than 0."""
    if not isinstance(seconds, int | float) or not 0 < seconds < math.inf:
        raise GraphError(f"{node!r}: {what} must be more than 0 seconds and finite, not {seconds!r}")


def check_at_least_one(node: Node, what: str, number: int) -> None:
    """Raise GraphError unless it is a whole number and at least 1."""
    if not isinstance(number, int) or number < 1:
        raise GraphError(f"{node!r}: {what} must be a whole number and at least 1, not {number!r}")


def _all_from(reached: float, times: list[float]) -> bool:
    try:
        # A sum is finite only if all of them are.
        return math.isfinite(sum(times)) and min(times, default=math.inf) >= reached
    except TypeError:
        return False
