"""Law 2: a channel is used to its last place, and no turn is spent on a sender that cannot move."""

from streamweave_lab.engine.channel import Channel
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, FlatMap, Replay
from streamweave_lab.testing.laws import check_edge


def test_what_waits_takes_the_one_place_that_has_become_free() -> None:
    channel = Channel("a.out", "b.in", 3, sender=0, receiver=1, port="in")
    channel.put(Batch([1, 2, 3, 4, 5]))
    channel.take(1)
    assert not channel.settle()
    assert (channel.queued, channel.left, channel.sent) == (3, 4, 4)
    check_edge(channel)


def test_items_pass_an_edge_that_has_room_for_one() -> None:
    twice = FlatMap("twice", lambda n: [n, n])
    graph = Graph("narrow", Replay("numbers", range(5)) >> twice, (twice >> Collect("all")).capacity(1))
    run = graph.run_to_end()
    assert run["all"].items == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert run.status().edges[-1].peak == 1
