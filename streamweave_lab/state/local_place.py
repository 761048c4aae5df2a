"""Places in stores on this machine's disks: a lock of the operating system, which falls with its process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from streamweave_lab.errors import StoreHeldError
from streamweave_lab.state.place import Holder, Place, Write

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int, *, shared: bool = False) -> None:  # noqa: ARG001 - there is one kind of lock
        os.lseek(handle, _FAR, os.SEEK_SET)  # what is locked cannot be read by others there
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int, *, shared: bool = False) -> None:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


_FAR = 1 << 30
_LOOKS = 10_000
"""So often at most another's look is waited for, which is over in an instant."""
_FREE = "its place is free as soon as that process has ended"


class LocalPlace(Place):
    """Held by a lock on the file `path`, which is there only meanwhile, and after a crash."""

    def __init__(self, path: Path, graph: str, what: str, write: Write, alive: Callable[[], bool]) -> None:
        self._path = Path(os.path.realpath(path))
        self._handle: int | None = None
        super().__init__(str(self._path), graph, what, write, alive)

    def __del__(self) -> None:
        if self._handle is not None:  # nobody can write with it any more
            os.close(self._handle)

    def _take(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        looks = _LOOKS
        while self._handle is None:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                _lock(handle)
                if self._is_there(handle):  # else who had it before has just deleted it
                    self._handle = handle
            except (BlockingIOError, PermissionError) as error:
                looks -= 1
                if not (looks and _is_only_looked_at(handle)):
                    raise self.held_by(Holder.read(os.read(handle, 4096)), _FREE) from error
            finally:
                if self._handle is None:
                    os.close(handle)
        with suppress(OSError):  # a full disk: the lock holds, it only does not say whose it is
            os.ftruncate(self._handle, 0)
            os.write(self._handle, self.me.written())

    def _taken(self) -> StoreHeldError | None:
        try:
            handle = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            _lock(handle, shared=True)  # for this instant: the file is that of a run which was killed
        except (BlockingIOError, PermissionError):
            return self.held_by(Holder.read(os.read(handle, 4096)), _FREE)
        finally:
            os.close(handle)
        return None

    def _is_there(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), self._path.stat())
        except FileNotFoundError:
            return False

    def _check(self) -> None:
        if self._handle is None or not self._is_there(self._handle):
            raise self.lost(None)

    def _release(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            try:
                if self._is_there(handle):
                    self._path.unlink()  # Windows lets it be, which does no harm
            finally:
                os.close(handle)


def _is_only_looked_at(handle: int) -> bool:
    """Who has the lock shares it, as `_taken` does, or has just let it go."""
    try:
        _lock(handle, shared=True)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _after_fork() -> None:
    """A child would keep the locks of a parent that has died."""
    for place in list(Place._here.values()):
        if isinstance(place, LocalPlace) and place._handle is not None:
            os.close(place._handle)
            place._handle = None
    Place._here.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
