"""How rooms above listen to what happens in runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from streamweave_lab.engine.status import EventStatus

Observer = Callable[[str, EventStatus, float], None]

_EVERYONE: list[Observer] = []


def observe_all(observer: Observer) -> Callable[[], None]:
    """Call `observer(run name, event, at)` for each event of every run of this process, on that run's loop.

    `at` is when it really was, in seconds of wall time: that of the event, but where the run's time is virtual.
    Returns a function that ends it. What the observer raises is ignored: a run does not fail for being watched.
    """
    _EVERYONE.append(observer)
    return lambda: _EVERYONE.remove(observer) if observer in _EVERYONE else None


def announce(run: str, event: EventStatus, at: float | None = None) -> None:
    """Tell every observer of the process; `at` is given where it is not that of the event."""
    when = event.at if at is None else at
    for observer in tuple(_EVERYONE):
        tell(lambda observer=observer: observer(run, event, when))  # type: ignore[misc]


def tell(call: Callable[[], None]) -> None:
    """Call, and ignore what it raises."""
    with suppress(Exception):
        call()
