"""Text files as sources: lines, CSV rows, JSON lines; plain or gzipped, to the end or followed as they grow.

They can be replayed: a resumed run goes on at the line where its checkpoint was made. Where the file was truncated,
rotated or replaced meanwhile it says so, with a StateError, instead of guessing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from streamweave_lab.connectors.csv_records import CSVRecords
from streamweave_lab.connectors.file_place import Place
from streamweave_lab.connectors.file_source import Bad, FileSource
from streamweave_lab.errors import GraphError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from streamweave_lab.connectors.file_lines import FileLines


class Lines(FileSource[str]):
    r"""The lines of a text file, without their ends ("\n" or "\r\n").

    A path that ends in ".gz" is gunzipped. With `follow` the source goes on with what is written to the file
    later, through truncation and rotation, and never ends. A line that cannot be decoded leaves by the port
    `error`, as bytes. `time` maps a line to its event time in seconds.

    Raises: FileNotFoundError; GraphError for an encoding like UTF-16, or for following a gzipped file.
    """

    def _outcomes(self, lines: list[bytes], file: FileLines) -> list[str | Bad]:
        return [
            line.removesuffix("\r") if isinstance(line, str) else self._bad(line, number)
            for number, line in enumerate(self._decoded(lines), file.first)
        ]


class JSONLines(FileSource[Any]):
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


class CSV(FileSource[dict[str, str]]):
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

    def _go_on(self, place: Place, position: int) -> FileLines:
        self._begin(place.line, place.columns)
        return super()._go_on(place, position)

    def _begin(self, line: int = 0, columns: list[str] | None = None) -> None:
        self._records, self._names = CSVRecords(self.delimiter, line), columns or self.columns

    def _record_open(self) -> bool:
        return self._records.open

    def _known_columns(self) -> list[str] | None:
        return self._names

    def _outcomes(self, lines: list[bytes], file: FileLines) -> list[dict[str, str] | Bad]:
        outcomes: list[dict[str, str] | Bad] = []
        if file.first == 1 and not self._records.untouched:  # another file has begun
            outcomes += self._rows([], last=True)
            self._begin()
            self._place = Place(0, 0, self.position - self._skip + len(outcomes))
        return outcomes + self._rows(self._decoded(lines), last=file.ended)

    def _rows(self, lines: list[str | bytes], *, last: bool) -> list[dict[str, str] | Bad]:
        rows: list[dict[str, str] | Bad] = []
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
