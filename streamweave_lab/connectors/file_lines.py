"""The lines of a file as bytes, a piece at a time, and on into whatever is written to it later."""

from __future__ import annotations

import codecs
import gzip
import os
import zlib
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pathlib import Path

PIECE = 16 * 1024
LONGEST_LINE = 16 * 2**20
"""Bytes of one line that are kept while its end has not come."""


class FileLines:
    r"""Reads complete lines, without their "\\n"; gunzips a path that ends in ".gz".

    With `follow` it never ends: at the end of the file it waits for more, an unfinished line included. When
    another file takes the path (log rotation) it reads the old one to its end and begins the new one; when the
    file has become shorter it begins it again. What is written and taken away between two looks is not seen.

    It begins at byte `offset` of what the file holds, before which there are `line` lines.
    """

    def __init__(self, path: Path, follow: bool = False, *, offset: int = 0, line: int = 0) -> None:
        self.path = path
        self.offset = offset
        """Byte of the file at which the first line of the last `read` begins."""
        self.first = 1
        """Number, in its file, of the first line of the last `read`; lines count from 1."""
        self.idle = False
        """The last `read` found the file at its end, for now."""
        self.ended = False
        self.replaced = False
        """After the lines of the last `read` another file begins."""
        self._follow = follow
        self._count = line
        self.end = offset
        """Byte of the file after the last line of the last `read`."""
        self._tail = b""
        self._renamed = False
        self._file = self._open()
        if offset:
            self._file.seek(offset)

    def read(self) -> list[bytes]:
        """The lines of the next piece; an empty list if there is none now, and `ended` if there never will be.

        Raises: OSError, naming the path, if it cannot be read; ValueError for a line of more than 16 MiB.
        """
        piece = self._read()
        self.idle, self.offset, self.replaced = not piece, self.end, False
        if piece:
            self.end += len(self._tail) + len(piece)
            *lines, self._tail = (self._tail + piece).split(b"\n")
            self.end -= len(self._tail)
            if len(self._tail) > LONGEST_LINE:
                raise ValueError(f"{self.path} has a line of more than {LONGEST_LINE >> 20} MiB: is it a text file?")
            return self._counted(lines)
        if not self._follow:
            self.ended = True
            return self._counted(self._rest())
        if not self._replaced():
            return []
        rest = self._counted(self._rest())
        self._count, self.end, self.idle, self.replaced = 0, 0, False, True
        return rest

    def length(self, least: int) -> int:
        """Bytes that the file holds; of a gzipped one only whether that is at least `least`: else it is less."""
        if self.path.suffix != ".gz":
            return os.fstat(self._file.fileno()).st_size
        here = self._file.tell()
        try:
            return self._file.seek(least)
        except EOFError:
            return 0
        finally:
            self._file.seek(here)

    def head(self, size: int) -> bytes:
        """The first `size` bytes of what the file holds."""
        if self.path.suffix == ".gz":
            with gzip.open(self.path) as file:
                return file.read(size)
        here = self._file.tell()
        self._file.seek(0)
        try:
            return self._file.read(size)
        finally:
            self._file.seek(here)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _open(self) -> IO[bytes]:
        if self.path.suffix == ".gz":
            return cast("IO[bytes]", gzip.open(self.path))
        return self.path.open("rb", buffering=0)

    def _read(self) -> bytes:
        try:
            return self._file.read(PIECE)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise OSError(f"{self.path} cannot be gunzipped: {error}") from error

    def _rest(self) -> list[bytes]:
        rest, self._tail = self._tail, b""
        self.end += len(rest)
        return [rest] if rest else []

    def _counted(self, lines: list[bytes]) -> list[bytes]:
        self.first = self._count + 1
        self._count += len(lines)
        if self.first == 1 and lines:
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        return lines

    def _replaced(self) -> bool:
        """At the end of the file: whether another one has begun, which is then open at its beginning."""
        here = os.fstat(self._file.fileno())
        if here.st_size < self._file.tell():
            self._file.seek(0)
            return True
        try:
            if os.path.samestat(here, self.path.stat()):
                return False
            if not self._renamed:  # its writer may have gone on after our last read: read once more
                self._renamed = True
                return False
            new = self._open()
        except FileNotFoundError:  # between the two halves of a rotation
            return False
        self._file.close()
        self._file, self._renamed = new, False
        return True
