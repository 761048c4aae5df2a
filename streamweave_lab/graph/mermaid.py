"""A graph as Mermaid text, in the convention that StreamWeave graphs are exchanged in."""

from __future__ import annotations

import re

from streamweave_lab.graph.shape import GraphShape, split

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = {
    "call", "class", "classdef", "click", "default", "direction", "end", "flowchart", "graph", "href", "interpolate",
    "linkstyle", "style", "subgraph",
}  # fmt: skip
"""Words that mean something to Mermaid where the name of a node could stand."""


def mermaid(shape: GraphShape) -> str:
    """A flowchart whose every edge is labelled with its ports, `a -->|out->in| b`.

    The kinds of the nodes stand in comments. A node whose name Mermaid cannot take for a name is drawn under
    another one, and a comment says which.
    """
    ids = _ids([node.name for node in shape.nodes])
    renamed = [name for name in ids if ids[name] != name]
    lines = [f"%% streamweave: node {node.name} kind={''.join(node.kind.split())}" for node in shape.nodes]
    lines += [f"%% streamweave: node_id {ids[name]}={name}" for name in renamed]
    lines += ["flowchart LR"]
    lines += [f'    {ids[name]}["{name}"]' for name in renamed]
    for edge in shape.edges:
        (source, out), (target, into) = split(edge.source), split(edge.target)
        lines.append(f"    {ids[source]} -->|{escaped(out)}->{escaped(into)}| {ids[target]}")
    return "\n".join(lines) + "\n"


def escaped(port: str) -> str:
    """The name of a port within a label, where `->` stands between two of them."""
    return port.replace("\\", "\\\\").replace("->", "\\->")


def _ids(names: list[str]) -> dict[str, str]:
    ids: dict[str, str] = {}
    for place, name in enumerate(names):
        plain = _PLAIN.fullmatch(name) and name.lower() not in _RESERVED
        ids[name] = name if plain else next(i for i in (f"v{place}", f"v_{place}", f"v__{place}") if i not in names)
    return ids
