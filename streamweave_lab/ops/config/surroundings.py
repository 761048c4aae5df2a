"""What a run would need outside, looked at without changing anything: files, folders, stores, ports."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from streamweave_lab.config.problems import Passing
from streamweave_lab.connectors.file_source import FileSource
from streamweave_lab.connectors.json_lines_file import JSONLinesFile
from streamweave_lab.connectors.sqlite_table import SQLiteTable
from streamweave_lab.errors import StateError
from streamweave_lab.state.folder_store import FolderStore
from streamweave_lab.state.sqlite_store import SqliteStore

if TYPE_CHECKING:
    from streamweave_lab.graph.graph import Graph
    from streamweave_lab.graph.node import Node
    from streamweave_lab.state.store import Store


def around_graph(graph: Graph, *, anew: bool = False) -> Iterator[str]:
    """A sentence for everything that a source or sink of `graph` would miss, or have in its way if it begins `anew`."""
    for node in graph:
        yield from (f"{node.name}: {problem}" for problem in _around_node(node, anew=anew))


def around_store(store: Store | None, graph: str) -> Iterator[str]:
    """A sentence for everything that keeps a run of `graph` from keeping its state in `store`; Passing where it may."""
    if not isinstance(store, SqliteStore | FolderStore):
        return
    if isinstance(store, SqliteStore):
        yield from (f"store: {problem}" for problem in writable(store.path, made=True))
    elif "://" not in store.base:
        yield from (f"store: {problem}" for problem in _writable_folder(Path(store.base), made=True))
    try:
        held = store.held(graph)
    except OSError:
        return  # what a run finds out when it writes, and a look at the disk has told
    if held is not None:
        yield Passing(f"store: {held}")


def named_checkpoint(graph: str, store: Store | None, resume: bool | int) -> Iterator[str]:
    """A sentence for everything that is wrong with the checkpoint of that number, where `resume` is one."""
    if store is None or isinstance(resume, bool):
        return
    if not _is_made(store):
        yield f"store: there is no store yet, and so no checkpoint {resume} of graph {graph!r}"
        return
    try:
        yield from (f"store: {problem}" for problem in store.verify(graph, resume))
    except StateError as error:
        yield f"store: {error}"


def begins_anew(graph: str, store: Store | None, resume: bool | int) -> bool:
    """Whether a run of `graph` would go on from no checkpoint in `store`, as far as can be seen without making it."""
    if store is None or resume is False:
        return True
    if resume is not True:
        return False
    if not _is_made(store):
        return True
    try:
        if isinstance(store, SqliteStore | FolderStore):
            return graph not in store.graphs()  # to list checkpoints is to verify each
        return not store.list(graph)
    except StateError:
        return False  # which is told by who reads it


def _is_made(store: Store) -> bool:
    if isinstance(store, SqliteStore):
        return store.path.is_file()
    return not isinstance(store, FolderStore) or "://" in store.base or Path(store.base).is_dir()


def port_problems(host: str, port: int) -> Iterator[str]:
    """A sentence if nothing can listen at `port` of `host` now. Port 0, any free one, is always well."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as trial:
            # As servers do: without it a port that one has just left would count as taken.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except (OSError, OverflowError, UnicodeError) as error:
        said = f"port {port} of {host} cannot be listened at: {_why(error)}"
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            said += "; end what listens there, or take a free one"
        lasts = isinstance(error, PermissionError) or not isinstance(error, OSError)
        yield said if lasts else Passing(said)


def _around_node(node: Node, *, anew: bool) -> Iterator[str]:
    if isinstance(node, FileSource):
        yield from _readable(node.path)
    elif isinstance(node, JSONLinesFile | SQLiteTable):
        unusable = tuple(writable(node.path))
        yield from unusable
        if anew and not unusable and (problem := node.in_the_way()):
            yield problem
    try:
        yield from map(str, node.check_outside())
    except Exception as error:
        yield f"check_outside() failed: {error!r}"


def _readable(path: Path) -> Iterator[str]:
    if not path.exists():
        yield f"there is no file {path.absolute()}"
    elif not path.is_file():
        yield f"{path.absolute()} is not a regular file"
    elif not os.access(path, os.R_OK):
        yield f"{path.absolute()} may not be read by this user"


def writable(path: Path, *, made: bool = False) -> Iterator[str]:
    """A file that is there may be written, or its folder; with `made` the folder may be missing still."""
    if path.is_dir():
        yield f"{path.absolute()} is a folder, not a file"
    elif path.exists():
        if not os.access(path, os.W_OK):
            yield f"{path.absolute()} may not be written by this user"
    else:
        yield from _writable_folder(path.parent, made=made)


def _writable_folder(folder: Path, *, made: bool = False) -> Iterator[str]:
    nearest = folder.absolute()
    while made and not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.exists():
        yield f"there is no folder {nearest}"
    elif not nearest.is_dir():
        yield f"{nearest} is not a folder"
    elif not os.access(nearest, os.W_OK | os.X_OK):
        yield f"nothing may be written in the folder {nearest} by this user"
    else:
        try:
            # What is no place for files, as /proc, lets the administrator write there as far as access() knows.
            TemporaryFile(dir=nearest).close()
        except OSError as error:
            yield f"no file can be made in the folder {nearest}: {_why(error)}"


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
