"""Nodes that can leave an input alone for a while, as a Zip does whose other side brings nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamweave_lab.engine.node_state import NodeState
from streamweave_lab.graph.batch import Barrier, Batch, Watermark

if TYPE_CHECKING:
    from streamweave_lab.engine.channel import Channel


class ChoosyState(NodeState):
    """Asks the logic before it takes a batch; what is not taken waits on its edge, and then its sender does."""

    def has_input(self) -> bool:
        """An entry stands at the head of an input that would be taken."""
        return self._rung or any(map(self._would_take, self.ins))

    def mark(self, channel: Channel, mark: Watermark | Barrier) -> None:
        """Take a mark, and let the logic know when an input has ended."""
        ends = isinstance(mark, Barrier) and mark.last and not mark.suspend
        others = (other for other in self.ins if other.port == channel.port and other is not channel)
        if ends and all(other.ended for other in others):
            self.node.ended(channel.port)
            self.node.flush()
        super().mark(channel, mark)

    def _choose(self) -> Channel:
        channel = next(c for c in (*self.ins[self._next :], *self.ins[: self._next]) if self._would_take(c))
        self._next = (self.ins.index(channel) + 1) % len(self.ins)
        return channel

    def _would_take(self, channel: Channel) -> bool:
        if not channel.queue or channel.held:
            return False
        return not isinstance(channel.queue[0], Batch) or self._must_take() or self.node.takes(channel.port)

    def _must_take(self) -> bool:
        """A barrier has to get through what is left alone, or there is nothing to wait for any more."""
        return self.core.flushing or any(channel.ended for channel in self.ins)
