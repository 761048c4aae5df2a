"""Gathers: how a Window of one kind takes items, and when it says something of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from math import isfinite
from typing import Any

from streamweave_lab.errors import NoEventTimeError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Node
from streamweave_lab.operators.copies import copied, unchanging
from streamweave_lab.operators.folds import Fold, WindowResult
from streamweave_lab.operators.keyed import Accumulators
from streamweave_lab.operators.panes import Open, OpenWindows, Pane, Watched
from streamweave_lab.progress.window import Sliding, Tumbling, last_instant

Say = Callable[[Any, float, float, Any], Any]
"""What is sent of a key, beginning, end and accumulator."""


@dataclass(frozen=True)
class Plan:
    """What a Window was drawn with."""

    size: Any
    how: Any
    key: Callable[[Any], Any]
    allowed: float
    early: bool
    """Whether early results are asked for."""

    @property
    def again(self) -> bool:
        """Whether a pane may be sent, and then go on and be sent again."""
        return self.early or self.allowed > 0


class Gather:
    """The logic of a Window of one kind, in one run. It is made when the run opens, and counts `node.holds`."""

    partly_late: int = 0
    """Items that came too late for some of their windows, and are in the others."""

    def __init__(self, node: Node, plan: Plan) -> None:
        self.node, self.plan = node, plan
        self.fold, self.say = self.in_use(plan.how)
        node.holds = 0

    def in_use(self, how: Any) -> tuple[Fold[Any, Any], Say]:
        """The fold that takes items, and what is said in the end."""
        return (how, say_fold(how, self.plan.again)) if isinstance(how, Fold) else (KEPT, _say_pane(how))

    def take(self, batch: Batch) -> None:
        """Put each item of a batch into its pane."""
        raise NotImplementedError

    def advanced(self, frontier: float) -> None:
        """Send what is due at `frontier`."""

    def finished(self) -> None:
        """Send what was not sent yet."""
        raise NotImplementedError

    def frontier_out(self, frontier: float) -> float:
        """What is promised downstream."""
        return frontier

    def woken(self, now: float) -> None:
        """A time asked for has come, or another one."""

    def send_early(self) -> None:
        """Send the panes that have changed since this was called last, and are not due yet."""
        raise NotImplementedError

    def snapshot(self) -> Any:
        """All that is gathered, as plain data."""
        raise NotImplementedError

    def restore(self, state: Any) -> None:
        """Go on from what `snapshot` gave."""
        raise NotImplementedError

    def refuse_timeless(self, items: list[Any]) -> None:
        """Refuse items that have no event time."""
        for item in items:
            self.node.refuse(item, NoEventTimeError(self.node.name))

    def refuse(self, item: Any, error: Exception, time: float | None) -> None:
        """Refuse an item; that it has no event time, where one is needed, is told as that."""
        self.node.refuse(item, NoEventTimeError(self.node.name) if time is None else error, time)

    def late(self, late: list[tuple[Any, float]]) -> None:
        """Let late items leave, if there are any."""
        if late:
            self.node._running("late").late([item for item, _ in late], [time for _, time in late])

    def send(self, rows: Iterable[tuple[Any, float, float, Any, float | None]]) -> None:
        """Send panes: key, beginning, end, accumulator and event time of each. One that fails is refused as a Pane."""
        out: list[Any] = []
        times: list[Any] = []
        for key, start, end, value, time in rows:
            try:
                out.append(self.say(key, start, end, value))
            except Exception as error:
                self.node.refuse(Pane(key, start, end, value), error, time)
            else:
                times.append(time)
        if out:
            self.node.send("out", out, None if None in times else times)


class TimeGather(Gather):
    """Windows whose bounds event time alone gives."""

    def __init__(self, node: Node, plan: Plan) -> None:
        super().__init__(node, plan)
        size: Tumbling | Sliding = plan.size
        initial, kind = self.fold.initial, Watched if plan.early else Accumulators
        self.windows = OpenWindows(size, plan.allowed, lambda: kind(initial))

    def advanced(self, frontier: float) -> None:
        """Send the panes of the windows that end by `frontier`."""
        self._send_whole(self.windows.advance(frontier))

    def finished(self) -> None:
        """Send every pane that was not sent yet."""
        self._send_whole(self.windows.close())

    def frontier_out(self, frontier: float) -> float:
        """The frontier; or, while a window before it still takes late items, that window's last instant."""
        if not self.plan.allowed or not isfinite(frontier):
            return frontier
        return min(frontier, last_instant(self.windows.earliest_end(frontier)))

    def send_early(self) -> None:
        """Send the panes that have changed, of windows that were not sent yet."""
        for window in self.windows.unsent():
            assert isinstance(window.panes, Watched)  # noqa: S101 - made so where early results are asked for
            changed, window.panes.changed = window.panes.changed, {}
            self.fire(window, changed)

    def snapshot(self) -> Any:
        """The frontier and the open windows."""
        return self.windows.save(lambda panes: saved(self.fold, panes))

    def restore(self, state: Any) -> None:
        """Go on with these windows."""
        self.windows.load(state, lambda panes: loaded(self.fold, panes))
        for window in self.windows.unsent():
            self.node.holds += window.held
            if isinstance(window.panes, Watched):
                window.panes.changed = dict.fromkeys(window.panes)

    def fire(self, window: Open, keys: Iterable[Any]) -> None:
        """Send the panes of `keys`."""
        start, end, panes, time = window.start, window.end, window.panes, last_instant(window.end)
        self.send((key, start, end, panes[key], time) for key in keys)

    def _send_whole(self, windows: list[Open]) -> None:
        for window in windows:
            self.fire(window, window.panes)
            self.node.holds -= window.held


def saved(fold: Fold[Any, Any], panes: dict[Any, Any]) -> dict[Any, Any]:
    """A copy of accumulators by key, as plain data."""
    if fold.save is not None:
        save = fold.save
        return {key: save(value) for key, value in panes.items()}
    return dict(panes) if fold.plain else copied(panes)


def changing(fold: Fold[Any, Any], values: Iterable[Any]) -> bool:
    """Whether some of these accumulators must be copied one by one."""
    return fold.save is not None or not (fold.plain or unchanging(list(values)))


def loaded(fold: Fold[Any, Any], panes: dict[Any, Any]) -> dict[Any, Any]:
    """Accumulators again, of what `saved` gave; that stays as it is, for it may be needed once more."""
    if fold.load is None:
        return saved(fold, panes)
    load = fold.load
    return {key: load(value) for key, value in panes.items()}


def _keep(items: list[Any], item: Any) -> list[Any]:
    items.append(item)
    return items


KEPT: Fold[Any, Any] = Fold([], _keep, save=list, load=list)
"""Keeps the items."""


def _say_pane(how: Callable[[Pane[Any, Any]], Any]) -> Say:
    # A copy, as the window may go on to gather items that are late but allowed.
    return lambda key, start, end, items: how(Pane(key, start, end, items[:]))


def say_fold(fold: Fold[Any, Any], again: bool) -> Say:
    """What a fold says: a WindowResult. `again`: the accumulator may go on, and what was sent must not go with it."""
    result = fold.result
    if again and not fold.plain:
        said = result or (lambda value: value)
        return lambda key, start, end, value: WindowResult(key, start, end, deepcopy(said(value)))
    if result is None:
        return WindowResult
    return lambda key, start, end, value: WindowResult(key, start, end, result(value))
