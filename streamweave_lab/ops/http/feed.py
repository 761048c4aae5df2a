"""The events of a run as Server-Sent Events: numbered, kept for a while, and sent from where a client was."""

# Not sse-starlette: importing it changes uvicorn's signal handler for the whole process, in which others may serve.

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.engine.protocol import Run
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.ops.http.plain import encoded

KEPT = 1000
QUIET = 15.0
"""Seconds after which a comment is sent, so that whoever stands between does not end the connection."""


class Feed:
    """The newest events of one run. Numbers rise by one, and are higher than those of any earlier server."""

    def __init__(self, run: Run) -> None:
        self._next = int(SYSTEM_CLOCK.wall() * 1e6)
        self._kept: deque[tuple[int, EventStatus]] = deque(maxlen=KEPT)
        self._waiting: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        arrived: list[EventStatus] = []
        self._take: Callable[[EventStatus], None] = arrived.append
        self._leave = run.observe(lambda event: self._take(event))
        for event in reversed(run.status().events):
            self._keep(event)
        known = {id(event) for _, event in self._kept}
        self._take = self._keep
        for event in arrived:  # while the earlier ones were looked up
            if id(event) not in known:
                self._keep(event)

    @property
    def readers(self) -> int:
        """How many read on at the moment."""
        return len(self._waiting)

    @property
    def newest(self) -> int:
        """The number of the newest event."""
        return self._next - 1

    def close(self) -> None:
        """End every stream. From any thread."""
        self._closed = True
        self._leave()
        self._wake()

    async def stream(self, after: int) -> AsyncIterator[bytes]:
        """The events after number `after`, and then each as it happens, as long as somebody reads."""
        self._loop = asyncio.get_running_loop()
        news = asyncio.Event()
        self._waiting.add(news)
        after = min(after, self.newest)
        try:
            yield b": the events of a run; Last-Event-ID resumes, and 0 begins with the oldest that is kept\n\n"
            while not self._closed:
                news.clear()
                for number, event in self._since(after):
                    if 0 < after < number - 1:
                        yield b": events before this are not kept any more\n\n"
                    after = number
                    yield _block(number, event)
                if not await _within(QUIET, news):
                    yield b": quiet\n\n"
        finally:
            self._waiting.discard(news)

    def _since(self, after: int) -> list[tuple[int, EventStatus]]:
        return [kept for kept in self._kept.copy() if kept[0] > after]

    def _keep(self, event: EventStatus) -> None:
        self._kept.append((self._next, event))
        self._next += 1
        self._wake()

    def _wake(self) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the server's loop has ended
                self._loop.call_soon_threadsafe(self._news)

    def _news(self) -> None:
        for waiting in self._waiting:
            waiting.set()


async def _within(seconds: float, news: asyncio.Event) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await news.wait()
    return False


def _block(number: int, event: EventStatus) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (number, event.event.encode(), encoded(event))


__all__ = ["Feed"]
