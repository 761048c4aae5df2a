"""Tumbling windows: each item belongs to one. The way of most streams, and so made for speed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from operator import itemgetter, length_hint
from typing import Any

from streamweave_lab.graph.batch import Batch
from streamweave_lab.operators.filling import OFTEN, Gathered, pour
from streamweave_lab.operators.folds import AtOnce
from streamweave_lab.operators.function import Failed
from streamweave_lab.operators.gather import TimeGather
from streamweave_lab.operators.panes import Open

Part = tuple[Open, Gathered]
"""A window, and what the items of a batch bring it."""


class TumblingGather(TimeGather):
    """Each item into one pane."""

    _keys = 0
    """How many there were in the window that was looked at last."""

    def take(self, batch: Batch) -> None:
        """Put each item into its pane."""
        if batch.times is None:
            self.refuse_timeless(batch.items)
            return
        at_once = self.fold.at_once
        if at_once is not None and len(batch.items) >= OFTEN * self._keys:
            behind = self._take_gathered(batch.items, batch.times, at_once)
        else:
            behind = self._take(batch.items, batch.times)
        if behind:
            self._take_behind(behind)

    def _take_gathered(self, items: list[Any], times: list[float], at_once: AtOnce) -> list[tuple[Any, float]]:
        """The same as `_take`, for folds that can take many values of a key at once."""
        parts, behind, failed = self._gathered(items, times, at_once.value)
        for window, gathered in parts:
            known = len(failed)
            places = partial(self._places, window, items, times, failed)
            failed += pour(at_once.take, window.panes, gathered, places)
            taken = sum(map(len, gathered.values())) - (len(failed) - known)
            window.held += taken
            self.node.holds += taken
            self._keys = len(window.panes)
        for place, error in sorted(failed, key=itemgetter(0)):
            self.refuse(items[place], error, times[place])
        return behind

    def _gathered(
        self, items: list[Any], times: list[float], value: Callable[[Any], Any]
    ) -> tuple[list[Part], list[tuple[Any, float]], Failed]:
        """The value of each item, by window and key; items of windows that are due already; failures."""
        key, on_time, never = self.plan.key, self.windows.on_time, -inf
        parts: dict[float, Part] = {}
        behind: list[tuple[Any, float]] = []
        failed: Failed = []
        ours = others = Gathered(list)
        start, end = other_start, other_end = inf, never
        rest = iter(items)
        for item, time in zip(rest, times, strict=True):
            try:
                if start <= time < end:
                    k, v = key(item), value(item)
                    ours[k].append(v)
                elif other_start <= time < other_end:
                    k, v = key(item), value(item)
                    others[k].append(v)
                elif never < time < on_time:
                    behind.append((item, time))
                else:
                    window = self.windows.at(time)
                    others, other_start, other_end = ours, start, end
                    start, end = window.start, window.end
                    ours = parts.setdefault(start, (window, Gathered(list)))[1]
                    k, v = key(item), value(item)
                    ours[k].append(v)
            except Exception as error:
                failed.append((len(items) - length_hint(rest) - 1, error))
        return list(parts.values()), behind, failed

    def _places(self, window: Open, items: list[Any], times: list[float], failed: Failed) -> dict[Any, list[int]]:
        """Where in the batch the items of each key in a window stand, without those that failed."""
        without, places = {place for place, _ in failed}, Gathered(list)
        for place, (item, time) in enumerate(zip(items, times, strict=True)):
            if place not in without and window.start <= time < window.end:
                places[self.plan.key(item)].append(place)
        return places

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
        panes = of_first
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
                if time is not None:  # else it has come to no window
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
