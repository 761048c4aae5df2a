"""When a barrier has been met on every input (Chandy & Lamport 1985; Carbone et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence

from streamweave_lab.engine.channel import Channel
from streamweave_lab.graph.batch import Barrier


class Alignment:
    """The inputs of one node.

    An input that has met the barrier is held until all the others have, else items of the next epoch would slip
    in before the change; an input that has ended counts as having met it.
    """

    def __init__(self, inputs: Sequence[Channel]) -> None:
        self._inputs = inputs
        self._barrier: Barrier | None = None
        self._suspended: Barrier | None = None

    @property
    def ended(self) -> bool:
        """Every input has brought its last barrier."""
        return all(channel.ended for channel in self._inputs)

    def arrive(self, channel: Channel, barrier: Barrier) -> Barrier | None:
        """Note that `barrier` came on `channel`. Returns the barrier to act on once all inputs have met it."""
        if barrier.last:
            channel.ended = True
            if barrier.suspend:
                self._suspended = barrier
        else:
            channel.held = True
            self._barrier = barrier
        if not all(channel.ended or channel.held for channel in self._inputs):
            return None
        for each in self._inputs:
            each.held = False
        met, self._barrier = self._barrier, None
        # Where one input was cut off, nothing is finished, though another may have come to its own end.
        return self._suspended or barrier if self.ended else met
