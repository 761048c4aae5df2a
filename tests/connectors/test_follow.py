"""Following a file that others write, truncate and rotate."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from streamweave_lab.connectors import CSV, JSONLines, Lines
from streamweave_lab.errors import GraphError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators.ends import ForEach
from streamweave_lab.testing.harness import Drive


def append(path, text):
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("one\n")
    return path


def test_what_is_written_later_comes_later(polled, log):
    drive = polled(Lines("log", log, follow=True))
    assert drive.now() == ["one"]
    assert drive.node.poll(10).seconds == 0.2
    append(log, "two\nthree\n")
    assert drive.now() == ["two", "three"]


def test_an_unfinished_line_waits_for_its_end(polled, log):
    drive = polled(Lines("log", log, follow=True))
    append(log, "tw")
    assert drive.now() == ["one"]
    append(log, "o\n")
    assert drive.now() == ["two"]


def test_a_file_that_is_rotated_is_read_to_its_end_and_then_the_new_one(polled, log):
    drive = polled(Lines("log", log, follow=True))
    assert drive.now() == ["one"]
    append(log, "two\n")
    log.rename(log.with_suffix(".1"))
    assert drive.now() == ["two"]
    log.write_text("three\n")
    append(log.with_suffix(".1"), "a last word")
    assert drive.now() == []
    assert drive.now() == ["a last word", "three"]


def test_a_file_that_was_truncated_is_read_from_its_beginning(polled, log):
    drive = polled(Lines("log", log, follow=True))
    append(log, "two\n")
    assert drive.now() == ["one", "two"]
    log.write_text("3\n")
    assert drive.now() == ["3"]


def test_a_new_csv_file_begins_with_its_own_header(polled, log):
    log.write_text('a,b\n1,2\n3,"un')
    drive = polled(CSV("rows", log, follow=True))
    assert drive.now() == [{"a": "1", "b": "2"}]
    log.rename(log.with_suffix(".1"))
    log.write_text("b,c\n5,6\n")
    assert drive.now() == []
    assert drive.now() == [{"b": "5", "c": "6"}]
    assert [failure.item for failure in drive.failures] == ['3,"un']


def test_line_numbers_begin_again_with_the_file(polled, log):
    drive = polled(JSONLines("values", log, follow=True))
    drive.now()
    log.write_text("1\n")
    drive.now()
    append(log, "no\n")
    drive.now()
    assert [str(failure.error).split(":")[0][-6:] for failure in drive.failures] == ["line 1", "line 2"]


def test_a_gzipped_file_cannot_be_followed(tmp_path):
    path = tmp_path / "log.gz"
    path.touch()
    with pytest.raises(GraphError, match="a gzipped file cannot be followed"):
        Lines("log", path, follow=True)


def test_a_run_that_follows_a_file_ends_when_it_is_drained(log):
    async def follow():
        came = asyncio.Event()
        kept = ForEach("kept", lambda line: line == "two" and came.set())
        run = Graph("follow", Lines("log", log, follow=True) >> kept).start()
        append(log, "two\n")
        await came.wait()
        return await run.drain()

    drained = asyncio.run(follow())
    assert (drained.complete, drained.dropped) == (True, {})


class Writer(RuleBasedStateMachine):
    """A writer that appends numbered lines, in parts, and rotates; a reader that looks at any moment."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "app.log"
        self.path.touch()
        self.node = Drive(Lines("log", self.path, follow=True)).node
        self.written, self.generation = 0, 0
        self.read = []

    @rule()
    def write_a_line(self):
        append(self.path, f"line {self.written}\n")
        self.written += 1

    @rule()
    def write_half_a_line_and_later_the_rest(self):
        append(self.path, f"line {self.written}"[:3])
        self.look()
        append(self.path, f"line {self.written}\n"[3:])
        self.written += 1

    @rule()
    def rotate(self):
        self.catch_up()  # two rotations between two looks hide a file
        self.generation += 1
        self.path.rename(self.path.with_suffix(f".{self.generation}"))
        self.look()
        self.path.touch()

    @rule()
    def look(self):
        while isinstance(items := self.node.poll(1000), list):
            self.read += items

    def catch_up(self):
        for _ in range(3):
            self.look()

    @invariant()
    def lines_come_once_and_in_order(self):
        assert self.read == [f"line {number}" for number in range(len(self.read))]

    def teardown(self):
        with self.folder:
            self.catch_up()
            self.node.closed()
            assert len(self.read) == self.written


TestWriter = Writer.TestCase
TestWriter.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
