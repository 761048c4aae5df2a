"""What was asked of a run over HTTP, how far it has come, and what came of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.engine.actor import acting
from streamweave_lab.engine.protocol import Verb
from streamweave_lab.engine.status import Status
from streamweave_lab.ops.http.bodies import Arguments
from streamweave_lab.ops.http.plain import plain
from streamweave_lab.ops.http.problems import Problem, problem_of

if TYPE_CHECKING:
    from streamweave_lab.ops.http.api import Served

KEPT = 256
"""Operations that are remembered after they have ended, and with each the key it was asked by."""

LONGEST_TAP = 600.0
"""Seconds after which a tap that nobody ends is given up."""

STRANDED = 5.0
"""Seconds after the end of a run within which its loop answers, or never will."""

Ask = tuple[Verb, Arguments, str, str]
"""A verb, its arguments, why, and the request's id."""


@dataclass
class Operation:
    """One thing asked of a run."""

    id: str
    verb: str
    asked_at: float
    future: Future[Any]
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    """It is over, or nobody is to wait for it any more."""
    ended_at: float | None = None
    problem: Problem | None = None

    @property
    def state(self) -> str:
        """As in the document."""
        return "running" if not self.over else "done" if self.problem is None else "failed"

    @property
    def over(self) -> bool:
        """It has ended, well or badly."""
        return self.ended_at is not None

    def end(self, problem: Problem | None) -> None:
        """It has ended now; with a problem, if it failed."""
        if not self.over:
            self.ended_at, self.problem = SYSTEM_CLOCK.wall(), problem
            self.stirred.set()

    async def wait(self, seconds: float) -> bool:
        """Wait until it is over, at most so many seconds. Returns: it is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stirred.wait()
        return self.over

    @cached_property
    def _report(self) -> Any:
        return plain(self.future.result())

    @property
    def result(self) -> Any:
        """The report, ready for JSON; None until it is done, and where it failed."""
        return self._report if self.state == "done" else None

    def document(self, status: Status) -> dict[str, Any]:
        """The operation as its clients see it; `status` tells how far it has come."""
        return {
            "id": self.id,
            "verb": self.verb,
            "state": self.state,
            "asked_at": self.asked_at,
            "ended_at": self.ended_at,
            "progress": None if self.over else _progress(status, SYSTEM_CLOCK.wall() - self.asked_at),
            "result": self.result,
            "problem": self.problem and self.problem.document(),
        }


class Operations:
    """The operations of one server. All its methods are called on the server's loop."""

    def __init__(self, run: Served, running: int) -> None:
        self._run, self._most = run, running
        self._all: dict[str, Operation] = {}
        self._keys: dict[str, tuple[Any, str]] = {}

    def __iter__(self) -> Any:
        return iter([*reversed(self._all.values())])

    def find(self, name: str) -> Operation:
        """The operation `name`. Raises: Problem 404."""
        found = self._all.get(name)
        if found is None:
            what = f"there is no operation {name!r}; the last {KEPT} are kept, GET /operations lists them"
            raise Problem(404, "not-found", what)
        return found

    def begin(self, ask: Ask, key: str | None) -> Operation:
        """Ask the run, or find what was asked by the same key. Raises: Problem."""
        verb, arguments, _, _ = ask
        if key is not None and key in self._keys:
            asked, name = self._keys[key]
            if asked != (verb, arguments):
                what = f"this Idempotency-Key was used for another request (operation {name}); use a new one"
                raise Problem(422, "key-used", what)
            return self._all[name]
        self.look_after()
        if sum(not each.over for each in self._all.values()) >= self._most:
            what = f"{self._most} operations are running; wait for one of them to end, GET /operations lists them"
            raise Problem(429, "too-many-operations", what, headers={"Retry-After": "5"})
        operation = self._asked(ask)
        if key is not None:
            self._keys[key] = ((verb, arguments), operation.id)
        self._forget()
        return operation

    def _asked(self, ask: Ask) -> Operation:
        verb, arguments, why, request_id = ask
        at, name = SYSTEM_CLOCK.wall(), secrets.token_hex(8)
        try:
            with acting("http", why, request_id):
                future = self._run.ask(verb, *arguments[0], **arguments[1])
        except Exception as error:
            future = Future()
            future.set_exception(error)
        operation = self._all[name] = Operation(name, verb, at, future)
        loop = asyncio.get_running_loop()
        future.add_done_callback(_on(loop, lambda: operation.end(_problem(operation))))
        if verb == "tap":
            loop.call_later(LONGEST_TAP, future.cancel)
        return operation

    def close(self) -> None:
        """Let nobody wait any longer."""
        for operation in self._all.values():
            operation.stirred.set()

    def look_after(self) -> None:
        """A run's loop that closes takes what it was asked with it: such operations end here."""
        for operation in self._all.values():
            if operation.over or not self._run.settled:
                continue
            ended = self._run.status().ended_at or 0.0
            if SYSTEM_CLOCK.wall() - max(ended, operation.asked_at) > STRANDED:
                what = f"the run ended before it could {operation.verb}"
                operation.end(Problem(409, "ended", what))

    def _forget(self) -> None:
        ended = [name for name, each in self._all.items() if each.over]
        for name in ended[: max(0, len(self._all) - KEPT)]:
            del self._all[name]
        self._keys = {key: asked for key, asked in self._keys.items() if asked[1] in self._all}


def _on(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> Callable[[Future[Any]], None]:
    def tell(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the server has been closed, and nobody asks any more
            loop.call_soon_threadsafe(call)

    return tell


def _problem(operation: Operation) -> Problem | None:
    if operation.future.cancelled():
        return Problem(409, "ended", f"{operation.verb} was given up before it was over")
    error = operation.future.exception()
    return None if error is None else problem_of(error, operation.verb)


def _progress(status: Status, seconds: float) -> dict[str, Any]:
    return {
        "seconds": max(0.0, seconds),
        "state": status.state,
        "phase": status.drain.phase if status.drain is not None else None,
        "queued": sum(edge.queued for edge in status.edges),
        "held": sum(node.held for node in status.nodes),
    }


__all__ = ["Operation", "Operations"]
