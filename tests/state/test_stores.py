"""What all stores keep to. The laws themselves stand in `streamweave_lab.testing.stores`."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from streamweave_lab.errors import StateError
from streamweave_lab.state import FolderStore, NodeState, SqliteStore, Store
from streamweave_lab.testing.store_damages import damages_of
from streamweave_lab.testing.stores import check_store, example

Make = Callable[[Path, int], Store]


def sqlite(place: Path, keep: int = 10) -> Store:
    return SqliteStore(place / "kept.db", keep)


def folder(place: Path, keep: int = 10) -> Store:
    return FolderStore(place / "kept", keep)


def shard(place: Path, keep: int = 10) -> Store:
    return FolderStore(place / "kept", keep, shard=3)


def remote(place: Path, keep: int = 10) -> Store:
    return FolderStore(f"memory://{place}", keep)


LOCAL = pytest.mark.parametrize("make", [sqlite, folder])
ALL = pytest.mark.parametrize("make", [sqlite, folder, shard, remote])


@LOCAL
def test_it_keeps_all_laws_and_finds_every_damage(make: Make, tmp_path: Path) -> None:
    check_store(lambda: make(tmp_path, 10), damages_of(make(tmp_path, 10)))


@pytest.mark.parametrize("make", [shard, remote])
def test_shards_and_remote_folders_keep_all_laws(make: Make, tmp_path: Path) -> None:
    check_store(lambda: make(tmp_path, 10))


@ALL
def test_the_newest_few_are_kept_without_being_asked(make: Make, tmp_path: Path) -> None:
    store = make(tmp_path, 3)
    ids = [store.write(example("flights", epoch)).id for epoch in range(5)]
    assert [info.id for info in store.list("flights")] == ids[:1:-1]


@ALL
def test_a_store_that_keeps_nothing_is_refused(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="keep=0: a store keeps at least 1"):
        make(tmp_path, 0)


@ALL
def test_one_store_serves_many_threads(make: Make, tmp_path: Path) -> None:
    store = make(tmp_path, 100)

    def work(n: int) -> int:
        number = store.write(example("flights", n)).id
        latest = store.latest("flights")
        assert latest is not None
        assert latest.id >= number
        return store.read("flights", number).epoch

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(work, range(12))) == list(range(12))
    assert [info.problems for info in store.list("flights")] == [()] * 12


@LOCAL
def test_where_all_are_damaged_to_begin_anew_must_be_decided(make: Make, tmp_path: Path) -> None:
    store = make(tmp_path, 10)
    ids = [store.write(example("flights")).id for _ in range(2)]
    damage = next(how for name, how in damages_of(store).items() if "flipped" in name)
    for number in ids:
        damage(number)
    with pytest.raises(StateError, match=r"no checkpoint is whole, so it must be decided to begin anew: .*; .*"):
        store.latest("flights")


WRITER = """
import sys
from pathlib import Path
from streamweave_lab.state import NodeState
from streamweave_lab.testing.stores import example
from dataclasses import replace
from tests.state.test_stores import {make} as make
store = make(Path(sys.argv[1]), 3)
big = NodeState.of(bytes({size}))
{before}
for epoch in range({times}):
    print(store.write(replace(example("flights", epoch), nodes={{"big": big, "bigger": big}})).id, flush=True)
"""


def writer(make: Make, place: Path, **how: object) -> subprocess.Popen[str]:
    code = WRITER.format(make=make.__name__, **{"before": "", "size": 300_000, "times": 10_000} | how)
    command = [sys.executable, "-c", code, str(place)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )


@LOCAL
def test_a_process_killed_while_it_writes_leaves_only_whole_checkpoints(make: Make, tmp_path: Path) -> None:
    process = writer(make, tmp_path)
    assert process.stdout is not None
    seen = [int(process.stdout.readline()) for _ in range(5)]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    store = make(tmp_path, 3)
    latest = store.latest("flights")
    assert latest is not None
    assert latest.id >= seen[-1]
    assert latest.passed_over == ()
    assert all(info.problems == () for info in store.list("flights"))
    assert store.write(example("flights")).id > latest.id
    store.close()


FULL_DISK = """
import resource
store.write(example("flights"))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
"""


@LOCAL
def test_a_full_disk_is_named_and_leaves_what_was_there(make: Make, tmp_path: Path) -> None:
    process = writer(make, tmp_path, before=FULL_DISK, size=1_000_000, times=1)
    _, told = process.communicate(timeout=120)
    assert "StateError" in told.splitlines()[-1]
    assert "cannot be written" in told.splitlines()[-1]
    store = make(tmp_path, 3)
    assert [(info.id, info.problems) for info in store.list("flights")] == [(1, ())]
    assert store.write(example("flights")).id == 2
    if isinstance(store, FolderStore):
        assert {path.name for path in Path(store.base).iterdir()} == {"1", "2"}
    store.close()


@LOCAL
def test_state_of_many_megabytes_comes_back(make: Make, tmp_path: Path) -> None:
    store, big = make(tmp_path, 2), NodeState.of(bytes(range(256)) * 40_000)
    for epoch in range(3):
        store.write(replace(example("flights", epoch), nodes={"big": big}))
    latest = store.latest("flights")
    assert latest is not None
    assert latest.nodes == {"big": big}
    store.close()
