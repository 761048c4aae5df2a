"""The records of a CSV file, put together from lines that come a few at a time."""

from __future__ import annotations

import csv
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class _NoMoreYet(Exception):  # noqa: N818 - not an error: the record goes on in lines still to come
    pass


class CSVRecords:
    """Cuts lines into records; a quoted field may hold line ends.

    `feed` it lines without their ends (bytes where a line could not be decoded), then take the `records` that
    are complete. `line` lines of the file came before.
    """

    def __init__(self, delimiter: str, line: int = 0) -> None:
        self._number = line
        self._lines: deque[str | bytes] = deque()
        self._taken: list[str | bytes] = []
        self._last = False
        # strict: else a quote that is never closed would swallow the rest of the file in silence.
        self._reader = csv.reader(self, delimiter=delimiter, strict=True)

    @property
    def untouched(self) -> bool:
        """Nothing has been fed yet."""
        return not (self._number or self._lines)

    @property
    def open(self) -> bool:
        """The lines fed so far end within a record."""
        return bool(self._lines)

    def feed(self, lines: list[str | bytes], *, last: bool = False) -> None:
        """Add lines; with `last` a record that they leave open is an error."""
        self._lines += lines
        self._last = last

    def records(self) -> Iterator[tuple[int, list[str | bytes], list[str] | Exception]]:
        """Each complete record: the number of its first line, its lines, and its fields or what is wrong with it."""
        while True:
            fields: list[str] | Exception
            try:
                fields = next(self._reader)
            except _NoMoreYet:
                # The reader has forgotten what it took of the open record: give it all again next time.
                self._lines.extendleft(reversed(self._taken))
                self._taken.clear()
                return
            except StopIteration:
                return
            except (csv.Error, UnicodeError) as error:
                fields = error
            taken, self._taken = self._taken, []
            self._number += len(taken)
            if fields:
                yield self._number - len(taken) + 1, taken, fields

    def __iter__(self) -> CSVRecords:
        return self

    def __next__(self) -> str:
        """For the csv reader: the next line of the record it is reading."""
        if not self._lines:
            raise StopIteration if self._last else _NoMoreYet
        line = self._lines.popleft()
        self._taken.append(line)
        if isinstance(line, bytes):
            raise UnicodeError("the text cannot be decoded")
        return line + "\n"
