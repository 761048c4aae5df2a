"""Folds: what a window can say of its items without keeping them."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
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


class AtOnce(NamedTuple):
    """What is as many steps of a fold, for items of which `value(item)` is asked once each."""

    value: Callable[[Any], Any]
    take: Callable[[Any, list[Any]], Any]
    """The accumulator after a step for each of these values, in their order; if it raises, it is as it was before."""


@dataclass(frozen=True, slots=True)
class Fold(Generic[I, V]):
    """Takes items one at a time: `accumulator = step(accumulator, item)`, and in the end `result(accumulator)`.

    Each pane begins with a copy of `initial`. `result` None means that the accumulator is the result.
    `merge(first, second)` is the accumulator of the items of both; it may change `first`. Without it a session keeps
    its items. `save` makes plain data of an accumulator that is none, or copies one that changes; `load` undoes it.
    """

    initial: Any
    step: Callable[[Any, I], Any]
    result: Callable[[Any], V] | None = None
    merge: Callable[[Any, Any], Any] | None = None
    save: Callable[[Any], Any] | None = None
    load: Callable[[Any], Any] | None = None
    plain: bool = False
    """Accumulators are plain data of which nothing changes in place: a snapshot need not look at each of them."""
    at_once: AtOnce | None = None
    """How to take many items of a key at once, which is faster; None: one by one."""


def fold(initial: V, f: Callable[[V, S], V], *, merge: Callable[[V, V], V] | None = None) -> Fold[S, V]:
    """`value = f(value, item)` over the items of a pane in the order they came, beginning with a copy of `initial`.

    `f` may change the value in place and return it, as `seen.append(item)` does before `return seen`; but where it
    raises after that the change stays. Of a pane that may be sent again, as with `early` or `allowed_lateness`, a copy
    is sent: what was sent does not change any more.

    `merge(first, second)` makes one value of those of two sessions that become one. Without it sessions (and they
    alone) keep their items, to go over them again in the order they came.
    """
    return Fold(initial, f, merge=merge)


def count() -> Fold[Any, int]:
    """How many items a pane has."""
    return Fold(0, lambda n, _item: n + 1, merge=add, plain=True, at_once=AtOnce(type, lambda n, kinds: n + len(kinds)))


def sum(f: Callable[[S], float]) -> Fold[S, float]:  # noqa: A001 - read as sw.sum
    """The sum of `f(item)`."""
    return Fold(0, lambda total, item: total + f(item), merge=add, plain=True, at_once=AtOnce(f, _added))


def mean(f: Callable[[S], float]) -> Fold[S, float]:
    """The arithmetic mean of `f(item)`."""

    def merge(one: tuple[int, float], other: tuple[int, float]) -> tuple[int, float]:
        return one[0] + other[0], one[1] + other[1]

    return Fold(
        (0, 0.0),
        lambda seen, item: (seen[0] + 1, seen[1] + f(item)),
        lambda seen: seen[1] / seen[0],
        merge=merge,
        plain=True,
        at_once=AtOnce(f, lambda seen, values: (seen[0] + len(values), _added(seen[1], values))),
    )


def min(f: Callable[[S], V]) -> Fold[S, V]:  # noqa: A001 - read as sw.min
    """The least `f(item)`."""

    def step(least: Any, item: S) -> Any:
        value: Any = f(item)
        return value if least is _NOTHING or value < least else least

    def take(known: Any, values: list[Any]) -> Any:
        return builtins.min(values if known is _NOTHING else [known, *values])

    def merge(one: Any, other: Any) -> Any:
        return other if other < one else one

    return Fold(_NOTHING, step, merge=merge, plain=True, at_once=AtOnce(f, take))


def max(f: Callable[[S], V]) -> Fold[S, V]:  # noqa: A001 - read as sw.max
    """The greatest `f(item)`."""

    def step(greatest: Any, item: S) -> Any:
        value: Any = f(item)
        return value if greatest is _NOTHING or value > greatest else greatest

    def take(known: Any, values: list[Any]) -> Any:
        return builtins.max(values if known is _NOTHING else [known, *values])

    def merge(one: Any, other: Any) -> Any:
        return other if other > one else one

    return Fold(_NOTHING, step, merge=merge, plain=True, at_once=AtOnce(f, take))


def _added(total: Any, values: list[Any]) -> Any:
    """One by one: `sum` rounds floats otherwise from Python 3.12 on, and then results would depend on batches."""
    return reduce(add, values, total)


class _Nothing:
    """Stands for the value of no items; it has one instance, also in a copy."""

    def __deepcopy__(self, _memo: object) -> _Nothing:
        return self


_NOTHING = _Nothing()

FOLDS: tuple[Callable[..., Any], ...] = (fold, count, sum, mean, min, max)
"""What makes folds; on their own they are functions, as `how` may be too."""
