"""Which layer every node belongs to, and in which order: the first half of a layout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

LANE = 8.0
"""The height an edge takes where it passes a layer."""
TURNS = 12


@dataclass(frozen=True)
class Link:
    """An edge to draw from the port `out` of `source` to the port `into` of `target`.

    `weight` says how much it shall be straight; `before`, `within` and `after` are the widths of what is written
    on it at its source, in its last bend, and at its target.
    """

    source: str
    out: str
    target: str
    into: str
    weight: float = 1.0
    before: float = 0.0
    within: float = 0.0
    after: float = 0.0


@dataclass(eq=False)
class Cell:
    """What has a place in a layer: a node, or a link passing through. `y` is the middle."""

    layer: int
    height: float
    width: float = 0.0
    y: float = 0.0
    place: int = 0
    before: list[Hop] = field(default_factory=list)
    after: list[Hop] = field(default_factory=list)
    ports: tuple[dict[str, float], dict[str, float]] = ({}, {})
    """How far below the middle each input, and each output, lies."""
    is_node: bool = False
    clear: tuple[float, float] = (0.0, 0.0)
    """How far on its left, and on its right, links run level, so as not to cross what is written there."""


@dataclass(eq=False)
class Hop:
    """A link, or the part of one, from one layer to the next."""

    source: Cell
    out: str
    target: Cell
    into: str
    weight: float

    @property
    def below_source(self) -> float:
        """How far below the middle of its source it leaves."""
        return self.source.ports[1].get(self.out, 0.0)

    @property
    def below_target(self) -> float:
        """How far below the middle of its target it enters."""
        return self.target.ports[0].get(self.into, 0.0)

    @property
    def leaves(self) -> float:
        """The height at which it leaves its source."""
        return self.source.y + self.below_source

    @property
    def enters(self) -> float:
        """The height at which it enters its target."""
        return self.target.y + self.below_target


def depths(names: Sequence[str], links: Sequence[Link]) -> dict[str, int]:
    """The longest path to each node; a source then moves right, to just before the first node it feeds."""
    depth = dict.fromkeys(names, 0)
    for name in names:
        for link in links:
            if link.source == name:
                depth[link.target] = max(depth[link.target], depth[name] + 1)
    fed = {link.target for link in links}
    for name in names:
        ahead = [depth[link.target] for link in links if link.source == name]
        if name not in fed and ahead:
            depth[name] = min(ahead) - 1
    return depth


def chain(link: Link, cells: dict[str, Cell]) -> list[Hop]:
    """The link as hops from layer to layer, through a lane in each layer that it passes."""
    start, end = cells[link.source], cells[link.target]
    lanes = [Cell(layer, LANE) for layer in range(start.layer + 1, end.layer)]
    stops = [start, *lanes, end]
    hops = []
    for a, b in pairwise(stops):
        # Lanes are kept straighter than what leads into them: bends then lie beside nodes.
        weight = link.weight * (1 if a is start and b is end else 2 if a is start or b is end else 8)
        hops.append(Hop(a, link.out if a is start else "", b, link.into if b is end else "", weight))
        a.after.append(hops[-1])
        b.before.append(hops[-1])
    return hops


def by_layer(cells: Iterable[Cell]) -> list[list[Cell]]:
    """The cells of each layer, in the order given."""
    layers: list[list[Cell]] = []
    for cell in cells:
        while len(layers) <= cell.layer:
            layers.append([])
        cell.place = len(layers[cell.layer])
        layers[cell.layer].append(cell)
    return layers


def reduce_crossings(layers: list[list[Cell]]) -> None:
    """Order each layer by where its neighbours lie, to and fro, and keep the best order met."""
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for turn in range(TURNS):
        forward = turn % 2 == 0
        for layer in layers if forward else reversed(layers):
            layer.sort(key=lambda cell: _barycenter(cell, forward))
            _number(layer)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    for layer, ordered in zip(layers, best, strict=True):
        layer[:] = ordered
        _number(layer)


def _barycenter(cell: Cell, forward: bool) -> float:
    places = [hop.source.place for hop in cell.before] if forward else [hop.target.place for hop in cell.after]
    return sum(places) / len(places) if places else cell.place


def _number(layer: list[Cell]) -> None:
    for place, cell in enumerate(layer):
        cell.place = place


def _crossings(layers: list[list[Cell]]) -> int:
    count = 0
    for layer in layers:
        hops = [(hop.source.place, hop.target.place) for cell in layer for hop in cell.after]
        count += sum((a - c) * (b - d) < 0 for i, (a, b) in enumerate(hops) for c, d in hops[:i])
    return count
