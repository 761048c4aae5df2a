"""Hypothesis strategies: random graphs, each with what must come out of it, computed without the engine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from hypothesis import strategies as st

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.graph.graph import Graph
from streamweave_lab.testing.evaluate import evaluate, plain
from streamweave_lab.testing.vertices import Grain, Lead, Notes, Vertex, draw_node

_PORTS = {"route": ("odd", "rest", "error"), "window": ("out", "late", "error"), "tag": ("out",), "source": ("out",)}
_SIZES = [0.5, 0.75, 1.0, 2.0]


@dataclass(frozen=True)
class Sketch:
    """A random graph, as its vertices, sources first."""

    vertices: tuple[Vertex, ...]

    def graph(self, notes: Notes | None = None) -> Graph:
        """The graph itself. `notes` will say which configurations each item met; start it with a Version."""
        nodes = {vertex.name: draw_node(vertex, {} if notes is None else notes) for vertex in self.vertices}
        edges = []
        for vertex in self.vertices:
            for lead in vertex.leads:
                path = nodes[lead.node].outputs[lead.port] >> nodes[vertex.name].inputs[lead.into]
                edges.append(path.capacity(lead.capacity))
        return Graph("sketch", *edges)

    def expected(self, positions: dict[str, int] | None = None) -> dict[str, Counter[Any]]:
        """What every sink must have in the end, in any order; of each source only the first `positions` items."""
        return evaluate(self.vertices, positions or {})

    def found(self, run: LocalRun) -> dict[str, Counter[Any]]:
        """What the sinks of a run have."""
        return {v.name: Counter(map(plain, run[v.name].items)) for v in self.vertices if v.kind == "sink"}

    def positions(self, run: LocalRun) -> dict[str, int]:
        """How many items each source has brought in."""
        return {v.name: run[v.name].position for v in self.vertices if v.kind == "source"}


@dataclass(frozen=True)
class _Stream:
    """An output port, and what is known of when its items come."""

    node: str
    port: str
    punctual: bool = True
    """No item is ever late here."""
    straight: bool = False
    """It comes from one source by one way on which nothing overtakes anything."""
    failed: bool = False
    """It consists of Failures."""


@st.composite
def sketches(
    draw: st.DrawFn, *, steps: int = 6, awaited: bool = True, wired: bool = True, idle: bool = False
) -> Sketch:
    """Random graphs of one to three sources and up to `steps` steps, with windows and items that fail.

    With `awaited` there are sources and logic that must be awaited as well; unless `wired`, an item that fails
    fails the run; with `idle` sources are idle now and then, so that what is late is not certain. Edges hold
    1 to 64 items.
    """
    vertices, streams = [], []
    for number in range(draw(st.integers(1, 3))):
        source, stream = draw(_sources(number))
        streamed = awaited and draw(st.sampled_from([False, False, True]))
        source = replace(source, streamed=streamed, idle_after=0.004 if idle else None)
        vertices.append(source)
        streams.append(stream)
    kinds = ["map", "fail", "filter", "flat", "route", "tag", "window", "window", "unwrap"] + ["async"] * awaited
    for number in range(draw(st.integers(1, steps))):
        vertex, sent = draw(_step_after(f"step{number}", streams, kinds))
        vertices.append(vertex)
        streams += sent
    led = {(lead.node, lead.port) for vertex in vertices for lead in vertex.leads}
    open_ports = [stream for stream in streams if (stream.node, stream.port) not in led]
    open_ports = [stream for stream in open_ports if wired or not stream.failed]
    many = draw(st.integers(1, max(1, min(3, len(open_ports)))))
    vertices += [Vertex(f"sink{n}", "sink", leads=draw(_leads(open_ports[n::many], "in"))) for n in range(many)]
    return Sketch(tuple(vertex for vertex in vertices if vertex.leads or vertex.kind == "source"))


@st.composite
def _sources(draw: st.DrawFn, number: int) -> tuple[Vertex, _Stream]:
    many, dice = draw(st.sampled_from([40, 20, 5, 1, 0])), draw(st.randoms(use_true_random=False))
    jitters = [dice.randint(0, 8) for _ in range(many)]
    grains = tuple(Grain(number * 1000 + at, at * 7 + jitter) for at, jitter in enumerate(jitters))
    waits = draw(st.frozensets(st.integers(0, max(0, many - 1)), max_size=3))
    name = f"source{number}"
    if not draw(st.sampled_from([3, 2, 1, 0])):
        return Vertex(name, "source", grains=grains, waits=waits), _Stream(name, "out", straight=True)
    times = tuple(0.25 * (at - jitter) for at, jitter in enumerate(jitters))
    disorder = max((newest - time for newest, time in zip(accumulate(times, max), times, strict=True)), default=0.0)
    punctual = draw(st.booleans())
    lag = disorder + draw(st.sampled_from([0.0, 0.3])) if punctual else draw(st.sampled_from([0.0, 0.25, 0.6]))
    source = Vertex(name, "source", grains=grains, times=times, lag=lag, waits=waits)
    return source, _Stream(name, "out", lag >= disorder, straight=True)


@st.composite
def _step_after(draw: st.DrawFn, name: str, streams: list[_Stream], kinds: list[str]) -> tuple[Vertex, list[_Stream]]:
    kind = draw(st.sampled_from(kinds))
    failed = [stream for stream in streams if stream.failed]
    choice = (kind == "unwrap" and failed) or [stream for stream in streams if not stream.failed]
    kind = kind if kind != "unwrap" or failed else "fail"
    chosen = draw(st.lists(st.sampled_from(choice), min_size=1, max_size=3, unique=True))
    if kind == "window" and not all(stream.punctual for stream in chosen):
        # Which of its items are late is certain only on a straight way; the sources' own are always such.
        chosen = [next((stream for stream in chosen if stream.straight), streams[0])]
    leads = draw(_leads(chosen, "left" if kind == "tag" else "in"))
    leads += draw(_leads(chosen[-1:], "right")) if kind == "tag" else ()
    number, size, ordered = draw(st.tuples(st.integers(0, 9), st.sampled_from(_SIZES), st.booleans()))
    vertex = Vertex(name, kind, number, leads, size, ordered)
    return vertex, [_sent_by(vertex, port, chosen) for port in _PORTS.get(kind, ("out", "error"))]


def _sent_by(vertex: Vertex, port: str, chosen: list[_Stream]) -> _Stream:
    straight = len(vertex.leads) == 1 and chosen[0].straight and (vertex.kind != "async" or vertex.ordered)
    punctual = all(stream.punctual for stream in chosen)
    if vertex.kind == "window":
        # What a window sends is on time wherever it goes, and what is late here is late everywhere.
        straight, punctual = False, port != "late"
    return _Stream(vertex.name, port, punctual, straight, failed=port == "error")


@st.composite
def _leads(draw: st.DrawFn, streams: list[_Stream], into: str) -> tuple[Lead, ...]:
    capacities = st.sampled_from([1, 2, 3, 7, 64])
    return tuple(Lead(stream.node, stream.port, into, draw(capacities)) for stream in streams)


__all__ = ["Sketch", "sketches"]
