"""Keys, one at a time, from a terminal that neither echoes nor waits for Enter meanwhile."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

READ = 64
"""Bytes: an arrow key sends a few at once, and is one key."""


class Keys:
    """What is pressed. Without a terminal to read from, nothing ever is."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def pressed(self, timeout: float) -> str | None:
        """The key that is pressed within `timeout` seconds; None if none is. "" at the end of the input."""
        if self._descriptor is None:
            Event().wait(timeout)
            return None
        there, _, _ = select.select([self._descriptor], [], [], timeout)
        if not there:
            return None
        return os.read(self._descriptor, READ).decode("utf-8", "replace")


@contextmanager
def keys() -> Iterator[Keys]:
    """Within this, keys come one at a time; afterwards the terminal is as it was."""
    try:
        import termios
        import tty
    except ImportError:  # Windows: it is watched, and ended with Ctrl-C
        yield Keys(None)
        return
    if not sys.stdin.isatty():
        yield Keys(None)
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield Keys(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


__all__ = ["Keys", "keys"]
