"""Sources that bring in the world outside: one file for each outside system, each behind its own extra."""

from streamweave_lab.connectors.files import CSV, JSONLines, Lines
from streamweave_lab.connectors.flight_rows import Flight, FlightRow, parse_flight
from streamweave_lab.connectors.hostmetrics import HostMetrics, HostReading
from streamweave_lab.connectors.nycflights import NYCFlights

__all__ = [
    "CSV",
    "Flight",
    "FlightRow",
    "HostMetrics",
    "HostReading",
    "JSONLines",
    "Lines",
    "NYCFlights",
    "parse_flight",
]
