"""Items that wait, a batch at a time: for a node whose inputs wait for each other."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from streamweave_lab.graph.batch import Batch


class _Part:
    """A batch of which some of the first items have gone."""

    __slots__ = ("batch", "gone", "low", "lows")

    def __init__(self, batch: Batch) -> None:
        self.batch, self.gone = batch, 0
        self.low = _low(batch.times)
        """The earliest time of the whole batch."""
        self.lows: list[float] | None = None
        """The earliest time of the last one, the last two, and so on; made when it is asked for."""

    def earliest(self) -> float:
        """The earliest time of those that are left."""
        if not self.gone or self.batch.times is None:
            return self.low
        if self.lows is None:
            known = [math.inf if time is None else time for time in self.batch.times]
            self.lows = list(accumulate(reversed(known), min))
        return self.lows[len(self.lows) - self.gone - 1]


class Waiting:
    """Items with their event times (seconds, or None), first in first out, and the earliest of those times."""

    def __init__(self, rows: Iterable[tuple[Any, float | None]] = ()) -> None:
        self._parts: deque[_Part] = deque()
        # Those that no later one undercuts; so the first of them has the earliest time of all that are whole.
        self._lowest: deque[_Part] = deque()
        self._length = 0
        items, times = [item for item, _ in rows], [time for _, time in rows]
        self.add(Batch(items, times))  # type: ignore[arg-type] # None may be among the times

    def __len__(self) -> int:
        return self._length

    def add(self, batch: Batch) -> None:
        """Let a batch wait behind the others."""
        if not batch.items:
            return
        part, lowest = _Part(batch), self._lowest
        self._parts.append(part)
        self._length += len(batch)
        while lowest and lowest[-1].low > part.low:
            lowest.pop()
        lowest.append(part)

    def take(self, n: int) -> Batch:
        """The first `n` items, of as many as there are; without times if they come from a batch without."""
        self._length -= n
        items: list[Any] = []
        times: list[float] | None = []
        while n:
            part = self._parts[0]
            batch, start = part.batch, part.gone
            end = part.gone = min(start + n, len(batch))
            n -= end - start
            items += batch.items[start:end]
            if batch.times is None or times is None:
                times = None
            else:
                times += batch.times[start:end]
            if end == len(batch):
                self._parts.popleft()
                if self._lowest[0] is part:
                    self._lowest.popleft()
        return Batch(items, times)

    def rows(self) -> list[tuple[Any, float | None]]:
        """All items with their times."""
        rows: list[tuple[Any, float | None]] = []
        for part in self._parts:
            batch = part.batch
            times = [None] * len(batch) if batch.times is None else batch.times
            rows += list(zip(batch.items, times, strict=True))[part.gone :]
        return rows

    @property
    def earliest(self) -> float:
        """The earliest time there is; infinite if there is none."""
        if not self._lowest:
            return math.inf
        first = self._lowest[0].earliest()
        return min(first, self._lowest[1].low) if len(self._lowest) > 1 else first


def _low(times: Any) -> float:
    try:
        low: float | None = min(times or (math.inf,))
    except TypeError:
        low = min(time for time in (*times, math.inf) if time is not None)
    return math.inf if low is None else low


__all__ = ["Waiting"]
