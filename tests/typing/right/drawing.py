"""Drawing a graph: what fits, and what the checkers know of it."""

from dataclasses import dataclass
from typing import Any, assert_type

import streamweave_lab as sw
from streamweave_lab.graph.port import ClosedPath, Path


@dataclass
class Flight:
    carrier: str
    delay: float


class Parsed(Flight):
    pass


def parse(row: str) -> Parsed:
    return Parsed(row, 0.0)


def delay(flight: Flight) -> float:
    return flight.delay


def is_late(flight: Flight) -> bool:
    return flight.delay > 15


async def ask(flight: Flight) -> str:
    return flight.carrier


def words(row: str) -> list[str]:
    return row.split()


def longest(best: int, row: str) -> int:
    return max(best, len(row))


def mean_delay(pane: sw.Pane[str, Flight]) -> float:
    return sum(flight.delay for flight in pane.items) / len(pane.items)


rows = sw.Replay("rows", ["AA", "UA"])
assert_type(rows, sw.Replay[str])
parsed = sw.Map("parse", parse)
assert_type(parsed, sw.Map[str, Parsed])
assert_type(rows >> parsed, Path[Parsed])
assert_type(rows >> parsed >> sw.Map("delay", delay), Path[float])  # a Parsed is a Flight
assert_type(rows >> sw.FlatMap("words", words), Path[str])
assert_type(rows >> sw.Reduce("longest", longest, initial=0), Path[int])
assert_type(rows >> parsed >> sw.MapAsync("ask", ask, concurrency=10), Path[str])
rows >> parsed >> sw.Filter("late", is_late) >> sw.Latest[Flight]("late")
window = sw.Window("mean", mean_delay, sw.Tumbling(seconds=60), key=lambda flight: flight.carrier)
assert_type(rows >> parsed >> window, Path[float])

delays = sw.Collect[float]("delays")
spill = sw.Collect[object]("spill")
late = sw.Latest[Flight]("latest", key=lambda flight: flight.carrier)
closed = rows >> parsed >> late
assert_type(closed, ClosedPath)
assert_type(parsed.error, sw.Out[sw.Failure[Any]])
assert_type(window.late, sw.Out[Flight])

graph = sw.Graph(
    "flights",
    rows >> parsed >> window >> delays,
    parsed.error >> spill,
    window.late >> spill,
    (rows >> sw.Count("rows.count")).capacity(64),
)
assert_type(graph.svg(), str)
assert_type(graph.mermaid(), str)
