import os
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from streamweave_lab.errors import StateError
from streamweave_lab.state import FolderStore
from streamweave_lab.state.folder_files import LocalFiles
from streamweave_lab.testing.stores import example


def test_files_and_folders_are_fsynced_before_and_after_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def watched(handle: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    LocalFiles(tmp_path).put("1", {"a.bin": b"a", "COMMITTED": b""})
    *files, temporary, base = synced
    assert files == [f"{temporary}/a.bin", f"{temporary}/COMMITTED"]
    assert Path(temporary).name.startswith(".tmp-1-")
    assert base == str(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_a_folder_that_is_there_already_is_never_written_over(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    files.put("1", {"a": b"first"})
    with pytest.raises(FileExistsError):
        files.put("1", {"a": b"second"})
    assert files.read("1/a") == b"first"
    assert files.names() == ["1"]
    assert files.names("nowhere") == []
    assert files.read("1") is None


def test_what_is_removed_vanishes_whole_and_removing_it_twice_does_no_harm(tmp_path: Path) -> None:
    files = LocalFiles(tmp_path)
    files.put("1/shard_0", {"a": b""})
    for _ in range(2):
        files.remove("1/shard_0", "a")
    assert files.names() == []


class Stumbling(MemoryFileSystem):
    """A filesystem of somebody else that fails after some writes."""

    protocol = "stumbling"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    writes_left: ClassVar[int] = 1000

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        Stumbling.writes_left -= 1
        if Stumbling.writes_left < 0:
            raise OSError(28, "No space left on device")
        super().pipe_file(path, value, mode=mode, **kwargs)


def test_wherever_a_remote_write_is_cut_off_the_checkpoint_before_it_is_the_latest() -> None:
    fsspec.register_implementation("stumbling", Stumbling, clobber=True)
    store = FolderStore("stumbling://kept")
    first = store.write(example("flights")).id
    for writes in range(6):
        Stumbling.writes_left = writes
        with pytest.raises(StateError, match=r"kept cannot be written: .*No space left.*; make room on its disk"):
            store.write(example("flights", 2))
        latest = store.latest("flights")
        assert latest is not None
        assert latest.id == first
        assert all("was never finished" in problem for problem in latest.passed_over)
    Stumbling.writes_left = 6
    assert store.write(example("flights", 3)).problems == ()
    latest = store.latest("flights")
    assert latest is not None
    assert (latest.epoch, latest.passed_over) == (3, ())


class UnreachableError(Exception):
    """As some filesystems raise: no OSError."""


class Unreachable(MemoryFileSystem):
    """A filesystem of somebody else, while its network is down."""

    protocol = "unreachable"

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        raise UnreachableError("no route to host")

    cat_file = makedirs = rm = rm_file = pipe_file = ls


def test_whatever_a_remote_filesystem_raises_is_an_error_with_the_name_of_the_store() -> None:
    fsspec.register_implementation("unreachable", Unreachable, clobber=True)
    store = FolderStore("unreachable://kept")
    said = "unreachable://kept cannot be {}: UnreachableError: no route to host"
    for call, done in (
        (lambda: store.latest("flights"), "read"),
        (lambda: store.list("flights"), "read"),
        (lambda: store.write(example("flights")), "written"),
        (lambda: store.prune("flights", 1), "pruned"),
        (lambda: store.hold("flights"), "written"),
    ):
        with pytest.raises(StateError, match=said.format(done)):
            call()
    assert store.verify("flights", 1) == (said.format("read"),)


def test_a_local_folder_by_way_of_fsspec_keeps_checkpoints_too(tmp_path: Path) -> None:
    store = FolderStore(f"local://{tmp_path}/kept", keep=2)
    assert [store.write(example("flights", epoch)).id for epoch in range(3)] == [1, 2, 3]
    assert [info.problems for info in FolderStore(tmp_path / "kept").list("flights")] == [(), ()]
