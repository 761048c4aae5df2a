"""Which nodes have met the barrier of the epoch that is being ended. Decisions only."""

from __future__ import annotations


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
