import csv
import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.connectors import CSV, JSONLines, Lines, file_lines
from streamweave_lab.errors import GraphError, RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators.each import Map
from streamweave_lab.operators.ends import Collect

text = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\ufeff"), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
cell = st.text(max_size=9)
pieces = st.integers(1, 40)


@pytest.fixture
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """One file for all examples of a property."""
    return tmp_path_factory.mktemp("files") / "input.txt"


@pytest.fixture(scope="session")
def read(polled):
    """Reads a file `piece` bytes at a time: its items, and what it refused."""

    def read(source, piece=1000, limit=1024, position=0):
        drive = polled(source)
        drive.node.seek(position)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(file_lines, "PIECE", piece)
                return drive.to_end(limit), drive.failures
        finally:
            drive.node.closed()

    return read


@given(lines=st.lists(text), end=st.sampled_from(["\n", "\r\n"]), last=st.booleans(), piece=pieces)
def test_lines_are_those_of_the_file_however_it_is_cut(read, path, lines, end, last, piece):
    path.write_bytes((end.join(lines) + (end if last else "")).encode())
    expected = lines if last or (lines and lines[-1]) else lines[:-1]
    if last and not lines:
        expected = [""]
    assert read(Lines("lines", path), piece) == (expected, [])


@given(items=st.lists(values), piece=pieces, limit=st.integers(1, 5))
def test_json_lines_are_the_values_that_were_written(read, path, items, piece, limit):
    path.write_text("\n\n".join(map(json.dumps, items)))
    assert read(JSONLines("values", path), piece, limit) == (items, [])


@given(rows=st.lists(st.tuples(cell, cell)), delimiter=st.sampled_from(",;\t"), piece=pieces)
def test_csv_rows_are_those_that_a_csv_writer_wrote(read, path, rows, delimiter, piece):
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("left", "right"), *rows])
    path.write_bytes(file.getvalue().encode())
    expected = [{"left": left, "right": right} for left, right in rows]
    assert read(CSV("rows", path, delimiter=delimiter), piece) == (expected, [])


@given(data=st.binary(max_size=200), piece=pieces, kind=st.sampled_from([Lines, JSONLines, CSV]))
def test_any_bytes_become_items_or_failures_and_never_a_crash(read, path, data, piece, kind):
    path.write_bytes(b"a,b\n" + data)
    items, failures = read(kind("any", path), piece)
    if kind is Lines:
        assert len(items) + len(failures) == 1 + data.count(b"\n") + (data[-1:] not in (b"", b"\n"))
    if kind is CSV:
        assert all(row.keys() == {"a", "b"} for row in items)


def test_a_gzipped_file_is_read_as_what_it_holds(read, folder):
    file = folder / "flights.csv.gz"
    file.write_bytes(gzip.compress(b"carrier,delay\nUA,2\nAA,-1\n"))
    assert read(CSV("rows", file))[0] == [{"carrier": "UA", "delay": "2"}, {"carrier": "AA", "delay": "-1"}]


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-9], lambda _: b"no gzip", lambda data: data[:20] + b"xx" + data[22:]]
)
def test_a_spoilt_gzip_file_is_named(read, folder, spoil):
    file = folder / "lines.gz"
    file.write_bytes(spoil(gzip.compress(b"line\n" * 1000)))
    with pytest.raises(OSError, match=r"lines.gz cannot be gunzipped: "):
        read(Lines("lines", file))


def test_a_line_that_is_no_json_leaves_by_error_with_its_place(read, folder):
    file = folder / "events.jsonl"
    file.write_text('{"a": 1}\nhello\n[2]\n')
    items, [failure] = read(JSONLines("events", file))
    assert items == [{"a": 1}, [2]]
    assert failure.item == "hello"
    assert str(failure.error) == f"{file}, line 2: Expecting value: line 1 column 1 (char 0)"


def test_a_line_that_is_not_utf8_leaves_by_error_as_bytes(read, folder):
    file = folder / "names.txt"
    file.write_bytes("Zürich\n".encode() + "Zürich\n".encode("latin-1") + b"Bern\n")
    items, [failure] = read(Lines("names", file))
    assert items == ["Zürich", "Bern"]
    assert (failure.item, str(failure.error)) == (b"Z\xfcrich", f"{file}, line 2: this is not utf-8")
    assert read(Lines("names", file, encoding="latin-1"))[0] == ["ZÃ¼rich", "Zürich", "Bern"]


def test_a_row_of_another_length_leaves_by_error_as_it_stood(read, folder):
    file = folder / "rows.csv"
    file.write_text('a,b\n1,2\n3\n\n4,"x\ny",5\n6,7\n')
    items, failures = read(CSV("rows", file))
    assert items == [{"a": "1", "b": "2"}, {"a": "6", "b": "7"}]
    assert [failure.item for failure in failures] == ["3", '4,"x\ny",5']
    assert str(failures[1].error) == f"{file}, line 5: 3 fields for 2 columns"


def test_a_quote_that_is_never_closed_is_not_swallowed_in_silence(read, folder):
    file = folder / "rows.csv"
    file.write_text('a,b\n1,"2\n3,4\n')
    items, [failure] = read(CSV("rows", file))
    assert items == []
    assert failure.item == '1,"2\n3,4'
    assert "line 2: unexpected end of data" in str(failure.error)


def test_a_byte_order_mark_is_not_part_of_the_first_column(read, folder):
    file = folder / "excel.csv"
    file.write_bytes("name\nÅsa\n".encode("utf-8-sig"))
    assert read(CSV("rows", file))[0] == [{"name": "Åsa"}]


def test_columns_can_be_named_where_the_file_does_not(read, folder):
    file = folder / "rows.csv"
    file.write_text("1,2\n3,4\n")
    assert read(CSV("rows", file, columns=["a", "b"]))[0] == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_two_columns_of_one_name_are_refused(read, folder):
    file = folder / "rows.csv"
    file.write_text("a,b,a\n1,2,3\n")
    with pytest.raises(GraphError, match="two columns named 'a'"):
        read(CSV("rows", file))


@given(count=st.integers(0, 60), position=st.integers(0, 70), piece=pieces)
def test_reading_can_go_on_from_any_position(read, path, count, position, piece):
    path.write_text("n\n" + "".join(f"{'oops,' * (number % 7 == 3)}{number}\n" for number in range(count)))
    items, failures = read(CSV("rows", path), piece, position=position)
    assert [int(row["n"]) for row in items] == [n for n in range(position, count) if n % 7 != 3]
    assert len(failures) == sum(n % 7 == 3 for n in range(position, count))


def test_position_counts_items_and_refusals(polled, folder):
    file = folder / "events.jsonl"
    file.write_text("1\nno\n3\n\n4\n")
    drive = polled(JSONLines("events", file))
    drive.to_end()
    assert drive.node.position == 4


def test_a_missing_file_is_named_when_the_source_is_drawn(folder):
    with pytest.raises(FileNotFoundError, match=r"Lines\('lines'\): there is no file .*nowhere.txt"):
        Lines("lines", folder / "nowhere.txt")
    with pytest.raises(OSError, match="is not a regular file"):
        Lines("lines", folder)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "cp037"])
def test_an_encoding_whose_lines_do_not_end_in_one_byte_is_refused(folder, encoding):
    file = folder / "lines.txt"
    file.touch()
    with pytest.raises(GraphError, match="must end in one byte"):
        Lines("lines", file, encoding=encoding)


def test_a_line_without_an_end_does_not_fill_the_memory(read, folder, monkeypatch):
    file = folder / "blob"
    file.write_bytes(b"x" * 2_000_000)
    monkeypatch.setattr(file_lines, "LONGEST_LINE", 2**20)
    with pytest.raises(ValueError, match="blob has a line of more than 1 MiB"):
        read(Lines("lines", file), 65_536)


def test_in_a_graph_bad_lines_go_to_the_error_port(folder):
    file = folder / "events.jsonl"
    file.write_text('{"n": 1}\n{"n": \n{"n": 3}\n')
    events = JSONLines("events", file, time=lambda event: event["n"])
    double = Map("double", lambda event: 2 * event["n"])
    good, bad = Collect[int]("good"), Collect[object]("bad")
    run = Graph("events", events >> double >> good, events.error >> bad).run_to_end()
    assert run["good"].items == [2, 6]
    assert [failure.item for failure in run["bad"].items] == ['{"n": ']
    assert run.status().node("events").errors == 1


def test_in_a_graph_without_that_port_a_bad_line_fails_the_run(folder):
    file = folder / "events.jsonl"
    file.write_text("1\n}\n")
    with pytest.raises(RunFailedError, match="failed in node 'events' on item '}'"):
        Graph("events", JSONLines("events", file) >> Collect[object]("all")).run_to_end()


def test_a_graph_knows_that_lines_are_text(folder):
    file = folder / "lines.txt"
    file.touch()

    def double(number: int) -> int:
        return 2 * number

    with pytest.raises(GraphError, match=r"lines.out sends str, but double.in takes int"):
        Graph("typed", Lines("lines", file) >> Map("double", double) >> Collect[int]("kept"))
