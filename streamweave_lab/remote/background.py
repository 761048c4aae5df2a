"""The one thread in which all runs of other processes are asked: no notebook's loop ever waits for a network."""

from __future__ import annotations

import asyncio
import threading

_LOCK = threading.Lock()
_LOOP: asyncio.AbstractEventLoop | None = None


def loop() -> asyncio.AbstractEventLoop:
    """Its loop, which goes on until the process ends."""
    global _LOOP
    with _LOCK:
        if _LOOP is None:
            # Not the kernel's policy: that may give a loop that wants a main thread.
            _LOOP = asyncio.SelectorEventLoop()
            threading.Thread(target=_LOOP.run_forever, name="streamweave remote", daemon=True).start()
        return _LOOP
