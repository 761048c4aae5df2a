"""The shape of a graph as plain data, which a Graph has and a Status document too, and its forms in text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from streamweave_lab.graph.graph import Graph
    from streamweave_lab.graph.node import Node

Role = Literal["source", "step", "sink"]


@dataclass(frozen=True)
class NodeShape:
    """A node as it is drawn."""

    name: str
    kind: str
    role: Role


@dataclass(frozen=True)
class EdgeShape:
    """An edge by its two ports, such as "parse.out" and "delays.in"."""

    source: str
    target: str


@dataclass(frozen=True)
class GraphShape:
    """What there is to draw: nodes in topological order, edges in the order they were drawn."""

    name: str
    nodes: tuple[NodeShape, ...]
    edges: tuple[EdgeShape, ...]


def shape_of(graph: Graph) -> GraphShape:
    """The shape of a drawn graph."""
    nodes = tuple(NodeShape(node.name, node.kind, role_of(node)) for node in graph)
    return GraphShape(graph.name, nodes, tuple(EdgeShape(repr(e.source), repr(e.target)) for e in graph.edges))


def role_of(node: Node) -> Role:
    """What a node does in a graph: a source has no input, and a sink no output but `error` and `late`."""
    if not node.inputs:
        return "source"
    return "step" if set(node.outputs) - {"error", "late"} else "sink"


def split(port: str) -> tuple[str, str]:
    """The node and the port of "parse.out"; the name of a node may itself have dots."""
    node, _, name = port.rpartition(".")
    return node, name


def plain_text(shape: GraphShape) -> str:
    """One line an edge, aligned, always the same: for terminals, logs and compared notebooks."""
    kinds = {node.name: node.kind for node in shape.nodes}
    ends = [(e.source, e.target, kinds[split(e.source)[0]], kinds[split(e.target)[0]]) for e in shape.edges]
    source = max((len(end[0]) for end in ends), default=0)
    target = max((len(end[1]) for end in ends), default=0)
    lines = [f"  {a:<{source}} -> {b:<{target}}   {kind} -> {other}" for a, b, kind, other in ends]
    return "\n".join([f"Graph {shape.name}: {_counted(shape)}", *lines])


def description(shape: GraphShape) -> str:
    """The graph in one sentence, for those who cannot see the drawing."""
    edges = ", ".join(f"{_short(e.source, 'out')} to {_short(e.target, 'in')}" for e in shape.edges)
    return f"Graph {shape.name}, {_counted(shape)}: {edges}"


def _counted(shape: GraphShape) -> str:
    def count(what: list[object] | tuple[object, ...], word: str) -> str:
        return f"{len(what)} {word}{'' if len(what) == 1 else 's'}"

    return f"{count(shape.nodes, 'node')}, {count(shape.edges, 'edge')}"


def _short(port: str, usual: str) -> str:
    node, name = split(port)
    return node if name == usual else port
