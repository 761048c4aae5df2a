"""The statements that make a table and write a row of it, and what a cell of it can hold."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from streamweave_lab.connectors.records import plain

ITEM_ERRORS = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    OverflowError,
    ValueError,
)
"""What SQLite raises where it is the row that is at fault."""
_CELLS = frozenset({bool, int, float, str, bytes, type(None)})


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def as_cells(row: Sequence[Any]) -> tuple[Any, ...]:
    """The values of a row as SQLite can hold them. Raises: ValueError for what has no such form."""
    if _CELLS.issuperset(map(type, row)):
        return tuple(row)
    return tuple(cell if type(cell) in _CELLS else _as_cell(plain(cell)) for cell in row)


def _as_cell(held: Any) -> Any:
    return json.dumps(held, ensure_ascii=False) if isinstance(held, dict | list) else held


def has_rows(db: sqlite3.Connection, table: str) -> bool:
    """Whether there is such a table, and it is not empty."""
    return _is_there(db, table) and db.execute(f"SELECT 1 FROM {quoted(table)} LIMIT 1").fetchone() is not None  # noqa: S608 - quoted


def rows_there(path: Path, table: str) -> str:
    """The sentence about a table that was to be new."""
    return (
        f'table {table!r} of {path} has rows already; mode="append" adds to them, mode="replace" takes them away first'
    )


def misfit(path: Path, table: str, error: sqlite3.Error) -> str:
    """The sentence about a table of another shape."""
    return f"table {table!r} of {path} does not fit: {error}"


def obstacle(path: Path, table: str, columns: Mapping[str, str] | None, key: tuple[str, ...], *, new: bool) -> str:
    """What keeps rows of `columns` from being written there, as far as a look can tell; "" where nothing does."""
    if not path.is_file() or not path.stat().st_size:
        return ""
    try:
        # Not mode=ro, which leaves an empty log beside the file.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as db:
            if new and has_rows(db, table):
                return rows_there(path, table)
            if columns is not None and _is_there(db, table):
                fitting(db, table, columns, key)
    except sqlite3.OperationalError as error:
        return misfit(path, table, error)
    except sqlite3.DatabaseError as error:
        return f"{path} is damaged, or no SQLite file: {error}; name another, or move it away"
    return ""


def prepared(db: sqlite3.Connection, table: str, columns: Mapping[str, str], key: tuple[str, ...]) -> str:
    """Make `table` of `columns` (names to SQL types) where there is none. Returns: the statement that writes a row.

    With a `key` it replaces the row of the same key. Raises: sqlite3.OperationalError if the table that is there
    does not fit.
    """
    among = ", ".join(map(quoted, key))
    cells = [f"{quoted(name)} {kind}{' NOT NULL' * (name in key)}".rstrip() for name, kind in columns.items()]
    made = ", ".join([*cells, f"PRIMARY KEY ({among})"] if key else cells)
    db.execute(f"CREATE TABLE IF NOT EXISTS {quoted(table)} ({made})")
    return fitting(db, table, columns, key)


def fitting(db: sqlite3.Connection, table: str, columns: Mapping[str, str], key: tuple[str, ...]) -> str:
    """The statement that writes a row of `columns` to the `table` that is there. Nothing is changed.

    Raises: sqlite3.OperationalError if it does not fit.
    """
    among = ", ".join(map(quoted, key))
    insert = (
        f"INSERT INTO {quoted(table)} ({', '.join(map(quoted, columns))}) "  # noqa: S608 - quoted
        f"VALUES ({', '.join('?' * len(columns))})"
    )
    if key:
        others = [f"{quoted(name)} = excluded.{quoted(name)}" for name in columns if name not in key]
        insert += f" ON CONFLICT ({among}) DO " + (f"UPDATE SET {', '.join(others)}" if others else "NOTHING")
    else:
        _check_row_ids(db, table, columns)
    db.execute(f"EXPLAIN {insert}", [None] * len(columns))
    return insert


def _check_row_ids(db: sqlite3.Connection, table: str, columns: Mapping[str, str]) -> None:
    """Rows without a key are known by their row ids, which must be there and the database's own."""
    db.execute(f"SELECT rowid FROM {quoted(table)} LIMIT 1")  # noqa: S608 - quoted
    info = db.execute(f"PRAGMA table_info({quoted(table)})").fetchall()
    primary = [(name, kind.upper()) for _, name, kind, _, _, place in info if place]
    [(name, kind)] = primary if len(primary) == 1 else [("", "")]
    if (kind == "INTEGER" and name in columns) or any(column[1].lower() == "rowid" for column in info):
        raise sqlite3.OperationalError(f"{name or 'rowid'!r} is its row id; draw the sink with key={name or 'rowid'!r}")


def _is_there(db: sqlite3.Connection, table: str) -> bool:
    """Whether there is such a table."""
    made = db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
    return made.fetchone() is not None
