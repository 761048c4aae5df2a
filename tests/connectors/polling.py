"""Polling a source by hand."""

from __future__ import annotations

from typing import Any

from streamweave_lab.clock import VirtualClock
from streamweave_lab.graph.node import END, Source, Wait
from streamweave_lab.testing.harness import Drive


def opened(source: Source[Any], config: Any = None) -> Drive:
    """The source as in a run, on a clock that stands still."""
    source.clock = VirtualClock()
    return Drive(source, config)


def now(source: Any, limit: int = 1024) -> list[Any]:
    """All that can be had without waiting."""
    items: list[Any] = []
    while isinstance(answer := source.poll(limit), list):
        assert len(answer) <= limit
        items += answer
    return items


def to_end(source: Any, limit: int = 1024) -> list[Any]:
    """All there is, with the clock moved on where the source asks to wait."""
    items: list[Any] = []
    while (answer := source.poll(limit)) is not END:
        if isinstance(answer, Wait):
            source.clock.move_to(source.clock.now() + answer.seconds)
        else:
            assert len(answer) <= limit
            items += answer
    return items
