"""Sources: the nodes that bring items in, and what they answer when they are asked for some."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from streamweave_lab.graph.node import Node
from streamweave_lab.graph.port import O_co, Out, Outlet


class Source(Node, Outlet[O_co]):
    """A node that brings items in. A subclass defines `poll`.

    `time` maps an item to its event time in seconds (None: no event time). `lag` is how many seconds the
    watermark stays behind the newest item, `idle_after` how many seconds without an item until this source
    holds nobody's frontier (None: never).
    """

    out: Out[O_co]

    time: Any = None
    lag: float = 0.0
    idle_after: float | None = None

    pauses: bool = False
    """No time passes on `clock` while the run is paused, so that a source which paces its items by it goes on where it
    stood; a step then jumps to the next item that is due. Not for a source of what happens outside, which goes on."""

    position: int = 0
    """Items brought in so far; `seek` to it to go on from there."""

    backlog: int | None = None
    """Items known to be waiting outside; None where that cannot be known."""

    total: int | None = None
    """Items there are altogether, for a progress bar; None where that cannot be known."""

    def poll(self, limit: int) -> Poll[O_co]:
        """Bring in what is there now, without waiting: at most `limit` items.

        Returns: a list of items; `Wait(seconds)` if there is nothing now (ask again then); or `END`. An empty
        list is `Wait(0.001)`.
        Whatever it raises fails the run.
        """
        raise NotImplementedError(f"{type(self).__name__} must define poll")

    def seek(self, position: int) -> None:
        """Go on from `position`. Raises: NotImplementedError where the source cannot be replayed."""
        raise NotImplementedError(f"{self.kind} cannot be replayed")

    def _tail(self) -> Out[O_co]:
        return self.out


class AsyncSource(Source[O_co]):
    """A source whose items must be awaited. A subclass defines `stream` instead of `poll`."""

    def stream(self) -> AsyncIterator[list[O_co]]:
        """Yield lists of items as they come; to return is to end. Whatever it raises fails the run."""
        raise NotImplementedError(f"{type(self).__name__} must define stream")


class Wait:
    """A source's answer: nothing now; ask again in `seconds`."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class _End:
    def __repr__(self) -> str:
        return "END"


END = _End()
"""A source's answer: there is nothing more, and never will be."""

Poll = list[O_co] | Wait | _End

__all__ = ["END", "AsyncSource", "Poll", "Source", "Wait"]
