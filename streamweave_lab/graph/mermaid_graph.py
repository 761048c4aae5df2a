"""From a Mermaid drawing to nodes and edges, with a registry of what its names stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.mermaid_notes import Binding
from streamweave_lab.graph.mermaid_reader import Drawn
from streamweave_lab.graph.node import Node
from streamweave_lab.graph.port import ClosedPath, Edge
from streamweave_lab.graph.shape import split

Registry = Mapping[str, Node | Callable[[str], Node]]
"""What nodes are made of, by their names or by their kinds: a node, or a function of its name that makes one."""


def paths_of(drawn: Drawn, registry: Registry) -> list[ClosedPath | Node]:
    """What `drawn` draws, as paths between nodes from the registry.

    Raises: GraphError, with the number of the line, for a name that stands for nothing, or a port that is not there.
    """
    nodes = {n.name: _made(n.name, n.kind, registry, drawn.lines[n.name]) for n in drawn.shape.nodes}
    paths: list[ClosedPath | Node] = []
    for edge in drawn.shape.edges:
        (source, out), (target, into) = split(edge.source), split(edge.target)
        path = _edge(nodes[source], out, nodes[target], into, drawn.lines[edge])
        items = drawn.notes.capacities.get(edge)
        paths.append(path if items is None else path.capacity(items))
    outside: dict[str, Node] = {}

    def beyond(binding: Binding) -> Node:
        if binding.name not in outside:
            outside[binding.name] = _made(binding.name, "", registry, drawn.lines[binding])
        return outside[binding.name]

    for binding in drawn.notes.inputs:
        node, into = split(binding.port)
        paths.append(_edge(beyond(binding), "out", nodes[node], into, drawn.lines[binding]))
    for binding in drawn.notes.outputs:
        node, out = split(binding.port)
        paths.append(_edge(nodes[node], out, beyond(binding), "in", drawn.lines[binding]))
    return [*paths, *nodes.values()]


def _made(name: str, kind: str, registry: Registry, line: int) -> Node:
    entry = registry.get(name) or registry.get(kind)
    if entry is None:
        of_kind = f" of the kind {kind!r}" if kind else ""
        raise GraphError(
            f"line {line}: nothing in the registry stands for {name!r}{of_kind}; {_nearest((name, kind), registry)}"
        )
    node: Any = entry if isinstance(entry, Node) else entry(name)
    if not isinstance(node, Node):
        raise GraphError(f"line {line}: what the registry has for {name!r} made {node!r}, which is not a node")
    if node.name != name:
        raise GraphError(f"line {line}: what the registry has for {name!r} is named {node.name!r}: {node!r}")
    return node


def _edge(source: Node, out: str, target: Node, into: str, line: int) -> ClosedPath:
    if out not in source.outputs:
        raise GraphError(f"line {line}: {source!r} has no output port {out!r}; {_nearest((out,), source.outputs)}")
    if into not in target.inputs:
        raise GraphError(f"line {line}: {target!r} has no input port {into!r}; {_nearest((into,), target.inputs)}")
    return ClosedPath((Edge(source.outputs[out], target.inputs[into]),))


def _nearest(names: Iterable[str], there: Iterable[str]) -> str:
    known = list(there)
    for name in names:
        if close := get_close_matches(name, known, n=1):
            return f"did you mean {close[0]}?"
    return f"there is {', '.join(known)}" if known else "there is none"


__all__ = ["Registry", "paths_of"]
