"""How a source's items become batches and watermarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf, isfinite
from typing import Any

from streamweave_lab.graph.batch import Batch, Watermark
from streamweave_lab.progress.grid import Grid, exact


class Untimely(Exception):  # noqa: N818 - a signal inside the engine
    """An item for which a source's `time` has no answer, or none that is a finite number."""

    def __init__(self, item: Any, error: Exception) -> None:
        self.item, self.error = item, error


class Stamper:
    """Gives items their event times, and says how far event time has come.

    A watermark stands exactly where it passes a multiple of `granularity` (seconds), the batch being cut there,
    and beside that after every batch: so what a window finds late does not depend on the size of batches.
    """

    def __init__(self, time: Callable[[Any], float] | None, lag: float, granularity: float | None) -> None:
        self._time = time
        self._lag = lag
        self._grid = None if granularity is None else Grid(exact(granularity))
        self._next = -inf
        """No watermark before this one passes a multiple; minus infinity: not known."""
        self.newest = -inf
        """The newest event time seen, in seconds."""

    def stamp(self, items: list[Any]) -> Iterator[Batch | Watermark]:
        """The batches and watermarks to send for `items`. Raises: Untimely."""
        if self._time is None:
            yield Batch(items)
            return
        times = _times_of(items, self._time)
        top, start = max(times), 0
        for cut in self._cuts(times, top):
            yield Batch(items[start:cut], times[start:cut])
            self.newest = times[cut - 1]
            yield Watermark(self.newest - self._lag)
            start = cut
        if start < len(items):
            yield Batch(items[start:], times[start:]) if start else Batch(items, times)
            self.newest = max(self.newest, top)
            yield Watermark(self.newest - self._lag)

    def _cuts(self, times: list[float], top: float) -> Iterator[int]:
        """After how many items the watermark passes a multiple of the granularity; the last of them is the newest."""
        if self._grid is None or top - self._lag < self._next:
            return
        now, at = self._multiple(self.newest), 0
        highest = self._multiple(top)
        while highest > now:
            about = self._before(now + 1)
            places = (place for place in range(at, len(times)) if times[place] >= about)
            at = next(place for place in places if self._multiple(times[place]) > now) + 1
            now = self._multiple(times[at - 1])
            yield at
        self._next = self._grid.at(int(max(now, highest)) + 1)

    def _before(self, multiple: float) -> float:
        """A little before the time at which the watermark reaches a multiple: to compare is faster than to divide."""
        if self._grid is None or multiple == -inf:
            return -inf
        there = self._grid.at(int(multiple)) + self._lag
        return there - 1e-9 * max(1.0, abs(there))

    def _multiple(self, newest: float) -> float:
        """How many whole granularities fit before the watermark; of no account where none is needed."""
        if self._grid is None or newest == -inf:
            return -inf
        return self._grid.passed(newest - self._lag)


def _times_of(items: list[Any], time: Callable[[Any], float]) -> list[float]:
    rest: Any = iter(items)
    try:
        times = [time(item) for item in rest]
    except Exception as error:
        raise Untimely(items[len(items) - rest.__length_hint__() - 1], error) from error
    try:
        if isfinite(sum(times)):  # which a sum is only if all of them are
            return times
    except TypeError:
        pass
    at = next(place for place, time in enumerate(times) if not _is_instant(time))
    raise Untimely(items[at], ValueError(f"an event time must be a finite number of seconds, not {times[at]!r}"))


def _is_instant(time: Any) -> bool:
    return isinstance(time, int | float) and isfinite(time)
