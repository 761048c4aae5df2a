"""The frontier: how far event time has come, given what each input has promised."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Frontier(Generic[K]):
    """The minimum over inputs of the event time, in seconds, before which nothing will come any more.

    Inputs that have ended or are idle do not count. An input that has promised nothing yet holds the frontier
    where it is. The frontier only moves forward, and stays where it is once no input counts.
    """

    __slots__ = ("_idle", "_promised", "time")

    def __init__(self, inputs: Iterable[K]) -> None:
        self._promised: dict[K, float | None] = dict.fromkeys(inputs)
        self._idle: set[K] = set()
        self.time: float | None = None
        """Seconds of event time; None until every input that counts has promised something."""

    def promise(self, source: K, time: float) -> bool:
        """Nothing earlier than `time` follows from `source`, which is not idle any more. True if the frontier moved."""
        if source not in self._promised:
            return False
        before = self._promised[source]
        if before is None or time > before:
            self._promised[source] = time
        self._idle.discard(source)
        return self._move()

    def idle(self, source: K) -> bool:
        """`source` holds nobody back until it wakes. True if the frontier moved."""
        if source in self._promised:
            self._idle.add(source)
        return self._move()

    def wake(self, source: K) -> None:
        """An item has come from `source`: its promise counts again."""
        self._idle.discard(source)

    def end(self, source: K) -> bool:
        """Nothing follows from `source`. True if the frontier moved."""
        self._promised.pop(source, None)
        self._idle.discard(source)
        return self._move()

    def holders(self) -> tuple[K, ...]:
        """The inputs that hold the frontier where it is; none if no input counts. From any thread."""
        counting = {k: t for k, t in self._promised.copy().items() if k not in self._idle}
        silent = tuple(k for k, t in counting.items() if t is None)
        lowest = min((t for t in counting.values() if t is not None), default=None)
        return silent or tuple(k for k, t in counting.items() if t == lowest)

    def less_than(self, time: float) -> bool:
        """Whether the frontier is before `time`; one that has not begun is before every time."""
        return self.time is None or self.time < time

    def less_equal(self, time: float) -> bool:
        """Whether the frontier is not after `time`."""
        return self.time is None or self.time <= time

    def _move(self) -> bool:
        lowest: float | None = None
        for source, time in self._promised.items():
            if source in self._idle:
                continue
            if time is None:
                return False
            if lowest is None or time < lowest:
                lowest = time
        if lowest is None or not self.less_than(lowest):
            return False
        self.time = lowest
        return True

    def __repr__(self) -> str:
        return f"Frontier({self.time!r})"
