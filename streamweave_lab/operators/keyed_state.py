"""KeyedStep: own logic that keeps state by key and sets timers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from streamweave_lab.errors import GraphError, HoldFullError, StateError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.port import I_contra, O_co, Out
from streamweave_lab.operators.copies import copied
from streamweave_lab.operators.held import HOLD, WAITING, HoldingNode
from streamweave_lab.operators.keyed_logic import NO_KEY, K, KeyedLogic
from streamweave_lab.operators.per_key import PerKey, per_key_names
from streamweave_lab.operators.timers import Timers


@dataclass(frozen=True)
class Timer:
    """What leaves by `error` when the logic of a timer raises: whose timer it was, and for which instant (seconds)."""

    key: Any
    time: float


class KeyedStep(KeyedLogic[K, I_contra, O_co], HoldingNode):
    """A step with state and timers by key. A subclass declares `PerKey` values, and defines `on_item(item)`.

    `key(item)` must be hashable. In `on_item`, `on_timer` and `on_timeout` there are `self.key`; `self.time`,
    its event time in seconds; the `PerKey` values of that key; `self.emit`; and for that key

    - `at(time)`: calls `on_timer(time)` when nothing earlier than `time` (seconds of event time) can come;
    - `after(seconds)`: calls `on_timeout(now)` when so much time has passed on the clock;
    - `cancel()` unsets its timers, `forget()` its values as well.

    Items are taken as they come; so a timer may find that items of a later event time were taken before it. With
    `in_order = True` in the class, items wait until the frontier has passed them, and are taken with the timers in
    the order of event time; of equal times what came first goes first. The node then moves on where the frontier
    passes a multiple of `every` seconds, and an item earlier than that is late and leaves by `late`: so what is late,
    and what comes out, is the same however the items were cut into batches. One without event time, or that comes while
    `hold` items wait, leaves by `error`.

    What `on_timer` sends has the event time it was set for, or that which the node had reached if that was later; what
    `on_timeout` sends has the frontier. When all inputs have ended, every timer still set goes off, once. All this is
    in the snapshot. Logic that raises sends its item, or its Timer, by `error`; what it changed before stays changed.

    Raises: GraphError if `key` is no function, or `every` or `hold` is out of range.
    """

    late: Out[I_contra]

    in_order: bool = False
    """Take items in the order of their event times, each once the frontier has passed it."""

    every: float = 1.0
    """With `in_order`: move on where the frontier passes a multiple of so many seconds. A greater one is less work."""

    hold: int = HOLD
    """With `in_order`: so many items wait at most."""

    def __init__(self, name: str, *, key: Callable[[I_contra], K]) -> None:
        super().__init__(name)
        if not callable(key):
            raise GraphError(f"{self!r}: key= needs a function, not {key!r}")
        self._key_of = key
        if self.in_order:
            self._move_by(self.every, self.hold)

    # The engine's hooks.

    def opened(self) -> None:
        """Begin with no key and no timer."""
        super().opened()
        self._values = {name: {} for name in per_key_names(type(self))}
        self._timers, self._timeouts = Timers(), Timers()
        self._waiting: list[tuple[float, int, Any]] = []
        self._came = 0
        self._instant = -math.inf
        self._asked = math.inf
        self._ending = False

    def on_batch(self, port: str, batch: Batch) -> None:
        """Take each item, and the timers that it sets for an instant that has passed; or let it wait."""
        self._check_opened()
        if self.in_order:
            for item, instant in self._timely(batch):
                if len(self._waiting) >= self._hold:
                    self.refuse(item, HoldFullError(self.name, self._hold, WAITING), instant)
                    continue
                self._came += 1  # items of one event time stay in the order in which they came
                heappush(self._waiting, (instant, self._came, item))
            self.holds = len(self._waiting)
        else:
            times: Sequence[float | None] = batch.times or [None] * len(batch.items)
            for item, time in zip(batch.items, times, strict=True):
                self._take(item, time)
                self._go(self._reached)
        self._key = NO_KEY

    def advanced(self, frontier: float) -> None:
        """Take the items that have waited for it, and the timers it has reached."""
        self._check_opened()
        # At the end of all time a timer that sets the next one would never come to an end; `finished` will.
        if (reached := self.frontier_out(frontier)) > self._reached and frontier < math.inf:
            self._go(reached)
            self._reached = reached
            self._key = NO_KEY

    def frontier_out(self, frontier: float) -> float:
        """The frontier; with `in_order` the multiple of `every` that it has reached."""
        return super().frontier_out(frontier) if self.in_order else frontier

    def woken(self, now: float) -> None:
        """Take the timeouts that have passed."""
        self._asked = math.inf
        self._time_out(now, now)
        self._arm()

    def finished(self) -> None:
        """Take the items that still wait, and every timer that is still set."""
        while self._waiting:
            self._go(math.nextafter(self._waiting[0][0], math.inf))
        self._ending = True  # what goes off now would wait in vain for what it sets
        self._go(math.inf)
        self._time_out(math.inf, self.clock.now())

    def snapshot(self) -> Any:
        """Values, timers and waiting items."""
        return {
            "values": {name: copied(values) for name, values in (self._values or {}).items()},
            "timers": self._timers.entries(),
            "timeouts": self._timeouts.entries(),
            "clock": (self.clock.now(), self.clock.wall()),
            "frontier": self._reached,
            "waiting": self._waiting.copy(),
        }

    def restore(self, state: Any) -> None:
        """Go on from a snapshot. Raises: StateError if it has values for which the class declares no PerKey."""
        names = per_key_names(type(self))
        if unknown := [name for name in state["values"] if name not in names]:
            raise StateError(
                f"{self.name}: its state has values for {', '.join(unknown)}, and {self.kind} declares no such PerKey; "
                f"count up its state_version and define migrate(state, version)"
            )
        self._values = {name: copied(state["values"].get(name, {})) for name in names}
        self._timers = Timers(state["timers"])
        # Monotonic readings end with their process, the wall clock goes on; a virtual one may begin anew.
        now, wall = state["clock"]
        shift = self.clock.now() - now - max(0.0, self.clock.wall() - wall)
        self._timeouts = Timers((due + shift, key) for due, key in state["timeouts"])
        self._arm()
        self._reached = state["frontier"]
        self._waiting = [(time, number, item) for time, number, item in state["waiting"]]
        self._came = max((number for _, number, _ in self._waiting), default=0)
        self.holds = len(self._waiting)

    # Inside

    def _check_opened(self) -> None:
        if self._values is None:
            raise StateError(f"{self!r} has no state yet: its opened() must begin with super().opened()")

    def _go(self, until: float) -> None:
        """Take, in the order of event time, the timers up to `until` and the items that wait before it."""
        timers, waiting, now = self._timers, self._waiting, self._reached
        while len(timers) or waiting:
            item_at = waiting[0][0] if waiting else math.inf
            # A timer comes before the items of its instant, as the end of a window does.
            if len(timers) and timers.next() <= min(item_at, until):
                now = self._ring(now)
            elif item_at < until:
                now, _, item = heappop(waiting)
                self.holds -= 1
                self._take(item, now)
            else:
                break

    def _take(self, item: Any, time: float | None) -> None:
        self._item_time = time
        try:
            self._key = self._key_of(item)
        except Exception as error:
            self.refuse(item, error, time)
        else:
            self._call(self.on_item, item, item)

    def _ring(self, now: float) -> float:
        """Take the earliest timer, where event time has come to `now`; to where it has come then."""
        self._instant, self._key = self._timers.pop()
        self._item_time = now = max(self._instant, now)
        self._call(self.on_timer, self._instant, Timer(self._key, self._instant))
        self._instant = -math.inf
        return now

    def _time_out(self, until: float, now: float) -> None:
        self._item_time = self._reached if self._reached > -math.inf else None
        while len(self._timeouts) and self._timeouts.next() <= until:
            due, self._key = self._timeouts.pop()
            self._call(self.on_timeout, now, Timer(self._key, due))
        self._key = NO_KEY

    def _call(self, logic: Callable[[Any], object], argument: Any, subject: Any) -> None:
        try:
            if (answer := logic(argument)) is not None:
                raise TypeError(f"{logic.__name__} returned {answer!r}; send it with self.emit(self.out, …) instead")
        except Exception as error:
            self.refuse(subject, error, self._item_time)

    def _arm(self) -> None:
        due = self._timeouts.next()
        if due < self._asked:
            self._asked = due
            self.wake_at(due)


__all__ = ["KeyedStep", "PerKey", "Timer"]
