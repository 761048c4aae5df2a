"""Window: cut the stream by event time, by count or by the clock, and say something of each piece."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, overload

from typing_extensions import TypeVar

from streamweave_lab.errors import GraphError, StateError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import I_contra, O_co, Out
from streamweave_lab.operators.clock_window import ClockGather
from streamweave_lab.operators.count_window import CountGather
from streamweave_lab.operators.folds import FOLDS, Fold, WindowResult
from streamweave_lab.operators.gather import Gather, Plan
from streamweave_lab.operators.keyed import no_key
from streamweave_lab.operators.panes import Pane
from streamweave_lab.operators.quantiles import quantiles
from streamweave_lab.operators.session import SessionGather
from streamweave_lab.operators.sliding import SlidingGather
from streamweave_lab.operators.tumbling import TumblingGather
from streamweave_lab.progress.window import Counting, ProcessingTime, Session, Size, Sliding, Tumbling, granularity

# Bounds and defaults as in graph/port.py: for lambdas of which nothing is known.
K = TypeVar("K", bound=Any, default=Any)
V = TypeVar("V", bound=Any, default=Any)
J = TypeVar("J", bound=Any, default=Any)

_GATHERS: dict[type, type[Gather]] = {
    Tumbling: TumblingGather,
    Sliding: SlidingGather,
    Session: SessionGather,
    Counting: CountGather,
    ProcessingTime: ClockGather,
}


class Window(Step[I_contra, O_co]):
    """Gathers the items of each key in each window, and sends what `how` says of them.

    `how` is a function of a `Pane(key, start, end, items)`, whose return value is sent as it is; or a fold,
    `sw.fold(initial, f)`, `sw.count()`, `sw.sum(f)`, `sw.mean(f)`, `sw.min(f)`, `sw.max(f)`,
    `sw.quantiles(f, 0.5, 0.99)`, which keeps no items and sends `WindowResult(key, start, end, value)`. Without
    `key` there is one pane a window, its key None.

    `size` is `Tumbling(seconds=60)`, `Sliding(seconds=3600, every=60)` or `Session(gap=600)`, which go by event time;
    or `Counting(100)` or `ProcessingTime(5)`, which need none. Each says which items belong together.

    By event time a pane is sent when the frontier reaches its window's end, or all inputs have ended; earlier windows
    first, keys in the order they came. What is sent has the last instant before the window's end as its event
    time, so that it belongs to the same stretch of time in a window further down.

    An item is late, and leaves by `late`, when the frontier has reached the end of its window (of the last of them,
    if it has several) plus `allowed_lateness` seconds; not merely because it is behind the frontier. Of sliding windows
    an item may be too late for the first and in time for the others: it is in those, does not leave by `late`, and is
    counted as `partly_late` in the Status; with `allowed_lateness` as long as the disorder there is none. An item that
    comes after its window was sent, but is allowed, sends its pane again, with the item in it; a session sent again may
    have grown at both ends, and stands for all those it was made of. Meanwhile the frontier that is promised downstream
    waits, so that nothing sent again is late there. Where `late` is not drawn to a node, late items are dropped:
    counted in the node's `late` and `dropped`, and told once by the event `node.late_dropped`.

    With `early=5` panes that have changed are sent every 5 seconds of processing time, before they are due and as far
    as they are. Early results look like the others, and the pane is sent again when it is due, whether it has
    changed since or not: of the results with one key and start (sessions: one that the other lies within) the last
    one holds. Which early results there are depends on the clock; those that are due do not change.

    An item on which `key` or the fold raises leaves by `error`, and so does one without event time where that is
    needed; its pane stays as it was. A pane on which the function `how` raises leaves by `error` as a whole.

    Raises: GraphError if `allowed_lateness` is negative, not finite, or asked of windows that know no lateness;
    if `early` is not a time longer than 0; or if `how` is neither function nor fold.
    """

    late: Out[I_contra]

    # A Graph matches what was given against these in turn: the more particular come first.
    @overload
    def __init__(
        self,
        name: str,
        how: Callable[[Pane[K, I_contra]], O_co],
        size: Size,
        *,
        key: Callable[[I_contra], K],
        allowed_lateness: float = 0.0,
        early: float | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self,
        name: str,
        how: Callable[[Pane[None, I_contra]], O_co],
        size: Size,
        *,
        key: None = None,
        allowed_lateness: float = 0.0,
        early: float | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: Window[J, WindowResult[K, V]],
        name: str,
        how: Fold[J, V],
        size: Size,
        *,
        key: Callable[[J], K],
        allowed_lateness: float = 0.0,
        early: float | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: Window[J, WindowResult[None, V]],
        name: str,
        how: Fold[J, V],
        size: Size,
        *,
        key: None = None,
        allowed_lateness: float = 0.0,
        early: float | None = None,
    ) -> None: ...
    def __init__(
        self,
        name: str,
        how: Any,
        size: Size,
        *,
        key: Callable[[Any], Any] | None = None,
        allowed_lateness: float = 0.0,
        early: float | None = None,
    ) -> None:
        super().__init__(name)
        if how in (*FOLDS, quantiles):
            raise GraphError(f"{self!r}: call sw.{how.__name__}(…) to make the fold; its name alone is not one")
        if not isinstance(how, Fold) and not callable(how):
            raise GraphError(f"{self!r} needs a function of a Pane, or a fold such as sw.count(), not {how!r}")
        if type(size) not in _GATHERS:
            raise GraphError(f"{self!r} needs a size such as Tumbling(seconds=60), not {size!r}")
        if key is not None and not callable(key):
            raise GraphError(f"{self!r}: key= needs a function, not {key!r}")
        if not 0 <= allowed_lateness < math.inf:
            raise GraphError(f"{self!r}: allowed_lateness must be 0 or more seconds, not {allowed_lateness}")
        if allowed_lateness and isinstance(size, Counting | ProcessingTime):
            raise GraphError(
                f"{self!r}: nothing is late for {size!r}, which does not go by event time; leave out allowed_lateness"
            )
        if early is not None and not 0 < early < math.inf:
            raise GraphError(f"{self!r}: early must be more than 0 seconds between early results, not {early}")
        self._size = size
        self._early = early
        self._plan = Plan(size, how, key or no_key, allowed_lateness, early is not None)
        self.window_granularity = _granularity(size, allowed_lateness)

    def opened(self) -> None:
        """Begin with no window."""
        self._gather = _GATHERS[type(self._size)](self, self._plan)
        self._early_at: float | None = None

    @property
    def partly_late(self) -> int:
        """Items of this run, since it began or went on, that came too late for some of their windows, not for all."""
        gather: Gather | None = vars(self).get("_gather")  # none in a drawing, and while a run starts
        return 0 if gather is None else gather.partly_late

    def on_batch(self, port: str, batch: Batch) -> None:
        """Put each item into its panes."""
        self._gather.take(batch)
        if self._early is not None and self._early_at is None:
            self._ask_for_early()

    def advanced(self, frontier: float) -> None:
        """Send the panes that are due."""
        self._gather.advanced(frontier)

    def finished(self) -> None:
        """Send every pane that was not sent yet."""
        self._gather.finished()

    def frontier_out(self, frontier: float) -> float:
        """The frontier; or, while something with an earlier event time may still be sent, that time."""
        return self._gather.frontier_out(frontier)

    def woken(self, now: float) -> None:
        """Send what is due by the clock, and early results if it is their time."""
        self._gather.woken(now)
        if self._early_at is not None and now >= self._early_at:
            self._early_at = None
            self._gather.send_early()

    def snapshot(self) -> Any:
        """The open windows, and how far event time had come."""
        return {"size": repr(self._size), "open": self._gather.snapshot()}

    def restore(self, state: Any) -> None:
        """Go on with these windows. Raises: StateError if they were cut by another size."""
        if state["size"] != repr(self._size):
            raise StateError(
                f"{self.name}: its open windows were kept for {state['size']} and cannot go on as {self._size!r}; "
                f"draw that size again, or give the node another name to begin anew"
            )
        self._gather.restore(state["open"])
        if self._early is not None and self.holds:
            self._ask_for_early()

    def _ask_for_early(self) -> None:
        assert self._early is not None  # noqa: S101 - asked by who has looked
        self._early_at = self.clock.now() + self._early
        self.wake_at(self._early_at)


def _granularity(size: Size, allowed_lateness: float) -> float | None:
    """Between what event times the windows need exact watermarks."""
    if isinstance(size, Tumbling | Sliding):
        return granularity(size.grain, allowed_lateness)
    return size.gap if isinstance(size, Session) else None
