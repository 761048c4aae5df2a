"""A graph as Mermaid text, in the convention that StreamWeave graphs are exchanged in."""

from __future__ import annotations

import re
from itertools import count
from typing import Literal

from streamweave_lab.graph.mermaid_notes import COMMENT, MermaidNotes, escaped, label, quoted
from streamweave_lab.graph.shape import GraphShape, NodeShape, split

Style = Literal["edges", "boxes"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = {
    "call", "class", "classdef", "click", "default", "direction", "end", "flowchart", "graph", "href", "interpolate",
    "linkstyle", "style", "subgraph",
}  # fmt: skip
"""Words that mean something to Mermaid where the name of a node could stand."""


def mermaid(shape: GraphShape, style: Style = "edges", notes: MermaidNotes | None = None) -> str:
    """A flowchart of the graph, with its ports, in one of the two styles of StreamWeave.

    "edges": a node is a box, and every edge is labelled with its ports, `a -->|out->in| b`. "boxes": a node is a
    subgraph in which each port has a box of its own, `a_out_out --> b_in_in`.

    The name of the graph, the kinds of the nodes, and `notes` if there are any, stand in comments. A node whose name
    Mermaid cannot take for a name is drawn under another one, and a comment says which.

    Raises: ValueError for a style that is neither.
    """
    if style not in ("edges", "boxes"):
        raise ValueError(f"a graph is drawn in the style 'edges' or 'boxes', not {style!r}")
    notes = notes or MermaidNotes()
    ids = _ids([node.name for node in shape.nodes], apart=style == "boxes")
    lines = [f"{COMMENT} graph {shape.name}", *notes.lines()]
    lines += [f"{COMMENT} node {node.name} kind={''.join(node.kind.split())}" for node in shape.nodes if node.kind]
    lines += [f"{COMMENT} node_id {ids[name]}={name}" for name in ids if ids[name] != name]
    lines += ["flowchart LR"]
    lines += _on_edges(shape, ids) if style == "edges" else _in_boxes(shape, ids, notes)
    return "\n".join(lines) + "\n"


def _on_edges(shape: GraphShape, ids: dict[str, str]) -> list[str]:
    drawn = {split(port)[0] for edge in shape.edges for port in (edge.source, edge.target)}
    lines = [f'    {ids[name]}["{name}"]' for name in ids if ids[name] != name]
    lines += [f"    {name}" for name in ids if ids[name] == name and name not in drawn]
    for edge in shape.edges:
        (source, out), (target, into) = split(edge.source), split(edge.target)
        lines.append(f"    {ids[source]} -->|{label(out, into)}| {ids[target]}")
    return lines


def _in_boxes(shape: GraphShape, ids: dict[str, str], notes: MermaidNotes) -> list[str]:
    """Ports outside of the graph get nodes of their own."""
    outside = dict.fromkeys(binding.name for binding in (*notes.inputs, *notes.outputs))
    free = (f"io{n}" for n in count() if not any(i.startswith(f"io{n}") for i in ids.values()))
    names = dict(zip(outside, free, strict=False))
    ins = _boxes(ids, "in", [edge.target for edge in shape.edges] + [b.port for b in notes.inputs])
    outs = _boxes(ids, "out", [edge.source for edge in shape.edges] + [b.port for b in notes.outputs])
    lines = [f'    {names[name]}["{quoted(name)}"]' for name in outside]
    for node in shape.nodes:
        lines += _box(node, ids[node.name], ins, outs)
    lines += [f"    {names[b.name]} --> {ins[b.port]}" for b in notes.inputs]
    lines += [f"    {outs[edge.source]} --> {ins[edge.target]}" for edge in shape.edges]
    return lines + [f"    {outs[b.port]} --> {names[b.name]}" for b in notes.outputs]


def _box(node: NodeShape, own: str, ins: dict[str, str], outs: dict[str, str]) -> list[str]:
    mine = {port: i for port, i in ins.items() if split(port)[0] == node.name}
    yours = {port: i for port, i in outs.items() if split(port)[0] == node.name}
    return [
        f'    subgraph {own}["{quoted(node.kind or node.name)}"]',
        "        direction LR",
        *(f'        {i}["{quoted(split(port)[1])}"]' for port, i in mine.items()),
        f'        {own}_core["{node.name}"]',
        *(f'        {i}["{quoted(split(port)[1])}"]' for port, i in yours.items()),
        *(f"        {i} --> {own}_core" for i in mine.values()),
        *(f"        {own}_core --> {i}" for i in yours.values()),
        "    end",
    ]


def _boxes(ids: dict[str, str], way: str, ports: list[str]) -> dict[str, str]:
    """What the box of each port is called: `a_in_left`, with a number where the port's own name cannot stand."""
    called: dict[str, str] = {}
    for port in dict.fromkeys(ports):
        node, name = split(port)
        safe = name if re.fullmatch(r"[A-Za-z0-9_]+", name) else f"_{len(called)}"
        first = f"{ids[node]}_{way}_{safe}"
        called[port] = next(i for n in count() if (i := first + "_" * n) not in called.values())
    return called


def _ids(names: list[str], *, apart: bool) -> dict[str, str]:
    """Each node's name for Mermaid. `apart`: there is room for `<name>_in_left` beside every other."""

    def free(candidate: str) -> bool:
        return candidate not in names and not (apart and any(name.startswith(f"{candidate}_") for name in names))

    ids: dict[str, str] = {}
    for place, name in enumerate(names):
        usable = _PLAIN.fullmatch(name) and name.lower() not in _RESERVED
        crowded = apart and any(other.startswith(f"{name}_") for other in names)
        others = (f"v{'_' * n}{place}" for n in count())
        ids[name] = name if usable and not crowded else next(filter(free, others))
    return ids


__all__ = ["Style", "escaped", "mermaid"]
