"""When the console sends what: four frames a second while somebody looks and something moves, the latest only."""

from __future__ import annotations

from collections import deque
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from streamweave_lab.console import columns

if TYPE_CHECKING:
    from streamweave_lab.engine.glance import Glance
    from streamweave_lab.engine.status import EventStatus, Status

FRAME_SECONDS = 0.25
UNSEEN_SECONDS = 1.0
"""While nobody looks it is only history that is kept."""
SETTLE_SECONDS = 2.5
"""Frames go on so long after the last change, for rates and shares to come to rest."""
BEAT_SECONDS = 2.0
"""While nothing changes a word without numbers says so often that the loop lives."""
LEASE_SECONDS = 60.0
"""A page that is closed without a word counts as looking so long; pages that look say so every 20 s."""
HISTORY_SECONDS = 120
EVENTS_KEPT = 60

Message = tuple[dict[str, Any], list[bytes]]


class Viewers:
    """The pages that look at one console now. From any thread."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def saw(self, page: str, visible: bool, now: float) -> bool:
        """A page says whether it can be seen. True if nobody looked before, and now somebody does."""
        anybody = self.anybody(now)
        if visible:
            self._until[page] = now + LEASE_SECONDS
        else:
            self._until.pop(page, None)
        return visible and not anybody

    def anybody(self, now: float) -> bool:
        """Somebody looks."""
        return any(until > now for until in tuple(self._until.values()))


class Feed:
    """Decides, from one look at a run to the next, what to tell those who watch. Does no I/O."""

    def __init__(self) -> None:
        self.viewers = Viewers()
        self.history: deque[bytes] = deque(maxlen=HISTORY_SECONDS + 1)
        """About a frame a second, oldest first."""
        self._kept_at = self._moved_at = self._sent_at = float("-inf")
        self._moved: Any = None
        self._words: dict[str, Any] = {}
        self._newest: EventStatus | None = None
        self._config: Any = None
        self._over = False

    def pause(self, now: float) -> float:
        """Seconds until the next look."""
        return FRAME_SECONDS if self.viewers.anybody(now) else UNSEEN_SECONDS

    def look(self, status: Status | Glance, now: float) -> Message | None:
        """Take one look: what to send now, if anything."""
        ended = status.state in columns.ENDED
        numbers = columns.frame(status)
        self._keep(numbers, now, ended)
        self._note_motion(status, numbers, now)
        if ended:
            return None if self._over else self._last(status, numbers, now)
        if not self.viewers.anybody(now):
            return None
        if now - self._moved_at <= SETTLE_SECONDS:
            return self._frame(status, numbers, now)
        return self._beat(now)

    def whole(self, status: Status) -> dict[str, Any]:
        """Everything a page needs that begins to look: what is said, and two minutes of frames."""
        return {
            "present": {
                "words": columns.words(status),
                "events": columns.events(status.events)[:EVENTS_KEPT],
                "config": columns.settings(status.config),
            },
            "history": b"".join([*self.history, columns.frame(status)]),
        }

    def _keep(self, numbers: bytes, now: float, ended: bool) -> None:
        if now - self._kept_at > 0.9 or (ended and not self._over):
            self._kept_at = now
            self.history.append(numbers)

    def _note_motion(self, status: Status | Glance, numbers: bytes, now: float) -> None:
        moved = (
            columns.moved(numbers, len(status.nodes), len(status.edges)),
            status.state,
            status.reasons,
            status.stale_seconds is None,
            status.events[:1],
        )
        if moved != self._moved:
            self._moved, self._moved_at = moved, now

    def _frame(self, status: Status | Glance, numbers: bytes, now: float) -> Message:
        self._sent_at = now
        return self._news(status), [numbers]

    def _last(self, status: Status | Glance, numbers: bytes, now: float) -> Message:
        self._over = True
        return self._frame(status, numbers, now)

    def _beat(self, now: float) -> Message | None:
        if now - self._sent_at < BEAT_SECONDS:
            return None
        self._sent_at = now
        return {"beat": True}, []

    def _news(self, status: Status | Glance) -> dict[str, Any]:
        """What is said in words and has changed since it was last said."""
        content: dict[str, Any] = {"frame": True}
        said = columns.words(status)
        if said != self._words:
            self._words = content["words"] = said
        if status.events and status.events[0] is not self._newest:
            seen = self._newest
            fresh = takewhile(lambda event: event is not seen, status.events[:EVENTS_KEPT])
            content["events"] = columns.events(fresh)
            self._newest = status.events[0]
        if (config := _identity(status)) != self._config:
            self._config = config
            content["config"] = columns.settings(status.config)
        return content


def _identity(status: Status | Glance) -> Any:
    """What tells one configuration, and its reloads, from another without reading all of it."""
    config = status.config
    return config and (config.version, config.sha256, config.reloads)
