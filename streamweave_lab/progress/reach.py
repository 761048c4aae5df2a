"""How far event time reaches from an instant: one test for two instants, whichever of them is looked from."""

from __future__ import annotations

import math
from fractions import Fraction

from streamweave_lab.progress.grid import exact

_MILLIONTHS = 10**6
_MOST = 2**53 / _MILLIONTHS
"""Seconds up to which every millionth of one has a float of its own."""


def meant(instant: float) -> Fraction:
    """The decimal of at most six places that `instant` lies next to; or else the one that is written.

    So 0.1 + 0.2 is 3/10, and the last instant before 15 is 15. Of two instants the later is never before the other.
    """
    if -_MOST < instant < _MOST:
        near = round(instant * _MILLIONTHS)
        if abs(near / _MILLIONTHS - instant) <= 2 * math.ulp(instant):
            return Fraction(near, _MILLIONTHS)
    return Fraction(str(instant))


class Reach:
    """So many seconds from an instant on, the last included; fewer than 0 end before it."""

    __slots__ = ("_exact", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds, self._exact = seconds, exact(seconds)

    def holds(self, instant: float, other: float) -> bool:
        """Whether `other` is no more than the seconds after `instant`, both taken as they are meant."""
        end = instant + self._seconds
        if abs(other - end) > self._slack(instant):  # floats can tell, and are faster
            return other < end
        return meant(other) - meant(instant) <= self._exact

    def before(self, other: float) -> float:
        """An instant that is no later than any from which `other` is within reach."""
        return other - self._seconds - self._slack(other)

    def after(self, instant: float) -> float:
        """An instant that is no earlier than any within reach of `instant`."""
        return instant + self._seconds + self._slack(instant)

    def _slack(self, instant: float) -> float:
        return 16 * math.ulp(abs(instant) + abs(self._seconds))


__all__ = ["Reach", "meant"]
