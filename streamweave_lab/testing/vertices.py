"""The vertices of a random graph: what each is made of, and the node that is drawn for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from streamweave_lab.config.model import Config, live
from streamweave_lab.graph.batch import Failure
from streamweave_lab.graph.node import Node
from streamweave_lab.graph.port import In, Out
from streamweave_lab.graph.source import AsyncSource, Poll, Wait
from streamweave_lab.operators import Collect, Filter, FlatMap, Map, MapAsync, Pane, Replay, Route, Window
from streamweave_lab.progress.window import Tumbling


class Grain(NamedTuple):
    """An item: which item of which source it comes from (None: from several), and a value."""

    origin: int | None
    value: int


class Version(Config):
    """A configuration that is nothing but a number."""

    number: int = live(0)


Notes = dict[int, set[int]]
"""The numbers of the configurations that an item, known by its origin, has met."""


@dataclass(frozen=True)
class Lead:
    """An edge to a vertex: from the output port `port` of `node` to its input port `into`."""

    node: str
    port: str
    into: str
    capacity: int


@dataclass(frozen=True)
class Vertex:
    """One node of a random graph; `number` varies what it does, `size` is a window's, in seconds."""

    name: str
    kind: str
    number: int = 0
    leads: tuple[Lead, ...] = ()
    size: float = 1.0
    ordered: bool = True
    grains: tuple[Grain, ...] = ()
    times: tuple[float, ...] | None = None
    """Of a source: the event times of its grains, in seconds."""
    lag: float = 0.0
    waits: frozenset[int] = frozenset()
    """Of a source: the positions at which it has nothing for 10 ms."""
    idle_after: float | None = None
    streamed: bool = False
    """Of a source: its grains must be awaited."""


def draw_node(vertex: Vertex, notes: Notes) -> Node:
    """The node of a vertex."""
    return _DRAW[vertex.kind](vertex, notes)


class Given(Replay[Grain]):
    """Replays the grains of a vertex, and waits where that says so."""

    def __init__(self, vertex: Vertex, notes: Notes) -> None:
        super().__init__(
            vertex.name, list(vertex.grains), time=_time_of(vertex), lag=vertex.lag, idle_after=vertex.idle_after
        )
        self._waits, self._notes = vertex.waits, notes

    def opened(self) -> None:
        """Begin with all waits ahead."""
        super().opened()
        self._ahead = set(self._waits)

    def configure(self, config: Config) -> None:
        """From the next grain on this one holds."""
        assert isinstance(config, Version)  # noqa: S101 - start the graph with one
        self._number = config.number

    def poll(self, limit: int) -> Poll[Grain]:
        """Grains up to the next wait; or that wait."""
        if self.position in self._ahead:
            self._ahead.discard(self.position)
            return Wait(0.01)
        ends = [at - self.position for at in self._ahead if at > self.position]
        answer = super().poll(min(limit, *ends) if ends else limit)
        for grain in answer if isinstance(answer, list) else ():
            note(self._notes, grain, self._number)
        return answer


class Streamed(AsyncSource[Grain]):
    """The same, where grains must be awaited."""

    def __init__(self, vertex: Vertex, notes: Notes) -> None:
        super().__init__(vertex.name)
        self.time, self.lag, self.idle_after = _time_of(vertex), vertex.lag, vertex.idle_after
        self._vertex, self._notes = vertex, notes

    def configure(self, config: Config) -> None:
        """From the next grain on this one holds."""
        assert isinstance(config, Version)  # noqa: S101 - start the graph with one

    def seek(self, position: int) -> None:
        """Go on from there."""
        self.position = position

    async def stream(self) -> AsyncIterator[list[Grain]]:
        """Up to three grains at a time."""
        grains = self._vertex.grains
        while self.position < len(grains):
            if self.position in self._vertex.waits:
                await asyncio.sleep(0.01)
            batch = list(grains[self.position : self.position + 1 + self.position % 3])
            self.position += len(batch)
            yield batch


def _time_of(vertex: Vertex) -> Callable[[Grain], float] | None:
    return dict(zip(vertex.grains, vertex.times, strict=True)).__getitem__ if vertex.times else None


class Tag(Node):
    """Two input ports, told apart by what becomes of their grains."""

    left: In[Grain]
    right: In[Grain]
    out: Out[Grain]

    def __init__(self, vertex: Vertex, notes: Notes) -> None:
        super().__init__(vertex.name)
        self._notes = notes

    def configure(self, config: Config) -> None:
        """From the next grain on this one holds."""
        assert isinstance(config, Version)  # noqa: S101 - start the graph with one
        self._number = config.number

    def on_left(self, grain: Grain) -> None:
        """Send an even value."""
        note(self._notes, grain, self._number)
        self.emit(self.out, _to(grain, grain.value * 2))

    def on_right(self, grain: Grain) -> None:
        """Send an odd value."""
        note(self._notes, grain, self._number)
        self.emit(self.out, _to(grain, grain.value * 2 + 1))


def note(notes: Notes, grain: Grain, number: int) -> None:
    """Note that this grain has met the configuration of that number."""
    if grain.origin is not None:
        notes.setdefault(grain.origin, set()).add(number)


def digest(pane: Pane[int, Grain]) -> Grain:
    """All of a pane that does not depend on the order of its grains, in one number."""
    return Grain(None, sum(grain.value for grain in pane.items) * 31 + int(pane.start * 4) * 7 + pane.key)


def parity(grain: Grain) -> int:
    """The key of windows and routes."""
    return grain.value % 2


def _to(grain: Grain, value: int) -> Grain:
    return Grain(grain.origin, value)


def _noted(notes: Notes, f: Callable[[Grain], Any]) -> Callable[[Grain, Version], Any]:
    def noting(grain: Grain, config: Version) -> Any:
        note(notes, grain, config.number)
        return f(grain)

    return noting


def _failing(vertex: Vertex) -> Callable[[Grain], Grain]:
    def fail(grain: Grain) -> Grain:
        if grain.value % 5 == vertex.number % 5:
            raise ValueError(grain.value)
        return grain

    return fail


def _awaited(vertex: Vertex, notes: Notes) -> Callable[[Grain, Version], Any]:
    async def work(grain: Grain, config: Version) -> Grain:
        note(notes, grain, config.number)
        await asyncio.sleep(grain.value % 4 * 0.001)
        note(notes, grain, config.number)
        return _to(grain, grain.value + vertex.number)

    return work


def _unwrap(failure: Failure[Grain]) -> Grain:
    return failure.item


_DRAW: dict[str, Callable[[Vertex, Notes], Node]] = {
    "source": lambda v, notes: Streamed(v, notes) if v.streamed else Given(v, notes),
    "map": lambda v, notes: Map(v.name, _noted(notes, lambda g: _to(g, g.value * 3 + v.number)), config=Version),
    "fail": lambda v, notes: Map(v.name, _noted(notes, _failing(v)), config=Version),
    "unwrap": lambda v, _: Map(v.name, _unwrap),
    "filter": lambda v, notes: Filter(v.name, _noted(notes, lambda g: g.value % 3 != v.number % 3), config=Version),
    "flat": lambda v, notes: FlatMap(
        v.name, _noted(notes, lambda g: [_to(g, g.value * 10 + j) for j in range(g.value % 3)]), config=Version
    ),
    "route": lambda v, _: Route(v.name, odd=parity),
    "tag": Tag,
    "async": lambda v, notes: MapAsync(
        v.name, _awaited(v, notes), concurrency=1 + v.number % 4, ordered=v.ordered, config=Version
    ),
    "window": lambda v, _: Window(v.name, digest, Tumbling(seconds=v.size), key=parity),
    "sink": lambda v, _: Collect(v.name),
}
