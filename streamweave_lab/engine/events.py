"""What has happened in a run, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamweave_lab.clock import Clock
from streamweave_lab.engine.observer import announce, tell
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.graph.batch import Failure

KEPT = 200
_SECONDS_BETWEEN_REFUSALS = 1.0


class Events:
    """The newest events of one run, and its observers."""

    def __init__(self, run: str, clock: Clock) -> None:
        self._run, self._clock = run, clock
        self.newest: tuple[EventStatus, ...] = ()
        """Newest first. A tuple, replaced whole, so that any thread may read it."""
        self._observers: list[Callable[[EventStatus], None]] = []
        self._refusals: dict[str, tuple[float, int]] = {}

    def observe(self, observer: Callable[[EventStatus], None]) -> Callable[[], None]:
        """Call `observer` with each event. Returns a function that ends it."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer) if observer in self._observers else None

    def tell(self, event: str, message: str, level: Any, node: str | None, port: str | None) -> None:
        """Something happened now."""
        happened = EventStatus(at=self._clock.wall(), event=event, level=level, message=message, node=node, port=port)
        self.newest = (happened, *self.newest[: KEPT - 1])
        for observer in tuple(self._observers):
            tell(lambda observer=observer: observer(happened))  # type: ignore[misc]
        announce(self._run, happened)

    def refused(self, failure: Failure[Any]) -> None:
        """An item left by an error port: at most one event a second for each node, which counts the others."""
        now = self._clock.now()
        last, suppressed = self._refusals.get(failure.node, (None, 0))
        if last is not None and now - last < _SECONDS_BETWEEN_REFUSALS:
            self._refusals[failure.node] = (last, suppressed + 1)
            return
        self._refusals[failure.node] = (now, 0)
        more = f" (and {suppressed} more since the last such event)" if suppressed else ""
        error = f"{failure.error!r}"[:200]
        self.tell("node.item_refused", f"{failure.node}: {error}{more}", "warning", failure.node, "error")
