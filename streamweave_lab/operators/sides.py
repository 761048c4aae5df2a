"""One side of an interval join: its items by key and event time, for as long as they can match."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any

from streamweave_lab.progress.reach import Reach

Row = tuple[float, Any, Any]
"""Event time in seconds, key, item."""


class Side:
    """The items of one input, each under a number of its own."""

    def __init__(self) -> None:
        # What a checkpoint copies is flat, and its values never change; the rest is made from it.
        self.rows: dict[int, Row] = {}
        self.matched: set[int] = set()
        """The numbers of those that had a match."""
        self._by_key: dict[Any, list[tuple[float, int]]] = {}
        self._oldest: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, number: int, row: Row) -> None:
        """Keep an item. Raises: TypeError if its key cannot be hashed."""
        time, key, _ = row
        entry = (time, number)
        known = self._by_key.get(key)
        if known is None:
            self._by_key[key] = [entry]
        elif known[-1] < entry:
            known.append(entry)
        else:
            known.insert(bisect_left(known, entry), entry)
        self.rows[number] = row
        heappush(self._oldest, entry)

    def between(self, key: Any, time: float, before: Reach, after: Reach) -> list[tuple[float, int]]:
        """Time and number of the items of `key` from `before` an event time to `after` it, earliest first."""
        known = self._by_key.get(key)
        if known is None:
            return []
        start = bisect_left(known, (before.before(time), -1))
        end = bisect_right(known, (after.after(time), math.inf))
        while start < end and not before.holds(known[start][0], time):
            start += 1
        while start < end and not after.holds(time, known[end - 1][0]):
            end -= 1
        return known[start:end]

    def leave(self, after: Reach, reached: float) -> Iterator[tuple[Row, bool]]:
        """Forget the items that do not reach so far, earliest first: each, and whether it had a match."""
        while self._oldest and not after.holds(self._oldest[0][0], reached):
            _, number = heappop(self._oldest)
            row = self.rows.pop(number)
            known = self._by_key[row[1]]
            del known[0]  # the earliest of all is the earliest of its key
            if not known:
                del self._by_key[row[1]]
            matched = number in self.matched
            self.matched.discard(number)
            yield row, matched

    def snapshot(self) -> tuple[dict[int, Row], set[int]]:
        """The items and who of them had a match."""
        return self.rows.copy(), self.matched.copy()

    @classmethod
    def restored(cls, state: Any) -> Side:
        """The side of which `snapshot` was taken."""
        rows, matched = state
        side = cls()
        for number, row in rows.items():
            side.add(number, row)
        side.matched = set(matched)
        return side
