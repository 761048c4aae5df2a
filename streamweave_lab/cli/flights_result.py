"""What the flights graph has found out, as a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.table import Table

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.examples.flights import CarrierHour


def table(run: LocalRun) -> Table:
    """The newest finished hour of each airline, the latest departures first."""
    drawn = Table(title="Departures from New York, 2013: each airline's last hour", title_justify="left")
    drawn.add_column("airline")
    drawn.add_column("hour (UTC)")
    drawn.add_column("flights", justify="right")
    drawn.add_column("mean delay (min)", justify="right")
    rows: list[CarrierHour] = sorted(run["board"].items.values(), key=lambda row: -row.mean_delay)
    for row in rows:
        hour = f"{datetime.fromtimestamp(row.hour, UTC):%Y-%m-%d %H:%M}"
        drawn.add_row(row.carrier, hour, str(row.flights), f"{row.mean_delay:.1f}")
    return drawn


def counts(run: LocalRun) -> Iterator[str]:
    """How many rows went where, a sentence each."""
    status = run.status()
    rows, flights = (status.node(name).items_out["out"] for name in ("departures", "parse"))
    yield f"{rows:,} rows: {flights:,} flights and {len(run['cancelled'].items):,} cancelled"
    yield f"{run['hours'].count:,} hours of airlines; {run['too_late'].count:,} flights came too late for theirs"
    if status.uptime > 0:
        yield f"{status.uptime:.1f} s, {rows / status.uptime:,.0f} rows a second"


__all__ = ["counts", "table"]
