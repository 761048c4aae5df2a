"""Virtual time for tests: hours pass in milliseconds, and always in the same way."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from streamweave_lab.engine.virtual_loop import VirtualLoop

T = TypeVar("T")


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on an event loop in virtual time, and return its result.

    Whatever waits by the loop's clock, `asyncio.sleep` as well as a paced source of a run that was started in
    it, waits no real time; the clock jumps on once there is nothing else to do. A graph that always has
    something to do, as with an endless source that never waits, therefore leaves nobody else a turn.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
