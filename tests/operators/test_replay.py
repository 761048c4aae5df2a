import asyncio

import pytest

from streamweave_lab.errors import GraphError, StateError, UsedUpError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import END, AsyncSource
from streamweave_lab.operators import Count, Replay
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.testing.harness import Drive


class Numbers:
    """Can be gone through again, has no length."""

    def __iter__(self):
        return iter(range(5))


async def letters():
    for letter in "abc":
        yield letter


class Letters:
    def __aiter__(self):
        return letters()


def source(items, **kwargs):
    return Drive(Replay("source", items, **kwargs)).node


async def streamed(node):
    return [items async for items in node.stream()]


@pytest.mark.parametrize("items", [[0, 1, 2, 3, 4], (0, 1, 2, 3, 4), range(5), Numbers(), iter(range(5))])
def test_items_come_in_order_up_to_the_limit_and_then_the_end(items):
    node = source(items)
    assert [node.poll(2), node.poll(2), node.poll(2), node.poll(2), node.poll(2)] == [[0, 1], [2, 3], [4], END, END]
    assert node.position == 5


@pytest.mark.parametrize(("items", "total"), [([1, 2], 2), (range(7), 7), (Numbers(), None), (iter([1]), None)])
def test_the_total_is_known_where_there_is_a_length(items, total):
    assert source(items).total == total


@pytest.mark.parametrize("items", [[0, 1, 2, 3, 4], (0, 1, 2, 3, 4), Numbers()])
def test_every_run_begins_at_the_beginning(items):
    replay = Replay("source", items)
    assert Drive(replay).node.poll(9) == Drive(replay).node.poll(9) == [0, 1, 2, 3, 4]
    assert replay.position == 0


@pytest.mark.parametrize("items", [[0, 1, 2, 3, 4], range(5), Numbers()])
def test_a_source_goes_on_from_the_position_it_is_set_to(items):
    node = source(items)
    node.poll(5)
    node.seek(3)
    assert (node.position, node.poll(9), node.position) == (3, [3, 4], 5)


def test_an_iterator_serves_one_run_and_the_next_is_told_so():
    replay = Replay("once", (n for n in range(3)))
    assert Drive(replay).node.poll(9) == [0, 1, 2]
    with pytest.raises(UsedUpError, match="'once' replays a generator, which an earlier run has used up"):
        Drive(replay)


def test_an_iterator_cannot_be_set_back():
    with pytest.raises(NotImplementedError, match="Replay cannot be replayed"):
        source(iter([1])).seek(0)


def test_items_before_an_error_are_brought_in_before_it_is_raised():
    def broken():
        yield 1
        yield 2
        raise OSError("gone")

    node = source(broken())
    assert node.poll(10) == [1, 2]
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            node.poll(10)


def test_an_async_iterable_makes_an_asynchronous_source_that_looks_the_same():
    replay = Replay("letters", Letters())
    assert isinstance(replay, AsyncSource)
    assert isinstance(replay, Replay)
    assert repr(replay) == "Replay('letters')"
    assert not isinstance(Replay("list", []), AsyncSource)


def test_an_async_iterable_gives_each_item_as_soon_as_it_is_there():
    replay = Replay("letters", items=Letters())
    node = Drive(replay).node
    assert asyncio.run(streamed(node)) == [["a"], ["b"], ["c"]]
    assert node.position == 3
    assert asyncio.run(streamed(Drive(replay).node)) == [["a"], ["b"], ["c"]]


def test_an_async_iterable_goes_on_from_the_position_it_is_set_to():
    node = source(Letters())
    node.seek(2)
    assert asyncio.run(streamed(node)) == [["c"]]
    assert node.position == 3


@pytest.mark.parametrize("items", [[0, 1, 2], (0, 1, 2), range(3), {0: 0, 1: 1, 2: 2}])
def test_a_source_that_is_to_go_on_after_more_items_than_there_are_is_refused(items):
    assert source(items).seek(3) is None
    with pytest.raises(StateError, match="source: there are only 3 items, and the checkpoint was taken after 5; "):
        source(items).seek(5)


def test_an_async_iterable_that_ends_before_the_position_is_refused():
    node = source(Letters())
    node.seek(5)
    with pytest.raises(StateError, match="only 3 items, and the checkpoint was taken after 5"):
        asyncio.run(streamed(node))


def test_a_resumed_run_on_a_shorter_input_fails(tmp_path):
    store = SqliteStore(tmp_path / "state.db")
    Graph("g", Replay("n", range(5)) >> Count("end")).run_to_end(store=store)
    with pytest.raises(StateError, match="only 3 items"):
        Graph("g", Replay("n", range(3)) >> Count("end")).run_to_end(store=store, resume=True)


def test_an_async_generator_serves_one_run():
    replay = Replay("once", letters())
    asyncio.run(streamed(Drive(replay).node))
    with pytest.raises(UsedUpError, match="async_generator"):
        Drive(replay)


def test_event_time_and_its_settings_are_what_was_drawn():
    node = source([{"at": 5}], time=lambda row: row["at"], lag=30, idle_after=2)
    assert (node.time({"at": 5}), node.lag, node.idle_after) == (5, 30, 2)


@pytest.mark.parametrize("kwargs", [{"lag": -1}, {"idle_after": -0.1}])
def test_a_negative_duration_is_refused(kwargs):
    with pytest.raises(GraphError, match="cannot be negative"):
        Replay("source", [], **kwargs)


def test_what_cannot_be_gone_through_is_refused():
    with pytest.raises(GraphError, match="needs an iterable or an async iterable, not 5"):
        Replay("source", 5)


def test_both_kinds_can_be_drawn():
    assert len(Graph("g", Replay("list", [1]) >> Count("n"), Replay("letters", Letters()) >> Count("m")).nodes) == 4
