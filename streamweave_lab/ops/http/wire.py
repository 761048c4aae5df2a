"""The connections of a server: who is slow is cut off, and there is an end to how many there are."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from streamweave_lab.ops.http.app import LOG
from streamweave_lab.ops.http.limits import Limits
from streamweave_lab.ops.http.plain import encoded
from streamweave_lab.ops.http.problems import Problem

_CROWDED = encoded(
    Problem(503, "connections", "there are too many connections; close some, or ask again after 1 s").document()
)
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
    b"Content-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n%b"
) % (len(_CROWDED), _CROWDED)
_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

_SPOKEN = {
    "http": "This server speaks HTTP without TLS: ask for http://, or serve it with certfile=.",
    "https": "This server speaks HTTP 1.1 over TLS.",
    None: "",
}


def protocol(limits: Limits) -> type[asyncio.Protocol]:
    """The protocol of uvicorn over h11, within `limits`; without them it waits for a slow client without end."""

    class Wire(H11Protocol):
        _reading: asyncio.TimerHandle | None = None
        _writing: asyncio.TimerHandle | None = None
        _since = 0.0
        """When it was made, or was last answered."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.logger, self.access_log = LOG, False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            # asyncio does so only for sockets that say that they are TCP, which one that was accepted need not. Without
            # it the second part of an answer waits for the acknowledgement of the first: 40 ms, as long as a probe may.
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._since = self.loop.time()
            if not self._has_room():
                self._cut(_FULL)
                return
            self._reading = self.loop.call_later(limits.read_seconds, self._cut, _LATE)

        def connection_lost(self, exc: Exception | None) -> None:
            self._reading = self._cancelled(self._reading)
            self._writing = self._cancelled(self._writing)
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self._reading is None and self._incomplete():
                self._reading = self.loop.call_later(limits.read_seconds, self._cut, _LATE)
            super().data_received(data)
            if not self._incomplete():
                self._reading = self._cancelled(self._reading)

        def pause_writing(self) -> None:
            super().pause_writing()
            if self._writing is None:
                self._writing = self.loop.call_later(limits.write_seconds, self._cut, b"")

        def resume_writing(self) -> None:
            super().resume_writing()
            self._writing = self._cancelled(self._writing)

        def send_400_response(self, msg: str) -> None:
            super().send_400_response(f"{msg} {_SPOKEN[self.scheme]}")

        def on_response_complete(self) -> None:
            self._since = self.loop.time()
            super().on_response_complete()

        def _has_room(self) -> bool:
            """Beyond the limit who has long been silent makes room: a probe is answered whoever else holds on."""
            wires = [each for each in self.connections if isinstance(each, Wire) and each is not self]
            others = [each for each in wires if not each.transport.is_closing()]
            if len(others) < limits.connections:
                return True
            silent = [each for each in others if each._incomplete() or each._writing is not None]
            if silent:
                oldest = min(silent, key=lambda each: each._since)
                oldest._cut(_FULL if oldest.cycle is None else b"")
            return bool(silent)

        def _incomplete(self) -> bool:
            """A request is awaited, or has not arrived whole."""
            return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

        def _cut(self, words: bytes) -> None:
            if self.transport.is_closing():
                return
            if words and (self.cycle is None or self.cycle.response_complete or not self.cycle.response_started):
                self.transport.write(words)
                self.transport.close()
                self.loop.call_later(1.0, self.transport.abort)
            else:
                self.transport.abort()

        @staticmethod
        def _cancelled(timer: asyncio.TimerHandle | None) -> None:
            if timer is not None:
                timer.cancel()

    return Wire


__all__ = ["protocol"]
