"""Folders that appear whole or not at all: on this machine's disks by renaming, elsewhere by what is written last."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from uuid import uuid4

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.errors import MissingExtraError

STALE = 3600.0
"""Seconds after which a temporary folder is one that a crash left behind."""


class Files(Protocol):
    """Folders of files under one base, named by paths relative to it with `/` between."""

    at_once: bool
    """A folder is there with all its files or not at all: one that lacks some has lost them."""

    def names(self, folder: str = "") -> list[str]:
        """What is in it; empty where it does not exist."""

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none."""

    def put(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Make a folder of these files, durably; the last one is written last.

        Raises: FileExistsError if the folder is there already; OSError if it cannot be written, and then it is none.
        """

    def remove(self, folder: str, last: str) -> None:
        """Delete a folder, and the one it is in where that is empty then; `last` is the file that was written last.

        Who looks meanwhile, or after a crash, sees it whole, or gone, or without `last`.
        """


class LocalFiles:
    """A folder of this machine. A power cut leaves a folder whole, or not there: files and folders are fsynced."""

    at_once = True

    def __init__(self, base: Path) -> None:
        self.base = self._base = base

    def names(self, folder: str = "") -> list[str]:
        """What is in it; empty where it does not exist."""
        try:
            return [path.name for path in (self._base / folder).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none."""
        try:
            return (self._base / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def put(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Write beside it, fsync, and rename; see `Files`."""
        if not self._base.is_dir():
            if self._base.exists():
                raise NotADirectoryError(errno.ENOTDIR, "it is no folder", str(self._base))
            self._base.mkdir(parents=True, exist_ok=True)
        self._sweep()
        target = self._base / folder
        temporary = self._base / f".tmp-{folder.replace('/', '-')}-{uuid4().hex}"
        temporary.mkdir()
        try:
            for name, content in files.items():
                _write_through(temporary / name, content)
            _sync(temporary)
            target.parent.mkdir(exist_ok=True)
            _rename(temporary, target)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        for above in {target.parent, self._base}:
            _sync(above)

    def remove(self, folder: str, last: str) -> None:
        """Delete it; to who looks meanwhile it vanishes at once."""
        gone = self._base / f".gone-{folder.replace('/', '-')}-{uuid4().hex}"
        with suppress(FileNotFoundError):  # another writer pruned it
            (self._base / folder).rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
        if "/" in folder:
            with suppress(OSError):
                (self._base / folder).parent.rmdir()

    def _sweep(self) -> None:
        for path in self._base.glob(".*-*"):
            with suppress(OSError):
                if path.name.startswith((".tmp-", ".gone-")) and path.stat().st_mtime < SYSTEM_CLOCK.wall() - STALE:
                    shutil.rmtree(path, ignore_errors=True)


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and needs no fsync of one
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _rename(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise FileExistsError(errno.EEXIST, "it is there already", str(target)) from None
        raise


class RemoteFiles:
    """A folder on any filesystem fsspec knows. Nothing can be renamed at once there: what is written last counts.

    What the filesystem raises comes as an OSError, whatever its library has instead.
    """

    at_once = False

    def __init__(self, url: str, options: Mapping[str, Any]) -> None:
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise MissingExtraError(f"keeping checkpoints at {url}", "folders") from None
        self._files, base = url_to_fs(url, **options)
        self._base = PurePosixPath(base)

    def names(self, folder: str = "") -> list[str]:
        """What is in it; empty where it does not exist."""
        path = str(self._base / folder)
        with suppress(FileNotFoundError), _told_as_os_error():
            self._files.invalidate_cache(path)
            return [PurePosixPath(entry).name for entry in self._files.ls(path, detail=False)]
        return []

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none."""
        with suppress(FileNotFoundError), _told_as_os_error():
            content: bytes = self._files.cat_file(str(self._base / path))
            return content
        return None

    def put(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Write the files where they belong, one after the other; see `Files`."""
        if self.names(folder):
            raise FileExistsError(errno.EEXIST, "it is there already", folder)
        first, *others = files.items()
        with _told_as_os_error():
            self._files.makedirs(str(self._base / folder), exist_ok=True)
            self._create(str(self._base / folder / first[0]), first[1])
            for name, content in others:
                self._files.pipe_file(str(self._base / folder / name), content)

    def remove(self, folder: str, last: str) -> None:
        """Delete it, what counts before the rest."""
        self.forget(f"{folder}/{last}")
        with suppress(FileNotFoundError), _told_as_os_error():
            self._files.rm(str(self._base / folder), recursive=True)

    def note(self, path: str, content: bytes) -> None:
        """Write a small file, over what is there."""
        with _told_as_os_error():
            self._files.makedirs(str(self._base), exist_ok=True)
            self._files.pipe_file(str(self._base / path), content)

    def forget(self, path: str) -> None:
        """Delete a small file; harmless if it is not there."""
        with suppress(FileNotFoundError), _told_as_os_error():
            self._files.rm_file(str(self._base / path))

    def _create(self, path: str, content: bytes) -> None:
        """Claim the folder, where the filesystem can tell who was first."""
        try:
            self._files.pipe_file(path, content, mode="create")
        except (NotImplementedError, TypeError, ValueError):
            self._files.pipe_file(path, content)


@contextmanager
def _told_as_os_error() -> Iterator[None]:
    """That of S3 has errors of its own for a network that is down, and for missing credentials."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
