"""An orderly end: before a kernel shuts down or restarts, its runs are suspended or drained as time allows.

Jupyter sends a kernel shutdown_request, SIGTERM 2.5 seconds later, and SIGKILL 2.5 seconds after that. Nothing in a
kernel handles SIGTERM, so 2.5 seconds is what there is. No signal handler is installed here.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, Literal

from streamweave_lab.engine.registry import runs
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import IllegalMoveError

BUDGET = 2.0
"""Seconds for all of them; what is not finished then is dropped, and counted."""

_GRACE = 0.2
"""Seconds more for a run to give its account after its drain timed out."""

_MARK = "_streamweave_wraps"


def install(kernel: Any, budget: float = BUDGET) -> None:
    """Make `kernel` end the runs of this process before it shuts down. Twice is once."""
    original = kernel.do_shutdown
    if getattr(original, _MARK, False):
        return

    async def do_shutdown(restart: bool) -> Any:
        await wind_up(budget)
        answer = original(restart)
        return await answer if inspect.isawaitable(answer) else answer

    setattr(do_shutdown, _MARK, True)
    kernel.do_shutdown = do_shutdown


def remove(kernel: Any) -> None:
    """Undo `install`."""
    if getattr(kernel.do_shutdown, _MARK, False):
        del kernel.do_shutdown


def install_here() -> None:
    """Do so in the kernel that this process is; elsewhere do nothing."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is not None:
        install(kernel)


async def wind_up(budget: float = BUDGET) -> None:
    """End every run of this process at once, for at most `budget` seconds. Called on any loop, and never raises.

    A run that has a store is suspended, so that it can be gone on with; any other is drained.

    A run whose own loop does not answer in that time, because a cell blocks it, cannot be helped.
    """
    asked = [asked for run in runs().values() if (asked := _ask(run, budget)) is not None]
    if asked:
        await asyncio.wait(asked, timeout=budget + _GRACE)


def _ask(run: LocalRun, budget: float) -> asyncio.Future[Any] | None:
    if run.lifecycle.over:
        return None
    try:
        verb: Literal["drain", "suspend"] = "drain" if run.checkpoints is None else "suspend"
        return asyncio.wrap_future(run.ask(verb, timeout=budget))
    except (IllegalMoveError, RuntimeError):
        return None  # its loop has been closed: there is nobody to drain it


__all__ = ["BUDGET", "install", "install_here", "remove", "wind_up"]
