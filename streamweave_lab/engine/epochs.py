"""Which nodes have met the barrier of the epoch that is being ended. Decisions only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from streamweave_lab.engine.node_state import BUSY

if TYPE_CHECKING:
    from streamweave_lab.engine.node_state import NodeState

Purpose = Literal["checkpoint", "configuration", "suspend"]


@dataclass(frozen=True)
class Awaited:
    """What a run waits for that ends an epoch; as `Execution.awaited` tells it."""

    purpose: Purpose
    """What the barrier is for."""
    since: float
    """When the barrier was sent, on the run's clock (seconds)."""
    nodes: tuple[str, ...]
    """The nodes that have not met it; of them those that have work, for others only wait for these. None of them:
    all have met it, and the checkpoint is being written."""


class Epochs:
    """Counts epochs; one barrier is under way at a time."""

    def __init__(self) -> None:
        self.current = 0
        """The newest epoch that a barrier has begun."""
        self.awaited = 0
        """The epoch whose barrier is under way, or was last."""
        self._missing: set[int] = set()

    def begin(self, nodes: set[int]) -> int:
        """A new epoch, whose barrier all of `nodes` must meet."""
        self.awaited = self.last()
        self._missing = set(nodes)
        return self.awaited

    def last(self) -> int:
        """A new epoch for the last barrier, which ends nodes: that they have ended is all there is to know.

        A barrier that is under way is still waited for.
        """
        self.current += 1
        return self.current

    def confirm(self, node: int) -> bool:
        """A node has met the barrier, or has ended. True if this was the last one missing."""
        if node not in self._missing:
            return False
        self._missing.discard(node)
        return not self._missing

    @property
    def met(self) -> bool:
        """No node is missing."""
        return not self._missing

    @property
    def missing(self) -> frozenset[int]:
        """The nodes that have not met it. From any thread."""
        return frozenset(self._missing.copy())


def holders(states: Sequence[NodeState]) -> tuple[str, ...]:
    """Of nodes that others wait for, those that have work; not those that wait for room, or for items from them."""
    return tuple(state.node.name for state in [s for s in states if s.activity is BUSY] or states)
