"""Where it is all written to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write the files, in the order of their names, replacing what an earlier call wrote. Raises: OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in sorted(files.items()):
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def others(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Files of the same kinds in the folder, of which this call knows nothing; an earlier one may have written them."""
    kinds = {Path(name).suffix for name in files}
    return sorted(path for path in folder.iterdir() if path.suffix in kinds and path.name not in files)


__all__ = ["others", "write"]
