"""How often the same may be said: a decision, without clock and without output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from streamweave_lab.ops.logs.record import Key, Record


@dataclass
class _Seen:
    since: float
    said: int = 1
    suppressed: int = 0
    last: Record | None = None


class Limit:
    """Lets the first `burst` events of a kind through in any `seconds`, and counts the others."""

    def __init__(self, burst: int = 5, seconds: float = 10.0) -> None:
        self._burst, self._seconds = burst, seconds
        self._seen: dict[Key, _Seen] = {}

    def admit(self, record: Record) -> Record | None:
        """The record, with how many of its kind were held back since the last that was let through; None: hold it back.

        What it counts as suppressed itself counts as well.
        """
        seen = self._seen.get(record.key)
        if seen is None or abs(record.at - seen.since) >= self._seconds:
            self._seen[record.key] = _Seen(record.at)
            return replace(record, suppressed=record.suppressed + seen.suppressed) if seen else record
        if seen.said < self._burst:
            seen.said += 1
            return record
        seen.suppressed += 1 + record.suppressed
        seen.last = record
        return None

    def take_pending(self, graph: str) -> list[Record]:
        """Forget the events of a graph (of all: ""); of each kind the last one held back, with how many before it."""
        return self._take([key for key in self._seen if graph in ("", key[0])])

    def take_due(self, now: float) -> list[Record]:
        """The same for each kind whose time has passed at wall time `now`, of which nothing has come since."""
        return self._take([key for key, seen in self._seen.items() if abs(now - seen.since) >= self._seconds])

    def _take(self, keys: Iterable[Key]) -> list[Record]:
        seen = [self._seen.pop(key) for key in keys]
        return [replace(s.last, suppressed=s.suppressed - 1) for s in seen if s.last is not None and s.suppressed]


__all__ = ["Limit"]
