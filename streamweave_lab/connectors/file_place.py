"""Where in a file a source has come, kept in checkpoints, and whether it is still that file."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from streamweave_lab.errors import StateError

if TYPE_CHECKING:
    from streamweave_lab.connectors.file_lines import FileLines

_HEAD = 1024
"""Bytes at the beginning of a file by which it is known again."""


class Place(NamedTuple):
    """A byte of a file at which a line begins, and no record is open."""

    offset: int
    line: int
    """Lines before it."""
    position: int
    """Items before it, those of earlier files included."""
    columns: list[str] | None = None
    """Of a CSV file, once they are known."""

    def kept(self, file: FileLines, position: int) -> dict[str, Any]:
        """State from which `position` can be reached again."""
        return {
            "position": position,
            "offset": self.offset,
            "line": self.line,
            "taken": max(0, position - self.position),
            "columns": self.columns,
            "read": file.end,
            "head": _digest(file, file.end),
        }


def check_same_file(file: FileLines, read: int, head: str, node: str) -> None:
    """Raise StateError unless `file` begins as the one did of which the first `read` bytes had been read."""
    problem = ""
    if (there := file.length(read)) < read:
        problem = f"has {there} bytes, and {read} had been read of it when the checkpoint was made"
    elif _digest(file, read) != head:
        problem = "does not begin as it did when the checkpoint was made"
    if problem:
        raise StateError(
            f"{node}: {file.path} {problem}; it was truncated, rotated or replaced since, "
            f"so what came before cannot be told from what is new: start without resume="
        )


def _digest(file: FileLines, read: int) -> str:
    return sha256(file.head(min(_HEAD, read))).hexdigest()
