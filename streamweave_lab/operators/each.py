"""Steps that look at one item at a time: Map, Filter, FlatMap.

An item whose function raises leaves by the port `error`; the function is never called a second time for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, overload

from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import I_contra, O_co, T
from streamweave_lab.operators.function import C, Failed, FunctionNode

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config

# `out.append(...)` is written out in the loops below because CPython 3.11 runs a method call on a list faster
# than a call of a bound method kept in a variable; such a loop costs 3 % more than a comprehension, and a
# comprehension cannot say which item failed.


class Map(Step[I_contra, O_co], FunctionNode):
    """Sends `f(item)` for every item, with the item's event time.

    With `config=FlightsConfig` it is `f(item, config)`, where `config` is the configuration in force.
    """

    @overload
    def __init__(self, name: str, f: Callable[[I_contra], O_co]) -> None: ...
    @overload
    def __init__(self, name: str, f: Callable[[I_contra, C], O_co], *, config: type[C]) -> None: ...
    def __init__(self, name: str, f: Callable[..., Any], *, config: type[Config] | None = None) -> None:
        super().__init__(name)
        self._use(f, config)

    def on_batch(self, port: str, batch: Batch) -> None:
        """Call the function for each item, and send what it returned."""
        f, rest = self._logic, iter(batch.items)
        out: list[Any] = []
        failed: Failed = []
        while len(out) + len(failed) < len(batch.items):
            try:
                # What came before a failure stays in `out`, and `rest` goes on behind it.
                out.extend(map(f, rest))
            except Exception as error:
                failed.append((len(out) + len(failed), error))
            else:
                if len(out) + len(failed) < len(batch.items):  # `map` takes a StopIteration for the end of the items
                    failed.append((len(out) + len(failed), RuntimeError("the function raised StopIteration")))
        self.send("out", out, self._refuse_all(batch, failed) if failed else batch.times)


class Filter(Step[T, T], FunctionNode):
    """Sends on the items for which `f(item)` is true, with their event times.

    With `config=FlightsConfig` it is `f(item, config)`, where `config` is the configuration in force.
    """

    @overload
    def __init__(self, name: str, f: Callable[[T], object]) -> None: ...
    @overload
    def __init__(self, name: str, f: Callable[[T, C], object], *, config: type[C]) -> None: ...
    def __init__(self, name: str, f: Callable[..., Any], *, config: type[Config] | None = None) -> None:
        super().__init__(name)
        self._use(f, config)

    def on_batch(self, port: str, batch: Batch) -> None:
        """Ask the function about each item, and send on those it says yes to."""
        if batch.times is not None:
            self._with_times(batch.items, batch.times)
            return
        f = self._logic
        out: list[Any] = []
        for item in batch.items:
            try:
                if f(item):
                    out.append(item)
            except Exception as error:
                self.refuse(item, error)
        self.send("out", out, None)

    def _with_times(self, items: list[Any], times: list[float]) -> None:
        f = self._logic
        out: list[Any] = []
        out_times: list[float] = []
        for item, time in zip(items, times, strict=True):
            try:
                if f(item):
                    out.append(item)
                    out_times.append(time)
            except Exception as error:
                self.refuse(item, error, time)
        self.send("out", out, out_times)


class FlatMap(Step[I_contra, O_co], FunctionNode):
    """Sends every item of the iterable `f(item)`, in order, each with the event time of the item it came from.

    If the iterable raises on the way, nothing of it is sent and the item leaves by `error`. With
    `config=FlightsConfig` it is `f(item, config)`, where `config` is the configuration in force.
    """

    @overload
    def __init__(self, name: str, f: Callable[[I_contra], Iterable[O_co]]) -> None: ...
    @overload
    def __init__(self, name: str, f: Callable[[I_contra, C], Iterable[O_co]], *, config: type[C]) -> None: ...
    def __init__(self, name: str, f: Callable[..., Any], *, config: type[Config] | None = None) -> None:
        super().__init__(name)
        self._use(f, config)

    def on_batch(self, port: str, batch: Batch) -> None:
        """Call the function for each item, and send all that its iterables give."""
        if batch.times is not None:
            self._with_times(batch.items, batch.times)
            return
        f = self._logic
        out: list[Any] = []
        before = 0
        for item in batch.items:
            try:
                out.extend(f(item))
            except Exception as error:
                del out[before:]
                self.refuse(item, error)
            before = len(out)
        self.send("out", out, None)

    def _with_times(self, items: list[Any], times: list[float]) -> None:
        f = self._logic
        out: list[Any] = []
        out_times: list[float] = []
        for item, time in zip(items, times, strict=True):
            try:
                out.extend(f(item))
            except Exception as error:
                del out[len(out_times) :]
                self.refuse(item, error, time)
            out_times.extend([time] * (len(out) - len(out_times)))
        self.send("out", out, out_times)
