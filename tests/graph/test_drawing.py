"""The SVG drawing: well-formed, safe, the same every time, readable on any ground."""

import base64
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.graph import drawing
from streamweave_lab.graph.drawing import EdgeLook, NodeLook, States, image, svg, text_width
from streamweave_lab.graph.shape import EdgeShape, GraphShape, NodeShape

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def any_shape(draw: st.DrawFn) -> GraphShape:
    """A graph without cycles, of up to nine nodes, with edges from and to all sorts of ports."""
    count = draw(st.integers(1, 9))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda pair: pair[0] < pair[1])
    ports = st.tuples(st.sampled_from(["out", "error", "late", "even"]), st.sampled_from(["in", "left", "right"]))
    ends = draw(st.lists(st.tuples(pairs, ports), max_size=16, unique=True)) if count > 1 else []
    edges = tuple(EdgeShape(f"n{a}.{out}", f"n{b}.{into}") for (a, b), (out, into) in ends)
    fed = {b for (_, b), _ in ends}
    roles = ["step" if i in fed else "source" for i in range(count)]
    return GraphShape("g", tuple(NodeShape(f"n{i}", "Kind", role) for i, role in enumerate(roles)), edges)  # type: ignore[arg-type]


def texts(document: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(document).iter(f"{SVG}text")]


def titles(document: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(document).iter(f"{SVG}title")]


def strokes(document: str, edge: str) -> list[dict[str, str]]:
    (group,) = (
        g
        for g in ElementTree.fromstring(document).iter(f"{SVG}g")
        if getattr(g.find(f"{SVG}title"), "text", "") == edge
    )
    return [dict(path.attrib) for path in group.iter(f"{SVG}path") if "stroke" in path.attrib]


def test_every_node_is_drawn_with_name_and_kind_and_every_unusual_port_with_its_label(flights):
    assert texts(svg(flights)) == [
        *("departures", "NYCFlights", "parse", "Map", "delays", "Window", "board", "Latest", "spill", "Collect"),
        *("error", "late"),
    ]


def test_a_port_with_several_edges_is_labelled_once(shape):
    fan = shape(
        "g", {"a": "Route step", "b": "Keep sink", "c": "Keep sink", "j": "Join sink"},
        "a.even b.in", "a.even c.in", "a.odd j.left", "a.even j.left",
    )  # fmt: skip
    assert sorted(texts(svg(fan))[8:]) == ["even", "left", "odd"]


def test_the_drawing_says_in_words_what_it_shows(flights):
    assert titles(svg(flights))[0] == (
        "Graph flights, 5 nodes, 5 edges: departures to parse, parse to delays, delays to board, "
        "parse.error to spill, delays.late to spill"
    )
    assert "departures, a source of kind NYCFlights" in titles(svg(flights))


def test_errors_are_dashed_and_late_items_dotted_besides_their_colour(flights):
    document = svg(flights)
    (usual,) = strokes(document, "parse.out to delays.in")
    (error,) = strokes(document, "parse.error to spill.in")
    (late,) = strokes(document, "delays.late to spill.in")
    assert "stroke-dasharray" not in usual
    assert error["stroke-dasharray"] != late["stroke-dasharray"]
    assert len({usual["stroke"], error["stroke"], late["stroke"]}) == 3


def test_roles_differ_in_shape(shape):
    outlines = {
        role: re.sub(r"M[^h]*h[^a]*", "", path)
        for role in ("source", "step", "sink")
        for path in re.findall(r'<path d="(M[^"]*z)" fill="#[0-9a-f]{6}" stroke=', svg(shape("g", {"a": f"K {role}"})))
    }
    assert len(set(outlines.values())) == 3


@given(any_shape())
def test_the_drawing_is_well_formed_and_always_the_same(any_graph):
    document = svg(any_graph)
    assert document == svg(any_graph)
    assert ElementTree.fromstring(document).tag == f"{SVG}svg"


@given(st.text(), st.text(), st.text())
def test_no_name_kind_or_caption_can_break_out_of_the_drawing(name, kind, caption):
    graph = GraphShape(
        name, (NodeShape(name, kind, "source"), NodeShape("b", kind, "sink")), (EdgeShape(f"{name}.x", "b.in"),)
    )
    document = svg(graph, States({name: NodeLook("ok", caption)}, {(f"{name}.x", "b.in"): EdgeLook(0.5, caption)}))
    tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(document).iter()}
    assert tags <= {"svg", "title", "g", "path", "text", "rect"}


def test_hostile_strings_are_shown_as_they_are():
    evil = '<script>alert("1")</script>'
    document = svg(GraphShape("g", (NodeShape("a", evil, "source"),), ()))
    assert "<script" not in document
    assert texts(document) == ["a", '<script>alert…1")</script>']
    assert 'alt="Graph &lt;b&gt;&quot;' in image(GraphShape('<b>"', (), ()))


def test_there_are_no_ids_styles_scripts_or_addresses_to_collide_or_leak(flights):
    document = svg(flights)
    assert not re.search(r"\b(id|class|style|href|on\w+)=|<style|<script|<image|url\(", document)


def test_a_long_name_loses_its_middle_and_keeps_it_for_readers(shape):
    name = "the_first_of_all_departures_of_the_year_2013"
    document = svg(shape("g", {name: "K source"}))
    assert texts(document)[0] == "the_first_of_…e_year_2013"[:13] + "…" + name[-12:]
    assert f"{name}, a source of kind K" in titles(document)


def test_the_image_carries_the_drawing_and_its_description(flights):
    html = image(flights)
    data = re.search(r'src="data:image/svg\+xml;base64,([^"]*)"', html)
    assert data is not None
    assert base64.b64decode(data[1]).decode() == svg(flights)
    assert 'alt="Graph flights, 5 nodes, 5 edges: departures to parse' in html


def test_states_give_nodes_a_tone_a_shape_and_a_caption(flights):
    looks = {
        "departures": NodeLook("blocked-high", "blocked 83 %"),
        "parse": NodeLook("busy-high", "busy 97 %"),
        "board": NodeLook("failed", "failed"),
    }
    document = svg(flights, States(looks))
    assert {"blocked 83 %", "busy 97 %", "failed"} <= set(texts(document))
    assert document.count('width="4"') == 1  # the dam
    signs = [path for path in ElementTree.fromstring(document).iter(f"{SVG}path") if path.get("stroke") == "#fff"]
    assert len({path.get("d", "").split("m", 1)[1] for path in signs}) == 2


def test_the_filling_of_an_edge_grows_from_its_receiver(flights):
    document = svg(flights, States(edges={("parse.out", "delays.in"): EdgeLook(0.75, "6144")}))
    filling, line = strokes(document, "parse.out to delays.in")
    assert filling["pathLength"] == "1"
    assert filling["stroke-dasharray"].split()[0] == "0.75"
    start, end = float(filling["d"][1:].split()[0]), float(line["d"][1:].split()[0])
    assert start > end
    assert "6144" in texts(document)


def test_a_filling_is_never_more_than_the_edge(flights):
    document = svg(flights, States(edges={("parse.out", "delays.in"): EdgeLook(3.0)}))
    assert strokes(document, "parse.out to delays.in")[0]["stroke-dasharray"].split()[0] == "1"


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


FILLS = [*drawing._ROLES.values(), *drawing._TONES.values()]


@pytest.mark.parametrize("fill", [fill for fill, _ in FILLS] + [*drawing._PILL.values(), drawing._QUIET])
def test_text_is_readable_on_what_it_stands_on(fill):
    assert contrast("#ffffff", fill) >= 4.5


@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
@pytest.mark.parametrize("line", [*(o for _, o in FILLS), *(c for c, _ in drawing._LINE.values()), drawing._USUAL])
def test_lines_are_visible_on_light_and_on_dark_ground(line, ground):
    assert contrast(line, ground) >= 3.0


def test_text_is_given_more_room_the_longer_and_wider_it_is():
    assert text_width("ii", 13) < text_width("aa", 13) < text_width("WW", 13) < text_width("漢字", 13) + 1
    assert text_width("aa", 13) < text_width("aa", 13, bold=True)
