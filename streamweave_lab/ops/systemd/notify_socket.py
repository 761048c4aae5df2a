"""The socket on which a service manager listens, as sd_notify(3) describes it."""

from __future__ import annotations

import contextlib
import os
import socket
from collections import deque
from collections.abc import Mapping

from streamweave_lab.errors import ConfigError

SOCKET, WATCHDOG_USEC, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
_LONGEST_STATUS = 500
"""Bytes: systemd ignores a message of more than 4096, whole."""
_LAST_WAIT = 1.0
"""Seconds for what could not be said before, at the end."""


class NotifySocket:
    """Says assignments such as "READY=1" to the service manager; never blocks, and never raises for a manager gone."""

    def __init__(self, address: str) -> None:
        if address[:1] not in ("/", "@") or len(address) < 2:
            remedy = "systemd sets it to an absolute path, or to @ and the name of an abstract socket; unset it"
            raise ConfigError(f"environment {SOCKET}", (f"{address!r} is no socket: {remedy}",))
        self._address = "\0" + address[1:] if address[0] == "@" else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._unsaid: deque[bytes] = deque(maxlen=100)

    def say(self, *assignments: str) -> None:
        """Say this, in one message. While the manager has no room it is kept; only watchdogs are forgotten."""
        message = "\n".join(assignments).encode("utf-8", "replace")
        if message == b"WATCHDOG=1":
            if not self._unsaid:
                self._sent(message)
            return
        self._unsaid.append(message)
        self.say_kept()

    def say_kept(self) -> None:
        """Say what there was no room for, as far as there is now."""
        while self._unsaid and self._sent(self._unsaid[0]):
            self._unsaid.popleft()

    def close(self) -> None:
        """Say what is left, within a second."""
        with self._socket:
            self._socket.settimeout(_LAST_WAIT)
            self.say_kept()

    def _sent(self, message: bytes) -> bool:
        """Sent, or nobody is there to hear it; False: there is no room now."""
        try:
            self._socket.sendto(message, self._address)
        except (BlockingIOError, TimeoutError):
            return False
        except OSError:
            pass  # the manager is gone; a run does not end for that
        return True


def status_line(sentence: str) -> str:
    """The assignment that shows `sentence` in `systemctl status`: one line, of a length that systemd takes."""
    line = " ".join(sentence.split()).encode("utf-8", "replace")
    short = line if len(line) <= _LONGEST_STATUS else line[: _LONGEST_STATUS - 3] + "…".encode()
    return "STATUS=" + short.decode("utf-8", "ignore")


def watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """Within how many seconds the manager wants to hear WATCHDOG=1 from this process; None if it does not.

    Raises: ConfigError for a number that is none.
    """
    if environ.get(WATCHDOG_PID, str(os.getpid())) != str(os.getpid()):
        return None
    told = environ.get(WATCHDOG_USEC)
    with contextlib.suppress(ValueError):
        if told is None or int(told) > 0:
            return None if told is None else int(told) / 1e6
    raise ConfigError(f"environment {WATCHDOG_USEC}", (f"{told!r} is no number of microseconds above 0; unset it",))


__all__ = ["NotifySocket", "status_line", "watchdog_seconds"]
