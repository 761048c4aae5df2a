"""Enrich: each item of a stream with what a slowly changing stream says of its key."""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Generic

from typing_extensions import TypeVar

from streamweave_lab.errors import GraphError, HoldFullError, UnmatchedError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import I_contra, In, O_co, Out
from streamweave_lab.operators.held import HOLD, HoldingNode, check_function, check_seconds
from streamweave_lab.progress.grid import plus

R_contra = TypeVar("R_contra", contravariant=True, bound=Any, default=Any)
K = TypeVar("K", bound=Any, default=Any)

Entry = tuple[float, int, Any, Any]
"""Event time in seconds, a number by which equal times keep their order, key, item."""


class Enrich(Step[I_contra, O_co], HoldingNode, Generic[I_contra, R_contra, O_co]):
    """Sends `how(item, row)`, with the item's event time, where `row` is what the port `table` said last of its key.

    With `as_of` (the default) "last" goes by event time: the row with the latest time that is not after the
    item's, and with `within` not more than so many seconds before it. To be sure of it an item waits until the
    frontier, which is the earlier of the two inputs', has passed it; so results come in the order of event time,
    the same whichever input was faster. A table that has ended, or is idle, holds nothing back. Both inputs need
    event times. With `as_of=False` it is the row that came last, whatever the time; an item waits for nothing, and
    what it meets depends on which input was faster.

    For an item that finds no row `otherwise(item)` is sent; without that function it leaves by `error`, as a Failure
    with an UnmatchedError. The last row of every key is kept.

    As of event time the node moves on where the frontier passes a multiple of `every` seconds; an item is late, and
    leaves by `late`, when it is earlier than that. A row that comes so late still counts for the items that wait,
    and those to come, unless its key has a newer one, in which case it leaves by `late`.

    An item or row on which a function raises, and one that comes while `hold` of them wait, leaves by `error`.

    Raises: GraphError if `within`, `every` or `hold` is out of range, or `within` is given with `as_of=False`.
    """

    table: In[R_contra]
    late: Out[I_contra | R_contra]

    def __init__(
        self,
        name: str,
        how: Callable[[I_contra, R_contra], O_co],
        *,
        key: Callable[[I_contra], K],
        table_key: Callable[[R_contra], K],
        otherwise: Callable[[I_contra], O_co] | None = None,
        as_of: bool = True,
        within: float | None = None,
        every: float = 1.0,
        hold: int = HOLD,
    ) -> None:
        super().__init__(name)
        for what, f in (("how", how), ("key", key), ("table_key", table_key), ("otherwise", otherwise)):
            check_function(self, what, f)
        if within is not None:
            check_seconds(self, "within", within)
            if not as_of:
                raise GraphError(f"{self!r}: within= is of event time, and as_of=False does not go by it")
        self._move_by(every, hold)
        if not as_of:
            self.window_granularity = None
        self._how, self._otherwise = how, otherwise or self._unmatched
        self._key, self._table_key = key, table_key
        self._as_of = as_of
        self._within = math.inf if within is None else within

    def opened(self) -> None:
        """Begin with no row."""
        super().opened()
        self._current: dict[Any, tuple[float, Any]] = {}
        self._items: list[Entry] = []
        self._rows: list[Entry] = []
        self._number = 0

    def on_batch(self, port: str, batch: Batch) -> None:
        """Keep rows and items until their time has come; or use them at once."""
        if not self._as_of:
            self._take_rows(batch) if port == "table" else self._take_items(batch)
        elif port == "table":
            self._wait_for(self._rows, self._table_key, self._late_rows_taken(batch))
        else:
            self._wait_for(self._items, self._key, batch)

    # By event time

    def _wait_for(self, waiting: list[Entry], key_of: Callable[[Any], Any], batch: Batch) -> None:
        number = self._number
        full = number + self._hold - self.holds
        for item, time in self._timely(batch):
            try:
                key = key_of(item)
                hash(key)
                if number >= full:
                    raise HoldFullError(self.name, self._hold, "items and rows that wait for the frontier")
            except Exception as error:
                self.refuse(item, error, time)
                continue
            heappush(waiting, (time, number, key, item))
            number += 1
        self.holds += number - self._number
        self._number = number

    def _late_rows_taken(self, batch: Batch) -> Batch:
        """What is left of a batch of rows when those that come late, and still count, are in force."""
        if batch.times is None or None in batch.times or min(batch.times, default=math.inf) >= self._reached:
            return batch
        rest: list[tuple[Any, float]] = []
        for row, time in zip(batch.items, batch.times, strict=True):
            if not (time < self._reached and self._in_force(row, time)):
                rest.append((row, time))
        return Batch([row for row, _ in rest], [time for _, time in rest])

    def _in_force(self, row: Any, time: float) -> bool:
        try:
            key = self._table_key(row)
            if key in self._current and self._current[key][0] > time:
                return False
            self._current[key] = (time, row)
        except Exception as error:
            self.refuse(row, error, time)
        return True

    def _move_on(self, reached: float) -> None:
        items, rows, current = self._items, self._rows, self._current
        waiting = len(items) + len(rows)
        out: list[Any] = []
        times: list[float] = []
        while items and items[0][0] < reached:
            time, _, key, item = heappop(items)
            while rows and rows[0][0] <= time:
                at, _, row_key, row = heappop(rows)
                current[row_key] = (at, row)
            found = current.get(key)
            try:
                if found is None or found[0] < plus(time, -self._within):
                    out.append(self._otherwise(item))
                else:
                    out.append(self._how(item, found[1]))
                times.append(time)
            except Exception as error:
                self.refuse(item, error, time)
        while rows and rows[0][0] < reached:
            at, _, row_key, row = heappop(rows)
            current[row_key] = (at, row)
        self.holds -= waiting - len(items) - len(rows)
        if out:
            self.send("out", out, times)

    def frontier_out(self, frontier: float) -> float:
        """The multiple of `every` that the frontier has reached; without `as_of` the frontier itself."""
        return super().frontier_out(frontier) if self._as_of else frontier

    def advanced(self, frontier: float) -> None:
        """Send the items that the frontier has passed."""
        if self._as_of:
            super().advanced(frontier)

    def finished(self) -> None:
        """Send all items that still wait."""
        self._move_on(math.inf)

    # By arrival

    def _take_rows(self, batch: Batch) -> None:
        for place, row in enumerate(batch.items):
            try:
                self._current[self._table_key(row)] = (-math.inf, row)
            except Exception as error:
                self.refuse(row, error, batch.times[place] if batch.times else None)

    def _take_items(self, batch: Batch) -> None:
        current, out, places = self._current, [], []
        for place, item in enumerate(batch.items):
            try:
                found = current.get(self._key(item))
                out.append(self._otherwise(item) if found is None else self._how(item, found[1]))
                places.append(place)
            except Exception as error:
                self.refuse(item, error, batch.times[place] if batch.times else None)
        self.send("out", out, [batch.times[place] for place in places] if batch.times else None)

    def _unmatched(self, item: Any) -> Any:
        raise UnmatchedError(self.name, self._key(item))

    def snapshot(self) -> Any:
        """The last row of every key, what waits, and how far the frontier has come."""
        waiting = {"items": self._items[:], "rows": self._rows[:], "number": self._number}
        return {"reached": self._reached, "current": self._current.copy(), **waiting}

    def restore(self, state: Any) -> None:
        """Go on with those."""
        self._reached, self._number = state["reached"], state["number"]
        self._current = state["current"].copy()
        self._items, self._rows = state["items"][:], state["rows"][:]
        self.holds = len(self._items) + len(self._rows)
