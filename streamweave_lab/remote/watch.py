"""What is known of a run of another process: looked at often while somebody looks, seldom otherwise, and kept.

One short question, /status, is all: a lost connection loses no event that the Status still has when it is back.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.engine.observer import tell
from streamweave_lab.engine.status import EventStatus, Status
from streamweave_lab.errors import RemoteError, UnreachableError
from streamweave_lab.remote import reading
from streamweave_lab.remote.line import BusyError, Line, Problem

LOOKED_AT_SECONDS = 0.25
UNSEEN_SECONDS = 0.8
"""Less than the second for which a process that was started by `streamweave-lab run` waits to be heard at its end."""
OFTEN_SECONDS = 0.5
"""Who asks for the Status more often than that looks on, as a console in view does; one out of view asks seldom."""
LOOK_LASTS = 1.0
"""Seconds for which somebody who looked on is taken to go on."""
SILENT_SECONDS = 3.0
"""Without an answer for so long beyond the pace, a Status is stale, though nothing says that the connection is lost."""
FIRST_RETRY, LONGEST_RETRY = 0.25, 5.0

_ENDED = frozenset({"stopped", "failed"})


class Watch:
    """Asks for the Status of one run, from a task on the background loop; what is known is read from any thread."""

    def __init__(self, line: Line, first: Status, loop: asyncio.AbstractEventLoop) -> None:
        self._line, self._loop = line, loop
        self._known, self._heard_at = first, SYSTEM_CLOCK.now()
        self._looked_at, self._often = self._heard_at, False
        self._trouble: str | None = None
        self._failures = self._waiting = 0
        self._observers: list[Callable[[EventStatus], None]] = []
        self._on_end: list[Callable[[], object]] = []
        self.closed = False
        self.settled = first.state in _ENDED
        self._wake = asyncio.Event()
        self._over = asyncio.Event()
        self._asking = asyncio.Lock()
        self._unseen = False
        loop.call_soon_threadsafe(self._begin)

    # From any thread

    def status(self) -> Status:
        """What is known now; stale if the process does not answer."""
        now = SYSTEM_CLOCK.now()
        self._looked_at, self._often = now, now - self._looked_at < OFTEN_SECONDS
        if self._often and self._unseen and not self.settled and not self.closed:
            self._unseen = False
            self._loop.call_soon_threadsafe(self._wake.set)
        return self._aged(now)

    @property
    def last(self) -> Status:
        """What was heard last, however old."""
        return self._known

    @property
    def lost(self) -> str | None:
        """Why nothing is heard, in a sentence; None while the process answers."""
        silent = SYSTEM_CLOCK.now() - self._heard_at
        if self.settled:
            return None
        if self.closed:
            return "it has been detached"
        if self._trouble is None and silent > self._pace() + SILENT_SECONDS:
            return f"the process at {self._line.url} does not answer"
        return self._trouble

    def observe(self, observer: Callable[[EventStatus], None]) -> Callable[[], None]:
        """See RemoteRun."""
        self._observers.append(observer)

        def end() -> None:
            with suppress(ValueError):
                self._observers.remove(observer)

        return end

    def on_end(self, callback: Callable[[], object]) -> None:
        """See RemoteRun."""
        self._on_end.append(callback)
        if self.settled:
            self._loop.call_soon_threadsafe(self._tell_end)

    def close(self) -> None:
        """Ask no more."""
        if not self.closed:
            self.closed = True
            self._loop.call_soon_threadsafe(self._end)

    def _aged(self, now: float) -> Status:
        why = self.lost
        if why is None:
            return self._known
        return self._known.model_copy(
            update={"stale_seconds": now - self._heard_at, "ready": False, "reasons": (f"no news: {why}",)}
        )

    def _pace(self) -> float:
        looked_at = self._waiting or (self._often and SYSTEM_CLOCK.now() - self._looked_at < LOOK_LASTS)
        return LOOKED_AT_SECONDS if looked_at else UNSEEN_SECONDS

    # On the background loop

    async def over(self) -> None:
        """Wait until the run has ended, or is watched no more."""
        self._waiting += 1
        self._wake.set()
        try:
            await self._over.wait()
        finally:
            self._waiting -= 1

    async def look(self) -> Status:
        """Ask now. Raises: RemoteError, Problem."""
        async with self._asking:
            if not self.settled:
                document = await self._line.get("/status")
                self._take(reading.status(document, self._line.url, self._known))
            return self._known

    def ended(self, status: Status) -> None:
        """A report says that the run has ended; its process may be gone before it can be asked once more."""
        if not self.settled:
            self._take(status)

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._watch())

    def _end(self) -> None:
        self._task.cancel()
        self._over.set()
        self._closing = self._loop.create_task(self._line.close())

    async def _watch(self) -> None:
        try:
            while not self.settled:
                pause = await self._ask()
                if not self.settled:
                    self._unseen = pause >= UNSEEN_SECONDS and self._trouble is None
                    await self._sleep(pause)
        finally:
            self._over.set()

    async def _ask(self) -> float:
        """One question. Returns: seconds until the next."""
        try:
            await self.look()
        except BusyError as error:
            return error.seconds
        except (RemoteError, Problem) as error:
            return self._failed(str(error))
        except Exception as error:  # whatever it is, it must not be taken for silence
            return self._failed(f"{type(error).__name__}: {error}")
        return self._pace()

    def _failed(self, said: str) -> float:
        self._trouble = said
        self._failures += 1
        longest = min(FIRST_RETRY * 2 ** min(self._failures, 10), LONGEST_RETRY)
        pause: float = longest * random.uniform(0.5, 1.0)  # noqa: S311 - many who lost it must not come back at once
        return pause

    async def _sleep(self, seconds: float) -> None:
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    def _take(self, status: Status) -> None:
        before = self._known
        if _shape(status) != _shape(before):
            raise UnreachableError(
                f"another graph runs at {self._line.url} now, {status.graph!r} of {len(status.nodes)} nodes: "
                f"attach to it anew"
            )
        self._known, self._heard_at = status, SYSTEM_CLOCK.now()
        self._trouble, self._failures = None, 0
        ended = status.state in _ENDED
        self._tell(before, status)
        if ended:
            self.settled = True
            self._wake.set()
            self._tell_end()

    def _tell_end(self) -> None:
        while self._on_end:
            with suppress(Exception):
                self._on_end.pop(0)()

    def _tell(self, before: Status, status: Status) -> None:
        if not self._observers:
            return
        seen = {id(event) for event in before.events}
        for event in reversed([event for event in status.events if id(event) not in seen]):
            for observer in tuple(self._observers):
                tell(partial(observer, event))


def _shape(status: Status) -> tuple[object, ...]:
    """What a console's frames depend on."""
    return (
        status.graph,
        tuple((node.name, node.role, *node.items_in, None, *node.items_out) for node in status.nodes),
        tuple((edge.source, edge.target) for edge in status.edges),
    )


__all__ = ["Watch"]
