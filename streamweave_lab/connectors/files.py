"""Text files as sources: lines, CSV rows, JSON lines; plain or gzipped, to the end or followed as they grow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from streamweave_lab.connectors.checks import check_seconds
from streamweave_lab.connectors.csv_records import CSVRecords
from streamweave_lab.connectors.file_lines import FileLines
from streamweave_lab.errors import GraphError
from streamweave_lab.graph.batch import Failure
from streamweave_lab.graph.node import END, Poll, Source, Wait
from streamweave_lab.graph.port import Out

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

T = TypeVar("T")

_LOOK_AGAIN = 0.2
"""Seconds between two looks at a followed file that has nothing new."""


class _Bad:
    """In the place of an item: text that cannot become one."""

    __slots__ = ("error", "raw")

    def __init__(self, raw: str | bytes, error: Exception) -> None:
        self.raw, self.error = raw, error


class _FileSource(Source[T], Generic[T]):
    """What Lines, CSV and JSONLines share."""

    error: Out[Failure[str | bytes]]

    def __init__(
        self,
        name: str,
        path: str | os.PathLike[str],
        *,
        encoding: str = "utf-8",
        follow: bool = False,
        time: Callable[[T], float] | None = None,
        lag: float = 0.0,
        idle_after: float | None = None,
    ) -> None:
        super().__init__(name)
        self.path, self.encoding, self.follow = Path(path), encoding, follow
        self.time, self.lag, self.idle_after = time, lag, idle_after
        self._lines: FileLines | None = None
        if "a\na".encode(encoding)[-2:] != b"\na":
            raise GraphError(f"{self!r}: encoding {encoding} is not supported; a line must end in one byte")
        if follow and self.path.suffix == ".gz":
            raise GraphError(f"{self!r}: a gzipped file cannot be followed ({self.path})")
        check_seconds(self, lag=lag, idle_after=idle_after)
        self._check()

    def _check(self) -> None:
        if not self.path.exists():
            raise FileNotFoundError(f"{self!r}: there is no file {self.path.absolute()}")
        if not self.path.is_file():
            raise OSError(f"{self!r}: {self.path.absolute()} is not a regular file")

    def opened(self) -> None:
        """Open the file at its beginning. Raises: FileNotFoundError."""
        self._check()
        self.seek(0)

    def closed(self) -> None:
        """Close the file."""
        if self._lines is not None:
            self._lines.close()

    def seek(self, position: int) -> None:
        """Go on after the first `position` items of the file as it is now; those are read over."""
        self.closed()
        self._lines = FileLines(self.path, self.follow)
        self._ready: list[T | _Bad] = []
        self._skip = self.position = position

    def poll(self, limit: int) -> Poll[T]:
        """What the next piece of the file holds, at most `limit` items."""
        lines = self._lines
        if lines is None or (lines.ended and not self._ready):
            return END
        if not self._ready:
            self._ready = self._outcomes(lines.read(), lines)
            if self._skip:
                skipped = min(self._skip, len(self._ready))
                self._skip -= skipped
                del self._ready[:skipped]
            if not self._ready:
                return Wait(_LOOK_AGAIN) if lines.idle and self.follow else []
        taken, self._ready = self._ready[:limit], self._ready[limit:]
        self.position += len(taken)
        return self._sorted(taken)

    def _sorted(self, outcomes: list[T | _Bad]) -> list[T]:
        """Refuse what is bad; the rest are items."""
        items = [outcome for outcome in outcomes if not isinstance(outcome, _Bad)]
        if len(items) < len(outcomes):
            for outcome in outcomes:
                if isinstance(outcome, _Bad):
                    self.refuse(outcome.raw, outcome.error)
        return items

    def _outcomes(self, lines: list[bytes], file: FileLines) -> list[T | _Bad]:
        raise NotImplementedError

    def _decoded(self, lines: list[bytes]) -> list[str | bytes]:
        """The text of the lines; a line that cannot be decoded stays bytes and spoils no other."""
        if not lines:
            return []
        try:
            return list(b"\n".join(lines).decode(self.encoding).split("\n"))
        except UnicodeError:
            return [self._decoded_line(line) for line in lines]

    def _decoded_line(self, line: bytes) -> str | bytes:
        try:
            return line.decode(self.encoding)
        except UnicodeError:
            return line

    def _bad(self, raw: str | bytes, number: int, reason: object = None) -> _Bad:
        return _Bad(raw, ValueError(f"{self.path}, line {number}: {reason or f'this is not {self.encoding}'}"))


class Lines(_FileSource[str]):
    r"""The lines of a text file, without their ends ("\n" or "\r\n").

    A path that ends in ".gz" is gunzipped. With `follow` the source goes on with what is written to the file
    later, through truncation and rotation, and never ends. A line that cannot be decoded leaves by the port
    `error`, as bytes. `time` maps a line to its event time in seconds.

    Raises: FileNotFoundError; GraphError for an encoding like UTF-16, or for following a gzipped file.
    """

    def _outcomes(self, lines: list[bytes], file: FileLines) -> list[str | _Bad]:
        return [
            line.removesuffix("\r") if isinstance(line, str) else self._bad(line, number)
            for number, line in enumerate(self._decoded(lines), file.first)
        ]


class JSONLines(_FileSource[Any]):
    """The values of a file with one JSON value a line; blank lines are passed over.

    A line that is no JSON leaves by the port `error`, as text, and the rest goes on. Otherwise as Lines.
    """

    def _outcomes(self, lines: list[bytes], file: FileLines) -> list[Any]:
        decoded = enumerate(self._decoded(lines), file.first)
        return [self._value(line, number) for number, line in decoded if line.strip()]

    def _value(self, line: str | bytes, number: int) -> Any:
        if isinstance(line, bytes):
            return self._bad(line, number)
        try:
            return json.loads(line)
        except (ValueError, RecursionError) as error:
            return self._bad(line, number, error)


class CSV(_FileSource[dict[str, str]]):
    """The rows of a CSV file, each a dict by column name, all values text.

    The first row names the columns unless `columns` does. Quoted fields may hold delimiters, quotes and line
    ends. A row that has not as many fields as there are columns, or is not proper CSV, leaves by the port
    `error`, as text, and the rest goes on. Blank rows are passed over. Otherwise as Lines.
    """

    def __init__(
        self,
        name: str,
        path: str | os.PathLike[str],
        *,
        columns: Sequence[str] | None = None,
        delimiter: str = ",",
        encoding: str = "utf-8",
        follow: bool = False,
        time: Callable[[dict[str, str]], float] | None = None,
        lag: float = 0.0,
        idle_after: float | None = None,
    ) -> None:
        super().__init__(name, path, encoding=encoding, follow=follow, time=time, lag=lag, idle_after=idle_after)
        self.columns = None if columns is None else self._distinct(list(columns))
        self.delimiter = delimiter

    def seek(self, position: int) -> None:
        """Go on after the first `position` rows of the file as it is now; those are read over."""
        super().seek(position)
        self._begin()

    def _begin(self) -> None:
        self._records, self._names = CSVRecords(self.delimiter), self.columns

    def _outcomes(self, lines: list[bytes], file: FileLines) -> list[dict[str, str] | _Bad]:
        outcomes: list[dict[str, str] | _Bad] = []
        if file.first == 1 and not self._records.untouched:  # another file has begun
            outcomes += self._rows([], last=True)
            self._begin()
        return outcomes + self._rows(self._decoded(lines), last=file.ended)

    def _rows(self, lines: list[str | bytes], *, last: bool) -> list[dict[str, str] | _Bad]:
        rows: list[dict[str, str] | _Bad] = []
        self._records.feed(lines, last=last)
        for number, text, fields in self._records.records():
            if isinstance(fields, Exception):
                rows.append(self._bad(self._joined(text), number, fields))
            elif self._names is None:
                self._names = self._distinct(fields)
            elif len(fields) != len(self._names):
                reason = f"{len(fields)} fields for {len(self._names)} columns"
                rows.append(self._bad(self._joined(text), number, reason))
            else:
                rows.append(dict(zip(self._names, fields, strict=True)))
        return rows

    def _distinct(self, columns: list[str]) -> list[str]:
        twice = [name for name in columns if columns.count(name) > 1]
        if twice:
            raise GraphError(f"{self!r}: {self.path} has two columns named {twice[0]!r}")
        return columns

    def _joined(self, lines: list[str | bytes]) -> str | bytes:
        text = [line for line in lines if isinstance(line, str)]
        if len(text) == len(lines):
            return "\n".join(text)
        return b"\n".join(line.encode(self.encoding) if isinstance(line, str) else line for line in lines)
