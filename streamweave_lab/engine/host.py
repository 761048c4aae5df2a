"""Where runs live: on the caller's loop, on a loop in a thread of its own, or in virtual time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any
from weakref import ref

from streamweave_lab import upward
from streamweave_lab.clock import SYSTEM_CLOCK, Clock, VirtualClock
from streamweave_lab.config.model import Config
from streamweave_lab.engine import registry
from streamweave_lab.engine.actor import nobody_asks
from streamweave_lab.engine.checkpoints import Keeping, Resume
from streamweave_lab.engine.lifecycle import State
from streamweave_lab.engine.pulse import in_kernel, pulse_of
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.scheduler import scheduler_of
from streamweave_lab.engine.surroundings import Host
from streamweave_lab.engine.virtual_loop import VirtualLoop
from streamweave_lab.errors import StreamweaveError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import AsyncSource

_REPLACED_DRAIN_SECONDS = 10.0
_FAREWELL_SECONDS = 5.0
_FIXED_BATCH = 256


def start(
    graph: Graph, config: Config | None, *, host: str, replace: str | None, keeping: Mapping[str, Any]
) -> LocalRun:
    """See `Graph.start`."""
    if host not in ("loop", "thread"):
        raise ValueError(f'host must be "loop" or "thread", not {host!r}')
    if replace not in (None, "suspend", "drain", "stop"):
        raise ValueError(f'replace must be "suspend", "drain" or "stop", not {replace!r}')
    asked = _Asked(graph, config, replace, host, Keeping(**keeping))
    if in_kernel():
        upward.call(upward.END_WITH_KERNEL)
    if host == "thread":
        return _start_in_thread(asked)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            f"no event loop is running here to start {graph.name!r} on; "
            f'use start(host="thread"), run_to_end(), or await inside asyncio.run()'
        ) from None
    return _start_here(asked)


def run_to_end(graph: Graph, config: Config | None, *, deterministic: bool, keeping: Mapping[str, Any]) -> LocalRun:
    """See `Graph.run_to_end`."""
    asked = _Asked(graph, config, None, "virtual" if deterministic else "thread", Keeping(**keeping))
    if deterministic and not any(node.awaits or isinstance(node, AsyncSource) for node in graph):
        run = _run_virtually(asked)
    else:
        run = _run_on_a_loop_of_its_own(asked, deterministic)
    if run.failure is not None:
        raise run.failure
    return run


@dataclass(frozen=True)
class _Asked:
    """How a run was asked for."""

    graph: Graph
    config: Config | None
    replace: str | None
    where: str
    keeping: Keeping

    def made(
        self, clock: Clock, host: Host, loop: asyncio.AbstractEventLoop | None, batch_size: int | None = None
    ) -> LocalRun:
        """The run, not yet begun."""
        checkpoints = self.keeping.checkpoints()
        run = LocalRun(
            self.graph, self.config, clock, host, where=self.where, loop=loop, batch_size=batch_size,
            checkpoints=checkpoints,
        )  # fmt: skip
        if run.checkpointer is not None:
            run.on_end(run.checkpointer.leave)
        return run

    def resumed(self, run: LocalRun) -> Resume | None:
        """What it goes on from, once it has its place in the store. Raises: StateError."""
        if run.checkpoints is not None:
            run.checkpoints.take(run.name, partial(_goes_on, ref(run)))
        return self.keeping.resumed(self.graph, self.config)


def _goes_on(run: ref[LocalRun]) -> bool:
    """Whether a run has not ended; one that was left alone with its loop never will, and is over all the same."""
    there = run()
    return there is not None and not there.lifecycle.over and (there.loop is None or not there.loop.is_closed())


def _start_here(asked: _Asked) -> LocalRun:
    run = _made_for(asyncio.get_running_loop(), asked)
    earlier = registry.enter(run)
    run.lifecycle.move(State.STARTING, "start")
    while earlier is not None and (earlier.lifecycle.over or earlier.loop is None or earlier.loop.is_closed()):
        earlier = earlier.waits_for  # one that never began waits for a third, which may still be there
    if earlier is None:
        _enter(run, asked)
    else:
        run.waits_for = earlier
        run.replacing = asyncio.get_running_loop().create_task(_begin_after(run, earlier, asked))
    return run


async def _begin_after(run: LocalRun, earlier: LocalRun, asked: _Asked) -> None:
    dropped = 0
    before: LocalRun | None = earlier
    verb = asked.replace or ("drain" if earlier.checkpoints is None else "suspend")
    while before is not None:
        dropped += sum((await _ended(before, verb)).values())
        before = before.waits_for
    run.waits_for = None
    if run.lifecycle.over:
        return
    how = {"drain": "drained", "suspend": "suspended", "stop": "stopped"}[verb]
    lost = f"{dropped:,} of its items were dropped" if dropped else "nothing was dropped"
    run.told("run.replaced", f"replaced an earlier run of this name, which was {how}; {lost}")
    try:
        _enter(run, asked)
    except Exception:
        if run.failure is None:  # else the run says itself that it failed, and nobody awaits this task
            raise


async def _ended(run: LocalRun, verb: str) -> dict[str, int]:
    """End an earlier run; what was dropped."""
    if verb == "suspend" and run.checkpoints is not None and run.lifecycle.state in (State.RUNNING, State.PAUSED):
        return (await run.suspend(_REPLACED_DRAIN_SECONDS)).dropped
    if verb == "stop":
        return (await run.stop()).dropped
    return (await run.drain(_REPLACED_DRAIN_SECONDS)).dropped


def _made_for(loop: asyncio.AbstractEventLoop, asked: _Asked, batch_size: int | None = None) -> LocalRun:
    clock: Clock = loop.clock if isinstance(loop, VirtualLoop) else SYSTEM_CLOCK
    scheduler = scheduler_of(loop, clock)
    run = asked.made(clock, scheduler, loop, batch_size)
    run.on_end(lambda: scheduler.remove(run.core))
    return run


def _enter(run: LocalRun, asked: _Asked) -> None:
    """Begin a run on its loop, with a heartbeat unless its time is virtual."""
    assert run.loop is not None  # noqa: S101 - made for a loop
    # What the run begins here inherits this context, and must not be taken for the doing of whoever started it.
    copy_context().run(_begin_unasked, run, run.loop, partial(asked.resumed, run))


def _begin_unasked(run: LocalRun, loop: asyncio.AbstractEventLoop, resumed: Callable[[], Resume | None]) -> None:
    nobody_asks()
    if run.core.clock is SYSTEM_CLOCK:
        pulse = run.pulse = pulse_of(loop)
        pulse.enter()
        run.on_end(pulse.leave)
    scheduler_of(loop).add(run.core)
    run.begin(resumed)


def _start_in_thread(asked: _Asked) -> LocalRun:
    started: list[LocalRun] = []
    trouble: list[BaseException] = []
    ready = threading.Event()

    async def live() -> None:
        try:
            started.append(_start_here(asked))
        except BaseException as error:
            trouble.append(error)
            raise
        finally:
            ready.set()
        await started[0].over()
        await asyncio.sleep(0.05)  # let whoever awaits a verb from another loop have its answer
        await _farewell()

    def run_loop() -> None:
        try:
            asyncio.run(live())
        except BaseException:
            if not trouble:
                raise

    threading.Thread(target=run_loop, name=f"run {asked.graph.name}", daemon=True).start()
    ready.wait()
    if trouble:
        raise trouble[0]
    return started[0]


async def _farewell() -> None:
    """Wait until every verb that is under way has answered, and what was cancelled has gone."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=_FAREWELL_SECONDS)


class _Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualHost:
    """No loop at all: timers are a heap, and time jumps to the next of them when nothing can run."""

    occupied = 1

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._timers: list[tuple[float, int, _Timer]] = []
        self._order = count()

    def wake(self) -> None:
        """Whoever drives it looks by itself."""

    def hurry(self) -> None:
        """As `wake`."""

    def call_at(self, when: float, callback: Callable[[], None]) -> _Timer:
        """Call back when the time has jumped to `when`."""
        timer = _Timer(callback)
        heappush(self._timers, (when, next(self._order), timer))
        return timer

    def jump(self) -> bool:
        """Move the clock to the next timer and call back; False if there is none."""
        while self._timers:
            when, _, timer = heappop(self._timers)
            if timer.callback is not None:
                self._clock.move_to(when)
                timer.callback()
                return True
        return False


def _run_virtually(asked: _Asked) -> LocalRun:
    clock = VirtualClock()
    host = VirtualHost(clock)
    run = asked.made(clock, host, None, _FIXED_BATCH)
    run.lifecycle.move(State.STARTING, "start")
    run.begin(partial(asked.resumed, run))
    try:
        while not run.lifecycle.over:
            run.core.go(clock.now(), inf)
            if not run.lifecycle.over and not run.core.runnable and not host.jump():
                raise StreamweaveError(
                    f"run {run.name!r} cannot go on: {'; '.join(run.status().reasons) or 'nothing moves'}"
                )
    finally:
        if run.checkpoints is not None:  # interrupted, it never ends
            run.checkpoints.leave()
    return run


def _run_on_a_loop_of_its_own(asked: _Asked, deterministic: bool) -> LocalRun:
    """In a thread, because the caller's own thread may have a loop running already."""
    result: list[LocalRun] = []
    trouble: list[BaseException] = []

    async def live() -> None:
        loop = asyncio.get_running_loop()
        run = _made_for(loop, asked, _FIXED_BATCH if deterministic else None)
        result.append(run)
        run.lifecycle.move(State.STARTING, "start")
        scheduler_of(loop).add(run.core)
        run.begin(partial(asked.resumed, run))
        await run.over()

    def in_thread() -> None:
        factory: Any = VirtualLoop if deterministic else asyncio.new_event_loop
        try:
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(live())
        except BaseException as error:
            trouble.append(error)

    thread = threading.Thread(target=in_thread, name=f"run {asked.graph.name} to its end")
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        if result:
            result[0].ask("stop")
        thread.join()
        raise
    if trouble:
        raise trouble[0]
    return result[0]
