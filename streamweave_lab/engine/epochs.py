"""Which nodes have met the barrier of the epoch that is being ended. Decisions only."""

from __future__ import annotations


class Epochs:
    """Counts epochs; one barrier is under way at a time."""

    def __init__(self) -> None:
        self.current = 0
        """The newest epoch that a barrier has begun."""
        self._missing: set[int] = set()

    def begin(self, nodes: set[int]) -> int:
        """A new epoch, whose barrier all of `nodes` must meet."""
        self.current += 1
        self._missing = set(nodes)
        return self.current

    def confirm(self, node: int) -> bool:
        """A node has met the barrier, or has ended. True if this was the last one missing."""
        if node not in self._missing:
            return False
        self._missing.discard(node)
        return not self._missing
