"""Steps that go by the clock, so that what comes after them is not overrun: Debounce, Throttle."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any

from streamweave_lab.errors import HoldFullError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import Out, T
from streamweave_lab.operators.held import HOLD, Earliest, check_at_least_one, check_function, check_seconds
from streamweave_lab.operators.keyed import no_key

_TICK = 1e-6
"""Seconds: what a reading of the clock loses where it is told in seconds since 1970."""


class ByTheClock(Step[T, T]):
    """A step that goes by the run's clock, and keeps its readings so that another process can go on from them."""

    def _check_rate(self, seconds: float, key: Callable[[T], Hashable] | None) -> None:
        check_seconds(self, "seconds", seconds)
        check_function(self, "key", key)
        self._seconds, self._key = seconds, key or no_key

    def opened(self) -> None:
        """Set the watch."""
        # Monotonic, as the clock is, and yet of a meaning that outlives the process.
        self._offset = self.clock.wall() - self.clock.now()

    def _now(self) -> float:
        return self.clock.now() + self._offset


class Debounce(ByTheClock[T]):
    """Sends the last item of each key when `seconds` have passed without another one; those before it are dropped.

    The seconds are of the run's clock, not of event time. Without `key` there is one key for all. What is sent has the
    event time of its item, and until then the frontier promised downstream waits for it. When the input ends, what
    is held is sent at once.

    An item on which `key` raises, or of a new key while `hold` keys are held, leaves by `error`.

    Raises: GraphError if `seconds` or `hold` is out of range.
    """

    def __init__(
        self, name: str, seconds: float, *, key: Callable[[T], Hashable] | None = None, hold: int = HOLD
    ) -> None:
        super().__init__(name)
        self._check_rate(seconds, key)
        check_at_least_one(self, "hold", hold)
        self._hold = hold

    def opened(self) -> None:
        """Begin with no item."""
        super().opened()
        # In the order in which they are due: an item that comes goes to the end.
        self._held: dict[Any, tuple[T, float | None, float]] = {}
        self._earliest = Earliest()
        self._awake = False
        self.holds = 0

    def on_batch(self, port: str, batch: Batch) -> None:
        """Let each item take the place of the one before, unless that has been the last for long enough."""
        now, times = self._now(), batch.times
        self._send_due(now + _TICK)  # the alarm may come behind this batch
        due = now + self._seconds
        for place, item in enumerate(batch.items):
            time = times[place] if times else None
            try:
                key = self._key(item)
                before = self._held.pop(key, None)
                if before is not None:
                    self._earliest.remove(before[1])
                elif len(self._held) >= self._hold:
                    raise HoldFullError(self.name, self._hold, "keys")
                self._held[key] = (item, time, due)
                self._earliest.add(time)
            except Exception as error:
                self.refuse(item, error, time)
        self.holds = len(self._held)
        self._ask_for_a_turn()

    def _ask_for_a_turn(self) -> None:
        if self._held and not self._awake:
            self._awake = True
            first = next(iter(self._held.values()))
            self.wake_at(first[2] - self._offset)

    def woken(self, now: float) -> None:
        """Send what has been the last for long enough."""
        self._awake = False
        self._send_due(now + self._offset + _TICK)
        self._ask_for_a_turn()

    def finished(self) -> None:
        """Send all that is held."""
        self._send_due(math.inf)

    def _send_due(self, now: float) -> None:
        due: list[tuple[Any, float | None]] = []
        for key, (item, time, when) in list(self._held.items()):
            if when > now:
                break
            del self._held[key]
            self._earliest.remove(time)
            due.append((item, time))
        self.holds = len(self._held)
        times = [time for _, time in due if time is not None]
        self.send("out", [item for item, _ in due], times if len(times) == len(due) else None)

    def frontier_out(self, frontier: float) -> float:
        """The frontier; or the earliest event time that is held, if that is before it."""
        return min(frontier, self._earliest.time)

    def snapshot(self) -> Any:
        """The items that are held, and until when."""
        return self._held.copy()

    def restore(self, state: Any) -> None:
        """Go on with those; what has become due meanwhile is sent soon."""
        latest = self._now() + self._seconds  # the clock may have been set back meanwhile; a virtual one begins anew
        self._held = {key: (item, time, min(due, latest)) for key, (item, time, due) in state.items()}
        for _, time, _ in self._held.values():
            self._earliest.add(time)
        self.holds = len(self._held)
        self._ask_for_a_turn()


class Throttle(ByTheClock[T]):
    """Sends on at most `items` items of each key in `seconds`, at once; the others leave by `excess`, or are dropped.

    The seconds are of the run's clock, not of event time, and begin with the first item sent on after those before
    are over. Without `key` there is one key for all. An item on which `key` raises leaves by `error`.

    Raises: GraphError if `items` or `seconds` is out of range.
    """

    excess: Out[T]

    def __init__(self, name: str, items: int, seconds: float, *, key: Callable[[T], Hashable] | None = None) -> None:
        super().__init__(name)
        check_at_least_one(self, "items", items)
        self._check_rate(seconds, key)
        self._items = items

    def opened(self) -> None:
        """Begin with no key."""
        super().opened()
        self._sent: dict[Any, tuple[float, int]] = {}
        self._look_again = -math.inf

    def on_batch(self, port: str, batch: Batch) -> None:
        """Send on what may go."""
        now, times = self._now(), batch.times
        if now >= self._look_again:
            self._sent = {key: sent for key, sent in self._sent.items() if sent[0] + self._seconds > now}
            self._look_again = now + self._seconds
        places: dict[str, list[int]] = {"out": [], "excess": []}
        for place, item in enumerate(batch.items):
            try:
                places["out" if self._may_go(self._key(item), now) else "excess"].append(place)
            except Exception as error:
                self.refuse(item, error, times[place] if times else None)
        for name, chosen in places.items():
            self.send(name, [batch.items[p] for p in chosen], [times[p] for p in chosen] if times else None)

    def _may_go(self, key: Any, now: float) -> bool:
        since, many = self._sent.get(key, (-math.inf, 0))
        if since + self._seconds <= now + _TICK:
            since, many = now, 0
        if many >= self._items:
            return False
        self._sent[key] = (since, many + 1)
        return True

    def snapshot(self) -> Any:
        """How many items of each key have gone, and since when."""
        return self._sent.copy()

    def restore(self, state: Any) -> None:
        """Go on counting."""
        now = self._now()  # as in Debounce
        self._sent = {key: (min(since, now), many) for key, (since, many) in state.items()}
