"""A stream with event times as a node meets it: batches, and the watermark after each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from streamweave_lab.state import codec
from streamweave_lab.testing.harness import Drive

Row = tuple[float, str, int]
"""Event time, key, and its place in the stream."""


@dataclass(frozen=True)
class Stream:
    """Rows whose watermark stays `lag` behind the newest; a batch ends after the places in `cuts`.

    `pauses` are seconds of the clock that pass after the batch that ends at a place.
    """

    rows: list[Row]
    cuts: set[int]
    lag: float
    allowed: float
    pauses: dict[int, float]

    def script(self, grain: float | None) -> Iterator[tuple[list[Row], float, float]]:
        """Batch, watermark, pause: cut as said, and exactly where the watermark passes a multiple of `grain`."""
        newest, batch = -1e9, []
        for row in self.rows:
            before, newest = newest, max(newest, row[0])
            batch.append(row)
            passes = grain is not None and (newest - self.lag) // grain != (before - self.lag) // grain
            if row[2] in self.cuts or passes or row[2] in self.pauses:
                yield batch, newest - self.lag, self.pauses.get(row[2], 0.0)
                batch = []
        if batch:
            yield batch, newest - self.lag, 0.0

    def judged(self) -> Iterator[tuple[Row, float]]:
        """Each row, and the watermark that stood when it came."""
        newest = -1e9
        for row in self.rows:
            yield row, newest - self.lag
            newest = max(newest, row[0])

    def whole(self) -> Stream:
        """The same in batches as large as may be."""
        return Stream(self.rows, set(), self.lag, self.allowed, self.pauses)

    def drive(self, node: Any) -> Drive:
        """What the node makes of it."""
        drive = Drive(node)
        for step in self.script(node.window_granularity):
            _take(drive, *step)
        return drive.finish()

    def interrupted(self, node: Any, after: int) -> Drive:
        """The same, with a snapshot after so many batches from which another node goes on; what both have sent."""
        steps = list(self.script(node.window_granularity))
        after = min(after, len(steps))
        first, second = Drive(node), Drive(node)
        for step in steps[:after]:
            _take(first, *step)
        state = codec.encode(first.node.snapshot())
        for step in steps[after:]:
            _take(first, *step)  # whatever it goes on to do must not show in what was kept
        second.node.clock.move_to(sum(pause for *_, pause in steps[:after]))
        second.node.restore(codec.decode(state))
        second.behind |= first.behind  # what came behind the frontier that it promised before
        if after:
            second.advance(steps[after - 1][1] - 7.0)  # a source that is read again begins further back
        kept = Drive(node)
        for step in steps[:after]:
            _take(kept, *step)
        assert second.node.holds == kept.node.holds
        for step in steps[after:]:
            _take(second, *step)
        second.finish()
        for mine, more in ((kept.out, second.out), (kept.times, second.times)):
            for port, items in more.items():
                mine[port] += items
        kept.late_items += second.late_items
        kept.failures += second.failures
        return kept


def _take(drive: Drive, batch: list[Row], watermark: float, pause: float) -> None:
    drive.batch(batch, [row[0] for row in batch]).advance(watermark)
    if pause:
        drive.sleep(pause)


def _numbered(rows: list[tuple[float, str]]) -> list[Row]:
    return [(time, key, place) for place, (time, key) in enumerate(rows)]


STREAMS = st.builds(
    Stream,
    rows=st.lists(
        st.tuples(st.integers(-20, 60).map(lambda n: n / 2), st.sampled_from("abc")), min_size=1, max_size=40
    ).map(_numbered),
    cuts=st.sets(st.integers(0, 40)),
    lag=st.sampled_from([0.0, 0.5, 3.0, 30.0]),
    allowed=st.sampled_from([0.0, 0.5, 2.0, 4.0, 9.0]),
    pauses=st.dictionaries(st.integers(0, 40), st.sampled_from([0.5, 1.0, 3.7]), max_size=4),
)
