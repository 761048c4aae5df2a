"""How often the same may be said: a decision, without clock and without output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from streamweave_lab.engine.status import EventStatus

Key = tuple[str, str, str | None, str | None]
"""What makes two events the same: graph, event, node, port."""


@dataclass
class _Seen:
    since: float
    said: int = 1
    suppressed: int = 0
    last: EventStatus | None = None


class Limit:
    """Lets the first `burst` events of a kind through in any `seconds`, and counts the others."""

    def __init__(self, burst: int = 5, seconds: float = 10.0) -> None:
        self._burst, self._seconds = burst, seconds
        self._seen: dict[Key, _Seen] = {}

    def admit(self, key: Key, event: EventStatus, more: int = 0) -> int | None:
        """How many of this kind were held back since the last that was let through; None: hold this back too.

        `more`: how many the event stands for besides itself.
        """
        seen = self._seen.get(key)
        if seen is None or abs(event.at - seen.since) >= self._seconds:
            self._seen[key] = _Seen(event.at)
            return more + (seen.suppressed if seen else 0)
        if seen.said < self._burst:
            seen.said += 1
            return more
        seen.suppressed += 1 + more
        seen.last = event
        return None

    def take_pending(self, graph: str) -> list[tuple[Key, EventStatus, int]]:
        """Forget the events of a graph (of all: ""); of each kind the last one held back, and how many before it."""
        return self._take([key for key in self._seen if graph in ("", key[0])])

    def take_due(self, now: float) -> list[tuple[Key, EventStatus, int]]:
        """The same for each kind whose time has passed at wall time `now`, of which nothing has come since."""
        return self._take([key for key, seen in self._seen.items() if abs(now - seen.since) >= self._seconds])

    def _take(self, keys: Iterable[Key]) -> list[tuple[Key, EventStatus, int]]:
        seen = [(key, self._seen.pop(key)) for key in keys]
        return [(key, s.last, s.suppressed - 1) for key, s in seen if s.last is not None and s.suppressed]


__all__ = ["Key", "Limit"]
