"""Run half, keep a snapshot, throw the source away, restore another one, run the rest: the whole, from any file."""

import csv
import gzip
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamweave_lab.connectors import CSV, HostMetrics, JSONLines, Lines, NYCFlights, file_lines
from streamweave_lab.errors import StateError
from streamweave_lab.graph.source import Wait
from streamweave_lab.state import codec
from streamweave_lab.testing.harness import Drive
from streamweave_lab.testing.sources import check_source

TEXT = st.text("ab\"'\n ,é", max_size=6)


def as_lines(rows):
    return "\n".join("".join(row).replace("\n", "|") for row in rows)


def as_json(rows):
    return "\n".join("oops" if len(row) == 1 else json.dumps(row) for row in rows)


def as_csv(rows):
    file = io.StringIO()
    csv.writer(file).writerows([["left", "right\nside"], *rows])
    return file.getvalue()


KINDS = [(Lines, as_lines), (JSONLines, as_json), (CSV, as_csv)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("replayed")


def brought(drive, most, limit=3, piece=7):
    """At most `most` outcomes, read from the file `piece` bytes at a time."""
    came = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_lines, "PIECE", piece)
        while len(came) < most:
            before = len(drive.failures)
            answer = drive.node.poll(min(limit, most - len(came)))
            if not isinstance(answer, list):
                break
            came += [*answer, *[failure.item for failure in drive.failures[before:]]]
    return sorted(map(repr, came))


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.lists(TEXT, min_size=1, max_size=3), max_size=12),
    at=st.integers(0, 13),
    lost=st.integers(0, 9),
    pieces=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    zipped=st.booleans(),
    last=st.booleans(),
)
@pytest.mark.parametrize(("kind", "written"), KINDS)
def test_a_file_is_gone_on_with_where_the_checkpoint_was_made(
    folder, kind, written, rows, at, lost, pieces, zipped, last
):
    path = folder / ("rows.gz" if zipped else "rows")
    data = (written(rows) + "\n" * last).encode()
    path.write_bytes(gzip.compress(data) if zipped else data)
    source = kind("rows", path)
    whole = Drive(source)
    everything = brought(whole, 100)
    first = Drive(source)
    head = brought(first, at, piece=pieces[0])
    state = codec.decode(codec.encode(first.node.snapshot()))
    brought(first, lost, piece=pieces[0])
    again = Drive(source)
    again.node.restore(state)
    assert sorted(head + brought(again, 100, piece=pieces[1])) == everything
    assert again.node.position == whole.node.position
    for drive in (whole, first, again):
        drive.node.closed()


def test_it_begins_at_the_line_itself_and_does_not_read_all_before_it_again(folder):
    path = folder / "long"
    path.write_text("".join(f"line {n}\n" for n in range(20_000)))
    first = Drive(Lines("lines", path))
    while first.node.position < 15_000:
        first.node.poll(1000)
    again = Drive(Lines("lines", path))
    again.node.restore(first.node.snapshot())
    assert again.node._lines._file.tell() > 100_000
    assert again.node.poll(1) == [f"line {first.node.position}"]
    first.node.closed()
    again.node.closed()


def test_errors_after_it_name_the_same_lines(folder):
    path = folder / "errors.csv"
    path.write_text("a,b\n" + '1,"x\ny"\n' * 5 + "oops\n")
    first = Drive(CSV("rows", path))
    brought(first, 3, limit=1)
    again = Drive(CSV("rows", path))
    again.node.restore(first.node.snapshot())
    brought(again, 100)
    assert str(again.failures[0].error) == f"{path}, line 12: 1 fields for 2 columns"
    first.node.closed()
    again.node.closed()


@pytest.fixture
def log(folder):
    path = folder / "app.log"
    for number in (0, 1):
        path.with_suffix(f".{number}").unlink(missing_ok=True)
    path.write_text("one\ntwo\nthree\n")
    return path


def state_after(source, count):
    drive = Drive(source)
    while drive.node.position < count:
        drive.node.poll(1)
    state = drive.node.snapshot()
    drive.node.closed()
    return state


@pytest.mark.parametrize(
    ("meanwhile", "what"),
    [
        (lambda path: path.write_text("one\n"), "has 4 bytes, and 14 had been read of it"),
        (lambda path: path.write_text("other lines\nof another file\n"), "does not begin as it did"),
    ],
)
def test_a_file_that_was_truncated_or_rotated_meanwhile_is_named(log, meanwhile, what):
    source = Lines("log", log, follow=True)
    drive = Drive(source)
    while not isinstance(drive.node.poll(10), Wait):
        pass
    state = drive.node.snapshot()
    drive.node.closed()
    meanwhile(log)
    again = Drive(source)
    with pytest.raises(StateError, match=f"log: .*app.log {what}.*; it was truncated, rotated or replaced since"):
        again.node.restore(state)
    again.node.closed()


def test_a_gzipped_file_that_became_shorter_is_named(folder):
    path = folder / "short.gz"
    path.write_bytes(gzip.compress(b"line\n" * 10_000))
    state = state_after(Lines("log", path), 9_000)
    path.write_bytes(gzip.compress(b"line\n" * 10))
    again = Drive(Lines("log", path))
    with pytest.raises(StateError, match="has 50 bytes, and "):
        again.node.restore(state)
    again.node.closed()


def test_a_followed_file_that_was_rotated_before_the_checkpoint_is_gone_on_with(log):
    source = Lines("log", log, follow=True)
    drive, came = Drive(source), []

    def look():
        for _ in range(4):
            answer = drive.node.poll(10)
            came.extend(answer if isinstance(answer, list) else [])
            states.append((len(came), drive.node.snapshot()))

    states = []
    look()
    log.rename(log.with_suffix(".0"))
    look()
    with log.with_suffix(".0").open("a") as file:
        file.write("four, without an end")
    log.write_text("five\nsix\n")
    look()
    with log.open("a") as file:
        file.write("seven\n")
    look()
    drive.node.closed()
    assert came == ["one", "two", "three", "four, without an end", "five", "six", "seven"]
    gone_on = []
    for count, state in states:
        again = Drive(source)
        try:
            again.node.restore(state)
        except StateError:
            pass
        else:
            gone_on.append(count)
            assert again.node.poll(10) == came[count:] or count == len(came)
        again.node.closed()
    assert gone_on == [count for count, _ in states if count > 3]


def test_a_new_csv_file_after_rotation_is_gone_on_with_by_its_own_header(log):
    log.write_text("a,b\n1,2\n")
    source = CSV("rows", log, follow=True)
    drive, came, states = Drive(source), [], []

    def look():
        for _ in range(4):
            answer = drive.node.poll(1)
            came.extend(answer if isinstance(answer, list) else [])
            states.append((len(came), drive.node.snapshot()))

    look()
    log.rename(log.with_suffix(".0"))
    log.write_text("b,c\n5,6\n7,8\n")
    look()
    look()
    drive.node.closed()
    assert came == [{"a": "1", "b": "2"}, {"b": "5", "c": "6"}, {"b": "7", "c": "8"}]
    for count, state in states:
        if count > 1:
            again = Drive(source)
            again.node.restore(state)
            assert again.node.poll(10) == came[count:] or count == len(came)
            again.node.closed()


def test_files_keep_the_promises_of_a_source(folder):
    rows = [["a", "b\nc"], ["d"], ["é", "f"]] * 40
    for kind, written in KINDS:
        path = folder / f"{kind.__name__}"
        path.write_text(written(rows) + "\n" * (kind is not CSV))
        zipped = folder / f"{kind.__name__}.gz"
        zipped.write_bytes(gzip.compress(path.read_bytes()))
        plain = check_source(lambda kind=kind, path=path: kind("rows", path), longest_poll=10.0)
        assert check_source(lambda kind=kind, path=zipped: kind("rows", path), longest_poll=10.0) == plain
        assert check_source(lambda kind=kind, path=path: kind("rows", path, follow=True), longest_poll=10.0) == plain


def test_flights_keep_the_promises_of_a_source():
    assert len(check_source(lambda: NYCFlights("departures", limit=500, speed=3600), longest_poll=10.0)) == 500


def test_the_host_keeps_its_promises_and_cannot_be_replayed():
    assert len(check_source(lambda: HostMetrics("host", limit=5), resumable=False, longest_poll=10.0)) == 5
