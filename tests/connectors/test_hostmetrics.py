import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.connectors import HostMetrics, HostReading
from streamweave_lab.errors import GraphError, MissingExtraError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import END, Wait
from streamweave_lab.operators.ends import Collect


def test_the_first_reading_comes_after_one_interval(polled):
    node = polled(HostMetrics("host", every=2.0)).node
    assert node.poll(10).seconds == 2.0
    node.clock.move_to(2.0)
    [reading] = node.poll(10)
    assert reading.time == 2.0
    assert node.poll(10).seconds == 2.0


def test_a_reading_tells_what_this_machine_does(polled):
    node = polled(HostMetrics("host")).node
    busy = sum(number * number for number in range(300_000))
    node.clock.move_to(1.0)
    [reading] = node.poll(1)
    assert busy > 0
    assert 0 < reading.cpu_percent <= 100
    assert 0 < reading.memory_percent < 100
    assert reading.memory_used > 10_000_000
    assert reading.network_received is None or reading.network_received >= 0


@given(gaps=st.lists(st.floats(0.0, 30.0), max_size=20))
def test_readings_that_were_missed_are_not_made_up_for(polled, gaps):
    node, last = polled(HostMetrics("host", every=1.0)).node, 0.0
    for gap in gaps:
        node.clock.move_to(node.clock.now() + gap)
        answer = node.poll(10)
        if isinstance(answer, Wait):
            assert node.clock.now() + answer.seconds >= last
        else:
            assert len(answer) == 1
            assert node.clock.now() == answer[0].time > last
            last = answer[0].time
            assert isinstance(node.poll(10), Wait)


def test_a_limit_ends_it(polled):
    drive = polled(HostMetrics("host", every=0.5, limit=3))
    node = drive.node
    assert [reading.time for reading in drive.to_end()] == [0.5, 1.0, 1.5]
    assert (node.position, node.total, node.poll(1)) == (3, 3, END)


def test_in_a_graph_the_event_time_is_the_time_of_the_reading():
    host, kept = HostMetrics("host", every=60.0, limit=5), Collect[HostReading]("kept")
    run = Graph("host", host >> kept).run_to_end()
    assert [reading.time for reading in run["kept"].items] == [60.0, 120.0, 180.0, 240.0, 300.0]
    assert run.status().frontier == 300.0


@pytest.mark.parametrize("every", [0, -1.0, float("nan")])
def test_an_interval_that_is_none_is_refused(every):
    with pytest.raises(GraphError, match="more than 0 seconds"):
        HostMetrics("host", every=every)


def test_without_psutil_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(MissingExtraError, match=r'pip install "streamweave_lab\[host\]"'):
        HostMetrics("host")


def test_it_cannot_be_replayed(polled):
    with pytest.raises(NotImplementedError, match="HostMetrics cannot be replayed"):
        polled(HostMetrics("host")).node.seek(3)


def test_a_resumed_run_goes_on_counting_and_what_was_missed_is_lost(polled):
    first = polled(HostMetrics("host", every=1.0, limit=5)).node
    for now in (1.0, 2.0):
        first.clock.move_to(now)
        assert len(first.poll(1)) == 1
    again = polled(HostMetrics("host", every=1.0, limit=5))
    again.node.restore(first.snapshot())
    assert [len(again.to_end()), again.node.position] == [3, 5]
