"""IntervalJoin: pairs of two streams whose event times are near each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.operators.held import HOLD
from streamweave_lab.operators.joining import Joining, K, L, R
from streamweave_lab.operators.sides import Side
from streamweave_lab.progress.grid import plus
from streamweave_lab.progress.reach import Reach


class IntervalJoin(Joining[L, R]):
    """Sends a pair `(left, right)` for every two items of the same key whose event times are near each other.

    `within=(before, after)` says how near, in seconds: the right item comes from `before` seconds before the left
    one to `after` seconds after it, both included. Either may be negative: `(-5, 10)` is from 5 to 10 seconds after.
    Times are taken as the decimals they are written as, so 0.8 is within 0.1 of 0.7; what was reckoned and lies next
    to a whole number of microseconds counts as that, and the time of a result of a Window as the end of its window.

    A pair is sent as soon as both items are there, and has the later of their event times. An item is kept until
    the frontier has passed everything that could match it; one that had no match leaves then by `left_only` or
    `right_only`, with the last event time at which a match could have come. Which pairs there are does not depend
    on which side came first; their order does.

    An item is late, and leaves by `late`, when it is earlier than the last multiple of `every` seconds that the
    frontier has passed; the frontier promised downstream moves in the same steps. A greater `every` is less work
    where a stream is replayed fast.

    An item without event time, on which its key function raises, or that comes while `hold` items are kept, leaves
    by `error`.

    Raises: GraphError if the interval is empty or not finite, or `every` or `hold` is out of range.
    """

    def __init__(
        self,
        name: str,
        left_key: Callable[[L], K],
        right_key: Callable[[R], K],
        *,
        within: tuple[float, float],
        every: float = 1.0,
        hold: int = HOLD,
    ) -> None:
        super().__init__(name, left_key, right_key)
        before, after = within
        if not (math.isfinite(before) and math.isfinite(after) and -before <= after):
            raise GraphError(f"{self!r}: within=(before, after) is an interval in seconds, not {within!r}")
        self._move_by(every, hold)
        # For each side: how long before and after one of its items an item of the other side can match it.
        self._seconds_after = {"left": after, "right": before}
        self._reach = {"left": (Reach(before), Reach(after)), "right": (Reach(after), Reach(before))}

    def opened(self) -> None:
        """Begin with no item."""
        super().opened()
        self._sides = {"left": Side(), "right": Side()}
        self._number = 0

    def on_batch(self, port: str, batch: Batch) -> None:
        """Pair each item with those of the other side, and keep it for those that are still to come."""
        key, (before, after) = self._keys[port], self._reach[port]
        mine, other = self._sides[port], self._sides["right" if port == "left" else "left"]
        pairs: list[tuple[Any, Any]] = []
        times: list[float] = []
        for item, time in self._timely(batch):
            try:
                self._make_room("items that may still have a match")
                k = key(item)
                mine.add(self._number, (time, k, item))
            except Exception as error:
                self.refuse(item, error, time)
                continue
            for at, number in other.between(k, time, before, after):
                match = other.rows[number][2]
                pairs.append((item, match) if port == "left" else (match, item))
                times.append(max(time, at))
                other.matched.add(number)
                mine.matched.add(self._number)
            self._number += 1
            self.holds += 1
        if pairs:
            self.send("out", pairs, times)

    def _move_on(self, reached: float) -> None:
        for port in ("left", "right"):
            self._forget(port, reached)

    def finished(self) -> None:
        """No more matches can come."""
        self._move_on(math.inf)

    def _forget(self, port: str, reached: float) -> None:
        """Let go what no item from `reached` on can match."""
        after, seconds = self._reach[port][1], self._seconds_after[port]
        alone: list[Any] = []
        times: list[float] = []
        before = len(self._sides[port])
        for (time, _, item), matched in self._sides[port].leave(after, reached):
            if not matched:
                alone.append(item)
                times.append(max(time, plus(time, seconds)))
        self.holds -= before - len(self._sides[port])
        if alone:
            self.send(f"{port}_only", alone, times)

    def snapshot(self) -> Any:
        """The items of both sides, and how far the frontier has come."""
        sides = {port: side.snapshot() for port, side in self._sides.items()}
        return {"reached": self._reached, "number": self._number, **sides}

    def restore(self, state: Any) -> None:
        """Go on with the items of both sides."""
        self._reached, self._number = state["reached"], state["number"]
        self._sides = {port: Side.restored(state[port]) for port in ("left", "right")}
        self.holds = sum(map(len, self._sides.values()))
