"""The quickstart graph, which asks how late New York's airlines leave."""

from __future__ import annotations

from typing import NamedTuple

import streamweave_lab as sw
from streamweave_lab.connectors import Flight, NYCFlights, parse_flight

MINUTE, HOUR = 60, 3600


class FlightsConfig(sw.Config):
    """What may be set about the flights graph; both may change while it runs."""

    speed: float = sw.live(24 * HOUR, gt=0, le=365 * 24 * HOUR, description="seconds of 2013 in a second of yours")
    least_delay: float = sw.live(-60, ge=-60, le=600, description="minutes; flights that left earlier are left out")


class CarrierHour(NamedTuple):
    """One airline in one hour."""

    carrier: str
    hour: float
    """Beginning of the hour, in seconds since 1970-01-01 UTC."""
    flights: int
    mean_delay: float
    """Minutes."""


class AirlineSoFar(NamedTuple):
    """One airline since the beginning."""

    carrier: str = ""
    flights: int = 0
    delay: float = 0.0
    """Minutes, of all flights together."""

    @property
    def mean_delay(self) -> float:
        """Minutes."""
        return self.delay / self.flights


def count_in(so_far: AirlineSoFar, flight: Flight) -> AirlineSoFar:
    """An airline's sum with one flight more."""
    return AirlineSoFar(flight.carrier, so_far.flights + 1, so_far.delay + flight.departure_delay)


def mean_delay(pane: sw.Pane[str, Flight]) -> CarrierHour:
    """The mean departure delay of what one airline flew in one hour."""
    delays = [flight.departure_delay for flight in pane.items]
    return CarrierHour(pane.key, pane.start, len(delays), sum(delays) / len(delays))


def late_enough(flight: Flight, config: FlightsConfig) -> bool:
    """Whether the flight left at least as late as the configuration asks for."""
    return flight.departure_delay >= config.least_delay


def flights_graph(*, paced: bool = True) -> sw.Graph:
    """Departures → numbers → those late enough → each airline's mean delay, by the hour and so far.

    Cancelled flights, of which no number can be made, are kept in `cancelled`; flights that left so late that
    their hour was closed are counted in `too_late`. `paced=False` replays the year as fast as it goes.
    """
    speed = (lambda config: config.speed) if paced else None
    departures = NYCFlights("departures", speed=speed, lag=30 * MINUTE)
    parse = sw.Map("parse", parse_flight)
    delayed = sw.Filter("delayed", late_enough, config=FlightsConfig)
    hourly = sw.Window("hourly", mean_delay, sw.Tumbling(seconds=HOUR), key=lambda flight: flight.carrier)
    board = sw.Latest[CarrierHour]("board", key=lambda row: row.carrier)
    so_far = sw.Reduce("so_far", count_in, initial=AirlineSoFar(), key=lambda flight: flight.carrier)
    year = sw.Latest[AirlineSoFar]("year", key=lambda airline: airline.carrier)
    cancelled = sw.Collect[sw.Failure[object]]("cancelled")
    too_late = sw.Count("too_late")
    return sw.Graph(
        "flights",
        departures >> parse >> delayed >> hourly >> board,
        delayed >> so_far >> year,
        parse.error >> cancelled,
        hourly.late >> too_late,
    )
