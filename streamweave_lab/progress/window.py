"""Windows of event time: which instants belong together, and where that must be exact."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from streamweave_lab.progress.grid import Grid, common, exact


class _Named:
    """A value whose numbers must be named: Tumbling(10) would not say of what there are ten."""

    if not TYPE_CHECKING:  # a checker refuses them already, for the class says so

        def __new__(cls, *unnamed: Any, **named: Any) -> Self:
            if unnamed:
                names = [field.name for field in fields(cls)]
                given = dict(zip(names, map(repr, unnamed), strict=False))
                given |= {name: repr(value) for name, value in named.items()}
                meant = ", ".join(f"{name}={given.get(name, '…')}" for name in names)
                raise TypeError(f"{cls.__name__} takes keywords: {cls.__name__}({meant})")
            return super().__new__(cls)


@dataclass(frozen=True, kw_only=True)
class Tumbling(_Named):
    """Windows that follow each other without gap or overlap; each is `seconds` long.

    They begin at the multiples of `seconds`, counted from event time 0: each at the float that is nearest to the exact
    multiple of the length as it is written, so that those of 0.1 seconds begin at 0.1, 0.2, 0.3. An instant belongs to
    the window with the last beginning that is not after it: `start <= instant < end`.

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
        grid = self._grid
        n = grid.passed(instant)
        return grid.at(n), grid.at(n + 1)

    def ends_around(self, instant: float) -> tuple[float, float]:
        """The last end of a window that is not after `instant`, and the first that is."""
        return self.bounds(instant)

    @cached_property
    def _grid(self) -> Grid:
        return Grid(exact(self.seconds))


@dataclass(frozen=True, kw_only=True)
class Sliding(_Named):
    """Windows that overlap: one begins `every` seconds, and each is `seconds` long.

    They begin at the multiples of `every`, counted from event time 0. An instant belongs to each window with
    `start <= instant < end`: to `seconds / every` of them. Lengths are exact as those of Tumbling are; one that was
    reckoned, such as `0.1 * 3` or `1 / 3`, is taken as what it was before it was rounded.

    Raises: ValueError unless both are finite and more than 0, and `every` is at most `seconds`.
    """

    seconds: float
    every: float

    def __post_init__(self) -> None:
        if not 0 < self.seconds < math.inf:
            raise ValueError(f"a window must be longer than 0 seconds and finite, not {self.seconds}")
        if not 0 < self.every < math.inf or exact(self.every) > exact(self.seconds):
            raise ValueError(
                f"windows of {self.seconds} seconds must begin every {self.seconds} seconds or more often, "
                f"not every {self.every}: what came between two of them would be in none"
            )

    @cached_property
    def grain(self) -> float:
        """Seconds of which all beginnings and ends of windows are multiples."""
        return float(self._length)

    def cell(self, instant: float) -> tuple[float, float]:
        """The longest stretch around `instant` of which all instants belong to the same windows.

        Raises: ValueError if `instant` is not finite.
        """
        n = self._cell_number(instant)
        return self._grid.at(n), self._grid.at(n + 1)

    def windows(self, instant: float) -> list[tuple[float, float]]:
        """Beginning and end, in seconds, of every window that `instant` belongs to, the earliest first.

        Raises: ValueError if `instant` is not finite.
        """
        cell, (length, step), at = self._cell_number(instant), self._in_grains, self._grid.at
        first, last = (cell - length) // step + 1, cell // step
        return [(at(n * step), at(n * step + length)) for n in range(first, last + 1)]

    def bounds(self, instant: float) -> tuple[float, float]:
        """The beginning and the end, in seconds, of the last window that `instant` belongs to."""
        cell, (length, step), at = self._cell_number(instant), self._in_grains, self._grid.at
        start = cell // step * step
        return at(start), at(start + length)

    def ends_around(self, instant: float) -> tuple[float, float]:
        """The last end of a window that is not after `instant`, and the first that is."""
        cell, (length, step), at = self._cell_number(instant), self._in_grains, self._grid.at
        before = (cell - length) // step * step + length
        return at(before), at(before + step)

    @cached_property
    def _length(self) -> Fraction:
        length = common(self.seconds, self.every)
        assert length is not None  # noqa: S101 - neither is 0
        return length

    @cached_property
    def _grid(self) -> Grid:
        return Grid(self._length)

    @cached_property
    def _in_grains(self) -> tuple[int, int]:
        return int(exact(self.seconds) / self._length), int(exact(self.every) / self._length)

    def _cell_number(self, instant: float) -> int:
        if not math.isfinite(instant):
            raise ValueError(f"no window holds the instant {instant}")
        return self._grid.passed(instant)


@dataclass(frozen=True, kw_only=True)
class Session(_Named):
    """Windows that the items of a key make themselves: a pause of `gap` seconds of event time, or longer, parts two.

    A session begins with its earliest item and ends `gap` seconds after its latest. An item that lies between two
    sessions of its key, less than `gap` from both, makes one of them. Times and gap are taken as the decimals they are
    written as, up to microseconds: from 0.2 to 0.3 there is a gap of 0.1.

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
    the frontier: a key that seldom comes holds it long. Only of items that all came behind the frontier it is as late
    as they are.

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
    A clock that is set back, even between suspend and resume, does not take the windows back: they go on from there.

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
    have 0.05.
    """
    length = common(*seconds)
    return None if length is None else float(length)
