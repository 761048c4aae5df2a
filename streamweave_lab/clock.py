"""What time it is. The only file that imports `time`."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings of time, in float seconds."""

    def now(self) -> float:
        """Monotonic seconds, for durations and for waiting."""

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC, for people and logs."""


class SystemClock:
    """The machine's own clock; `now` agrees with `asyncio`'s `loop.time()`."""

    now = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
    used = staticmethod(time.process_time)
    """Seconds of processor time that this process has used, in all its threads."""


class VirtualClock:
    """A clock that stands still until it is moved. It starts at 0, which is also its wall time."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Seconds since the clock was made."""
        return self._now

    def wall(self) -> float:
        """The same as `now`: virtual time begins at 1970-01-01 UTC."""
        return self._now

    def move_to(self, instant: float) -> None:
        """Set the clock forward to `instant`; an earlier instant is ignored."""
        self._now = max(self._now, instant)


SYSTEM_CLOCK = SystemClock()
