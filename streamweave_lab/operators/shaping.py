"""Steps that let through a part of a stream: Take, Sample, Deduplicate."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator
from hashlib import blake2b
from random import Random
from typing import Any

from streamweave_lab.errors import GraphError, HoldFullError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import Out, T
from streamweave_lab.operators.held import HOLD, HoldingNode, check_at_least_one, check_function, check_seconds
from streamweave_lab.progress.grid import plus


class Take(Step[T, T]):
    """Sends on the first `n` items, with their event times, and none after that.

    Then its sources end, unless another node needs more of them.

    Raises: GraphError if `n` is less than 1.
    """

    def __init__(self, name: str, n: int) -> None:
        super().__init__(name)
        check_at_least_one(self, "n", n)
        self._n = n

    def opened(self) -> None:
        """Begin to count."""
        self._left = self._n
        self.wake_at(self.clock.now())

    def woken(self, now: float) -> None:
        """The first turn: nothing may be left to be taken after a resume."""
        if not self._left:
            self.enough()

    def on_batch(self, port: str, batch: Batch) -> None:
        """Send on what is left to be taken."""
        if not self._left:
            self.enough()
            return
        taken, _ = batch.split(self._left)
        self._left -= len(taken)
        self.send("out", taken.items, taken.times)
        if not self._left:
            self.enough()

    def snapshot(self) -> int:
        """How many items are left to be taken."""
        return self._left

    def restore(self, state: int) -> None:
        """Go on counting."""
        self._left = state


class Sample(Step[T, T]):
    """Sends on a `share` (from 0 to 1) of the items, with their event times; which ones follows from `seed`.

    Without `key` each item is chosen for itself, the same places of the stream in every run. With `key` it is the
    keys that are chosen: all items of a key, or none, whatever their order. A key is known by its `repr`. An item on
    which `key` raises leaves by `error`.

    Raises: GraphError if `share` is not from 0 to 1.
    """

    def __init__(self, name: str, share: float, seed: int = 0, *, key: Callable[[T], Hashable] | None = None) -> None:
        super().__init__(name)
        if not 0 <= share <= 1:
            raise GraphError(f"{self!r}: share must be from 0 to 1, not {share!r}")
        check_function(self, "key", key)
        self._share, self._seed, self._key = share, seed, key

    def opened(self) -> None:
        """Begin with the seed."""
        self._random = Random(self._seed)  # noqa: S311 - it must be the same in every run

    def on_batch(self, port: str, batch: Batch) -> None:
        """Choose among the items."""
        share, key = self._share, self._key
        if key is None:
            random = self._random.random
            places = [place for place in range(len(batch.items)) if random() < share]
        else:
            places = [place for place in range(len(batch.items)) if self._is_chosen(key, batch, place)]
        times = [batch.times[place] for place in places] if batch.times else None
        self.send("out", [batch.items[place] for place in places], times)

    def _is_chosen(self, key: Callable[[Any], Any], batch: Batch, place: int) -> bool:
        item = batch.items[place]
        try:
            text = f"{self._seed} {key(item)!r}"
        except Exception as error:
            self.refuse(item, error, batch.times[place] if batch.times else None)
            return False
        # Not hash(), which differs from process to process.
        return int.from_bytes(blake2b(text.encode(), digest_size=7).digest()) < self._share * 2**56

    def snapshot(self) -> Any:
        """How far the sequence of chances has come; with a key there is nothing to keep."""
        return None if self._key else self._random.getstate()

    def restore(self, state: Any) -> None:
        """Go on in the sequence."""
        self._random.setstate(state)


class Deduplicate(Step[T, T], HoldingNode):
    """Sends on the first item of each key, and drops those of the next `within` seconds of event time.

    An item less than `within` seconds after the last one sent of its key is a duplicate, and so is an earlier one
    that comes after it. A key is forgotten where the frontier passes a multiple of `within` and its time is over; an
    item earlier than that multiple is late, and leaves by `late`, for nobody can tell any more. With
    `within=math.inf` every key is remembered for good, and items need no event time.

    An item on which `key` raises, of a new key while `hold` keys are remembered, or without an event time that is
    needed, leaves by `error`.

    Raises: GraphError if `within` is not more than 0, or `hold` less than 1.
    """

    late: Out[T]

    def __init__(self, name: str, key: Callable[[T], Hashable], within: float, *, hold: int = HOLD) -> None:
        super().__init__(name)
        check_function(self, "key", key)
        self._for_good = within == math.inf
        check_seconds(self, "within", 1.0 if self._for_good else within)
        self._move_by(1.0 if self._for_good else within, hold)
        if self._for_good:
            self.window_granularity = None
        self._key, self._within = key, within

    def opened(self) -> None:
        """Begin with no key."""
        super().opened()
        self._last: dict[Any, float] = {}

    def on_batch(self, port: str, batch: Batch) -> None:
        """Send on what is new."""
        out = [(item, time) for item, time in self._timely(batch) if self._is_new(item, time)]
        self.send("out", [item for item, _ in out], [t for _, t in out] if batch.times else None)

    def _is_new(self, item: Any, time: float | None) -> bool:
        last = self._last
        try:
            key = self._key(item)
            if key in last:
                if self._for_good or time is None or time < plus(last[key], self._within):
                    return False
            elif len(last) >= self._hold:
                raise HoldFullError(self.name, self._hold, "keys")
            last[key] = 0.0 if time is None else time
        except Exception as error:
            self.refuse(item, error, time)
            return False
        return True

    def _timely(self, batch: Batch) -> Iterator[tuple[Any, Any]]:
        if not self._for_good:
            return super()._timely(batch)
        times: list[Any] = batch.times or [None] * len(batch.items)
        return zip(batch.items, times, strict=True)

    def _move_on(self, reached: float) -> None:
        if not self._for_good:
            over = plus(reached, -self._within)
            self._last = {key: time for key, time in self._last.items() if time > over}

    def frontier_out(self, frontier: float) -> float:
        """The frontier: nothing is held back."""
        return frontier

    def snapshot(self) -> Any:
        """When each key was last sent, and how far the frontier has come."""
        return {"reached": self._reached, "last": self._last.copy()}

    def restore(self, state: Any) -> None:
        """Go on with those."""
        self._reached, self._last = state["reached"], state["last"].copy()
