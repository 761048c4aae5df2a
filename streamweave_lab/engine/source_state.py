"""Sources in a run: those that are polled, and those whose items must be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from streamweave_lab.engine.actor import nobody_asks
from streamweave_lab.engine.node_state import IDLE, LARGEST_BATCH, NodeFailed, NodeState
from streamweave_lab.engine.stamping import Stamper, Untimely
from streamweave_lab.graph.batch import Barrier, Batch, Failure, Watermark
from streamweave_lab.graph.source import END, AsyncSource, Source, Wait

if TYPE_CHECKING:
    from streamweave_lab.engine.core import Core
    from streamweave_lab.engine.kept import Kept
    from streamweave_lab.engine.surroundings import Alarm

_LARGEST_POLL = LARGEST_BATCH
_SHORTEST_WAIT = 1e-6
"""Seconds. A wait that is lost in rounding would let virtual time stand still."""
_EMPTY_SECONDS = 0.001
"""How long a source is left alone that answers with an empty list; virtual time would stand still without it."""


class SourceState(NodeState):
    """A source that is polled in its turn, whenever its outputs have room and it has not asked to wait."""

    def __init__(self, core: Core, index: int, node: Source[Any]) -> None:
        super().__init__(core, index, node)
        self.source = node
        if node.pauses:
            node.clock = core.held_clock
        self.stamper = Stamper(node.time, node.lag, core.granularity)
        self.wait_until: float | None = None
        self.quiet_since = core.clock.now()
        self._alarms: dict[str, Alarm] = {}

    def has_input(self) -> bool:
        """There may be items now."""
        return self.wait_until is None and not self.finished

    def opened(self) -> None:
        """The run begins."""
        if self.source.time is None:
            self._mark_all(Watermark(None))
        elif self.source.idle_after is not None:
            self._watch_for_idleness()

    def step(self) -> int:
        """Bring in what is there."""
        for channel in self.out_channels:
            if channel.waiting:
                self._settle_waiting()
                return 0
        if self.finished:
            self._end()
            return 0
        room = min((channel.capacity - channel.queued for channel in self.out_channels), default=_LARGEST_POLL)
        answer = self.source.poll(min(self.limit, room, _LARGEST_POLL))
        if answer and isinstance(answer, list):
            self.deliver(answer)
            return len(answer)
        if isinstance(answer, Wait | list):
            self._wait(answer.seconds if isinstance(answer, Wait) else _EMPTY_SECONDS)
            self._look_for_idleness()
        elif answer is END:
            self.core.tell("source.ended", f"{self.node.name} has no more items", node=self.node.name)
            self.inject(Barrier(self.core.epoch, last=True))
        else:
            raise TypeError(f"{self.node.kind}.poll must return a list, Wait(seconds) or END, not {answer!r}")
        return 0

    def deliver(self, items: list[Any]) -> None:
        """Stamp and send items."""
        if not items:
            return
        core, out = self.core, self.outs["out"]
        self.quiet_since, self.taken = core.clock.now(), len(items)
        if self.idle:
            # Before the items: they would be late where the frontier goes on without this source.
            self.idle = False
            self._mark_all(Watermark(self.promised))
        if self.source.time is None:
            batch = Batch(items)
            for channel in out:
                channel.put(batch)
        else:
            self._deliver_stamped(items)
        self.items_out["out"] += len(items)
        self.taken = 0
        for channel in out:
            core.touched |= channel.receiver_bit

    def _deliver_stamped(self, items: list[Any]) -> None:
        try:
            for entry in self.stamper.stamp(items):
                if type(entry) is Watermark:
                    assert entry.time is not None  # noqa: S101 - a stamper is never idle
                    self.frontier = self.promised = max(self.frontier, entry.time)
                    self._mark_all(entry)
                else:
                    for channel in self.outs["out"]:
                        channel.put(entry)
        except Untimely as untimely:
            raise NodeFailed(Failure(self.node.name, untimely.item, untimely.error)) from untimely.error
        self.newest = self.stamper.newest

    def inject(self, barrier: Barrier) -> None:
        """Send a barrier between two batches; after the last one this source brings nothing more."""
        if self.finished:
            return
        self.node.flush()
        if barrier.last:
            if self.newest > self.promised and not barrier.suspend:
                self.frontier = self.promised = self.newest
                self._mark_all(Watermark(self.newest))
            self.core.keep_final(self)
            self._mark_all(barrier)
            self.finished = True
        else:
            if barrier.config is not None:
                self.node.configure(barrier.config)
            if barrier.snapshot:
                self.core.keep(self)
            self._mark_all(barrier)
            self.core.confirmed(self.index, barrier.epoch)
        self.wait_until = None
        self.core.touched |= self.bit

    def rest(self) -> None:
        """It gets no turn until it begins again."""

    def begin_again(self, kept: Kept | None) -> None:
        """Open the source anew where it was, of which `kept` tells."""
        super().begin_again(kept)
        if kept is not None and kept.state is None and kept.position:
            self.source.seek(kept.position)
        self.wait_until = None

    def ask_again(self) -> None:
        """Poll before the time the source has asked to wait for."""
        self.wait_until = None
        self.core.touched |= self.bit

    def cancel(self) -> None:
        """Ask for nothing more."""
        super().cancel()
        for alarm in self._alarms.values():
            alarm.cancel()

    def _wait(self, seconds: float) -> None:
        self.wait_until = due = self.core.clock.now() + max(_SHORTEST_WAIT, seconds)
        self._call_at("due", due, self._due)

    def _call_at(self, what: str, when: float, callback: Callable[[], None]) -> None:
        """Call back at `when`, and not as well at an earlier time that was set for the same purpose."""
        if earlier := self._alarms.get(what):
            earlier.cancel()
        self._alarms[what] = self.core.host.call_at(when, callback)

    def _due(self) -> None:
        if self.wait_until is not None and self.core.clock.now() >= self.wait_until - 1e-6:
            self.wait_until = None
            self.core.touch(self.bit, hurry=True)

    def _watch_for_idleness(self) -> None:
        after = self.source.idle_after
        if after is None or self.finished:
            return
        self._look_for_idleness()
        quiet = self.core.clock.now() - self.quiet_since
        again = max(_SHORTEST_WAIT, after - quiet) if quiet < after else after
        self._call_at("idle", self.core.clock.now() + again, self._watch_for_idleness)

    def _look_for_idleness(self) -> None:
        """Idle is a source that has nothing; not one that was not asked, for it waits for room or for its turn."""
        after = self.source.idle_after
        if after is None or self.source.time is None or self.idle or self.finished or self.has_input():
            return
        if self.core.paused:  # then nothing is sent, not even that
            return
        if self.core.clock.now() - self.quiet_since >= after and not any(c.waiting for c in self.out_channels):
            self.idle = True
            self._mark_all(Watermark(None))
            self.core.touch(self.bit)


class AsyncSourceState(SourceState):
    """A source whose items are awaited by a task, which itself waits while the outputs have no room."""

    source: AsyncSource[Any]

    def __init__(self, core: Core, index: int, node: Source[Any]) -> None:
        super().__init__(core, index, node)
        self.task: asyncio.Task[None] | None = None
        self._cancelled = False
        self._in_hand: list[Any] = []
        self._asked: asyncio.Future[None] | None = None
        """What the task waits for until its items have been sent."""

    def has_input(self) -> bool:
        """The task has items in hand, and asks for a turn to send them."""
        return bool(self._in_hand)

    def opened(self) -> None:
        """Start the task."""
        super().opened()
        self._start()

    def step(self) -> int:
        """Send what the task has in hand."""
        for channel in self.out_channels:
            if channel.waiting:
                return super().step()
        return super().step() if self.finished else self._send_in_hand()

    def inject(self, barrier: Barrier) -> None:
        """Send a barrier; the last one ends the task. Items already brought in go before it."""
        if not self.finished:
            self._send_in_hand()
        super().inject(barrier)
        if barrier.last:
            self.cancel()

    def cancel(self) -> None:
        """End the task."""
        super().cancel()
        self._cancelled = True
        if self.task is not None and self.task is not _current_task():
            self.task.cancel()

    def rest(self) -> None:
        """Its task ends, and brings nothing more; what it has in hand is still to be sent."""
        task, self.task = self.task, None
        if task is not None and task is not _current_task():
            task.cancel()

    def begin_again(self, kept: Kept | None) -> None:
        """Open the source anew where it was, with a task of its own again."""
        self._send_in_hand()
        super().begin_again(kept)
        self._start()

    def _start(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self._bring(), name=f"source {self.node.name}")

    def _send_in_hand(self) -> int:
        items, self._in_hand = self._in_hand, []
        self.deliver(items)
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(None)
        return len(items)

    def send_some(self, limit: int) -> int:
        """Send at most `limit` of the items in hand; the task waits until the rest has been sent as well."""
        items, rest = self._in_hand[:limit], self._in_hand[limit:]
        if not rest:
            return self._send_in_hand()
        self._in_hand = rest
        self.deliver(items)
        return len(items)

    def _send_at_once(self) -> bool:
        """Where nothing else is going on an item need not wait for the loop's next turn. False if it has to."""
        core = self.core
        if core.runnable or core.paused or core.halted or core.watched or core.host.occupied:
            return False
        if self.activity is not IDLE:
            return False
        for channel in self.out_channels:
            if channel.queued >= channel.capacity:
                return False
        items, self._in_hand = self._in_hand, []
        self.deliver(items)
        core.rush(self)
        core.host.hurry()
        return True

    async def _bring(self) -> None:
        nobody_asks()  # whoever let it begin again; what follows is done in its context
        try:
            await self._bring_all(self.source.stream())
            if self._is_over():
                return
            self.core.tell("source.ended", f"{self.node.name} has no more items", node=self.node.name)
            self.inject(Barrier(self.core.epoch, last=True))
            self.core.touch(self.bit)
        except NodeFailed as failed:
            self.core.fail(self.node.name, failed.failure.item, failed.failure.error)
        except asyncio.CancelledError as error:
            if not self._is_over():
                self.core.fail(self.node.name, None, error)
            raise
        except BaseException as error:  # whatever a source raises fails the run, which tells it
            if isinstance(error, Exception) and self.core.restarts.tolerate(self, error):
                self.core.restarts.begin_again()
                return
            self.core.fail(self.node.name, None, error)
            if not isinstance(error, Exception):
                raise

    def _is_over(self) -> bool:
        """Of the task that asks: another has its place, or none."""
        return self._cancelled or self.task is not _current_task()

    async def _bring_all(self, stream: AsyncIterator[list[Any]]) -> None:
        try:
            async for items in stream:
                if not isinstance(items, list):
                    raise TypeError(f"{self.node.kind}.stream must yield lists of items, not {items!r}")
                if items:
                    self._in_hand = items
                    if not self._send_at_once():
                        self._asked = asyncio.get_running_loop().create_future()
                        self.core.touch(self.bit)
                        await self._asked
                    if self._is_over():  # by what has just been sent, in this very task
                        return
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                with suppress(Exception):
                    await close()


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
