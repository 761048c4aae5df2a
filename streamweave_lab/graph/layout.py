"""Where to draw nodes and edges: a small layered layout from left to right, in pure arithmetic.

After Sugiyama, Tagawa and Toda 1981: layers by longest path, crossings reduced by barycenters, heights chosen so
that edges run straight. Long edges take a place of their own in every layer they pass, so no edge runs under a node.
The same drawing gets the same layout, always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamweave_lab.graph.heights import choose_heights, open_ports
from streamweave_lab.graph.layers import Cell, Hop, Link, by_layer, chain, depths, reduce_crossings

Point = tuple[float, float]

MOST_STRETCH = 40.0
"""What a node may be widened by, so that the nodes of a layer look alike."""


@dataclass(frozen=True)
class Box:
    """A node to place, and then where it is: `x` and `y` are its upper left corner."""

    name: str
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True)
class Layout:
    """Boxes by name and, for each link in the order given, the points through which it runs from left to right.

    The points come in pairs: the link is level between the two of a pair, and bends from one pair to the next.
    """

    width: float
    height: float
    boxes: dict[str, Box]
    routes: tuple[tuple[Point, ...], ...]


def layout(boxes: Sequence[Box], links: Sequence[Link], gap: float = 52.0) -> Layout:
    """Place `boxes`, given in topological order, so that every link runs from left to right.

    `gap` is the width between two layers, to which what is written on the links is added. Boxes of a layer
    are stretched towards the width of the widest.
    """
    if not boxes:
        return Layout(0.0, 0.0, {}, ())
    depth = depths([box.name for box in boxes], links)
    cells = {box.name: Cell(depth[box.name], box.height, box.width, is_node=True) for box in boxes}
    chains = [chain(link, cells) for link in links]
    layers = by_layer([*cells.values(), *(hop.target for hops in chains for hop in hops[:-1])])
    reduce_crossings(layers)
    open_ports(cells.values())
    choose_heights(layers)
    _move_to_top(layers)
    _stretch(layers)
    _clear(links, cells)
    columns = _columns(links, chains, layers, gap)
    placed = {box.name: _placed(box, cells[box.name], columns) for box in boxes}
    routes = tuple(_route(hops, columns) for hops in chains)
    return Layout(columns[-1][1], max(_bottom(cell) for layer in layers for cell in layer), placed, routes)


def _move_to_top(layers: list[list[Cell]]) -> None:
    top = min(cell.y - cell.height / 2 for layer in layers for cell in layer)
    for layer in layers:
        for cell in layer:
            cell.y -= top


def _bottom(cell: Cell) -> float:
    return cell.y + cell.height / 2


def _stretch(layers: list[list[Cell]]) -> None:
    for layer in layers:
        widest = max(cell.width for cell in layer)
        for cell in layer:
            cell.width = min(cell.width + MOST_STRETCH, widest) if cell.is_node else 0.0


def _clear(links: Sequence[Link], cells: dict[str, Cell]) -> None:
    for name, cell in cells.items():
        left = max((link.after for link in links if link.target == name), default=0.0)
        cell.clear = (left, max((link.before for link in links if link.source == name), default=0.0))


def _columns(links: Sequence[Link], chains: list[list[Hop]], layers: list[list[Cell]], gap: float) -> list[Point]:
    """Where each layer begins and ends, with room between for what is written there and for steep bends."""
    within, steep = [0.0] * len(layers), [0.0] * len(layers)
    for link, hops in zip(links, chains, strict=True):
        last = hops[-1].source.layer
        within[last] = max(within[last], link.within)
        for hop in hops:
            steep[hop.source.layer] = max(steep[hop.source.layer], abs(hop.enters - hop.leaves))
    columns, x = [], 0.0
    for layer, words, bend in zip(layers, within, steep, strict=True):
        x += max(cell.clear[0] for cell in layer)
        width = max(cell.width for cell in layer)
        columns.append((x, x + width))
        x += width + max(cell.clear[1] for cell in layer) + max(gap + min(gap, bend / 5), words)
    return columns


def _placed(box: Box, cell: Cell, columns: list[Point]) -> Box:
    return Box(box.name, cell.width, cell.height, columns[cell.layer][0], cell.y - cell.height / 2)


def _route(hops: list[Hop], columns: list[Point]) -> tuple[Point, ...]:
    points: list[Point] = []
    for hop in hops:
        left, right = columns[hop.source.layer]
        begin = left + hop.source.width  # a lane has no width of its own, and begins with its layer
        points += [(begin, hop.leaves), (right + hop.source.clear[1], hop.leaves)]
    target = hops[-1].target
    end, y = columns[target.layer][0], hops[-1].enters
    return (*points, (end - target.clear[0], y), (end, y))


__all__ = ["Box", "Layout", "Link", "Point", "layout"]
