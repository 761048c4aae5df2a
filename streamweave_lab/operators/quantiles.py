"""Quantiles of a pane, with the t-digest of Apache DataSketches. Needs the extra `sketches`."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable
from typing import Any, TypeVar

from streamweave_lab.errors import GraphError, MissingExtraError
from streamweave_lab.operators.folds import AtOnce, Fold

S = TypeVar("S", bound=Any)

EXACT = 512
"""Up to so many values a sketch keeps, and what it says is exact."""

_MOST = sys.float_info.max

_FINENESS = 400
"""The t-digest's k: it keeps about as many centroids, some 10 kB."""


def quantiles(f: Callable[[S], float], *shares: float) -> Fold[S, tuple[float, ...]]:
    """The values of `f(item)` below which each of `shares` of them lies: 0.5 is the median, 0 and 1 the ends.

    Exact for the first 512 items of a pane (between two values on the straight line between them, as NumPy and pandas
    do). After that it is a t-digest, of 10 kB at most: 0 and 1 stay exact, the others are off by less than one
    hundredth of the items, and by far less near the ends. The same items in the same order give the same values.

    Raises: GraphError if there is no share, or one that is not from 0 to 1; MissingExtraError if Apache DataSketches
    is not installed.
    """
    if not shares or not all(isinstance(share, int | float) and 0 <= share <= 1 for share in shares):
        raise GraphError(f"quantiles needs shares from 0 to 1, such as 0.5 for the median, not {shares!r}")
    _digest()  # to load it takes a tenth of a second: now, not while the graph runs

    def step(sketch: Sketch, item: S) -> Sketch:
        value = f(item)
        if not -_MOST <= value <= _MOST:
            raise ValueError(f"{value} has no place among the others")
        newest = sketch.newest
        newest.append(value)
        if len(newest) > EXACT:
            sketch.settle()
        return sketch

    return Fold(
        Sketch(),
        step,
        lambda sketch: sketch.at(shares),
        merge=Sketch.merge,
        save=Sketch.save,
        load=Sketch.load,
        at_once=AtOnce(f, Sketch.take),
    )


class Sketch:
    """Values: the newest as they are, and a t-digest of those before.

    The digest is made in steps of `EXACT` values, counted from the first, so that neither a snapshot nor an early
    result in between changes what comes out in the end.
    """

    __slots__ = ("before", "newest")

    def __init__(self, newest: list[float] | None = None, before: Any = None) -> None:
        self.newest = [] if newest is None else newest
        self.before = before

    def __deepcopy__(self, _memo: object) -> Sketch:
        return self.load(self.save()) if self.newest else Sketch()

    def take(self, values: list[Any]) -> Sketch:
        """Take these values too. Raises: ValueError, and takes none, if one is no finite number."""
        if not math.isfinite(sum(values)):  # which a sum is only if all of them are
            for value in values:
                if not -_MOST <= value <= _MOST:
                    raise ValueError(f"{value} has no place among the others")
        self.newest += values
        while len(self.newest) > EXACT:
            self.settle(EXACT + 1)
        return self

    def merge(self, other: Sketch) -> Sketch:
        """Take all that `other` has, which is not to be used any more."""
        if other.before is not None:
            self.settle()
            self.before.merge(other.before)
            self.before.compress()
        self.newest += other.newest
        if len(self.newest) > EXACT:
            self.settle()
        return self

    def at(self, shares: tuple[float, ...]) -> tuple[float, ...]:
        """The values at these shares."""
        if self.before is None:
            values = sorted(self.newest)
            return tuple(_between(values, share * (len(values) - 1)) for share in shares)
        whole = self.load(self.save())
        whole.settle()
        return tuple(whole.before.get_quantile(share) for share in shares)

    def save(self) -> tuple[list[float], bytes | None]:
        """The newest values, and the digest as DataSketches writes it."""
        return self.newest[:], None if self.before is None else self.before.serialize()

    @classmethod
    def load(cls, saved: tuple[list[float], bytes | None]) -> Sketch:
        """A sketch again, of what `save` gave."""
        newest, before = saved
        return cls(newest[:], None if before is None else _digest().deserialize(before))

    def settle(self, n: int | None = None) -> None:
        """Bring the first `n` of the newest values, or all, into the digest."""
        if self.before is None:
            self.before = _digest()(_FINENESS)
        self.before.update(array("d", self.newest[:n]))
        self.before.compress()
        del self.newest[:n]


def _between(values: list[float], place: float) -> float:
    low = math.floor(place)
    if low == place:
        return float(values[low])
    return values[low] + (values[low + 1] - values[low]) * (place - low)


def _digest() -> Any:
    try:
        from datasketches import tdigest_double
    except ImportError as error:
        raise MissingExtraError("quantiles", "sketches") from error
    return tdigest_double
