"""Nodes whose logic must be awaited: long-lived workers, a bound on what is in flight, results in order."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING, Any

from streamweave_lab.engine.node_state import BLOCKED, BUSY, Activity, NodeState
from streamweave_lab.graph.batch import Barrier, Batch, Watermark
from streamweave_lab.graph.node import Node

if TYPE_CHECKING:
    from streamweave_lab.engine.channel import Channel
    from streamweave_lab.engine.core import Core


class _Slot:
    """An item in flight, or a mark that waits until everything before it has left."""

    __slots__ = ("came", "done", "error", "item", "mark", "result", "time")

    def __init__(
        self, item: Any, time: float | None, mark: tuple[Channel, Watermark | Barrier] | None = None, came: float = 0.0
    ) -> None:
        self.item, self.time, self.mark, self.came = item, time, mark, came
        self.result: Any = None
        self.error: Exception | None = None
        self.done = mark is not None


class AsyncState(NodeState):
    """At most `concurrency` items are awaited at any moment; as many again wait for a worker.

    A barrier lets nothing past it in until everything before it is done.
    """

    def __init__(self, core: Core, index: int, node: Node) -> None:
        super().__init__(core, index, node)
        self.slots: deque[_Slot] = deque()
        """In order of arrival; what is here has been received and has not been sent."""
        self.todo: deque[_Slot] = deque()
        self.in_flight = 0
        self.bound = 2 * node.concurrency
        self.closing = self._cancelled = False
        self._at_work = False
        self._work_since = 0.0
        self.process = self.hand_out
        self._finished_slots: list[_Slot] = []
        self._sleeping: deque[asyncio.Future[None]] = deque()
        self.workers: list[asyncio.Task[None]] = []

    def assess(self) -> Activity:
        """Busy while something is in flight; blocked while results wait for room."""
        with_workers = bool(self.in_flight or self.todo)
        if with_workers and not self.finished and not self._can_step():
            activity = BUSY if self.has_room() else BLOCKED
        else:
            activity = super().assess()
        if self._at_work is not (with_workers and activity is BUSY):
            self.clock_work(self.core.clock.now())
            self._at_work = not self._at_work
        return activity

    def clock_work(self, now: float) -> None:
        """Account for the time that its workers had items; results had room, and the run was not paused."""
        self.run_seconds, self._work_since = self.run_seconds + self._worked(now), now

    def seconds_run(self, now: float) -> float:
        """As of any node; and the time in which its workers had items."""
        return super().seconds_run(now) + self._worked(now)

    def _worked(self, now: float) -> float:
        return max(0.0, now - self._work_since) if self._at_work and not self.core.paused else 0.0

    def can_run(self) -> bool:
        """A result can leave, or an item can be taken in."""
        if any(channel.waiting for channel in self.out_channels):
            return self._some_wait_can_end()
        return not self.ended and (self.finished or (self._can_step() and self.has_room()))

    def _can_step(self) -> bool:
        return self._can_flush() or (self.room() > 0 and not self.closing and super().has_input())

    def has_input(self) -> bool:
        """A result can leave, or an item can be taken in."""
        return self._can_step()

    @property
    def holds(self) -> int:
        """Items in flight or waiting for a worker, and results that wait for room."""
        return self.in_slots() + super().holds

    def in_slots(self) -> int:
        """Items that were taken in and have neither left nor wait for room. From any thread."""
        sink = "out" not in self.outs
        return sum(slot.mark is None and not (sink and slot.done and slot.error is None) for slot in tuple(self.slots))

    def oldest(self, now: float) -> float | None:
        """For how many seconds it has had the item that has been in flight longest. From any thread."""
        try:
            first = self.slots[0]
        except IndexError:
            return None
        return None if first.done else max(0.0, now - first.came)

    def step(self) -> int:
        """Send the results that are there, then take in as many items as there is room for in flight."""
        if self._at_work:  # its turn is counted by itself
            self.clock_work(self.core.turn_began)
            self._at_work = False
        if self.finished or any(channel.waiting for channel in self.out_channels):
            return super().step()
        if self._can_flush():
            self._flush()
            return 0
        self.limit = self.room()
        return super().step()

    def room(self) -> int:
        """How many more items may be taken in."""
        return self.bound - len(self.slots)

    def hand_out(self, port: str, batch: Batch) -> None:
        """Hand the items to the workers."""
        if not self.workers:
            loop = asyncio.get_running_loop()
            self.workers = [loop.create_task(self._work(), name=self.node.name) for _ in range(self.node.concurrency)]
        times = batch.times or [None] * len(batch.items)  # type: ignore[list-item]
        now = self.core.clock.now()
        slots = [_Slot(item, time, None, now) for item, time in zip(batch.items, times, strict=True)]
        self.slots.extend(slots)
        self.todo.extend(slots)
        self._wake(len(slots))

    def mark(self, channel: Channel, mark: Watermark | Barrier) -> None:
        """A mark passes once everything before it has left."""
        if not self.slots:
            super().mark(channel, mark)
            return
        self.closing = self.closing or isinstance(mark, Barrier)
        self.slots.append(_Slot(None, None, (channel, mark)))

    def wake(self) -> None:
        """The run goes on after a pause, in which no work is begun."""
        self._wake(len(self._sleeping))

    def cancel(self) -> None:
        """End the workers; what they had in flight stays counted in `holds`."""
        super().cancel()
        self._cancelled = True
        for worker in self.workers:
            worker.cancel()

    async def _work(self) -> None:
        work, todo = self.node.work, self.todo
        loop = asyncio.get_running_loop()
        while not self._cancelled:
            while not todo or self.core.paused:
                sleeper = loop.create_future()
                self._sleeping.append(sleeper)
                await sleeper
            slot = todo.popleft()
            self.in_flight += 1
            try:
                slot.result = await work(slot.item)
            except asyncio.CancelledError:
                if self._cancelled:
                    raise
                slot.error = RuntimeError("the work on this item was cancelled from inside")
            except Exception as error:
                slot.error = error
            except BaseException as error:
                self.core.fail(self.node.name, slot.item, error)
                raise
            self.in_flight -= 1
            slot.done = True
            self._finished_slots.append(slot)
            self.core.touch(self.bit)

    def _can_flush(self) -> bool:
        if not self.slots:
            return False
        return self.slots[0].done or (not self.node.ordered and bool(self._finished_slots))

    def _flush(self) -> None:
        """Send finished results: in order up to the first that is not done, or all of them."""
        ready: list[_Slot] = []
        slots = self.slots
        if self.node.ordered:
            while slots and slots[0].done and slots[0].mark is None:
                ready.append(slots.popleft())
        else:
            ready = self._finished_slots
            gone = set(map(id, ready))
            self.slots = slots = deque(slot for slot in slots if id(slot) not in gone)
        self._finished_slots = []
        self._send(ready)
        while slots and (waiting := slots[0].mark) is not None:
            slots.popleft()
            self.closing = any(isinstance(s.mark[1], Barrier) for s in slots if s.mark)
            self.marking = True
            super().mark(*waiting)
            self.marking = False

    def _send(self, ready: list[_Slot]) -> None:
        refused = [slot for slot in ready if slot.error is not None]
        if "out" in self.outs:
            good = [slot for slot in ready if slot.error is None]
            for timed, slots in groupby(good, lambda slot: slot.time is not None):
                results, times = zip(*((slot.result, slot.time) for slot in slots), strict=True)
                self.send("out", list(results), list(times) if timed else None)
        self.taken = len(refused)
        for slot in refused:
            assert slot.error is not None  # noqa: S101 - that is what `refused` means
            self.refuse(slot.item, slot.error, slot.time)
            self.taken -= 1

    def _wake(self, workers: int) -> None:
        for _ in range(min(workers, len(self._sleeping))):
            sleeper = self._sleeping.popleft()
            if not sleeper.done():
                sleeper.set_result(None)
