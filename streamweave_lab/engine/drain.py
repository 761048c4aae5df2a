"""A drain: no new input, everything in flight finished, windows closed, sinks flushed; and its account."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from streamweave_lab.engine.epochs import holders
from streamweave_lab.engine.node_state import NodeState
from streamweave_lab.engine.reports import Drained
from streamweave_lab.engine.source_state import SourceState
from streamweave_lab.engine.status import DrainStatus
from streamweave_lab.graph.batch import Barrier
from streamweave_lab.graph.node import Sink

if TYPE_CHECKING:
    from streamweave_lab.engine.execution import Execution


class Drain:
    """One drain under way. Its phases are read off the nodes: a phase is over when the last node in it has ended."""

    def __init__(self, run: Execution, timeout: float) -> None:
        self._run, self._timeout = run, timeout
        self._began = run.core.clock.now()
        self._time_up: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.report: Drained | None = None

    def hurry(self, timeout: float) -> None:
        """Leave it at most `timeout` seconds from now; never more than it has. On the run's loop."""
        loop = asyncio.get_running_loop()
        if self._timer is None:  # it is about to begin
            self._timeout = min(self._timeout, timeout)
        elif self.report is None and loop.time() + timeout < self._timer.when():
            self._timer.cancel()
            self._timeout = self._run.core.clock.now() - self._began + timeout
            self._timer = loop.call_later(timeout, self._end_time)

    async def carry_out(self) -> Drained:
        """Drain, or force the end when `timeout` seconds have passed; the account either way."""
        run, core = self._run, self._run.core
        run.told("run.draining", f"draining, at most {self._timeout:g} s")
        core.inject(Barrier(run.epochs.last(), last=True))
        core.resume()  # only now, so that a paused run takes in nothing new
        core.restarts.hasten()
        over = asyncio.ensure_future(run.over())
        loop = asyncio.get_running_loop()
        self._time_up = loop.create_future()
        self._timer = loop.call_later(self._timeout, self._end_time)
        await asyncio.wait([over, self._time_up], return_when=asyncio.FIRST_COMPLETED)
        self._timer.cancel()
        if not over.done():
            over.cancel()
            held_by = holders([state for state in core.states if not state.ended])
            dropped = run.force_end()
            self.report = self._account(dropped, held_by)
            lost, held = (
                sum(dropped.values()),
                ", ".join(held_by) or "its last checkpoint, which is still being written",
            )
            run.told(
                "run.drain_timed_out",
                f"the drain took more than {self._timeout:.4g} s: {lost} items dropped, held by {held}",
                level="warning",
            )
        else:
            self.report = self._account(run.dropped, ())
            if self.report.complete and self.report.problem is None:
                run.told("run.drained", "drained, nothing dropped")
            elif self.report.complete:
                said = f"drained, nothing dropped; its last checkpoint is not written: {self.report.problem}"
                run.told("run.drained", said, level="warning")
        return self.report

    def _end_time(self) -> None:
        if self._time_up is not None and not self._time_up.done():
            self._time_up.set_result(None)

    def phase(self) -> str:
        """The phase under way."""
        return next((name for name, group in self._groups() if not all(s.ended for s in group)), "close")

    def status(self) -> DrainStatus:
        """Progress so far, or the account."""
        if self.report is not None:
            return DrainStatus(
                phase="over", complete=self.report.complete, seconds=self.report.seconds, dropped=self.report.dropped
            )
        return DrainStatus(
            phase=self.phase(), complete=False, seconds=self._run.core.clock.now() - self._began, dropped={}
        )

    def _groups(self) -> list[tuple[str, list[NodeState]]]:
        states = self._run.core.states
        windows = [s for s in states if s.node.window_granularity]
        steps = [
            s for s in states if not isinstance(s, SourceState) and not isinstance(s.node, Sink) and s not in windows
        ]
        return [
            ("sources", [s for s in states if isinstance(s, SourceState)]),
            ("in flight", steps),
            ("windows", windows),
            ("sinks", [s for s in states if isinstance(s.node, Sink)]),
        ]

    def _account(self, dropped: dict[str, int], held_by: tuple[str, ...]) -> Drained:
        now = self._run.core.clock.now()
        phases = {"readiness off": 0.0}
        reached = self._began
        for name, group in self._groups():
            ends = max((now if s.ended_at is None else s.ended_at for s in group), default=reached)
            phases[name] = max(0.0, ends - reached)
            reached = max(reached, ends)
        phases["close"] = now - reached
        complete = not dropped and not held_by and self._run.failure is None
        last = self._run.last_checkpoint
        problem = None if last is None else last.problem
        return Drained(complete, now - self._began, phases, dropped, held_by, problem)
