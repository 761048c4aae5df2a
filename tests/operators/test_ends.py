import asyncio
from functools import partial

import pytest

from streamweave_lab.errors import GraphError, NotRunningError
from streamweave_lab.operators import Collect, Count, ForEach, Latest
from streamweave_lab.testing.harness import Drive


def test_collect_keeps_every_item_in_order():
    assert Drive(Collect("all")).batch([3, 1]).batch([2]).node.items == [3, 1, 2]


def test_latest_keeps_the_item_that_came_last_for_every_key():
    board = Latest("board", key=lambda row: row[0])
    drive = Drive(board).batch([("UA", 1), ("DL", 2), ("UA", 3)]).batch([("AA", 4)])
    assert drive.node.items == {"UA": ("UA", 3), "DL": ("DL", 2), "AA": ("AA", 4)}


def test_latest_without_a_key_keeps_one_item():
    drive = Drive(Latest("last"))
    assert drive.node.items == {}
    assert drive.batch([1, 2]).batch([]).batch([3]).node.items == {None: 3}


def test_latest_refuses_an_item_whose_key_cannot_be_had():
    drive = Drive(Latest("board", key=lambda row: row["id"])).batch([{}, {"id": 1}])
    assert drive.node.items == {1: {"id": 1}}
    assert [type(f.error) for f in drive.failures] == [KeyError]


def test_count_counts_and_keeps_nothing():
    drive = Drive(Count("n"))
    assert drive.node.count == 0
    assert drive.batch(["a", "b"]).batch(["c"]).node.count == 3


@pytest.mark.parametrize(("node", "what"), [(Collect("x"), "items"), (Latest("x"), "items"), (Count("x"), "count")])
def test_a_drawing_has_no_results_and_says_where_they_are(node, what):
    Drive(node).batch([1])
    with pytest.raises(NotRunningError, match=rf"run\['x'\]\.{what}"):
        getattr(node, what)


def test_each_run_begins_with_nothing():
    node = Collect("all")
    first, second = Drive(node).batch([1]), Drive(node).batch([2])
    assert (first.node.items, second.node.items) == ([1], [2])


def test_for_each_calls_the_function_and_refuses_what_it_raises_on():
    seen = []

    def look(item):
        seen.append(item)
        if item == "bad":
            raise ValueError(item)

    drive = Drive(ForEach("look", look)).batch(["a", "bad", "b"], [1.0, 2.0, 3.0]).batch(["bad"])
    assert seen == ["a", "bad", "b", "bad"]
    assert [(f.item, f.time) for f in drive.failures] == [("bad", 2.0), ("bad", None)]


def test_for_each_of_a_coroutine_function_is_awaited():
    seen = []

    async def look(item):
        await asyncio.sleep(0)
        seen.append(item)

    node = ForEach("look", look, concurrency=4)
    assert (node.awaits, node.concurrency) == (True, 4)
    Drive(node).batch(["a", "b"])
    assert seen == ["a", "b"]


def test_coroutine_functions_are_known_through_partial_and_call():
    async def look(where, item):
        del where, item

    class Look:
        async def __call__(self, item):
            del item

    assert ForEach("a", partial(look, "there")).awaits
    assert ForEach("b", Look()).awaits
    assert not ForEach("c", print).awaits


def test_concurrency_is_for_coroutine_functions():
    with pytest.raises(GraphError, match="concurrency=2 is for coroutine functions"):
        ForEach("look", print, concurrency=2)


def test_concurrency_is_at_least_1():
    with pytest.raises(GraphError, match="at least 1, not 0"):
        ForEach("look", print, concurrency=0)
