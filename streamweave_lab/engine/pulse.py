"""The heartbeat of a loop, and the watchdog thread that notices when it stops."""

from __future__ import annotations

import asyncio
import sys
import threading
from weakref import WeakValueDictionary

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.engine.scheduler import KERNEL_TURNS_BETWEEN, scheduler_of
from streamweave_lab.engine.status import LoopStatus

BEAT_SECONDS = 0.25
STALL_SECONDS = 1.0
PAUSE = "a pause of the whole process"
"""Nobody's doing here: a signal, a frozen container, a machine that was suspended or had no time for it."""
_SWITCH_INTERVAL = 0.0005
"""Short enough that other threads are not starved of the GIL by a loop that never sleeps: a kernel's sockets, probes,
and above all the one that writes checkpoints, for SQLite lets go of the GIL hundreds of times in each."""


class _Switches:
    """The GIL's switch interval, which is the process's: short as long as a run lives on any loop."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._users = 0
        self._before = sys.getswitchinterval()

    def enter(self) -> None:
        with self._guard:
            self._users += 1
            if self._users == 1:
                self._before = sys.getswitchinterval()
                sys.setswitchinterval(min(self._before, _SWITCH_INTERVAL))

    def leave(self) -> None:
        with self._guard:
            self._users -= 1
            if self._users == 0:
                sys.setswitchinterval(self._before)


_SWITCHES = _Switches()


class Pulse:
    """Measures one loop while runs live on it; ends with the last of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.beat_at = SYSTEM_CLOCK.now()
        self.lag = self.longest = 0.0
        self.blocked_by: str | None = None
        self.stalls = 0
        self._found: str | None = None
        """What the watchdog has found in the stall that goes on."""
        self._looked = (self.beat_at, SYSTEM_CLOCK.used())
        """When the watchdog last looked, and the processor time used by then."""
        self._users = 0
        self._timer: asyncio.TimerHandle | None = None
        self._stop = threading.Event()

    def enter(self) -> None:
        """A run begins to live on the loop."""
        self._users += 1
        if self._users == 1:
            self._stop = threading.Event()
            self.beat_at = SYSTEM_CLOCK.now()
            self._timer = self.loop.call_later(BEAT_SECONDS, self._beat)
            threading.Thread(target=self._watch, args=(self._stop,), name="streamweave watchdog", daemon=True).start()
            if in_kernel():
                scheduler_of(self.loop).turns_between = KERNEL_TURNS_BETWEEN
            _SWITCHES.enter()

    def leave(self) -> None:
        """A run has ended."""
        self._users -= 1
        if self._users == 0:
            self._stop.set()
            if self._timer is not None:
                self._timer.cancel()
            _SWITCHES.leave()

    def status(self) -> LoopStatus:
        """What is known of the loop now. From any thread."""
        age = SYSTEM_CLOCK.now() - self.beat_at - BEAT_SECONDS if self._users else 0.0
        stalled = age if age > STALL_SECONDS else 0.0
        return LoopStatus.of(
            lag_seconds=max(self.lag, stalled),
            stalled_seconds=stalled,
            longest_stall_seconds=max(self.longest, stalled),
            blocked_by=self.blocked_by,
        )

    def _beat(self) -> None:
        now = SYSTEM_CLOCK.now()
        self.lag = max(0.0, now - self.beat_at - BEAT_SECONDS)
        self.beat_at = now
        if self.lag > STALL_SECONDS:
            self.longest = max(self.longest, self.lag)
            self.stalls += 1
            by = self.blocked_by = self._found or (PAUSE if self._was_paused() else _other_code())
            for core in scheduler_of(self.loop).cores:
                core.tell("loop.stalled", f"{by} blocked the event loop for {self.lag:.1f} s", level="warning")
        self._found = None
        self._timer = self.loop.call_later(BEAT_SECONDS, self._beat)

    def _watch(self, stop: threading.Event) -> None:
        self._looked = SYSTEM_CLOCK.now(), SYSTEM_CLOCK.used()
        while not stop.wait(BEAT_SECONDS):
            if SYSTEM_CLOCK.now() - self.beat_at > STALL_SECONDS:
                self._found = self.blocked_by = PAUSE if self._was_paused() else self._culprit()
            self._looked = SYSTEM_CLOCK.now(), SYSTEM_CLOCK.used()

    def _culprit(self) -> str:
        node = scheduler_of(self.loop).current()
        return f"node {node}" if node else _other_code()

    def _was_paused(self) -> bool:
        """The watchdog did not run either, and not because code that never lets go of the GIL was busy."""
        at, used = self._looked
        away = SYSTEM_CLOCK.now() - at - BEAT_SECONDS
        return away > STALL_SECONDS and SYSTEM_CLOCK.used() - used < away / 2


def in_kernel() -> bool:
    """Whether this process is a Jupyter kernel."""
    kernel = sys.modules.get("ipykernel.kernelapp")
    return kernel is not None and kernel.IPKernelApp.initialized()


def _other_code() -> str:
    return "a cell" if in_kernel() else "other code on it"


_PULSES: WeakValueDictionary[int, Pulse] = WeakValueDictionary()
"""By the id of the loop, which a pulse keeps alive."""


def pulse_of(loop: asyncio.AbstractEventLoop) -> Pulse:
    """The one pulse of a loop."""
    pulse = _PULSES.get(id(loop))
    if pulse is None:
        pulse = _PULSES[id(loop)] = Pulse(loop)
    return pulse
