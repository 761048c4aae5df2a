"""Panes: what each key has in each open window, and when that is due."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, TypeVar

from streamweave_lab.operators.keyed import Accumulators
from streamweave_lab.progress.grid import Grid, common
from streamweave_lab.progress.window import Sliding, Tumbling

K = TypeVar("K", bound=Any)
T = TypeVar("T", bound=Any)


class Pane(NamedTuple, Generic[K, T]):
    """The items of one key in one window, in the order they came; `start` and `end` are event times in seconds."""

    key: K
    start: float
    end: float
    items: list[T]


class Watched(Accumulators):
    """Values by key that remember which of them have changed. Only where early results are asked for: it costs."""

    def __init__(self, initial: Any) -> None:
        super().__init__(initial)
        self.changed: dict[Any, None] = {}
        """Keys, in the order in which they changed first."""

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        self.changed[key] = None


class Open:
    """One window that still takes items: the accumulator, or the list of items, of every key."""

    __slots__ = ("end", "fired", "held", "panes", "start")

    def __init__(self, start: float, end: float, fired: bool, panes: dict[Any, Any]) -> None:
        self.start = start
        self.end = end
        self.fired = fired
        """It has been sent once, and is open only for late items that are allowed."""
        self.panes = panes
        self.held = 0
        """Items in it that no later window has too."""

    @property
    def bounds(self) -> tuple[float, float, dict[Any, Any]]:
        """Beginning, end and panes."""
        return self.start, self.end, self.panes

    @classmethod
    def nowhere(cls) -> Open:
        """A window that no instant belongs to."""
        return cls(math.inf, -math.inf, True, {})


Saved = tuple[float, list[tuple[float, float, bool, int, Any]]]
"""A frontier, and windows: beginning, end, fired, held, panes."""


class OpenWindows:
    """The open windows by their beginning. What is late and what is due depends on the frontier alone."""

    def __init__(self, size: Tumbling | Sliding, allowed_lateness: float, panes: Callable[[], dict[Any, Any]]) -> None:
        self._size = size
        self._allowed = allowed_lateness
        between = common(size.grain, allowed_lateness) if allowed_lateness else None
        self._marks = None if between is None else Grid(between)
        self._panes = panes
        self._windows: dict[float, Open] = {}
        self._frontier = -math.inf
        self._next = math.inf
        self.on_time = -math.inf
        """The beginning of the earliest tumbling window that is not due yet; items from then on are on time."""
        self._on_time_until = -math.inf

    def is_closed(self, instant: float) -> bool:
        """Whether the last window of `instant` takes no items any more: an item of that time is late."""
        return self._closes(self._size.bounds(instant)[1]) <= self._frontier

    def at(self, instant: float) -> Open:
        """The last window of `instant`, opened if need be.

        Raises: ValueError if `instant` is not finite.
        """
        return self._open(*self._size.bounds(instant))

    def among(self, bounds: Iterable[tuple[float, float]]) -> list[Open]:
        """The windows with these beginnings and ends that still take items, opened if need be."""
        return [self._open(start, end) for start, end in bounds if self._closes(end) > self._frontier]

    def advance(self, frontier: float) -> list[Open]:
        """Move to `frontier`: the windows that are now due, earliest first. Those past their lateness are closed."""
        # A run that goes on from a checkpoint begins with an earlier frontier than its windows have met.
        self._frontier = frontier = max(frontier, self._frontier)
        if frontier >= self._on_time_until:
            self.on_time, self._on_time_until = self._around(frontier)
        if frontier < self._next:
            return []
        due = [w for w in self.unsent() if w.end <= frontier]
        for window in due:
            window.fired = True
        self._windows = {s: w for s, w in self._windows.items() if self._closes(w.end) > frontier}
        self._next = math.inf
        for window in self._windows.values():
            self._look_at(window)
        return due

    def unsent(self) -> list[Open]:
        """The windows that were not sent yet, earliest first."""
        return [w for _, w in sorted(self._windows.items()) if not w.fired]

    def close(self) -> list[Open]:
        """Close all windows: those that were not sent yet, earliest first."""
        due = self.unsent()
        self._windows = {}
        return due

    def earliest_end(self, frontier: float) -> float:
        """The earliest end of a window that is not closed when the frontier is at `frontier`."""
        before, after = self._size.ends_around(frontier - self._allowed)
        if self._closes(before) > frontier:
            return before
        return after if self._closes(after) > frontier else self._size.ends_around(after)[1]

    def save(self, copied: Callable[[dict[Any, Any]], Any]) -> Saved:
        """All that is here, as plain data; `copied` makes that of panes."""
        rows = [(w.start, w.end, w.fired, w.held, copied(w.panes)) for w in self._windows.values()]
        return self._frontier, rows

    def load(self, saved: Saved, loaded: Callable[[Any], dict[Any, Any]]) -> None:
        """Go on from what `save` gave."""
        frontier, rows = saved
        for start, end, fired, held, panes in rows:
            window = self._open(start, end)
            window.fired, window.held = fired, held
            window.panes.update(loaded(panes))
            self._look_at(window)
        if frontier > -math.inf:
            self.advance(frontier)

    def _open(self, start: float, end: float) -> Open:
        window = self._windows.get(start)
        if window is None:
            window = self._windows[start] = Open(start, end, end <= self._frontier, self._panes())
            self._look_at(window)
        return window

    def _closes(self, end: float) -> float:
        """When a window takes no items any more. A sum of floats might be missed where the sources put their marks."""
        return end if self._marks is None else self._marks.nearest(end + self._allowed)

    def _around(self, frontier: float) -> tuple[float, float]:
        return self._size.bounds(frontier) if math.isfinite(frontier) else (frontier, frontier)

    def _look_at(self, window: Open) -> None:
        change = self._closes(window.end) if window.fired else window.end
        self._next = min(self._next, change)
