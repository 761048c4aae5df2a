"""systemd hears how a run is: ready, reloading, draining, at its end, and that its event loop is alive."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.engine.pulse import in_kernel
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.ops.systemd.notify_socket import SOCKET, NotifySocket, status_line, watchdog_seconds
from streamweave_lab.ops.systemd.status_line import sentence

LOOK_SECONDS = 5.0
"""Between two looks at the run: for STATUS, and for EXTEND_TIMEOUT_USEC where a drain takes long."""
EXTEND_USEC = 15_000_000
"""How long systemd waits for the next word: three looks. It never shortens what the unit allows."""
_UNDER_WAY = frozenset({"starting", "draining", "suspending"})
_ASKED_TO_END = frozenset({"run.draining", "run.suspending"})
_RELOADED = frozenset({"config.applied", "config.unchanged", "config.rolled_back"})
_REFUSED = frozenset({"config.rejected", "config.not_applied"})


@contextmanager
def notifying(run: LocalRun, environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Within this, systemd hears of `run`, which lives on the running loop; for Type=notify-reload or notify.

    READY=1 when the run is ready; RELOADING=1 and READY=1 around each reload, a refused one too, which STATUS=
    tells; EXTEND_TIMEOUT_USEC= every 5 s of a drain or a reload; WATCHDOG=1 at half of WATCHDOG_USEC, from the run's
    loop, so that it fails to come when the loop is blocked; STOPPING=1 when this is left, and not before, for until
    then a drain may be that of a button and the process may live on.

    Does nothing where NOTIFY_SOCKET is not set, and in a Jupyter kernel, which is not systemd's service.
    Raises: ConfigError for a NOTIFY_SOCKET or WATCHDOG_USEC that systemd would not set.
    """
    address = environ.get(SOCKET)
    if not address or in_kernel():
        yield
        return
    watchdog = watchdog_seconds(environ)
    notifier = _NOTIFIERS[run] = Notifier(run, NotifySocket(address), watchdog)
    try:
        yield
    finally:
        del _NOTIFIERS[run]
        notifier.close()


class Notifier:
    """Tells systemd of one run; made by `notifying`, on the run's loop."""

    def __init__(self, run: LocalRun, out: NotifySocket, watchdog: float | None) -> None:
        self._run, self._out = run, out
        self._ready = False
        self._reloading = 0
        self._refused = ""
        self._is_of_pause = False
        """It was refused because the run was paused."""
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}
        self._unsubscribe = run.observe(self._take)
        if watchdog is not None:
            self._regularly(watchdog / 2, self._beat)
        # Not at once: whoever hears READY=1 may send a signal, and who enters this may first have handlers to install.
        self._timers[self._look] = asyncio.get_running_loop().call_later(0, self._regularly, LOOK_SECONDS, self._look)

    def reload_begins(self) -> None:
        """The configuration is about to be read again."""
        self._reloading += 1
        self._say_reloading()

    def reload_ended(self, refused: str = "") -> None:
        """It has been read and applied, or `refused`: why not."""
        self._reloading -= 1
        self._refused = refused
        self._say_ready_again()

    def close(self) -> None:
        """The process is about to end."""
        self._unsubscribe()
        for timer in self._timers.values():
            timer.cancel()
        if not self._ready and self._run.failure is None:
            self._out.say("READY=1")  # so quick that nobody has looked; without it systemd calls it a failure
        self._out.say("STOPPING=1", f"EXTEND_TIMEOUT_USEC={EXTEND_USEC}", self._status())
        self._out.close()

    # Inside

    def _regularly(self, seconds: float, act: Callable[[], None]) -> None:
        act()
        self._timers[act] = asyncio.get_running_loop().call_later(seconds, self._regularly, seconds, act)

    def _beat(self) -> None:
        self._out.say("WATCHDOG=1")

    def _look(self) -> None:
        status = self._run.status()
        said = [status_line(sentence(status, self._refused))]
        if status.ready and not self._ready:
            self._ready = True
            said.insert(0, "READY=1")
        if status.state in _UNDER_WAY or self._reloading:  # one that is verified takes as long as it is watched
            said.append(f"EXTEND_TIMEOUT_USEC={EXTEND_USEC}")
        self._out.say(*said)

    def _take(self, event: EventStatus) -> None:
        """Something happened in the run; on its loop."""
        if event.event in _RELOADED or event.event in _REFUSED:
            self._refused = event.message if event.event in _REFUSED else ""
            self._is_of_pause = event.event == "config.not_applied"
            if not self._reloading:  # not by a signal: from a watched file, a button, a request
                self._say_reloading()
                self._say_ready_again()
        elif event.event == "run.resumed" and self._is_of_pause:
            self._refused, self._is_of_pause = "", False
            self._out.say(self._status())
        elif event.event in _ASKED_TO_END or not self._ready:
            asyncio.get_running_loop().call_soon(self._look_if_open)

    def _look_if_open(self) -> None:
        if _NOTIFIERS.get(self._run) is self:
            self._look()

    def _say_reloading(self) -> None:
        if self._ready:  # else READY=1 after it would say too much
            self._out.say("RELOADING=1", f"MONOTONIC_USEC={int(SYSTEM_CLOCK.now() * 1e6)}", "STATUS=reloading")

    def _say_ready_again(self) -> None:
        if self._ready:
            self._out.say("READY=1", self._status())

    def _status(self) -> str:
        return status_line(sentence(self._run.status(), self._refused))


_NOTIFIERS: WeakKeyDictionary[LocalRun, Notifier] = WeakKeyDictionary()


def notifier_of(run: LocalRun) -> Notifier | None:
    """What tells systemd of `run`, within `notifying(run)`; None elsewhere."""
    return _NOTIFIERS.get(run)


__all__ = ["Notifier", "notifier_of", "notifying"]
