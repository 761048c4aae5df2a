"""A graph's place in a store: one run at a time keeps its state there, and who comes second is told who has it."""

from __future__ import annotations

import json
import os
import re
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import Lock, RLock
from typing import Any, ClassVar
from uuid import uuid4
from weakref import WeakValueDictionary

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.errors import StateError, StoreHeldError
from streamweave_lab.state.outside import refused
from streamweave_lab.state.store import Checkpoint, Info

Write = Callable[[Checkpoint], Info]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a place; `since` and `seen` (its last sign of life) are seconds since 1970-01-01 UTC."""

    host: str
    pid: int
    process: str
    """Tells the process from an earlier or a later one of that number, in other pid namespaces too; "" if unknown."""
    since: float
    seen: float
    token: str

    @classmethod
    def me(cls) -> Holder:
        """The process that asks, now."""
        now = SYSTEM_CLOCK.wall()
        return cls(socket.gethostname(), os.getpid(), process_of(os.getpid()), now, now, uuid4().hex)

    @classmethod
    def read(cls, content: bytes | None) -> Holder | None:
        """Who wrote that; None if nobody did, or it cannot be read."""
        try:
            known = json.loads(content or b"")
            return cls(**{name: kind(known[name]) for name, kind in _KINDS.items()})
        except (ValueError, TypeError, KeyError):
            return None

    def written(self) -> bytes:
        """For `read`."""
        return json.dumps(asdict(self)).encode()

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since, UTC).isoformat(timespec="seconds")
        return f"process {self.pid} on {self.host}, since {since}"


_KINDS: Mapping[str, Callable[[Any], Any]] = {
    "host": str, "pid": int, "process": str, "since": float, "seen": float, "token": str,
}  # fmt: skip


def process_of(pid: int) -> str:
    """When that process began, in which pid namespace; "" where the system does not say, or there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        return f"{Path('/proc/self/ns/pid').readlink()} {stat.rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        return ""


class Place(ABC):
    """The right to keep checkpoints of one graph, until it is left or its process is gone.

    `write` is the store's own; `alive` says whether the run that took it still goes on.
    """

    _here: ClassVar[WeakValueDictionary[str, Place]] = WeakValueDictionary()
    """Those of this process, by where they are."""
    _taking: ClassVar[Any] = Lock()

    def __init__(self, where: str, graph: str, what: str, write: Write, alive: Callable[[], bool]) -> None:
        self.where, self.graph, self.what = where, graph, what
        self._store_write, self._alive = write, alive
        self._lock = RLock()
        self._left = False
        self.is_lost = False
        """It has gone, to another run or with its file, and does not come back."""
        self.me = Holder.me()

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def take(self) -> Place:
        """Have it. Raises: StoreHeldError if another run that goes on has it; OSError."""
        with Place._taking:
            earlier = Place._here.get(self.where)
            if earlier is not None and (earlier._left or not earlier._alive()):
                with earlier._lock:  # a last checkpoint may still be on its way
                    earlier._close()
            self._take()
            Place._here[self.where] = self
        return self

    def taken(self) -> StoreHeldError | None:
        """What `take` would raise now, for who only looks. Nothing is changed. Raises: OSError."""
        earlier = Place._here.get(self.where)
        if earlier is not None and (earlier._left or not earlier._alive()):
            return None
        return self._taken()

    def write(self, checkpoint: Checkpoint) -> Info:
        """Keep a checkpoint, as `Store.write` does.

        Raises: StoreHeldError if the place was left, or lost to another run; StateError as there.
        """
        try:
            with self._lock:
                if self._left:
                    raise StoreHeldError(f"{self.what}: the run of {self.graph!r} has left its place there")
                self._check()
                return self._written(checkpoint)
        except OSError as error:
            raise StateError(refused(self.what, "written", error)) from error
        finally:
            if self._left:
                self.leave()

    def leave(self) -> None:
        """Let others have it, at once or, if a write is under way, when that is over. Harmless a second time."""
        self._left = True
        if self._lock.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._lock.release()

    def held_by(self, other: Holder | None, free: str) -> StoreHeldError:
        """The refusal."""
        who = "another process" if other is None else str(other)
        if other is not None and other.pid == os.getpid() and other.process == self.me.process:
            who = f"another run in this process, since {str(other).rpartition('since ')[2]}"
        return StoreHeldError(
            f"{self.what}: a run of {self.graph!r} keeps its state there already, and two would mix theirs: "
            f"{who}; end that run first, or give this one another store; {free}"
        )

    def lost(self, other: Holder | None) -> StoreHeldError:
        """That it has gone to another, from now on."""
        self.is_lost = True
        to = "its file was deleted or replaced" if other is None else f"it went to {other}"
        return StoreHeldError(
            f"{self.what}: the run of {self.graph!r} has lost its place there ({to}), and keeps nothing any more; "
            f"stop it, and start it again if it is the one that should go on"
        )

    def _close(self) -> None:
        self._left = True
        with suppress(OSError):
            self._release()
        if Place._here.get(self.where) is self:
            del Place._here[self.where]

    def _written(self, checkpoint: Checkpoint) -> Info:
        return self._store_write(checkpoint)

    @abstractmethod
    def _take(self) -> None:
        """Raises: StoreHeldError, OSError."""

    @abstractmethod
    def _taken(self) -> StoreHeldError | None:
        """Raises: OSError."""

    @abstractmethod
    def _check(self) -> None:
        """Raises: StoreHeldError if it is another's now; OSError."""

    @abstractmethod
    def _release(self) -> None:
        """Only if it is ours. Raises: OSError."""


def always() -> bool:
    """Of who never says that it is gone."""
    return True


def name_of(graph: str) -> str:
    """A file name for a graph; two graphs have two, also where case does not count."""
    name = re.sub(r"[^a-z0-9_.-]", "_", graph)[:60]
    return name if name == graph else f"{name}~{sha256(graph.encode()).hexdigest()[:8]}"
