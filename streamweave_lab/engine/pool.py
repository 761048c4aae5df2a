"""Workers of one node: lanes, each a thread that calls the function or has a process of its own call it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.engine.worker_process import UnreadableError, WorkerGoneError, WorkerProcess
from streamweave_lab.errors import WorkerLostError
from streamweave_lab.operators.function import watched
from streamweave_lab.operators.parallel import as_bytes
from streamweave_lab.operators.worker import call_each

DEPTH = 2
"""Parcels a lane has at once, so that a worker need not wait for the next one."""
_IDLE_SECONDS = 0.5
_STOP_SECONDS = 1.0


class Program:
    """A function, and the same as bytes where it must travel."""

    def __init__(self, logic: Callable[[Any], Any], travels: bool) -> None:
        self.logic = logic
        self.watched = watched("Map", logic)
        self.body = as_bytes(logic) if travels else b""


class Parcel:
    """Items on their way through a lane, and what became of them."""

    __slots__ = ("failed", "items", "out", "program", "seconds", "slots", "suspect")

    def __init__(self, program: Program, slots: list[Any], items: list[Any]) -> None:
        self.program, self.slots, self.items = program, slots, items
        self.out: list[Any] = []
        self.failed: list[tuple[int, Exception]] = []
        self.seconds: float | None = None
        """What the work took; None where that says nothing about other parcels."""
        self.suspect = False
        """A worker died over it: one item at a time from here on."""


_NO_MORE = Parcel(Program(repr, travels=False), [], [])
"""Behind the last parcel of a lane."""


class Owner(Protocol):
    """Who hears of a lane, in the lane's thread; the callbacks must not wait."""

    def deaf(self) -> bool:
        """Nobody is there to hear any more, as where a loop was closed with the run still on it."""

    def came_back(self, lane: Lane, parcel: Parcel) -> None:
        """A parcel is done."""

    def lost(self, message: str) -> None:
        """A worker process has died."""

    def unfit(self, error: BaseException) -> None:
        """The lane cannot go on at all."""

    def gone(self, lane: Lane) -> None:
        """Nothing is left of the lane but the last breath of its thread."""


class Lane(threading.Thread):
    """One worker. This one calls the function in its own thread."""

    def __init__(self, name: str, owner: Owner) -> None:
        super().__init__(name=f"worker of {name}", daemon=True)
        self.node, self.owner = name, owner
        self.given = 0
        """Parcels it has now; for the owner to count."""
        self._todo: SimpleQueue[Parcel] = SimpleQueue()
        self._stopped = False

    def give(self, parcel: Parcel) -> None:
        """Put a parcel behind those it has."""
        self._todo.put(parcel)

    def close(self) -> None:
        """End once everything given is done."""
        self._todo.put(_NO_MORE)

    def kill(self) -> None:
        """End now. A thread cannot be made to: it ends after what it is at."""
        self._stopped = True
        self._todo.put(_NO_MORE)

    def await_death(self) -> None:
        """Wait a moment for what `kill` has ended."""

    def run(self) -> None:
        """Work until there is nothing more to come."""
        try:
            self._work()
        except BaseException as error:
            if not self._stopped:
                self.owner.unfit(error)
        finally:
            self._leave()
            self.owner.gone(self)

    def _work(self) -> None:
        while (parcel := self._next(wait=True)) is not _NO_MORE:
            if parcel is None:
                continue
            began = SYSTEM_CLOCK.now()
            parcel.out, parcel.failed = call_each(parcel.program.watched, parcel.items)
            parcel.seconds = SYSTEM_CLOCK.now() - began
            self.owner.came_back(self, parcel)

    def _next(self, *, wait: bool) -> Parcel | None:
        """The next parcel; None if there is none in a while, or none now where it need not `wait`."""
        if self._stopped or self.owner.deaf():
            return _NO_MORE
        try:
            return self._todo.get(block=wait, timeout=_IDLE_SECONDS)
        except Empty:
            return None

    def _leave(self) -> None:
        pass


class ProcessLane(Lane):
    """One worker process after the other: where one dies the next one takes its place.

    Only this lane writes to its process, so it knows exactly which items a dead one had. The oldest parcel is the
    one it died over; those behind it were not begun.
    """

    def __init__(self, name: str, owner: Owner) -> None:
        super().__init__(name, owner)
        self._process = WorkerProcess()
        self._had: deque[Parcel] = deque()
        """Parcels taken on, the oldest first."""
        self._sent = 0
        """How many of them the process that is there now has."""

    def kill(self) -> None:
        """End the process, whatever it is at."""
        super().kill()
        self._process.kill()

    def await_death(self) -> None:
        """Wait a moment until process and thread have gone; a process that was killed takes milliseconds."""
        self.join(_STOP_SECONDS)

    def _work(self) -> None:
        while self._take_on():
            if not self._had:
                self._process.replace_if_dead(self._lost)
                continue
            parcel = self._had[0]
            try:
                if parcel.suspect:
                    self._one_by_one(parcel)
                else:
                    self._whole(parcel)
            except WorkerGoneError as gone:
                if self._stopped:
                    return
                self._lost(gone, f"it had {len(parcel.items)} items, and each is tried again in a new one")
                self._sent, parcel.suspect = 0, True
                continue
            except UnreadableError:
                # Some item or result cannot travel: one at a time shows which, in a process with nothing else to say.
                if self._sent > 1:
                    self._process.discard()
                self._sent, parcel.suspect = 0, True
                continue
            self._had.popleft()
            self.owner.came_back(self, parcel)

    def _take_on(self) -> bool:
        """Take what is there, and wait for it only with nothing else to do. False at the end."""
        while len(self._had) < DEPTH:
            parcel = self._next(wait=not self._had)
            if parcel is _NO_MORE:
                return False
            if parcel is None:
                break
            self._had.append(parcel)
        return True

    def _whole(self, parcel: Parcel) -> None:
        for each in islice(tuple(self._had), self._sent, None):
            if each.suspect or each.program is not parcel.program:
                break
            if not self._dispatch(each):
                break
            self._sent += 1
        parcel.out, parcel.failed, parcel.seconds = self._process.outcome()
        self._sent -= 1

    def _dispatch(self, parcel: Parcel) -> bool:
        """Send a parcel. False if some item of it cannot travel, and it is not the one that is due."""
        try:
            self._process.send(parcel.program, parcel.items)
        except UnreadableError:
            parcel.suspect = True
            if self._had[0] is parcel:
                raise
            return False
        return True

    def _one_by_one(self, parcel: Parcel) -> None:
        parcel.out, parcel.failed, parcel.seconds = [], [], None
        for place, item in enumerate(parcel.items):
            try:
                self._process.send(parcel.program, [item])
                out, failed, _ = self._process.outcome()
                parcel.out += out
                parcel.failed += [(place, error) for _, error in failed]
            except UnreadableError as unreadable:
                parcel.failed.append((place, unreadable.error))
            except WorkerGoneError as gone:
                if self._stopped:
                    raise
                self._lost(gone, "the item it had is refused")
                parcel.failed.append((place, WorkerLostError(self.node, gone.how)))

    def _lost(self, gone: WorkerGoneError, had: str = "it had no items, and a new one takes its place") -> None:
        self.owner.lost(f"{self.node}: a worker process (pid {gone.pid}) {gone.how}; {had}")

    def _leave(self) -> None:
        with suppress(WorkerGoneError):
            self._process.end(at_once=self._stopped or self.owner.deaf())
