"""The one thread in which all runs of other processes are asked: no notebook's loop ever waits for a network."""

from __future__ import annotations

import asyncio
import logging
import threading

_LOCK = threading.Lock()
_LOOP: asyncio.AbstractEventLoop | None = None
_NAME = "streamweave remote"


def loop() -> asyncio.AbstractEventLoop:
    """Its loop, which goes on until the process ends."""
    global _LOOP
    with _LOCK:
        if _LOOP is None:
            # Not the kernel's policy: that may give a loop that wants a main thread.
            _LOOP = asyncio.SelectorEventLoop()
            threading.Thread(target=_LOOP.run_forever, name=_NAME, daemon=True).start()
            # httpx tells of each request, four a second, and a notebook that logs would have them in its cells.
            logging.getLogger("httpx").addFilter(lambda record: record.threadName != _NAME)
        return _LOOP
