"""Checkpoints in one SQLite file: one transaction each, durable when it is committed."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from threading import RLock

from streamweave_lab.errors import StateError, StoreHeldError
from streamweave_lab.state.local_place import LocalPlace
from streamweave_lab.state.manifest import Manifest, assembled, checksum, damages, info_of, manifest_of, parsed
from streamweave_lab.state.outside import is_damage, refused
from streamweave_lab.state.place import Place, always, name_of
from streamweave_lab.state.pruning import checked_keep, id_is_old, newest_whole, to_prune
from streamweave_lab.state.sqlite_file import fold, opened
from streamweave_lab.state.store import Checkpoint, Info

_ROWS = """SELECT id, graph, manifest, sha256 FROM streamweave_checkpoints NOT INDEXED ORDER BY id DESC"""


class SqliteStore:
    """Checkpoints in the SQLite file `path`, which is made where it is missing; the newest `keep` stay.

    The file may hold other tables too. It must be on a disk of this machine: SQLite's locks do not work over networks.
    What was written is in the file itself, and does not hang on the `-wal` that SQLite puts beside it; only where
    another program was reading while the last checkpoints were written they need it, until the next one.
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
                raise StateError(id_is_old(str(self.path), checkpoint.id, last))
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
            return newest_whole(
                self._ids(db, graph), lambda n: self._read(db, graph, n), what=f"{self.path}, graph {graph!r}"
            )

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

    def hold(self, graph: str, alive: Callable[[], bool] = always) -> Place:
        """Take the graph's place, by a lock on a file beside this one; see `Store`. A dead process holds nothing."""
        try:
            return self._place(graph, alive).take()
        except OSError as error:
            raise StateError(refused(self.path, "written", error)) from error

    def held(self, graph: str) -> StoreHeldError | None:
        """What `hold` would raise while a run that goes on has the place. Nothing is changed. Raises: OSError."""
        return self._place(graph, always).taken()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._open is not None:
                self._open.close()
            self._open = None

    def _place(self, graph: str, alive: Callable[[], bool]) -> LocalPlace:
        real = Path(os.path.realpath(self.path))
        lock = real.with_name(f"{real.name}-{name_of(graph)}.held")
        return LocalPlace(lock, graph, str(self.path), self.write, alive)

    # Within the lock.

    def _what(self, number: int) -> str:
        return f"checkpoint {number} in {self.path}"

    def _ids(self, db: sqlite3.Connection, graph: str) -> Sequence[int]:
        """The newest first; with one that says it is of this graph where its row does not."""
        rows = db.execute(_ROWS)
        return [number for number, *row in rows if row[0] == graph or _graph_in(*row[1:]) == graph]

    def _manifest(self, db: sqlite3.Connection, graph: str, number: int) -> Manifest:
        there = self._ids(db, graph)
        if number not in there:
            ids = ", ".join(map(str, there)) or "none"
            raise StateError(f"{self.path} has no checkpoint {number} of graph {graph!r}; there are: {ids}")
        query = "SELECT graph, manifest, sha256 FROM streamweave_checkpoints WHERE id = ?"
        kept_as, text, digest = db.execute(query, (number,)).fetchone()
        manifest = parsed(_bytes(text), digest, number, what=self._what(number))
        if kept_as != manifest["graph"]:
            raise StateError(f"{self._what(number)} is damaged: it is kept as that of {kept_as!r}")
        return manifest

    def _data(self, db: sqlite3.Connection, number: int) -> dict[str, bytes | None]:
        rows = db.execute("SELECT node, data FROM streamweave_states WHERE checkpoint = ?", (number,))
        return {node: _bytes(data) for node, data in rows}

    def _read(self, db: sqlite3.Connection, graph: str, number: int) -> Checkpoint:
        try:
            manifest, data = self._manifest(db, graph, number), self._data(db, number)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if not is_damage(error):
                raise
            raise StateError(f"{self._what(number)} is damaged: {error}") from error
        return assembled(manifest, data, damages(manifest, data), what=self._what(number))

    def _info(self, db: sqlite3.Connection, graph: str, number: int) -> Info:
        try:
            manifest = self._manifest(db, graph, number)
            return info_of(manifest, damages(manifest, self._data(db, number)))
        except (StateError, sqlite3.DatabaseError, UnicodeDecodeError) as error:
            return Info(number, 0.0, 0, "", problems=(str(error),))

    def _delete(self, db: sqlite3.Connection, ids: tuple[int, ...]) -> None:
        gone = [(number,) for number in ids]
        db.executemany("DELETE FROM streamweave_states WHERE checkpoint = ?", gone)
        db.executemany("DELETE FROM streamweave_checkpoints WHERE id = ?", gone)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """All that is read within is of one moment, whatever a run in another process writes and prunes meanwhile."""
        with self._lock:
            try:
                db = self._connection()
                db.execute("BEGIN")
                try:
                    yield db
                finally:
                    if db.in_transaction:
                        db.execute("ROLLBACK")
            except (sqlite3.Error, UnicodeDecodeError, OSError) as error:
                raise StateError(refused(self.path, "read", error)) from error

    @contextmanager
    def _transaction(self, done: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                db = self._connection()
                db.execute("BEGIN IMMEDIATE")  # the ids are read and given under the same lock
                try:
                    yield db
                    db.execute("COMMIT")
                    fold(db)
                except BaseException:
                    if db.in_transaction:  # a full disk may have rolled it back already
                        db.execute("ROLLBACK")
                    raise
            except (sqlite3.Error, UnicodeDecodeError, OSError) as error:
                raise StateError(refused(self.path, done, error)) from error

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            self._open = opened(self.path)
        return self._open


def _bytes(value: object) -> bytes:
    """What a cell holds; nothing where damage has made it another type."""
    return value if isinstance(value, bytes) else b""


def _graph_in(text: object, digest: object) -> str | None:
    """Whose a manifest says it is, if it is whole."""
    manifest = _bytes(text)
    if checksum(manifest) != digest:
        return None
    graph: str = json.loads(manifest)["graph"]
    return graph
