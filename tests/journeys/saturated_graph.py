"""A graph that is full: a source that is always quicker than its sink, and a sink that waits for a file `let_go`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import streamweave_lab as sw
from streamweave_lab.graph.source import Poll

LET_GO = Path("let_go")
ROOM = 500
"""Items that each channel on the way to the sink holds."""


class Flood(sw.Source[int]):
    """1, 2, 3, … as many as are taken, for ever."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.time = float

    def opened(self) -> None:
        self.position = 0

    def poll(self, limit: int) -> Poll[int]:
        first, self.position = self.position + 1, self.position + limit
        return [*range(first, self.position + 1)]


async def wait(item: int) -> None:
    """As slow as whoever makes the file."""
    while not LET_GO.exists():  # noqa: ASYNC110, ASYNC240 - a file is the door to another process
        await asyncio.sleep(0.02)


def double(number: int) -> int:
    """The same for all."""
    return 2 * number


def saturated() -> sw.Graph:
    """Two branches: what waits before the sink, and a window that is open."""
    doubled = sw.Map("double", double)
    return sw.Graph(
        "saturated",
        ((Flood("numbers") >> doubled).capacity(ROOM) >> sw.ForEach("sink", wait)).capacity(ROOM),
        doubled >> sw.Window("tens", sw.count(), sw.Tumbling(seconds=1e9)) >> sw.Count("panes"),
    )
