"""The SQLite file of a store: made whole or not at all, and looked over when it is opened."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

from streamweave_lab.errors import StateError
from streamweave_lab.state.manifest import newer
from streamweave_lab.state.outside import DAMAGED
from streamweave_lab.state.store import FORMAT_VERSION

# AUTOINCREMENT: an id is not given again after its row was deleted.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS streamweave_about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS streamweave_checkpoints (
    id INTEGER PRIMARY KEY AUTOINCREMENT, graph TEXT NOT NULL, manifest BLOB NOT NULL, sha256 TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS streamweave_checkpoints_of_graph ON streamweave_checkpoints (graph, id);
CREATE TABLE IF NOT EXISTS streamweave_states (
    checkpoint INTEGER NOT NULL, node TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (checkpoint, node));
"""
_TABLES = frozenset({"streamweave_about", "streamweave_checkpoints", "streamweave_states"})

_WAITS_MS = 30_000
"""Milliseconds to wait for other writers to the file."""
_FOLDS_MS = 200
"""The same for readers, who are in the way of `fold`: other writers wait meanwhile."""


def opened(path: Path) -> sqlite3.Connection:
    """A connection to the store at `path`, which is made where it is missing.

    Raises: StateError if it is damaged or of a newer format; sqlite3.Error, UnicodeDecodeError, OSError.
    """
    if str(path) != ":memory:" and not path.exists():
        _make(path)
    if path.is_file() and path.stat().st_size == 0:
        raise StateError(f"{path} is damaged: it is empty, which no store ever is; {DAMAGED}")
    db = sqlite3.connect(path, timeout=_WAITS_MS / 1000, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")  # WAL alone would lose the last commits when the power goes
        _prepare(db, path)
        fold(db)  # who was killed before it could
    except BaseException:
        db.close()
        raise
    return db


def fold(db: sqlite3.Connection) -> None:
    """Bring into the file itself what was committed, so that nothing is lost with the `-wal` beside it.

    SQLite takes a `-wal` whose checksums fail for one that ends before, and says nothing: a run would begin anew, or
    go on from an older checkpoint, without a word. Where somebody else is reading just then, or the disk is full, the
    last commits stay there until the next time.
    """
    with suppress(sqlite3.OperationalError):  # it is committed all the same
        db.execute(f"PRAGMA busy_timeout = {_FOLDS_MS}")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.execute(f"PRAGMA busy_timeout = {_WAITS_MS}")


def _make(path: Path) -> None:
    """Elsewhere first: a process that is killed meanwhile leaves no empty file in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{uuid4().hex}.new")
    try:
        with closing(sqlite3.connect(new, isolation_level=None)) as db:
            _create(db)
        with suppress(FileExistsError):  # another was quicker
            os.link(new, path)
    except OSError:  # no links on this filesystem: it is made in its place
        with closing(sqlite3.connect(path, timeout=_WAITS_MS / 1000, isolation_level=None)) as db:
            _create(db)
    finally:
        new.unlink(missing_ok=True)


def _create(db: sqlite3.Connection) -> None:
    """All of it, or nothing."""
    about = {"format_version": str(FORMAT_VERSION), "written_by": ""}
    db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA}")
    db.executemany("INSERT OR IGNORE INTO streamweave_about VALUES (?, ?)", about.items())
    db.execute("COMMIT")


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    there = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")} & _TABLES
    if not there:  # a file with other tables in it
        _create(db)
    elif gone := sorted(_TABLES - there):
        raise StateError(f"{path} is damaged: it has no table {' and '.join(gone)}; {DAMAGED}")
    about = dict(db.execute("SELECT key, value FROM streamweave_about"))
    if not (text := str(about.get("format_version"))).isdecimal():
        raise StateError(f"{path} is damaged: it does not say what format it has; {DAMAGED}")
    if int(text) > FORMAT_VERSION:
        raise StateError(newer(str(path), int(text), str(about.get("written_by", ""))))
    # Of this table only, which is small: rows that have gone without a word would make a run begin anew.
    found = [row[0] for row in db.execute("PRAGMA integrity_check(streamweave_checkpoints)")]
    if found != ["ok"]:
        raise StateError(f"{path} is damaged: {'; '.join(map(str, found[:3]))}; {DAMAGED}")
