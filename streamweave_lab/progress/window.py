"""Windows of event time: which instants belong together, and where that must be exact."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, kw_only=True)
class Tumbling:
    """Windows that follow each other without gap or overlap; each is `seconds` long.

    They begin at the multiples of `seconds`, counted from event time 0. An instant belongs to the window with
    the last beginning that is not after it: `start <= instant < end`.

    Raises: ValueError unless `seconds` is finite and more than 0.
    """

    seconds: float

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise ValueError(f"a window must be longer than 0 seconds and finite, not {self.seconds}")

    def bounds(self, instant: float) -> tuple[float, float]:
        """The beginning and the end, in seconds, of the window that `instant` belongs to.

        Raises: ValueError if `instant` is not finite.
        """
        if not math.isfinite(instant):
            raise ValueError(f"no window holds the instant {instant}")
        size = self.seconds
        n = instant // size
        end = (n + 1) * size
        # n * size can be rounded up to an instant just before which the exact product lies; without this
        # such an instant would be the end of its own window.
        return (n * size, end) if instant < end else (end, (n + 2) * size)


def last_instant(end: float) -> float:
    """The last instant before `end`: the event time of what a window says, which still lies in the window."""
    return math.nextafter(end, -math.inf)


def granularity(*seconds: float) -> float | None:
    """The greatest length, in seconds, of which all of `seconds` are multiples; zeros do not count.

    None if there is nothing but zeros. Lengths are taken as the decimals they are written as: 0.1 and 0.25
    have 0.05. A single length is returned as it is.
    """
    lengths = [Fraction(str(s)) for s in seconds if s]
    if not lengths:
        return None
    common = math.lcm(*(length.denominator for length in lengths))
    return float(Fraction(math.gcd(*(int(length * common) for length in lengths)), common))
