"""One node in a run: a small state machine that takes one entry a turn and never waits."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Any

from streamweave_lab.engine.align import Alignment
from streamweave_lab.engine.channel import Channel
from streamweave_lab.graph.batch import Barrier, Batch, Failure, Watermark
from streamweave_lab.graph.node import Node, Sink
from streamweave_lab.progress.frontier import Frontier

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config
    from streamweave_lab.engine.chain import Chain
    from streamweave_lab.engine.core import Core
    from streamweave_lab.engine.kept import Kept
    from streamweave_lab.engine.surroundings import Alarm

LARGEST_BATCH = 4096
_FIRST_BATCH = 1
TURN_SECONDS = 0.001
_TICK = 1e-6


class Activity(IntEnum):
    """What a node is doing, as law 11 has it: derived from its channels, never set by hand."""

    IDLE = 0
    BUSY = 1
    BLOCKED = 2


IDLE, BUSY, BLOCKED = Activity
# A name of the module is read faster than an attribute of an Enum, and the scheduler reads these for every batch.


class NodeFailed(BaseException):
    """A node refused an item and its error port is not wired."""

    def __init__(self, failure: Failure[Any]) -> None:
        self.failure = failure


class NodeState:
    """A node's channels, counters and clock readings. It is the node's Outbox."""

    def __init__(self, core: Core, index: int, node: Node) -> None:
        self.core, self.index, self.bit, self.node = core, index, 1 << index, node
        self.ins: list[Channel] = []
        self.outs: dict[str, list[Channel]] = {port: [] for port in node.outputs}
        self.out_channels: list[Channel] = []
        self.items_in = dict.fromkeys(node.inputs, 0)
        self.items_out = dict.fromkeys(node.outputs, 0)
        self.errors = self.late_items = self.dropped = self.restarts = 0
        self.frontier = self.promised = self.newest = -inf
        self.idle = False
        self.limit = core.batch_size or _FIRST_BATCH
        self.open = self.finished = self.ended = False
        self.marking = self.sated = self.discard = False
        """The node was stopped: what comes to it is dropped."""
        self.config: Config | None = None
        self.ended_at: float | None = None
        self.activity = IDLE
        self.since = 0.0
        self.seconds = [0.0, 0.0, 0.0]
        self.run_seconds = 0.0
        self.taken = 0
        """Items of the turn in progress, for the account if it fails."""
        self._next = 0
        self._wishes: list[float] = []
        self._alarm: Alarm | None = None
        self._rung = False
        node.clock = core.clock
        node._outbox = self
        node._emitted = {}  # a copy shares the dictionary of the drawing
        # Straight to the engine, past the check that a drawn node needs: once a batch.
        node.send = self.send  # type: ignore[method-assign]
        self.process: Callable[[str, Batch], None] = node.on_batch
        """Gives a batch to the node's logic."""
        self.chain: Chain | None = None
        """The chain of which it is the head."""

    def wired(self) -> None:
        """All channels are there."""
        self.out_channels = [channel for channels in self.outs.values() for channel in channels]
        self.alignment = Alignment(self.ins)
        self.progress = Frontier(self.ins)

    # What it is doing

    def assess(self) -> Activity:
        """Busy: has input and room. Blocked: has input, no room. Idle: no input."""
        full = False
        for channel in self.out_channels:
            if channel.waiting:
                return BUSY if self._some_wait_can_end() else BLOCKED
            if channel.queued >= channel.capacity:
                full = True
        if self.has_input():
            return BLOCKED if full else BUSY
        return BUSY if self.finished and not self.ended else IDLE

    def can_run(self) -> bool:
        """Of a busy node: a turn would do something now. Only a node that awaits can be busy without."""
        return True

    def has_input(self) -> bool:
        """An entry stands at the head of an input that is not held."""
        for channel in self.ins:
            if channel.queue and not channel.held:
                return True
        return self._rung

    def has_room(self) -> bool:
        """Every output has room for an item."""
        return all(channel.queued < channel.capacity for channel in self.out_channels)

    @property
    def holds(self) -> int:
        """Items taken in and not yet sent on: kept by the logic, or waiting for room behind a full channel."""
        held = self.node.holds
        for channel in self.out_channels:
            if channel.waiting:
                held += channel.left - channel.queued
        return held

    def seconds_run(self, now: float) -> float:
        """Seconds in which it was at work itself, a turn in progress included. From any thread."""
        core = self.core
        if core.current is not self or (self.chain is not None and self.chain.running):
            return self.run_seconds
        return self.run_seconds + max(0.0, now - core.turn_began)

    # Its turn

    def step(self) -> int:
        """Take one entry, or put what waited for room. Returns the number of items taken."""
        limit = self.limit
        for out in self.out_channels:
            if out.waiting:
                self._settle_waiting()
                return 0
            room = out.capacity - out.queued
            if room < limit:
                limit = room
        if self.finished:
            self._end()
            return 0
        if self._rung:
            self._wake_logic()
            return 0
        channel = self.ins[0] if len(self.ins) == 1 else self._choose()
        entry = channel.queue[0]
        if not isinstance(entry, Batch):
            channel.queue.popleft()
            self.marking = True
            self.mark(channel, entry)
            self.marking = False
            return 0
        if self.chain is not None and not self.discard and (n := self.chain.take(channel, limit)):
            return n
        batch = channel.take(limit)
        core = self.core
        if core.states[channel.sender].activity is BLOCKED:
            # Only a blocked sender need look again: any other sees the room in its own turn.
            core.touched |= channel.sender_bit
        self.taken = n = len(batch.items)
        self.items_in[channel.port] += n
        if self.discard:
            self.taken, self.dropped = 0, self.dropped + n
            return n
        self.process(channel.port, batch)
        if self.node._emitted:
            self.node.flush()
        self.taken = 0
        return n

    def mark(self, channel: Channel, mark: Watermark | Barrier) -> None:
        """Take a mark."""
        if isinstance(mark, Watermark):
            channel.idle = mark.time is None
            if mark.time is None:
                self.progress.idle(channel)
            else:
                channel.watermark = max(channel.watermark, mark.time)
                self.progress.promise(channel, mark.time)
            self.advance()
        else:
            met = self.alignment.arrive(channel, mark)
            if mark.last and not mark.suspend:
                self.progress.end(channel)
                self.advance()
            if met is not None:
                self.meet(met)

    def advance(self) -> None:
        """Let the logic know that the frontier has moved, and the receivers as much of it as they may."""
        frontier = self.progress.time
        if frontier is not None and frontier > self.frontier:
            self.frontier = self.node._item_time = frontier
            self.node.advanced(frontier)
            self.node.flush()
        if not self.alignment.ended:  # else `meet` has the last word
            self.promise(idle=all(channel.idle for channel in self.ins if not channel.ended))

    def promise(self, idle: bool) -> None:
        """Tell the receivers how far the frontier is, if that is news to them."""
        promised = self.node.frontier_out(self.frontier) if self.frontier > -inf else -inf
        if promised > self.promised or (self.idle and not idle):
            self.promised = max(promised, self.promised)
            self._mark_all(Watermark(self.promised))
        if idle and not self.idle:
            self._mark_all(Watermark(None))
        self.idle = idle

    def meet(self, barrier: Barrier) -> None:
        """Every input has met `barrier`: configure or end, and pass it on."""
        if barrier.last:
            if not barrier.suspend:
                self.node._item_time = self.frontier if self.frontier > -inf else None
                self.node.finished()
                self.node.flush()
                self.promise_all()
            self.core.keep_final(self)
            self._mark_all(Barrier(barrier.epoch, last=True, suspend=barrier.suspend))
            self.finished = True
            if not any(channel.waiting for channel in self.out_channels):
                self._end()
            return
        if barrier.config is not None:
            self.config = barrier.config
            self.node.configure(barrier.config)
            self.node.flush()
        if barrier.snapshot:
            self.core.keep(self)
        self._mark_all(barrier)
        self.core.confirmed(self.index, barrier.epoch)

    def promise_all(self) -> None:
        """Nothing more is held back: the receivers may know the frontier whole."""
        if self.frontier > self.promised:
            self.promised = self.frontier
            self._mark_all(Watermark(self.frontier))

    def begin_again(self, kept: Kept | None) -> None:
        """Close the logic and open it anew, with the state it goes on from. What it held is dropped and counted."""
        node = self.node
        known = node.restart_from(None if kept is None else kept.state)
        held = node.holds
        node._emitted = {}
        NodeState.cancel(self)
        node.closed()
        node.opened()
        if known is not None:
            node.restore(known)
        if self.config is not None:
            node.configure(self.config)
        self.restarts += 1
        self.dropped += max(0, held - node.holds)
        self.core.tell("node.restarted", f"{node.name} has begun again", node=node.name)

    # Outbox

    def send(self, port: str, items: list[Any], times: list[float] | None = None) -> None:
        """Put items on every edge of an output port."""
        if items:
            self.items_out[port] += len(items)
            batch = Batch(items, times)
            core = self.core
            for channel in self.outs[port]:
                channel.put(batch)
                core.touched |= channel.receiver_bit

    def refuse(self, item: Any, error: BaseException, time: float | None = None) -> None:
        """Count a failure and send it to the error port; unwired, it fails the run."""
        self.errors += 1
        if isinstance(error, StopIteration):  # loops in C take it for the end of the items; no node shall differ
            error = RuntimeError("the function raised StopIteration")
        failure = Failure(self.node.name, item, error, time)
        if not self.outs.get("error"):
            if self.core.restarts.tolerate(self, error, item, 1):
                return
            raise NodeFailed(failure)
        self.core.refused(failure)
        self.send("error", [failure], None if time is None else [time])

    def late(self, items: list[Any], times: list[float]) -> None:
        """Count late items; without a wired port they are dropped, and counted as that too."""
        self.late_items += len(items)
        if self.outs.get("late"):
            self.send("late", items, times)
        else:
            if not self.dropped:
                name = self.node.name
                said = f"{name} drops late items, and counts them; draw {name}.late to a sink to keep them"
                self.core.tell("node.late_dropped", said, level="warning", node=name)
            self.dropped += len(items)

    def wake_at(self, when: float) -> None:
        """Give the node a turn at `when`."""
        heappush(self._wishes, when)
        if self._wishes[0] == when:
            self._set_alarm()

    def enough(self) -> None:
        """Let sources end that only this node, and others like it, would still need."""
        if not self.sated:
            self.sated = True
            self.core.end_unneeded()

    def let_go(self, time: float, first: Callable[[], None]) -> None:
        """Promise at once what may be promised up to `time`, where that passes a multiple of the granularity."""
        grid = self.core.grid
        promised = self.promised
        if grid and time > promised and (promised == -inf or grid.passed(time) > grid.passed(promised)):
            first()
            self.promise(self.idle)

    def cancel(self) -> None:
        """Ask for nothing more."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._wishes, self._rung = [], False

    # Inside

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self.core.host.call_at(self._wishes[0], self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._rung = not self.finished
        self.core.touch(self.bit, hurry=True)

    def _wake_logic(self) -> None:
        self._rung = False
        now = self.core.clock.now()
        # A loop may ring a clock's tick too soon.
        while self._wishes and self._wishes[0] <= now + _TICK:
            now = max(now, heappop(self._wishes))
        self.node._item_time = self.frontier if self.frontier > -inf else None
        self.node.woken(now)
        self.node.flush()
        if self._wishes:
            self._set_alarm()
        self.promise(self.idle)  # what it held back may have gone

    def _choose(self) -> Channel:
        """The inputs take turns, so that no branch starves."""
        ins = self.ins
        if len(ins) == 1:
            return ins[0]
        for offset in range(len(ins)):
            at = (self._next + offset) % len(ins)
            channel = ins[at]
            if channel.queue and not channel.held:
                self._next = at + 1
                return channel
        raise AssertionError(f"{self.node.name} was given a turn without input")

    def _some_wait_can_end(self) -> bool:
        return any(c.waiting and c.queued < c.capacity for c in self.out_channels)

    def _settle_waiting(self) -> None:
        for channel in self.out_channels:
            if channel.waiting:
                channel.settle()
                self.core.touched |= channel.receiver_bit

    def _mark_all(self, mark: Watermark | Barrier) -> None:
        if isinstance(self.node, Sink):
            self.core.reached(self.index, mark)
        for channel in self.out_channels:
            channel.put(mark)
            self.core.touched |= channel.receiver_bit

    def _end(self) -> None:
        if not self.ended:
            self.ended = True
            self.ended_at = self.core.clock.now()
            if self.chain is not None:
                self.chain.share_out(0, 0.0)
            self.core.node_ended(self)


def adapt(state: NodeState, taken: int, seconds: float) -> None:
    """Let a batch grow twofold a turn at most, up to what the node can do within its share of a time slice."""
    fits = int(TURN_SECONDS * taken / seconds) if seconds > 0 else LARGEST_BATCH
    state.limit = max(1, min(LARGEST_BATCH, fits, state.limit * 2))
