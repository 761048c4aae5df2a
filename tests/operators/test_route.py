import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, Replay, Route
from streamweave_lab.testing.harness import Drive


def size():
    return Route("size", small=lambda n: n < 10, even=lambda n: n % 2 == 0)


def test_the_first_predicate_that_is_true_takes_the_item():
    drive = Drive(size()).batch([4, 12, 13, 9])
    assert drive.out == {"small": [4, 9], "even": [12], "rest": [13]}


def test_items_keep_their_times():
    drive = Drive(size()).batch([4, 12, 13], [1.0, 2.0, 3.0])
    assert drive.times == {"small": [1.0], "even": [2.0], "rest": [3.0]}


def test_ports_are_named_by_their_predicates():
    route = size()
    assert repr(route["small"]) == "size.small"
    assert route["rest"] is route.rest
    assert list(route.outputs) == ["small", "even", "rest", "error"]


def test_a_route_is_drawn_from_each_of_its_ports():
    source, route = Replay("numbers", [1, 12, 13]), size()
    graph = Graph(
        "sizes",
        source >> route,
        route["small"] >> Collect("a"),
        route["even"] >> Collect("b"),
        route.rest >> Collect("c"),
    )
    assert list(graph.nodes) == ["numbers", "size", "a", "b", "c"]


def test_an_unknown_route_is_refused_and_the_known_ones_are_named():
    with pytest.raises(GraphError, match="no route 'big'; it has 'small', 'even', 'rest'"):
        size()["big"]


def test_the_error_port_is_not_a_route():
    with pytest.raises(GraphError, match="no route 'error'"):
        size()["error"]


@pytest.mark.parametrize("port", ["rest", "error", "out", "in", "in_", "late", "two words", "->"])
def test_a_predicate_cannot_take_the_name_of_another_port(port):
    with pytest.raises(GraphError, match="cannot have a port"):
        Route("r", **{port: bool})


def test_a_predicate_may_be_called_name():
    assert repr(Route("r", name=bool)["name"]) == "r.name"


def test_a_route_without_predicates_has_nothing_to_decide():
    with pytest.raises(GraphError, match="nothing to decide"):
        Route("r")


@pytest.mark.parametrize("times", [None, [1.0, 2.0]])
def test_an_item_on_which_a_predicate_raises_leaves_by_error(times):
    drive = Drive(Route("r", whole=lambda n: 1 % n == 0)).batch([0, 1], times)
    assert drive.out == {"whole": [1]}
    assert [(f.item, f.time) for f in drive.failures] == [(0, times and 1.0)]


@given(st.lists(st.integers(0, 30)), st.booleans())
def test_every_item_leaves_by_exactly_one_port_in_order(items, timed):
    drive = Drive(size()).batch(items, [float(i) for i in range(len(items))] if timed else None)
    assert drive.out["small"] == [n for n in items if n < 10]
    assert drive.out["even"] == [n for n in items if n >= 10 and n % 2 == 0]
    assert drive.out["rest"] == [n for n in items if n >= 10 and n % 2]
