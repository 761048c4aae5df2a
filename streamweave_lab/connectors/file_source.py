"""What sources of text files share: pieces of a file become items, and a checkpoint knows where it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from streamweave_lab.connectors.checks import check_seconds
from streamweave_lab.connectors.file_lines import FileLines
from streamweave_lab.connectors.file_place import Place, check_same_file
from streamweave_lab.errors import GraphError
from streamweave_lab.graph.batch import Failure
from streamweave_lab.graph.port import Out
from streamweave_lab.graph.source import END, Poll, Source, Wait

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

T = TypeVar("T")

_LOOK_AGAIN = 0.2
"""Seconds between two looks at a followed file that has nothing new."""
_PIECES_PASSED = 8
"""Pieces of a file, more than one, that one poll may read over on the way to a position."""


class Bad:
    """In the place of an item: text that cannot become one."""

    __slots__ = ("error", "raw")

    def __init__(self, raw: str | bytes, error: Exception) -> None:
        self.raw, self.error = raw, error


class FileSource(Source[T], Generic[T]):
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
        self._go_on(Place(0, 0, 0), position)

    def snapshot(self) -> dict[str, Any] | None:
        """Where in the file this source is, and how it can be known again."""
        return None if self._lines is None else self._place.kept(self._lines, self.position)

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there. Raises: StateError if it is not that file any more."""
        position = state["position"]
        place = Place(state["offset"], state["line"], position - state["taken"], state["columns"])
        file = self._go_on(place, position)
        check_same_file(file, state["read"], state["head"], self.name)

    def _go_on(self, place: Place, position: int) -> FileLines:
        """Begin at `place`, and read over the items from there to `position`."""
        self.closed()
        self._place, self.position = place, position
        self._lines = file = FileLines(self.path, self.follow, offset=place.offset, line=place.line)
        self._ready: list[T | Bad] = []
        self._skip = position - place.position
        return file

    def poll(self, limit: int) -> Poll[T]:
        """What the next piece of the file holds, at most `limit` items."""
        lines = self._lines
        if lines is None or (lines.ended and not self._ready):
            return END
        if not self._ready:
            self._read(lines)
            for _ in range(_PIECES_PASSED):
                if not self._skip or lines.idle:
                    break
                self._read(lines)
            if not self._ready:
                return Wait(_LOOK_AGAIN) if lines.idle and self.follow else []
        taken, self._ready = self._ready[:limit], self._ready[limit:]
        self.position += len(taken)
        return self._sorted(taken)

    def _read(self, lines: FileLines) -> None:
        """Read the next piece, and pass over what came before the position."""
        read = lines.read()
        if not self._record_open():
            self._place = Place(lines.offset, lines.first - 1, self.position - self._skip, self._known_columns())
        self._ready = self._outcomes(read, lines)
        if lines.replaced:
            self._place = Place(0, 0, self.position - self._skip + len(self._ready))
        skipped = min(self._skip, len(self._ready))
        self._skip -= skipped
        del self._ready[:skipped]

    def _record_open(self) -> bool:
        """What was read so far ends within an item."""
        return False

    def _known_columns(self) -> list[str] | None:
        """The columns that the lines taken so far have told."""
        return None

    def _sorted(self, outcomes: list[T | Bad]) -> list[T]:
        """Refuse what is bad; the rest are items."""
        items = [outcome for outcome in outcomes if not isinstance(outcome, Bad)]
        if len(items) < len(outcomes):
            for outcome in outcomes:
                if isinstance(outcome, Bad):
                    self.refuse(outcome.raw, outcome.error)
        return items

    def _outcomes(self, lines: list[bytes], file: FileLines) -> list[T | Bad]:
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

    def _bad(self, raw: str | bytes, number: int, reason: object = None) -> Bad:
        return Bad(raw, ValueError(f"{self.path}, line {number}: {reason or f'this is not {self.encoding}'}"))
