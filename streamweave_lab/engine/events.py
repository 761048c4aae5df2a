"""What has happened in a run, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from streamweave_lab.clock import SYSTEM_CLOCK, Clock, VirtualClock
from streamweave_lab.config.secrets import Secrets
from streamweave_lab.engine.actor import actor
from streamweave_lab.engine.observer import announce, tell
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.graph.batch import Failure
from streamweave_lab.graph.redaction import Redact, error_shown, redacted, traceback_shown

KEPT = 200
_SECONDS_BETWEEN_REFUSALS = 1.0
_TRACEBACK = 4000
"""Characters of a traceback that are kept, from its end."""


class Events:
    """The newest events of one run, and its observers."""

    def __init__(self, run: str, clock: Clock, redact: Redact, secrets: Secrets) -> None:
        self._run, self._clock, self._redact, self._hide = run, clock, redact, secrets.hide
        self.newest: tuple[EventStatus, ...] = ()
        """Newest first. A tuple, replaced whole, so that any thread may read it."""
        self._observers: list[Callable[[EventStatus], None]] = []
        self._refusals: dict[str, tuple[float, int]] = {}
        self._held: list[EventStatus] | None = None
        """What nobody has heard of yet."""

    def observe(self, observer: Callable[[EventStatus], None]) -> Callable[[], None]:
        """Call `observer` with each event. Returns a function that ends it."""
        self._observers.append(observer)
        return lambda: self._observers.remove(observer) if observer in self._observers else None

    @contextmanager
    def held(self) -> Iterator[None]:
        """What happens within this is known at once, and the observers hear of it afterwards."""
        self._held = []
        try:
            yield
        finally:
            held, self._held = self._held, None
            for happened in held:
                self._pass_on(happened)

    def tell(
        self,
        event: str,
        message: str,
        level: Any,
        node: str | None,
        port: str | None,
        *,
        item: Any = None,
        error: BaseException | None = None,
    ) -> None:
        """Something happened now, perhaps to an item, of which is shown what the graph allows; of secrets nothing."""
        shown = None if item is None else self._hide(str(redacted(self._redact, f"{node}.in", item)))
        told = None if error is None else self._hide(traceback_shown(self._redact, error))[-_TRACEBACK:]
        asked = actor()
        happened = EventStatus(
            at=self._clock.wall(), event=event, level=level, message=self._hide(message), node=node, port=port,
            item=shown, traceback=told, by=asked.who if asked.named else None, why=asked.why or None,
            request_id=asked.request_id,
        )  # fmt: skip
        self.newest = (happened, *self.newest[: KEPT - 1])
        if self._held is None:
            self._pass_on(happened)
        else:
            self._held.append(happened)

    def refused(self, failure: Failure[Any], event: str = "node.item_refused") -> None:
        """An item left by an error port, or was skipped: one event a second for each node, which counts the others."""
        now = self._clock.now()
        last, suppressed = self._refusals.get(failure.node, (None, 0))
        if last is not None and now - last < _SECONDS_BETWEEN_REFUSALS:
            self._refusals[failure.node] = (last, suppressed + 1)
            return
        self._refusals[failure.node] = (now, 0)
        more = f" (and {suppressed} more since the last such event)" if suppressed else ""
        error = self._hide(error_shown(self._redact, failure.error))[:200]
        port = "error" if event == "node.item_refused" else None
        said = f"{failure.node}: {error}{more}"
        self.tell(event, said, "warning", failure.node, port, item=failure.item, error=failure.error)

    def _pass_on(self, happened: EventStatus) -> None:
        for observer in tuple(self._observers):
            tell(lambda observer=observer: observer(happened))  # type: ignore[misc]
        announce(self._run, happened, SYSTEM_CLOCK.wall() if isinstance(self._clock, VirtualClock) else None)
