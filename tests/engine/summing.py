"""A step with state that is seen in what it sends."""

from typing import Any

from streamweave_lab.graph.node import Step


class Summing(Step[int, int]):
    """Sends the sum of what came."""

    def opened(self) -> None:
        self.sum = 0

    def on_item(self, item: int) -> None:
        self.sum += item
        self.emit(self.out, self.sum)

    def snapshot(self) -> Any:
        return self.sum

    def restore(self, state: Any) -> None:
        self.sum = state + 0  # raises for what another kind has kept
