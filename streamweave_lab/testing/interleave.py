"""Runs whose nodes get their turns in any order: what holds must not depend on who happens to go first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import TYPE_CHECKING, Any

from streamweave_lab.clock import VirtualClock
from streamweave_lab.engine.core import Core
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.scheduler import HURRIED, RUNNING, Scheduler, use
from streamweave_lab.engine.virtual_loop import VirtualLoop
from streamweave_lab.graph.graph import Graph

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config
    from streamweave_lab.state.store import Store

_TICK = 1e-6
"""Seconds by which the clock moves each time it is read, so that every turn takes time."""

_PATIENCE = 3600.0
"""Virtual seconds in which a run must do something."""


class TickingClock(VirtualClock):
    """A virtual clock that is a microsecond later each time it is read."""

    def now(self) -> float:
        """Seconds since the clock was made."""
        self._now += _TICK
        return self._now


class Interleaver(Scheduler):
    """Gives one turn at a time, to a node and with a batch size that `dice` choose.

    What `after_turn` raises is kept as `trouble`, and no turn is given after it.
    """

    def __init__(self, loop: VirtualLoop, dice: Random) -> None:
        super().__init__(loop, loop.clock)
        self.occupied = HURRIED  # for good: every turn stands by itself
        self._dice = dice
        self.after_turn: Callable[[], object] = int
        """Called after every turn."""
        self._largest = dice.choice([1, 3, 8, 64])
        self.turns = 0
        """How many turns were given."""
        self._awaited: list[tuple[int, asyncio.Future[None]]] = []
        self.trouble: BaseException | None = None

    async def turn(self, number: int) -> None:
        """Wait until that many turns were given, or no more are to come."""
        if number > self.turns and self.cores:
            awaited = self.loop.create_future()
            self._awaited.append((number, awaited))
            await awaited

    def remove(self, core: Core) -> None:
        """Give this core no more turns."""
        super().remove(core)
        self._tell()

    def _turn(self) -> None:
        self.occupied = HURRIED
        ready = [core for core in self.cores if core.runnable and not core.paused]
        if not ready or self.trouble:
            return
        self.occupied |= RUNNING
        try:
            self._give_turn(self._dice.choice(ready))
            self.after_turn()
        except BaseException as error:  # kept for whoever waits: the loop would only log it
            self.trouble = error
        finally:
            self.occupied &= ~RUNNING
        self.turns += 1
        self._tell()
        self.wake()

    def _tell(self) -> None:
        for number, awaited in self._awaited:
            if (number <= self.turns or not self.cores or self.trouble) and not awaited.done():
                awaited.set_result(None)

    def _give_turn(self, core: Core) -> None:
        chosen = self._dice.choice([state for state in core.states if core.runnable & state.bit])
        chosen.limit = self._dice.randint(1, self._largest)
        core.runnable = chosen.bit
        now = core.clock.now()
        core.go(now, now + _TICK / 2)
        if not core.halted:
            look_again(core)


def look_again(core: Core) -> None:
    """Make sure that the engine has noticed what each node can do now, and find all that can take a turn.

    Raises: AssertionError for a node that was forgotten: it would wait for ever, or be given a turn in vain.
    """
    core.runnable = 0
    for state in core.states:
        known, true = state.activity, state.assess()
        if known is not true:
            raise AssertionError(f"{state.node.name} is {true.name}, but the engine takes it for {known.name}")
        given = not state.bit & (core.resting | core.withheld)
        if true.name == "BUSY" and given and (not state.node.awaits or state.can_run()):
            core.runnable |= state.bit


def run_interleaved(
    graph: Graph,
    dice: Random,
    *,
    config: Config | None = None,
    script: Callable[[LocalRun, Interleaver], Coroutine[Any, Any, Any]] | None = None,
    witness: Callable[[LocalRun], Callable[[], None]] | None = None,
    store: Store | None = None,
    resume: bool = False,
) -> LocalRun:
    """Run `graph` in virtual time with turns and batch sizes that `dice` choose, and return the run when it has ended.

    `store` and `resume` are those of `Graph.start`. `script(run, interleaver)` acts on the run meanwhile, as
    `await interleaver.turn(100); await run.drain()` does. `witness(run)` returns what is to be called after every
    turn. A run that failed is returned as well.

    Raises: what `script` or the witness raises; AssertionError if nothing moves for an hour of virtual time.
    """

    async def live() -> LocalRun:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)  # noqa: S101 - the runner below made it
        interleaver = Interleaver(loop, dice)
        use(interleaver)
        run = graph.start(config, store=store, resume=resume)
        if witness is not None:
            interleaver.after_turn = witness(run)
        acting = asyncio.ensure_future(script(run, interleaver) if script else run.over())
        over = asyncio.ensure_future(run.over())
        while not over.done() and not interleaver.trouble and not (acting.done() and acting.exception()):
            before = interleaver.turns
            await asyncio.wait([over], timeout=_PATIENCE)
            if interleaver.turns == before and not over.done():
                raise AssertionError(f"nothing has moved for {_PATIENCE:g} s: {run.status()}")
        over.cancel()
        if interleaver.trouble:
            acting.cancel()
            raise interleaver.trouble
        await acting
        return run

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(TickingClock())) as runner:
        return runner.run(live())
