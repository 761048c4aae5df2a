"""Graphs out of Mermaid text, with a registry of what its names stand for."""

import pytest

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.shape import shape_of
from streamweave_lab.graph.supervision import Supervision
from streamweave_lab.operators import Collect, Filter, Map, Replay, Route

FLOW = """\
%% streamweave: begin
%% streamweave: node numbers kind=Replay
%% streamweave: node double kind=Map
flowchart LR
    numbers --> double
    double --> kept
    double -->|error->in| failed
"""
REGISTRY = {
    "numbers": Replay("numbers", [1, 2, "x", 3]),
    "Map": lambda name: Map(name, lambda n: n + n if isinstance(n, int) else 1 / 0),
    "kept": Collect,
    "failed": Collect[object]("failed"),
}


def refused(text, registry=REGISTRY):
    with pytest.raises(GraphError) as caught:
        Graph.from_mermaid(text, registry)
    return str(caught.value)


def test_a_drawing_becomes_a_graph_that_runs():
    run = Graph.from_mermaid(FLOW, REGISTRY, name="twice").run_to_end()
    assert (run.name, run["kept"].items, run["failed"].items[0].item) == ("twice", [2, 4, 6], "x")


def parity() -> Graph:
    numbers, route, kept = Replay("numbers", range(5)), Route[int]("route-1", even=lambda n: n % 2 == 0), Collect("end")
    odd = Filter("odd.1", lambda n: n > 1)
    return Graph("parity", numbers >> route, route["even"] >> kept, route.rest >> odd >> kept)


@pytest.mark.parametrize("style", ["edges", "boxes"])
def test_a_graph_comes_back_from_its_own_drawing_in_either_style(style):
    graph = parity()
    again = Graph.from_mermaid(graph.mermaid(style), graph.nodes, name="parity")
    assert shape_of(again) == shape_of(graph)
    assert again.nodes == graph.nodes
    assert sorted(again.run_to_end()["end"].items) == [0, 2, 3, 4]


@pytest.mark.parametrize("style", ["edges", "boxes"])
def test_the_name_of_a_graph_comes_back_with_it(style):
    graph = parity()
    assert Graph.from_mermaid(graph.mermaid(style), graph.nodes).name == "parity"


def test_a_comment_that_cannot_name_a_graph_is_told_with_its_line():
    assert refused("%% streamweave: graph a b\n" + FLOW).startswith("line 1: 'a b' cannot name a graph")


def test_supervision_comes_back_with_the_graph_and_a_group_is_restarted_together():
    double = Map("double", lambda n: n)
    graph = Graph("g", Replay("n", [1]) >> double >> Collect("end"), supervise={"double": "restart", "end": "stop"})
    assert "%% streamweave: node double supervision_policy=Restart\n" in graph.mermaid()
    assert Graph.from_mermaid(graph.mermaid(), graph.nodes).supervise == graph.supervise
    grouped = graph.mermaid().replace("=Restart", "=Restart supervision_group=pair")
    assert Graph.from_mermaid(grouped, graph.nodes).supervise["double"] == Supervision(
        policy="restart_group", group="pair"
    )


@pytest.mark.parametrize("style", ["edges", "boxes"])
def test_capacities_and_the_numbers_of_a_supervision_come_back_with_the_graph(style):
    double = Map("double", lambda n: n)
    often = Supervision(policy="restart", max_restarts=12, backoff=0.25, quiet=600.0)
    paths = (
        (Replay("n", [1]) >> double).capacity(64),
        (double >> Collect("end")).capacity(2),
        double.error >> Collect("no"),
    )
    graph = Graph("g", *paths, supervise={"double": often})
    text = graph.mermaid(style)
    said = "%% streamweave: node double supervision_policy=Restart max_restarts=12 backoff=0.25 quiet=600.0\n"
    assert said in text
    assert "%% streamweave: edge n.out -> double.in capacity=64\n" in text
    again = Graph.from_mermaid(text, graph.nodes)
    assert again.supervise == {"double": often}
    assert {repr(edge): edge.capacity for edge in again.edges} == {
        "n.out -> double.in": 64,
        "double.out -> end.in": 2,
        "double.error -> no.in": None,
    }


def test_ports_in_boxes_are_drawn_as_upstream_draws_them():
    graph = Graph("g", Replay("a", [1]) >> Collect("b"))
    assert graph.mermaid("boxes") == (
        "%% streamweave: graph g\n"
        "%% streamweave: node a kind=Replay\n"
        "%% streamweave: node b kind=Collect\n"
        "flowchart LR\n"
        '    subgraph a["Replay"]\n'
        "        direction LR\n"
        '        a_core["a"]\n'
        '        a_out_out["out"]\n'
        "        a_core --> a_out_out\n"
        "    end\n"
        '    subgraph b["Collect"]\n'
        "        direction LR\n"
        '        b_in_in["in"]\n'
        '        b_core["b"]\n'
        "        b_in_in --> b_core\n"
        "    end\n"
        "    a_out_out --> b_in_in\n"
    )


def test_what_comments_let_in_and_out_is_drawn_to_nodes_of_the_registry():
    text = "%% streamweave: input n -> double.in\n%% streamweave: output seen <- double.out\nflowchart LR\n  double\n"
    graph = Graph.from_mermaid(text, REGISTRY | {"double": Map("double", str), "n": Replay("n", [1]), "seen": Collect})
    assert graph.run_to_end()["seen"].items == ["1"]
    assert refused(text, {"double": REGISTRY["Map"], "seen": Collect}) == (
        "line 1: nothing in the registry stands for 'n'; there is double, seen"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("double --> kept", "double --> kep", "line 6: nothing in the registry stands for 'kep'; did you mean kept?"),
        (
            "double kind=Map",
            "double kind=Mapp",
            "line 5: nothing in the registry stands for 'double' of the kind 'Mapp'; did you mean Map?",
        ),
        ("error->in", "eror->in", "line 7: Map('double') has no output port 'eror'; did you mean error?"),
        ("error->in", "error->inn", "line 7: Collect('failed') has no input port 'inn'; did you mean in?"),
        (
            "kept",
            "failed2 --> numbers",
            "line 6: nothing in the registry stands for 'failed2'; did you mean failed?",
        ),
    ],
)
def test_a_name_that_stands_for_nothing_is_told_with_its_line_and_the_nearest(old, new, message):
    assert refused(FLOW.replace(old, new)) == message


def test_what_the_registry_makes_must_be_a_node_of_that_name():
    assert refused(FLOW, REGISTRY | {"kept": str}) == (
        "line 6: what the registry has for 'kept' made 'kept', which is not a node"
    )
    assert refused(FLOW, REGISTRY | {"kept": Collect("keep")}) == (
        "line 6: what the registry has for 'kept' is named 'keep': Collect('keep')"
    )
    assert refused(FLOW, REGISTRY | {"double": Route("double", even=bool)}) == (
        "line 6: Route('double') has no output port 'out'; there is even, rest, error"
    )


def test_a_cycle_is_refused_as_in_any_graph():
    text = FLOW.replace("double --> kept", "double --> kept\n    double --> double")
    assert refused(text).startswith("graph 'imported': it has a cycle: double.out -> double.in; a graph must flow")
