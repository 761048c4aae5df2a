"""How a source's items become batches and watermarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from math import floor, inf
from typing import Any

from streamweave_lab.graph.batch import Batch, Watermark


class Stamper:
    """Gives items their event times, and says how far event time has come.

    A watermark stands exactly where it passes a multiple of `granularity` (seconds), the batch being cut there,
    and beside that after every batch: so what a window finds late does not depend on the size of batches.
    """

    def __init__(self, time: Callable[[Any], float] | None, lag: float, granularity: float | None) -> None:
        self._time = time
        self._lag = lag
        self._granularity = granularity
        self.newest = -inf
        """The newest event time seen, in seconds."""

    def stamp(self, items: list[Any]) -> Iterator[Batch | Watermark]:
        """The batches and watermarks to send for `items`."""
        time = self._time
        if time is None:
            yield Batch(items)
            return
        times = [time(item) for item in items]
        start = 0
        for cut, newest in self._cuts(times):
            yield Batch(items[start:cut], times[start:cut])
            self.newest = newest
            yield Watermark(newest - self._lag)
            start = cut
        if start < len(items):
            yield Batch(items[start:], times[start:]) if start else Batch(items, times)
            self.newest = max(self.newest, max(times))
            yield Watermark(self.newest - self._lag)

    def _cuts(self, times: list[float]) -> list[tuple[int, float]]:
        """After how many items the watermark passes a multiple of the granularity, and the newest time there."""
        grain, lag, last = self._granularity, self._lag, max(self.newest, max(times))
        if grain is None:
            return []
        now = self._multiple(self.newest)
        if self._multiple(last) == now:
            return []
        cuts = []
        for at, newest in enumerate(accumulate(times, max, initial=self.newest)):
            # The comparison with the last cut is all that most items pay.
            if newest > self.newest and floor((newest - lag) / grain) != now and at:
                now = floor((newest - lag) / grain)
                cuts.append((at, newest))
        return cuts

    def _multiple(self, newest: float) -> float:
        if self._granularity is None or newest == -inf:
            return -inf
        return floor((newest - self._lag) / self._granularity)
