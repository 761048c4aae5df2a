"""Windows of every kind against plain computations over whole lists, for any order of items, batches and crashes."""

from collections import defaultdict
from math import nan

from hypothesis import given, settings
from hypothesis import strategies as st

from streamweave_lab.operators import Window, count, fold, quantiles
from streamweave_lab.operators import max as greatest
from streamweave_lab.operators import mean as average
from streamweave_lab.operators import min as least
from streamweave_lab.operators import sum as total
from streamweave_lab.progress.window import Counting, ProcessingTime, Session, Sliding, Tumbling
from streamweave_lab.testing.harness import Drive
from tests.operators.streams import STREAMS

SLIDING = [Sliding(seconds=4, every=1), Sliding(seconds=5, every=2), Sliding(seconds=3, every=1.5)]
SESSIONS = [Session(gap=1.5), Session(gap=4)]
BY_TIME = [Tumbling(seconds=4), *SLIDING, *SESSIONS]
ALL = [*BY_TIME, Counting(1), Counting(3), ProcessingTime(2)]


def place(row):
    return row[2]


def gathered(pane):
    return pane


HOWS = [
    gathered,
    count(),
    total(place),
    average(place),
    least(place),
    greatest(place),
    quantiles(place, 0.5, 1),
    fold((), lambda seen, row: (*seen, row)),
    fold([], lambda seen, row: [*seen, place(row)], merge=lambda one, other: sorted(one + other)),
]


def window(stream, size, how=gathered, key=lambda row: row[1], **kwargs):
    if not isinstance(size, Counting | ProcessingTime):
        kwargs["allowed_lateness"] = stream.allowed
    return Window("w", how, size, key=key, **kwargs)


def slid(stream, size):
    """For every window and key what is sent of it, one after the other, and what is late."""
    sent, late = defaultdict(list), []
    for row, frontier in stream.judged():
        starts = [n * size.every for n in range(-60, 60) if 0 <= row[0] - n * size.every < size.seconds]
        closed = [start + size.seconds + stream.allowed <= frontier for start in starts]
        if all(closed):
            late.append(row)
        for start, gone in zip(starts, closed, strict=True):
            before = sent[start, row[1]]
            if start + size.seconds > frontier:
                before[:] = [[*(before[0] if before else []), row]]
            elif not gone:
                before.append([*(before[-1] if before else []), row])
    return {where: rows for where, rows in sent.items() if rows}, late


@given(STREAMS, st.sampled_from(SLIDING))
def test_what_is_sent_of_every_sliding_pane_is_what_a_plain_computation_says(stream, size):
    drive = stream.drive(window(stream, size))
    sent = defaultdict(list)
    for pane in drive.out["out"]:
        assert pane.end == pane.start + size.seconds
        sent[pane.start, pane.key].append(pane.items)
    assert (dict(sent), drive.late_items) == slid(stream, size)


def sat(stream, gap):
    """Sessions as lists of rows: what is sent of them, in any order, and what is late."""
    sessions, sent, late = [], [], []
    for row, watermark in stream.judged():
        frontier = watermark // gap * gap
        for session in sessions:
            if not session["sent"] and session["end"] <= frontier:
                session["sent"] = True
                sent.append(session["rows"])
        sessions = [session for session in sessions if session["end"] > frontier - stream.allowed]
        near = [s for s in sessions if any(o[1] == row[1] and abs(o[0] - row[0]) < gap for o in s["rows"])]
        if not near and row[0] + gap <= frontier - stream.allowed:
            late.append(row)
            continue
        rows = sorted([row, *(other for s in near for other in s["rows"])], key=place)
        end = max(other[0] for other in rows) + gap
        sessions = [s for s in sessions if s not in near] + [{"rows": rows, "end": end, "sent": end <= frontier}]
        if end <= frontier:
            sent.append(rows)
    return sorted(sent + [session["rows"] for session in sessions if not session["sent"]]), late


@given(STREAMS, st.sampled_from(SESSIONS))
def test_what_is_sent_of_every_session_is_what_a_plain_computation_says(stream, size):
    drive = stream.drive(window(stream, size))
    for pane in drive.out["out"]:
        times = [row[0] for row in pane.items]
        assert (pane.start, pane.end) == (min(times), max(times) + size.gap)
    assert (sorted(pane.items for pane in drive.out["out"]), drive.late_items) == sat(stream, size.gap)


@given(STREAMS, st.integers(1, 5), st.sampled_from([lambda row: row[1], None]))
def test_count_windows_are_the_items_of_each_key_in_pieces(stream, n, key):
    drive = stream.drive(window(stream, Counting(n), key=key))
    of_key = defaultdict(list)
    for row in stream.rows:
        of_key[key(row) if key else None].append(row)
    pieces = [rows[at : at + n] for rows in of_key.values() for at in range(0, len(rows), n)]
    assert sorted(pane.items for pane in drive.out["out"]) == sorted(pieces)
    for pane, time in zip(drive.out["out"], drive.times["out"], strict=True):
        assert (pane.start, pane.end) == (min(pane.items)[0], max(pane.items)[0])
        assert time == pane.end


@given(STREAMS, st.sampled_from([Counting(1), Counting(2), Counting(3)]), st.sampled_from(["key", "fold", "time"]))
def test_count_windows_are_made_of_the_items_that_did_not_fail_and_each_that_did_is_refused_alone(stream, size, part):
    def check(row, here):
        if here == part and place(row) % 3 == 1:
            raise ValueError(f"{row} fails")
        return row

    def taken(cut):
        how = fold((), lambda seen, row: (*seen, check(row, "fold")))
        drive = Drive(window(stream, size, how, key=lambda row: check(row, "key")[1]))
        for batch, watermark, _ in cut.script(None):
            unfit = [part == "time" and place(row) % 3 == 1 for row in batch]
            times = [nan if bad else row[0] for row, bad in zip(batch, unfit, strict=True)]
            drive.batch(batch, times).advance(watermark)
        sent = sum(len(result.value) for result in drive.out["out"])
        assert drive.node.holds == len(cut.rows) - len(drive.failures) - sent
        return drive.finish()

    small, large = taken(stream), taken(stream.whole())
    assert [failure.item for failure in small.failures] == [row for row in stream.rows if place(row) % 3 == 1]
    assert [failure.item for failure in large.failures] == [failure.item for failure in small.failures]
    assert (large.out, large.times) == (small.out, small.times)
    of_key = defaultdict(list)
    for row in stream.rows:
        if place(row) % 3 != 1:
            of_key[row[1]].append(row)
    pieces = [rows[at : at + size.items] for rows in of_key.values() for at in range(0, len(rows), size.items)]
    assert sorted(list(result.value) for result in small.out["out"]) == sorted(pieces)


@given(STREAMS)
def test_processing_time_windows_are_what_came_between_two_multiples_of_the_clock(stream):
    drive = stream.drive(window(stream, ProcessingTime(2)))
    now, expected = 0.0, defaultdict(list)
    for batch, _, pause in stream.script(None):
        for row in batch:
            expected[now // 2 * 2, row[1]].append(row)
        now += pause
    assert {(pane.start, pane.key): pane.items for pane in drive.out["out"]} == expected


@given(STREAMS, st.sampled_from([*BY_TIME, Counting(3)]), st.sampled_from(HOWS))
def test_results_do_not_depend_on_the_size_of_batches(stream, size, how):
    small, large = stream.drive(window(stream, size, how)), stream.whole().drive(window(stream, size, how))
    assert (small.out, small.times, small.late_items) == (large.out, large.times, large.late_items)


@settings(max_examples=150)
@given(STREAMS, st.sampled_from(ALL), st.sampled_from(HOWS), st.integers(0, 40))
def test_a_window_that_goes_on_from_a_snapshot_sends_what_it_would_have_sent(stream, size, how, after):
    drive = stream.drive(window(stream, size, how))
    resumed = stream.interrupted(window(stream, size, how), after)
    assert (resumed.out, resumed.times) == (drive.out, drive.times)
    assert resumed.late_items == drive.late_items


@given(STREAMS, st.sampled_from(ALL))
def test_every_item_of_a_run_is_held_sent_or_late(stream, size):
    node = window(stream, size, key=lambda row: row[1])
    drive, received = Drive(node), 0
    for batch, watermark, pause in stream.script(node.window_granularity):
        received += len(batch)
        drive.batch(batch, [row[0] for row in batch]).advance(watermark).sleep(pause)
        sent = {row for pane in drive.out["out"] for row in pane.items}
        assert received - len(drive.late_items) - drive.node.holds <= len(sent)
        if not isinstance(size, Sliding):
            assert received == len(sent) + len(drive.late_items) + drive.node.holds
    sent = {row for pane in drive.finish().out["out"] for row in pane.items}
    assert (drive.node.holds, len(sent) + len(drive.late_items)) == (0, received)


@given(STREAMS, st.sampled_from(ALL))
def test_what_a_window_of_any_kind_sends_is_late_in_one_further_down_only_if_all_its_items_came_behind(stream, size):
    above = Drive(window(stream, size))
    below = Drive(Window("below", count(), Tumbling(seconds=0.5)))
    passed = 0
    for batch, watermark, pause in stream.script(0.5):
        above.batch(batch, [row[0] for row in batch]).advance(watermark).sleep(pause)
        below.batch(above.out["out"][passed:], above.times["out"][passed:]).advance(above.promised)
        passed = len(above.out["out"])
    assert above.behind.issuperset(below.late_times)
    if size in BY_TIME:
        assert below.late_items == []


@given(STREAMS, st.sampled_from(ALL), st.sampled_from([gathered, count(), average(place)]))
def test_early_results_leave_those_that_are_due_as_they_are(stream, size, how):
    due = stream.drive(window(stream, size, how))
    with_early = stream.drive(window(stream, size, how, early=0.3))
    early = list(with_early.out["out"])
    for result in due.out["out"]:
        assert result in early
        early.remove(result)
    assert with_early.late_items == due.late_items
    if not stream.pauses:
        assert early == []
