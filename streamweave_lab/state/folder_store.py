"""Checkpoints as folders: `<base>/<id>/[shard_<n>/]`, whole where the file COMMITTED is in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from threading import RLock
from typing import Any

from streamweave_lab.errors import StateError, StoreHeldError
from streamweave_lab.state.folder_contents import COMMITTED, MANIFEST, METADATA, contents, metadata
from streamweave_lab.state.folder_files import Files, LocalFiles, RemoteFiles
from streamweave_lab.state.local_place import LocalPlace
from streamweave_lab.state.manifest import Manifest, assembled, damages, info_of, parsed
from streamweave_lab.state.outside import refused
from streamweave_lab.state.place import Place, always, name_of
from streamweave_lab.state.pruning import (
    UncommittedError,
    UnfinishedError,
    checked_keep,
    id_is_old,
    newest_whole,
    to_prune,
)
from streamweave_lab.state.remote_place import RemotePlace
from streamweave_lab.state.store import Checkpoint, Info

_TRIES = 1000


class FolderStore:
    """Checkpoints under the folder `base`: a path, or a URL of any filesystem fsspec knows; the newest `keep` stay.

    `shard` keeps those of one shard in `<id>/shard_<shard>`; `options` go to fsspec (keys, endpoints).

    Raises: MissingExtraError where a URL needs fsspec and that is not installed.
    """

    def __init__(
        self,
        base: str | PathLike[str],
        keep: int = 10,
        *,
        shard: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.base = fspath(base)
        self.keep = checked_keep(keep)
        self.shard = shard
        self._files = _files_at(self.base, options or {})
        self._graphs: dict[int, str] = {}  # whose each checkpoint is, which never changes
        self._lock = RLock()

    def __repr__(self) -> str:
        return f"FolderStore({self.base!r}, keep={self.keep})"

    def write(self, checkpoint: Checkpoint) -> Info:
        """Keep it, in a folder of its own; see `Store`."""
        with self._working("written"):
            checkpoint = self._put(checkpoint)
            # What stands there was whole when it was written: to read it all again would cost more than to write this.
            gone = to_prune(self._ids(checkpoint.graph), self.keep, self._is_committed)
            self._remove(gone)
        return Info(checkpoint.id, checkpoint.taken_at, checkpoint.bytes, checkpoint.reason, checkpoint.epoch)

    def latest(self, graph: str) -> Checkpoint | None:
        """The newest whole one; see `Store`."""
        with self._working("read"):
            while True:
                ids = self._ids(graph)
                try:
                    found = newest_whole(ids, self._read, what=f"{self.base}, graph {graph!r}")
                except StateError:
                    if self._are_there(ids):
                        raise
                else:
                    if found is None or not found.passed_over or self._are_there(ids):
                        return found

    def read(self, graph: str, id: int) -> Checkpoint:  # noqa: A002 - as in Store
        """The checkpoint with that id, verified; see `Store`."""
        with self._working("read"):
            try:
                return self._read(self._one(graph, id))
            except StateError:
                self._one(graph, id)  # another writer may have pruned it meanwhile
                raise

    def list(self, graph: str) -> tuple[Info, ...]:
        """All there are, each verified, the newest first."""
        with self._working("read"):
            while ids := self._ids(graph):
                infos = [self._info(number) for number in ids]
                there = set(self._numbers())
                if found := tuple(info for info in infos if info.id in there):
                    return found
            return ()

    def graphs(self) -> tuple[str, ...]:
        """The names of the graphs that have checkpoints here, as far as they can be read."""
        with self._working("read"):
            return tuple(sorted({graph for number in self._numbers() if (graph := self._graph(number)) is not None}))

    def verify(self, graph: str, id: int) -> tuple[str, ...]:  # noqa: A002 - as in Store
        """What is wrong with it; see `Store`."""
        try:
            with self._working("read"):
                problems = self._info(self._one(graph, id)).problems
                self._one(graph, id)  # as in `read`
                return problems
        except StateError as error:
            return (str(error),)

    def prune(self, graph: str, keep: int) -> tuple[int, ...]:
        """Delete what is older than the newest `keep` whole ones; see `Store`."""
        with self._working("pruned"):
            gone = to_prune(self._ids(graph), checked_keep(keep), lambda number: not self._info(number).problems)
            self._remove(gone)
        return gone

    def hold(self, graph: str, alive: Callable[[], bool] = always) -> Place:
        """Take the graph's place; see `Store`.

        In a folder of this machine by a lock on a file in it: a dead process holds nothing. At a URL nothing can be
        locked: a note is renewed every 15 seconds and looked at before and after each write; who has died is
        followed at once on the same machine, and elsewhere after 60 seconds.
        """
        try:  # not within the lock: who had the place before may still be writing
            return self._place(graph, alive).take()
        except OSError as error:
            raise StateError(refused(self.base, "written", error)) from error

    def held(self, graph: str) -> StoreHeldError | None:
        """What `hold` would raise while a run that goes on has the place. Nothing is changed. Raises: OSError."""
        return self._place(graph, always).taken()

    def close(self) -> None:
        """Nothing is held open."""

    def _place(self, graph: str, alive: Callable[[], bool]) -> Place:
        name = f".held-{name_of(graph)}" + ("" if self.shard is None else f".shard_{self.shard}")
        if isinstance(self._files, LocalFiles):
            return LocalPlace(self._files.base / name, graph, self.base, self.write, alive)
        assert isinstance(self._files, RemoteFiles)  # noqa: S101 - there is no third kind
        return RemotePlace(self._files, name, graph, self.base, self.write, self._withdraw, alive)

    def _withdraw(self, number: int) -> None:
        with self._working("withdrawn"):
            self._remove((number,))

    # Within the lock.

    def _put(self, checkpoint: Checkpoint) -> Checkpoint:
        for _ in range(_TRIES):
            last = max(self._numbers(), default=0)
            if checkpoint.id and checkpoint.id <= last:
                raise StateError(id_is_old(self.base, checkpoint.id, last))
            one = replace(checkpoint, id=checkpoint.id or last + 1)
            try:
                self._files.put(self._folder(one.id), contents(one))
            except FileExistsError:  # another writer was quicker
                continue
            return one
        raise StateError(f"{self.base}: other writers were quicker {_TRIES} times")

    def _folder(self, number: int) -> str:
        return f"{number}" if self.shard is None else f"{number}/shard_{self.shard}"

    def _what(self, number: int) -> str:
        return f"checkpoint {self.base}/{self._folder(number)}"

    def _numbers(self) -> Sequence[int]:
        names = (int(name) for name in self._files.names() if name.isascii() and name.isdigit())
        return [n for n in names if self.shard is None or f"shard_{self.shard}" in self._files.names(f"{n}")]

    def _ids(self, graph: str) -> Sequence[int]:
        """The newest first; with those so damaged that nobody knows whose they are."""
        return [n for n in sorted(self._numbers(), reverse=True) if self._graph(n) in (graph, None)]

    def _one(self, graph: str, number: int) -> int:
        ids = self._ids(graph)
        if number not in ids:
            there = ", ".join(map(str, ids)) or "none"
            raise StateError(f"{self.base} has no checkpoint {number} of graph {graph!r}; there are: {there}")
        return number

    def _are_there(self, numbers: Sequence[int]) -> bool:
        """Another writer has pruned none of them meanwhile."""
        return set(numbers) <= set(self._numbers())

    def _graph(self, number: int) -> str | None:
        if number not in self._graphs:
            try:
                self._graphs[number] = str(self._manifest(number)["graph"])
            except UncommittedError:
                return self._uncommitted_of(number)
            except StateError:  # damaged: what it says of itself is not to be believed
                return None
        return self._graphs[number]

    def _uncommitted_of(self, number: int) -> str | None:
        try:
            graph = json.loads(self._files.read(f"{self._folder(number)}/{MANIFEST}") or b"")["graph"]
        except (ValueError, TypeError, KeyError):
            return None
        return str(graph)

    def _is_committed(self, number: int) -> bool:
        return self._files.read(f"{self._folder(number)}/{COMMITTED}") is not None

    def _manifest(self, number: int) -> Manifest:
        folder, what = self._folder(number), self._what(number)
        committed = self._files.read(f"{folder}/{COMMITTED}")
        if committed is None and self._files.at_once:
            raise UncommittedError(f"{what} is damaged: its {COMMITTED} is missing")
        if committed is None:
            raise UnfinishedError(f"{what} was never finished: it has no {COMMITTED}")
        text = self._files.read(f"{folder}/{MANIFEST}") or b""
        return parsed(text, committed.decode("ascii", "replace").strip(), number, what=what)

    def _data(self, number: int, manifest: Manifest) -> dict[str, bytes | None]:
        folder = self._folder(number)
        return {name: self._files.read(f"{folder}/{entry['file']}") for name, entry in manifest["nodes"].items()}

    def _read(self, number: int) -> Checkpoint:
        manifest = self._manifest(number)
        data = self._data(number, manifest)
        return assembled(manifest, data, self._damages(manifest, data), what=self._what(number))

    def _info(self, number: int) -> Info:
        try:
            manifest = self._manifest(number)
            return info_of(manifest, self._damages(manifest, self._data(number, manifest)))
        except (StateError, OSError) as error:
            return Info(number, 0.0, 0, "", problems=(str(error),))

    def _damages(self, manifest: Manifest, data: Mapping[str, bytes | None]) -> tuple[str, ...]:
        expected = metadata(manifest["id"], manifest["positions"])
        if self._files.read(f"{self._folder(manifest['id'])}/{METADATA}") == expected:
            return damages(manifest, data)
        return (*damages(manifest, data), f"{METADATA} does not say what {MANIFEST} says")

    def _remove(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self._files.remove(self._folder(number), COMMITTED)

    @contextmanager
    def _working(self, done: str) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except OSError as error:
                raise StateError(refused(self.base, done, error)) from error


def _files_at(base: str, options: Mapping[str, Any]) -> Files:
    if base.startswith("file://"):
        return LocalFiles(Path(base.removeprefix("file://")))
    return RemoteFiles(base, options) if "://" in base else LocalFiles(Path(base))
