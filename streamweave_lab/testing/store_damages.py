"""What crashes and bad disks do to checkpoints, done on purpose."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from streamweave_lab.state import FolderStore, SqliteStore, Store

Damage = Callable[[int], object]


def damages_of(store: Store) -> dict[str, Damage]:
    """Ways to damage the checkpoint with a given id in a store of this package, by name.

    They suit checkpoints like `stores.example`. Raises: TypeError for a store of another kind.
    """
    if isinstance(store, FolderStore):
        return _of_folders(Path(store.base), "" if store.shard is None else f"shard_{store.shard}")
    if isinstance(store, SqliteStore):
        return _of_rows(store.path)
    raise TypeError(f"how to damage a {type(store).__name__} is not known here")


def _of_folders(base: Path, shard: str) -> dict[str, Damage]:
    changes: dict[str, Callable[[Path], object]] = {
        "{} is missing": Path.unlink,
        "{} is cut short": lambda path: path.write_bytes(path.read_bytes()[:-5]),
        "a bit of {} is flipped": lambda path: path.write_bytes(flipped(path.read_bytes())),
    }
    files = ("delays.bin", "manifest.json", "metadata.json", "COMMITTED")
    return {how.format(file): _in(base, shard, file, change) for file in files for how, change in changes.items()}


def _in(base: Path, shard: str, file: str, change: Callable[[Path], object]) -> Damage:
    return lambda number: change(base / str(number) / shard / file)


def flipped(data: bytes) -> bytes:
    """The same with one bit in the middle flipped."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


def _of_rows(path: Path) -> dict[str, Damage]:
    states = {
        "a state is missing": "DELETE FROM streamweave_states WHERE checkpoint = ? AND node = 'delays'",
        "all states are missing": "DELETE FROM streamweave_states WHERE checkpoint = ?",
        "a state is cut short": "UPDATE streamweave_states SET data = substr(data, 2) WHERE checkpoint = ?",
        "a bit of the states is flipped": "UPDATE streamweave_states SET data = flipped(data) WHERE checkpoint = ?",
        "a manifest is flipped": "UPDATE streamweave_checkpoints SET manifest = flipped(manifest) WHERE id = ?",
        "the manifest is empty": "UPDATE streamweave_checkpoints SET manifest = x'' WHERE id = ?",
        "the checksum is another": "UPDATE streamweave_checkpoints SET sha256 = 'ab' WHERE id = ?",
    }
    return {how: _statement(path, statement) for how, statement in states.items()}


def _statement(path: Path, statement: str) -> Damage:
    def damage(number: int) -> None:
        with closing(sqlite3.connect(path)) as db, db:
            db.create_function("flipped", 1, flipped)
            db.execute(statement, (number,))

    return damage
