"""How a control reaches a run of another process: once, however often its answer is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.config.history import History
from streamweave_lab.engine.actor import actor
from streamweave_lab.errors import NotAllowedError, RemoteError, UnreachableError
from streamweave_lab.remote import reading
from streamweave_lab.remote.line import PLAN_SECONDS, WAIT_SECONDS, BusyError, Line, LostError, Problem
from streamweave_lab.remote.watch import Watch

PATIENCE = 30.0
"""Seconds for which a control whose answer was lost is asked again, and for which the end of one is waited for while
the connection is lost."""
_QUICK = 1.0
"""Seconds: what is done by then needs no second question."""
_ENDING = {"drain", "suspend", "stop"}


class Asker:
    """Carries controls over the line of one run. On the background loop only."""

    def __init__(self, name: str, line: Line, watch: Watch) -> None:
        self._name, self._line, self._watch = name, line, watch

    async def ask(self, verb: str, body: dict[str, Any]) -> Any:
        """The report of a verb. Raises: what a run in this process raises; UnreachableError."""
        if self._watch.closed:
            raise UnreachableError(f"run {self._name!r} has been detached: it was not asked to {verb}")
        try:
            result = await (self._plan() if verb == "plan" else self._carry_out(verb, body))
        except LostError as error:
            raise UnreachableError(f"run {self._name!r} could not be asked to {verb}: {error}") from None
        except Problem as problem:
            raise reading.error(problem, self._name, verb) from None
        report = reading.report(verb, result)
        await self._look(verb, report)
        return report

    async def history(self) -> History:
        """Raises: UnreachableError."""
        try:
            return reading.history(await self._line.get("/config/history"))
        except LostError as error:
            raise UnreachableError(f"run {self._name!r} could not be asked for its history: {error}") from None
        except Problem as problem:
            raise reading.error(problem, self._name, "tell its history") from None

    async def _plan(self) -> Any:
        return await self._line.get("/plan", seconds=PLAN_SECONDS)

    async def _carry_out(self, verb: str, body: dict[str, Any]) -> Any:
        operation = await self._begin(verb, body)
        give_up = SYSTEM_CLOCK.now() + PATIENCE
        while operation.get("state") == "running":
            try:
                operation = await self._line.get(f"/operations/{operation['id']}", WAIT_SECONDS)
                give_up = SYSTEM_CLOCK.now() + PATIENCE
            except (LostError, BusyError) as error:
                if SYSTEM_CLOCK.now() > give_up or self._watch.closed:
                    raise UnreachableError(_unknown(self._name, verb, error)) from None
                await asyncio.sleep(_jittered(0.5, error))
            except Problem as problem:
                if problem.status != 404:
                    raise
                raise UnreachableError(
                    f"run {self._name!r} was asked to {verb}, and its process was replaced meanwhile: "
                    f"what came of it is not known"
                ) from None
        if operation.get("state") == "failed":
            found = operation.get("problem") or {}
            raise Problem(int(found.get("status", 500)), found)
        return operation.get("result")

    async def _begin(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask for it; and if the answer is lost, ask again with the same key, which carries nothing out twice."""
        key, sent = uuid4().hex, False
        asked_of, give_up = self._watch.last.started_at, SYSTEM_CLOCK.now() + PATIENCE
        while True:
            try:
                if sent:
                    await self._same_process(asked_of, verb)
                operation: dict[str, Any] = await self._line.post(f"/{verb}", body, key, _QUICK)
            except NotAllowedError as error:
                if sent:
                    raise UnreachableError(_unknown(self._name, verb, error)) from None
                raise NotAllowedError(f"run {self._name!r} was not asked to {verb}: {error}") from None
            except (LostError, BusyError) as error:
                sent = sent or (isinstance(error, LostError) and error.sent)
                if not sent and isinstance(error, LostError):
                    raise UnreachableError(f"run {self._name!r} was not asked to {verb}: {error}") from None
                if SYSTEM_CLOCK.now() > give_up or self._watch.closed:
                    raise UnreachableError(_unknown(self._name, verb, error)) from None
                await asyncio.sleep(_jittered(0.5, error))
            else:
                return operation

    async def _same_process(self, asked_of: float | None, verb: str) -> None:
        """The key is known only to the process that was asked first: another would carry it out a second time."""
        status = await self._watch.look()
        if status.started_at != asked_of:
            raise UnreachableError(
                f"run {self._name!r} was asked to {verb}, and its process was replaced before it answered: "
                f"it is not asked a second time"
            )

    async def _look(self, verb: str, report: Any) -> None:
        """What the control has changed is seen at once by who looks."""
        if verb == "plan":
            return
        try:
            await self._watch.look()
        except (RemoteError, Problem):
            if verb in _ENDING and getattr(report, "committed", True):
                last = self._watch.last
                state = {"state": "stopped", "ready": False, "reasons": ("stopped",)}
                self._watch.ended(last.model_copy(update=state))


def body_of(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a verb as they are sent, with the reason that `acting` gives; what is not given is not sent."""
    said = {"why": actor().why} if actor().why else {}
    return said | {name: reading.revealed(value) for name, value in kwargs.items() if value is not None}


def changes_of(config: Any, named: dict[str, Any]) -> dict[str, Any]:
    """The changes that `configure` is given. Raises: TypeError for a whole configuration: its secrets are masked."""
    if config is not None and not isinstance(config, Mapping):
        raise TypeError("a run of another process is given the fields that change, such as run.configure(limit=3)")
    return {**(config or {}), **named}


def _unknown(name: str, verb: str, error: Exception) -> str:
    return f"run {name!r} was asked to {verb}, and what came of it is not known: {error}"


def _jittered(seconds: float, error: RemoteError) -> float:
    longest = error.seconds if isinstance(error, BusyError) else seconds
    pause: float = longest * random.uniform(0.5, 1.0)  # noqa: S311 - it is no secret
    return pause


__all__ = ["PATIENCE", "Asker", "body_of", "changes_of"]
