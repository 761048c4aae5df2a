"""Iterate: go round with an item until it has converged, in a graph that itself flows one way."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any, overload

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import Out, T
from streamweave_lab.operators.function import FunctionNode


class Iterate(Step[T, T], FunctionNode):
    """Applies `f` to an item again and again, `value = f(value)`, and sends the value it has converged to.

    It has converged when `until(value)` is true, which is asked of the item itself first, or, if `until` takes
    two arguments, when `until(before, after)` is true of a round. Without `until` it has when a round changes
    nothing: `after == before`.

    After `limit` rounds without that, the value reached leaves by the port `unconverged`; from there it may be
    drawn to another Iterate, or to a sink. Order and event times are those of the items. An item on which `f` or
    `until` raises leaves by `error`. All rounds of an item are made in one turn, in which nothing else runs on its
    loop: `limit` bounds that as well. `f` must return a new value and not change the old.

    Raises: GraphError if `limit` is less than 1, or `f` or `until` is not a function.
    """

    unconverged: Out[T]

    @overload
    def __init__(self, name: str, f: Callable[[T], T], *, until: Callable[[T], object] | None = None, limit: int): ...
    @overload
    def __init__(self, name: str, f: Callable[[T], T], *, until: Callable[[T, T], object], limit: int): ...
    def __init__(
        self, name: str, f: Callable[[T], T], *, until: Callable[..., object] | None = None, limit: int
    ) -> None:
        super().__init__(name)
        self._use(f, None)
        if until is not None and not callable(until):
            raise GraphError(f"{self!r}: until= needs a function of the value, or of two in turn, not {until!r}")
        if not isinstance(limit, int) or limit < 1:
            raise GraphError(f"{self!r}: limit= needs a number of rounds, 1 or more, not {limit!r}")
        self._until, self._limit = until, limit
        self._rounds = _until_settled if until is None else _until_pair if _takes_two(until) else _until_value

    def on_batch(self, port: str, batch: Batch) -> None:
        """Go round with each item."""
        rounds, f, until, limit = self._rounds, self._logic, self._until, self._limit
        times = batch.times or [None] * len(batch.items)  # type: ignore[list-item]
        sent: dict[bool, tuple[list[Any], list[Any]]] = {True: ([], []), False: ([], [])}
        for item, time in zip(batch.items, times, strict=True):
            try:
                converged, value = rounds(item, f, until, limit)
            except Exception as error:
                self.refuse(item, error, time)
            else:
                values, its_times = sent[converged]
                values.append(value)
                its_times.append(time)
        for converged, (values, its_times) in sent.items():
            if values:
                self.send("out" if converged else "unconverged", values, None if batch.times is None else its_times)


def _until_value(value: Any, f: Callable[..., Any], until: Any, limit: int) -> tuple[bool, Any]:
    for _ in range(limit):
        if until(value):
            return True, value
        value = f(value)
    return bool(until(value)), value


def _until_pair(value: Any, f: Callable[..., Any], until: Any, limit: int) -> tuple[bool, Any]:
    for _ in range(limit):
        before, value = value, f(value)
        if until(before, value):
            return True, value
    return False, value


def _until_settled(value: Any, f: Callable[..., Any], _until: Any, limit: int) -> tuple[bool, Any]:
    return _until_pair(value, f, lambda before, after: bool(before == after), limit)


def _takes_two(until: Callable[..., object]) -> bool:
    try:
        parameters = signature(until).parameters.values()
    except (TypeError, ValueError):  # some built-in functions do not say what they take
        return False
    placed = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in placed and p.default is Parameter.empty for p in parameters) == 2


__all__ = ["Iterate"]
