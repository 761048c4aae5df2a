"""How a room above the engine notes an event in a run."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Literal


def tell(run: object, event: str, message: str, level: Literal["info", "warning", "error"] = "info") -> None:
    """Note an event in a run of this process, from any thread. A run that keeps no events of its own is let be."""
    told, loop = getattr(run, "told", None), getattr(run, "loop", None)
    if told is None:
        return
    say = partial(told, event, message, level=level)
    if loop is None:
        say()
        return
    with suppress(RuntimeError):  # the loop has been closed: nobody listens any more
        loop.call_soon_threadsafe(say)


__all__ = ["tell"]
