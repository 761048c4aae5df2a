"""One scheduler a loop: all runs on it share one time slice, and the loop's other callers get their turns between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from streamweave_lab.clock import SYSTEM_CLOCK, Clock
from streamweave_lab.engine.actor import nobody_asks
from streamweave_lab.engine.core import Core

SLICE_SECONDS = 0.002
TURNS_BETWEEN, KERNEL_TURNS_BETWEEN = 2, 5
"""Turns of the loop between two slices, at least. A request to a kernel takes four or five."""
_MOST_TURNS_BETWEEN = 50
SCHEDULED, RUNNING, HURRIED = 1, 2, 4
"""Why a scheduler is occupied: a turn is to come, is under way, or was given in haste since the loop last turned."""


class Scheduler:
    """Gives the cores of one loop their turns. It is the Host of each of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock = SYSTEM_CLOCK) -> None:
        self.loop, self.clock = loop, clock
        self.cores: list[Core] = []
        self.turns_between = TURNS_BETWEEN
        self.occupied = 0
        """Why whoever brings work must wait, if at all. Who never waits is not to keep the loop for good."""
        # asyncio keeps the callbacks that are due in a private deque; where a loop has none, a fixed number of
        # turns must do.
        self._ready: Any = getattr(loop, "_ready", ())

    def add(self, core: Core) -> None:
        """Give this core turns from now on."""
        self.cores.append(core)
        self.wake()

    def remove(self, core: Core) -> None:
        """Give this core no more turns."""
        if core in self.cores:
            self.cores.remove(core)

    def wake(self) -> None:
        """There is work. From the loop's own thread only."""
        if not self.occupied & (SCHEDULED | RUNNING):
            self.occupied |= SCHEDULED
            self.loop.call_soon(self._turn)

    def hurry(self) -> None:
        """There is work, and the caller can wait for it: do it now rather than next turn, unless occupied."""
        if self.occupied:
            self.wake()
        else:
            self._turn()
            self.occupied |= HURRIED
            self.loop.call_soon(self._has_turned)

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Call back at `when` on the loop's clock."""
        return self.loop.call_at(when, callback)

    def current(self) -> str | None:
        """The node whose turn it is, for whoever finds the loop blocked."""
        for core in tuple(self.cores):
            if (state := core.current) is not None:
                return (state.chain.at_work() if state.chain is not None else state).node.name
        return None

    def _has_turned(self) -> None:
        self.occupied &= ~HURRIED

    def _turn(self) -> None:
        self.occupied = self.occupied & ~SCHEDULED | RUNNING
        nobody_asks()  # the loop's callbacks inherit the context of what woke them, and hand it on for ever
        now = self.clock.now()
        try:
            if len(self.cores) == 1:
                core = self.cores[0]
                core.go(now, now + SLICE_SECONDS)
                busy = core.runnable > 0 and not core.paused
            else:
                busy = self._share_slice(now)
        finally:
            self.occupied &= ~RUNNING
        if busy:
            self.occupied |= SCHEDULED
            self.loop.call_soon(self._let_others, 1)

    def _share_slice(self, now: float) -> bool:
        """Let all cores run until nothing can, or the slice is spent. True if there is work left."""
        end = now + SLICE_SECONDS
        while True:
            ready = [core for core in self.cores if core.runnable and not core.paused]
            if not ready:
                return False
            for core in ready:
                if now < end:
                    now = core.go(now, now + (end - now) / len(ready))
                    self._to_the_back(core)
            if now >= end - SLICE_SECONDS * 0.05:
                return True

    def _to_the_back(self, core: Core) -> None:
        """Whoever had a share waits for the others: turns that overrun it must not starve the last in the row."""
        if len(self.cores) > 1 and core in self.cores:
            self.cores.remove(core)
            self.cores.append(core)

    def _let_others(self, turns: int) -> None:
        # When this runs, whatever else is due in this turn of the loop stands in `_ready`.
        if turns < self.turns_between or (self._ready and turns < _MOST_TURNS_BETWEEN):
            self.loop.call_soon(self._let_others, turns + 1)
        else:
            self._turn()


_SCHEDULERS: WeakValueDictionary[int, Scheduler] = WeakValueDictionary()
"""By the id of the loop, which a scheduler keeps alive: keys that are loops would never be let go."""


def use(scheduler: Scheduler) -> None:
    """Let `scheduler` be the one of its loop; only before a run lives there."""
    _SCHEDULERS[id(scheduler.loop)] = scheduler


def scheduler_of(loop: asyncio.AbstractEventLoop, clock: Clock = SYSTEM_CLOCK) -> Scheduler:
    """The one scheduler of a loop; it lasts as long as a run on that loop is known."""
    scheduler = _SCHEDULERS.get(id(loop))
    if scheduler is None:
        scheduler = _SCHEDULERS[id(loop)] = Scheduler(loop, clock)
    return scheduler
