"""The store that a path on the command line names."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from streamweave_lab.errors import StateError
from streamweave_lab.state.store import Store

HELP = "A SQLite file (state.db), a folder (state/) or a URL of a filesystem that fsspec knows (s3://bucket/state)."


KEEP = 10
"""Checkpoints that stay unless somebody says otherwise."""


def store_at(text: str, keep: int = KEEP) -> Store:
    """The store at `text`, which need not be there yet: a path with a suffix is a SQLite file, without one a folder.

    The newest `keep` checkpoints of a graph stay in it.

    Raises: StateError for a file that is no SQLite file or holds no checkpoints; MissingExtraError.
    """
    if "://" in text or _is_folder(Path(text), text.endswith("/")):
        from streamweave_lab.state.folder_store import FolderStore

        try:
            return FolderStore(text, keep)
        except ValueError as error:
            raise StateError(f"no store can be at {text}: {error}; name a{HELP[1:-1]}") from None
    from streamweave_lab.state.sqlite_store import SqliteStore

    if Path(text).is_file():
        _holds_checkpoints(Path(text))  # else what is damaged would be found when the first one is written
    return SqliteStore(text, keep)


def existing_store(text: str) -> Store:
    """The store at `text`. To look is to change nothing: it is not made where it is missing.

    Raises: StateError where there is none.
    """
    path = Path(text)
    if "://" not in text and not path.exists():
        raise StateError(f"there is no store at {text}")
    if path.is_file() and not _holds_checkpoints(path):
        raise StateError(f"{text} holds no checkpoints: it is not a store that a run was given")
    return store_at(text)


def graphs_in(store: Store, where: str) -> tuple[str, ...]:
    """The graphs that have checkpoints in it. Raises: StateError where there are none."""
    named: tuple[str, ...] = getattr(store, "graphs", tuple)()
    if not named:
        raise StateError(f"{where} holds no checkpoints")
    return named


def _is_folder(path: Path, slash: bool) -> bool:
    return slash or path.is_dir() or (not path.exists() and not path.suffix)


def _holds_checkpoints(path: Path) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE name = 'streamweave_checkpoints'"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchone() is not None
    except sqlite3.OperationalError as error:
        raise StateError(f"{path} cannot be read: {error}") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise StateError(f"{path} is damaged, or no SQLite file: {error}") from error


__all__ = ["HELP", "KEEP", "existing_store", "graphs_in", "store_at"]
