"""Places in stores behind a URL, where nothing can be locked: a note that is renewed, and looked at before each write.

What that is worth: a second run is refused while the first shows signs of life, and one whose place has gone to
another keeps nothing any more. Two that come in the very same instant, or clocks that differ by a minute, can both
have their way once; the next checkpoint of one of them is refused then.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Event, Lock, Thread
from typing import Protocol
from weakref import ref

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.errors import StoreHeldError
from streamweave_lab.state.place import Holder, Place, Write, process_of
from streamweave_lab.state.store import Checkpoint, Info

LEASE = 60.0
"""Seconds without a sign of life after which a place is free."""
RENEWED = 15.0
"""Seconds between two signs of life."""


class Notes(Protocol):
    """Small files beside the checkpoints. Each raises OSError."""

    def read(self, path: str) -> bytes | None:
        """What is in it; None if it is not there."""

    def note(self, path: str, content: bytes) -> None:
        """Write it, over what is there."""

    def forget(self, path: str) -> None:
        """Delete it; harmless if it is not there."""


class RemotePlace(Place):
    """Held by the note `name`, renewed by a thread for as long as the run is alive, or still writes."""

    def __init__(
        self, notes: Notes, name: str, graph: str, what: str, write: Write, withdraw: Callable[[int], None],
        alive: Callable[[], bool],
    ) -> None:  # fmt: skip
        super().__init__(f"{what} {name}", graph, what, write, alive)
        self._notes, self._name, self._withdraw = notes, name, withdraw
        self._over = Event()
        self._noting = Lock()

    def __del__(self) -> None:
        self._over.set()

    def leave(self) -> None:
        """Let others have it, as at any place; in a thread, for the network may take its time and a loop has none."""
        self._left = True
        Thread(target=super().leave, name=f"leaving the place of {self.graph}").start()

    def _take(self) -> None:
        if (held := self._taken()) is not None:
            raise held from BlockingIOError(self.where)
        self._notes.note(self._name, self.me.written())
        self._check()  # another may have come in the same instant
        Thread(target=_renew, args=(ref(self), self._over), name=f"place of {self.graph}", daemon=True).start()

    def _taken(self) -> StoreHeldError | None:
        there = self._holder()
        if there is None or not self._is_alive(there):
            return None
        return self.held_by(
            there, f"if that process has died, its place is free {LEASE:g} s after its last sign of life"
        )

    def _holder(self) -> Holder | None:
        return Holder.read(self._notes.read(self._name))

    def _is_alive(self, other: Holder) -> bool:
        if other.host == self.me.host and _namespace(other) == _namespace(self.me) != "":
            if other.pid == os.getpid() and other.process == self.me.process:
                here = Place._here.get(self.where)
                return here is not None and here.me.token == other.token
            if process_of(other.pid) != other.process:
                return False
        return other.seen + LEASE > SYSTEM_CLOCK.wall()

    def _check(self) -> None:
        there = self._holder()
        if there is None or there.token != self.me.token:
            raise self.lost(there)

    def _written(self, checkpoint: Checkpoint) -> Info:
        info = self._store_write(checkpoint)
        try:
            self._check()
        except Exception:  # lost while it was written, or nobody knows
            self._withdraw(info.id)
            raise
        return info

    def _release(self) -> None:
        with self._noting:
            if self._over.is_set():
                return
            self._over.set()
            there = self._holder()
            if there is not None and there.token == self.me.token:
                self._notes.forget(self._name)

    def _renewed(self) -> bool:
        """Show a sign of life, also while a write takes long; False if the place is nobody's or another's now."""
        if not self._alive():
            super().leave()  # this is a thread
        with self._noting:
            if self._over.is_set():
                return False
            there = self._holder()
            if there is None or there.token != self.me.token:
                self.is_lost = True
                return False
            self._notes.note(self._name, replace(self.me, seen=SYSTEM_CLOCK.wall()).written())
            return True


def _namespace(holder: Holder) -> str:
    return holder.process.partition(" ")[0]


def _renew(place: ref[RemotePlace], over: Event) -> None:
    while not over.wait(RENEWED):
        held = place()
        if held is None:
            return
        with suppress(OSError):  # the network may come back
            if not held._renewed():
                return
        del held
