"""How many series there may be: beyond a limit nodes are told together, so that sums stay true."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from weakref import WeakSet

from streamweave_lab.engine.status import Status
from streamweave_lab.errors import ConfigError
from streamweave_lab.ops.metrics.families import FAMILIES, GRAPH, Family, Fold, Labels
from streamweave_lab.ops.metrics.telling import tell

VARIABLE = "STREAMWEAVE_METRICS_PORTS"

PORTS = 1000
"""Ports of all nodes together that are told apart, unless STREAMWEAVE_METRICS_PORTS says otherwise."""

OTHERS = "(others)"
"""Stands for the nodes that are told together, and for their ports. No node can be called so."""

_FOLD: dict[Fold, Callable[[float, float], float]] = {"sum": lambda a, b: a + b, "min": min, "max": max}

Series = dict[Labels, float]


@dataclass(frozen=True)
class Folding:
    """Which nodes of a graph are told together, because the graph has more ports than `limit`."""

    limit: int
    nodes: frozenset[str]
    of: int
    """Nodes that the graph has."""

    def __str__(self) -> str:
        return (
            f"{len(self.nodes)} of {self.of} nodes are told together in the metrics, as {OTHERS}: "
            f"{self.limit} ports are told apart; set {VARIABLE} to change that"
        )


def folding(status: Status, limit: int = PORTS) -> Folding:
    """Tell apart what comes first in the graph, node by whole node, until `limit` ports are used up.

    So it is the same nodes at each scrape, and the same in every family.
    """
    left, folded = limit, []
    for node in status.nodes:
        ports = len(node.items_in) + len(node.items_out)
        if ports <= left:
            left -= ports
        else:
            folded.append(node.name)
    return Folding(limit, frozenset(folded), len(status.nodes))


def measured(status: Status, limit: int = PORTS) -> Iterator[tuple[Family, Series]]:
    """Every family about which the Status has something to say, with its series."""
    fold = folding(status, limit)
    for family in FAMILIES:
        if series := _gathered(family, family.read(status), fold.nodes):
            yield family, series
    yield FOLDED, {(status.graph,): len(fold.nodes)}


def tell_folded(run: object, status: Status, limit: int) -> None:
    """Note in the run, once, that some of its nodes are told together in its metrics."""
    together = folding(status, limit)
    if together.nodes and run not in _TOLD:
        _TOLD.add(run)
        tell(run, "metrics.folded", str(together), "warning")


_TOLD: WeakSet[object] = WeakSet()


def port_limit(environ: Mapping[str, str] = os.environ) -> int:
    """The limit that STREAMWEAVE_METRICS_PORTS sets, or PORTS. Raises: ConfigError if that is no positive number."""
    given = environ.get(VARIABLE, "").strip()
    if not given:
        return PORTS
    if not given.isdecimal() or int(given) < 1:
        raise ConfigError(f"environment {VARIABLE}", (f"{given!r} is not a number of ports; use 1 or more",))
    return int(given)


FOLDED = Family(
    "metrics_folded_nodes", "gauge", f"Nodes told together as {OTHERS}, because the graph has too many ports.",
    GRAPH, lambda _: (), "{node}",
)  # fmt: skip


def _gathered(family: Family, rows: Iterable[tuple[Labels, float | None]], folded: frozenset[str]) -> Series:
    series: Series = {}
    for labels, number in rows:
        if number is None:
            continue
        under = _folded(family, labels) if folded and labels[1:2] and labels[1] in folded else labels
        if under is None:
            continue
        if under in series and family.fold is not None:
            number = _FOLD[family.fold](series[under], number)
        series[under] = number
    return series


def _folded(family: Family, labels: Labels) -> Labels | None:
    """The labels under which a folded node is told; those of families that name no node stay as they are."""
    if "node_id" not in family.labels:
        return labels
    if family.fold is None:
        return None
    together = {"node_id": OTHERS, "port": OTHERS}
    return tuple(together.get(name, value) for name, value in zip(family.labels, labels, strict=True))


__all__ = ["FOLDED", "OTHERS", "PORTS", "VARIABLE", "Folding", "folding", "measured", "port_limit", "tell_folded"]
