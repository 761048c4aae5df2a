"""A graph as text: plain, in a sentence, and in Mermaid."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.mermaid import escaped, mermaid
from streamweave_lab.graph.node import Sink
from streamweave_lab.graph.shape import NodeShape, plain_text, role_of, shape_of, split
from streamweave_lab.graph.source import Source
from streamweave_lab.operators.each import Map
from streamweave_lab.operators.route import Route


class Numbers(Source[int]):
    pass


class Keep(Sink[int]):
    pass


def numbers() -> Graph:
    route, keep = Route[int]("route", even=lambda n: n % 2 == 0), Keep("keep")
    return Graph("numbers", Numbers("numbers") >> route, route["even"] >> keep, route.rest >> keep)


def test_plain_text_has_one_aligned_line_for_each_edge(flights):
    assert plain_text(flights) == (
        "Graph flights: 5 nodes, 5 edges\n"
        "  departures.out -> parse.in    NYCFlights -> Map\n"
        "  parse.out      -> delays.in   Map -> Window\n"
        "  delays.out     -> board.in    Window -> Latest\n"
        "  parse.error    -> spill.in    Map -> Collect\n"
        "  delays.late    -> spill.in    Window -> Collect"
    )


def test_a_graph_prints_as_plain_text_and_has_a_short_repr():
    assert str(numbers()).splitlines()[0] == "Graph numbers: 3 nodes, 3 edges"
    assert repr(numbers()) == "<Graph 'numbers': 3 nodes, 3 edges>"


def test_the_shape_of_a_graph_has_its_nodes_with_kind_and_role():
    assert shape_of(numbers()).nodes == (
        NodeShape("numbers", "Numbers", "source"),
        NodeShape("route", "Route", "step"),
        NodeShape("keep", "Keep", "sink"),
    )
    assert role_of(Map("m", str)) == "step"


def test_the_name_of_a_node_may_have_dots():
    assert split("eu.west.out") == ("eu.west", "out")


def test_mermaid_labels_every_edge_with_its_ports_and_notes_the_kinds(flights):
    assert mermaid(flights) == (
        "%% streamweave: graph flights\n"
        "%% streamweave: node departures kind=NYCFlights\n"
        "%% streamweave: node parse kind=Map\n"
        "%% streamweave: node delays kind=Window\n"
        "%% streamweave: node board kind=Latest\n"
        "%% streamweave: node spill kind=Collect\n"
        "flowchart LR\n"
        "    departures -->|out->in| parse\n"
        "    parse -->|out->in| delays\n"
        "    delays -->|out->in| board\n"
        "    parse -->|error->in| spill\n"
        "    delays -->|late->in| spill\n"
    )


def test_names_that_mermaid_cannot_read_are_drawn_under_another(shape):
    odd = shape("g", {"eu-1": "K source", "end": "K step", "v0": "K sink"}, "eu-1.out end.in", "end.out v0.in")
    assert mermaid(odd).splitlines()[4:] == [
        "%% streamweave: node_id v_0=eu-1",
        "%% streamweave: node_id v1=end",
        "flowchart LR",
        '    v_0["eu-1"]',
        '    v1["end"]',
        "    v_0 -->|out->in| v1",
        "    v1 -->|out->in| v0",
    ]


@pytest.mark.parametrize(("port", "label"), [("out", "out"), ("a->b", r"a\->b"), ("a\\b", r"a\\b"), ("\\->", r"\\\->")])
def test_arrows_and_backslashes_in_the_name_of_a_port_are_escaped(port, label):
    assert escaped(port) == label


@given(st.text(alphabet="\\->a"), st.text(alphabet="\\->a"))
def test_a_label_can_be_read_back(source, target):
    label = f"{escaped(source)}->{escaped(target)}"
    parts = re.fullmatch(r"((?:\\\\|\\->|(?!->)[^\\])*)->((?:\\\\|\\->|(?!->)[^\\])*)", label)
    assert parts is not None
    assert [re.sub(r"\\(\\|->)", r"\1", part) for part in parts.groups()] == [source, target]


def test_jupyter_gets_constant_text_an_image_a_drawing_and_mermaid():
    bundle = numbers()._repr_mimebundle_()
    assert list(bundle) == ["text/plain", "text/html", "image/svg+xml", "text/vnd.mermaid"]
    assert bundle == numbers()._repr_mimebundle_()
    assert bundle["text/plain"] == str(numbers())
    assert bundle["text/html"].startswith('<img alt="Graph numbers, 3 nodes, 3 edges: ')
    assert bundle["image/svg+xml"] == numbers().svg()
    assert bundle["text/vnd.mermaid"] == numbers().mermaid()
