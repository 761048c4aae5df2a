"""Windows against a plain computation that knows neither batches nor marks, for any order of items and any batches."""

from collections import defaultdict
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.operators import Window, WindowResult, count, fold
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.testing.harness import Drive

SIZE = 4.0


@dataclass(frozen=True)
class Stream:
    """Rows of (event time, key), cut into batches, whose watermark stays `lag` behind."""

    rows: list[tuple[float, str]]
    cuts: list[int]
    lag: float
    allowed: float

    def window(self, how, **kwargs):
        return Window("w", how, Tumbling(seconds=SIZE), allowed_lateness=self.allowed, **kwargs)

    def batches(self, grain):
        """Batches and the watermark after each: cut as drawn, and exactly where the watermark passes a multiple."""
        newest, batch = -1e9, []
        for place, row in enumerate(self.rows):
            before, newest = newest, max(newest, row[0])
            batch.append(row)
            if place in self.cuts or (newest - self.lag) // grain != (before - self.lag) // grain:
                yield batch, newest - self.lag
                batch = []
        if batch:
            yield batch, newest - self.lag

    def drive(self, window):
        drive = Drive(window)
        for batch, watermark in self.batches(window.window_granularity):
            drive.batch(batch, [time for time, _ in batch]).advance(watermark)
        return drive.finish()

    def judged(self):
        """Each row with its window and the frontier it met."""
        newest = -1e9
        for row in self.rows:
            start = row[0] // SIZE * SIZE
            yield row, start, newest - self.lag
            newest = max(newest, row[0])

    def late(self):
        return [row for row, start, frontier in self.judged() if start + SIZE + self.allowed <= frontier]

    def panes(self):
        """For every window and key what is sent of it, one after the other: lists of rows."""
        in_time, sent = defaultdict(list), defaultdict(list)
        for row, start, frontier in self.judged():
            if start + SIZE > frontier:
                in_time[start, row[1]].append(row)
                sent[start, row[1]] = [list(in_time[start, row[1]])]
        for row, start, frontier in self.judged():
            if start + SIZE <= frontier < start + SIZE + self.allowed:
                before = sent[start, row[1]]
                before.append([*(before[-1] if before else []), row])
        return sent


ROWS = st.lists(st.tuples(st.integers(-20, 60).map(lambda n: n / 2), st.sampled_from("abc")), max_size=40)
STREAMS = st.builds(
    Stream,
    rows=ROWS,
    cuts=st.lists(st.integers(0, 40)),
    lag=st.sampled_from([0.0, 0.5, 3.0, 30.0]),
    allowed=st.sampled_from([0.0, 0.5, 2.0, 4.0, 9.0]),
)


@given(STREAMS)
def test_what_is_sent_of_every_pane_does_not_depend_on_batches(stream):
    drive = stream.drive(stream.window(lambda pane: pane, key=lambda row: row[1]))
    sent = defaultdict(list)
    for pane in drive.out["out"]:
        assert pane.end == pane.start + SIZE
        sent[pane.start, pane.key].append(pane.items)
    assert sent == stream.panes()


@given(STREAMS)
def test_what_is_late_does_not_depend_on_batches(stream):
    assert stream.drive(stream.window(count())).late_items == stream.late()


@given(STREAMS)
def test_a_fold_says_what_a_function_over_the_items_says(stream):
    folded = stream.drive(stream.window(fold((), lambda seen, row: (*seen, row)), key=lambda row: row[1]))
    gathered = stream.drive(
        stream.window(lambda pane: WindowResult(*pane[:3], tuple(pane.items)), key=lambda row: row[1])
    )
    assert folded.out == gathered.out
    assert folded.times == gathered.times


@given(STREAMS)
def test_every_item_is_held_sent_or_late(stream):
    window = stream.window(count(), key=lambda row: row[1])
    drive, received = Drive(window), 0
    for batch, watermark in stream.batches(window.window_granularity):
        drive.batch(batch, [time for time, _ in batch])
        received += len(batch)
        drive.advance(watermark)
        newest_of_each_pane = {(r.key, r.start): r.value for r in drive.out["out"]}
        assert received == drive.node.holds + sum(newest_of_each_pane.values()) + len(drive.late_items)
    assert drive.finish().node.holds == 0


@given(STREAMS)
def test_nothing_a_window_sends_is_late_in_a_window_further_down(stream):
    first = stream.window(count())
    above, below = Drive(first), Drive(Window("below", count(), Tumbling(seconds=SIZE)))
    passed = 0
    for batch, watermark in stream.batches(first.window_granularity):
        above.batch(batch, [time for time, _ in batch]).advance(watermark)
        below.batch(above.out["out"][passed:], above.times["out"][passed:]).advance(above.promised)
        passed = len(above.out["out"])
    assert below.late_items == []


@given(STREAMS)
def test_without_allowed_lateness_windows_are_sent_in_order_of_time_and_then_of_keys(stream):
    drive = Drive(Window("w", count(), Tumbling(seconds=SIZE), key=lambda row: row[1]))
    for batch, watermark in stream.batches(SIZE):
        drive.batch(batch, [time for time, _ in batch]).advance(watermark)
    results = drive.finish().out["out"]
    first_seen = {}
    for place, (row, start, _) in enumerate(stream.judged()):
        first_seen.setdefault((row[1], start), place)
    places = [(r.start, first_seen[r.key, r.start]) for r in results]
    assert places == sorted(places)
