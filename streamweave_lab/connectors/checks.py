"""What every source with event time checks of its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamweave_lab.errors import GraphError

if TYPE_CHECKING:
    from streamweave_lab.graph.node import Node


def check_seconds(node: Node, *, lag: float, idle_after: float | None) -> None:
    """Raise GraphError if either is negative."""
    if lag < 0 or (idle_after is not None and idle_after < 0):
        raise GraphError(f"{node!r}: lag and idle_after are seconds and cannot be negative")


def check_limit(node: Node, limit: int | None) -> None:
    """Raise GraphError if it is negative."""
    if limit is not None and limit < 0:
        raise GraphError(f"{node!r}: limit is a number of items and cannot be {limit}")
