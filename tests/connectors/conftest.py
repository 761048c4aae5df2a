from __future__ import annotations

from typing import Any

import pytest

from streamweave_lab.clock import VirtualClock
from streamweave_lab.graph.source import END, Source, Wait
from streamweave_lab.testing.harness import Drive


class Polled(Drive):
    """A source as in a run, on a clock that stands still until a test moves it."""

    def __init__(self, source: Source[Any], config: Any = None) -> None:
        source.clock = VirtualClock()
        super().__init__(source, config)

    def now(self, limit: int = 1024) -> list[Any]:
        """All that can be had without waiting."""
        items: list[Any] = []
        while isinstance(answer := self.node.poll(limit), list):
            assert len(answer) <= limit
            items += answer
        return items

    def to_end(self, limit: int = 1024) -> list[Any]:
        """All there is, with the clock moved on where the source asks to wait; then it is closed."""
        items: list[Any] = []
        while (answer := self.node.poll(limit)) is not END:
            if isinstance(answer, Wait):
                self.node.clock.move_to(self.node.clock.now() + answer.seconds)
            else:
                assert len(answer) <= limit
                items += answer
        self.node.closed()
        return items


@pytest.fixture(scope="session")
def polled():
    """Opens sources, and closes them when the session ends."""
    drives = []

    def polled(source, config=None):
        drives.append(Polled(source, config))
        return drives[-1]

    yield polled
    for drive in drives:
        drive.node.closed()
