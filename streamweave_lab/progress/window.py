"""Windows of event time: which instants belong together, and where that must be exact."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property


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

    @property
    def grain(self) -> float:
        """Seconds of which all beginnings and ends of windows are multiples."""
        return self.seconds

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

    def ends_around(self, instant: float) -> tuple[float, float]:
        """The last end of a window that is not after `instant`, and the first that is."""
        return self.bounds(instant)


@dataclass(frozen=True, kw_only=True)
class Sliding:
    """Windows that overlap: one begins `every` seconds, and each is `seconds` long.

    They begin at the multiples of `every`, counted from event time 0. An instant belongs to each window with
    `start <= instant < end`: to `seconds / every` of them.

    Raises: ValueError unless both are finite and more than 0, and `every` is at most `seconds`.
    """

    seconds: float
    every: float

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise ValueError(f"a window must be longer than 0 seconds and finite, not {self.seconds}")
        if not 0 < self.every <= self.seconds:
            raise ValueError(
                f"windows of {self.seconds} seconds must begin every {self.seconds} seconds or more often, "
                f"not every {self.every}: what came between two of them would be in none"
            )

    @cached_property
    def grain(self) -> float:
        """Seconds of which all beginnings and ends of windows are multiples."""
        common = granularity(self.seconds, self.every)
        assert common is not None  # noqa: S101 - neither is 0
        return common

    def cell(self, instant: float) -> tuple[float, float]:
        """The longest stretch around `instant` of which all instants belong to the same windows.

        Raises: ValueError if `instant` is not finite.
        """
        return Tumbling(seconds=self.grain).bounds(instant)

    def windows(self, instant: float) -> list[tuple[float, float]]:
        """Beginning and end, in seconds, of every window that `instant` belongs to, the earliest first.

        Raises: ValueError if `instant` is not finite.
        """
        cell, (length, step) = self._cell_number(instant), self._in_grains
        first, last = (cell - length) // step + 1, cell // step
        # Ends are multiples of the grain as beginnings are, so that rounding makes no gap between two windows.
        return [(n * step * self.grain, (n * step + length) * self.grain) for n in range(first, last + 1)]

    def bounds(self, instant: float) -> tuple[float, float]:
        """The beginning and the end, in seconds, of the last window that `instant` belongs to."""
        return self.windows(instant)[-1]

    def ends_around(self, instant: float) -> tuple[float, float]:
        """The last end of a window that is not after `instant`, and the first that is."""
        cell, (length, step) = self._cell_number(instant), self._in_grains
        before = ((cell - length) // step * step + length) * self.grain
        return before, ((cell - length) // step * step + step + length) * self.grain

    @cached_property
    def _in_grains(self) -> tuple[int, int]:
        return round(self.seconds / self.grain), round(self.every / self.grain)

    def _cell_number(self, instant: float) -> int:
        return round(self.cell(instant)[0] / self.grain)


@dataclass(frozen=True, kw_only=True)
class Session:
    """Windows that the items of a key make themselves: a pause of `gap` seconds of event time, or longer, parts two.

    A session begins with its earliest item and ends `gap` seconds after its latest. An item that lies between two
    sessions of its key, less than `gap` from both, makes one of them.

    Sessions are looked at when the frontier passes a multiple of `gap`: then those that have ended by that
    multiple are sent, and only those can be late. So a session is sent at most `gap` seconds of event time after
    its end, and what is in it does not depend on the size of batches.

    Raises: ValueError unless `gap` is finite and more than 0.
    """

    gap: float

    def __post_init__(self) -> None:
        if not 0 < self.gap < math.inf:
            raise ValueError(f"the gap between sessions must be longer than 0 seconds and finite, not {self.gap}")


@dataclass(frozen=True)
class Counting:
    """Windows of `items` items of a key each, in the order they come; what is left at the end is one more.

    Event time is not needed. `start` and `end` are the event times of the earliest and the latest item, NaN where
    items have none. A result has the event time of its latest item, and an item that waits for others holds
    the frontier: a key that seldom comes holds it long.

    Raises: ValueError unless `items` is a whole number and at least 1.
    """

    items: int

    def __post_init__(self) -> None:
        if not isinstance(self.items, int) or self.items < 1:
            raise ValueError(f"a window has at least 1 item, and a whole number of them, not {self.items!r}")


@dataclass(frozen=True)
class ProcessingTime:
    """Windows of `seconds` of the clock on the wall, without gap or overlap: an item belongs to when it came.

    Event time is not needed. `start` and `end` are seconds since 1970-01-01 UTC, multiples of `seconds`. A result
    has the event time of the latest item in its window, where items have one. What is in a window depends
    on when the items came, and is not the same in every run; in deterministic mode, where time is virtual, it is.

    Raises: ValueError unless `seconds` is finite and more than 0.
    """

    seconds: float

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise ValueError(f"a window must be longer than 0 seconds and finite, not {self.seconds}")


Size = Tumbling | Sliding | Session | Counting | ProcessingTime
"""How a stream may be cut into windows."""


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
