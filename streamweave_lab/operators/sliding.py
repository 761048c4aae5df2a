"""Sliding windows: each item belongs to several."""

from __future__ import annotations

from typing import Any

from streamweave_lab.graph.batch import Batch
from streamweave_lab.operators.gather import TimeGather
from streamweave_lab.operators.panes import OpenWindows
from streamweave_lab.progress.window import Sliding


class SlidingGather(TimeGather):
    """Each item into a pane of every window that it belongs to and that still takes items."""

    def take(self, batch: Batch) -> None:
        """Put each item into its panes; it is late if all its windows are closed."""
        if batch.times is None:
            self.refuse_timeless(batch.items)
            return
        size: Sliding = self.plan.size
        key, step = self.plan.key, self.fold.step
        grain, cells = size.grain, dict[float, _Cell]()
        late: list[tuple[Any, float]] = []
        partly_late = 0
        for item, time in zip(batch.items, batch.times, strict=True):
            try:
                cell = cells.get(time // grain)
                if cell is None or not cell.start <= time < cell.end:
                    cell = cells[time // grain] = _Cell(size, time, self.windows)
                if cell.last is None:
                    late.append((item, time))
                    continue
                k = key(item)
                # First all, then to their places: an item that fails for one window must be in none.
                values = [step(panes[k], item) for panes in cell.panes]
            except Exception as error:
                self.refuse(item, error, time)
                continue
            partly_late += cell.partly_late
            for panes, value in zip(cell.panes, values, strict=True):
                panes[k] = value
            if not cell.last.fired:
                cell.last.held += 1
                self.node.holds += 1
            for window in cell.amended:
                self.fire(window, [k])
        self.partly_late += partly_late
        self.late(late)


class _Cell:
    """A stretch of time of which all instants belong to the same windows, while the frontier stands still."""

    __slots__ = ("amended", "end", "last", "panes", "partly_late", "start")

    def __init__(self, size: Sliding, time: float, open_windows: OpenWindows) -> None:
        self.start, self.end = size.cell(time)
        every = size.windows(time)
        windows = open_windows.among(every)
        self.partly_late = 0 < len(windows) < len(every)
        self.panes = [window.panes for window in windows]
        self.amended = [window for window in windows if window.fired]
        self.last = windows[-1] if windows else None
        """None if all its windows are closed."""
