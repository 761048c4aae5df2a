"""What is said where a store's disk or file refuses: what could not be done, why, and what helps."""

from __future__ import annotations

import errno
import sqlite3

DAMAGED = "bring it back from a copy, or move it away to begin anew"
"""What helps where a file is not as it was written."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""What SQLite says of a file that is not as it was written; all else (disk, lock, permission) may pass."""


def refused(place: object, done: str, error: BaseException) -> str:
    """The sentence about what cannot be `done` at `place`; with the remedy where time will not help."""
    return f"{place} cannot be {done}: {error}{_remedy(error)}"


def is_damage(error: BaseException) -> bool:
    """Whether an error in reading says that a SQLite file is not as it was written."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # Python's own: text that is none
    return isinstance(error, sqlite3.DatabaseError | UnicodeDecodeError) and code & 0xFF in _DAMAGE


def _remedy(error: BaseException) -> str:
    if is_damage(error):
        return f"; it is damaged: {DAMAGED}"
    full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    if full or (isinstance(error, OSError) and error.errno in _FULL):
        return "; make room on its disk, or name a store on a larger one"
    return ""


__all__ = ["DAMAGED", "is_damage", "refused"]
