"""Takes the checkpoints of a run: before the first item, regularly, when asked, and the last one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from streamweave_lab.clock import VirtualClock
from streamweave_lab.engine.checkpoints import UnkeptError
from streamweave_lab.engine.lifecycle import State
from streamweave_lab.engine.reports import Checkpointed
from streamweave_lab.errors import StateError
from streamweave_lab.graph.batch import Barrier
from streamweave_lab.graph.redaction import at_length

if TYPE_CHECKING:
    from streamweave_lab.engine.checkpoints import Checkpoints
    from streamweave_lab.engine.execution import Execution
    from streamweave_lab.engine.kept import Kept
    from streamweave_lab.state.store import Reason

P = ParamSpec("P")
T = TypeVar("T")


class Checkpointer:
    """What nodes kept at a barrier is copied on the loop, and written off it."""

    def __init__(self, run: Execution, checkpoints: Checkpoints) -> None:
        self._run, self._checkpoints = run, checkpoints
        self.last: Checkpointed | None = None
        """What became of the one that the run ended with."""
        self._cut: dict[str, Kept] = {}
        self._insecure: tuple[str, Exception] | None = None
        """A node that could not bring what it kept to where it lasts, and why."""
        self._writing = asyncio.Lock()
        """Checkpoints are written in the order of their cuts, and so are their ids: the last of a run is the newest."""
        self._tasks: list[asyncio.Task[None]] = []
        """The loop itself does not keep them."""
        self._ends = False

    def begin(self, beginning: dict[str, Kept]) -> None:
        """Let the sources in when what there is before them has been written, and take one as often as was asked."""
        run = self._run
        if not beginning:
            run.core.let_in()
        elif run.loop is None or isinstance(run.core.clock, VirtualClock):
            self._note(self._written("start", 0, beginning))
            self.fail_if_insecure()
            run.core.let_in()
        else:
            self._go(run.loop, self._let_in(beginning), "first checkpoint")
        if run.loop is not None and self._checkpoints.every is not None:
            regular = self._go(run.loop, self._take_regularly(self._checkpoints.every), "checkpoints")
            run.on_end(regular.cancel)

    def cut(self) -> None:
        """Every node has met the barrier. At once: what ends after this must not be in the same cut."""
        self._cut = {**self._run.core.final, **self._run.core.cut}

    async def take(self, reason: Reason) -> Checkpointed:
        """Let a barrier pass, and write what the nodes kept at it."""
        run = self._run
        async with run.changing, run.ending_for("checkpoint"):
            began = run.core.clock.now()
            self._cut = {}  # a barrier of another kind has left what was kept before it
            epoch = await run.let_pass(partial(Barrier, snapshot=True))
            if epoch is None or not self._cut:
                return Checkpointed(False, epoch=epoch, problem="the run ended before every node had met the barrier")
            cut, self._cut = self._cut, {}
            async with self._writing:
                report = await self._elsewhere(self._written, reason, epoch, cut)
            report = replace(report, seconds=run.core.clock.now() - began)
            self._note(report)
            self.fail_if_insecure()
            return report

    def end(self) -> None:
        """The last node has ended: write what is kept of them, and then let the run end."""
        loop = self._run.loop
        if loop is None:
            self._write_last()
            self._run.end_kept()
        elif not self._ends:
            self._ends = True
            self._go(loop, self._end(), "last checkpoint")

    def leave(self) -> None:
        """Let another run have the place in the store; if the last checkpoint is on its way there, when it is written.

        A drain that takes too long may have ended the run meanwhile.
        """
        if not self._ends or self.last is not None:
            self._checkpoints.leave()

    async def written_within(self, seconds: float) -> None:
        """Wait for one that is being written, no longer than that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._writing:
                pass

    def fail_if_insecure(self) -> None:
        """A run whose node cannot bring to where it lasts what it kept has failed."""
        if self._insecure is not None:
            self._run.failed(self._insecure[0], None, self._insecure[1])

    def note_last(self) -> None:
        """The run is over: count and tell the one it ended with, if there is one."""
        if self.last is not None:
            self._note(self.last)

    # Inside

    def _go(self, loop: asyncio.AbstractEventLoop, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        self._tasks.append(loop.create_task(work, name=name))
        return self._tasks[-1]

    async def _let_in(self, beginning: dict[str, Kept]) -> None:
        async with self._run.changing:
            async with self._writing:
                report = await self._elsewhere(self._written, "start", 0, beginning)
            self._note(report)
            self.fail_if_insecure()
            self._run.core.let_in()

    async def _take_regularly(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            if self._run.lifecycle.state is State.RUNNING:
                await self.take("interval")

    async def _end(self) -> None:
        try:
            async with self._writing:
                await self._elsewhere(self._write_last)
            if self._run.lifecycle.over:  # it was stopped meanwhile
                self.note_last()
            self._run.end_kept()
        finally:
            self._checkpoints.leave()

    async def _elsewhere(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do `work` in a thread, for the loop has no time for it; virtual time would run away meanwhile."""
        if isinstance(self._run.core.clock, VirtualClock):
            return work(*args, **kwargs)
        return await asyncio.to_thread(work, *args, **kwargs)

    def _write_last(self) -> None:
        run = self._run
        suspending = run.lifecycle.state is State.SUSPENDING
        reason: Reason = "suspend" if suspending else "drain" if run.draining else "end"
        self.last = self._written(reason, run.epochs.current, dict(run.core.final))

    def _written(self, reason: Reason, epoch: int, kept: dict[str, Kept]) -> Checkpointed:
        """Write one; what goes wrong is told and counted, and the run goes on."""
        clock = self._run.core.clock
        began = clock.now()
        try:
            self._secure(kept)
            info = self._checkpoints.write(self._run.name, epoch, reason, kept, self._run.config)
        except (StateError, OSError) as error:
            return Checkpointed(False, epoch=epoch, seconds=clock.now() - began, problem=self._problem(error))
        return Checkpointed(True, info.id, epoch, clock.now() - began, info.bytes)

    def _problem(self, error: Exception) -> str:
        if isinstance(error, UnkeptError) and self._run.graph.redact is not at_length:
            return (
                f"{error.node}: what its snapshot() returned cannot be kept; where and why is not shown, for the graph "
                f"redacts: try it without redact=, on items that may be seen"
            )
        return str(error) or repr(error)

    def _secure(self, kept: dict[str, Kept]) -> None:
        """Have nodes bring what they kept to where it lasts; in the thread that writes the checkpoint."""
        for name in kept:
            try:
                self._run.core.by_name[name].node.secure()
            except Exception as error:
                self._insecure = name, error
                raise StateError(f"{name}: {self._run.error_shown(error)}") from error

    def _note(self, report: Checkpointed) -> None:
        """Count and tell; on the loop."""
        run = self._run
        self._checkpoints.note(report, run.core.clock.wall())
        if report.committed:
            before = f"all before epoch {report.epoch}" if report.epoch else "what the run began with"
            run.told("checkpoint.committed", f"checkpoint {report.id} holds {before}")
        else:
            run.told("checkpoint.failed", f"no checkpoint of epoch {report.epoch}: {report.problem}", level="error")
