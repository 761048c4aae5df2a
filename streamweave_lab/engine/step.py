"""Steps of a paused run: as much flows as was asked for, until all is quiet again; and what a pause costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from streamweave_lab.engine.lifecycle import State
from streamweave_lab.engine.node_state import BLOCKED, BUSY, IDLE, Activity
from streamweave_lab.engine.scheduler import KERNEL_TURNS_BETWEEN, SLICE_SECONDS
from streamweave_lab.engine.status import PauseStatus
from streamweave_lab.errors import IllegalMoveError

if TYPE_CHECKING:
    from streamweave_lab.engine.core import Alarm, Core
    from streamweave_lab.engine.execution import Execution
    from streamweave_lab.engine.source_state import SourceState

_PATIENCE = 0.05
"""Seconds. A source that only reads on, or is due in a moment, is asked again; for others a step does not wait."""


@dataclass(frozen=True)
class Stepped:
    """What flowed in one step. The run is paused again."""

    items: int
    """Items that the sources brought in."""
    frontier: float | None
    """The run's frontier after the step, in seconds of event time."""
    sources: dict[str, int]
    """The same items by source; only those that brought in any."""
    flowed: dict[str, int]
    """Items that arrived, by edge ("parse.out -> delays.in"); what was on its way already is among them."""
    ended_by: str | None = None
    """Why the step ended before it had come as far as was asked; None if it has."""


class Pause:
    """A pause that began now, and what it costs."""

    def __init__(self, core: Core) -> None:
        self._core, self._began = core, core.clock.now()
        self._backlogs = {state.node.name: state.source.backlog for state in core.sources}

    def status(self) -> PauseStatus:
        """How long it has lasted, and by how much the backlogs have grown."""
        grown: dict[str, int] = {}
        for state in self._core.sources:
            before, now = self._backlogs[state.node.name], state.source.backlog
            if before is not None and now is not None and now > before:
                grown[state.node.name] = now - before
        return PauseStatus.of(seconds=self._core.clock.now() - self._began, grown=grown)


class Stepper:
    """Takes the steps of one run. Meanwhile it is the Host of the run's core, and gives it its turns."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._work = asyncio.Event()
        self._last = -1
        """The place among the sources of the one that was asked last."""
        self._heard = False

    # The Host

    def wake(self) -> None:
        """There is work, or none will come."""
        self._work.set()

    def hurry(self) -> None:
        """As `wake`."""
        self._work.set()

    def at_leisure(self) -> bool:
        """Nobody else may give turns."""
        return False

    def call_at(self, when: float, callback: Callable[[], None]) -> Alarm:
        """As the host that it stands in for."""
        return self._host.call_at(when, callback)

    # The step

    async def step(self, run: Execution, items: int | None, until: float | None, timeout: float) -> Stepped:
        """See `LocalRun.step`. On the run's own loop."""
        if items is not None and until is not None:
            raise ValueError("a step is of so many items, or until a frontier, not both")
        if items is not None and items < 1:
            raise ValueError(f"a step is of 1 item at least, not {items}")
        async with self._one_at_a_time:
            if run.lifecycle.state is not State.PAUSED:
                raise IllegalMoveError(run.name, "step", run.lifecycle.state.value)
            self._run, self._core, self._host = run, run.core, run.core.host
            self._deadline = run.core.clock.now() + timeout
            if not self._heard:
                run.on_end(self.wake)
                self._heard = True
            arrived = {channel.name: channel.received for channel in run.core.channels}
            sent = {state.node.name: state.items_out["out"] for state in run.core.sources}
            with self._in_charge() as gates:
                why = await self._flow(gates, items, until)
            brought = {s.node.name: n for s in run.core.sources if (n := s.items_out["out"] - sent[s.node.name])}
            flowed = {c.name: n for c in run.core.channels if (n := c.received - arrived[c.name])}
            return Stepped(sum(brought.values()), run.core.progress.time, brought, flowed, why)

    @contextmanager
    def _in_charge(self) -> Iterator[list[_Gate]]:
        core = self._core
        core.host = self
        gates = [_Gate(source) for source in core.sources]
        core.settle((1 << len(gates)) - 1, core.clock.now())
        core.resume()
        try:
            yield gates
        finally:
            for gate in gates:
                gate.remove()
            core.host = self._host
            core.paused = core.paused or self._run.lifecycle.state is State.PAUSED
            core.touch((1 << len(gates)) - 1)

    async def _flow(self, gates: list[_Gate], items: int | None, until: float | None) -> str | None:
        """Let in what was asked for. Returns why there is not more; None if that is all."""
        brought, core = 0, self._core
        asked_until = None
        why = await self._until_quiet()
        while why is None:
            frontier = core.progress.time
            if until is not None and frontier is not None and frontier >= until:
                return None
            if brought and ((items is None and until is None) or brought == items):
                return None
            limit = 1 if until is not None else None if items is None else items - brought
            new = 0
            for gate in self._candidates(gates, until):
                new, why = await self._let_in(gate, limit)
                if new or why:
                    break
            brought += new
            if new or why:
                asked_until = None
                continue
            soon = min((g.source.wait_until or inf for g in gates), default=inf)
            asked_until = asked_until or core.clock.now() + _PATIENCE
            if soon > asked_until:
                return _why_nothing(self._candidates(gates, until), until)
            await asyncio.sleep(max(0.0, soon - core.clock.now()))
            why = self._interrupted()
        return why

    def _candidates(self, gates: list[_Gate], until: float | None) -> list[_Gate]:
        """The sources to ask, in order: those in turn, or the one that keeps the frontier back."""
        if until is None:
            return gates[self._last + 1 :] + gates[: self._last + 1]
        timed = [g for g in gates if g.source.source.time is not None and not g.source.finished and not g.source.idle]
        return sorted(timed, key=lambda gate: gate.source.promised)[:1]

    async def _let_in(self, gate: _Gate, limit: int | None) -> tuple[int, str | None]:
        """One turn of one source, and all that follows from it: the items it brought in, and what interrupted."""
        before = gate.source.items_out["out"]
        gate.open(limit)
        self._core.touch(gate.source.bit)
        self._last = gate.source.index
        why = await self._until_quiet()
        gate.shut()
        return gate.source.items_out["out"] - before, why

    async def _until_quiet(self) -> str | None:
        """Give turns until no node can move and nothing is in flight. Returns what interrupted that, if anything."""
        core = self._core
        while (why := self._interrupted()) is None:
            if core.runnable:
                now = core.clock.now()
                core.go(now, now + SLICE_SECONDS)
                for _ in range(KERNEL_TURNS_BETWEEN):
                    await asyncio.sleep(0)
                continue
            in_flight = [state for state in core.states if state.activity is BUSY]  # and still without a turn to take
            if not in_flight:
                return None
            if core.clock.now() >= self._deadline:
                names = ", ".join(state.node.name for state in in_flight)
                return f"the time is up, and {names} has items in flight"
            self._work.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._deadline - core.clock.now()):
                    await self._work.wait()
        return why

    def _interrupted(self) -> str | None:
        state = self._run.lifecycle.state
        if state is not State.PAUSED:
            return f"the run is {state.value}"
        return "the run was paused anew" if self._core.paused else None


class _Gate:
    """Stands before one source during a step; open, it lets one turn through.

    A source whose gate is shut appears to have no input. What it has sent already, and its end, go on.
    """

    def __init__(self, source: SourceState) -> None:
        self.source = source
        self._own_limit = source.limit
        self._limit = 0
        source.assess = self._assess  # type: ignore[method-assign]
        source.step = self._step  # type: ignore[method-assign]

    def open(self, limit: int | None) -> None:
        """Let a batch through, of at most `limit` items."""
        self._limit = self._own_limit if limit is None else limit

    def shut(self) -> None:
        """Let nothing through."""
        self._limit = 0
        self.source.core.touch(self.source.bit)

    def remove(self) -> None:
        """The source is as it was."""
        self.source.limit = self._own_limit
        del self.source.assess, self.source.step

    def _assess(self) -> Activity:
        activity = type(self.source).assess(self.source)
        return IDLE if activity is BUSY and not self._limit and not self._on_its_way() else activity

    def _step(self) -> int:
        if not self._on_its_way():
            self.source.limit, self._limit = self._limit, 0
        return type(self.source).step(self.source)

    def _on_its_way(self) -> bool:
        return self.source.finished or any(channel.waiting for channel in self.source.out_channels)


def _why_nothing(asked: list[_Gate], until: float | None) -> str:
    if not asked:
        return "no source that has event time is left" if until is not None else "there is no source"
    return "; ".join(_why_not(gate.source) for gate in asked)


def _why_not(source: SourceState) -> str:
    name = source.node.name
    if source.finished:
        return f"{name} has ended"
    if type(source).assess(source) is BLOCKED:
        full = ", ".join(c.name for c in source.out_channels if c.queued >= c.capacity)
        return f"{name} waits for room on {full}"
    return f"{name} has nothing now"
