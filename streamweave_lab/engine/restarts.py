"""What supervision decides, carried out: items dropped, nodes that rest and begin again, nodes stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from streamweave_lab.engine.kept import take
from streamweave_lab.engine.node_state import NodeFailed
from streamweave_lab.engine.source_state import SourceState
from streamweave_lab.engine.supervise import Decision, Supervisor
from streamweave_lab.graph.batch import Failure

if TYPE_CHECKING:
    from streamweave_lab.engine.core import Core
    from streamweave_lab.engine.node_state import NodeState
    from streamweave_lab.engine.surroundings import Alarm


class Restarts:
    """The nodes of one core that have failed and are supervised."""

    def __init__(self, core: Core, supervisor: Supervisor) -> None:
        self._core, self._supervisor = core, supervisor
        self._rests: list[_Rest] = []
        self.due: dict[int, float] = {}
        """When each node that rests begins again, by its index, on the core's clock."""

    def tolerate(self, state: NodeState, error: BaseException, item: Any = None, items: int = 0) -> bool:
        """A node has failed outside its error port: drop `items` and go on, if its supervision says so."""
        core, name = self._core, state.node.name
        policy = self._supervisor.policy(name)
        if state.marking and not items:  # the mark is gone, and whoever waits for it would wait for ever
            return False
        if policy == "escalate" or (policy == "skip" and not items):
            return False
        lost, state.taken = items or state.taken, 0 if not items else state.taken
        state.dropped += lost
        if policy != "skip" and not any(failing is state for failing, *_ in core.failing):
            core.failing.append((state, error, item, lost))
        if policy == "skip" or item is not None:
            core.listener.skipped(Failure(name, item, error))
        return True

    def begin_again(self) -> None:
        """Carry out what supervision decides about the nodes that have failed."""
        core = self._core
        failing, core.failing = core.failing, []
        for state, error, item, lost in failing:
            decision = self._supervisor.decide(state.node.name, core.clock.now())
            if decision.policy == "escalate":
                state.dropped, state.taken = state.dropped - lost, lost  # the run's account has them too
                core.fail(state.node.name, item, error, decision.why)
            elif decision.policy == "stop":
                state.discard = True
                name, said = state.node.name, core.graph.error_shown(error)
                core.tell("node.stopped", f"{name} is stopped: {said}", level="error", node=name)
                core.listener.drain_asked()
            else:
                self._rest(decision, error)

    def hasten(self) -> None:
        """Let those that rest begin again now: the run is about to end, and would spend its time in waiting."""
        for rest in self._rests.copy():
            rest.alarm.cancel()
            self._over(rest)

    def cancel(self) -> None:
        """Nobody begins again any more."""
        for rest in self._rests:
            rest.alarm.cancel()
        self._rests, self.due = [], {}

    def _rest(self, decision: Decision, error: BaseException) -> None:
        core, when = self._core, self._core.clock.now() + decision.seconds
        states = [state for name in decision.nodes if not (state := core.by_name[name]).finished]
        bits = sum(state.bit for state in states)
        core.resting |= bits
        core.runnable &= ~bits
        self.due = self.due | {state.index: when for state in states}  # others read it meanwhile
        said = core.graph.error_shown(error)
        for state in states:
            if isinstance(state, SourceState):
                state.rest()
            core.tell(
                "node.restarting",
                f"{state.node.name} begins again {_soon(decision.seconds)} ({decision.why}): {said}",
                level="warning",
                node=state.node.name,
            )
        rest = _Rest(states, bits)
        rest.alarm = core.host.call_at(when, partial(self._over, rest))
        self._rests.append(rest)

    def _over(self, rest: _Rest) -> None:
        core = self._core
        if core.halted:
            return
        self._rests.remove(rest)
        core.resting &= ~rest.bits
        rested = {state.index for state in rest.states}
        self.due = {index: when for index, when in self.due.items() if index not in rested}
        for state in rest.states:
            if not state.finished:  # what has nothing more to do, as a source that is drained, need not begin again
                self._begin_again(state)
        core.touch(rest.bits)

    def _begin_again(self, state: NodeState) -> None:
        core, name = self._core, state.node.name
        try:
            # What a source has brought in is on its way, and must not come twice.
            state.begin_again(take(state) if isinstance(state, SourceState) else core.kept.get(name))
        except NodeFailed as failed:
            core.fail(name, failed.failure.item, failed.failure.error)
        except Exception as error:
            core.fail(name, None, error)


@dataclass(eq=False)
class _Rest:
    """Nodes that rest together until the alarm."""

    states: list[NodeState]
    bits: int
    alarm: Alarm = field(init=False)


def _soon(seconds: float) -> str:
    return f"in {seconds:.1f} s" if seconds >= 0.1 else f"in {seconds * 1000:.3g} ms"
