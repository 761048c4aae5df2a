"""Of every node that keeps something: a run that goes on from a snapshot is the uninterrupted one, and what it
sends and finds late does not depend on batches."""

import math
from time import process_time
from timeit import timeit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamweave_lab.operators.enrich import Enrich
from streamweave_lab.operators.join import IntervalJoin
from streamweave_lab.operators.merge import Merge, Zip
from streamweave_lab.operators.shaping import Deduplicate, Sample, Take
from streamweave_lab.operators.shaping_rate import Debounce, Throttle
from streamweave_lab.operators.shaping_top import TopK
from streamweave_lab.operators.window_join import WindowJoin
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.testing.harness import Drive
from tests.operators.scripts import interrupted, play, two


def key(row):
    return row[1]


def both(item, row=None):
    return item, row


SIDES, TABLE, ONE = ("left", "right"), ("in", "table"), ("in", "in")
BY_EVENT_TIME = [
    (IntervalJoin("near", key, key, within=(2.0, 3.0), every=1.5), SIDES),
    (WindowJoin("same", key, key, Tumbling(seconds=2.5)), SIDES),
    (Enrich("as_of", both, key=key, table_key=key, otherwise=both, within=9.0, every=2.0), TABLE),
    (Merge("merged", every=2.0), ONE),
    (Deduplicate("once", key, 3.0), ONE),
]
OTHERS = [
    (Enrich("arrived", both, key=key, table_key=key, otherwise=both, as_of=False), TABLE),
    (Zip("pairs", hold=100_000), SIDES),
    (Take("first", 5), ONE),
    (Sample("some", 0.5, seed=3), ONE),
    (Deduplicate("ever", key, math.inf), ONE),
    (TopK("best", 2, lambda row: row[2] % 7, key=key), ONE),
]
BY_THE_CLOCK = [(Debounce("last", 5.0, key=key), ONE), (Throttle("few", 2, 5.0, key=key), ONE)]


def named(nodes):
    return pytest.mark.parametrize(("node", "ports"), nodes, ids=[node.name for node, _ in nodes])


@named(BY_EVENT_TIME + OTHERS)
@settings(max_examples=25)
@given(data=st.data())
def test_a_run_that_goes_on_from_a_snapshot_is_the_uninterrupted_one(node, ports, data):
    late = (node, ports) in BY_EVENT_TIME and data.draw(st.booleans())
    script = data.draw(two(ports=ports, late=late)).script(every=1.0)
    assert_the_same(node, script, data.draw(st.integers(0, len(script))))


@named(BY_THE_CLOCK)
@settings(max_examples=25)
@given(data=st.data())
def test_a_node_that_goes_by_the_clock_goes_on_from_a_snapshot(node, ports, data):
    script = []
    for line in data.draw(two(ports=ports)).script(every=1.0):
        script += [line, ("sleep", data.draw(st.sampled_from([0.0, 1.0, 4.0])))]
    assert_the_same(node, script, data.draw(st.integers(0, len(script))))


def assert_the_same(node, script, at):
    whole, parts = play(Drive(node), script).finish(), interrupted(node, script, at)
    for port in node.outputs:
        assert (parts.out[port], parts.times[port]) == (whole.out[port], whole.times[port])
    assert parts.late_items == whole.late_items
    assert [f.item for f in parts.failures] == [f.item for f in whole.failures]


@named(BY_EVENT_TIME)
@settings(max_examples=25)
@given(data=st.data())
def test_what_is_sent_and_what_is_late_does_not_depend_on_batches(node, ports, data):
    streams = data.draw(two(ports=ports, late=True))
    single = play(Drive(node), streams.script(every=None)).finish()
    batches = play(Drive(node), streams.script(every=0.5)).finish()
    assert batches.late_items == single.late_items
    for port in node.outputs:
        assert (batches.out[port], batches.times[port]) == (single.out[port], single.times[port])


@named(BY_EVENT_TIME)
@settings(max_examples=20)
@given(data=st.data())
def test_every_item_is_held_sent_or_late(node, ports, data):
    streams, drive, received = data.draw(two(ports=ports, late=True)), Drive(node), 0
    for line in streams.script(every=1.0):
        play(drive, [line])
        assert drive.node.holds >= 0
        received += 0 if line[0] == "frontier" else len(line[1])
        if node.name == "merged":
            assert received == drive.node.holds + len(drive.out["out"]) + len(drive.late_items)
    assert drive.finish().node.holds == 0


@named([case for case in [*BY_EVENT_TIME, *OTHERS, *BY_THE_CLOCK] if case[0].name in ("near", "as_of", "once", "last")])
def test_the_state_of_100_000_keys_is_copied_in_a_moment(node, ports):
    drive = Drive(node)
    rows = [(5.0 + n % 3, str(n), n) for n in range(100_000)]
    drive.batch(rows, [row[0] for row in rows], port=ports[-1])
    assert min(timeit(drive.node.snapshot, timer=process_time, number=1) for _ in range(5)) < 0.010
