"""The inner side of a run: its life from the first turn to the last, and what its nodes report."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from streamweave_lab.clock import Clock, VirtualClock
from streamweave_lab.config.model import Config
from streamweave_lab.config.secrets import Secrets
from streamweave_lab.engine.changes import Changes
from streamweave_lab.engine.checkpoints import UnkeptError
from streamweave_lab.engine.core import Core
from streamweave_lab.engine.drain import Drain
from streamweave_lab.engine.epochs import Awaited, Epochs, Purpose, holders
from streamweave_lab.engine.events import Events
from streamweave_lab.engine.kept import Kept
from streamweave_lab.engine.lifecycle import Lifecycle, State
from streamweave_lab.engine.pulse import Pulse
from streamweave_lab.engine.reports import Checkpointed, Drained
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.engine.step import Pause, Stepper
from streamweave_lab.engine.surroundings import Host
from streamweave_lab.errors import ConfigError, RunFailedError, StateError
from streamweave_lab.graph.batch import Barrier, Failure
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.redaction import at_length

if TYPE_CHECKING:
    from streamweave_lab.engine.checkpoints import Checkpoints, Resume
    from streamweave_lab.engine.run import LocalRun
    from streamweave_lab.state.store import Reason

P = ParamSpec("P")
T = TypeVar("T")


class Execution:
    """One execution of a graph: it listens to the core, and is what a Status is read off."""

    def __init__(
        self, graph: Graph, config: Config | None, clock: Clock, host: Host, *, where: str,
        loop: asyncio.AbstractEventLoop | None, batch_size: int | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:  # fmt: skip
        self.graph, self.name, self.config, self.host, self.loop = graph, graph.name, config, where, loop
        self.lifecycle = Lifecycle(graph.name)
        self.epochs = Epochs()
        self.core = Core(graph, [copy.copy(node) for node in graph], clock, host, self, batch_size)
        self.checkpoints = checkpoints
        self.resume_from: Resume | None = None
        self.core.keeping = checkpoints is not None
        self.pulse: Pulse | None = None
        self.draining: Drain | None = None
        self.pausing: Pause | None = None
        self.stepper = Stepper()
        self.replacing: asyncio.Task[None] | None = None
        self.waits_for: LocalRun | None = None
        self.started_at: float | None = None
        self.started_now: float | None = None
        self.ended_at: float | None = None
        self.ended_now: float | None = None
        self.failure: RunFailedError | None = None
        self.dropped: dict[str, int] = {}
        self.config_version, self.config_epoch = 1, 0
        self.reloads = {"applied": 0, "rejected": 0, "rolled_back": 0}
        self.last_reload_successful: bool | None = None
        self.last_reload_at: float | None = None
        self._ending: tuple[Purpose, float] | None = None
        """What the epoch that is being ended is ended for, and when its barrier was sent."""
        self.secrets = Secrets()
        self.secrets.learn(config)
        self._events = Events(graph.name, clock, graph.redact, self.secrets)
        self._over: Future[None] = Future()
        self._drain_task: asyncio.Task[Drained] | None = None
        self._barrier_met: asyncio.Future[None] | None = None
        self._cut: dict[str, Kept] = {}
        self._first_write: asyncio.Task[None] | None = None
        self._last_write: asyncio.Task[None] | None = None
        self._suspend_task: asyncio.Task[Checkpointed] | None = None
        self.last_checkpoint: Checkpointed | None = None
        self._insecure: tuple[str, Exception] | None = None
        """A node that could not bring what it kept to where it lasts, and why."""
        self._changing = asyncio.Lock()
        self.changes = Changes(self)
        self._writing = asyncio.Lock()
        """Checkpoints are written in the order of their cuts, and so are their ids: the last of a run is the newest."""
        self._on_end: list[Callable[[], object]] = []

    @property
    def events(self) -> tuple[EventStatus, ...]:
        """What has happened, newest first, the last 200."""
        return self._events.newest

    @property
    def awaited(self) -> Awaited | None:
        """What is waited for to end an epoch: which nodes have not met its barrier, and since when. From any thread.

        None where no barrier is under way, and none is being kept.
        """
        ending, states = self._ending, self.core.states
        if ending is None or self.lifecycle.over:
            return None
        purpose, since = ending
        if purpose == "suspend":
            missing = [state for state in states if not state.finished]
        else:
            missing = [states[index] for index in sorted(self.epochs.missing)]
        return Awaited(purpose, since, holders(missing))

    @property
    def settled(self) -> bool:
        """The run has ended and its account is made: no verb has anything left to do or to wait for."""
        return self.lifecycle.over and (self.draining is None or self.draining.report is not None)

    async def over(self) -> None:
        """Wait until the run has ended, well or badly."""
        await asyncio.shield(asyncio.wrap_future(self._over))

    def begin(self, resumed: Callable[[], Resume | None]) -> None:
        """Open every node and let the sources in, from what `resumed` finds to go on from.

        Raises: StateError if it cannot go on from there; ConfigError if a node refuses the configuration;
        RunFailedError if it cannot be opened.
        """
        self.started_at, self.started_now = self.core.clock.wall(), self.core.clock.now()
        try:
            self.resume_from = resumed()
            self.core.open(self.config, {} if self.resume_from is None else self.resume_from.kept)
            beginning = self._beginning()
        except (ConfigError, StateError) as error:
            self.failed(self.core.opening or "?", None, error)
            raise
        except Exception as error:
            self.failed(self.core.opening or "?", None, error)
            assert self.failure is not None  # noqa: S101 - that is what `failed` makes
            raise self.failure from error
        self.lifecycle.move(State.RUNNING, "start")
        self.told("run.started", f"started with {len(self.graph.nodes)} nodes{self._from_where()}")
        self._let_in(beginning)
        if self.loop is not None and self.checkpoints is not None and self.checkpoints.every is not None:
            regular = self.loop.create_task(self._take_regularly(self.checkpoints), name="checkpoints")
            self.on_end(regular.cancel)

    def on_end(self, callback: Callable[[], object]) -> None:
        """Call back once when the run has ended."""
        self._on_end.append(callback)

    def force_end(self) -> dict[str, int]:
        """Stop every node now. Returns what was left."""
        self._end(State.STOPPED, lambda: None)
        return self.dropped

    def told(
        self, event: str, message: str, *, level: str = "info", node: str | None = None, port: str | None = None
    ) -> None:
        """Note that something happened, and tell the observers."""
        self._events.tell(event, message, level, node, port)

    def error_shown(self, error: BaseException) -> str:
        """What may be seen of an error: what the graph allows, and of the configuration's secrets nothing."""
        return self.secrets.hide(self.graph.error_shown(error))

    def refused(self, failure: Failure[Any]) -> None:
        """Note that an item has left by an error port; at most one event a second for each node."""
        self._events.refused(failure)

    def skipped(self, failure: Failure[Any]) -> None:
        """Note that an item was dropped because its node is supervised; as `refused`."""
        self._events.refused(failure, "node.item_skipped")

    def drain_asked(self) -> None:
        """A node has stopped: finish what goes on without it."""
        if self.lifecycle.state is State.RUNNING:
            self.core.inject(Barrier(self.epochs.last(), last=True))

    def confirmed(self, node: int, epoch: int) -> None:
        """A node has met the barrier of `epoch`."""
        if epoch == self.epochs.awaited:
            self._confirm(node)

    def node_ended(self, node: int) -> None:
        """A node has ended, and with it perhaps the run."""
        self._confirm(node)
        if all(state.ended for state in self.core.states):
            self.all_ended()

    def failed(self, node: str, item: Any, error: BaseException, why: str = "") -> None:
        """A node has failed: the run ends, and says so; `why` it was not let go on, where it is supervised."""
        has_error_port = node in self.graph.nodes and "error" in self.graph[node].outputs
        self.failure = RunFailedError(
            self.name, node, item, error, has_error_port=has_error_port, why=why,
            item_shown=None if self.graph.redact is at_length else str(self.graph.shown(f"{node}.in", item)),
            error_shown=self.error_shown(error),
        )  # fmt: skip
        self.failure.__cause__ = error
        self.core.failed_node = node
        self._end(State.FAILED, self._say_failed)

    def all_ended(self) -> None:
        """The last node has ended: what is kept of them is written, and then the run ends."""
        if self.checkpoints is None:
            self._end(State.STOPPED, self._say_finished)
        elif self.loop is None:
            self._write_last(self.checkpoints)
            self._end_kept()
        elif self._last_write is None:
            self._last_write = self.loop.create_task(self._end_written(self.checkpoints), name="last checkpoint")

    # Inside

    def _from_where(self) -> str:
        return "" if self.resume_from is None else f", {self.resume_from.told}"

    def _beginning(self) -> dict[str, Kept]:
        """What is to be kept before the first item, lest a crash before the next checkpoint leave what nobody knows."""
        if self.checkpoints is None or (self.resume_from is not None and self.resume_from.secured):
            return {}
        return self.core.keep_beginning()

    def _let_in(self, beginning: dict[str, Kept]) -> None:
        """Let the sources in, when what there is before them has been written."""
        if self.checkpoints is None or not beginning:
            self.core.let_in()
        elif self.loop is None or isinstance(self.core.clock, VirtualClock):
            self._note_checkpoint(self._written(self.checkpoints, "start", 0, beginning))
            self._fail_if_insecure()
            self.core.let_in()
        else:
            writing = self._let_in_written(self.checkpoints, beginning)
            self._first_write = self.loop.create_task(writing, name="first checkpoint")

    async def _let_in_written(self, checkpoints: Checkpoints, beginning: dict[str, Kept]) -> None:
        async with self._changing:
            async with self._writing:
                report = await self._elsewhere(self._written, checkpoints, "start", 0, beginning)
            self._note_checkpoint(report)
            self._fail_if_insecure()
            self.core.let_in()

    async def _end_written(self, checkpoints: Checkpoints) -> None:
        async with self._writing:
            await self._elsewhere(self._write_last, checkpoints)
        self._end_kept()

    def _end_kept(self) -> None:
        self._fail_if_insecure()
        last = self.last_checkpoint
        if self.lifecycle.state is State.SUSPENDING and last is not None and not last.committed:
            self._fail_unkept(last.problem or "")
        self._end(State.STOPPED, self._say_finished)

    def _fail_unkept(self, problem: str) -> None:
        """Nobody can go on from what was suspended, and nobody shall believe it."""
        assert self.checkpoints is not None  # noqa: S101 - else it could not have been suspended
        newest = self.checkpoints.last_id or (self.resume_from and self.resume_from.id)
        left = f"checkpoint {newest} is the newest to go on from" if newest else "there is none to go on from"
        error = StateError(f"the state it was suspended with is in no checkpoint: {problem}; {left}")
        self.failure = RunFailedError(self.name, "", None, error)
        self.failure.__cause__ = error
        self._end(State.FAILED, self._say_unkept)

    async def _elsewhere(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do `work` in a thread, for the loop has no time for it; virtual time would run away meanwhile."""
        if isinstance(self.core.clock, VirtualClock):
            return work(*args, **kwargs)
        return await asyncio.to_thread(work, *args, **kwargs)

    def _write_last(self, checkpoints: Checkpoints) -> None:
        suspending = self.lifecycle.state is State.SUSPENDING
        reason: Reason = "suspend" if suspending else "drain" if self.draining else "end"
        self.last_checkpoint = self._written(checkpoints, reason, self.epochs.current, dict(self.core.final))

    def _written(self, checkpoints: Checkpoints, reason: Reason, epoch: int, kept: dict[str, Kept]) -> Checkpointed:
        """Write a checkpoint; what goes wrong is told and counted, and the run goes on."""
        clock = self.core.clock
        began = clock.now()
        try:
            self._secure(kept)
            info = checkpoints.write(self.name, epoch, reason, kept, self.config)
        except (StateError, OSError) as error:
            return Checkpointed(False, epoch=epoch, seconds=clock.now() - began, problem=self._problem(error))
        return Checkpointed(True, info.id, epoch, clock.now() - began, info.bytes)

    def _problem(self, error: Exception) -> str:
        if isinstance(error, UnkeptError) and self.graph.redact is not at_length:
            return (
                f"{error.node}: what its snapshot() returned cannot be kept; where and why is not shown, for the graph "
                f"redacts: try it without redact=, on items that may be seen"
            )
        return str(error) or repr(error)

    def _secure(self, kept: dict[str, Kept]) -> None:
        """Have nodes bring what they kept to where it lasts; in the thread that writes the checkpoint."""
        for name in kept:
            try:
                self.core.by_name[name].node.secure()
            except Exception as error:
                self._insecure = name, error
                raise StateError(f"{name}: {self.error_shown(error)}") from error

    def _fail_if_insecure(self) -> None:
        if self._insecure is not None:
            self.failed(self._insecure[0], None, self._insecure[1])

    def _note_checkpoint(self, report: Checkpointed) -> None:
        """Count and tell; on the loop."""
        assert self.checkpoints is not None  # noqa: S101 - it was written there
        self.checkpoints.note(report, self.core.clock.wall())
        if report.committed:
            before = f"all before epoch {report.epoch}" if report.epoch else "what the run began with"
            self.told("checkpoint.committed", f"checkpoint {report.id} holds {before}")
        else:
            self.told("checkpoint.failed", f"no checkpoint of epoch {report.epoch}: {report.problem}", level="error")

    def _confirm(self, node: int) -> None:
        if self.epochs.confirm(node) and self._barrier_met is not None and not self._barrier_met.done():
            # At once: what ends after this must not be in the same cut.
            self._cut = {**self.core.final, **self.core.cut}
            self._barrier_met.set_result(None)

    def _say_stopped(self) -> None:
        dropped = sum(self.dropped.values())
        self.told("run.stopped", f"stopped; {dropped} items dropped", level="warning" if dropped else "info")

    def _say_unkept(self) -> None:
        assert self.failure is not None  # noqa: S101 - it is why the run has ended
        self.told("run.failed", f"{self.failure.error}; {sum(self.dropped.values())} items dropped", level="error")

    def _say_finished(self) -> None:
        if self._suspend_task is not None and self.last_checkpoint is not None:
            self.told("run.stopped", f"suspended; checkpoint {self.last_checkpoint.id} holds its state")
        elif self.draining is None:
            self.told("run.stopped", "all sources have ended, and everything is finished")

    def _say_failed(self) -> None:
        assert self.failure is not None  # noqa: S101 - it is why the run has ended
        node, dropped = self.failure.node, sum(self.dropped.values())
        said = f"{node}: {self.error_shown(self.failure.error)}{self.failure.why and '; ' + self.failure.why}"
        self._events.tell("node.failed", said, "error", node, None, item=self.failure.item, error=self.failure.error)
        self.told("run.failed", f"failed in {node}; {dropped} items dropped", level="error")

    def _end(self, state: State, say: Callable[[], None]) -> None:
        if self.lifecycle.over:
            return
        self.lifecycle.move(state, state.value)
        self.dropped = self.core.halt(unkept=self._suspend_task is not None and not self._kept)
        self.ended_at, self.ended_now = self.core.clock.wall(), self.core.clock.now()
        if self._barrier_met is not None and not self._barrier_met.done():
            self._barrier_met.set_result(None)
        for callback in self._on_end:
            callback()
        if self.last_checkpoint is not None:
            self._note_checkpoint(self.last_checkpoint)
        say()  # before anybody who waits for the end, perhaps in another thread, can look
        self._over.set_result(None)

    @property
    def _kept(self) -> bool:
        return self.last_checkpoint is not None and self.last_checkpoint.committed

    def _may_drain(self) -> bool:
        if self.lifecycle.state is State.STARTING:
            self.force_end()
            return False
        self.lifecycle.move(State.DRAINING, "drain")
        return True

    def _configured(self) -> Config:
        if self.config is None:
            raise ConfigError(f"run {self.name!r}", ("it was started without a configuration; pass config= to start",))
        return self.config

    def _kept_somewhere(self, verb: str) -> Checkpoints:
        if self.checkpoints is None:
            raise StateError(f"run {self.name!r} cannot {verb}: it was started without a store; pass store= to start")
        return self.checkpoints

    async def _take_checkpoint(self, checkpoints: Checkpoints, reason: Reason) -> Checkpointed:
        async with self._changing, self._ending_for("checkpoint"):
            began = self.core.clock.now()
            self._cut = {}  # a barrier of another kind has left what was kept before it
            epoch = await self._pass(partial(Barrier, snapshot=True))
            if epoch is None or not self._cut:
                return Checkpointed(False, epoch=epoch, problem="the run ended before every node had met the barrier")
            cut, self._cut = self._cut, {}
            async with self._writing:
                report = await self._elsewhere(self._written, checkpoints, reason, epoch, cut)
            report = replace(report, seconds=self.core.clock.now() - began)
            self._note_checkpoint(report)
            self._fail_if_insecure()
            return report

    async def _take_regularly(self, checkpoints: Checkpoints) -> None:
        assert checkpoints.every is not None  # noqa: S101 - else nobody calls this
        while True:
            await asyncio.sleep(checkpoints.every)
            if self.lifecycle.state is State.RUNNING:
                await self._take_checkpoint(checkpoints, "interval")

    async def _pass(self, barrier: Callable[[int], Barrier]) -> int | None:
        """Let a barrier go through the graph; its epoch, when every node has met it or the run has ended.

        None where every node has ended already.
        """
        nodes = {state.index for state in self.core.states if not state.ended}
        if not nodes or self.lifecycle.over:
            return None
        epoch = self.epochs.begin(nodes)
        self._barrier_met = asyncio.get_running_loop().create_future()
        self.core.inject(barrier(epoch))
        await self._barrier_met
        self.core.flushed()
        return epoch

    @asynccontextmanager
    async def _ending_for(self, purpose: Purpose) -> AsyncIterator[None]:
        """Within this, an epoch is being ended; see `awaited`. What began later has the last word."""
        self._ending = mine = purpose, self.core.clock.now()
        try:
            yield
        finally:
            if self._ending is mine:
                self._ending = None

    async def _suspend(self, timeout: float) -> Checkpointed:
        began = self.core.clock.now()
        self._ending = "suspend", began
        self.told("run.suspending", f"suspending, at most {timeout:g} s")
        self.core.inject(Barrier(self.epochs.last(), last=True, suspend=True))
        self.core.resume()  # only now, so that a paused run takes in nothing new
        over = asyncio.ensure_future(self.over())
        await asyncio.wait([over], timeout=timeout)
        problem = "" if self.failure is None else str(self.failure)
        if not over.done():
            over.cancel()
            problem = self._too_late(timeout)
            self._end(State.STOPPED, partial(self._say_too_late, problem))
        seconds = self.core.clock.now() - began
        if self.last_checkpoint is None:
            problem = problem or "it was ended before every node had met the barrier"
            return Checkpointed(False, seconds=seconds, problem=problem, dropped=self.dropped)
        return replace(self.last_checkpoint, seconds=seconds, dropped=self.dropped)

    async def _suspended_within(self, timeout: float) -> Drained:
        """Wait for the suspend under way, and end it by force when the time is up; the account as of a drain."""
        assert self._suspend_task is not None  # noqa: S101 - it is under way
        began = self.core.clock.now()
        await asyncio.wait([self._suspend_task], timeout=timeout)
        if not self.lifecycle.over:
            problem = self._too_late(timeout)
            self._end(State.STOPPED, partial(self._say_too_late, problem))
        complete = not self.dropped and not any(state.node.holds for state in self.core.states)
        return Drained(complete, self.core.clock.now() - began, {}, self.dropped)

    async def _written_within(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._writing:
                pass

    def _too_late(self, timeout: float) -> str:
        awaited = self.awaited
        if awaited is None or not awaited.nodes:
            return f"its checkpoint was not written within {timeout:g} s; it may be there later all the same"
        return f"{', '.join(awaited.nodes)} had not met the barrier within {timeout:g} s"

    def _say_too_late(self, problem: str) -> None:
        dropped = sum(self.dropped.values())
        self.told("run.stopped", f"stopped, not suspended: {problem}; {dropped} items dropped", level="warning")
