"""What must come out of a random graph, computed without the engine: one list for each output port."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import accumulate
from math import inf
from typing import Any, NamedTuple

from streamweave_lab.graph.batch import Failure
from streamweave_lab.operators import Pane
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.testing.vertices import Grain, Vertex, digest, parity


class Refused(NamedTuple):
    """What is the same of a Failure however it came about."""

    node: str
    item: Any


class Entry(NamedTuple):
    """An item, its event time, and the watermark ahead of it, which decides whether it is late.

    That watermark is known only on a straight way from a source; anywhere else items must be punctual.
    """

    item: Any
    time: float | None
    ahead: float = -inf

    def to(self, value: int) -> Entry:
        """The same with another value."""
        return self._replace(item=Grain(self.item.origin, value))


Came = dict[str, list[Entry]]


def evaluate(vertices: Sequence[Vertex], positions: dict[str, int]) -> dict[str, Counter[Any]]:
    """The items of every sink, in any order, if each source in `positions` gives only so many."""
    streams: dict[tuple[str, str], list[Entry]] = {}
    found: dict[str, Counter[Any]] = {}
    for vertex in vertices:
        came: Came = defaultdict(list)
        for lead in vertex.leads:
            came[lead.into] += streams[lead.node, lead.port]
        if len(vertex.leads) > 1:
            came = {into: [entry._replace(ahead=-inf) for entry in entries] for into, entries in came.items()}
        if vertex.kind == "sink":
            found[vertex.name] = Counter(entry.item for entry in came.get("in", []))
        elif vertex.kind == "source":
            streams[vertex.name, "out"] = _given(vertex)[: positions.get(vertex.name)]
        else:
            streams.update({(vertex.name, port): sent for port, sent in _RULES[vertex.kind](vertex, came).items()})
    return found


def plain(item: Any) -> Any:
    """An item of a sink in a run, as `evaluate` has it."""
    return Refused(item.node, item.item) if isinstance(item, Failure) else item


def _given(vertex: Vertex) -> list[Entry]:
    if vertex.times is None:
        return [Entry(grain, None) for grain in vertex.grains]
    newest = accumulate(vertex.times, max, initial=-inf)
    ahead = (before - vertex.lag for before in newest)
    return [Entry(*entry) for entry in zip(vertex.grains, vertex.times, ahead, strict=False)]


def _fail(vertex: Vertex, came: Came) -> Came:
    refused = [entry.item.value % 5 == vertex.number % 5 for entry in came["in"]]
    both = list(zip(came["in"], refused, strict=True))
    failures = [entry._replace(item=Refused(vertex.name, entry.item)) for entry, failed in both if failed]
    return {"out": [entry for entry, failed in both if not failed], "error": failures}


def _tag(_: Vertex, came: Came) -> Came:
    left = [entry.to(entry.item.value * 2) for entry in came.get("left", [])]
    return {"out": left + [entry.to(entry.item.value * 2 + 1) for entry in came.get("right", [])]}


def _async(vertex: Vertex, came: Came) -> Came:
    sent = [entry.to(entry.item.value + vertex.number) for entry in came["in"]]
    return {"out": sent if vertex.ordered else [entry._replace(ahead=-inf) for entry in sent], "error": []}


def _window(vertex: Vertex, came: Came) -> Came:
    untimed = [entry for entry in came["in"] if entry.time is None]
    late, panes = [], defaultdict(list)
    for entry in came["in"]:
        if entry.time is not None:
            start, end = Tumbling(seconds=vertex.size).bounds(entry.time)
            if end <= entry.ahead:
                late.append(entry)
            else:
                panes[parity(entry.item), start, end].append(entry.item)
    sent = [Entry(digest(Pane(*which, items)), which[2] - 1e-9) for which, items in panes.items()]
    return {"out": sent, "late": late, "error": [Entry(Refused(vertex.name, e.item), None) for e in untimed]}


_RULES: dict[str, Callable[[Vertex, Came], Came]] = {
    "map": lambda v, came: {"out": [e.to(e.item.value * 3 + v.number) for e in came["in"]], "error": []},
    "fail": _fail,
    "unwrap": lambda _, came: {"out": [e._replace(item=e.item.item) for e in came["in"]], "error": []},
    "filter": lambda v, came: {"out": [e for e in came["in"] if e.item.value % 3 != v.number % 3], "error": []},
    "flat": lambda _, came: {
        "out": [e.to(e.item.value * 10 + j) for e in came["in"] for j in range(e.item.value % 3)], "error": []
    },
    "route": lambda _, came: {
        "odd": [e for e in came["in"] if parity(e.item)],
        "rest": [e for e in came["in"] if not parity(e.item)],
        "error": [],
    },
    "tag": _tag,
    "async": _async,
    "window": _window,
}  # fmt: skip
