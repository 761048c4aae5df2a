"""Mermaid text read back: both styles, what comments say, and what cannot be read."""

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.mermaid import mermaid
from streamweave_lab.graph.mermaid_notes import Binding, MermaidNotes, label, ports_of
from streamweave_lab.graph.mermaid_reader import read_mermaid
from streamweave_lab.graph.shape import EdgeShape, GraphShape, NodeShape
from streamweave_lab.graph.supervision import Supervision

calmly = settings(deadline=None)


def edges(text: str) -> list[str]:
    return [f"{edge.source} {edge.target}" for edge in read_mermaid(dedent(text)).shape.edges]


def refused(text: str) -> str:
    with pytest.raises(GraphError) as caught:
        read_mermaid(dedent(text))
    return str(caught.value)


def test_a_graph_drawn_by_its_edges_alone_has_their_nodes():
    drawn = read_mermaid("flowchart LR\n  a -->|out->in| b\n  a -->|error->spill| c\n", "g")
    assert drawn.shape == GraphShape(
        "g",
        (NodeShape("a", "", "source"), NodeShape("b", "", "sink"), NodeShape("c", "", "sink")),
        (EdgeShape("a.out", "b.in"), EdgeShape("a.error", "c.spill")),
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a --> b", ["a.out b.in"]),
        ("a --> b --> c;", ["a.out b.in", "b.out c.in"]),
        ("a & b -->|x->y| c & d", ["a.x c.y", "a.x d.y", "b.x c.y", "b.x d.y"]),
        ("a-->b; b-->|late->in|c", ["a.out b.in", "b.late c.in"]),
        ("a -- late->in --> b", ["a.late b.in"]),
        ('a ==>|"x->y"| b', ["a.x b.y"]),
        ("a -.->|`x->y`| b", ["a.x b.y"]),
        ("eu.west-1 ---> b2", ["eu.west-1.out b2.in"]),
        ('a["Say: a --> b"] --> b{really}:::loud', ["a.out b.in"]),
        ("a([x]) --> b[(store)] --> c((o)) --> d[/p/]", ["a.out b.in", "b.out c.in", "c.out d.in"]),
        ("größe --> b", ["größe.out b.in"]),
    ],
)
def test_arrows_and_boxes_are_read_as_mermaid_has_them(line, expected):
    assert edges(f"graph TD\n{line}") == expected


def test_looks_frames_other_comments_and_front_matter_are_passed_over():
    drawn = read_mermaid(
        dedent("""\
        ---
        title: night
        ---
        %%{init: {"theme": "dark"}}%%
        %% who knows
        flowchart TB
            classDef hot fill:#f00
            subgraph one [First part]
                direction TB
                a --> b
            end
            b --> c
            style a fill:#eee
        """)
    )
    assert drawn.shape.name == "night"
    assert [node.name for node in drawn.shape.nodes] == ["a", "b", "c"]
    assert drawn.shape.edges == (EdgeShape("a.out", "b.in"), EdgeShape("b.out", "c.in"))
    assert (drawn.lines["a"], drawn.lines["c"], drawn.lines[drawn.shape.edges[1]]) == (10, 12, 12)


def test_a_graph_with_its_ports_in_boxes_is_read_from_the_boxes():
    text = """\
        %% streamweave: begin
        %% streamweave: input readings -> parse.in
        %% streamweave: output loud <- alarm.hot
        %% streamweave: node parse kind=Map
        %% streamweave: node alarm kind=Triage
        %% streamweave: end
        flowchart TD
          readings["readings"]
          loud["loud"]

          subgraph parse["Map"]
            direction LR
            parse_in_in["in"]
            parse_core["parse"]
            parse_out_out["out"]
            parse_in_in --> parse_core
            parse_core --> parse_out_out
          end
          subgraph alarm["Triage"]
            alarm_in_in["in"]
            alarm["alarm"]
            alarm_out_x["hot"]
            alarm_in_in --> alarm
            alarm --> alarm_out_x
          end

          readings --> parse_in_in
          parse_out_out --> alarm_in_in
          alarm_out_x --> loud
        """
    drawn = read_mermaid(dedent(text))
    assert drawn.shape.nodes == (NodeShape("parse", "Map", "step"), NodeShape("alarm", "Triage", "step"))
    assert drawn.shape.edges == (EdgeShape("parse.out", "alarm.in"),)
    assert drawn.notes == MermaidNotes((Binding("readings", "parse.in"),), (Binding("loud", "alarm.hot"),))


def test_comments_say_how_a_graph_is_executed_and_supervised():
    drawn = read_mermaid(
        dedent("""\
        %% streamweave: execution_mode=deterministic
        %% streamweave: shard_config=0/4
        %% streamweave: node v0 kind=MapNode
        %% streamweave: node worker supervision_policy=RestartGroup supervision_group=grp1
        %% streamweave: subgraph_unit inner
        %% streamweave: node_id v0=worker
        flowchart LR
          v0 --> b
        """)
    )
    assert drawn.notes == MermaidNotes(
        execution_mode="deterministic",
        shard=(0, 4),
        supervision={"worker": Supervision(policy="restart_group", group="grp1")},
        units=("inner",),
    )
    assert drawn.shape.nodes[0] == NodeShape("worker", "MapNode", "source")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: there is no flowchart in this text"),
        ("\nsequenceDiagram\n", "line 2: a flowchart should begin here, as `flowchart LR` does, not 'sequenceDiagram'"),
        ("graph LR\na --- b", "line 2: '---' does not lead from one node to another; draw an edge with -->"),
        ("graph LR\na <--> b", "line 2: '<-->' does not lead from one node to another; draw an edge with -->"),
        ("graph LR\na -->", "line 2: cannot read 'the end of the line'; a node should stand there"),
        ("graph LR\na @ b", "line 2: cannot read '@ b'; an arrow such as -->|out->in| should stand there"),
        ("graph LR\na -->|yes| b", "line 2: 'yes' does not name two ports, as out->in does"),
        ("graph LR\nend", "line 2: this `end` ends no subgraph"),
        (
            "graph LR\nsubgraph f\na\nb\nend\nc --> f",
            "line 6: 'f' is a frame around nodes; draw to a node in it",
        ),
        (
            "%% streamweave: edge a.out -> b.in\ngraph LR\na --> b",
            "line 1: an edge is written `edge a.out -> b.in capacity=64`, not 'a.out -> b.in'",
        ),
        ("%% streamweave: edge a.out -> c.in capacity=8\ngraph LR\na --> b", "line 1: no edge a.out -> c.in is drawn"),
        (
            "%% streamweave: node a supervision_policy=Restart backoff=soon\ngraph LR\na --> b",
            "line 1: backoff is a number, not 'soon'",
        ),
        (
            "%% streamweave: node parser kind=Map\ngraph LR\nparse --> b",
            "line 1: no node 'parser' is drawn; did you mean parse?",
        ),
        (
            "graph LR\n%% streamweave: nod a kind=Map\na --> b",
            "line 2: 'nod' is not a word of these comments; did you mean node?",
        ),
        (
            "graph LR\n%% streamweave: node a knd=Map\na --> b",
            "line 2: 'knd' is not something said of a node; did you mean kind?",
        ),
        (
            "graph LR\n%% streamweave: node a supervision_policy=Restrat\na --> b",
            "line 2: 'restrat' is not a supervision policy; did you mean restart?",
        ),
        (
            "graph LR\n%% streamweave: node a supervision_policy=Stop supervision_group=g\na --> b",
            (
                "line 2: Supervision(policy='stop', max_restarts=3, backoff=1.0, quiet=60.0, group='g'): "
                "group= goes with restart_group, and restart_group needs it"
            ),
        ),
        ("%% streamweave: shard_config=4/4", "line 1: a shard is written i/n, counted from 0, such as 0/4, not '4/4'"),
        (
            "%% streamweave: execution_mode=quick",
            "line 1: 'quick' is not an execution mode; concurrent, deterministic",
        ),
        ("%% streamweave: input x <- a.in", "line 1: an input is written `input name -> node.port`, not 'x <- a.in'"),
        ("%% streamweave: input x -> c.in\ngraph LR\na --> b", "line 1: input 'x': no node 'c' is drawn"),
        (
            "%% streamweave: feedback b->a\n",
            "line 1: a feedback edge makes a cycle, which a graph does not have; use sw.Iterate instead of it",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text, message):
    assert refused(text) == message


def test_a_box_of_the_wrong_way_is_no_end_of_an_edge():
    text = "graph LR\nsubgraph a\na_core\na_in_in\nend\nsubgraph b\nb_core\nb_in_in\nend\na_in_in --> b_in_in"
    assert refused(text) == "line 10: an edge leads from a box of an output port to one of an input port"


ports = st.text(min_size=1).filter(lambda port: "." not in port) | st.text("\\->|[]()\"'`#;% \n<&", min_size=1)
names = st.text("ab_-.01", min_size=1, max_size=5).filter(lambda name: name.strip(".-")) | st.sampled_from(
    ["end", "graph", "v0", "v1_in_x", "a", "a_core", "a_in_x", "a_out_x", "io0", "class", "style", "--", "o", "x"]
)


@calmly
@given(ports, ports)
def test_a_label_names_the_same_two_ports_when_it_is_read(out, into):
    text = label(out, into)
    assert ports_of(text) == (out, into)
    assert not set(text) & set('|"[](){}\n')


@st.composite
def shapes(draw):
    """Shapes in which every node but the sources is fed, as a graph has them."""
    nodes = draw(st.lists(names, min_size=1, max_size=6, unique=True))
    ends = st.tuples(st.integers(0, len(nodes) - 1), ports, st.integers(0, len(nodes) - 1), ports)
    drawn = [(a, out, b, into) for a, out, b, into in draw(st.lists(ends, max_size=8)) if a < b]
    edges = tuple(dict.fromkeys(EdgeShape(f"{nodes[a]}.{out}", f"{nodes[b]}.{into}") for a, out, b, into in drawn))
    fed = {b for _, _, b, _ in drawn}
    on = {a for a, out, _, _ in drawn if out not in ("error", "late")}
    roles = ["source" if n not in fed else "step" if n in on else "sink" for n in range(len(nodes))]
    kinds = st.sampled_from(["Map", "Größe", "K=1"])
    return GraphShape("g", tuple(NodeShape(n, draw(kinds), r) for n, r in zip(nodes, roles, strict=True)), edges)


@calmly
@given(shapes(), st.sampled_from(["edges", "boxes"]))
def test_what_is_written_is_read_back_in_either_style(shape, style):
    assert read_mermaid(mermaid(shape, style), "g").shape == shape


@st.composite
def noted(draw, shape):
    """Notes that a graph of this shape may have."""
    fed = [edge.target for edge in shape.edges if edge.target.rpartition(".")[2].isprintable()]
    bound = draw(st.lists(st.sampled_from(fed), unique=True, max_size=2)) if fed else []
    numbers = st.fixed_dictionaries({}, optional={"max_restarts": st.integers(0, 99), "quiet": st.floats(0, 1e9)})
    policies = st.sampled_from(["skip", "restart", "stop", "escalate"])
    alone = st.builds(lambda policy, more: Supervision(policy=policy, **more), policies, numbers)
    grouped = numbers.map(lambda more: Supervision(policy="restart_group", group="group1", **more))
    notes = alone | grouped
    edges = st.sampled_from(shape.edges) if shape.edges else st.nothing()
    return MermaidNotes(
        tuple(Binding(f"feed {n}", port) for n, port in enumerate(bound) if " " not in port),
        execution_mode=draw(st.sampled_from(["concurrent", "deterministic"])),
        shard=draw(st.sampled_from([None, (0, 1), (3, 16)])),
        supervision=draw(st.dictionaries(st.sampled_from([node.name for node in shape.nodes]), notes)),
        units=draw(st.sampled_from([(), ("part",)])),
        capacities=draw(st.dictionaries(edges, st.integers(1, 10**6))),
    )


@calmly
@given(shapes().flatmap(lambda shape: st.tuples(st.just(shape), noted(shape))), st.sampled_from(["edges", "boxes"]))
def test_what_is_noted_is_read_back_in_either_style(shape_and_notes, style):
    shape, notes = shape_and_notes
    drawn = read_mermaid(mermaid(shape, style, notes), "g")
    assert (drawn.shape, drawn.notes) == (shape, notes)


def test_a_node_named_like_the_box_of_another_ones_port_is_kept_apart():
    nodes = (NodeShape("s", "S", "source"), NodeShape("a", "K", "sink"), NodeShape("a_in_in", "K", "sink"))
    shape = GraphShape("g", nodes, (EdgeShape("s.out", "a.in"), EdgeShape("s.out", "a_in_in.in")))
    text = mermaid(shape, "boxes")
    assert "%% streamweave: node_id v1=a\n" in text
    assert read_mermaid(text, "g").shape == shape


def test_there_are_two_styles():
    with pytest.raises(ValueError, match="in the style 'edges' or 'boxes', not 'round'"):
        mermaid(GraphShape("g", (), ()), "round")  # type: ignore[arg-type]
