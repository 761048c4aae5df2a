"""Where nodes and edges come to lie: nothing overlaps, everything flows to the right, always alike."""

import random
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.graph.layout import Box, Layout, Link, layout


@st.composite
def drawings(draw: st.DrawFn) -> tuple[list[Box], list[Link]]:
    count = draw(st.integers(1, 12))
    size = st.floats(30, 200)
    boxes = [Box(f"n{i}", draw(size), draw(st.floats(40, 70))) for i in range(count)]
    pair = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda ends: ends[0] < ends[1])
    ports = st.tuples(st.sampled_from(["out", "error", "even", "odd"]), st.sampled_from(["in", "left", "right"]))
    written = st.sampled_from([0.0, 40.0])
    ends = draw(st.lists(st.tuples(pair, ports, written, written), max_size=24)) if count > 1 else []
    return boxes, [
        Link(f"n{a}", out, f"n{b}", into, 0.001 if out == "error" else 1.0, before, before, after)
        for (a, b), (out, into), before, after in ends
    ]


def chain(*names: str) -> tuple[list[Box], list[Link]]:
    return [Box(name, 80, 46) for name in names], [Link(a, "out", b, "in") for a, b in pairwise(names)]


def inside(box: Box, x: float, y: float, slack: float = 0.01) -> bool:
    return box.x + slack < x < box.x + box.width - slack and box.y + slack < y < box.y + box.height - slack


def middle(placed: Layout, name: str) -> float:
    return placed.boxes[name].y + placed.boxes[name].height / 2


@given(drawings())
def test_no_two_nodes_overlap(drawing):
    placed = layout(*drawing)
    for a, b in combinations(placed.boxes.values(), 2):
        apart = a.x + a.width < b.x or b.x + b.width < a.x or a.y + a.height < b.y or b.y + b.height < a.y
        assert apart


@given(drawings())
def test_every_edge_flows_to_the_right_from_its_source_to_its_target(drawing):
    boxes, links = drawing
    placed = layout(boxes, links)
    for link, route in zip(links, placed.routes, strict=True):
        source, target = placed.boxes[link.source], placed.boxes[link.target]
        assert route[0][0] == source.x + source.width
        assert route[-1][0] == target.x
        assert source.y < route[0][1] < source.y + source.height
        assert target.y < route[-1][1] < target.y + target.height
        assert all(a[0] <= b[0] for a, b in pairwise(route))
        assert route[1][0] < route[-2][0]


@given(drawings())
def test_no_edge_runs_under_a_node(drawing):
    placed = layout(*drawing)
    for route in placed.routes:
        level = list(zip(route[::2], route[1::2], strict=True))
        assert all(y == end_y for (_, y), (_, end_y) in level)
        for (x, y), (end_x, _) in level:
            crossed = [
                b.name
                for b in placed.boxes.values()
                for share in (0.1, 0.5, 0.9)
                if inside(b, x + (end_x - x) * share, y)
            ]
            assert crossed == []


@given(drawings())
def test_bends_lie_between_layers(drawing):
    placed = layout(*drawing)
    for route in placed.routes:
        for (left, _), (right, _) in zip(route[1:-1:2], route[2:-1:2], strict=True):
            assert not [b.name for b in placed.boxes.values() if b.x + 0.01 < right and left < b.x + b.width - 0.01]


@given(drawings())
def test_everything_lies_within_the_drawing(drawing):
    placed = layout(*drawing)
    for box in placed.boxes.values():
        assert box.x >= 0
        assert box.y >= -0.001
        assert box.x + box.width <= placed.width + 0.001
        assert box.y + box.height <= placed.height + 0.001
    assert all(0 <= x <= placed.width and 0 <= y <= placed.height for route in placed.routes for x, y in route)


@given(drawings())
def test_the_same_drawing_gets_the_same_layout(drawing):
    boxes, links = drawing
    assert layout(boxes, links) == layout(list(boxes), list(links))


def test_a_chain_is_a_straight_row():
    placed = layout(*chain("a", "b", "c", "d"))
    assert {middle(placed, name) for name in "abcd"} == {23.0}
    assert [box.x for box in placed.boxes.values()] == [0.0, 132.0, 264.0, 396.0]


def test_errors_do_not_bend_the_main_way():
    boxes, links = chain("a", "b", "c", "d")
    placed = layout([*boxes, Box("spill", 80, 46)], [*links, Link("b", "error", "spill", "in", 0.001)])
    heights = [middle(placed, name) for name in "abcd"]
    assert max(heights) - min(heights) < 0.5
    assert placed.routes[-1][0][1] > middle(placed, "b")


def test_a_fan_is_symmetric():
    boxes = [Box(name, 80, 46) for name in "abcdz"]
    links = [Link("a", "out", name, "in") for name in "bcd"] + [Link(name, "out", "z", "in") for name in "bcd"]
    placed = layout(boxes, links)
    b, c, d = (middle(placed, name) for name in "bcd")
    assert middle(placed, "a") == pytest.approx(c)
    assert middle(placed, "z") == pytest.approx(c)
    assert c - b == pytest.approx(d - c)


def test_a_crossing_that_can_be_avoided_is_avoided():
    boxes = [Box(name, 80, 46) for name in "abxy"]
    placed = layout(boxes, [Link("a", "out", "y", "in"), Link("b", "out", "x", "in")])
    assert (middle(placed, "a") < middle(placed, "b")) == (middle(placed, "y") < middle(placed, "x"))


def test_a_source_stands_just_before_what_it_feeds():
    boxes, links = chain("a", "b", "c", "d")
    placed = layout([*boxes, Box("late", 80, 46)], [*links, Link("late", "out", "d", "in")])
    assert placed.boxes["late"].x == placed.boxes["c"].x


def test_a_graph_of_two_hundred_nodes_is_laid_out():
    dice = random.Random(7)
    boxes = [Box(f"n{i}", 80, 46) for i in range(200)]
    links = [Link(f"n{dice.randrange(max(0, i - 12), i)}", "out", f"n{i}", "in") for i in range(1, 200)]
    assert len(layout(boxes, links).boxes) == 200


def test_nothing_is_laid_out_as_nothing():
    assert layout([], []) == Layout(0.0, 0.0, {}, ())
