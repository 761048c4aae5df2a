"""The packaged quickstart notebook, and the reader's own copy of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamweave_lab

NAME = "01_quickstart.ipynb"
TAG = "weave-pause"
"""The tag of the cell before which the cells run by themselves."""


@dataclass(frozen=True)
class Copy:
    """The reader's notebook."""

    path: Path
    changed: bool
    """Its code or text is not what the package brings: it is the reader's own, and nothing in it runs by itself."""


def find(package: Path | None = None) -> Path:
    """The notebook the package brings: in an installed wheel within it, in a source checkout beside it.

    Raises: FileNotFoundError.
    """
    root = package or Path(streamweave_lab.__file__).parent
    places = [root / "notebooks" / "teach" / NAME, root.parent / "notebooks" / "teach" / NAME]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise FileNotFoundError(f"this installation has no {NAME}: it should be {places[0]} or {places[1]}")
    return found


def place(original: Path, folder: Path, *, fresh: bool = False) -> Copy:
    """Copy the notebook, without its outputs, into `folder`. What is there already stays, unless `fresh`.

    Raises: OSError if it cannot be written.
    """
    target = folder / original.name
    wanted = json.loads(original.read_text(encoding="utf-8"))
    if target.exists() and not fresh:
        return Copy(target, _sources(target) != _cells(wanted))
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_without_outputs(wanted), indent=1, ensure_ascii=False)
    target.write_text(text + "\n", encoding="utf-8")
    return Copy(target, False)


def _sources(path: Path) -> list[Any] | None:
    """What the cells of a notebook file say, and how they are tagged; None for a file that is no notebook."""
    try:
        return _cells(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _cells(notebook: dict[str, Any]) -> list[Any]:
    return [
        (cell["cell_type"], "".join(cell["source"]), cell.get("metadata", {}).get("tags", []))
        for cell in notebook["cells"]
    ]


def _without_outputs(notebook: dict[str, Any]) -> dict[str, Any]:
    emptied: dict[str, Any] = {"outputs": [], "execution_count": None}
    cells = [cell | emptied if cell["cell_type"] == "code" else cell for cell in notebook["cells"]]
    return notebook | {"cells": cells}


__all__ = ["NAME", "TAG", "Copy", "find", "place"]
