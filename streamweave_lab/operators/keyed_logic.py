"""What the logic of a KeyedStep may ask and do for the key of the item or timer that it is taking."""

from __future__ import annotations

import math
from typing import Any, Generic

from typing_extensions import TypeVar

from streamweave_lab.errors import NoEventTimeError, NotRunningError, StateError
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import I_contra, O_co
from streamweave_lab.operators.timers import Timers

# Bounds and defaults as in graph/port.py: for lambdas of which nothing is known.
K = TypeVar("K", bound=Any, default=Any)

NO_KEY: Any = object()


class KeyedLogic(Step[I_contra, O_co], Generic[K, I_contra, O_co]):
    """The half of a KeyedStep that its subclasses see; the other half keeps this one's attributes right."""

    _key: Any = NO_KEY
    _values: dict[str, dict[Any, Any]] | None = None
    _timers: Timers
    _timeouts: Timers
    _instant: float
    """The event time of the timer now being taken; minus infinity else."""
    _ending: bool
    """All inputs have ended, so that nobody would wait for what is set now."""

    @property
    def key(self) -> K:
        """The key of the item or timer now being taken. Raises: StateError at any other moment."""
        if self._outbox is None:
            raise NotRunningError(self.name, "key")
        if self._key is NO_KEY:
            raise StateError(f"{self!r} is not taking an item or a timer, so there is no key; `kept` has all of them")
        key: K = self._key
        return key

    @property
    def time(self) -> float:
        """The event time, in seconds, of the item or timer now being taken. Raises: NoEventTimeError without one."""
        if self._item_time is None:
            raise NoEventTimeError(self.name)
        return self._item_time

    @property
    def kept(self) -> dict[K, dict[str, Any]]:
        """All that is kept at the moment, `{key: {"clicks": 3}}`, for looking at it. Not cheap."""
        values = self._values or {}
        keys = dict.fromkeys(key for of_name in values.values() for key in of_name)
        return {key: {name: of[key] for name, of in values.items() if key in of} for key in keys}

    def at(self, time: float) -> None:
        """Call `on_timer(time)` for this key once the frontier has reached `time` (seconds of event time).

        If it has already, that is right after this item. Several may be set; two for one instant are one.
        Raises: ValueError if `time` is not finite, or no later than the timer now being taken.
        """
        key = self.key
        if time <= self._instant:
            raise ValueError(f"a timer of {self._instant} cannot set one for {time}, it would go on for ever")
        if not self._ending:
            self._timers.set(time, key)

    def after(self, seconds: float) -> None:
        """Call `on_timeout(now)` for this key when `seconds` have passed on the clock. Several may be set.

        Time that passes while a run is suspended counts. Raises: ValueError unless `seconds` is finite and over 0.
        """
        key = self.key
        if not 0 < seconds < math.inf:
            raise ValueError(f"a timeout must be a number of seconds above 0, not {seconds}")
        if not self._ending:
            self._timeouts.set(self.clock.now() + seconds, key)
            self._arm()

    def cancel(self) -> None:
        """Unset all timers of this key, those of `at` and those of `after`."""
        key = self.key
        self._timers.cancel(key)
        self._timeouts.cancel(key)

    def forget(self) -> None:
        """Delete all that is kept of this key, and unset its timers."""
        self.cancel()
        for values in (self._values or {}).values():
            values.pop(self.key, None)

    # What a subclass may define.

    def on_timer(self, time: float) -> None:
        """The frontier has reached `time`, for which this key had set a timer."""
        raise NotImplementedError(f"{type(self).__name__} sets timers with at() and must define on_timer(time)")

    def on_timeout(self, now: float) -> None:
        """The clock has come to `now`, and a timeout of this key has passed."""
        raise NotImplementedError(f"{type(self).__name__} sets timeouts with after() and must define on_timeout(now)")

    def _arm(self) -> None:
        """See to it that the earliest timeout is taken."""
        raise NotImplementedError
