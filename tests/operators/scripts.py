"""Two streams as a node in a run would meet them: batches by port, and how the frontier moves between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from streamweave_lab.state import codec
from streamweave_lab.testing.harness import Drive

Row = tuple[float, str, int]
"""Event time, key, and a number by which to tell it from others."""


def play(drive: Drive, script: list[tuple[str, Any]]) -> Drive:
    """Let the node meet what the script says: rows on a port, a frontier, or time that passes."""
    for what, value in script:
        if what == "frontier":
            drive.advance(value)
        elif what == "sleep":
            drive.sleep(value)
        else:
            drive.batch(value, [row[0] for row in value], port=what)
    return drive


def interrupted(node: Any, script: list[tuple[str, Any]], at: int) -> Drive:
    """As `play`, with a snapshot after `at` lines, from which another node goes on; what both have sent."""
    first = play(Drive(node), script[:at])
    second = Drive(node)
    second.node.clock.move_to(first.node.clock.now())
    state = first.node.snapshot()
    if state is not None:
        second.node.restore(codec.decode(codec.encode(state)))
    assert second.node.holds == first.node.holds
    second.frontier, second.promised, second.behind = first.frontier, first.promised, first.behind
    play(second, script[at:]).finish()
    for mine, others in ((first.out, second.out), (first.times, second.times)):
        for port, items in others.items():
            mine[port] += items
    first.late_items += second.late_items
    first.failures += second.failures
    return first


@dataclass
class Two:
    """Rows in the order they come, each with its stream, whose watermark stays `lag` behind its newest row."""

    ports: tuple[str, str]
    rows: list[tuple[int, Row]]
    lag: float
    cuts: frozenset[int]

    def side(self, port: str) -> list[Row]:
        """The rows of one port."""
        return [row for stream, row in self.rows if self.ports[stream] == port]

    def script(self, every: float | None = None) -> list[tuple[str, Any]]:
        """Batches cut as drawn, and wherever a watermark passes a multiple of `every`; None makes them single rows."""
        lines: list[tuple[str, Any]] = []
        newest: dict[int, float | None] = {stream: None for stream, _ in self.rows}
        last = None
        for place, (stream, row) in enumerate(self.rows):
            before = newest[stream]
            newest[stream] = now = row[0] if before is None else max(before, row[0])
            if stream != last:
                lines.append((self.ports[stream], []))
            lines[-1][1].append(row)
            last = stream
            passed = before is None or every is None or (now - self.lag) // every != (before - self.lag) // every
            if passed or place in self.cuts:
                known = [time for time in newest.values() if time is not None]
                frontier = min(known) - self.lag if len(known) == len(newest) else -1e9
                lines.append(("frontier", frontier))
                last = None
        return lines


@st.composite
def two(draw: st.DrawFn, *, late: bool = False, ports: tuple[str, str] = ("left", "right")) -> Two:
    """Two streams, a little out of order; with `late` more than the watermark allows for."""
    lag = draw(st.sampled_from([0.0, 1.5, 4.0]))
    disorder = lag + (6.0 if late else 0.0)
    streams = []
    for stream in (0, 1):
        base = sorted(draw(st.lists(st.integers(0, 60), max_size=14)))
        shifts = [draw(st.integers(0, int(2 * disorder))) / 2 for _ in base]
        keys = [draw(st.sampled_from("ab")) for _ in base]
        rows = zip(base, shifts, keys, range(100 * stream, 1000), strict=False)
        streams.append([(t / 2 + 20.0 - shift, key, number) for t, shift, key, number in rows])
    order = draw(st.permutations([0] * len(streams[0]) + [1] * len(streams[1])))
    rest = [iter(rows) for rows in streams]
    return Two(ports, [(stream, next(rest[stream])) for stream in order], lag, draw(st.frozensets(st.integers(0, 28))))
