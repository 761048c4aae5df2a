"""What the endpoints of one server share, and what an endpoint is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from streamweave_lab.engine.protocol import Run, Verb
from streamweave_lab.ops.http.bodies import Body
from streamweave_lab.ops.http.feed import Feed
from streamweave_lab.ops.http.limits import Allowance, Limits
from streamweave_lab.ops.http.operations import Operations
from streamweave_lab.ops.http.plain import encoded
from streamweave_lab.ops.http.tokens import Token
from streamweave_lab.ops.metrics import prometheus as metrics


class Served(Run, Protocol):
    """What the server asks of a run; all of it may be asked from any thread."""

    def heartbeat(self) -> float:
        """When the run's loop last answered, in seconds of the system's monotonic clock."""

    def ask(self, verb: Verb, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Ask for a verb from any thread. Raises: ValueError for a word that is no verb."""


class Api:
    """One run as it is served."""

    def __init__(self, run: Served, token: Token, limits: Limits, verify: float = 0.0) -> None:
        self.run, self.token, self.limits, self.verify = run, token, limits, verify
        self.registry: CollectorRegistry = metrics.registry_of(run, run.status)
        self.operations = Operations(run, limits.running)
        self.feed = Feed(run)
        self.wrong = Allowance(limits.wrong_tokens, limits.wrong_burst)
        self.description = b""
        self.loop: asyncio.AbstractEventLoop | None = None
        """The server's own, once it is running."""

    def close(self) -> None:
        """End the streams of events, and whatever waits. From any thread."""
        self.feed.close()
        if self.loop is not None:
            with suppress(RuntimeError):  # the server's loop has ended already
                self.loop.call_soon_threadsafe(self.operations.close)


@dataclass(frozen=True)
class Parameter:
    """Something that may be said in the query or in a header."""

    name: str
    where: str
    what: str
    schema: Mapping[str, Any]
    required: bool = False


Answer = Callable[[Api, Request], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """One row of the table, of which routes and description are made: how it is reached, what it takes and answers."""

    method: str
    path: str
    answer: Answer
    summary: str
    what: str
    result: Any = None
    """The type of what it answers."""
    media: tuple[str, ...] = ("application/json",)
    open: bool = False
    """It needs no token."""
    body: type[Body] | None = None
    verb: Verb | None = None
    parameters: tuple[Parameter, ...] = ()
    statuses: Mapping[int, str] = field(default_factory=lambda: {200: "As asked for."})
    problems: tuple[int, ...] = ()


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`document` as JSON."""
    return Response(encoded(document), status, headers, "application/json")


__all__ = ["Api", "Endpoint", "Parameter", "Served", "answer"]
