"""What travels on an edge: batches of items and, between them, marks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Batch:
    """Items with, where event time is assigned, their event times in seconds.

    `times` runs parallel to `items`, or is None. A batch may be shared by many receivers: nobody changes
    its lists after it was sent.
    """

    __slots__ = ("items", "times")

    def __init__(self, items: list[Any], times: list[float] | None = None) -> None:
        self.items = items
        self.times = times

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"Batch({self.items!r}, {self.times!r})"

    def split(self, n: int) -> tuple[Batch, Batch]:
        """The first `n` items, and the rest."""
        items, times = self.items, self.times
        if times is None:
            return Batch(items[:n]), Batch(items[n:])
        return Batch(items[:n], times[:n]), Batch(items[n:], times[n:])


class Watermark:
    """Nothing with an event time earlier than `time` (seconds) follows on this edge.

    `time` is None where the sender is idle: until its next item it holds nobody's frontier.
    """

    __slots__ = ("time",)

    def __init__(self, time: float | None) -> None:
        self.time = time

    def __repr__(self) -> str:
        return f"Watermark({self.time!r})"


@dataclass(frozen=True, slots=True)
class Barrier:
    """The mark that separates two epochs and carries a change to every node.

    `config` is the configuration that holds after it (None: unchanged); with `snapshot` every node keeps its
    state as it is there; `last` says that nothing follows on this edge any more. After a last one that suspends,
    the run is to be gone on with: nothing that is held back is sent.
    """

    epoch: int
    config: Any = None
    snapshot: bool = False
    last: bool = False
    suspend: bool = False


@dataclass(frozen=True, slots=True)
class Failure(Generic[T]):
    """An item that a node refused, with the error and the item's event time in seconds (None without one)."""

    node: str
    item: T
    error: BaseException
    time: float | None = None
