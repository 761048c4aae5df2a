"""Steps of a paused run: as much flows as was asked for, until all is quiet again; and what a pause costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from streamweave_lab.engine.gate import Gate
from streamweave_lab.engine.lifecycle import State
from streamweave_lab.engine.node_state import BLOCKED, BUSY
from streamweave_lab.engine.scheduler import KERNEL_TURNS_BETWEEN, SLICE_SECONDS
from streamweave_lab.engine.status import PauseStatus
from streamweave_lab.errors import IllegalMoveError

if TYPE_CHECKING:
    from streamweave_lab.engine.core import Core
    from streamweave_lab.engine.execution import Execution
    from streamweave_lab.engine.source_state import SourceState
    from streamweave_lab.engine.surroundings import Alarm

_PATIENCE = 0.05
"""Seconds. A source that only reads on, or is due in a moment, is asked again; for others a step does not wait."""

_BETWEEN_JUMPS = 0.001
"""Seconds. One jump of a held clock reaches an item; a source that has none after all must not keep the loop."""


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


@dataclass(frozen=True)
class _Wish:
    """What a step is to let in: a number of items, items until a frontier is reached, or one batch."""

    items: int | None
    until: float | None

    def __post_init__(self) -> None:
        if self.items is not None and self.until is not None:
            raise ValueError("a step is of so many items, or until a frontier, not both")
        if self.items is not None and self.items < 1:
            raise ValueError(f"a step is of 1 item at least, not {self.items}")

    def granted(self, brought: int, frontier: float | None) -> bool:
        """It is enough."""
        if self.until is not None:
            return frontier is not None and frontier >= self.until
        return brought >= (self.items or 1)

    def limit(self, brought: int) -> int | None:
        """How many items the next turn of a source may bring; None: a batch as the source has it."""
        if self.until is not None:
            return 1
        return None if self.items is None else self.items - brought


class Stepper:
    """Takes the steps of one run. Meanwhile it is the Host of the run's core, and gives it its turns."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._work = asyncio.Event()
        self._last = -1
        """The place among the sources of the one that was asked last."""
        self._heard = False

    # The Host

    occupied = 1  # nobody else may give turns

    def wake(self) -> None:
        """There is work, or none will come."""
        self._work.set()

    def hurry(self) -> None:
        """As `wake`."""
        self._work.set()

    def call_at(self, when: float, callback: Callable[[], None]) -> Alarm:
        """As the host that it stands in for."""
        return self._host.call_at(when, callback)

    # The step

    async def step(self, run: Execution, items: int | None, until: float | None, timeout: float) -> Stepped:
        """See `LocalRun.step`. On the run's own loop."""
        wish = _Wish(items, until)
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
                why = await self._flow(gates, wish)
            brought = {s.node.name: n for s in run.core.sources if (n := s.items_out["out"] - sent[s.node.name])}
            flowed = {c.name: n for c in run.core.channels if (n := c.received - arrived[c.name])}
            return Stepped(sum(brought.values()), run.core.progress.time, brought, flowed, why)

    @contextmanager
    def _in_charge(self) -> Iterator[list[Gate]]:
        core = self._core
        core.host = self
        gates = [Gate(source) for source in core.sources]
        for source in _held(gates):
            source.ask_again()  # it waits for a time that does not come while its clock is held
        core.touch((1 << len(gates)) - 1)
        core.flow()
        try:
            yield gates
        finally:
            for gate in gates:
                gate.remove()
            core.host = self._host
            if self._run.lifecycle.state is State.PAUSED:
                core.stand()
            core.touch((1 << len(gates)) - 1)

    async def _flow(self, gates: list[Gate], wish: _Wish) -> str | None:
        """Let in what was asked for. Returns why there is not more; None if that is all."""
        brought = 0
        why = await self._until_quiet()
        while why is None and not wish.granted(brought, self._core.progress.time):
            new, why = await self._bring_in(gates, wish, brought)
            brought += new
        return why

    async def _bring_in(self, gates: list[Gate], wish: _Wish, brought: int) -> tuple[int, str | None]:
        """What the first source brings in that has anything, and what follows from it; or why that is nothing."""
        clock = self._core.clock
        give_up = clock.now() + _PATIENCE
        jumped = False
        while True:
            asked = self._candidates(gates, wish)
            for gate in asked:
                new, why = await self._let_in(gate, wish.limit(brought))
                if new or why:
                    return new, why
            soon = min((gate.source.wait_until or inf for gate in asked if not gate.source.source.pauses), default=inf)
            if soon > give_up:
                if clock.now() < self._deadline and self._jump(asked):
                    await asyncio.sleep(_BETWEEN_JUMPS if jumped else 0)
                    jumped = True
                    continue
                return 0, "; ".join(_why_not(gate.source) for gate in asked) or "no source that has event time is left"
            await asyncio.sleep(max(0.0, soon - clock.now()))

    def _jump(self, gates: list[Gate]) -> bool:
        """Let as much time pass on the held clock as the first that goes by it waits for. False if none does."""
        waiting = [source for source in _held(gates) if source.wait_until is not None]
        if not waiting:
            return False
        now = self._core.clock.now()
        self._core.held_clock.skip(max(0.0, min(source.wait_until or now for source in waiting) - now))
        for source in waiting:
            source.ask_again()
        return True

    def _candidates(self, gates: list[Gate], wish: _Wish) -> list[Gate]:
        """The sources to ask, in order: those in turn, or the one that keeps the frontier back."""
        if wish.until is None:
            return gates[self._last + 1 :] + gates[: self._last + 1]
        timed = [g for g in gates if g.source.source.time is not None and not g.source.finished and not g.source.idle]
        return sorted(timed, key=lambda gate: gate.source.promised)[:1]

    async def _let_in(self, gate: Gate, limit: int | None) -> tuple[int, str | None]:
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


def _held(gates: list[Gate]) -> list[SourceState]:
    """The sources for which no time passes while the run is paused."""
    return [gate.source for gate in gates if gate.source.source.pauses and not gate.source.finished]


def _why_not(source: SourceState) -> str:
    name = source.node.name
    if source.finished:
        return f"{name} has ended"
    if type(source).assess(source) is BLOCKED:
        full = ", ".join(c.name for c in source.out_channels if c.queued >= c.capacity)
        return f"{name} waits for room on {full}"
    return f"{name} has nothing now"
