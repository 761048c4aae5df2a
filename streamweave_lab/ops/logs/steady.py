"""Standard error of a service: when its disk is full or its reader has gone, the service goes on."""

from __future__ import annotations

import contextlib
import io
import os
import sys


class SteadyStream(io.TextIOBase):
    """Writes past Python's buffer, and drops what cannot be written. `stream` is the one it stands for."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self.stream = stream
        self._file = os.dup(stream.fileno())

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream."""
        return self.stream.encoding

    def writable(self) -> bool:
        """It takes whatever it is given."""
        return True

    def fileno(self) -> int:
        """Its own descriptor of the same file."""
        return self._file

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._file)

    def write(self, text: str) -> int:
        """Write, or drop what is left when that fails."""
        left = memoryview(text.encode(self.encoding, "backslashreplace"))
        with contextlib.suppress(OSError):
            while left:
                left = left[os.write(self._file, left) :]
        return len(text)


def steady_stderr() -> None:
    """From now on no write to `sys.stderr` fails in this process. Nothing is done where it is no file of its own."""
    stream = sys.stderr
    if stream is not sys.__stderr__ or not isinstance(stream, io.TextIOWrapper):
        return
    with contextlib.suppress(OSError, ValueError):
        stream.flush()
        sys.stderr = SteadyStream(stream)


__all__ = ["SteadyStream", "steady_stderr"]
