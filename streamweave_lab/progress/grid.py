"""Lengths of event time, their multiples and their sums, as exact as floats can be."""

from __future__ import annotations

import math
from fractions import Fraction

_SIMPLE = [10**digits for digits in range(1, 7)]
"""Denominators up to which what was reckoned is looked for."""


def exact(seconds: float) -> Fraction:
    """The length that was meant: the decimal that is written, and of what was reckoned the value before rounding.

    So 0.1 is 1/10, and so are 0.3 - 0.2 and 1 / 10; 0.1 * 3 is 3/10, and 1 / 3 a third.
    """
    written = Fraction(str(seconds))
    if float(f"{seconds:.15g}") == seconds:
        return written
    near = 4 * math.ulp(seconds)
    for most in _SIMPLE:
        simple = written.limit_denominator(most)
        if simple and abs(simple - written) <= near:
            return simple
    return written


_MOST = 2**53 / 10**6
"""Seconds up to which every millionth of one has a float of its own."""


def plus(instant: float, seconds: float) -> float:
    """The instant so many seconds after another: the decimal that was meant, if it has at most six places.

    So 0.2 plus 0.1 is 0.3, and not the float that the sum of the two floats is rounded to.
    """
    there = instant + seconds
    if not -_MOST < there < _MOST:
        return there
    near = round(there * 1e6) / 1e6
    return near if abs(near - there) <= 2 * math.ulp(abs(instant) + abs(seconds)) else there


class Grid:
    """The multiples of a length in seconds. Each is the float nearest to it: with 0.1 the third is 0.3, not 3 * 0.1."""

    __slots__ = ("_length", "_over", "_under")

    def __init__(self, length: Fraction) -> None:
        self._length = float(length)
        self._over, self._under = length.numerator, length.denominator

    def at(self, n: int) -> float:
        """The multiple number `n`."""
        return n * self._over / self._under  # Python divides whole numbers without any other rounding

    def passed(self, instant: float) -> int:
        """The number of the last multiple that is not after `instant`."""
        n = int(instant // self._length)
        if self.at(n + 1) <= instant:
            return n + 1
        return n if self.at(n) <= instant else n - 1

    def nearest(self, instant: float) -> float:
        """The multiple that is nearest to `instant`."""
        return self.at(round(instant / self._length))


def common(*seconds: float) -> Fraction | None:
    """The greatest length of which all these are multiples; zeros do not count. None if there is nothing else."""
    lengths = [exact(s) for s in seconds if s]
    if not lengths:
        return None
    under = math.lcm(*(length.denominator for length in lengths))
    return Fraction(math.gcd(*(int(length * under) for length in lengths)), under)


__all__ = ["Grid", "common", "exact", "plus"]
