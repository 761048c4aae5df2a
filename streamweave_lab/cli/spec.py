"""What names a graph on the command line: `module:graph`, `file.py:graph` or `notebook.ipynb:graph`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from streamweave_lab.errors import StreamweaveError

FORMS = "module:graph, file.py:graph or notebook.ipynb:graph"


MOST = 20
"""Names that a hint lists."""


class LoadError(StreamweaveError):
    """A graph that is not where it was said to be, or cannot be had from there."""


@dataclass(frozen=True)
class Spec:
    """Where a graph is."""

    place: str
    """A module's dotted name, or the path of a file."""
    name: str
    """Its name there; empty where the only one there is meant."""

    @classmethod
    def of(cls, text: str) -> Spec:
        """What `text` says. Raises: LoadError."""
        place, colon, name = text.rpartition(":")
        if not colon:
            place, name = text, ""
        no_module = ":" in place and not Path(place).suffix and "/" not in place
        if not place or no_module or (name and not name.isidentifier()):
            raise LoadError(f"{text!r} names no graph; write {FORMS}")
        return cls(place, name)

    @property
    def path(self) -> Path | None:
        """The file; None for a module."""
        is_file = self.place.endswith((".py", ".ipynb")) or "/" in self.place
        return Path(self.place) if is_file else None

    def __str__(self) -> str:
        return f"{self.place}:{self.name}" if self.name else self.place


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that ends a sentence about a `name` that is not there."""
    there = list(dict.fromkeys(each for each in known if not each.startswith("_")))
    if near := get_close_matches(name, there, n=1):
        return f"did you mean {near[0]!r}?"
    more = f" and {len(there) - MOST} more" if len(there) > MOST else ""
    return f"there are {', '.join(there[:MOST])}{more}" if there else "there is nothing"


__all__ = ["FORMS", "LoadError", "Spec", "nearest"]
