"""Steps that look at one item at a time: Map, Filter, FlatMap.

An item whose function raises leaves by the port `error`; the function is never called a second time for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, overload

from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import I_contra, O_co, T
from streamweave_lab.operators.function import C, Failed, FunctionNode, not_awaited
from streamweave_lab.operators.parallel import Where, check_workers
from streamweave_lab.operators.worker import call_each

if TYPE_CHECKING:
    from streamweave_lab.config.model import Config

# `out.append(...)` is written out in the loops below because CPython 3.11 runs a method call on a list faster
# than a call of a bound method kept in a variable; such a loop costs 3 % more than a comprehension, and a
# comprehension cannot say which item failed.


class Map(Step[I_contra, O_co], FunctionNode):
    """Sends `f(item)` for every item, with the item's event time.

    With `config=FlightsConfig` it is `f(item, config)`, where `config` is the configuration in force.

    `workers=2` lets that many processes call `f`, for work that keeps a processor busy: results leave in the order
    their items came, and at most a few thousand items are in flight. `f`, the items and the results travel by
    pickle, functions and classes of a notebook too. Where a worker process dies a new one takes its place, and what
    it had is tried once more, so that `f` may be called twice for an item; an item that ends its worker again
    leaves by `error` with a WorkerLostError. `on="threads"` uses threads instead, for functions that let go of the
    GIL. In `run_to_end()`, which is deterministic, `f` is called in this process and there are no workers.

    Raises: GraphError if `workers` is less than 1, or `f` cannot be sent to a process; MissingExtraError if
    cloudpickle is not installed and processes are asked for.
    """

    workers: int | None = None
    """Workers that call the function; None if the run's own loop does."""
    on: Where = "processes"
    """What the workers are."""
    workers_lost: int = 0
    """Worker processes that have died in this run and were replaced."""

    @overload
    def __init__(
        self, name: str, f: Callable[[I_contra], O_co], *, workers: int | None = None, on: Where = "processes"
    ) -> None: ...
    @overload
    def __init__(
        self,
        name: str,
        f: Callable[[I_contra, C], O_co],
        *,
        config: type[C],
        workers: int | None = None,
        on: Where = "processes",
    ) -> None: ...
    def __init__(
        self,
        name: str,
        f: Callable[..., Any],
        *,
        config: type[Config] | None = None,
        workers: int | None = None,
        on: Where = "processes",
    ) -> None:
        super().__init__(name)
        self._use(f, config)
        check_workers(self, f, workers, on)
        self.workers, self.on = workers, on

    @property
    def logic(self) -> Callable[[Any], Any]:
        """The function of an item, with the configuration in force bound to it."""
        return self._logic

    def on_batch(self, port: str, batch: Batch) -> None:
        """Call the function for each item, and send what it returned."""
        out, failed = call_each(self._logic, batch.items)
        if out and type(out[0]) is CoroutineType:
            out, failed = self._without_coroutines(out, dict(failed))
        self.send("out", out, self._refuse_all(batch, failed) if failed else batch.times)

    def _without_coroutines(self, out: list[Any], failed: dict[int, Exception]) -> tuple[list[Any], Failed]:
        results, kept = iter(out), []
        for place in range(len(out) + len(failed)):
            if place not in failed:
                result = next(results)
                if type(result) is CoroutineType:
                    failed[place] = not_awaited(self.kind, result)
                else:
                    kept.append(result)
        return kept, sorted(failed.items())


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
        f, unwatched = self._watched, self._logic
        out: list[Any] = []
        for item in batch.items:
            try:
                if f(item):
                    out.append(item)
                f = unwatched
            except Exception as error:
                self.refuse(item, error)
        self.send("out", out, None)

    def _with_times(self, items: list[Any], times: list[float]) -> None:
        f, unwatched = self._watched, self._logic
        out: list[Any] = []
        out_times: list[float] = []
        for item, time in zip(items, times, strict=True):
            try:
                if f(item):
                    out.append(item)
                    out_times.append(time)
                f = unwatched
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
        f, unwatched = self._watched, self._logic
        out: list[Any] = []
        before = 0
        for item in batch.items:
            try:
                out.extend(f(item))
                f = unwatched
            except Exception as error:
                del out[before:]
                self.refuse(item, error)
            before = len(out)
        self.send("out", out, None)

    def _with_times(self, items: list[Any], times: list[float]) -> None:
        f, unwatched = self._watched, self._logic
        out: list[Any] = []
        out_times: list[float] = []
        for item, time in zip(items, times, strict=True):
            try:
                out.extend(f(item))
                f = unwatched
            except Exception as error:
                del out[len(out_times) :]
                self.refuse(item, error, time)
            out_times.extend([time] * (len(out) - len(out_times)))
        self.send("out", out, out_times)
