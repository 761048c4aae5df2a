"""The bounded queue of one edge. Decisions only: who waits and who is woken is for the core to say."""

from __future__ import annotations

from collections import deque
from math import inf

from streamweave_lab.graph.batch import Barrier, Batch, Watermark

Entry = Batch | Watermark | Barrier


class Channel:
    """Batches and marks on their way from one output port to one input port.

    `capacity` bounds the items in `queue`; marks take no room. What the sender could not put for want of room
    stands in `waiting`, in order; it is the output of one turn at most, for the sender gets no other turn before.
    """

    __slots__ = (
        "blocked_seconds",
        "blocked_since",
        "capacity",
        "dropped",
        "ended",
        "held",
        "idle",
        "peak",
        "port",
        "queue",
        "queued",
        "received",
        "receiver",
        "receiver_bit",
        "sender",
        "sender_bit",
        "sent",
        "source",
        "target",
        "waiting",
        "watermark",
    )  # fmt: skip

    def __init__(self, source: str, target: str, capacity: int, sender: int, receiver: int, port: str) -> None:
        self.source, self.target, self.port = source, target, port
        self.capacity = capacity
        self.sender, self.receiver = sender, receiver
        self.sender_bit, self.receiver_bit = 1 << sender, 1 << receiver
        self.queue: deque[Entry] = deque()
        self.waiting: deque[Entry] = deque()
        self.queued = self.peak = self.sent = self.received = self.dropped = 0
        self.held = False
        """The receiver has met a barrier here and waits for its other inputs."""
        self.ended = False
        """The receiver has taken the last barrier."""
        self.idle = False
        self.watermark = -inf
        self.blocked_since: float | None = None
        self.blocked_seconds = 0.0

    @property
    def name(self) -> str:
        """The edge as people write it."""
        return f"{self.source} -> {self.target}"

    @property
    def left(self) -> int:
        """Items that have not reached the receiver: queued, and waiting for room. From any thread."""
        return self.queued + sum(len(entry) for entry in tuple(self.waiting) if isinstance(entry, Batch))

    def put(self, entry: Entry) -> None:
        """Queue an entry behind all earlier ones; what does not fit goes to `waiting`."""
        if self.waiting:
            self.waiting.append(entry)
        elif type(entry) is Batch:
            n = len(entry.items)
            queued = self.queued + n
            if queued > self.capacity:
                self.waiting.append(entry)
                self.settle()
                return
            # As _push, written out: this is where every batch passes.
            self.queue.append(entry)
            self.sent += n
            self.queued = queued
            if queued > self.peak:
                self.peak = queued
        else:
            self._mark(entry)

    def settle(self) -> bool:
        """Move what now fits from `waiting` into the queue. True if nothing is left waiting."""
        waiting = self.waiting
        while waiting:
            entry = waiting[0]
            if type(entry) is Batch:
                room = self.capacity - self.queued
                if room <= 0:
                    return False
                if len(entry.items) > room:
                    entry, waiting[0] = entry.split(room)
                    self._push(entry, room)
                    return False
                self._push(entry, len(entry.items))
            else:
                self._mark(entry)
            waiting.popleft()
        return True

    def take(self, limit: int) -> Batch:
        """The batch at the head, at most `limit` items of it. Only where the head is a batch."""
        batch: Batch = self.queue.popleft()  # type: ignore[assignment]
        n = len(batch.items)
        if n > limit:
            batch, rest = batch.split(limit)
            self.queue.appendleft(rest)
            n = limit
        self.queued -= n
        self.received += n
        return batch

    def drop_all(self) -> int:
        """Throw away all that is left, count it as dropped, and say how many items that were."""
        waiting = self.left - self.queued
        self.sent += waiting
        left = self.queued + waiting
        self.dropped += left
        self.queued = 0
        self.queue.clear()
        self.waiting.clear()
        return left

    def _push(self, batch: Batch, n: int) -> None:
        self.queue.append(batch)
        self.sent += n
        self.queued += n
        if self.queued > self.peak:
            self.peak = self.queued

    def _mark(self, mark: Entry) -> None:
        # Of watermarks that follow each other the last says everything; merging them bounds the queue behind
        # a node that filters everything away. Only "idle" does not say how far the sender had come before.
        queue = self.queue
        if type(mark) is Watermark:
            while queue and type(last := queue[-1]) is Watermark and (mark.time is not None or last.time is None):
                queue.pop()
        queue.append(mark)
