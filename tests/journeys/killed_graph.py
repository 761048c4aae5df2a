"""The process that is killed: it goes on from its newest checkpoint, if there is one, and ends with the year."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import streamweave_lab as sw
from streamweave_lab.connectors import JSONLinesFile, NYCFlights, SQLiteTable, parse_flight
from streamweave_lab.examples.flights import AirlineSoFar, count_in, mean_delay
from streamweave_lab.state.sqlite_store import SqliteStore

FILES = ("hours.jsonl", "cancelled.jsonl", "too_late.jsonl")
TABLES = ("delayed", "airlines")
CHECKPOINT_SECONDS = 0.2


def killed_graph(folder: Path, rows: int) -> sw.Graph:
    """Files, a table that is committed with each checkpoint, and one by key that is committed at once."""
    flights = NYCFlights("departures", lag=30 * 60, limit=rows)
    parse = sw.Map("parse", parse_flight)
    hours = sw.Window("hours", mean_delay, sw.Tumbling(seconds=3600), key=lambda flight: flight.carrier)
    so_far = sw.Reduce("so_far", count_in, initial=AirlineSoFar(), key=lambda flight: flight.carrier)
    # A resumed run says itself what it finds; only the first makes them anew, and after a kill there may be leavings.
    files = {name: JSONLinesFile(name.replace(".", "_"), folder / name, mode="replace") for name in FILES}
    return sw.Graph(
        "killed",
        flights >> parse >> hours >> files["hours.jsonl"],
        parse >> sw.Filter("late", lambda flight: flight.departure_delay >= 60)
        >> SQLiteTable("delayed", folder / "delayed.db", "delayed", mode="replace"),
        parse >> so_far >> SQLiteTable("airlines", folder / "airlines.db", "airlines", key="carrier", commit="batch"),
        parse.error >> files["cancelled.jsonl"],
        hours.late >> files["too_late.jsonl"],
    )  # fmt: skip


async def main(folder: Path, rows: int) -> None:
    """Run to the end, and say what it went on from as soon as it runs."""
    store = SqliteStore(folder / "state.db")
    run = killed_graph(folder, rows).start(store=store, checkpoint_every=CHECKPOINT_SECONDS, resume=True)
    sys.stdout.write(run.status().events[0].message + "\n")
    sys.stdout.flush()
    await run.done()
    store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
