"""A suspend: what is in flight finished, all else kept in a checkpoint to go on from, and the run stopped."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from streamweave_lab.engine.epochs import holders
from streamweave_lab.engine.lifecycle import State
from streamweave_lab.engine.reports import Checkpointed, Drained
from streamweave_lab.graph.batch import Barrier

if TYPE_CHECKING:
    from streamweave_lab.engine.execution import Execution


class Suspend:
    """One suspend under way, which is not to be turned back."""

    def __init__(self, run: Execution, timeout: float) -> None:
        self._run, self._timeout = run, timeout
        self.task = asyncio.get_running_loop().create_task(self._carry_out())

    async def _carry_out(self) -> Checkpointed:
        run, core = self._run, self._run.core
        began = core.clock.now()
        run.ending = "suspend", began
        run.told("run.suspending", f"suspending, at most {self._timeout:g} s")
        core.inject(Barrier(run.epochs.last(), last=True, suspend=True))
        core.resume()  # only now, so that a paused run takes in nothing new
        core.restarts.hasten()
        over = asyncio.ensure_future(run.over())
        await asyncio.wait([over], timeout=self._timeout)
        problem = "" if run.failure is None else str(run.failure)
        if not over.done():
            over.cancel()
            problem = self._end_by_force(self._timeout)
        seconds = core.clock.now() - began
        if (last := run.last_checkpoint) is None:
            problem = problem or self._ended_early()
            return Checkpointed(False, seconds=seconds, problem=problem, dropped=run.dropped)
        return replace(last, seconds=seconds, dropped=run.dropped)

    async def drained_within(self, timeout: float) -> Drained:
        """Wait for it, and end it by force when the time is up; the account as of a drain."""
        run = self._run
        began = run.core.clock.now()
        await asyncio.wait([self.task], timeout=timeout)
        if not run.lifecycle.over:
            self._end_by_force(timeout)
        complete = not run.dropped and not any(state.node.holds for state in run.core.states)
        return Drained(complete, run.core.clock.now() - began, {}, run.dropped)

    def _ended_early(self) -> str:
        """What was not there when somebody stopped the run."""
        if missing := holders([state for state in self._run.core.states if not state.finished]):
            return f"it was stopped before {', '.join(missing)} had met the barrier"
        return "it was stopped while its checkpoint was being written; that may be there later all the same"

    def _end_by_force(self, timeout: float) -> str:
        """Stop every node now. Returns what was not there in time."""
        run, awaited = self._run, self._run.awaited
        if awaited is None or not awaited.nodes:
            problem = f"its checkpoint was not written within {timeout:g} s; it may be there later all the same"
        else:
            problem = f"{', '.join(awaited.nodes)} had not met the barrier within {timeout:g} s"

        def say() -> None:
            lost = sum(run.dropped.values())
            run.told("run.stopped", f"stopped, not suspended: {problem}; {lost} items dropped", level="warning")

        run.end(State.STOPPED, say)
        return problem
