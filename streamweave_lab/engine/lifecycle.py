"""The states of a run and the moves between them."""

from __future__ import annotations

from enum import Enum
from threading import RLock

from streamweave_lab.errors import IllegalMoveError


class State(Enum):
    """Where a run is in its life."""

    CREATED = "created"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    DRAINING = "draining"
    SUSPENDING = "suspending"
    STOPPED = "stopped"
    FAILED = "failed"


_MOVES = {
    State.CREATED: {State.STARTING},
    State.STARTING: {State.RUNNING, State.STOPPED, State.FAILED},
    State.RUNNING: {State.PAUSED, State.DRAINING, State.SUSPENDING, State.STOPPED, State.FAILED},
    State.PAUSED: {State.RUNNING, State.DRAINING, State.SUSPENDING, State.STOPPED, State.FAILED},
    State.SUSPENDING: {State.STOPPED, State.FAILED},
    State.DRAINING: {State.STOPPED, State.FAILED},
    State.STOPPED: set[State](),
    State.FAILED: set[State](),
}


class Lifecycle:
    """The one place that knows a run's state."""

    def __init__(self, graph: str) -> None:
        self._graph = graph
        self.state = State.CREATED
        self.lock = RLock()
        """Held while the state changes together with what is told of it: who looks from another thread has both."""

    def move(self, to: State, verb: str) -> None:
        """Go to state `to`. Raises: IllegalMoveError if `verb` is not possible now."""
        if to not in _MOVES[self.state]:
            raise IllegalMoveError(self._graph, verb, self.state.value)
        self.state = to

    @property
    def over(self) -> bool:
        """The run has ended, well or badly."""
        return self.state in (State.STOPPED, State.FAILED)
