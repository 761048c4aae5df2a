"""Count windows: so many items of a key each."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import repeat
from math import inf, nan
from typing import Any

from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Node
from streamweave_lab.operators.gather import Gather, Plan, changing, loaded, saved
from streamweave_lab.operators.keyed import Accumulators

Open = tuple[int, int, Any, Any, Any, Any]
"""Number, items, event times of its first item and of the earliest and the latest (None without one), accumulator.
A plain tuple, which never changes: a copy of the dictionary is a snapshot."""


Row = tuple[Any, float, float, Any, float | None]
"""What is sent of a pane: key, beginning, end, accumulator, event time."""


class CountGather(Gather):
    """One open pane a key, until it has its number of items."""

    def __init__(self, node: Node, plan: Plan) -> None:
        super().__init__(node, plan)
        self._items: int = plan.size.items
        self._panes: dict[Any, Open] = {}
        self._fresh = Accumulators(self.fold.initial)
        """It stays empty, and gives each pane an initial value of its own."""
        self._number = 0
        self._frontier = -inf
        self._firsts: list[tuple[float, int, Any]] = []
        """A heap of first event times, for the earliest holds the frontier; those of sent panes are of no account."""
        self._changed: dict[Any, None] = {}

    def take(self, batch: Batch) -> None:
        """Put each item into the pane of its key; send those that are complete."""
        # Written out, without a call for each item that is not the user's: such calls would take half of the time.
        key_of, step, panes, whole = self.plan.key, self.fold.step, self._panes, self._items
        never, ever, early = -inf, inf, self.plan.early
        rows: list[Row] = []
        refused = sent = 0
        for item, time in zip(batch.items, batch.times or repeat(None), strict=False):
            try:
                key = key_of(item)
                if time is not None and not never < time < ever:
                    raise ValueError(f"{time} is no event time")
                number, n, first, earliest, latest, value = panes.get(key) or self._new(key, time)
                value = step(value, item)
            except Exception as error:
                refused += 1
                self.node.refuse(item, error, time)
                continue
            if n == 0:
                self._hold(first, number, key)
            if time is not None:
                if earliest is None:
                    earliest = latest = time
                elif time < earliest:
                    earliest = time
                elif time > latest:
                    latest = time
            n += 1
            if n < whole:
                panes[key] = (number, n, first, earliest, latest, value)
                if early:
                    self._changed[key] = None
                continue
            panes.pop(key, None)
            self._changed.pop(key, None)
            rows.append(self._row(key, earliest, latest, value))
            sent += n
            if first is not None and first < self._frontier:
                self._let_go(rows)
        self.node.holds += len(batch.items) - refused - sent
        self.send(rows)

    def _let_go(self, rows: list[Row]) -> None:
        """A pane behind the frontier is complete: what is late further down must not wait for the batch's end."""

        def send_before() -> None:
            self.send(rows)
            rows.clear()

        self.node._running("let_go").let_go(self.frontier_out(self._frontier), send_before)

    def _new(self, key: Any, time: float | None) -> Open:
        """A pane without items. It counts for nothing before it has one, as its first may be refused."""
        return self._number, 0, time, time, time, self._fresh[key]

    def finished(self) -> None:
        """Send what is left: panes with fewer items."""
        rows = [self._row(key, *pane[3:]) for key, pane in self._panes.items()]
        self._panes, self._firsts, self._changed = {}, [], {}
        self.node.holds = 0
        self.send(rows)

    def advanced(self, frontier: float) -> None:
        """Remember the frontier."""
        self._frontier = frontier

    def frontier_out(self, frontier: float) -> float:
        """The frontier, or the first event time of the pane that holds it furthest back."""
        while self._firsts and not self._is_open(self._firsts[0]):
            heappop(self._firsts)
        return min(frontier, self._firsts[0][0] if self._firsts else inf)

    def send_early(self) -> None:
        """Send the panes that have changed, as far as they are."""
        changed, self._changed = self._changed, {}
        self.send([self._row(key, *self._panes[key][3:]) for key in changed])

    def snapshot(self) -> Any:
        """The frontier, and the panes."""
        panes: dict[Any, Any] = dict(self._panes)
        if changing(self.fold, (pane[5] for pane in panes.values())):
            values = saved(self.fold, {key: pane[5] for key, pane in panes.items()})
            panes = {key: (*pane[:5], values[key]) for key, pane in panes.items()}
        return self._number, self._frontier, panes

    def restore(self, state: Any) -> None:
        """Go on with these panes."""
        self._number, self._frontier, rows = state
        values = loaded(self.fold, {key: pane[5] for key, pane in rows.items()})
        self._panes = {key: (*pane[:5], values[key]) for key, pane in rows.items()}
        self.node.holds = sum(pane[1] for pane in self._panes.values())
        self._hold_again()
        if self.plan.early:
            self._changed = dict.fromkeys(self._panes)

    def _row(self, key: Any, earliest: Any, latest: Any, value: Any) -> Row:
        if earliest is None:
            return key, nan, nan, value, None
        return key, earliest, latest, value, latest

    def _hold(self, first: float | None, number: int, key: Any) -> None:
        """A pane has its first item: from now on that holds the frontier, if it has an event time and waits."""
        self._number += 1
        if first is None or self._items == 1:
            return
        if len(self._firsts) > 2 * len(self._panes) + 64:
            self._hold_again()
        heappush(self._firsts, (first, number, key))

    def _hold_again(self) -> None:
        """Leave out the panes that were sent: behind one that waits long they would gather without bound."""
        self._firsts = [(pane[2], pane[0], key) for key, pane in self._panes.items() if pane[2] is not None]
        heapify(self._firsts)

    def _is_open(self, held: tuple[float, int, Any]) -> bool:
        _, number, key = held
        pane = self._panes.get(key)
        return pane is not None and pane[0] == number
