"""A thread that writes what runs have to tell, so that no run waits for a disk, a pipe or a terminal."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.ops.logs.sink import tell_stderr

T = TypeVar("T")

ROOM = 10_000
"""Records that wait at most; one more is counted and forgotten."""
IDLE_SECONDS = 10.0


class Writer(Generic[T]):
    """Records on their way to `write`, which is called on one thread of its own and may block or raise.

    `missing(n)` makes the record which says that n have been lost; it is written where others are written again.
    `idle()` is called on that thread when there has been nothing to write for 10 s, `ended()` at its end.
    """

    def __init__(
        self, name: str, write: Callable[[T], object], missing: Callable[[int], T],
        idle: Callable[[], object], ended: Callable[[], object], *, room: int = ROOM,
    ) -> None:  # fmt: skip
        self._name, self._write, self._missing, self._idle, self._ended = name, write, missing, idle, ended
        self._queue: Queue[T | threading.Event | None] = Queue(room)
        self._waiting = self._no_room = self._refused = self._told = 0
        self._failed = self._closed = False
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._work, name=f"streamweave log to {name}", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Records that could not be written, or for which there was no room."""
        return self._no_room + self._refused

    def put(self, record: T) -> None:
        """Have this written. Never waits; from any thread."""
        with self._guard:
            try:
                self._queue.put_nowait(record)
                self._waiting += 1
            except Full:
                self._no_room += 1

    def flush(self, timeout: float) -> bool:
        """Wait until all that was put before has been written or refused; False if that takes over `timeout` s."""
        reached, until = threading.Event(), SYSTEM_CLOCK.now() + timeout
        if not self._thread.is_alive() or self._thread is threading.current_thread():
            return False
        with contextlib.suppress(Full):
            self._queue.put(reached, timeout=timeout)
            return reached.wait(max(0.0, until - SYSTEM_CLOCK.now()))
        return False

    def close(self, timeout: float) -> None:
        """Write what is left, for at most `timeout` seconds; what cannot be written is told on stderr."""
        self._closed, until = True, SYSTEM_CLOCK.now() + timeout
        if not self._thread.is_alive():
            return
        with contextlib.suppress(Full):
            self._queue.put(None, timeout=timeout)
        if self._thread is not threading.current_thread():
            self._thread.join(max(0.0, until - SYSTEM_CLOCK.now()))
        if self._thread.is_alive():
            left = self._waiting + self.lost - self._told
            tell_stderr(f"the log to {self._name} takes nothing any more; {left} lines are lost")

    def _work(self) -> None:
        while (record := self._next()) is not None:
            if isinstance(record, threading.Event):
                record.set()
            else:
                wrote = self._wrote(record)
                with self._guard:
                    self._waiting -= 1
                if wrote:
                    self._tell_missing()
        self._tell_missing()
        with contextlib.suppress(Exception):
            self._ended()

    def _next(self) -> T | threading.Event | None:
        while True:
            try:
                return self._queue.get(timeout=IDLE_SECONDS)
            except Empty:
                if self._closed:
                    return None
                self._idle()

    def _wrote(self, record: T) -> bool:
        try:
            self._write(record)
        except Exception as error:  # a sink is the user's: whatever it does, the run goes on
            self._refused += 1
            if not self._failed:
                self._failed = True
                tell_stderr(f"the log to {self._name} fails: {error!r}; what it does not take is counted; runs go on")
            return False
        return True

    def _tell_missing(self) -> None:
        if missing := self.lost - self._told:
            with contextlib.suppress(Exception):  # the next time, then
                self._write(self._missing(missing))
                self._told += missing


__all__ = ["ROOM", "Writer"]
