"""What a graph refuses, in which words, and what it is once it is drawn."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.errors import GraphError, NotRunningError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Node, Sink, Step
from streamweave_lab.graph.port import ClosedPath, In, Out, Path
from streamweave_lab.graph.source import Source
from streamweave_lab.operators import Count, IntervalJoin, Replay, Route, Window, mean
from streamweave_lab.progress.window import Tumbling


class Numbers(Source[int]):
    pass


class Double(Step[int, int]):
    pass


class Keep(Sink[int]):
    pass


class Join(Node):
    left: In[int]
    right: In[int]
    out: Out[int]


def refused(name: str, *paths: object) -> str:
    with pytest.raises(GraphError) as caught:
        Graph(name, *paths)  # type: ignore[arg-type]
    return str(caught.value)


def drawn(*paths: ClosedPath) -> list[str]:
    return [repr(edge) for edge in Graph("g", *paths).edges]


def test_an_edge_goes_from_out_to_in_and_the_path_goes_on():
    path = Numbers("a") >> Double("b") >> Double("c") >> Keep("d")
    assert drawn(path) == ["a.out -> b.in", "b.out -> c.in", "c.out -> d.in"]


def test_named_ports_are_drawn_from_and_to():
    a, b, join = Numbers("a"), Numbers("b"), Join("join")
    assert drawn(a >> join.left, b >> Double("c") >> join.right, join.out >> Keep("d")) == [
        "a.out -> join.left",
        "b.out -> c.in",
        "c.out -> join.right",
        "join.out -> d.in",
    ]


def test_a_path_is_a_value_that_can_be_drawn_on_twice():
    start = Numbers("a") >> Double("b")
    one, two = start >> Keep("c"), start >> Keep("d")
    assert drawn(one, two) == ["a.out -> b.in", "b.out -> c.in", "b.out -> d.in"]


def test_a_path_to_a_step_is_open_and_one_to_a_sink_or_a_named_port_is_closed():
    assert isinstance(Numbers("a") >> Double("b"), Path)
    assert not isinstance(Numbers("a") >> Keep("b"), Path)
    assert not isinstance(Numbers("a") >> Join("b").left, Path)


def test_a_graph_can_be_drawn_again_from_the_same_nodes():
    path = Numbers("a") >> Keep("b")
    assert [*Graph("g", path).nodes] == [*Graph("g", path).nodes] == ["a", "b"]


def test_nodes_are_in_topological_order_whatever_the_order_of_drawing():
    a, b, c, d = Numbers("a"), Double("b"), Double("c"), Keep("d")
    graph = Graph("g", c >> d, b >> c, a >> b)
    assert [node.name for node in graph] == ["a", "b", "c", "d"]
    assert graph["c"] is c


def test_capacity_is_that_of_the_last_edge():
    path = (Numbers("a") >> Double("b")).capacity(7) >> Keep("c")
    assert [edge.capacity for edge in Graph("g", path).edges] == [7, None]
    with pytest.raises(GraphError, match=r"a\.out -> b\.in: a channel must hold at least 1 item, not 0"):
        (Numbers("a") >> Double("b")).capacity(0)


@pytest.mark.parametrize("name", ["", "two words", "a/b", "é", 5])
def test_a_bad_name_is_refused(name):
    assert refused(name, Numbers("a") >> Keep("b")) == (
        f"{name!r} cannot name a graph: use the letters A to Z and a to z, digits, '_', '.' and '-'"
    )
    with pytest.raises(GraphError, match="cannot name a node"):
        Numbers(name)


def test_an_empty_graph_is_refused():
    assert refused("g") == "graph 'g' is empty: give it at least one path, such as source >> sink"


def test_what_is_no_path_is_refused():
    assert refused("g", "a >> b") == "graph 'g': 'a >> b' is not a path; draw one with >>"


def test_an_input_without_an_edge_is_refused():
    join = Join("join")
    assert refused("g", Numbers("a") >> join.left, join.out >> Keep("b")) == (
        "graph 'g': nothing leads to join.right; draw an edge to it"
    )
    assert refused("g", Double("b") >> Keep("c")) == "graph 'g': nothing leads to b.in; draw an edge to it"


def test_an_output_that_leads_nowhere_is_refused_but_error_may_be_open():
    assert refused("g", Numbers("a") >> Double("b")) == (
        "graph 'g': b.out leads nowhere, its items would be lost; draw an edge from it to a step or a sink"
    )
    assert refused("g", Numbers("a")) == (
        "graph 'g': a.out leads nowhere, its items would be lost; draw an edge from it to a step or a sink"
    )


def test_two_nodes_of_one_name_are_refused_with_their_kinds():
    assert refused("g", Numbers("a") >> Double("b") >> Keep("b")) == (
        "graph 'g': 2 nodes are named 'b' (Double, Keep); give each its own name"
    )


def test_an_edge_drawn_twice_is_refused():
    a, b = Numbers("a"), Keep("b")
    assert refused("g", a >> b, a >> b) == "graph 'g': the edge a.out -> b.in is drawn twice"


def test_a_cycle_is_refused_with_its_edges():
    b, c, d = Double("b"), Double("c"), Keep("d")
    assert refused("g", Numbers("a") >> b >> c >> b, c >> d) == (
        "graph 'g': it has a cycle: b.out -> c.in, c.out -> b.in; a graph must flow one way. "
        "To go round with an item until it has converged, use sw.Iterate(name, f, until=…, limit=…)"
    )
    assert refused("g", Numbers("a") >> b, b >> b, b >> d).startswith("graph 'g': it has a cycle: b.out -> b.in;")


def test_a_sink_cannot_be_drawn_from():
    with pytest.raises(GraphError, match="b is a sink and has no output port to draw"):
        Keep("b") >> Keep("c")


def test_what_a_closed_path_and_a_route_say_of_where_to_go_on():
    route = Route("size", even=lambda n: n % 2 == 0)
    closed = Replay("numbers", [1]) >> route
    with pytest.raises(
        GraphError, match=r'nothing goes on from there; draw from size\["even"\], size\.rest, size\.error'
    ):
        closed >> Count("n")
    with pytest.raises(GraphError, match=r'it has no port out; draw from size\["even"\]'):
        route >> Count("n")
    with pytest.raises(AttributeError, match=r'write size\["even"\]'):
        _ = route.even
    with pytest.raises(GraphError, match=r"nothing goes on from there; draw from n\.error"):
        (Replay("numbers", [1]) >> Count("n")) >> Count("m")


class Forgetful(Step[int, int]):
    def __init__(self, name):
        self.seen = 0


class TwoSided(Step[int, int]):
    side: In[int]


def test_what_was_forgotten_in_a_node_is_named():
    with pytest.raises(AttributeError, match=r"Forgetful: call super\(\).__init__\(name\) first in its __init__"):
        Replay("numbers", [1]) >> Forgetful("f")
    with pytest.raises(AttributeError, match=r"must define on_side\(item\), which takes the items of its port side"):
        _ = TwoSided("t").on_side
    with pytest.raises(TypeError, match=r"emit takes an output port first, such as self\.out, not 'out'"):
        TwoSided("t").emit("out", 1)
    with pytest.raises(GraphError, match=r"call sw\.mean"):
        Window("w", mean, Tumbling(seconds=1))


def test_an_edge_must_lead_to_something_with_an_input():
    with pytest.raises(GraphError) as caught:
        Numbers("a") >> Numbers("b")
    assert str(caught.value) == (
        "Numbers('a') >> Numbers('b'): an edge must lead to a node with an input, or to an input port"
    )


def test_who_draws_to_a_node_with_several_inputs_is_told_which_there_are():
    near = IntervalJoin("near", abs, abs, within=(1, 1))
    with pytest.raises(GraphError) as caught:
        Numbers("a") >> near
    assert str(caught.value).endswith("IntervalJoin('near'): say which of its inputs: draw to near.left or near.right")


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("eror", "Double 'b' has no 'eror'; did you mean error?"),
        ("in", "Double 'b' has no 'in'; did you mean in_?"),
        ("left", "Double 'b' has no 'left'; its ports are in_, out, error"),
    ],
)
def test_a_misspelt_port_is_told_with_the_nearest(attribute, message):
    with pytest.raises(AttributeError) as caught:
        getattr(Double("b"), attribute)
    assert str(caught.value) == message


def test_an_error_inside_a_property_of_a_node_is_seen_as_it_is():
    class Odd(Double):
        @property
        def best(self) -> int:
            return [].best  # type: ignore[attr-defined,no-any-return]

    with pytest.raises(AttributeError, match="'list' object has no attribute 'best'"):
        Odd("b").best  # noqa: B018


def test_a_misspelt_node_is_told_with_the_nearest():
    graph = Graph("g", Numbers("numbers") >> Keep("sink"))
    with pytest.raises(KeyError, match="graph 'g' has no node 'nubers'; did you mean numbers"):
        graph["nubers"]


def test_a_node_can_be_copied_and_a_drawing_sends_nothing():
    node = copy.copy(Double("b"))
    assert (node.name, node.out.name) == ("b", "out")
    with pytest.raises(NotRunningError, match="'b' is a drawing and has no send"):
        node.send("out", [1])


def test_own_ports_are_added_to_those_of_the_class():
    class Triage(Double):
        hot: "Out[int]"
        cold: Out[int]

    triage = Triage("triage")
    assert [*triage.inputs] == ["in"]
    assert [*triage.outputs] == ["out", "error", "hot", "cold"]
    assert repr(triage.hot) == "triage.hot"


@given(st.permutations(range(6)), st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1))
def test_every_graph_without_a_cycle_is_ordered_and_every_cycle_is_found(order, pairs):
    steps = [Double(f"n{i}") for i in order]
    source, sink = Numbers("source"), Keep("sink")
    ends = [path for step in steps for path in (source >> step, step >> sink)]
    paths = [*ends, *(steps[a] >> steps[b] for a, b in pairs)]
    if _has_cycle(pairs):
        assert "has a cycle" in refused("g", *paths)
        return
    graph = Graph("g", *paths)
    places = {name: place for place, name in enumerate(graph.nodes)}
    assert all(places[edge.source.node.name] < places[edge.target.node.name] for edge in graph.edges)


def _has_cycle(pairs: set[tuple[int, int]]) -> bool:
    reach = set(pairs)
    for _ in range(6):
        reach |= {(a, d) for a, b in reach for c, d in pairs if b == c}
    return any(a == b for a, b in reach)
