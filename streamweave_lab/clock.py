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


class HeldClock:
    """Another clock, on which no time passes while it is held."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._behind = 0.0
        self._held_at: float | None = None

    def now(self) -> float:
        """Seconds on that clock in which this one was not held."""
        return (self._clock.now() if self._held_at is None else self._held_at) - self._behind

    def wall(self) -> float:
        """That clock's: what people call the time goes on."""
        return self._clock.wall()

    def hold(self) -> None:
        """Stand still. Twice is once."""
        if self._held_at is None:
            self._held_at = self._clock.now()

    def go_on(self) -> None:
        """Run again, from where it stood."""
        if self._held_at is not None:
            self._behind += self._clock.now() - self._held_at
            self._held_at = None

    def skip(self, seconds: float) -> None:
        """Jump `seconds` ahead."""
        self._behind -= seconds


SYSTEM_CLOCK = SystemClock()
