"""A look at the items that pass some ports; nothing of it is there while nobody taps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from streamweave_lab.graph.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamweave_lab.engine.execution import Execution


@dataclass(frozen=True)
class TappedPort:
    """What was seen at one port."""

    items: tuple[Any, ...]
    """What the graph's `redact` lets be seen of the items, in the order in which they passed."""
    times: tuple[float | None, ...]
    """Their event times in seconds; None where an item has none."""
    passed: int
    """Items that passed until the port had its last one, those between samples included."""


@dataclass(frozen=True)
class Tapped:
    """The report of a tap."""

    pattern: str
    ports: dict[str, TappedPort]
    """By the name of the port, such as "parse.out": every port that the pattern fits."""
    seconds: float
    complete: bool
    """Every port had as many items as were asked for."""

    def __getitem__(self, port: str) -> TappedPort:
        """What was seen at `port`. Raises: KeyError."""
        return self.ports[port]


class _Listening:
    """One tap: which ports still want items, and the future that says it is enough."""

    def __init__(self, run: Execution, n: int, every: int, ports: list[str], *, all_of_them: bool) -> None:
        self.graph, self.n, self.every = run.graph, n, every
        self.enough: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.missing = set(ports)
        self._all = all_of_them

    def has_all(self, port: str) -> None:
        """A port has its items."""
        self.missing.discard(port)
        if not (self._all and self.missing) and not self.enough.done():
            self.enough.set_result(None)


class _Ear:
    """Stands beside the channels of an output port, and is given every batch that they are given."""

    receiver_bit = 0
    """It wakes nobody."""

    def __init__(self, tap: _Listening, port: str) -> None:
        self._tap, self._port = tap, port
        self._items: list[Any] = []
        self._times: list[float | None] = []
        self._passed = 0

    def put(self, batch: Batch) -> None:
        """Keep each `every`th item, as the graph lets it be seen."""
        tap = self._tap
        if len(self._items) == tap.n:
            return
        for place in range(-self._passed % tap.every, len(batch), tap.every):
            self._items.append(tap.graph.shown(self._port, batch.items[place]))
            self._times.append(batch.times[place] if batch.times else None)
            if len(self._items) == tap.n:
                self._passed += place + 1
                tap.has_all(self._port)
                return
        self._passed += len(batch)

    def report(self) -> TappedPort:
        return TappedPort(tuple(self._items), tuple(self._times), self._passed)


async def tap(run: Execution, pattern: str, n: int, seconds: float | None, every: int) -> Tapped:
    """See `LocalRun.tap`. On the run's own loop."""
    if n < 1 or every < 1 or (seconds is not None and seconds < 0):
        raise ValueError(f"a tap needs n >= 1, every >= 1 and seconds >= 0, not n={n}, every={every}, {seconds=}")
    ports = _fitting(run, pattern)
    if run.lifecycle.over:
        return Tapped(pattern, dict.fromkeys(ports, TappedPort((), (), 0)), 0.0, False)
    began = run.core.clock.now()
    listening = _Listening(run, n, every, ports, all_of_them=seconds is not None)
    ears = {port: _Ear(listening, port) for port in ports}
    places = [(outs, ears[port]) for outs, port in _outputs(run) if port in ears]
    over = asyncio.ensure_future(run.over())
    run.core.watched += 1
    for outs, ear in places:
        outs.append(ear)
    try:
        await asyncio.wait({listening.enough, over}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        over.cancel()
        run.core.watched -= 1
        for outs, ear in places:
            outs.remove(ear)
    found = {port: ear.report() for port, ear in ears.items()}
    return Tapped(pattern, found, run.core.clock.now() - began, not listening.missing)


def _fitting(run: Execution, pattern: str) -> list[str]:
    ports = list(dict.fromkeys(port for _, port in _outputs(run)))
    found = [port for port in ports if fnmatchcase(port, pattern)]
    if not found:
        close = get_close_matches(pattern, ports, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there is {', '.join(ports)}"
        raise ValueError(f"no drawn port of run {run.name!r} fits {pattern!r}; {hint}")
    return found


def _outputs(run: Execution) -> Iterator[tuple[list[Any], str]]:
    """Every drawn port, with the list of channels into which what passes there is put. An open port has none.

    At an input port an item is seen when it is sent there, before it has been queued.
    """
    drawn: set[str] = set()
    for edge in run.graph.edges:
        outs: list[Any] = run.core.by_name[edge.source.node.name].outs[edge.source.name]
        if repr(edge.source) not in drawn:
            drawn.add(repr(edge.source))
            yield outs, repr(edge.source)
        yield outs, repr(edge.target)
