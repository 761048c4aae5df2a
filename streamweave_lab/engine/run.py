"""A Run in this process: one execution of a graph, its verbs, and what it answers."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Future
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeVar, cast

from streamweave_lab import upward
from streamweave_lab.clock import Clock
from streamweave_lab.config.model import Config
from streamweave_lab.config.plan import Plan, plan
from streamweave_lab.engine.core import Core, Host
from streamweave_lab.engine.drain import Drain
from streamweave_lab.engine.epochs import Epochs
from streamweave_lab.engine.events import Events
from streamweave_lab.engine.lifecycle import Lifecycle, State
from streamweave_lab.engine.look import look
from streamweave_lab.engine.pulse import Pulse
from streamweave_lab.engine.reports import Drained, Reloaded, Stopped
from streamweave_lab.engine.status import EventStatus, Status
from streamweave_lab.errors import ConfigError, IllegalMoveError, RunFailedError
from streamweave_lab.graph.batch import Barrier, Failure
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Node

if TYPE_CHECKING:
    from streamweave_lab.ops.server import Server

P = ParamSpec("P")
R = TypeVar("R")

VERBS = ("drain", "stop", "reload", "configure", "pause", "resume")
"""What may be asked of a run from outside its loop."""


def on_own_loop(
    verb: Callable[Concatenate[LocalRun, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[LocalRun, P], Coroutine[Any, Any, R]]:
    """Carry a verb out on the run's own loop, whichever loop awaits it."""

    @wraps(verb)
    async def carried(run: LocalRun, *args: P.args, **kwargs: P.kwargs) -> R:
        if run.loop is None or run.settled or run.loop is asyncio.get_running_loop():
            return await verb(run, *args, **kwargs)
        there = asyncio.run_coroutine_threadsafe(verb(run, *args, **kwargs), run.loop)
        return await asyncio.wrap_future(there)

    return cast("Callable[Concatenate[LocalRun, P], Coroutine[Any, Any, R]]", carried)


class LocalRun:
    """One execution of a graph, in this process. Made by `graph.start()` or `graph.run_to_end()`.

    `run["name"]` is a node as it is in this run: a Collect has its `.items` there. `run.status()` is everything
    about it in one document. The verbs are coroutines and return frozen reports.
    """

    def __init__(
        self, graph: Graph, config: Config | None, clock: Clock, host: Host, *, where: str,
        loop: asyncio.AbstractEventLoop | None, batch_size: int | None = None,
    ) -> None:  # fmt: skip
        self.graph, self.name, self.config, self.host, self.loop = graph, graph.name, config, where, loop
        self.lifecycle = Lifecycle(graph.name)
        self.epochs = Epochs()
        self.core = Core(graph, [copy.copy(node) for node in graph], clock, host, self, batch_size)
        self.pulse: Pulse | None = None
        self.draining: Drain | None = None
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
        self._events = Events(graph.name, clock)
        self._over: Future[None] = Future()
        self._drain_task: asyncio.Task[Drained] | None = None
        self._barrier_met: asyncio.Future[None] | None = None
        self._changing = asyncio.Lock()
        self._on_end: list[Callable[[], object]] = []

    def __repr__(self) -> str:
        return f"<Run of {self.name!r}: {len(self.graph.nodes)} nodes, {len(self.graph.edges)} edges>"

    def __getitem__(self, name: str) -> Any:
        """The node `name` as it is in this run."""
        state = self.core.by_name.get(name)
        if state is None:
            raise KeyError(f"run {self.name!r} has no node {name!r}; it has {', '.join(self.graph.nodes)}")
        return state.node

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return upward.call(upward.CONSOLE_BUNDLE, self)

    # What looks

    def status(self) -> Status:
        """What this run is now: one frozen, JSON-serialisable document. Cheap; from any thread."""
        return look(self)

    @property
    def events(self) -> tuple[EventStatus, ...]:
        """What has happened, newest first, the last 200."""
        return self._events.newest

    def observe(self, observer: Callable[[EventStatus], None]) -> Callable[[], None]:
        """Call `observer` with each event from now on, on the run's loop. Returns a function that ends it."""
        return self._events.observe(observer)

    def heartbeat(self) -> float:
        """When the run's loop last answered, in seconds of the system's monotonic clock."""
        return self.core.clock.now() if self.pulse is None else self.pulse.beat_at

    def plan_reload(self) -> Plan:
        """What `reload` would change now; reads the sources again and changes nothing. Raises: ConfigError."""
        return plan(self._configured(), self._configured().reread())

    def serve(self, host: str = "127.0.0.1", port: int = 0) -> Server:
        """Answer `/live`, `/ready` and `/metrics` over HTTP from a thread of its own; port 0 takes a free one.

        Returns: a Server with `.url` and `.close()`. Raises: ValueError for an address that is not loopback.
        """
        server: Server = upward.call(upward.SERVE, self, host=host, port=port)
        return server

    # What acts

    @on_own_loop
    async def drain(self, timeout: float = 30.0) -> Drained:
        """Take in nothing new, finish everything in flight, close windows, flush sinks, and stop.

        After `timeout` seconds it is ended by force. The account says what was dropped, by edge, and which nodes
        held it. Can be called in any state, and twice: the second call waits for the same drain.
        """
        if self._drain_task is None:
            if self.lifecycle.over or not self._may_drain():
                return Drained(not self.dropped and self.failure is None, 0.0, {}, self.dropped)
            self.core.paused = False
            self.draining = Drain(self, timeout)
            self._drain_task = asyncio.get_running_loop().create_task(self.draining.carry_out())
        if self.draining is not None and self.draining.report is not None:
            return self.draining.report
        return await asyncio.shield(self._drain_task)

    @on_own_loop
    async def stop(self) -> Stopped:
        """Stop now. What is in flight is lost, counted, and reported by edge and by node."""
        began = self.core.clock.now()
        if not self.lifecycle.over:
            dropped = self.force_end()
            self.told("run.stopped", f"stopped; {sum(dropped.values())} items dropped", level="warning" if dropped else "info")
        return Stopped(self.core.clock.now() - began, self.dropped)

    @on_own_loop
    async def configure(self, config: Config | None = None, /, **changes: Any) -> Reloaded:
        """Let a new configuration, or some `changes` of the present one, take effect on a barrier.

        Every item meets exactly one version. What cannot be applied is refused whole, and the old one stays.
        """
        try:
            base = self._configured() if config is None else config
            new = base.changed(**changes) if changes else base
        except ConfigError as error:
            return self._rejected(error.problems)
        return await self._change_to(new)

    @on_own_loop
    async def reload(self) -> Reloaded:
        """Read the configuration's file and environment again, and apply what has changed, or refuse it whole."""
        try:
            new = self._configured().reread()
        except ConfigError as error:
            return self._rejected(error.problems)
        return await self._change_to(new)

    @on_own_loop
    async def pause(self) -> None:
        """Let nothing flow until `resume`. Raises: IllegalMoveError unless running."""
        self.lifecycle.move(State.PAUSED, "pause")
        self.core.paused = True
        self.told("run.paused", "paused: nothing flows until it is resumed")

    @on_own_loop
    async def resume(self) -> None:
        """Go on after `pause`. Raises: IllegalMoveError unless paused."""
        if self.lifecycle.state is not State.PAUSED:
            raise IllegalMoveError(self.name, "resume", self.lifecycle.state.value)
        self.lifecycle.move(State.RUNNING, "resume")
        self.core.paused = False
        self.told("run.resumed", "flowing again")
        self.core.touch(0)

    async def done(self) -> Status:
        """Wait until the run has ended, and return its last Status. To cancel the waiting leaves the run alone.

        Raises: RunFailedError if a node failed.
        """
        await self.over()
        if self.failure is not None:
            raise self.failure
        return self.status()

    def ask(self, verb: Literal["drain", "stop", "reload", "configure", "pause", "resume"], **kwargs: Any) -> Future[Any]:
        """Ask for a verb from any thread, callback or signal handler: it is queued on the run's loop.

        Returns: a future of the verb's report. Raises: ValueError for a word that is no verb.
        """
        if verb not in VERBS:
            raise ValueError(f"{verb!r} is not something a run can be asked; ask one of {', '.join(VERBS)}")
        loop, asked = self.loop, getattr(self, verb)
        if self.settled:
            return _carried_out_at_once(asked(**kwargs))
        if loop is None or loop.is_closed():
            raise IllegalMoveError(self.name, verb, self.lifecycle.state.value)
        return asyncio.run_coroutine_threadsafe(asked(**kwargs), loop)

    # For the engine

    @property
    def settled(self) -> bool:
        """The run has ended and its account is made: no verb has anything left to do or to wait for."""
        return self.lifecycle.over and (self.draining is None or self.draining.report is not None)

    async def over(self) -> None:
        """Wait until the run has ended, well or badly."""
        await asyncio.shield(asyncio.wrap_future(self._over))

    def begin(self) -> None:
        """Open every node and let the sources in. Raises what a node raises when it is opened."""
        self.started_at, self.started_now = self.core.clock.wall(), self.core.clock.now()
        try:
            self.core.open(self.config)
        except Exception as error:
            self.failed(self.core.opening or "?", None, error)
            raise
        self.lifecycle.move(State.RUNNING, "start")
        self.told("run.started", f"started with {len(self.graph.nodes)} nodes")
        self.core.touch(0)

    def on_end(self, callback: Callable[[], object]) -> None:
        """Call back once when the run has ended."""
        self._on_end.append(callback)

    def force_end(self) -> dict[str, int]:
        """Stop every node now. Returns what was left."""
        self._end(State.STOPPED)
        return self.dropped

    def told(self, event: str, message: str, *, level: str = "info", node: str | None = None, port: str | None = None) -> None:
        """Note that something happened, and tell the observers."""
        self._events.tell(event, message, level, node, port)

    def refused(self, failure: Failure[Any]) -> None:
        """Note that an item has left by an error port; at most one event a second for each node."""
        self._events.refused(failure)

    def confirmed(self, node: int, epoch: int) -> None:
        """A node has met the barrier of `epoch`."""
        if epoch == self.epochs.awaited:
            self._confirm(node)

    def node_ended(self, node: int) -> None:
        """A node has ended, and with it perhaps the run."""
        self._confirm(node)
        if all(state.ended for state in self.core.states):
            self._end(State.STOPPED)
            if self.draining is None:
                self.told("run.stopped", "all sources have ended, and everything is finished")

    def failed(self, node: str, item: Any, error: BaseException) -> None:
        """A node has failed: the run ends, and says so."""
        self.failure = RunFailedError(self.name, node, item, error)
        self.failure.__cause__ = error
        self.core.failed_node = node
        self._end(State.FAILED)
        self.told("node.failed", f"{node}: {error!r}", level="error", node=node)
        self.told("run.failed", f"failed in {node}; {sum(self.dropped.values())} items dropped", level="error")

    # Inside

    def _confirm(self, node: int) -> None:
        if self.epochs.confirm(node) and self._barrier_met is not None and not self._barrier_met.done():
            self._barrier_met.set_result(None)

    def _end(self, state: State) -> None:
        if self.lifecycle.over:
            return
        self.lifecycle.move(state, state.value)
        self.dropped = self.core.halt()
        self.ended_at, self.ended_now = self.core.clock.wall(), self.core.clock.now()
        if self._barrier_met is not None and not self._barrier_met.done():
            self._barrier_met.set_result(None)
        for callback in self._on_end:
            callback()
        self._over.set_result(None)

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

    async def _change_to(self, new: Config) -> Reloaded:
        if (reasons := tuple(self._why_no_change(new))):
            return self._rejected(reasons)
        # To cancel the waiting must not make the run forget a barrier that is under way.
        return await asyncio.shield(asyncio.ensure_future(self._change(new)))

    def _why_no_change(self, new: Config) -> Iterable[str]:
        if self.config is None:
            yield "the run was started without a configuration; pass config= to start"
        elif not isinstance(new, type(self.config)):
            yield f"{type(new).__name__} is not the class of the configuration that the run was started with; start it again"
        elif self.lifecycle.state is not State.RUNNING:
            yield f"the run is {self.lifecycle.state.value}; a configuration is applied while it runs"

    async def _change(self, new: Config) -> Reloaded:
        async with self._changing:
            if (reasons := tuple(self._why_no_change(new))):
                return self._rejected(reasons)
            planned = plan(self._configured(), new)
            if planned.refused:
                return self._rejected(planned.refused, planned.changes)
            epoch = self.epochs.begin({state.index for state in self.core.states if not state.ended})
            self._barrier_met = asyncio.get_running_loop().create_future()
            self.core.inject(Barrier(epoch, config=new))
            await self._barrier_met
            if not self.epochs.met:
                how = "ended" if self.failure is None else "failed"
                return self._rejected((f"the run {how} before every node had met epoch {epoch}",))
            return self._applied(new, epoch, planned)

    def _applied(self, new: Config, epoch: int, planned: Plan) -> Reloaded:
        self.config, self.config_epoch = new, epoch
        self.config_version += 1
        self.reloads["applied"] += 1
        self.last_reload_successful, self.last_reload_at = True, self.core.clock.wall()
        said = "; ".join(map(str, planned.changes)) or "nothing changed"
        self.told("config.applied", f"version {self.config_version} active since epoch {epoch}: {said}")
        return Reloaded(True, self.config_version, epoch, planned.changes)

    def _rejected(self, reasons: tuple[str, ...], changes: tuple[Any, ...] = ()) -> Reloaded:
        self.reloads["rejected"] += 1
        self.last_reload_successful = False
        self.told("config.rejected", "; ".join(reasons), level="warning")
        return Reloaded(False, self.config_version, None, changes, reasons)


def _carried_out_at_once(verb: Coroutine[Any, Any, Any]) -> Future[Any]:
    """The answer of a verb that has nothing to wait for, as those of a run that has ended."""
    answer: Future[Any] = Future()
    try:
        verb.send(None)
    except StopIteration as finished:
        answer.set_result(finished.value)
    except Exception as error:  # noqa: BLE001 - handed to whoever asked
        answer.set_exception(error)
    return answer
