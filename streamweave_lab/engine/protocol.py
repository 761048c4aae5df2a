"""The Run protocol: what can be asked of a run wherever it lives, in this process or in another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args, runtime_checkable

from streamweave_lab.config.plan import Plan
from streamweave_lab.engine.reports import Checkpointed, Drained, Reloaded, Stopped
from streamweave_lab.engine.status import EventStatus, Status
from streamweave_lab.engine.step import Stepped
from streamweave_lab.engine.tap import Tapped

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config

Verb = Literal[
    "drain",
    "suspend",
    "stop",
    "reload",
    "configure",
    "plan",
    "checkpoint",
    "pause",
    "step",
    "resume",
    "tap",
    "rollback",
]
VERBS: tuple[Verb, ...] = get_args(Verb)
"""What may be asked of a run from outside its loop."""


@runtime_checkable
class Run(Protocol):
    """One execution of a graph. A LocalRun lives in this process, a RemoteRun is reached over HTTP.

    Whatever looks reads `status()`; whatever acts calls a verb: a coroutine that returns a frozen report, or
    `ask(verb)`, which may be called from any thread and returns a future of that report.
    """

    name: str

    @property
    def settled(self) -> bool:
        """The run has ended and its account is made."""

    def status(self) -> Status:
        """The run as it is now, or as it was when it was last heard of. At once, from any thread."""

    def observe(self, observer: Callable[[EventStatus], None]) -> Callable[[], None]:
        """Call `observer` with each event from now on. Returns a function that ends it."""

    def on_end(self, callback: Callable[[], object]) -> None:
        """Call `callback` when the run ends."""

    def ask(self, verb: Verb, /, **kwargs: Any) -> Future[Any]:
        """Ask for a verb from any thread. Raises: ValueError for a word that is no verb."""

    async def drain(self, timeout: float = 30.0) -> Drained:
        """See LocalRun."""

    async def suspend(self, timeout: float = 30.0) -> Checkpointed:
        """See LocalRun."""

    async def stop(self) -> Stopped:
        """See LocalRun."""

    async def configure(
        self, config: Config | Mapping[str, Any] | None = None, verify: float = 0.0, /, **changes: Any
    ) -> Reloaded:
        """See LocalRun."""

    async def reload(self, verify: float = 0.0) -> Reloaded:
        """See LocalRun."""

    async def rollback(self, version: int | None = None, *, verify: float = 0.0) -> Reloaded:
        """See LocalRun."""

    async def plan(self) -> Plan:
        """See LocalRun."""

    async def checkpoint(self) -> Checkpointed:
        """See LocalRun."""

    async def pause(self) -> None:
        """See LocalRun."""

    async def step(self, items: int | None = None, *, until: float | None = None, timeout: float = 30.0) -> Stepped:
        """See LocalRun."""

    async def resume(self) -> None:
        """See LocalRun."""

    async def tap(self, pattern: str, n: int = 10, seconds: float | None = None, every: int = 1) -> Tapped:
        """See LocalRun."""

    async def done(self) -> Status:
        """See LocalRun."""


__all__ = ["VERBS", "Run", "Verb"]
