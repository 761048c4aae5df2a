"""What the flights graph has found out, as a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.examples.flights import AirlineSoFar


def table(run: LocalRun) -> Table:
    """Each airline's mean delay, the worst first."""
    drawn = Table(title="How late airlines left New York in 2013", title_justify="left")
    drawn.add_column("airline")
    drawn.add_column("flights", justify="right")
    drawn.add_column("mean delay (min)", justify="right")
    airlines: list[AirlineSoFar] = sorted(run["year"].items.values(), key=lambda airline: -airline.mean_delay)
    for airline in airlines:
        drawn.add_row(airline.carrier, f"{airline.flights:,}", f"{airline.mean_delay:.1f}")
    return drawn


def counts(run: LocalRun) -> Iterator[str]:
    """How many rows went where, a sentence each."""
    status = run.status()
    rows, flights = (status.node(name).items_out["out"] for name in ("departures", "parse"))
    yield f"{rows:,} rows: {flights:,} flights and {len(run['cancelled'].items):,} cancelled"
    hours = status.node("hourly").items_out["out"]
    yield f"{hours:,} hours of airlines; {run['too_late'].count:,} flights came too late for theirs"
    if status.uptime > 0:
        yield f"{status.uptime:.1f} s, {rows / status.uptime:,.0f} rows a second"


__all__ = ["counts", "table"]
