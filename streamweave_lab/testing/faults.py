"""What the drills do to a node of a run: put something before one of its methods, and take it away again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from streamweave_lab.clock import VirtualClock
from streamweave_lab.engine.gate import Gate
from streamweave_lab.engine.source_state import AsyncSourceState, SourceState
from streamweave_lab.errors import DrilledError, DrillRefusedError
from streamweave_lab.graph.node import Sink
from streamweave_lab.graph.source import Wait

if TYPE_CHECKING:
    from streamweave_lab.engine.node_state import NodeState
    from streamweave_lab.engine.run import LocalRun
    from streamweave_lab.engine.surroundings import Alarm
    from streamweave_lab.graph.batch import Batch

_LONGEST_WAIT = 3600.0


class Fault:
    """One fault. `told` says in words what it does. Raises: DrillRefusedError for a node that cannot have it."""

    told = ""
    over: Callable[[], None]
    """To be called by a fault that has done all it does."""

    def __init__(self, run: LocalRun, state: NodeState | None, seconds: float, items: int) -> None:
        self.core, self.seconds, self.items = run.core, seconds, items
        self._maybe = state
        self._mine: dict[str, Callable[..., Any]] = {}

    @property
    def state(self) -> NodeState:
        """The node's state; a fault that needs none does not ask."""
        assert self._maybe is not None  # noqa: S101 - `drills.begin` has seen to it
        return self._maybe

    def begin(self, over: Callable[[], None]) -> None:
        """From now on."""
        self.over = over
        self.core.watched += 1
        if self._maybe is not None:
            if isinstance(self._maybe, AsyncSourceState):  # else its items go out without a turn
                self._put("_send_at_once", lambda: False)
            self.put()

    def put(self) -> None:
        """Put something before the methods of the state."""

    def end(self) -> None:
        """Take away whatever was put there."""
        self.core.watched -= 1
        if self._maybe is not None:
            for name, method in self._mine.items():
                there = self._maybe.__dict__.get(name)
                if there is method:
                    del self._maybe.__dict__[name]
                elif isinstance(gate := getattr(there, "__self__", None), Gate):  # a step of a paused run goes on
                    gate.before = None
            self.core.touch(self._maybe.bit)

    def _put(self, name: str, method: Callable[..., Any]) -> None:
        self._mine[name] = method
        setattr(self.state, name, method)

    def _own_step(self) -> int:
        return type(self.state).step(self.state)


class Delay(Fault):
    """The node rests after each batch."""

    def put(self) -> None:
        """Before its turns."""
        self._alarm: Alarm | None = None
        self._put("step", self._step)

    @property
    def told(self) -> str:  # type: ignore[override]
        """In words."""
        return f"it rests for {self.seconds:g} s after each batch"

    def end(self) -> None:
        """It rests no longer."""
        if self._alarm is not None:
            self._alarm.cancel()
        self.core.withheld &= ~self.state.bit
        super().end()

    def rest(self, items: int) -> float:
        """Seconds to rest after so many items."""
        return self.seconds

    def _step(self) -> int:
        taken = self._own_step()
        if taken:
            self.core.withheld |= self.state.bit
            self._alarm = self.core.host.call_at(self.core.clock.now() + self.rest(taken), self._awake)
        return taken

    def _awake(self) -> None:
        self._alarm = None
        self.core.withheld &= ~self.state.bit
        self.core.touch(self.state.bit)


class SlowSink(Delay):
    """The sink rests after each item."""

    def __init__(self, run: LocalRun, state: NodeState | None, seconds: float, items: int) -> None:
        super().__init__(run, state, seconds, items)
        if not isinstance(self.state.node, Sink):
            raise DrillRefusedError(f"{self.state.node!r} is no sink; take the drill 'delay'")

    @property
    def told(self) -> str:  # type: ignore[override]
        """In words."""
        return f"it takes {self.seconds:g} s for each item"

    def rest(self, items: int) -> float:
        """Seconds to rest after so many items."""
        return items * self.seconds


class FailingItem(Fault):
    """The next items are refused."""

    def __init__(self, run: LocalRun, state: NodeState | None, seconds: float, items: int) -> None:
        super().__init__(run, state, seconds, items)
        if not self.state.ins:
            raise DrillRefusedError(f"{self.state.node!r} is a source: no items come to it")

    @property
    def told(self) -> str:  # type: ignore[override]
        """In words."""
        return f"{self.items} of its items fail"

    def put(self) -> None:
        """Before its logic."""
        self._process = self.state.process
        self.state.process = self._fail

    def end(self) -> None:
        """Its logic takes all items again."""
        self.state.process = self._process
        super().end()

    def _fail(self, port: str, batch: Batch) -> None:
        n = min(self.items, len(batch))
        failing, rest = (batch, None) if n == len(batch) else batch.split(n)
        self.items -= n
        if not self.items:
            self.over()
        error = DrilledError("failing item", self.state.node.name)
        for item, time in zip(failing.items, failing.times or [None] * n, strict=True):  # type: ignore[list-item]
            self.state.refuse(item, error, time)
        if rest is not None:
            self._process(port, rest)


class Crash(Fault):
    """The next turn raises."""

    told = "its next turn raises"

    def put(self) -> None:
        """Before its turns."""
        self._put("step", self._step)

    def _step(self) -> int:
        self.over()
        raise DrilledError("crash", self.state.node.name)


class SilentSource(Fault):
    """The source brings nothing."""

    told = "it brings nothing"

    def __init__(self, run: LocalRun, state: NodeState | None, seconds: float, items: int) -> None:
        super().__init__(run, state, seconds, items)
        if not isinstance(self.state, SourceState):
            raise DrillRefusedError(f"{self.state.node!r} is no source; take the drill 'delay'")

    def put(self) -> None:
        """Before its items."""
        if isinstance(self.state, AsyncSourceState):
            self._put("has_input", lambda: False)
        else:
            self.state.node.poll = self._nothing  # type: ignore[attr-defined]
        self.core.touch(self.state.bit)

    def end(self) -> None:
        """It is asked again."""
        self.state.node.__dict__.pop("poll", None)
        if isinstance(self.state, SourceState):
            self.state.wait_until = None
        super().end()

    def _nothing(self, limit: int) -> Wait:
        return Wait(_LONGEST_WAIT)


class BlockedLoop(Fault):
    """The loop stands still once."""

    @property
    def told(self) -> str:  # type: ignore[override]
        """In words."""
        return f"the loop stands still for {self.seconds:g} s"

    def begin(self, over: Callable[[], None]) -> None:
        """In the loop's next turn, or in the node's."""
        super().begin(over)
        if self._maybe is None:
            self.core.host.call_at(self.core.clock.now(), self._block)

    def put(self) -> None:
        """Before its turns."""
        self._put("step", self._step)

    def _step(self) -> int:
        self._block()
        return self._own_step()

    def _block(self) -> None:
        clock = self.core.clock
        if isinstance(clock, VirtualClock):
            clock.move_to(clock.now() + self.seconds)
        else:
            threading.Event().wait(self.seconds)
        self.over()


FAULTS: dict[str, type[Fault]] = {
    "delay": Delay,
    "slow sink": SlowSink,
    "failing item": FailingItem,
    "crash": Crash,
    "silent source": SilentSource,
    "blocked loop": BlockedLoop,
}

__all__ = ["FAULTS", "Fault"]
