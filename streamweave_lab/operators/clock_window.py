"""Processing-time windows: what came while the clock on the wall went from one multiple to the next."""

from __future__ import annotations

from math import inf, isfinite
from typing import Any

from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Node
from streamweave_lab.operators.gather import Gather, Plan, loaded, saved
from streamweave_lab.operators.keyed import Accumulators
from streamweave_lab.operators.panes import Watched
from streamweave_lab.progress.window import Tumbling

_TICK = 1e-6
"""Seconds by which an alarm may ring too soon."""


class ClockGather(Gather):
    """One open window, or none; an alarm is set for its end."""

    def __init__(self, node: Node, plan: Plan) -> None:
        super().__init__(node, plan)
        self._bounds = Tumbling(seconds=plan.size.seconds).bounds
        # The wall's clock may be set back; this one goes on from what it showed at the beginning.
        self._offset = node.clock.wall() - node.clock.now()
        self._sent_until = -inf
        self._promised = -inf
        self._open(-inf, -inf)

    def _open(self, start: float, end: float) -> None:
        initial = self.fold.initial
        self._start, self._end = start, end
        self._panes: Accumulators = Watched(initial) if self.plan.early else Accumulators(initial)
        self._latest = -inf
        """The newest event time in the window."""

    def take(self, batch: Batch) -> None:
        """Put each item into the window that is open now."""
        self._send_if_over()
        if not self._panes:
            # After the last one, also where an alarm rang a tick too soon: no window is sent twice.
            self._open(*self._bounds(max(self._now(), self._sent_until)))
            self._set_alarm()
        key, step, panes, taken = self.plan.key, self.fold.step, self._panes, len(batch.items)
        times = batch.times
        for place, item in enumerate(batch.items):
            try:
                if times is not None and not isfinite(times[place]):
                    raise ValueError(f"{times[place]} is no event time")
                k = key(item)
                panes[k] = step(panes[k], item)
                if times is not None and times[place] > self._latest:
                    self._latest = times[place]
            except Exception as error:
                taken -= 1
                self.node.refuse(item, error, None if times is None else times[place])
        self.node.holds += taken

    def woken(self, now: float) -> None:
        """Send the window if it is over."""
        if not self._send_if_over() and self._panes:
            self._set_alarm()

    def finished(self) -> None:
        """Send the window as far as it is."""
        self._send_all()

    def frontier_out(self, frontier: float) -> float:
        """The frontier, or the newest event time in the open window, which its results will have at least."""
        held = self._latest if self._panes and self._latest > -inf else inf
        self._promised = max(self._promised, min(frontier, held))
        return self._promised

    def send_early(self) -> None:
        """Send the panes that have changed, as far as they are."""
        assert isinstance(self._panes, Watched)  # noqa: S101 - made so where early results are asked for
        changed, self._panes.changed = self._panes.changed, {}
        self._send(changed)

    def snapshot(self) -> Any:
        """The open window."""
        panes = saved(self.fold, self._panes)
        return self._start, self._end, self._sent_until, self._promised, self._latest, self.node.holds, panes

    def restore(self, state: Any) -> None:
        """Go on with this window; if it was over meanwhile it is sent soon."""
        start, end, self._sent_until, self._promised, latest, self.node.holds, panes = state
        # Before a resume too it may have been set back: no window waits until it has caught up, and none is sent twice.
        self._offset += max(0.0, max(start, self._sent_until) - self._now())
        self._open(start, end)
        self._latest = latest
        self._panes.update(loaded(self.fold, panes))
        if isinstance(self._panes, Watched):
            self._panes.changed = dict.fromkeys(self._panes)
        if self._panes:
            self._set_alarm()

    def _now(self) -> float:
        return self.node.clock.now() + self._offset

    def _set_alarm(self) -> None:
        self.node.wake_at(max(self.node.clock.now(), self._end - self._offset))

    def _send_if_over(self) -> bool:
        over = bool(self._panes) and self._now() >= self._end - _TICK
        if over:
            self._sent_until = self._end
            self._send_all()
        return over

    def _send_all(self) -> None:
        self._send(self._panes)
        self.node.holds = 0
        self._open(-inf, -inf)

    def _send(self, keys: Any) -> None:
        time = None if self._latest == -inf else self._latest
        self.send((key, self._start, self._end, self._panes[key], time) for key in keys)
