"""Law 2: nothing keeps more than it may."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from streamweave_lab.engine.channel import Channel
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.graph.batch import Barrier, Batch, Watermark
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import AsyncSource, Poll
from streamweave_lab.operators import Collect, Count, Filter, FlatMap, ForEach, Map, MapAsync, Replay
from streamweave_lab.testing.laws import check_edge
from streamweave_lab.testing.loop import run_virtual


@pytest.fixture
def channel() -> Channel:
    return Channel("a.out", "b.in", 5, sender=0, receiver=1, port="in")


def test_a_batch_that_does_not_fit_goes_in_part_and_the_rest_waits(channel: Channel) -> None:
    channel.put(Batch([1, 2, 3]))
    channel.put(Batch([4, 5, 6, 7]))
    assert (channel.queued, channel.peak, channel.left) == (5, 5, 7)
    assert channel.take(3).items == [1, 2, 3]
    assert channel.settle()
    assert (channel.queued, channel.left) == (4, 4)
    assert [channel.take(9).items for _ in range(2)] == [[4, 5], [6, 7]]
    check_edge(channel)


def test_a_batch_larger_than_the_channel_passes_in_pieces(channel: Channel) -> None:
    channel.put(Batch(list(range(12)), [float(n) for n in range(12)]))
    pieces = []
    while channel.left:
        pieces.append(channel.take(100))
        channel.settle()
    assert [len(piece) for piece in pieces] == [5, 5, 2]
    assert [time for piece in pieces for time in piece.times or ()] == [float(n) for n in range(12)]
    assert channel.peak == 5


def test_marks_take_no_room_and_keep_their_place(channel: Channel) -> None:
    channel.put(Batch([1, 2, 3, 4, 5]))
    channel.put(Barrier(1))
    channel.put(Batch([6]))
    channel.put(Watermark(9.0))
    assert channel.queued == 5
    assert channel.take(5).items == [1, 2, 3, 4, 5]
    channel.settle()
    assert isinstance(channel.queue.popleft(), Barrier)
    assert channel.take(1).items == [6]
    assert isinstance(channel.queue.popleft(), Watermark)


def test_watermarks_that_follow_each_other_become_one(channel: Channel) -> None:
    for time in range(100):
        channel.put(Watermark(float(time)))
    assert [entry.time for entry in channel.queue if isinstance(entry, Watermark)] == [99.0]


def test_a_barrier_keeps_watermarks_apart(channel: Channel) -> None:
    channel.put(Watermark(1.0))
    channel.put(Barrier(7))
    channel.put(Watermark(2.0))
    assert list(map(repr, channel.queue)) == ["Watermark(1.0)", repr(Barrier(7)), "Watermark(2.0)"]


def test_to_become_idle_does_not_hide_how_far_the_sender_had_come(channel: Channel) -> None:
    for time in (1.0, 2.0, None, None, 3.0, None):
        channel.put(Watermark(time))
    assert list(map(repr, channel.queue)) == ["Watermark(3.0)", "Watermark(None)"]


def test_what_is_dropped_was_sent_and_is_counted(channel: Channel) -> None:
    channel.put(Batch(list(range(8))))
    channel.take(2)
    assert channel.drop_all() == 6
    assert (channel.sent, channel.received, channel.queued, channel.dropped) == (8, 2, 0, 6)


async def hang(_item: object) -> None:
    await asyncio.Event().wait()


async def settled(run: LocalRun) -> LocalRun:
    """Let a run in virtual time do all it can."""
    await asyncio.sleep(1.0)
    return run


def test_a_full_channel_makes_the_sender_wait() -> None:
    async def main() -> None:
        source = Replay("numbers", iter(int, 1))
        run = await settled(Graph("full", (source >> ForEach("hang", hang)).capacity(100)).start())
        status = run.status()
        edge = status.edge("numbers.out", "hang.in")
        assert (edge.queued, edge.capacity, edge.peak) == (100, 100, 100)
        assert (status.node("numbers").state, edge.blocked) == ("blocked", True)
        assert status.node("numbers").position == 102  # 100 stand in the channel, one is awaited, one is next
        await run.stop()

    run_virtual(main())


def test_the_senders_wait_travels_upstream_to_the_source() -> None:
    async def main() -> None:
        path = Replay("numbers", iter(int, 1)) >> Map("a", abs) >> Map("b", abs) >> ForEach("hang", hang)
        run = await settled(Graph("chain", path).start())
        states = {node.name: node.state for node in run.status().nodes}
        assert states == {"numbers": "blocked", "a": "blocked", "b": "blocked", "hang": "busy"}
        assert [edge.queued for edge in run.status().edges] == [8192, 8192, 8192]
        await run.stop()

    run_virtual(main())


def test_one_item_that_becomes_thousands_never_fills_a_channel_beyond_its_capacity() -> None:
    many = FlatMap("many", lambda n: range(n))
    graph = Graph(
        "explosion", Replay("numbers", [10_000, 5_000]) >> many, (many >> Map("same", abs)).capacity(10) >> Count("n")
    )
    run = graph.run_to_end()
    assert run["n"].count == 15_000
    assert run.status().edge("many.out", "same.in").peak == 10


def test_a_node_that_filters_everything_away_leaves_no_heap_of_marks() -> None:
    async def main() -> None:
        join = ForEach("hang", hang)
        nothing = Filter[int]("nothing", lambda n: n < 0)
        graph = Graph(
            "marks", Replay("numbers", range(50_000), time=float) >> nothing >> join, Replay("one", [1]) >> join
        )
        run = await settled(graph.start())
        assert max(len(channel.queue) + len(channel.waiting) for channel in run.core.channels) <= 2
        await run.stop()

    run_virtual(main())


def test_awaited_work_is_bounded_by_its_concurrency() -> None:
    async def main() -> None:
        waiting = 0
        most = 0

        async def work(item: int) -> int:
            nonlocal waiting, most
            waiting += 1
            most = max(most, waiting)
            await asyncio.sleep(item % 7)
            waiting -= 1
            return item

        fetch = MapAsync("fetch", work, concurrency=7, ordered=False)
        run = Graph("bounded", Replay("numbers", range(500)) >> fetch >> Count("n")).start()
        await run.done()
        assert (most, run["n"].count) == (7, 500)

    run_virtual(main())


def test_results_that_have_no_room_stop_the_work() -> None:
    async def main() -> None:
        done: list[int] = []

        async def work(item: int) -> int:
            done.append(item)
            return item

        fetch = MapAsync("fetch", work, concurrency=3)
        graph = Graph("stuck", Replay("numbers", iter(int, 1)) >> fetch, (fetch >> ForEach("hang", hang)).capacity(10))
        run = await settled(graph.start())
        assert run.status().node("fetch").state == "blocked"
        assert len(done) <= 10 + 2 + 6  # the channel, the sink, and twice the concurrency
        await run.stop()

    run_virtual(main())


class Eager(AsyncSource[int]):
    """Yields ten items at a time, as fast as they are taken."""

    yielded = 0

    async def stream(self) -> AsyncIterator[list[int]]:
        for _ in counting():
            self.yielded += 1
            yield list(range(10))


def counting() -> Iterator[int]:
    return iter(int, 1)


def test_a_stream_is_not_asked_for_more_while_there_is_no_room() -> None:
    async def main() -> None:
        run = await settled(Graph("eager", (Eager("eager") >> ForEach("hang", hang)).capacity(25)).start())
        assert run.status().edge("eager.out", "hang.in").queued == 25
        assert run["eager"].yielded == 4  # 25 in the channel, 2 in the sink, 3 wait, and 10 in hand
        await run.stop()

    run_virtual(main())


class Generous(Replay[int]):
    """Gives a thousand items whatever it is asked for."""

    def poll(self, limit: int) -> Poll[int]:
        return super().poll(1000)


def test_a_source_that_gives_more_than_it_was_asked_for_overfills_nothing() -> None:
    run = Graph("generous", (Generous("generous", range(2500)) >> Count("n")).capacity(7)).run_to_end()
    assert (run["n"].count, run.status().edges[0].peak) == (2500, 7)


def test_edges_that_wait_for_each_other_are_named() -> None:
    async def main() -> None:
        run = Graph("stuck", (Replay("numbers", range(1000)) >> Collect("all")).capacity(4)).start()
        run.core.channels[0].held = True  # as a node does that waits for another input
        await settled(run)
        reason = "nothing can move: numbers.out -> all.in wait for each other; give them more capacity"
        assert (run.status().ready, run.status().reasons) == (False, (f"{reason}, as (a >> b).capacity(n) does",))
        await run.stop()

    run_virtual(main())
