"""Tumbling windows: each item belongs to one. The way of most streams, and so made for speed."""

from __future__ import annotations

from math import inf
from operator import length_hint
from typing import Any

from streamweave_lab.graph.batch import Batch
from streamweave_lab.operators.gather import TimeGather
from streamweave_lab.operators.panes import Open


class TumblingGather(TimeGather):
    """Each item into one pane."""

    def take(self, batch: Batch) -> None:
        """Put each item into its pane."""
        if batch.times is None:
            self.refuse_timeless(batch.items)
            return
        behind = self._take(batch.items, batch.times)
        if behind:
            self._take_behind(behind)

    def _take(self, items: list[Any], times: list[float]) -> list[tuple[Any, float]]:
        """Fold each item into its pane; those of windows that are due already are given back.

        Two windows are at hand, for around the end of one the items go back and forth: an item of the first costs
        two comparisons, one of the second four and a count. What the first got is then told by what the iterator
        has left.
        """
        key, step, windows = self.plan.key, self.fold.step, self.windows
        never, on_time = -inf, windows.on_time
        first = second = Open.nowhere()
        (start, end, of_first), (other_start, other_end, of_second) = first.bounds, second.bounds
        behind: list[tuple[Any, float]] = []
        rest, since, in_second = iter(items), len(items), 0
        for item, time in zip(rest, times, strict=True):
            try:
                if start <= time < end:
                    panes = of_first
                elif other_start <= time < other_end:
                    panes = of_second
                    in_second += 1
                else:
                    panes = of_first
                    if never < time < on_time:
                        behind.append((item, time))
                        first.held -= 1
                        continue
                    found = windows.at(time)
                    left = length_hint(rest) + 1
                    first.held += since - left - in_second
                    second.held += in_second
                    first, second, since, in_second = found, first, left, 0
                    (start, end, of_first), (other_start, other_end, of_second) = first.bounds, second.bounds
                    panes = of_first
                k = key(item)
                panes[k] = step(panes[k], item)
            except Exception as error:
                in_second -= panes is of_second
                first.held -= 1
                self.node.holds -= 1
                self.refuse(item, error, time)
        first.held += since - in_second
        second.held += in_second
        self.node.holds += len(items) - len(behind)
        return behind

    def _take_behind(self, behind: list[tuple[Any, float]]) -> None:
        """Of the windows that are due already some are closed; the others are sent again with each item."""
        self.late([(item, time) for item, time in behind if self.windows.is_closed(time)])
        for item, time in behind:
            if not self.windows.is_closed(time):
                self._amend(self.windows.at(time), item, time)

    def _amend(self, window: Open, item: Any, time: float) -> None:
        try:
            key = self.plan.key(item)
            window.panes[key] = self.fold.step(window.panes[key], item)
        except Exception as error:
            self.refuse(item, error, time)
        else:
            self.fire(window, [key])
