"""Whatever a disk does to a store: an error with its name, or an older checkpoint that is whole. Never a wrong one."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.errors import StateError
from streamweave_lab.state import Checkpoint, FolderStore, SqliteStore, Store
from streamweave_lab.testing.stores import example

GRAPHS = ("flights", "weather")


@st.composite
def damages(draw: st.DrawFn) -> tuple[str, list[float], int]:
    how = draw(st.sampled_from(["flip a bit", "flip bits", "cut short", "zero 512", "zero 4096", "empty"]))
    places = draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=1 if how != "flip bits" else 20))
    return how, places, draw(st.integers(0, 7))


def damaged(data: bytes, how: str, places: list[float], bit: int) -> bytes:
    changed = bytearray(data)
    if how == "empty":
        return b""
    for place in places:
        at = int(place * len(changed))
        if how == "cut short":
            return data[:at]
        if how.startswith("flip"):
            changed[at] ^= 1 << bit
        else:
            size = int(how.removeprefix("zero "))
            begin = at // size * size
            changed[begin : begin + size] = bytes(len(changed[begin : begin + size]))
    return bytes(changed)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of each kind with three checkpoints of one graph, and one of another."""
    base = tmp_path_factory.mktemp("whole")
    for store in (SqliteStore(base / "kept.db"), FolderStore(base / "kept")):
        for epoch in (1, 2, 3):
            store.write(example("flights", epoch))
        store.write(example("weather", 9))
        store.close()
    return base


def look(store: Store, graph: str) -> tuple[Checkpoint | None, list[str]]:
    """Everything that reads is tried; what was found, or what was said."""
    said = []
    latest = None
    for read in (lambda: store.list(graph), lambda: store.verify(graph, 3), lambda: store.read(graph, 2)):
        try:
            read()
        except StateError as error:
            said.append(str(error))
    try:
        latest = store.latest(graph)
    except StateError as error:
        said.append(str(error))
    else:
        assert latest is not None, "the run would begin anew without a word"
    store.close()
    return latest, said


def is_right(latest: Checkpoint | None, said: list[str]) -> bool:
    if latest is None:
        return all("kept" in sentence for sentence in said)
    wanted = example(latest.graph, latest.epoch)
    return (latest.nodes, latest.positions, latest.config) == (wanted.nodes, wanted.positions, wanted.config)


@given(damages())
def test_a_damaged_database_is_named_or_an_older_checkpoint_is_whole(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, damage: tuple[str, list[float], int]
) -> None:
    path = tmp_path_factory.mktemp("db") / "kept.db"
    path.write_bytes(damaged((whole / "kept.db").read_bytes(), *damage))
    for graph in GRAPHS:
        latest, said = look(SqliteStore(path), graph)
        assert is_right(latest, said)
        assert latest is None or latest.graph == graph


@given(damages(), st.randoms(use_true_random=False))
def test_a_damaged_folder_is_named_or_an_older_checkpoint_is_whole(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, damage: tuple[str, list[float], int], dice: object
) -> None:
    base = tmp_path_factory.mktemp("folder") / "kept"
    shutil.copytree(whole / "kept", base)
    path = dice.choice(sorted(file for file in base.rglob("*") if file.is_file()))  # type: ignore[attr-defined]
    path.write_bytes(damaged(path.read_bytes(), *damage))
    for graph in GRAPHS:
        latest, said = look(FolderStore(base), graph)
        assert is_right(latest, said)
        assert latest is None or latest.graph == graph


KILLED = """
import os, signal, sys
from streamweave_lab.state import SqliteStore
from streamweave_lab.testing.stores import example
store = SqliteStore(sys.argv[1])
for epoch in (1, 2, 3):
    store.write(example("flights", epoch))
os.kill(os.getpid(), signal.SIGKILL)
"""


def damaged_wals(wal: bytes) -> Iterator[bytes | None]:
    """None where it is gone; else with one bit flipped, or cut, in its header and in all parts of its frames."""
    yield None
    frame = 24 + 4096
    for begin in range(32, len(wal), frame):
        for at in (0, 4, 8, 12, 16, 20, 24, 24 + 2048, frame - 1):
            yield wal[: begin + at]
            yield wal[: begin + at] + bytes([wal[begin + at] ^ 1]) + wal[begin + at + 1 :]
    for at in range(0, min(len(wal), 32), 4):
        yield wal[:at] + bytes([wal[at] ^ 1]) + wal[at + 1 :]


def latest_in(folder: Path, main: bytes, wal: bytes | None) -> Checkpoint | None:
    """What a store of these files goes on from; they are taken away again."""
    folder.mkdir()
    (folder / "kept.db").write_bytes(main)
    if wal is not None:
        (folder / "kept.db-wal").write_bytes(wal)
    store = SqliteStore(folder / "kept.db")
    try:
        return store.latest("flights")
    finally:
        store.close()
        shutil.rmtree(folder)


def test_the_newest_checkpoint_of_a_killed_process_does_not_hang_on_its_wal(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    process = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert process.returncode == -signal.SIGKILL
    main, wal = path.read_bytes(), (tmp_path / "kept.db-wal").read_bytes()
    for damaged_wal in damaged_wals(wal):
        latest = latest_in(tmp_path / "copy", main, damaged_wal)
        assert latest is not None
        assert latest.epoch == 3


@pytest.fixture
def read_meanwhile(tmp_path: Path) -> tuple[bytes, bytes]:
    """A store and its -wal, after another program was reading while the second of two checkpoints was written."""
    store = SqliteStore(tmp_path / "kept.db")
    store.write(example("flights", 1))
    with closing(sqlite3.connect(store.path)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM streamweave_checkpoints").fetchall()
        store.write(example("flights", 2))
        image = store.path.read_bytes(), (tmp_path / "kept.db-wal").read_bytes()
    store.close()
    return image


def test_while_others_read_what_was_written_last_is_whole_with_its_wal_and_no_wrong_one_without(
    tmp_path: Path, read_meanwhile: tuple[bytes, bytes]
) -> None:
    main, wal = read_meanwhile
    for damaged_wal in (wal, *damaged_wals(wal)):
        try:
            latest = latest_in(tmp_path / "copy", main, damaged_wal)
        except StateError as error:
            assert "kept.db" in str(error)  # noqa: PT017 - a part of it may be in the file already
        else:
            assert latest is not None
            assert is_right(latest, [])
            assert latest.epoch == 2 or damaged_wal != wal


def test_who_goes_on_brings_what_is_in_the_wal_into_the_file(
    tmp_path: Path, read_meanwhile: tuple[bytes, bytes]
) -> None:
    main, wal = read_meanwhile
    store = SqliteStore(tmp_path / "again.db")
    store.path.write_bytes(main)
    (tmp_path / "again.db-wal").write_bytes(wal)
    latest = store.latest("flights")
    assert latest is not None
    assert latest_in(tmp_path / "copy", store.path.read_bytes(), None) == latest
    assert latest.epoch == 2
    store.close()


def test_an_empty_file_is_no_empty_store(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    path.touch()
    with pytest.raises(StateError, match=r"kept\.db is damaged: it is empty.*; bring it back from a copy, or move it"):
        SqliteStore(path).latest("flights")


def test_a_table_that_is_gone_does_not_make_the_run_begin_anew(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "kept.db")
    store.write(example("flights"))
    store.close()
    with closing(sqlite3.connect(store.path)) as db, db:
        db.execute("ALTER TABLE streamweave_checkpoints RENAME TO other")
    with pytest.raises(StateError, match=r"kept\.db is damaged: it has no table streamweave_checkpoints; bring it"):
        store.latest("flights")


def test_a_checkpoint_kept_under_another_name_is_named(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "kept.db")
    store.write(example("flights"))
    store.close()
    with closing(sqlite3.connect(store.path)) as db, db:
        db.execute("UPDATE streamweave_checkpoints SET graph = 'flighty'")
    with pytest.raises(StateError, match=r"checkpoint 1 in .*kept\.db is damaged: it is kept as that of 'flighty'"):
        store.latest("flights")
    with pytest.raises(StateError, match="is damaged"):
        store.latest("flighty")


def test_a_new_store_leaves_nothing_beside_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "kept.db")
    store.write(example("flights"))
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["kept.db"]
