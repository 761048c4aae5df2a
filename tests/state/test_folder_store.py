import json
import os
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from streamweave_lab.errors import StateError
from streamweave_lab.state import FolderStore, NodeState
from streamweave_lab.testing.stores import example


def test_a_checkpoint_is_a_folder_of_exactly_these_files(tmp_path: Path) -> None:
    FolderStore(tmp_path).write(example("flights"))
    names = {path.name for path in (tmp_path / "1").iterdir()}
    assert names == {"metadata.json", "manifest.json", "COMMITTED", "delays.bin", "x.y-z_1.bin", "empty.bin"}
    assert json.loads((tmp_path / "1" / "metadata.json").read_text()) == {"id": 1, "position": 4096}
    assert (tmp_path / "1" / "delays.bin").read_bytes() == example("flights").nodes["delays"].data
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_the_manifest_maps_nodes_to_files_with_checksums_offsets_and_the_fingerprint(tmp_path: Path) -> None:
    FolderStore(tmp_path).write(example("flights"))
    text = (tmp_path / "1" / "manifest.json").read_bytes()
    manifest = json.loads(text)
    data = example("flights").nodes["delays"].data
    assert manifest["format_version"] == 1
    assert manifest["graph"] == "flights"
    assert manifest["positions"] == {"departures": 4096}
    assert manifest["config_sha256"] == "ab" * 32
    assert manifest["nodes"]["delays"] == {
        "version": 3,
        "encoding": "msgpack",
        "bytes": len(data),
        "sha256": sha256(data).hexdigest(),
        "file": "delays.bin",
    }
    assert (tmp_path / "1" / "COMMITTED").read_text().strip() == sha256(text).hexdigest()


def test_several_sources_have_no_single_position(tmp_path: Path) -> None:
    FolderStore(tmp_path).write(replace(example("flights"), positions={"a": 1, "b": 2}))
    assert json.loads((tmp_path / "1" / "metadata.json").read_text()) == {"id": 1, "position": None}


def test_shards_write_side_by_side_under_one_id(tmp_path: Path) -> None:
    shards = [FolderStore(tmp_path, keep=2, shard=n) for n in range(2)]
    for epoch in range(3):
        assert [store.write(example("flights", epoch)).id for store in shards] == [epoch + 1] * 2
    assert sorted(path.as_posix() for path in (tmp_path / "3").glob("*")) == [
        f"{tmp_path}/3/shard_0", f"{tmp_path}/3/shard_1",
    ]  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3"]
    assert [store.read("flights", 3).epoch for store in shards] == [2, 2]


def test_a_temporary_folder_that_a_crash_left_is_no_checkpoint_and_is_swept_away_later(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    left = tmp_path / ".tmp-1-0123"
    left.mkdir()
    (left / "metadata.json").write_text('{"id": 1')
    assert store.latest("flights") is None
    assert store.list("flights") == ()
    assert store.write(example("flights")).id == 1
    assert left.exists()  # it may be another writer's, at work now
    os.utime(left, (0, 0))
    store.write(example("flights"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]


def test_a_folder_that_has_lost_its_last_file_is_damaged_for_it_appeared_whole(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.write(example("flights"))
    (tmp_path / "1" / "COMMITTED").unlink()
    said = f"checkpoint {tmp_path}/1 is damaged: its COMMITTED is missing"
    with pytest.raises(StateError, match=f"no checkpoint is whole, so it must be decided to begin anew: {said}"):
        store.latest("flights")
    assert store.verify("flights", 1) == (said,)
    assert [info.problems for info in store.list("flights")] == [(said,)]
    assert store.latest("weather") is None  # it is not of that graph
    assert store.write(example("flights")).id == 2
    latest = store.latest("flights")
    assert latest is not None
    assert latest.id == 2


def test_a_remote_checkpoint_that_was_never_committed_never_was_one_and_is_listed_as_such(tmp_path: Path) -> None:
    import fsspec

    store = FolderStore(f"memory://{tmp_path}")
    store.write(example("flights"))
    fsspec.filesystem("memory").rm(f"{tmp_path}/1/COMMITTED")
    assert store.latest("flights") is None
    said = f"checkpoint memory://{tmp_path}/1 was never finished: it has no COMMITTED"
    assert store.verify("flights", 1) == (said,)
    assert [info.problems for info in store.list("flights")] == [(said,)]
    assert store.write(example("flights")).id == 2


def test_a_folder_that_was_copied_under_another_id_is_not_taken_for_it(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.write(example("flights"))
    (tmp_path / "1").rename(tmp_path / "5")
    assert "its manifest is that of checkpoint 1" in store.list("flights")[0].problems[0]


def test_nodes_whose_names_differ_only_in_case_or_would_leave_the_folder_keep_files_of_their_own(
    tmp_path: Path,
) -> None:
    nodes = {name: NodeState.of(name) for name in ("a", "A", "../a", "..", "é" * 300, "manifest.json")}
    store = FolderStore(tmp_path / "base")
    store.write(replace(example("flights"), nodes=nodes))
    latest = store.latest("flights")
    assert latest is not None
    assert latest.nodes == nodes
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base"]


def test_what_else_lies_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    for name in ("notes.txt", "007b", "-3"):
        (tmp_path / name).write_text("mine")
    store = FolderStore(tmp_path, keep=1)
    assert [store.write(example("flights")).id for _ in range(2)] == [1, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["-3", "007b", "2", "notes.txt"]


def test_a_file_url_is_a_local_folder_and_a_path_needs_no_fsspec(tmp_path: Path) -> None:
    FolderStore(f"file://{tmp_path}").write(example("flights"))
    code = (
        "import sys; sys.modules['fsspec'] = None\n"
        "from streamweave_lab.state import FolderStore\n"
        f"print(FolderStore({str(tmp_path)!r}).latest('flights').id)\n"
        "try: FolderStore('s3://bucket/x')\n"
        "except ImportError as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == [
        "1",
        'keeping checkpoints at s3://bucket/x needs the extra "folders": pip install "streamweave_lab[folders]"',
    ]


def test_a_remote_folder_is_whole_only_with_its_last_file(tmp_path: Path) -> None:
    import fsspec

    store, files = FolderStore(f"memory://{tmp_path}"), fsspec.filesystem("memory")
    store.write(example("flights"))
    store.write(example("flights", 2))
    files.rm(f"{tmp_path}/2/COMMITTED")
    latest = FolderStore(f"memory://{tmp_path}").latest("flights")
    assert latest is not None
    assert latest.id == 1
    assert "2 was never finished" in latest.passed_over[0]
    assert store.write(example("flights", 3)).id == 3


def test_a_base_that_is_a_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "base").write_text("")
    with pytest.raises(StateError, match="base cannot be written"):
        FolderStore(tmp_path / "base").write(example("flights"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a file that always answers with EIO")
@pytest.mark.parametrize("file", ["COMMITTED", "manifest.json", "metadata.json", "parse.bin"])
def test_a_checkpoint_that_cannot_be_read_now_is_not_passed_over_for_an_older_one(tmp_path: Path, file: str) -> None:
    store = FolderStore(tmp_path / "kept")
    for epoch in range(2):
        store.write(replace(example("flights", epoch), nodes={"parse": NodeState.of([epoch])}))
    there = tmp_path / "kept" / "2" / file
    aside = there.rename(tmp_path / "aside")
    there.symlink_to("/proc/self/mem")
    with pytest.raises(StateError, match=r"cannot be read: .*Input/output error"):
        FolderStore(tmp_path / "kept").latest("flights")
    aside.replace(there)
    latest = FolderStore(tmp_path / "kept").latest("flights")
    assert latest is not None
    assert (latest.id, latest.passed_over) == (2, ())
