"""A process that dies before any statement: the resumed run's table is that of an uninterrupted one."""

import sqlite3
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamweave_lab.connectors import SQLiteTable
from streamweave_lab.testing.harness import Drive

ITEMS = [{"key": n % 5, "n": n} for n in range(20)]
NAMES = count()
BEGIN = (None, 0)
"""What is known before the first checkpoint: no state, and the position of the source."""


class Disk:
    """A folder, and what a process that died at a certain moment would have left in it."""

    def __init__(self, folder):
        self.path = folder / f"{next(NAMES)}.db"
        self.checkpoint = BEGIN
        self.images = []

    def files(self):
        return [self.path, Path(f"{self.path}-wal")]

    def remember(self, *_):
        self.images.append(([file.read_bytes() if file.exists() else None for file in self.files()], self.checkpoint))

    def after_crash(self, image):
        """Another disk as it was then."""
        contents, checkpoint = image
        disk = Disk(self.path.parent)
        disk.checkpoint = checkpoint
        for file, content in zip(disk.files(), contents, strict=True):
            if content is not None:
                file.write_bytes(content)
        return disk

    def rows(self, table="t"):
        db = sqlite3.connect(self.path)
        try:
            return db.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
        finally:
            db.close()


def run(disk, batch, every, *, traced=False, slowly=False, **arguments):
    """Write what is left, `batch` items at a time, with a checkpoint after `every` batches.

    `slowly`: another batch comes before it is secured.
    """
    state, position = disk.checkpoint
    # A run that died before its first checkpoint begins anew.
    drive = Drive(SQLiteTable("t", disk.path, "t", mode="replace", **arguments))
    if traced:
        drive.node._db.set_trace_callback(disk.remember)
    if state is not None:
        drive.node.restore(state)
    taken = None
    for number, place in enumerate(range(position, len(ITEMS), batch)):
        drive.batch(ITEMS[place : place + batch])
        if slowly and taken:
            checkpoint(disk, drive, taken)
            taken = None
        if number % every == 0:
            taken = drive.node.snapshot(), min(place + batch, len(ITEMS))
            if not slowly:
                checkpoint(disk, drive, taken)
    drive.finish()
    disk.remember()
    return disk.rows()


def checkpoint(disk, drive, taken):
    drive.node.secure()
    disk.remember()  # between the commit of the sink and that of the checkpoint
    disk.checkpoint = taken


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("crashes")


@pytest.mark.parametrize("commit", ["checkpoint", "batch"])
@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize("slowly", [False, True])
def test_it_may_die_before_any_statement(folder, commit, key, slowly):
    disk = Disk(folder)
    whole = run(disk, 4, 2, traced=True, slowly=slowly, commit=commit, key=key)
    assert len(whole) == (20 if key is None else 5)
    assert len(disk.images) > 35
    for image in disk.images:
        assert run(disk.after_crash(image), 4, 2, slowly=slowly, commit=commit, key=key) == whole


@settings(max_examples=8, deadline=None)
@given(
    commit=st.sampled_from(["checkpoint", "batch"]),
    batches=st.lists(st.integers(1, 7), min_size=3, max_size=5),
    every=st.integers(1, 4),
    slowly=st.booleans(),
    moments=st.lists(st.floats(0, 1), min_size=5, max_size=5),
)
def test_it_may_die_again_while_it_is_resumed(folder, commit, batches, every, slowly, moments):
    disk = Disk(folder)
    for batch, moment in zip(batches, moments, strict=False):
        run(disk, batch, every, traced=True, slowly=slowly, commit=commit)
        disk = disk.after_crash(disk.images[round(moment * (len(disk.images) - 1))])
    assert run(disk, 4, every, commit=commit) == [(n % 5, n) for n in range(20)]


def test_one_can_go_back_to_an_older_checkpoint_too(folder):
    disk = Disk(folder)
    drive = Drive(SQLiteTable("t", disk.path, "t"))
    states = [drive.batch(ITEMS[place : place + 5]).node.snapshot() for place in range(0, 20, 5)]
    drive.finish()
    again = Drive(SQLiteTable("t", disk.path, "t"))
    again.node.restore(states[0])
    again.batch(ITEMS[5:]).finish()
    assert disk.rows() == [(n % 5, n) for n in range(20)]


def test_rows_of_others_in_the_same_table_stay(folder):
    disk = Disk(folder)
    drive = Drive(SQLiteTable("t", disk.path, "t", commit="batch"))
    drive.batch(ITEMS[:5])
    state = drive.node.snapshot()
    other = Drive(SQLiteTable("t", disk.path, "t", commit="batch", mode="append"))
    drive.batch(ITEMS[5:10])
    other.batch([{"key": -1, "n": -1}])
    drive.batch(ITEMS[10:15])
    other.batch([{"key": -2, "n": -2}]).finish()
    drive.node.closed()
    again = Drive(SQLiteTable("t", disk.path, "t", commit="batch"))
    again.node.restore(state)
    again.finish()
    assert [n for _, n in disk.rows()] == [0, 1, 2, 3, 4, -1, -2]
