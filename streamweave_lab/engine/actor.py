"""On whose behalf a verb is carried out: it follows the call through threads, loops and tasks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """Who asks, why, and by which request; kept with configuration versions, and in events."""

    who: str = "code"
    """Such as "button", "magic", "http", "signal SIGHUP", or a person's name; "code" where nobody said."""
    why: str = ""
    request_id: str | None = None
    """The id by which the log of whoever asked knows this request."""

    @property
    def named(self) -> bool:
        """Somebody has said who asks."""
        return self is not _NOBODY


_NOBODY = Actor()
_ACTING: ContextVar[Actor] = ContextVar("streamweave_actor", default=_NOBODY)


@contextmanager
def acting(who: str, why: str = "", request_id: str | None = None) -> Iterator[Actor]:
    """Within this, what a run is asked for is asked by `who`.

    with sw.acting("anna", why="the limit was too tight"):
        await run.configure(limit=3)
    """
    actor = Actor(who, why, request_id)
    token = _ACTING.set(actor)
    try:
        yield actor
    finally:
        _ACTING.reset(token)


def actor() -> Actor:
    """Who asks for what is being done now."""
    return _ACTING.get()


def nobody_asks() -> None:
    """What follows in this context is done of the run's own accord, whoever's request woke it."""
    if _ACTING.get() is not _NOBODY:
        _ACTING.set(_NOBODY)


__all__ = ["Actor", "acting", "actor", "nobody_asks"]
