"""Timers by key: which are set, and which is next. No clock in it: an instant is a number."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import Any

_FEW = 64
"""Cancelled entries that may always lie in the heap."""


class Timers:
    """Instants at which keys are to be called. A key may have several; two at one instant are one.

    They come out earliest first, those of one instant in the order in which they were set.
    """

    def __init__(self, entries: Iterable[tuple[float, Any]] = ()) -> None:
        self._set: dict[int, tuple[float, Any]] = {}
        self._of: defaultdict[Any, dict[float, int]] = defaultdict(dict)
        self._heap: list[tuple[float, int]] = []
        self._count = 0
        for instant, key in entries:
            self.set(instant, key)

    def __len__(self) -> int:
        return len(self._set)

    def set(self, instant: float, key: Any) -> None:
        """Set a timer. Raises: ValueError unless `instant` is finite."""
        if not math.isfinite(instant):
            raise ValueError(f"a timer cannot be set for {instant}")
        own = self._of[key]
        if instant not in own:
            self._count += 1
            own[instant] = self._count
            self._set[self._count] = instant, key
            heappush(self._heap, (instant, self._count))

    def cancel(self, key: Any) -> None:
        """Unset every timer of `key`."""
        for number in self._of.pop(key, {}).values():
            del self._set[number]
        # A key that moves its timer with every item would fill the heap with what is no longer set.
        if len(self._heap) > 2 * len(self._set) + _FEW:
            self._heap = [(instant, number) for number, (instant, _) in self._set.items()]
            heapify(self._heap)

    def next(self) -> float:
        """The earliest instant; infinity if none is set."""
        while self._heap and self._heap[0][1] not in self._set:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf

    def pop(self) -> tuple[float, Any]:
        """Unset the earliest timer and return its instant and key. Raises: IndexError if none is set."""
        self.next()
        instant, number = heappop(self._heap)
        _, key = self._set.pop(number)
        own = self._of[key]
        del own[instant]
        if not own:
            del self._of[key]
        return instant, key

    def entries(self) -> list[tuple[float, Any]]:
        """A copy of all that are set, in the order in which they were set; `Timers(entries)` is the same again."""
        return list(self._set.values())


__all__ = ["Timers"]
