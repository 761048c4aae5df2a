import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.batch import Failure
from streamweave_lab.operators import Filter, FlatMap, Map
from streamweave_lab.testing.harness import Drive

TENTH = Map("tenth", lambda n: 10 // n)


def test_map_sends_what_the_function_returns_with_the_times_of_the_items():
    drive = Drive(TENTH).batch([1, 2, 5], [7.0, 8.0, 9.0])
    assert drive.out == {"out": [10, 5, 2]}
    assert drive.times == {"out": [7.0, 8.0, 9.0]}


def test_map_passes_on_that_there_are_no_times():
    drive = Drive(TENTH).batch([1, 2])
    assert drive.times == {"out": [None, None]}


def test_an_item_on_which_the_function_raises_leaves_by_error_and_the_others_go_on():
    drive = Drive(TENTH).batch([0, 1, 0, 2], [1.0, 2.0, 3.0, 4.0])
    assert drive.out["out"] == [10, 5]
    assert drive.times["out"] == [2.0, 4.0]
    assert [(f.node, f.item, f.time) for f in drive.failures] == [("tenth", 0, 1.0), ("tenth", 0, 3.0)]
    assert isinstance(drive.failures[0].error, ZeroDivisionError)


def test_the_function_is_called_once_for_an_item_that_fails():
    calls = []

    def note(item):
        calls.append(item)
        raise ValueError(item)

    Drive(Map("note", note)).batch(["a", "b"])
    assert calls == ["a", "b"]


@pytest.mark.parametrize("kind", [Map, Filter, FlatMap])
@pytest.mark.parametrize("times", [None, [1.0]])
def test_an_interrupt_is_not_taken_for_a_failing_item(kind, times):
    def interrupt(_item):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Drive(kind("interrupted", interrupt)).batch([1], times)


@given(st.lists(st.integers(-3, 3)))
def test_map_calls_its_function_once_for_each_item_in_order_whatever_fails(items):
    calls = []

    def picky(item):
        calls.append(item)
        if item == 0:
            raise StopIteration
        return 6 // (item + 1)

    drive = Drive(Map("picky", picky)).batch(items)
    assert calls == items
    assert drive.out.get("out", []) == [6 // (item + 1) for item in items if item not in (0, -1)]
    assert [failure.item for failure in drive.failures] == [item for item in items if item in (0, -1)]


@given(st.lists(st.integers(-3, 3)))
def test_filter_calls_its_function_once_for_each_item_in_order_whatever_fails(items):
    calls = []

    def picky(item):
        calls.append(item)
        if item == 0:
            raise StopIteration
        return 6 // (item + 1) > 2

    drive = Drive(Filter("picky", picky)).batch(items)
    assert calls == items
    assert drive.out.get("out", []) == [item for item in items if item not in (0, -1) and 6 // (item + 1) > 2]
    assert [failure.item for failure in drive.failures] == [item for item in items if item in (0, -1)]


def test_filter_sends_on_the_items_the_function_says_yes_to_with_their_times():
    even = Filter("even", lambda n: n % 2 == 0)
    assert Drive(even).batch([1, 2, 3, 4]).out["out"] == [2, 4]
    drive = Drive(even).batch([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0])
    assert (drive.out["out"], drive.times["out"]) == ([2, 4], [2.0, 4.0])


def test_filter_refuses_an_item_whose_answer_is_no_truth_value():
    class Neither:
        def __bool__(self):
            raise ValueError("neither")

    drive = Drive(Filter("either", lambda item: item)).batch([Neither(), 1])
    assert drive.out["out"] == [1]
    assert str(drive.failures[0].error) == "neither"


def test_flatmap_sends_every_item_of_the_iterables_with_the_time_of_the_item_they_came_from():
    words = FlatMap("words", str.split)
    assert Drive(words).batch(["to be", "", "or"]).out["out"] == ["to", "be", "or"]
    drive = Drive(words).batch(["to be", "", "or"], [1.0, 2.0, 3.0])
    assert drive.times["out"] == [1.0, 1.0, 3.0]


@pytest.mark.parametrize("times", [None, [1.0, 2.0, 3.0]])
def test_flatmap_sends_nothing_of_an_iterable_that_raises_on_the_way(times):
    def halves(n):
        yield n // 2
        if n % 2:
            raise ValueError(f"{n} is odd")
        yield n // 2

    drive = Drive(FlatMap("halves", halves)).batch([2, 3, 4], times)
    assert drive.out["out"] == [1, 1, 2, 2]
    assert [f.item for f in drive.failures] == [3]
    assert drive.times["out"] == ([1.0, 1.0, 3.0, 3.0] if times else [None] * 4)


def test_a_batch_that_many_receive_is_not_changed():
    items, times = [3, 0, 1], [1.0, 2.0, 3.0]
    for node in (TENTH, Filter("f", lambda n: 1 // n), FlatMap("g", lambda n: [1 // n])):
        Drive(node).batch(items, times)
    assert (items, times) == ([3, 0, 1], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("kind", [Map, Filter, FlatMap])
def test_what_cannot_be_called_is_refused_when_it_is_drawn(kind):
    with pytest.raises(GraphError, match=r"'parse'\) needs a function, not 3"):
        kind("parse", 3)


ITEMS = st.lists(st.integers(-3, 3), max_size=30)


@given(items=ITEMS, cut=st.integers(0, 30), timed=st.booleans())
def test_every_item_is_sent_kept_back_by_the_filter_or_refused_however_batches_are_cut(items, cut, timed):
    def times(start, part):
        return [float(start + i) for i in range(len(part))] if timed else None

    whole = {}
    for node in (TENTH, Filter("f", lambda n: 10 // n > 4), FlatMap("g", lambda n: range(10 // n))):
        once = Drive(node).batch(items, times(0, items))
        twice = Drive(node).batch(items[:cut], times(0, items[:cut])).batch(items[cut:], times(cut, items[cut:]))
        assert (once.out["out"], once.times["out"]) == (twice.out["out"], twice.times["out"])
        assert [(f.item, f.time) for f in once.failures] == [(f.item, f.time) for f in twice.failures]
        assert len(once.failures) == items.count(0)
        whole[node.name] = once.out["out"]
    assert len(whole["tenth"]) == len(items) - items.count(0)
    assert whole["f"] == [n for n in items if n in (1, 2)]


def test_a_failure_says_node_item_error_and_time():
    failure = Drive(TENTH).batch([0], [5.0]).failures[0]
    assert failure == Failure("tenth", 0, failure.error, 5.0)


@pytest.mark.parametrize("kind", [Map, Filter, FlatMap])
def test_a_coroutine_function_is_refused_when_drawn_and_map_async_named(kind):
    async def fetch(item):
        return item

    with pytest.raises(GraphError, match="cannot await 'fetch', a coroutine function; use MapAsync"):
        kind("step", fetch)
