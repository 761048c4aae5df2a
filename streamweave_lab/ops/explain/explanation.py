"""One answer to one question about a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Explanation:
    """A sentence, and the facts it was made from."""

    question: str
    """"frontier", "bottleneck", "ready", "pause", "trouble" or "checkpoint"."""
    sentence: str
    facts: dict[str, Any] = field(default_factory=dict)
    """JSON-serialisable; `cause` is always among them. Seconds, unless they are counts of items."""


def event_time(seconds: float | None) -> str:
    """An event time for people: whole seconds without a point."""
    if seconds is None:
        return "nothing"
    return f"{seconds:.0f}" if float(seconds).is_integer() else f"{seconds:.3f}"
