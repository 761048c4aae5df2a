"""Readings of this machine: CPU, memory, disk and network."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, NamedTuple

from streamweave_lab.connectors.checks import check_limit
from streamweave_lab.errors import GraphError, MissingExtraError
from streamweave_lab.graph.source import END, Poll, Source, Wait


class HostReading(NamedTuple):
    """What this machine did since the reading before."""

    time: float
    """Wall time of the reading, in seconds since 1970-01-01 UTC."""
    cpu_percent: float
    """Share of all CPUs that was not idle, 0 to 100."""
    memory_percent: float
    """Share of the memory that is not available, 0 to 100."""
    memory_used: int
    """Bytes."""
    disk_read: float | None
    """Bytes a second, over all disks; None where the system counts none."""
    disk_written: float | None
    network_received: float | None
    """Bytes a second, over all interfaces; None where the system counts none."""
    network_sent: float | None


class HostMetrics(Source[HostReading]):
    """One HostReading of this machine every `every` seconds, the first after `every` seconds.

    Event time is the wall time of the reading. Readings that were missed because the run was paused or blocked
    are not made up for: the next one then covers the whole gap. `limit` ends the source after so many.

    It cannot be replayed. Across a restart its readings are at most once: those between a checkpoint and a crash are
    lost to the run that is resumed, which goes on counting where the checkpoint left off, with new readings.

    Raises: MissingExtraError if psutil is not installed; GraphError unless `every` is more than 0.
    """

    def __init__(self, name: str, *, every: float = 1.0, limit: int | None = None) -> None:
        super().__init__(name)
        if not every > 0:
            raise GraphError(f"{self!r}: every must be more than 0 seconds, not {every!r}")
        check_limit(self, limit)
        if find_spec("psutil") is None:
            raise MissingExtraError("HostMetrics", "host")
        import psutil  # noqa: F401 - loaded now, so that the run need not

        self.every, self.limit, self.total = every, limit, limit
        self.time = _time

    def opened(self) -> None:
        """Take the counts that the first reading is the difference to."""
        self.position = 0
        self._before, self._looked = _counts(), self.clock.now()
        self._next = self._looked + self.every

    def snapshot(self) -> int:
        """How many readings there have been: the past itself cannot be had again."""
        return self.position

    def restore(self, state: int) -> None:
        """Go on counting from there."""
        self.position = state

    def poll(self, limit: int) -> Poll[HostReading]:
        """One reading, when it is time for it."""
        if self.limit is not None and self.position >= self.limit:
            return END
        now = self.clock.now()
        if now < self._next:
            return Wait(self._next - now)
        counts, seconds = _counts(), now - self._looked
        reading = _reading(self.clock.wall(), self._before, counts, seconds)
        self._before, self._looked = counts, now
        self._next += self.every
        if self._next <= now:
            self._next = now + self.every
        self.position += 1
        return [reading]


class _Counts(NamedTuple):
    busy: float
    cpu: float
    disk: Any
    network: Any


def _counts() -> _Counts:
    """What the system has counted since it started.

    Not psutil.cpu_percent: that remembers its last call for the whole process, whoever made it.
    """
    import psutil

    cpu = psutil.cpu_times()._asdict()
    # Linux counts a guest's time within user and nice as well (man 5 proc).
    total = sum(seconds for kind, seconds in cpu.items() if kind not in ("guest", "guest_nice"))
    return _Counts(
        busy=total - cpu["idle"] - cpu.get("iowait", 0.0),
        cpu=total,
        disk=psutil.disk_io_counters(),
        network=psutil.net_io_counters(),
    )


def _reading(wall: float, before: _Counts, after: _Counts, seconds: float) -> HostReading:
    import psutil

    memory = psutil.virtual_memory()
    cpu = after.cpu - before.cpu
    return HostReading(
        time=wall,
        cpu_percent=min(100.0, max(0.0, 100.0 * (after.busy - before.busy) / cpu)) if cpu > 0 else 0.0,
        memory_percent=memory.percent,
        memory_used=memory.used,
        disk_read=_rate(before.disk, after.disk, "read_bytes", seconds),
        disk_written=_rate(before.disk, after.disk, "write_bytes", seconds),
        network_received=_rate(before.network, after.network, "bytes_recv", seconds),
        network_sent=_rate(before.network, after.network, "bytes_sent", seconds),
    )


def _rate(before: Any, after: Any, field: str, seconds: float) -> float | None:
    if before is None or after is None or seconds <= 0:
        return None
    # A disk or an interface that goes away takes its counts with it.
    return max(0.0, float(getattr(after, field) - getattr(before, field)) / seconds)


def _time(reading: HostReading) -> float:
    return reading.time
