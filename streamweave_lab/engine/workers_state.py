"""A Map with workers: batches travel to threads or processes and leave in the order they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from streamweave_lab.engine.async_state import AsyncState
from streamweave_lab.engine.pool import DEPTH, Lane, Parcel, ProcessLane, Program
from streamweave_lab.graph.batch import Batch
from streamweave_lab.operators.each import Map

if TYPE_CHECKING:
    from streamweave_lab.engine.core import Core

PARCEL_SECONDS = 0.01
"""Worth of work in a parcel: much more than a parcel's own cost, and soon back."""
LARGEST_PARCEL = 1024
_MOST_SLOTS = 4096
_SECONDS_BETWEEN_LOSSES = 1.0


class _Slot:
    """A batch in flight. A worker is given several at once where they are small."""

    __slots__ = ("batch", "came", "done", "error", "failed", "mark", "out")

    def __init__(self, batch: Batch, came: float) -> None:
        self.batch, self.came = batch, came
        self.done = False
        self.mark = self.error = None
        self.out: list[Any] = []
        self.failed: list[tuple[int, Exception]] = []


class WorkersState(AsyncState):
    """What is in flight is bounded: `DEPTH` parcels a worker, as many again that wait, are done, or have no room.

    Marks and barriers are as for any node that awaits: they pass once everything before them has left.
    """

    def __init__(self, core: Core, index: int, node: Map[Any, Any]) -> None:
        super().__init__(core, index, node)
        node.awaits = True  # the copy of this run; the drawn node does not, so that run_to_end() needs no loop
        assert node.workers is not None  # noqa: S101 - or this would be a plain NodeState
        self.map, self.count = node, node.workers
        node.concurrency = DEPTH * self.count * LARGEST_PARCEL
        self.lanes: list[Lane] = []
        self.size = 1
        """Items of a parcel: as many as take PARCEL_SECONDS."""
        self.inside = 0
        """Items taken in and not sent on."""
        self._program: Program | None = None
        self._told_at: float | None = None
        self._leaving = False

    def room(self) -> int:
        """How many more items may be taken in."""
        if len(self.slots) >= _MOST_SLOTS:
            return 0
        return min(self.size, 2 * DEPTH * self.count * self.size - self.inside)

    def in_slots(self) -> int:
        """Items that were taken in and have neither left nor wait for room. From any thread."""
        return self.inside

    def can_run(self) -> bool:
        """A result can leave, an item can be taken in, or the last worker has gone."""
        if self._leaving and self.lanes:
            return False
        return super().can_run()

    def hand_out(self, port: str, batch: Batch) -> None:
        """Let the workers have the items."""
        if not self.lanes:
            self._open_lanes(asyncio.get_running_loop())
        if self._program is None or self._program.logic is not self.map.logic:
            self._program = Program(self.map.logic, self.map.on == "processes")
        slot: Any = _Slot(batch, self.core.clock.now())
        self.slots.append(slot)
        self.todo.append(slot)
        self.inside += len(batch.items)
        self._dispatch()

    def wake(self) -> None:
        """The run goes on after a pause, in which no work is begun."""
        self._dispatch()

    def cancel(self) -> None:
        """End the workers that are left; what they had in flight stays counted in `holds`."""
        super().cancel()
        for lane in self.lanes:
            lane.kill()
        for lane in self.lanes:
            lane.await_death()
        self.lanes = []

    # What lanes report, on the loop

    def came_back(self, lane: Lane, parcel: Parcel) -> None:
        """Results are there."""
        lane.given -= 1
        self.in_flight -= 1
        if parcel.seconds is not None:
            fits = int(PARCEL_SECONDS * len(parcel.items) / parcel.seconds) if parcel.seconds > 0 else LARGEST_PARCEL
            self.size = max(1, min(LARGEST_PARCEL, fits, self.size * 2))
        _unpack(parcel)
        self._dispatch()
        self.core.touch(self.bit)

    def lost(self, message: str) -> None:
        """A worker process has died, and another takes its place: at most one event a second."""
        self.map.workers_lost += 1
        now = self.core.clock.now()
        if self._told_at is None or now - self._told_at >= _SECONDS_BETWEEN_LOSSES:
            self._told_at = now
            said = f"{message} ({self.map.workers_lost} lost so far)"
            self.core.tell("node.worker_lost", said, level="warning", node=self.node.name)

    def unfit(self, error: BaseException) -> None:
        """A worker cannot do the work at all."""
        self.core.fail(self.node.name, None, error)

    def gone(self, lane: Lane) -> None:
        """A worker has ended."""
        if lane in self.lanes:
            self.lanes.remove(lane)
            self.core.touch(self.bit)

    # Inside

    def _open_lanes(self, loop: asyncio.AbstractEventLoop) -> None:
        kind = ProcessLane if self.map.on == "processes" else Lane
        self.lanes = [kind(self.node.name, _OnLoop(self, loop)) for _ in range(self.count)]
        for lane in self.lanes:
            lane.start()

    def _dispatch(self) -> None:
        while self.todo and not self.core.paused and not self._cancelled:
            lane = min(self.lanes, key=lambda lane: lane.given)
            if lane.given >= DEPTH:
                return
            lane.given += 1
            self.in_flight += 1
            lane.give(self._packed())

    def _packed(self) -> Parcel:
        assert self._program is not None  # noqa: S101 - made before there was anything to do
        todo: deque[Any] = self.todo
        slots = [todo.popleft()]
        items = slots[0].batch.items
        while todo and len(items) + len(todo[0].batch.items) <= self.size:
            slots.append(todo.popleft())
            items = items + slots[-1].batch.items
        return Parcel(self._program, slots, items)

    def _send(self, ready: list[Any]) -> None:
        self.taken = sum(len(slot.batch.items) for slot in ready)
        self.inside -= self.taken
        for slot in ready:
            batch, times = slot.batch, slot.batch.times
            if times is not None and slot.failed:
                gone = {place for place, _ in slot.failed}
                times = [time for place, time in enumerate(times) if place not in gone]
            self.send("out", slot.out, times)
            self.taken -= len(slot.out)
            for place, error in slot.failed:
                self.refuse(batch.items[place], error, None if batch.times is None else batch.times[place])
                self.taken -= 1

    def _end(self) -> None:
        """Ended is who has no worker any more."""
        if not self.lanes:
            super()._end()
        elif not self._leaving:
            self._leaving = True
            for lane in self.lanes:
                lane.close()


class _OnLoop:
    """Brings what lanes report in their threads to the loop."""

    def __init__(self, state: WorkersState, loop: asyncio.AbstractEventLoop) -> None:
        self._state, self._loop = state, loop

    def deaf(self) -> bool:
        return self._loop.is_closed()

    def came_back(self, lane: Lane, parcel: Parcel) -> None:
        self._call(self._state.came_back, lane, parcel)

    def lost(self, message: str) -> None:
        self._call(self._state.lost, message)

    def unfit(self, error: BaseException) -> None:
        self._call(self._state.unfit, error)

    def gone(self, lane: Lane) -> None:
        self._call(self._state.gone, lane)

    def _call(self, callback: Callable[..., None], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop has been closed: the run is over, and nobody listens
            self._loop.call_soon_threadsafe(callback, *args)


def _unpack(parcel: Parcel) -> None:
    """Give every slot its part of what came back."""
    results, failed, begin = iter(parcel.out), deque(parcel.failed), 0
    for slot in parcel.slots:
        end = begin + len(slot.batch.items)
        while failed and failed[0][0] < end:
            place, error = failed.popleft()
            slot.failed.append((place - begin, error))
        slot.out = [next(results) for _ in range(end - begin - len(slot.failed))]
        slot.done, begin = True, end
