"""How high everything lies: ports on the sides of nodes, and nodes so that the main ways run straight."""

from __future__ import annotations

from collections.abc import Iterable

from streamweave_lab.graph.layers import Cell, Hop

GAP = 24.0
"""Between two nodes of one layer; half of it between a node and an edge that passes."""
PORT_STEP = 18.0
"""Between two ports on one side of a node."""
ROUNDS = 12
MAIN_PORTS = ("in", "out")
"""They lie in the middle of a node, whatever else there is, so that a row of nodes is level."""


def open_ports(cells: Iterable[Cell]) -> None:
    """Order the ports on each side of a node by where their links lead, and make room for them."""
    for cell in cells:
        cell.ports = (_spread(_ordered(cell.before, True)), _spread(_ordered(cell.after, False)))
        farthest = max((abs(below) for side in cell.ports for below in side.values()), default=0.0)
        cell.height = max(cell.height, 2 * farthest + 10)


def _ordered(hops: list[Hop], entering: bool) -> list[str]:
    places: dict[str, list[int]] = {}
    for hop in sorted(hops, key=lambda hop: -hop.weight):  # so that of two ports to one node the main one is above
        port, other = (hop.into, hop.source) if entering else (hop.out, hop.target)
        places.setdefault(port, []).append(other.place)
    return sorted(places, key=lambda port: sum(places[port]) / len(places[port]))


def _spread(ports: list[str]) -> dict[str, float]:
    middle = next((float(i) for i, port in enumerate(ports) if port in MAIN_PORTS), (len(ports) - 1) / 2)
    return {port: (i - middle) * PORT_STEP for i, port in enumerate(ports)}


def choose_heights(layers: list[list[Cell]]) -> None:
    """Move every cell to where its links would be straight, as near as its neighbours in the layer allow."""
    for layer in layers:
        _settle(layer, [(0.0, 1.0)] * len(layer))
    for _ in range(ROUNDS):
        for layer in [*layers, *reversed(layers)]:
            _settle(layer, [_pull(cell, cell.before, cell.after) for cell in layer])
    for layer in layers:
        _settle(layer, [_pull(cell, cell.before, [] if cell.before else cell.after) for cell in layer])


def _pull(cell: Cell, before: list[Hop], after: list[Hop]) -> tuple[float, float]:
    """The mean of where its links would be straight, and how much they weigh together."""
    pulls = [(hop.leaves - hop.below_target, hop.weight) for hop in before]
    pulls += [(hop.enters - hop.below_source, hop.weight) for hop in after]
    total = sum(weight for _, weight in pulls)
    return (sum(y * weight for y, weight in pulls) / total, total) if total else (cell.y, 0.01)


def _settle(layer: list[Cell], pulls: list[tuple[float, float]]) -> None:
    """The heights nearest to those wanted, in least squares, that keep order and distance.

    That is an isotonic regression, solved by pooling adjacent violators.
    """
    offsets = _offsets(layer)
    blocks: list[tuple[float, float, int]] = []
    for (wanted, weight), offset in zip(pulls, offsets, strict=True):
        mean, count = wanted - offset, 1
        while blocks and blocks[-1][0] > mean:
            above, heavy, many = blocks.pop()
            mean, weight, count = (above * heavy + mean * weight) / (heavy + weight), heavy + weight, many + count
        blocks.append((mean, weight, count))
    heights = [mean for mean, _, count in blocks for _ in range(count)]
    for cell, height, offset in zip(layer, heights, offsets, strict=True):
        cell.y = height + offset


def _offsets(layer: list[Cell]) -> list[float]:
    """How far each cell lies below the first where all stand as close as they may."""
    offsets, down = [], 0.0
    for i, cell in enumerate(layer):
        if i:
            above = layer[i - 1]
            down += (above.height + cell.height) / 2 + GAP / 2 * max(1, above.is_node + cell.is_node)
        offsets.append(down)
    return offsets
