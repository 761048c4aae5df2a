"""JSON lines as a sink: a file that a resumed run carries on as if it had never been interrupted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from streamweave_lab.connectors.growing_file import GrowingFile
from streamweave_lab.connectors.records import as_json
from streamweave_lab.errors import GraphError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Sink

MODES = ("new", "append", "replace")
Mode = Literal["new", "append", "replace"]


class JSONLinesFile(Sink[Any]):
    """Writes every item as one line of JSON, effectively once.

    A resumed run cuts off what was written after its checkpoint, half a line included, and goes on from there: in
    the end the file holds what that of an uninterrupted run holds.

    Mappings, NamedTuples, dataclasses and pydantic models become objects; dates and times ISO 8601 text; a Failure
    an object with the repr of its error. What JSON cannot hold (NaN, a key that is no text or number, text that is
    no Unicode) leaves by the port `error`. Lines are in the file as soon as the node has had its turn, and on the disk
    with each checkpoint and at the end.

    `mode` says what a run that is not resumed does with a file that is there and not empty: "new" refuses it,
    "append" goes on at its end, "replace" writes it anew.

    Raises: FileNotFoundError if there is no such folder; GraphError for another mode or a path that ends in ".gz".
    The run fails with FileExistsError where `mode` is "new" and the file holds something, and with StateError where
    it no longer holds what was written up to the checkpoint, or another sink or process is writing to it.
    """

    guarantee = "effectively once"

    def __init__(self, name: str, path: str | os.PathLike[str], *, mode: Mode = "new") -> None:
        super().__init__(name)
        self.path, self.mode = Path(path), mode
        if mode not in MODES:
            raise GraphError(f'{self!r}: mode is "new", "append" or "replace", not {mode!r}')
        if self.path.suffix == ".gz":
            raise GraphError(f"{self!r}: it writes plain text, so {self.path} must not end in .gz")
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"{self!r}: there is no folder {self.path.parent.absolute()}")

    def in_the_way(self) -> str:
        """What keeps a run from writing here that goes on from no checkpoint; "" where nothing does."""
        size = self.path.stat().st_size if self.mode == "new" and self.path.is_file() else 0
        if not size:
            return ""
        return (
            f'{self.path.absolute()} holds {size} bytes already; mode="append" writes after them, '
            f'mode="replace" in their place; or move it away'
        )

    def opened(self) -> None:
        """The file itself is opened at the first turn: only then it is known whether the run is a resumed one."""
        self._file: GrowingFile | None = None
        self._written: int | None = None
        self.wake_at(self.clock.now())

    def woken(self, now: float) -> None:
        """The first turn, unless an item came first."""
        self._begun()

    def on_batch(self, port: str, batch: Batch) -> None:
        """Write the items."""
        lines: list[bytes] = []
        for place, item in enumerate(batch.items):
            try:
                lines.append(as_json(item).encode())
            except Exception as error:
                self.refuse(item, error, batch.times[place] if batch.times else None)
        if lines:
            self._begun().append(b"\n".join(lines) + b"\n")

    def snapshot(self) -> dict[str, int]:
        """How many bytes of the file belong to the run up to here."""
        return {"bytes": self._begun().size if self._written is None else self._written}

    def secure(self) -> None:
        """Bring them to the disk."""
        if self._file is not None:
            self._file.secure()

    def restore(self, state: dict[str, int]) -> None:
        """Cut off what was written after the checkpoint. Raises: StateError if what came before is not there."""
        self._file = GrowingFile(self.path, self.name)
        self._file.cut(state["bytes"])

    def restart_from(self, kept: Any) -> Any:
        """The lines this run has written stay. Where there is none yet it begins as it would have begun."""
        return kept if self._file is None else self.snapshot()

    def finished(self) -> None:
        """Everything is on the disk."""
        self._begun().secure()

    def closed(self) -> None:
        """Close the file."""
        if self._file is not None and self._written is None:
            self._written = self._file.size
            self._file.close()

    def _begun(self) -> GrowingFile:
        if self._file is None:
            if problem := self.in_the_way():
                raise FileExistsError(f"{self!r}: {problem}")
            self._file = GrowingFile(self.path, self.name)
            self._file.end_line() if self.mode == "append" else self._file.empty()
        return self._file
