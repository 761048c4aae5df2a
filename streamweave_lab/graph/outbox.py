"""What a node in a run may ask of the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Outbox(Protocol):
    """Where a node in a run puts what it sends; the engine provides it."""

    def send(self, port: str, items: list[Any], times: list[float] | None) -> None:
        """Send items on an output port."""

    def refuse(self, item: Any, error: BaseException, time: float | None) -> None:
        """Send an item to the `error` port, or let supervision decide where that is not wired."""

    def late(self, items: list[Any], times: list[float]) -> None:
        """Count late items, and send them to the `late` port where that is wired."""

    def wake_at(self, when: float) -> None:
        """Call the node's `woken` at `when`, in seconds of its clock."""

    def enough(self) -> None:
        """Nothing that still comes makes a difference to the node."""

    def let_go(self, time: float, first: Callable[[], None]) -> None:
        """What held the frontier back is gone, in the middle of a batch, and `frontier_out` would now be `time`.

        Where that passes an instant at which windows need it exact, `first` is called, to send what comes before, and
        the receivers are told: what they find late does then not depend on where the batch ends.
        """


__all__ = ["Outbox"]
