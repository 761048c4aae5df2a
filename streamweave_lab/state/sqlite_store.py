"""Checkpoints in one SQLite file: one transaction each, durable when it is committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from threading import RLock

from streamweave_lab.errors import StateError
from streamweave_lab.state.manifest import Manifest, assembled, checksum, damages, info_of, manifest_of, newer, parsed
from streamweave_lab.state.pruning import checked_keep, newest_whole, to_prune
from streamweave_lab.state.store import FORMAT_VERSION, Checkpoint, Info

# AUTOINCREMENT: an id is not given again after its row was deleted.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS streamweave_about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS streamweave_checkpoints (
    id INTEGER PRIMARY KEY AUTOINCREMENT, graph TEXT NOT NULL, manifest BLOB NOT NULL, sha256 TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS streamweave_checkpoints_of_graph ON streamweave_checkpoints (graph, id);
CREATE TABLE IF NOT EXISTS streamweave_states (
    checkpoint INTEGER NOT NULL, node TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (checkpoint, node));
"""

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""What SQLite says of a file that is not as it was written; all else (disk, lock, permission) may pass."""


class SqliteStore:
    """Checkpoints in the SQLite file `path`, which is made where it is missing; the newest `keep` stay.

    The file may hold other tables too. It must be on a disk of this machine: SQLite's locks do not work over networks.
    """

    def __init__(self, path: str | PathLike[str], keep: int = 10) -> None:
        self.path = Path(path)
        self.keep = checked_keep(keep)
        self._lock = RLock()
        self._open: sqlite3.Connection | None = None

    def __repr__(self) -> str:
        return f"SqliteStore({str(self.path)!r}, keep={self.keep})"

    def write(self, checkpoint: Checkpoint) -> Info:
        """Keep it, in one transaction; see `Store`."""
        with self._transaction("written") as db:
            (last,) = db.execute(
                "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'streamweave_checkpoints'"
            ).fetchone()
            if checkpoint.id and checkpoint.id <= last:
                raise StateError(f"{self}: there is a checkpoint {last} already, so {checkpoint.id} cannot be written")
            checkpoint = replace(checkpoint, id=checkpoint.id or last + 1)
            text = manifest_of(checkpoint)
            row = (checkpoint.id, checkpoint.graph, text, checksum(text))
            db.execute("INSERT INTO streamweave_checkpoints VALUES (?, ?, ?, ?)", row)
            states = ((checkpoint.id, name, state.data) for name, state in checkpoint.nodes.items())
            db.executemany("INSERT INTO streamweave_states VALUES (?, ?, ?)", states)
            self._delete(db, to_prune(self._ids(db, checkpoint.graph), self.keep, lambda _id: True))
        return Info(checkpoint.id, checkpoint.taken_at, checkpoint.bytes, checkpoint.reason, checkpoint.epoch)

    def latest(self, graph: str) -> Checkpoint | None:
        """The newest whole one; see `Store`."""
        with self._reading() as db:
            return newest_whole(self._ids(db, graph), lambda n: self._read(db, graph, n), what=f"{self}, {graph!r}")

    def read(self, graph: str, id: int) -> Checkpoint:  # noqa: A002 - as in Store
        """The checkpoint with that id, verified; see `Store`."""
        with self._reading() as db:
            return self._read(db, graph, id)

    def list(self, graph: str) -> tuple[Info, ...]:
        """All there are, each verified, the newest first."""
        with self._reading() as db:
            return tuple(self._info(db, graph, n) for n in self._ids(db, graph))

    def graphs(self) -> tuple[str, ...]:
        """The names of the graphs that have checkpoints here."""
        with self._reading() as db:
            return tuple(row[0] for row in db.execute("SELECT DISTINCT graph FROM streamweave_checkpoints ORDER BY 1"))

    def verify(self, graph: str, id: int) -> tuple[str, ...]:  # noqa: A002 - as in Store
        """What is wrong with it; see `Store`."""
        with self._reading() as db:
            return self._info(db, graph, id).problems

    def prune(self, graph: str, keep: int) -> tuple[int, ...]:
        """Delete what is older than the newest `keep` whole ones; see `Store`."""
        with self._transaction("pruned") as db:
            gone = to_prune(self._ids(db, graph), checked_keep(keep), lambda n: not self._info(db, graph, n).problems)
            self._delete(db, gone)
        return gone

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._open is not None:
                self._open.close()
            self._open = None

    # Within the lock.

    def _what(self, number: int) -> str:
        return f"checkpoint {number} in {self.path}"

    def _ids(self, db: sqlite3.Connection, graph: str) -> Sequence[int]:
        rows = db.execute("SELECT id FROM streamweave_checkpoints WHERE graph = ? ORDER BY id DESC", (graph,))
        return [row[0] for row in rows]

    def _manifest(self, db: sqlite3.Connection, graph: str, number: int) -> Manifest:
        query = "SELECT manifest, sha256 FROM streamweave_checkpoints WHERE graph = ? AND id = ?"
        row = db.execute(query, (graph, number)).fetchone()
        if row is None:
            there = ", ".join(map(str, self._ids(db, graph))) or "none"
            raise StateError(f"{self.path} has no checkpoint {number} of graph {graph!r}; there are: {there}")
        return parsed(bytes(row[0]), row[1], number, what=self._what(number))

    def _data(self, db: sqlite3.Connection, number: int) -> dict[str, bytes | None]:
        return dict(db.execute("SELECT node, data FROM streamweave_states WHERE checkpoint = ?", (number,)))

    def _read(self, db: sqlite3.Connection, graph: str, number: int) -> Checkpoint:
        try:
            manifest, data = self._manifest(db, graph, number), self._data(db, number)
        except sqlite3.DatabaseError as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # Python's own: text that is none
            if code & 0xFF not in _DAMAGE:
                raise
            raise StateError(f"{self._what(number)} is damaged: {error}") from error
        return assembled(manifest, data, damages(manifest, data), what=self._what(number))

    def _info(self, db: sqlite3.Connection, graph: str, number: int) -> Info:
        try:
            manifest = self._manifest(db, graph, number)
            return info_of(manifest, damages(manifest, self._data(db, number)))
        except (StateError, sqlite3.DatabaseError) as error:
            return Info(number, 0.0, 0, "", problems=(str(error),))

    def _delete(self, db: sqlite3.Connection, ids: tuple[int, ...]) -> None:
        gone = [(number,) for number in ids]
        db.executemany("DELETE FROM streamweave_states WHERE checkpoint = ?", gone)
        db.executemany("DELETE FROM streamweave_checkpoints WHERE id = ?", gone)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection()
            except (sqlite3.Error, OSError) as error:
                raise StateError(f"{self.path} cannot be read: {error}") from error

    @contextmanager
    def _transaction(self, done: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                db = self._connection()
                db.execute("BEGIN IMMEDIATE")  # the ids are read and given under the same lock
                try:
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    if db.in_transaction:  # a full disk may have rolled it back already
                        db.execute("ROLLBACK")
                    raise
            except (sqlite3.Error, OSError) as error:
                raise StateError(f"{self.path} cannot be {done}: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            try:
                self._prepare(db)
            except BaseException:
                db.close()
                raise
            self._open = db
        return self._open

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")  # WAL alone would lose the last commits when the power goes
        db.executescript(_SCHEMA)
        about = {"format_version": str(FORMAT_VERSION), "written_by": ""}
        db.executemany("INSERT OR IGNORE INTO streamweave_about VALUES (?, ?)", about.items())
        about = dict(db.execute("SELECT key, value FROM streamweave_about"))
        if int(about["format_version"]) > FORMAT_VERSION:
            raise StateError(newer(str(self.path), int(about["format_version"]), about["written_by"]))
