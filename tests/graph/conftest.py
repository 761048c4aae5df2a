"""Shapes to draw."""

from collections.abc import Callable

import pytest

from streamweave_lab.graph.shape import EdgeShape, GraphShape, NodeShape


def _shape(name: str, kinds: dict[str, str], *edges: str) -> GraphShape:
    nodes = tuple(NodeShape(node, *kind.split()) for node, kind in kinds.items())  # type: ignore[arg-type]
    return GraphShape(name, nodes, tuple(EdgeShape(*edge.split()) for edge in edges))


@pytest.fixture
def shape() -> Callable[..., GraphShape]:
    """Make a shape: `shape("g", {"a": "Kind role"}, "a.out b.in")`."""
    return _shape


@pytest.fixture
def flights() -> GraphShape:
    kinds = {
        "departures": "NYCFlights source",
        "parse": "Map step",
        "delays": "Window step",
        "board": "Latest sink",
        "spill": "Collect sink",
    }
    edges = (
        "departures.out parse.in",
        "parse.out delays.in",
        "delays.out board.in",
        "parse.error spill.in",
        "delays.late spill.in",
    )
    return _shape("flights", kinds, *edges)
