"""A graph as an SVG drawing, readable on light and on dark ground, without ids, styles or scripts.

It has no background, so every text stands on a shape that brings its own; lines have a middle brightness. What a
colour says, a shape says too: sources are round on the left, sinks on the right, errors dashed, late items dotted.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from streamweave_lab.graph.layout import Box, Layout, Link, Point, layout
from streamweave_lab.graph.shape import EdgeShape, GraphShape, NodeShape, description, split

Tone = Literal["ok", "busy-low", "busy-high", "blocked-low", "blocked-high", "ended", "failed"]

_NOT_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

MARGIN = 10.0
TITLE, NOTE = 13.0, 11.0
"""Sizes of text in pixels: names; kinds, captions and ports."""
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

# Fill and outline. White text has a contrast of 4.5 and more on every fill; outlines have 3 and more on #fff and #111.
_ROLES = {"source": ("#0f766e", "#17a398"), "step": ("#41506b", "#7f90ad"), "sink": ("#6d3fb0", "#9b77d6")}
_TONES: Mapping[str, tuple[str, str]] = {
    "ok": ("#23744c", "#3fa373"),
    "busy-low": ("#945600", "#c98413"),
    "busy-high": ("#b3261e", "#e5635b"),
    "blocked-low": ("#5c6270", "#8d94a3"),
    "blocked-high": ("#3a3e47", "#8d94a3"),
    "ended": ("#5b6675", "#8793a3"),
    "failed": ("#b3261e", "#e5635b"),
}
_SIGNS = {
    "busy-low": "m-4 3l4 -4l4 4",
    "busy-high": "m-4 0l4 -4l4 4m-8 5l4 -4l4 4",
    "ended": "m-3 -3h6v6h-6z",
    "failed": "m-3 -3l6 6m0 -6l-6 6",
}
_LINE = {"error": ("#e0474c", "6 4"), "late": ("#c07a0c", "0.1 5")}
_USUAL = "#8794a8"
_PILL = {"error": "#b3261e", "late": "#8a5200"}
_QUIET = "#5b6675"


@dataclass(frozen=True)
class NodeLook:
    """How a node in a run looks: a colour by how busy or blocked it is, and a line of text."""

    tone: Tone | None = None
    caption: str = ""


@dataclass(frozen=True)
class EdgeLook:
    """How an edge in a run looks: how full its channel is, from 0 to 1, and a text beside it."""

    fill: float = 0.0
    caption: str = ""


@dataclass(frozen=True)
class States:
    """Looks of nodes by name, and of edges by their two ports; what is not there looks as it was drawn."""

    nodes: Mapping[str, NodeLook] = field(default_factory=dict)
    edges: Mapping[tuple[str, str], EdgeLook] = field(default_factory=dict)

    def node(self, node: NodeShape) -> NodeLook:
        """The look of one node."""
        return self.nodes.get(node.name, NodeLook())

    def edge(self, edge: EdgeShape) -> EdgeLook:
        """The look of one edge."""
        return self.edges.get((edge.source, edge.target), EdgeLook())


def svg(shape: GraphShape, states: States | None = None) -> str:
    """The drawing of `shape` as an SVG document; the same for the same arguments, always."""
    states = states or States()
    links = [_link(edge, states.edge(edge).caption) for edge in shape.edges]
    placed = layout([_box(node, states) for node in shape.nodes], links)
    width, height = (_n(side + 2 * MARGIN) for side in (placed.width, placed.height))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="{_n(-MARGIN)} {_n(-MARGIN)} {width} {height}" role="img" font-family="{escape(FONT)}">'
    )
    parts = [
        head,
        f"<title>{_text(description(shape))}</title>",
        *_edges(shape.edges, links, placed, states),
        *(_node(node, placed.boxes[node.name], states.node(node)) for node in shape.nodes),
        *_labels(shape.edges, placed),
        "</svg>",
    ]
    return "\n".join(parts)


def image(shape: GraphShape, states: States | None = None) -> str:
    """The drawing as an HTML image with its description, for pages that let no drawing in otherwise."""
    data = base64.b64encode(svg(shape, states).encode()).decode()
    text = _text(description(shape))
    return f'<img alt="{text}" style="max-width:100%;height:auto" src="data:image/svg+xml;base64,{data}">'


def text_width(text: str, size: float, bold: bool = False) -> float:
    """About as many pixels as the widest of the usual fonts needs for `text`."""
    return sum(map(_units, text)) * size * (1.06 if bold else 1.0)


def _units(c: str) -> float:
    if c in "fijlrt.,:;|!'()[] -":
        return 0.38
    if c in "mwMW@%—…" or ord(c) > 0x2E7F:  # wide letters, and those of East Asia
        return 0.95
    return 0.72 if c.isupper() else 0.62


def _link(edge: EdgeShape, caption: str) -> Link:
    (source, out), (target, into) = split(edge.source), split(edge.target)
    weight = 0.001 if out in _LINE else 1.0
    before = 0.0 if out == "out" else _pill_width(out) + 10
    within = _pill_width(caption) + 36 if caption else 0.0
    after = 0.0 if into == "in" else _pill_width(into) + 16
    return Link(source, out, target, into, weight, before, within, after)


def _box(node: NodeShape, states: States) -> Box:
    look = states.node(node)
    caption = text_width(_cut(look.caption, 36), NOTE) + (26 if look.tone in _SIGNS else 0)
    width = max(text_width(_cut(node.name), TITLE, bold=True), text_width(_cut(node.kind), NOTE), caption) + 32
    return Box(node.name, max(width, 84.0), 62.0 if look.caption else 46.0)


def _edges(edges: Iterable[EdgeShape], links: list[Link], placed: Layout, states: States) -> Iterable[str]:
    # Errors and late items go below: where lines meet, the main way is on top.
    ranked = sorted(zip(edges, links, placed.routes, strict=True), key=lambda drawn: drawn[1].weight)
    for edge, link, route in ranked:
        look = states.edge(edge)
        colour, dashes = _LINE.get(link.out, (_USUAL, ""))
        yield _edge(edge, route, colour, dashes, look)


def _edge(edge: EdgeShape, route: tuple[Point, ...], colour: str, dashes: str, look: EdgeLook) -> str:
    x, y = route[-1]
    d = _curve((*route[:-1], (x - 6, y)))
    dash = f' stroke-dasharray="{dashes}" stroke-linecap="round"' if dashes else ""
    line = 2.6 if dashes.startswith("0.1") else 1.75
    parts = [f"<g><title>{_text(f'{edge.source} to {edge.target}')}</title>"]
    if look.fill > 0:
        parts.append(_filling(route, look.fill))
    parts.append(f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{line}"{dash}/>')
    parts.append(f'<path d="M{_n(x)} {_n(y)}l-9 -4.5v9z" fill="{colour}"/>')
    if look.caption:
        (left, above), (right, below) = route[-3:-1]
        parts.append(_pill((left + right) / 2, (above + below) / 2, look.caption, _QUIET))
    return "".join(parts) + "</g>"


def _filling(route: tuple[Point, ...], fill: float) -> str:
    """What waits in a channel piles up from the receiver back towards the sender."""
    colour = "#4f8fdd" if fill < 0.5 else "#d9860a" if fill < 0.9 else "#e0474c"
    share = f"{min(fill, 1.0):.3g}"
    d = _curve(tuple(reversed(route)))
    return (
        f'<path d="{d}" fill="none" stroke="{colour}" stroke-opacity="0.55" stroke-width="7" '
        f'pathLength="1" stroke-dasharray="{share} 2"/>'
    )


def _curve(route: tuple[Point, ...]) -> str:
    (x, y), *rest = route
    d = [f"M{_n(x)} {_n(y)}"]
    for to_x, to_y in rest:
        middle = _n((x + to_x) / 2)
        level = abs(y - to_y) < 0.05
        d.append(f"H{_n(to_x)}" if level else f"C{middle} {_n(y)} {middle} {_n(to_y)} {_n(to_x)} {_n(to_y)}")
        x, y = to_x, to_y
    return "".join(d)


def _node(node: NodeShape, box: Box, look: NodeLook) -> str:
    fill, outline = _TONES[look.tone] if look.tone else _ROLES[node.role]
    middle, y = _n(box.x + box.width / 2), box.y + box.height / 2 - (11 if look.caption else 3)
    parts = [
        f"<g><title>{_text(f'{node.name}, a {node.role} of kind {node.kind}')}</title>",
        f'<path d="{_outline(box, node.role)}" fill="{fill}" stroke="{outline}" stroke-width="1.5"/>',
        _mark(box, look),
        f'<g fill="#fff" text-anchor="middle" font-size="{NOTE:g}">',
        f'<text x="{middle}" y="{_n(y)}" font-size="{TITLE:g}" font-weight="600">{_text(_cut(node.name))}</text>',
        f'<text x="{middle}" y="{_n(y + 15)}" fill-opacity="0.85">{_text(_cut(node.kind))}</text>',
    ]
    if look.caption:
        parts.append(f'<text x="{middle}" y="{_n(y + 31)}">{_text(_cut(look.caption, 36))}</text>')
    return "".join(parts) + "</g></g>"


def _outline(box: Box, role: str) -> str:
    round_end = min(box.height / 2, 23.0)
    left, right = (round_end if role == "source" else 8.0), (round_end if role == "sink" else 8.0)
    w, h = box.width - left - right, box.height
    return (
        f"M{_n(box.x + left)} {_n(box.y)}h{_n(w)}a{_n(right)} {_n(right)} 0 0 1 {_n(right)} {_n(right)}"
        f"v{_n(h - 2 * right)}a{_n(right)} {_n(right)} 0 0 1 {_n(-right)} {_n(right)}h{_n(-w)}"
        f"a{_n(left)} {_n(left)} 0 0 1 {_n(-left)} {_n(-left)}v{_n(2 * left - h)}"
        f"a{_n(left)} {_n(left)} 0 0 1 {_n(left)} {_n(-left)}z"
    )


def _mark(box: Box, look: NodeLook) -> str:
    """The tone once more, as a shape: a dam where a node is blocked, and a sign before its lowest line."""
    if look.tone in ("blocked-low", "blocked-high"):
        x, height = box.x + box.width + 3.5, box.height * (0.9 if look.tone == "blocked-high" else 0.5)
        y = box.y + (box.height - height) / 2
        return f'<rect x="{_n(x)}" y="{_n(y)}" width="4" height="{_n(height)}" rx="2" fill="#e0474c"/>'
    if look.tone not in _SIGNS:
        return ""
    width = text_width(_cut(look.caption, 36), NOTE)
    x, y = box.x + (box.width - width) / 2 - 9, box.y + box.height / 2 + 16.5
    return f'<path d="M{_n(x)} {_n(y)}{_SIGNS[look.tone]}" fill="none" stroke="#fff" stroke-width="1.75"/>'


def _labels(edges: Iterable[EdgeShape], placed: Layout) -> Iterable[str]:
    drawn = set()
    for edge, route in zip(edges, placed.routes, strict=True):
        out, into = split(edge.source)[1], split(edge.target)[1]
        if out != "out" and edge.source not in drawn:
            drawn.add(edge.source)
            yield _pill(route[0][0] + 7 + _pill_width(out) / 2, route[0][1], out, _PILL.get(out, _QUIET))
        if into != "in" and edge.target not in drawn:
            drawn.add(edge.target)
            yield _pill(route[-1][0] - 13 - _pill_width(into) / 2, route[-1][1], into, _QUIET)


def _pill(x: float, y: float, text: str, fill: str) -> str:
    width = _pill_width(text)
    return (
        f'<g><rect x="{_n(x - width / 2)}" y="{_n(y - 8)}" width="{_n(width)}" height="16" rx="8" fill="{fill}"/>'
        f'<text x="{_n(x)}" y="{_n(y + 3.6)}" fill="#fff" text-anchor="middle" font-size="{NOTE - 0.5:g}">'
        f"{_text(_cut(text))}</text></g>"
    )


def _pill_width(text: str) -> float:
    return text_width(_cut(text), NOTE - 0.5) + 12


def _cut(text: str, most: int = 26) -> str:
    """A long text without its middle, where names differ least."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-(most - most // 2 - 1) :]}"


def _n(number: float) -> str:
    """A coordinate, short."""
    text = f"{number:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def _text(text: str) -> str:
    """Text as it may stand in a document: escaped, and without what XML does not allow at all."""
    return escape(_NOT_XML.sub("\ufffd", text))
