"""The inner side of a run: its life from the first turn to the last, and what its nodes report."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from streamweave_lab.clock import Clock
from streamweave_lab.config.model import Config
from streamweave_lab.config.secrets import Secrets
from streamweave_lab.engine.changes import Changes
from streamweave_lab.engine.checkpointer import Checkpointer
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
from streamweave_lab.engine.suspend import Suspend
from streamweave_lab.errors import ConfigError, RunFailedError, StateError, StreamweaveError
from streamweave_lab.graph.batch import Barrier, Failure
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.redaction import at_length

if TYPE_CHECKING:
    from streamweave_lab.engine.checkpoints import Checkpoints, Resume
    from streamweave_lab.engine.run import LocalRun

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
        self.checkpointer = None if checkpoints is None else Checkpointer(self, checkpoints)
        self.resume_from: Resume | None = None
        self.core.keeping = checkpoints is not None
        self.pulse: Pulse | None = None
        self.draining: Drain | None = None
        self.suspending: Suspend | None = None
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
        self.ending: tuple[Purpose, float] | None = None
        """What the epoch that is being ended is ended for, and when its barrier was sent."""
        self.secrets = Secrets()
        self.secrets.learn(config)
        self._events = Events(graph.name, clock, graph.redact, self.secrets)
        self._over: Future[None] = Future()
        self._drain_task: asyncio.Task[Drained] | None = None
        self._barrier_met: asyncio.Future[None] | None = None
        self.changing = asyncio.Lock()
        self.changes = Changes(self)
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
        ending, states = self.ending, self.core.states
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

    @property
    def last_checkpoint(self) -> Checkpointed | None:
        """What became of the checkpoint that the run ended with."""
        return None if self.checkpointer is None else self.checkpointer.last

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
            self.failed(self.core.opening or "", None, error)
            raise
        except Exception as error:
            self.failed(self.core.opening or "", None, error)
            assert self.failure is not None  # noqa: S101 - that is what `failed` makes
            raise self.failure from error
        with self.becoming():
            self.lifecycle.move(State.RUNNING, "start")
            self.told("run.started", f"started with {len(self.graph.nodes)} nodes{self._from_where()}")
        if self.resume_from is not None and self.resume_from.differs:
            self.told("config.differs", self.resume_from.differs, level="warning")
        if self.checkpointer is None:
            self.core.let_in()
        else:
            self.checkpointer.begin(beginning)

    def on_end(self, callback: Callable[[], object]) -> None:
        """Call back once when the run has ended; at once if it has. From any thread."""
        with self.lifecycle.lock:
            if not self.lifecycle.over:
                self._on_end.append(callback)
                return
        callback()

    def force_end(self) -> dict[str, int]:
        """Stop every node now. Returns what was left."""
        self.end(State.STOPPED, lambda: None)
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
        """A node has stopped, perhaps in a step of a paused run: finish what goes on without it."""
        if self.lifecycle.state in (State.RUNNING, State.PAUSED):
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
        """The run ends, and says so, for `node` has failed, or "": none of them.

        `why` it was not let go on, where it is supervised.
        """
        has_error_port = node in self.graph.nodes and "error" in self.graph[node].outputs
        self.failure = RunFailedError(
            self.name, node, item, error, has_error_port=has_error_port, why=why,
            item_shown=None if self.graph.redact is at_length else str(self.graph.shown(f"{node}.in", item)),
            error_shown=self.error_shown(error),
        )  # fmt: skip
        self.failure.__cause__ = error
        self.core.failed_node = node
        self.end(State.FAILED, self._say_failed if node else self._say_failed_as_a_whole)

    def all_ended(self) -> None:
        """The last node has ended: what is kept of them is written, and then the run ends."""
        if self.checkpointer is None:
            self.end(State.STOPPED, self._say_finished)
        else:
            self.checkpointer.end()

    def end_kept(self) -> None:
        """The last checkpoint is written, or could not be: the run ends."""
        assert self.checkpointer is not None  # noqa: S101 - it wrote it
        self.checkpointer.fail_if_insecure()
        last = self.last_checkpoint
        if self.lifecycle.state is State.SUSPENDING and last is not None and not last.committed:
            self._fail_unkept(last.problem or "")
        self.end(State.STOPPED, self._say_finished)

    def end(self, state: State, say: Callable[[], None]) -> None:
        """Stop every node, make the account, and have `say` tell it; once.

        Only then has the run ended for who looks: a report or a Status of its end is never without the account.
        """
        if self.lifecycle.over or self.core.halted:
            return
        self.dropped = self.core.halt(unkept=self.suspending is not None and not self._kept)
        self.ended_at, self.ended_now = self.core.clock.wall(), self.core.clock.now()
        if self._barrier_met is not None and not self._barrier_met.done():
            self._barrier_met.set_result(None)
        if self.checkpointer is not None:
            self.checkpointer.note_last()
        with self.becoming():
            say()
            self.lifecycle.move(state, state.value)
        for callback in self._on_end:
            callback()
        self._over.set_result(None)

    @contextmanager
    def becoming(self) -> Iterator[None]:
        """Within this the run changes its state. Who looks from another thread sees all that is done, or nothing."""
        with self._events.held(), self.lifecycle.lock:
            yield

    async def let_pass(self, barrier: Callable[[int], Barrier]) -> int | None:
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
    async def ending_for(self, purpose: Purpose) -> AsyncIterator[None]:
        """Within this, an epoch is being ended; see `awaited`. What began later has the last word."""
        self.ending = mine = purpose, self.core.clock.now()
        try:
            yield
        finally:
            if self.ending is mine:
                self.ending = None

    # Inside

    def _from_where(self) -> str:
        return "" if self.resume_from is None else f", {self.resume_from.told}"

    def _beginning(self) -> dict[str, Kept]:
        """What is to be kept before the first item, lest a crash before the next checkpoint leave what nobody knows."""
        if self.checkpoints is None or (self.resume_from is not None and self.resume_from.secured):
            return {}
        return self.core.keep_beginning()

    def _fail_unkept(self, problem: str) -> None:
        """Nobody can go on from what was suspended, and nobody shall believe it."""
        assert self.checkpoints is not None  # noqa: S101 - else it could not have been suspended
        newest = self.checkpoints.last_id or (self.resume_from and self.resume_from.id)
        left = f"checkpoint {newest} is the newest to go on from" if newest else "there is none to go on from"
        self.failed("", None, StateError(f"the state it was suspended with is in no checkpoint: {problem}; {left}"))

    def _confirm(self, node: int) -> None:
        if self.epochs.confirm(node) and self._barrier_met is not None and not self._barrier_met.done():
            if self.checkpointer is not None:
                self.checkpointer.cut()
            self._barrier_met.set_result(None)

    def _say_stopped(self) -> None:
        dropped = sum(self.dropped.values())
        self.told("run.stopped", f"stopped; {dropped} items dropped", level="warning" if dropped else "info")

    def _say_failed_as_a_whole(self) -> None:
        assert self.failure is not None  # noqa: S101 - it is why the run has ended
        error, dropped = self.failure.error, sum(self.dropped.values())
        said = str(error) if isinstance(error, StreamweaveError) else self.error_shown(error)
        self.told("run.failed", f"{said}; {dropped} items dropped", level="error")

    def _say_finished(self) -> None:
        if self.suspending is not None and self.last_checkpoint is not None:
            self.told("run.stopped", f"suspended; checkpoint {self.last_checkpoint.id} holds its state")
        elif self.draining is None:
            self.told("run.stopped", "all sources have ended, and everything is finished")

    def _say_failed(self) -> None:
        assert self.failure is not None  # noqa: S101 - it is why the run has ended
        node, dropped = self.failure.node, sum(self.dropped.values())
        said = f"{node}: {self.error_shown(self.failure.error)}{self.failure.why and '; ' + self.failure.why}"
        self._events.tell("node.failed", said, "error", node, None, item=self.failure.item, error=self.failure.error)
        self.told("run.failed", f"failed in {node}; {dropped} items dropped", level="error")

    @property
    def _kept(self) -> bool:
        return self.last_checkpoint is not None and self.last_checkpoint.committed

    def _configured(self) -> Config:
        if self.config is None:
            raise ConfigError(f"run {self.name!r}", ("it was started without a configuration; pass config= to start",))
        return self.config

    def _kept_somewhere(self, verb: str) -> Checkpointer:
        if self.checkpointer is None:
            raise StateError(f"run {self.name!r} cannot {verb}: it was started without a store; pass store= to start")
        return self.checkpointer
