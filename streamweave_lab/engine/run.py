"""A Run in this process: one execution of a graph, its verbs, and what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from functools import wraps
from os import PathLike
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from streamweave_lab import upward
from streamweave_lab.config.history import History
from streamweave_lab.config.model import Config
from streamweave_lab.config.plan import Plan, plan
from streamweave_lab.engine.awaiting import awaiting
from streamweave_lab.engine.changes import Wanted
from streamweave_lab.engine.drain import Drain
from streamweave_lab.engine.execution import Execution
from streamweave_lab.engine.lifecycle import State
from streamweave_lab.engine.look import look
from streamweave_lab.engine.protocol import VERBS, Verb
from streamweave_lab.engine.reports import Checkpointed, Drained, Reloaded, Stopped
from streamweave_lab.engine.status import EventStatus, Status
from streamweave_lab.engine.step import Pause, Stepped
from streamweave_lab.engine.suspend import Suspend
from streamweave_lab.engine.tap import Tapped, tap
from streamweave_lab.errors import IllegalMoveError

if TYPE_CHECKING:
    from streamweave_lab.ops.config.watch import Watch
    from streamweave_lab.ops.explain.explain import Explained
    from streamweave_lab.ops.http.limits import Limits
    from streamweave_lab.ops.metrics.telemetry import Export
    from streamweave_lab.ops.server import Server
    from streamweave_lab.state.store import Reason

P = ParamSpec("P")
R = TypeVar("R")


def on_own_loop(
    verb: Callable[Concatenate[LocalRun, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[LocalRun, P], Coroutine[Any, Any, R]]:
    """Carry a verb out on the run's own loop, whichever loop awaits it."""

    @awaiting
    @wraps(verb)
    async def carried(run: LocalRun, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if run.loop is None or run.settled or run.loop is asyncio.get_running_loop():
            return await verb(run, *args, **kwargs)
        there = asyncio.run_coroutine_threadsafe(verb(run, *args, **kwargs), run.loop)
        return await asyncio.wrap_future(there)

    return carried


class LocalRun(Execution):
    """One execution of a graph, in this process. Made by `graph.start()` or `graph.run_to_end()`.

    `run["name"]` is a node as it is in this run: a Collect has its `.items` there. `run.status()` is everything
    about it in one document. The verbs are coroutines and return frozen reports.
    """

    def __repr__(self) -> str:
        return f"<Run of {self.name!r}: {len(self.graph.nodes)} nodes, {len(self.graph.edges)} edges>"

    def __getitem__(self, name: str) -> Any:
        """The node `name` as it is in this run."""
        state = self.core.by_name.get(name)
        if state is None:
            raise KeyError(f"run {self.name!r} has no node {name!r}; it has {', '.join(self.graph.nodes)}")
        return state.node

    def __dir__(self) -> list[str]:
        """What looks and what acts, for completion: not what the engine keeps here."""
        own = [name for name in vars(LocalRun) if not name.startswith("_")]
        return sorted({*own, "config", "events", "failure", "graph", "name", "on_end", "settled"})

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.graph.nodes)

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return upward.call(upward.CONSOLE_BUNDLE, self)

    # What looks

    def status(self) -> Status:
        """What this run is now: one frozen, JSON-serialisable document. Cheap; from any thread."""
        return look(self)

    def observe(self, observer: Callable[[EventStatus], None]) -> Callable[[], None]:
        """Call `observer` with each event from now on, on the run's loop. Returns a function that ends it."""
        return self._events.observe(observer)

    def heartbeat(self) -> float:
        """When the run's loop last answered, in seconds of the system's monotonic clock."""
        return self.core.clock.now() if self.pulse is None else self.pulse.beat_at

    @property
    def history(self) -> History:
        """The configuration versions of this run, newest first: who asked, when, why, and what became of each."""
        return self.changes.history

    def keep_history(self, path: str | PathLike[str]) -> None:
        """Write every configuration version to the journal `path`, durably, and go on from what it holds already.

        Call it before the first change. Versions are numbered through all processes that wrote to the journal, and
        `rollback` reaches all of them. Secrets are never written. A journal that a power cut or somebody has damaged
        does not keep the run from going on: the event config.journal_mended says what was done to it.

        Raises: StateError if it is no journal, belongs to another graph, or cannot be written; ConfigError if the
        run was started without a configuration.
        """
        upward.call(upward.KEEP_HISTORY, self, path)

    def watch_config(self, *, verify: float = 5.0) -> Watch:
        """Reload whenever the file of the configuration, or of one of its secrets, has new content, until the run ends.

        The file may be replaced, be a link in a mounted folder, or vanish and come back. What cannot be applied is
        refused once, and the old configuration stays. Each change is watched for `verify` seconds, as in `reload`.

        Returns: a Watch with `.close()`. Raises: ConfigError if the configuration was not loaded from a file;
        MissingExtraError.
        """
        watch: Watch = upward.call(upward.WATCH_CONFIG, self, verify=verify)
        return watch

    def plan_reload(self) -> Plan:
        """What `reload` would change now; reads the sources again and changes nothing. Raises: ConfigError."""
        return plan(self._configured(), self._configured().reread())

    def explain(self) -> Explained:
        """Why the frontier stands, what the bottleneck is, and why the run is not ready: sentences, with the facts."""
        explained: Explained = upward.call(upward.EXPLAIN, self.status())
        return explained

    def serve(
        self, host: str = "127.0.0.1", port: int = 0, *, token: str | None = None,
        token_file: str | PathLike[str] | None = None, certfile: str | PathLike[str] | None = None,
        keyfile: str | PathLike[str] | None = None, hosts: tuple[str, ...] = (), limits: Limits | None = None,
        verify: float = 0.0,
    ) -> Server:  # fmt: skip
        """Answer probes, metrics, and with a token everything else, over HTTP from a thread of its own.

        Port 0 takes a free one. The token is `token`, or from `token_file`, STREAMWEAVE_TOKEN_FILE or
        STREAMWEAVE_TOKEN; on loopback a random one is made if there is none. `certfile` and `keyfile` are PEM
        files, for TLS; `hosts` the names it may be asked by, beside the usual; `limits` what it bears. A change of
        the configuration is watched for `verify` seconds, unless who asks says for how long. GET /openapi.json
        describes everything.

        Returns: a Server with `.url`, `.token` and `.close()`. Raises: ConfigError for a token or certificate that
        cannot be used, and for an address that other machines can reach without a token; OSError if the port is
        taken.
        """
        server: Server = upward.call(
            upward.SERVE, self, host=host, port=port, token=token, token_file=token_file, certfile=certfile,
            keyfile=keyfile, hosts=hosts, limits=limits, verify=verify,
        )  # fmt: skip
        return server

    def export(
        self, endpoint: str | None = None, *, every: float | None = None, headers: Mapping[str, str] | None = None,
        ports: int | None = None,
    ) -> Export:  # fmt: skip
        """Push the numbers of `/metrics` to an OpenTelemetry collector, by OTLP over HTTP, until this run has ended.

        `endpoint` is such as "http://collector:4318", `every` is in seconds; what is not given comes from the OTEL_*
        variables of the environment, or is port 4318 of this machine, and 60 seconds. Of a graph with more than
        `ports` ports (None: STREAMWEAVE_METRICS_PORTS, or 1000) some nodes are told together. A collector that does
        not answer is an event and no more.

        Returns: an Export with `.pushed`, `.missed`, `.problem`, `.push()` and `.close()`. Raises: ValueError for
        what is no address or no interval; ConfigError for an environment that cannot be obeyed; MissingExtraError.
        """
        exported: Export = upward.call(upward.EXPORT, self, endpoint, every=every, headers=headers, ports=ports)
        return exported

    # What acts

    @on_own_loop
    async def drain(self, timeout: float = 30.0) -> Drained:
        """Take in nothing new, finish everything in flight, close windows, flush sinks, and stop.

        After `timeout` seconds it is ended by force. The account says what was dropped, by edge, and which nodes
        held it. Can be called in any state, and twice: the second call waits for the same drain. While the run is being
        suspended it waits for that, which is no longer to be turned back; `complete` is then False if nodes hold items.
        """
        if self.suspending is not None and not self.lifecycle.over:
            return await self.suspending.drained_within(timeout)
        if self._drain_task is None:
            if self.lifecycle.state is State.STARTING:
                self.force_end()
            if self.lifecycle.over:
                return Drained(not self.dropped and self.failure is None, 0.0, {}, self.dropped)
            with self.becoming():
                self.lifecycle.move(State.DRAINING, "drain")
                self.draining = Drain(self, timeout)
            self._drain_task = asyncio.get_running_loop().create_task(self.draining.carry_out())
        if self.draining is not None and self.draining.report is not None:
            return self.draining.report
        return await asyncio.shield(self._drain_task)

    @on_own_loop
    async def checkpoint(self, *, reason: Reason = "demand") -> Checkpointed:
        """Keep the state of the whole graph at one barrier, together with the positions of its sources.

        It is copied on the loop and written off it. What goes wrong is in the report, and the run goes on.

        Raises: StateError if the run was started without `store=`; IllegalMoveError if it does not run.
        """
        checkpointer = self._kept_somewhere("checkpoint")
        if self.lifecycle.state is not State.RUNNING:
            raise IllegalMoveError(self.name, "checkpoint", self.lifecycle.state.value)
        return await asyncio.shield(asyncio.ensure_future(checkpointer.take(reason)))

    @on_own_loop
    async def suspend(self, timeout: float = 30.0) -> Checkpointed:
        """Finish what is in flight, keep everything else as it is in a checkpoint, and stop.

        Windows stay open and nothing that is held back is sent: `start(store=…, resume=True)` goes on from there.
        After `timeout` seconds the run is stopped, and the report's `problem` names the nodes that had not met the
        barrier. Where the checkpoint cannot be written the run has failed. In both cases `committed` is False,
        `dropped` is the account, and an earlier checkpoint, if there is one, is the newest.

        Raises: StateError if the run was started without `store=`; IllegalMoveError if it does not run.
        """
        self._kept_somewhere("suspend")
        if self.suspending is None:
            with self.becoming():
                self.lifecycle.move(State.SUSPENDING, "suspend")
                self.suspending = Suspend(self, timeout)
        return await asyncio.shield(self.suspending.task)

    @on_own_loop
    async def stop(self) -> Stopped:
        """Stop now. What is in flight is lost, counted, and reported by edge and by node.

        A checkpoint that is being written is waited for, at most 5 s: another run may then have the store. It counts.
        """
        began = self.core.clock.now()
        if not self.lifecycle.over:
            self.end(State.STOPPED, self._say_stopped)
            if self.checkpointer is not None:
                await self.checkpointer.written_within(5.0)
        return Stopped(self.core.clock.now() - began, self.dropped)

    @on_own_loop
    async def configure(
        self, config: Config | Mapping[str, Any] | None = None, verify: float = 0.0, /, **changes: Any
    ) -> Reloaded:
        """Let a new configuration, or some changes of the present one, take effect on a barrier.

        Changes are keywords, or a mapping of dotted names: `configure(speed=60)`, `configure({"sink.path": "b"})`.
        Every item meets exactly one version. What cannot be applied is refused whole, and the old one stays.

        `verify` is as in `reload`; it goes by its place, `configure({"speed": 60}, 5.0)`, so that it never stands in
        the way of a field of that name.
        """

        def changed(present: Config) -> Config:
            base = config if isinstance(config, Config) else present
            every = {**(config if isinstance(config, Mapping) else {}), **changes}
            return base.changed(**every) if every else base

        return await self.changes.carry_out(Wanted(changed), verify)

    @on_own_loop
    async def reload(self, verify: float = 0.0) -> Reloaded:
        """Read the configuration's file and environment again, and apply what has changed, or refuse it whole.

        With `verify` the run is watched for so many seconds afterwards. If it turns unready, a node fails and begins
        again, or a node refuses a larger share of its items than before (more than twice, and at least 3), the
        version before is brought back by the same road, and the report says why. The watching ends early where
        somebody asks for another change, or pauses or drains the run.
        """
        return await self.changes.carry_out(Wanted(lambda present: present.reread()), verify)

    @on_own_loop
    async def rollback(self, version: int | None = None, *, verify: float = 0.0) -> Reloaded:
        """Bring back the values of an earlier configuration version, or of the one before that in force now.

        They come under a new number; twice without `version` goes two steps back. Secrets stay as they are now, and
        the report's `notes` say which of them have changed since. The next `reload` reads the file as ever. `verify`
        is as in `reload`.
        """
        return await self.changes.go_back(version, verify)

    @on_own_loop
    async def plan(self) -> Plan:
        """What `reload` would change now: `plan_reload`, for who asks from elsewhere. Raises: ConfigError."""
        return self.plan_reload()

    @on_own_loop
    async def pause(self) -> None:
        """Let nothing flow until `resume`; recorded time that is replayed at a speed stands still as well.

        Raises: IllegalMoveError unless running.
        """
        with self.becoming():
            self.lifecycle.move(State.PAUSED, "pause")
            self.core.pause()
            self.pausing = Pause(self.core)
            self.told("run.paused", "paused: nothing flows until it is resumed")

    @on_own_loop
    async def resume(self) -> None:
        """Go on after `pause`. Raises: IllegalMoveError unless paused."""
        if self.lifecycle.state is not State.PAUSED:
            raise IllegalMoveError(self.name, "resume", self.lifecycle.state.value)
        with self.becoming():
            self.lifecycle.move(State.RUNNING, "resume")
            self.told("run.resumed", "flowing again")
        self.core.resume()
        self.stepper.wake()  # a step under way gives way

    @on_own_loop
    async def step(self, items: int | None = None, *, until: float | None = None, timeout: float = 30.0) -> Stepped:
        """While paused, let one batch through: a turn of one source, and all that follows from it until all is quiet.

        `items=1` lets in that many items; `until=` lets in item after item, of the source that is furthest behind,
        until the frontier has reached that event time in seconds. What is on its way flows first. Then the run is
        paused again. A step does not wait for sources: where they have nothing now it ends, and says so. It waits
        at most `timeout` seconds for items in flight.

        Raises: IllegalMoveError unless paused.
        """
        return await self.stepper.step(self, items, until, timeout)

    @on_own_loop
    async def tap(self, pattern: str, n: int = 10, seconds: float | None = None, every: int = 1) -> Tapped:
        """Look at the next `n` items at each port whose name fits `pattern`, or at one in `every` that pass.

        A pattern is as of file names: "parse.*", "*.error". It ends as soon as one of the ports has had its `n`;
        with `seconds`, when all have, or that time has passed; and with the run. The graph's `redact` decides what
        of an item is seen.

        Raises: ValueError if no drawn port fits.
        """
        return await tap(self, pattern, n, seconds, every)

    @awaiting
    async def done(self) -> Status:
        """Wait until the run has ended, and return its last Status. To cancel the waiting leaves the run alone.

        Raises: RunFailedError if a node failed.
        """
        await self.over()
        if self.failure is not None:
            raise self.failure
        return self.status()

    def ask(self, verb: Verb, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Ask for a verb from any thread, callback or signal handler: it is queued on the run's loop.

        Returns: a future of the verb's report. Raises: ValueError for a word that is no verb.
        """
        if verb not in VERBS:
            raise ValueError(f"{verb!r} is not something a run can be asked; ask one of {', '.join(VERBS)}")
        loop, asked = self.loop, getattr(self, verb)
        if self.settled:
            return _carried_out_at_once(asked(*args, **kwargs))
        if loop is None or loop.is_closed():
            raise IllegalMoveError(self.name, verb, self.lifecycle.state.value)
        return asyncio.run_coroutine_threadsafe(asked(*args, **kwargs), loop)


def _carried_out_at_once(verb: Coroutine[Any, Any, Any]) -> Future[Any]:
    """The answer of a verb that has nothing to wait for, as those of a run that has ended."""
    answer: Future[Any] = Future()
    try:
        verb.send(None)
    except StopIteration as finished:
        answer.set_result(finished.value)
    except Exception as error:
        answer.set_exception(error)
    return answer
