"""WindowJoin: pairs of two streams that fall into the same window of event time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.operators.held import HOLD
from streamweave_lab.operators.joining import Joining, K, L, R
from streamweave_lab.progress.window import Tumbling, last_instant

Kept = list[tuple[bool, Any, Any]]
"""The items of one window in the order they came: whether it came on the left, its key, itself."""


class WindowJoin(Joining[L, R]):
    """Sends a pair `(left, right)` for every two items of the same key in the same window of event time.

    The pairs of a window are sent when the frontier reaches its end, or all inputs have ended; earlier windows
    first, in the order in which the left items came and for each of them in that of the right ones, whichever side
    came first. Items whose key the other side does not have in that window leave then by `left_only` and
    `right_only`. All have the last instant of the window as event time.

    An item is late, and leaves by `late`, when the frontier has reached the end of its window. An item without
    event time, on which its key function raises, or that comes while `hold` items are kept, leaves by `error`.

    Raises: GraphError if `size` is not a Tumbling, or `hold` less than 1.
    """

    def __init__(
        self,
        name: str,
        left_key: Callable[[L], K],
        right_key: Callable[[R], K],
        size: Tumbling,
        *,
        hold: int = HOLD,
    ) -> None:
        super().__init__(name, left_key, right_key)
        if not isinstance(size, Tumbling):
            raise GraphError(f"{self!r} needs a size such as Tumbling(seconds=60), not {size!r}")
        self._move_by(size.seconds, hold)

    def opened(self) -> None:
        """Begin with no window."""
        super().opened()
        self._windows: dict[float, Kept] = {}

    def on_batch(self, port: str, batch: Batch) -> None:
        """Put each item into its window."""
        key, left = self._keys[port], port == "left"
        start = end = -math.inf
        for item, time in self._timely(batch):
            try:
                self._make_room("items of windows that are still open")
                k = key(item)
                hash(k)
            except Exception as error:
                self.refuse(item, error, time)
                continue
            if not start <= time < end:
                start, end = self._every.bounds(time)
            self._windows.setdefault(start, []).append((left, k, item))
            self.holds += 1

    def frontier_out(self, frontier: float) -> float:
        """The frontier: a window that is open ends after it."""
        return frontier

    def _move_on(self, reached: float) -> None:
        for start in sorted(start for start in self._windows if start < reached):
            kept = self._windows.pop(start)
            self.holds -= len(kept)
            self._fire(kept, last_instant(self._every.bounds(start)[1]))

    def finished(self) -> None:
        """Send the pairs of every window that is still open."""
        self._move_on(math.inf)

    def _fire(self, kept: Kept, time: float) -> None:
        rights: dict[Any, list[Any]] = defaultdict(list)
        for left, key, item in kept:
            if not left:
                rights[key].append(item)
        lefts = {key for left, key, _ in kept if left}
        pairs = [(item, other) for left, key, item in kept if left for other in rights.get(key, ())]
        left_only = [item for left, key, item in kept if left and key not in rights]
        right_only = [item for left, key, item in kept if not left and key not in lefts]
        for port, items in (("out", pairs), ("left_only", left_only), ("right_only", right_only)):
            if items:
                self.send(port, items, [time] * len(items))

    def snapshot(self) -> Any:
        """The items of the open windows, and how far the frontier has come."""
        return {"reached": self._reached, "windows": {start: kept[:] for start, kept in self._windows.items()}}

    def restore(self, state: Any) -> None:
        """Go on with the items of the open windows."""
        self._reached = state["reached"]
        self._windows = {start: kept[:] for start, kept in state["windows"].items()}
        self.holds = sum(map(len, self._windows.values()))
