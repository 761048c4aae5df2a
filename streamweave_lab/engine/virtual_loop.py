"""An event loop in virtual time: when everything waits, the clock jumps to the next timer, as trio's MockClock does."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

from streamweave_lab.clock import VirtualClock


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop whose `time()` is a VirtualClock, moved on instead of waiting."""

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self.clock = clock or VirtualClock()
        super().__init__(_JumpingSelector(self.clock))

    def time(self) -> float:
        """Virtual seconds."""
        return self.clock.now()


class _JumpingSelector(selectors.SelectSelector):
    """Where the loop would sleep, it moves the clock by as much. Input from other threads is still seen."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            return super().select(None)
        ready = super().select(0)
        if not ready and timeout > 0:
            self._clock.move_to(self._clock.now() + timeout)
        return ready
