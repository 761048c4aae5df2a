"""Window: cut the stream by event time, and say something of each piece."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from operator import length_hint
from typing import Any, overload

from typing_extensions import TypeVar

from streamweave_lab.errors import GraphError, NoEventTimeError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import I_contra, O_co, Out
from streamweave_lab.operators.folds import FOLDS, Fold, WindowResult
from streamweave_lab.operators.keyed import Accumulators, no_key
from streamweave_lab.operators.panes import Open, OpenWindows, Pane
from streamweave_lab.progress.window import Tumbling, granularity, last_instant

# Bounds and defaults as in graph/port.py: for lambdas of which nothing is known.
K = TypeVar("K", bound=Any, default=Any)
V = TypeVar("V", bound=Any, default=Any)
J = TypeVar("J", bound=Any, default=Any)


class Window(Step[I_contra, O_co]):
    """Gathers the items of each key in each window of event time, and sends what `how` says of them.

    `how` is a function of a `Pane(key, start, end, items)`, whose return value is sent as it is; or a fold,
    `sw.fold(initial, f)`, `sw.count()`, `sw.sum(f)`, `sw.mean(f)`, `sw.min(f)`, `sw.max(f)`, which keeps no
    items and sends `WindowResult(key, start, end, value)`. Without `key` there is one pane a window, its key None.

    A pane is sent when the frontier reaches its window's end, or all inputs have ended; earlier windows first,
    keys in the order they came. What is sent has the last instant before the window's end as its event time,
    so that it belongs to the same stretch of time in a window further down.

    An item is late, and leaves by `late`, when the frontier has reached its window's end plus
    `allowed_lateness` seconds; not merely because it is behind the frontier. An item that comes after its
    window was sent, but is allowed, sends its pane again, with the item in it. Meanwhile the frontier that is
    promised downstream waits, so that nothing sent again is late there. Where `late` is not drawn to a node, late
    items are dropped: counted in the node's `late` and `dropped`, and told once by the event `node.late_dropped`.

    An item without event time, or on which `key` or the fold raises, leaves by `error`, and its pane stays as it
    was. A pane on which the function `how` raises leaves by `error` as a whole.

    Raises: GraphError if `allowed_lateness` is negative or not finite, or `how` is neither function nor fold.
    """

    late: Out[I_contra]

    # A Graph matches what was given against these in turn: the more particular come first.
    @overload
    def __init__(
        self,
        name: str,
        how: Callable[[Pane[K, I_contra]], O_co],
        size: Tumbling,
        *,
        key: Callable[[I_contra], K],
        allowed_lateness: float = 0.0,
    ) -> None: ...
    @overload
    def __init__(
        self,
        name: str,
        how: Callable[[Pane[None, I_contra]], O_co],
        size: Tumbling,
        *,
        key: None = None,
        allowed_lateness: float = 0.0,
    ) -> None: ...
    @overload
    def __init__(
        self: Window[J, WindowResult[K, V]],
        name: str,
        how: Fold[J, V],
        size: Tumbling,
        *,
        key: Callable[[J], K],
        allowed_lateness: float = 0.0,
    ) -> None: ...
    @overload
    def __init__(
        self: Window[J, WindowResult[None, V]],
        name: str,
        how: Fold[J, V],
        size: Tumbling,
        *,
        key: None = None,
        allowed_lateness: float = 0.0,
    ) -> None: ...
    def __init__(
        self,
        name: str,
        how: Any,
        size: Tumbling,
        *,
        key: Callable[[Any], Any] | None = None,
        allowed_lateness: float = 0.0,
    ) -> None:
        super().__init__(name)
        if how in FOLDS:
            raise GraphError(f"{self!r}: call sw.{how.__name__}(…) to make the fold; its name alone is not one")
        if not isinstance(how, Fold) and not callable(how):
            raise GraphError(f"{self!r} needs a function of a Pane, or a fold such as sw.count(), not {how!r}")
        if not isinstance(size, Tumbling):
            raise GraphError(f"{self!r} needs a size such as Tumbling(seconds=60), not {size!r}")
        if key is not None and not callable(key):
            raise GraphError(f"{self!r}: key= needs a function, not {key!r}")
        if not 0 <= allowed_lateness < math.inf:
            raise GraphError(f"{self!r}: allowed_lateness must be 0 or more seconds, not {allowed_lateness}")
        self._how = how
        self._fold, self._say = (how, _say_fold(how)) if isinstance(how, Fold) else (Fold([], _keep), _say_pane(how))
        self._size = size
        self._key = key
        self._allowed = allowed_lateness
        self.window_granularity = granularity(size.seconds, allowed_lateness)

    def opened(self) -> None:
        """Begin with no window."""
        initial = self._fold.initial
        self._windows = OpenWindows(self._size, self._allowed, lambda: Accumulators(initial))
        self.holds = 0

    def on_batch(self, port: str, batch: Batch) -> None:
        """Put each item into its pane."""
        if batch.times is None:
            for item in batch.items:
                self.refuse(item, NoEventTimeError(self.name))
            return
        behind = self._take(batch.items, batch.times)
        if behind:
            self._take_behind(behind)

    def _take(self, items: list[Any], times: list[float]) -> list[tuple[Any, float]]:
        """Fold each item into its pane; those of windows that are due already are given back.

        Two windows are at hand, for around the end of one the items go back and forth: an item of the first costs
        two comparisons, one of the second four and a count. What the first got is then told by what the iterator
        has left.
        """
        key, step, windows = self._key or no_key, self._fold.step, self._windows
        never, on_time = -math.inf, windows.on_time
        first = second = Open.nowhere()
        (start, end, of_first), (other_start, other_end, of_second) = first.bounds, second.bounds
        behind: list[tuple[Any, float]] = []
        rest, since, in_second = iter(items), len(items), 0
        for item, time in zip(rest, times, strict=True):
            try:
                if start <= time < end:
                    panes = of_first
                elif other_start <= time < other_end:
                    panes = of_second
                    in_second += 1
                else:
                    panes = of_first
                    if never < time < on_time:
                        behind.append((item, time))
                        first.held -= 1
                        continue
                    found = windows.at(time)
                    left = length_hint(rest) + 1
                    first.held += since - left - in_second
                    second.held += in_second
                    first, second, since, in_second = found, first, left, 0
                    (start, end, of_first), (other_start, other_end, of_second) = first.bounds, second.bounds
                    panes = of_first
                k = key(item)
                panes[k] = step(panes[k], item)
            except Exception as error:
                in_second -= panes is of_second
                first.held -= 1
                self.holds -= 1
                self._refuse(item, error, time)
        first.held += since - in_second
        second.held += in_second
        self.holds += len(items) - len(behind)
        return behind

    def _take_behind(self, behind: list[tuple[Any, float]]) -> None:
        """Of the windows that are due already some are closed; the others are sent again with each item."""
        late = [(item, time) for item, time in behind if self._windows.is_closed(time)]
        if late:
            self._running("late").late([item for item, _ in late], [time for _, time in late])
        for item, time in behind:
            if not self._windows.is_closed(time):
                self._amend(self._windows.at(time), item, time)

    def _amend(self, window: Open, item: Any, time: float) -> None:
        try:
            key = (self._key or no_key)(item)
            window.panes[key] = self._fold.step(window.panes[key], item)
        except Exception as error:
            self._refuse(item, error, time)
        else:
            self._fire(window, [key])

    def advanced(self, frontier: float) -> None:
        """Send the panes of the windows that end by `frontier`."""
        for window in self._windows.advance(frontier):
            self._fire(window, window.panes)
            self.holds -= window.held

    def finished(self) -> None:
        """Send every pane that was not sent yet."""
        for window in self._windows.close():
            self._fire(window, window.panes)
            self.holds -= window.held

    def frontier_out(self, frontier: float) -> float:
        """The frontier; or, while a window before it still takes late items, that window's last instant."""
        if not self._allowed or not math.isfinite(frontier):
            return frontier
        return min(frontier, last_instant(self._windows.earliest_end(frontier)))

    def _fire(self, window: Open, keys: Iterable[Any]) -> None:
        say, start, end, panes = self._say, window.start, window.end, window.panes
        time = last_instant(end)
        out: list[Any] = []
        for key in keys:
            try:
                out.append(say(key, start, end, panes[key]))
            except Exception as error:
                self.refuse(Pane(key, start, end, panes[key]), error, time)
        if out:
            self.send("out", out, [time] * len(out))

    def _refuse(self, item: Any, error: Exception, time: float | None) -> None:
        self.refuse(item, NoEventTimeError(self.name) if time is None else error, time)


def _keep(items: list[Any], item: Any) -> list[Any]:
    items.append(item)
    return items


def _say_pane(how: Callable[[Pane[Any, Any]], Any]) -> Callable[..., Any]:
    # A copy, as the window may go on to gather items that are late but allowed.
    return lambda key, start, end, items: how(Pane(key, start, end, items[:]))


def _say_fold(fold: Fold[Any, Any]) -> Callable[..., Any]:
    result = fold.result
    if result is None:
        return WindowResult
    return lambda key, start, end, value: WindowResult(key, start, end, result(value))
