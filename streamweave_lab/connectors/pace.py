"""How fast recorded event time goes by while it is replayed."""

from __future__ import annotations

import math

_SLACK = 1e-3
"""Seconds of event time by which an item may come early: a wait, rounded, must still reach its item."""


class Pace:
    """Maps the run's clock to event time, at a speed that can be changed without a jump.

    `speed` is seconds of event time per second of the clock; None goes as fast as it can. Nothing is due
    before `begin` says which event time is now.
    """

    def __init__(self, speed: float | None) -> None:
        self.speed = speed
        self._event = -math.inf
        self._clock = 0.0

    @property
    def begun(self) -> bool:
        """Whether `begin` has been called."""
        return self._event != -math.inf

    def begin(self, event: float, now: float) -> None:
        """The event time is `event` when the clock says `now`."""
        self._event, self._clock = event, now

    def change(self, speed: float | None, now: float) -> None:
        """From `now` on go at `speed`, starting from the event time reached so far."""
        if self.begun:
            self.begin(self._event + (now - self._clock) * (self.speed or 0.0), now)
        self.speed = speed

    def due(self, now: float) -> float:
        """Items up to this event time are due now."""
        if not self.begun or self.speed is None:
            return math.inf if self.begun else -math.inf
        return self._event + (now - self._clock) * self.speed + _SLACK

    def wait(self, event: float, now: float) -> float:
        """Seconds of the clock until `event` is due; 0 if it is."""
        if self.speed is None:
            return 0.0
        return max(0.0, (event - self._event) / self.speed - (now - self._clock))

    def sent(self, event: float, now: float) -> None:
        """Note that the item of `event` has gone; without a speed that is how far event time has come."""
        if self.speed is None:
            self.begin(event, now)
