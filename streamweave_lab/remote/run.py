"""A run of another process: the Run protocol over HTTP. The process is asked in a thread of its own."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from streamweave_lab import upward
from streamweave_lab.config.plan import Plan
from streamweave_lab.engine.protocol import VERBS, Verb
from streamweave_lab.engine.reports import Checkpointed, Drained, Reloaded, Stopped
from streamweave_lab.engine.status import EventStatus, Status
from streamweave_lab.engine.step import Stepped
from streamweave_lab.engine.tap import Tapped
from streamweave_lab.errors import NotHereError, RemoteError, RunFailedError, UnreachableError
from streamweave_lab.ops.explain.explain import Explained, explain
from streamweave_lab.ops.explain.explanation import Explanation
from streamweave_lab.remote.asking import Asker, body_of, changes_of
from streamweave_lab.remote.watch import Watch

if TYPE_CHECKING:
    from streamweave_lab.config.history import History
    from streamweave_lab.config.model import Config
    from streamweave_lab.remote.line import Line

T = TypeVar("T")


class RemoteRun:
    """A run of another process. Made by `streamweave_lab.attach(url)`.

    `status()` is what was last heard, at once. While the process does not answer, that is kept and grows stale: it
    says so by `stale_seconds`, is not ready, and the process is asked again, ever less often, up to each 5 s.

    A control that finds nobody fails at once. One whose answer is lost is asked again for up to 30 s with the same
    key, by which the process knows it; so it is never carried out twice.
    """

    def __init__(self, line: Line, first: Status, loop: asyncio.AbstractEventLoop) -> None:
        self.name = first.graph
        self.url = line.url
        self.loop = loop
        """The loop of the thread in which the process is asked; observers are called on it."""
        self._watch = Watch(line, first, loop)
        self._asker = Asker(self.name, line, self._watch)
        weakref.finalize(self, self._watch.close).atexit = False

    def __repr__(self) -> str:
        known = self._watch.last
        return f"<Run of {self.name!r} at {self.url}: {len(known.nodes)} nodes, {len(known.edges)} edges>"

    def __getitem__(self, name: str) -> NoReturn:
        """The nodes are in the other process. Raises: NotHereError, which is a KeyError."""
        self._watch.last.node(name)
        raise NotHereError(self.name, name)

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return upward.call(upward.CONSOLE_BUNDLE, self)

    # What looks

    @property
    def settled(self) -> bool:
        """The run has ended, and what it came to is known."""
        return self._watch.settled

    @property
    def detached(self) -> bool:
        """`detach` was called."""
        return self._watch.closed

    def status(self) -> Status:
        """What was last heard of the run, at once and from any thread.

        It is less than a second old, and about a quarter of a second while somebody asks for it often.
        """
        return self._watch.status()

    def observe(self, observer: Callable[[EventStatus], None]) -> Callable[[], None]:
        """Call `observer` with each event that is heard of from now on, in another thread. Returns what ends it.

        Events of a lost connection follow when it is back, as many as a Status has: the last 200.
        """
        return self._watch.observe(observer)

    def on_end(self, callback: Callable[[], object]) -> None:
        """Call `callback` when it is heard that the run has ended, in another thread."""
        self._watch.on_end(callback)

    def explain(self) -> Explained:
        """Why the frontier stands, what the bottleneck is, and why the run is not ready; as of the last Status."""
        status = self.status()
        explained = explain(status)
        if status.stale_seconds is None:
            return explained
        said = f"{status.reasons[0]}; what is said here was so when it was last heard of"
        lost = Explanation("ready", said, {"cause": "no connection", "seconds": status.stale_seconds})
        others = tuple(each for each in explained.explanations if each.question != "ready")
        return Explained(explained.graph, (*others, lost))

    def detach(self) -> None:
        """Look no more, and leave the run alone. A console keeps what it has seen."""
        self._watch.close()

    # What acts

    def ask(self, verb: Verb, /, **kwargs: Any) -> Future[Any]:
        """Ask for a verb from any thread. Returns a future of its report; nothing here waits for the network.

        Raises: ValueError for a word that is no verb.
        """
        if verb not in VERBS:
            raise ValueError(f"{verb!r} is not something a run can be asked; ask one of {', '.join(VERBS)}")
        return self._ask(verb, {"changes": kwargs} if verb == "configure" else kwargs)

    async def drain(self, timeout: float = 30.0) -> Drained:
        """See LocalRun; so the other verbs."""
        return await self._report(Drained, self.ask("drain", timeout=timeout))

    async def suspend(self, timeout: float = 30.0) -> Checkpointed:
        """See LocalRun."""
        return await self._report(Checkpointed, self.ask("suspend", timeout=timeout))

    async def stop(self) -> Stopped:
        """See LocalRun."""
        return await self._report(Stopped, self.ask("stop"))

    async def configure(
        self, config: Config | Mapping[str, Any] | None = None, verify: float = 0.0, /, **changes: Any
    ) -> Reloaded:
        """See LocalRun; only the fields that change. Raises: TypeError for a whole configuration."""
        body = {"changes": changes_of(config, changes), "verify": verify or None}
        return await self._report(Reloaded, self._ask("configure", body))

    async def reload(self, verify: float = 0.0) -> Reloaded:
        """See LocalRun."""
        return await self._report(Reloaded, self.ask("reload", verify=verify or None))

    async def rollback(self, version: int | None = None, *, verify: float = 0.0) -> Reloaded:
        """See LocalRun."""
        return await self._report(Reloaded, self.ask("rollback", version=version, verify=verify or None))

    async def plan(self) -> Plan:
        """See LocalRun."""
        return await self._report(Plan, self.ask("plan"))

    async def history(self) -> History:
        """The versions of its configuration, newest first; of a LocalRun it is a property, here the process is asked.

        Raises: UnreachableError; RemoteError.
        """
        asked = asyncio.run_coroutine_threadsafe(self._asker.history(), self.loop)
        return await asyncio.wrap_future(asked)

    async def checkpoint(self) -> Checkpointed:
        """See LocalRun."""
        return await self._report(Checkpointed, self.ask("checkpoint"))

    async def pause(self) -> None:
        """See LocalRun."""
        await asyncio.wrap_future(self.ask("pause"))

    async def step(self, items: int | None = None, *, until: float | None = None, timeout: float = 30.0) -> Stepped:
        """See LocalRun."""
        return await self._report(Stepped, self.ask("step", items=items, until=until, timeout=timeout))

    async def resume(self) -> None:
        """See LocalRun."""
        await asyncio.wrap_future(self.ask("resume"))

    async def tap(self, pattern: str, n: int = 10, seconds: float | None = None, every: int = 1) -> Tapped:
        """See LocalRun; the items are as JSON has them."""
        return await self._report(Tapped, self.ask("tap", pattern=pattern, n=n, seconds=seconds, every=every))

    async def done(self) -> Status:
        """Wait until it is heard that the run has ended, and return its last Status. Outages are waited through.

        Raises: RunFailedError if a node failed; UnreachableError if the run was detached meanwhile.
        """
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._watch.over(), self.loop))
        if not self.settled:
            raise UnreachableError(f"run {self.name!r} was detached before it ended")
        status = self._watch.last
        if status.state == "failed":
            raise _failure(status)
        return status

    def _ask(self, verb: str, body: dict[str, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(self._asker.ask(verb, body_of(body)), self.loop)

    @staticmethod
    async def _report(kind: type[T], asked: Future[Any]) -> T:  # noqa: ARG004 - for type checkers
        report: T = await asyncio.wrap_future(asked)
        return report


def _failure(status: Status) -> RunFailedError:
    """The failure as the Status tells it: the exception itself is in the other process."""
    failed = next((event for event in status.events if event.event == "node.failed"), None)
    node = next((node.name for node in status.nodes if node.state == "failed"), failed and failed.node)
    said = status.reasons[0].removeprefix("failed: ") if status.reasons else "it failed"
    return RunFailedError(status.graph, node or "unknown", None, RemoteError(said))


__all__ = ["RemoteRun"]
