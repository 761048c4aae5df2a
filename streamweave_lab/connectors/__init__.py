"""Sources and sinks of the world outside: one file for each outside system, each behind its own extra.

They are loaded when they are first asked for, so that `import streamweave_lab` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamweave_lab.connectors.files import CSV, JSONLines, Lines
    from streamweave_lab.connectors.flight_rows import Flight, FlightRow, parse_flight
    from streamweave_lab.connectors.hostmetrics import HostMetrics, HostReading
    from streamweave_lab.connectors.json_lines_file import JSONLinesFile
    from streamweave_lab.connectors.nycflights import NYCFlights
    from streamweave_lab.connectors.nycweather import NYCWeather
    from streamweave_lab.connectors.sqlite_table import SQLiteTable
    from streamweave_lab.connectors.weather_rows import Weather

__all__ = [
    "CSV",
    "Flight",
    "FlightRow",
    "HostMetrics",
    "HostReading",
    "JSONLines",
    "JSONLinesFile",
    "Lines",
    "NYCFlights",
    "NYCWeather",
    "SQLiteTable",
    "Weather",
    "parse_flight",
]

_FILES = {
    "files": ("CSV", "JSONLines", "Lines"),
    "flight_rows": ("Flight", "FlightRow", "parse_flight"),
    "hostmetrics": ("HostMetrics", "HostReading"),
    "json_lines_file": ("JSONLinesFile",),
    "nycflights": ("NYCFlights",),
    "nycweather": ("NYCWeather",),
    "sqlite_table": ("SQLiteTable",),
    "weather_rows": ("Weather",),
}


def __getattr__(name: str) -> Any:
    for file, names in _FILES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{file}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
