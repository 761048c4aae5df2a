"""Folds: what a window can say of its items without keeping them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

I = TypeVar("I", contravariant=True, bound=Any)  # noqa: E741 - the item, as in Step[I, O]
V = TypeVar("V", bound=Any)
K = TypeVar("K", bound=Any)
A = TypeVar("A", bound=Any)
S = TypeVar("S", bound=Any)


class WindowResult(NamedTuple, Generic[K, V]):
    """What a fold says of one key in one window; `start` and `end` are event times in seconds."""

    key: K
    start: float
    end: float
    value: V


@dataclass(frozen=True, slots=True)
class Fold(Generic[I, V]):
    """Takes items one at a time: `accumulator = step(accumulator, item)`, and in the end `result(accumulator)`.

    Each pane begins with a copy of `initial`. `result` None means that the accumulator is the result.
    """

    initial: Any
    step: Callable[[Any, I], Any]
    result: Callable[[Any], V] | None = None


def fold(initial: V, f: Callable[[V, S], V]) -> Fold[S, V]:
    """`value = f(value, item)` over the items of a pane in the order they came, beginning with a copy of `initial`."""
    return Fold(initial, f)


def count() -> Fold[Any, int]:
    """How many items a pane has."""
    return Fold(0, lambda n, _item: n + 1)


def sum(f: Callable[[S], float]) -> Fold[S, float]:  # noqa: A001 - read as sw.sum
    """The sum of `f(item)`."""
    return Fold(0, lambda total, item: total + f(item))


def mean(f: Callable[[S], float]) -> Fold[S, float]:
    """The arithmetic mean of `f(item)`."""

    def step(seen: tuple[int, float], item: S) -> tuple[int, float]:
        n, total = seen
        return n + 1, total + f(item)

    return Fold((0, 0.0), step, lambda seen: seen[1] / seen[0])


def min(f: Callable[[S], V]) -> Fold[S, V]:  # noqa: A001 - read as sw.min
    """The least `f(item)`."""

    def step(least: Any, item: S) -> Any:
        value: Any = f(item)
        return value if least is _NOTHING or value < least else least

    return Fold(_NOTHING, step)


def max(f: Callable[[S], V]) -> Fold[S, V]:  # noqa: A001 - read as sw.max
    """The greatest `f(item)`."""

    def step(greatest: Any, item: S) -> Any:
        value: Any = f(item)
        return value if greatest is _NOTHING or value > greatest else greatest

    return Fold(_NOTHING, step)


class _Nothing:
    """Stands for the value of no items; it has one instance, also in a copy."""

    def __deepcopy__(self, _memo: object) -> _Nothing:
        return self


_NOTHING = _Nothing()

FOLDS = (fold, count, sum, mean, min, max)
"""What makes folds; on their own they are functions, as `how` may be too."""
