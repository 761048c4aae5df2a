"""Whatever a disk does to a store: an error with its name, or an older checkpoint that is whole. Never a wrong one."""

import shutil
import sqlite3
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
