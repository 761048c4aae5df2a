"""Where the lines of a log go: a file, a text stream, a function. Each may block or fail; who writes takes care."""

from __future__ import annotations

import contextlib
import io
import os
import select
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from streamweave_lab.ops.logs.steady import SteadyStream


class Stream(Protocol):
    """A text stream, as `sys.stderr` or an open file."""

    def write(self, text: str, /) -> object:
        """Write text."""

    def flush(self) -> object:
        """Let go of what is held back."""


Sink = str | os.PathLike[str] | Stream | Callable[[str], object]

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class Lines(Protocol):
    """Takes one line after the other, on one thread."""

    name: str
    """What it writes to, for messages."""

    def write(self, line: str) -> object:
        """Write a line, which has no line break yet. Blocks as long as it takes, and raises what the sink raises."""

    def close(self) -> None:
        """Let go of what was opened here."""


def lines_to(sink: Sink) -> Lines:
    """What writes to `sink`. Raises: TypeError for what is no sink; OSError if the file cannot be opened."""
    if isinstance(sink, str | os.PathLike):
        return FileLines(Path(sink))
    if callable(sink):
        return FunctionLines(sink)
    if not hasattr(sink, "write"):
        raise TypeError(f"a log goes to a path, a text stream or a function, not to {sink!r}")
    if isinstance(sink, SteadyStream):
        sink = sink.stream
    if sink is sys.__stdout__ or sink is sys.__stderr__:
        with contextlib.suppress(OSError, ValueError):  # it may have none, as under pythonw
            return _standard(sink)
    return StreamLines(sink)


class FileLines:
    """A file that is appended to, each line in one write, so that several processes may share it.

    Where it has been moved away, as logrotate does, it is made anew. A named pipe is opened by the first line, for to
    open one waits until somebody reads it.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path: Path | None = path
        self._file: int | None = None
        self._torn = False
        if not (path.exists() and stat.S_ISFIFO(path.stat().st_mode)):
            self._file = self._opened()

    @classmethod
    def over(cls, file: int, name: str) -> FileLines:
        """The same over a descriptor that is open, and from now on belongs to this."""
        made = cls.__new__(cls)
        made.name, made._path, made._file, made._torn = name, None, file, False
        return made

    def write(self, line: str) -> None:
        """Write a line; one that a full disk has cut short is ended first, when there is room again."""
        if self._file is None or self._moved(self._file):
            self.close()
            self._file, self._torn = self._opened(), False
        left = memoryview(("\n" * self._torn + line + "\n").encode())
        while left:
            left = left[_written(self._file, left) :]
            self._torn = bool(left)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _moved(self, file: int) -> bool:
        if self._path is None:
            return False
        try:
            return not os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return True

    def _opened(self) -> int:
        return os.open(self._path or self.name, _APPEND, 0o666)


def _written(file: int, data: memoryview) -> int:
    """How many bytes it took, at least one."""
    while True:
        try:
            return os.write(file, data)
        except BlockingIOError:  # a terminal or pipe that another process has made non-blocking
            select.select([], [file], [])


class StreamLines:
    """A text stream of the caller's, which is flushed with each line and never closed."""

    def __init__(self, stream: Stream) -> None:
        self.name = str(getattr(stream, "name", None) or type(stream).__name__)
        self._stream = stream

    def write(self, line: str) -> None:
        """Write and flush."""
        self._stream.write(line + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Nothing was opened."""


class FunctionLines:
    """A function that is called with each line."""

    def __init__(self, function: Callable[[str], object]) -> None:
        self.name = str(getattr(function, "__qualname__", None) or type(function).__name__)
        self._function = function

    def write(self, line: str) -> None:
        """Call it."""
        self._function(line)

    def close(self) -> None:
        """Nothing was opened."""


def _standard(stream: Stream) -> Lines:
    """Standard output or error, past Python's buffer.

    A thread that waits in a write to a pipe that nobody reads holds the lock of the buffer, and an interpreter that
    ends meanwhile aborts (`_enter_buffered_busy`).
    """
    if not isinstance(stream, io.TextIOWrapper):
        return StreamLines(stream)
    stream.flush()
    return FileLines.over(os.dup(stream.fileno()), str(stream.name))


def tell_stderr(sentence: str) -> None:
    """Say this on the process's standard error, if that takes it at once; from any thread."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        file = sys.__stderr__.fileno()  # type: ignore[union-attr]  # None under pythonw
        with contextlib.suppress(OSError, ValueError):  # elsewhere than on Unix only sockets can be selected
            if not select.select([], [file], [], 0)[1]:
                return
        os.write(file, f"streamweave_lab: {sentence}\n".encode("utf-8", "replace"))


__all__ = ["Lines", "Sink", "Stream", "lines_to", "tell_stderr"]
