"""A file that grows at its end, line by line, and that can be cut back to what it was."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from io import FileIO
from threading import Lock
from typing import TYPE_CHECKING

from streamweave_lab.errors import StateError

if sys.platform != "win32":  # which has no such lock: there two writers of one file are not found out
    from fcntl import LOCK_EX, LOCK_NB, flock

if TYPE_CHECKING:
    from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class GrowingFile:
    """The file at `path`, made where there is none, for one writer; all that is written goes to its end.

    Raises: StateError, naming `node`, if another writer has it.
    """

    def __init__(self, path: Path, node: str) -> None:
        self._path, self._node = path, node
        # Not with Python's own buffer: what it holds when the disk is full it would write again on closing.
        self._file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666), "r+")
        self._lock()
        self.size = self._file.seek(0, os.SEEK_END)
        """Bytes."""
        self._secured = False
        self._securing = Lock()
        _secure_folder(path.parent)

    def empty(self) -> None:
        """Take everything away."""
        self.size = self._file.truncate(0)
        self._file.seek(0)

    def end_line(self) -> None:
        """End the last line, if it is half a line."""
        if self.size and self._byte(self.size - 1) != b"\n":
            self.append(b"\n")

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes. Raises: StateError if they are not there, or do not end with a line."""
        problem = ""
        if self.size < size:
            problem = f"has {self.size} bytes, and {size} had been written to it when the checkpoint was made"
        elif size and self._byte(size - 1) != b"\n":
            problem = f"has no line that ends at byte {size}, as it had when the checkpoint was made"
        if problem:
            self.close()
            raise StateError(
                f"{self._node}: {self._path} {problem}; it was cut or replaced since, and cannot be gone on with"
            )
        self._shorten(size)

    def append(self, data: bytes) -> None:
        """Write all of it, or nothing. Raises: OSError that names the file."""
        rest, before = memoryview(data), self.size
        self._secured = False
        while rest:
            try:
                written = self._file.write(rest)
            except OSError as error:
                with suppress(OSError):
                    self._shorten(before)
                raise OSError(error.errno, self._unwritten(error)) from error
            self.size += written
            rest = rest[written:]

    def secure(self) -> None:
        """Return when everything that was written before is on the disk. From any thread.

        Raises: OSError if it is not, also where that was found out when it was closed.
        """
        with self._securing:
            if self._secured:
                return
            self._secured = True  # before: what is written meanwhile may miss it
            try:
                os.fsync(self._file.fileno())
            except (OSError, ValueError) as error:
                self._secured = False
                raise OSError(f"{self._node}: {self._path} is not on the disk: {error}") from error

    def close(self) -> None:
        """Bring all to the disk, and let another writer have it."""
        try:
            self.secure()
        finally:
            self._file.close()

    def _shorten(self, size: int) -> None:
        self._file.truncate(size)
        self.size = self._file.seek(size)

    def _unwritten(self, error: OSError) -> str:
        remedy = "; make room there, and start again" if error.errno in _FULL else ""
        return f"{self._path} cannot be written: {error.strerror}{remedy}"

    def _byte(self, place: int) -> bytes:
        self._file.seek(place)
        byte = self._file.read(1)
        self._file.seek(0, os.SEEK_END)
        return byte

    def _lock(self) -> None:
        if sys.platform == "win32":
            return
        try:
            flock(self._file, LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise StateError(
                f"{self._node}: {self._path} is being written by another sink or another process; wait for its end, "
                f"or draw several edges to one sink to bring them into one file"
            ) from error  # which time may mend


def _secure_folder(folder: Path) -> None:
    """A new file is there after a power cut only if its folder is on the disk too; Windows has no such call."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
