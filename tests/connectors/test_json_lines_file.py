import json
from collections import namedtuple
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from streamweave_lab.connectors import JSONLines, JSONLinesFile
from streamweave_lab.errors import GraphError, RunFailedError, StateError
from streamweave_lab.graph.batch import Failure
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, Replay
from streamweave_lab.testing.harness import Drive

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


@dataclass
class Point:
    x: float
    y: float


Pair = namedtuple("Pair", "left right")


class Model(BaseModel):
    at: datetime
    price: Decimal


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.jsonl"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rows")


def written(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@settings(max_examples=50, deadline=None)
@given(items=st.lists(values, max_size=8))
def test_what_is_written_is_what_the_source_of_such_files_reads(folder, items):
    path = folder / "written.jsonl"
    rows = JSONLinesFile("rows", path, mode="replace")
    Graph("write", Replay("items", items) >> rows).run_to_end()
    read = Graph("read", JSONLines("lines", path) >> Collect("kept")).run_to_end()
    assert read["kept"].items == items


def test_named_fields_become_objects_and_times_text(path):
    at = datetime(2013, 1, 1, 5, 15, tzinfo=UTC)
    items = [
        {"a": (1, None), 3: {"b"}},
        Point(0.5, 2),
        Pair(Pair(1, 2), [Point(1, 1)]),
        Model(at=at, price=Decimal("0.10")),
        Failure("parse", "x", ValueError("no"), 3.0),
        at,
    ]
    Drive(JSONLinesFile("rows", path)).batch(items).finish()
    assert written(path) == [
        {"a": [1, None], "3": ["b"]},
        {"x": 0.5, "y": 2},
        {"left": {"left": 1, "right": 2}, "right": [{"x": 1, "y": 1}]},
        {"at": "2013-01-01T05:15:00Z", "price": "0.10"},
        {"node": "parse", "item": "x", "error": "ValueError('no')", "time": 3.0},
        "2013-01-01T05:15:00Z",
    ]


def test_what_json_cannot_hold_leaves_by_error_and_the_rest_is_written(path):
    endless = []
    endless.append(endless)
    bad = [float("nan"), {(1, 2): 3}, object(), "\ud800", endless]
    drive = Drive(JSONLinesFile("rows", path)).batch([1, *bad, 2], [float(n) for n in range(7)]).finish()
    assert written(path) == [1, 2]
    assert [type(failure.item) for failure in drive.failures] == [float, dict, object, str, list]
    assert [failure.time for failure in drive.failures] == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_items_are_in_the_file_before_the_run_is_over(path):
    drive = Drive(JSONLinesFile("rows", path)).batch([{"n": 1}])
    assert written(path) == [{"n": 1}]
    drive.finish()


def test_a_file_that_holds_something_is_not_written_over_without_saying_so(path):
    path.write_text("precious\n")
    with pytest.raises(RunFailedError, match=r"holds 9 bytes already; mode=\\?\"append\\?\" writes after them"):
        Graph("write", Replay("items", [1]) >> JSONLinesFile("rows", path)).run_to_end()
    assert path.read_text() == "precious\n"


@pytest.mark.parametrize(("mode", "before"), [("append", "old\n"), ("replace", "")])
def test_a_file_that_is_there_is_appended_to_or_replaced_on_request(path, mode, before):
    path.write_text("old")
    Drive(JSONLinesFile("rows", path, mode=mode)).batch([1, 2]).finish()
    assert path.read_text() == f"{before}1\n2\n"


def test_an_empty_file_is_as_good_as_none(path):
    path.touch()
    Drive(JSONLinesFile("rows", path)).batch([1]).finish()
    assert path.read_text() == "1\n"


def test_a_run_without_items_leaves_an_empty_file(path):
    Graph("write", Replay("items", []) >> JSONLinesFile("rows", path)).run_to_end()
    assert path.read_text() == ""


cuts = st.integers(0, 60)


@settings(max_examples=60, deadline=None)
@given(
    items=st.lists(values, max_size=8),
    at=cuts,
    more=cuts,
    lost=cuts,
    before=st.sampled_from(["", "old\n", "old"]),
    batch=st.integers(1, 4),
)
def test_a_run_resumed_from_any_point_writes_the_file_of_an_uninterrupted_one(
    folder, items, at, more, lost, before, batch
):
    path, whole = folder / "rows.jsonl", folder / "whole.jsonl"
    path.write_text(before)
    whole.write_text(before)
    rows = JSONLinesFile("rows", path, mode="append")
    Drive(JSONLinesFile("rows", whole, mode="append")).batch(items).finish()

    first = Drive(rows).batch(items[:at])
    state = first.node.snapshot()
    first.batch(items[at : at + more])
    first.node.closed()
    # The process died while it wrote: any number of bytes after the checkpoint may be missing, or half a line too many.
    size = path.stat().st_size
    with path.open("r+") as file:
        file.truncate(max(state["bytes"], size - lost))
    if lost % 2:
        with path.open("a") as file:
            file.write('{"half": ')

    second = Drive(rows)
    second.node.restore(state)
    for place in range(at, len(items), batch):
        second.batch(items[place : min(place + batch, len(items))])
    second.finish()
    assert path.read_bytes() == whole.read_bytes()


def test_a_resumed_run_needs_no_mode(path):
    rows = JSONLinesFile("rows", path)
    first = Drive(rows).batch([1])
    state = first.node.snapshot()
    first.batch([2]).node.closed()
    second = Drive(rows)
    second.node.restore(state)
    second.sleep(1.0).batch([3]).finish()
    assert written(path) == [1, 3]


def test_a_snapshot_can_be_taken_of_a_sink_that_has_ended(path):
    drive = Drive(JSONLinesFile("rows", path)).batch([1]).finish()
    assert drive.node.snapshot() == {"bytes": 2}


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_text("1\n")])
def test_a_file_that_lost_what_was_written_is_not_gone_on_with(path, spoil):
    drive = Drive(JSONLinesFile("rows", path)).batch([1, 2])
    state = drive.node.snapshot()
    drive.finish()
    spoil(path)
    with pytest.raises(StateError, match=r"rows: .*rows.jsonl has \d bytes, and 4 had been written to it"):
        Drive(JSONLinesFile("rows", path)).node.restore(state)


def test_another_file_in_its_place_is_not_cut(path):
    path.write_text("something else entirely")
    with pytest.raises(StateError, match=r"rows.jsonl has no line that ends at byte 4"):
        Drive(JSONLinesFile("rows", path)).node.restore({"bytes": 4})
    assert path.read_text() == "something else entirely"


def test_a_file_that_another_sink_writes_to_is_left_alone(path):
    first = Drive(JSONLinesFile("first", path)).batch([1])
    state = first.node.snapshot()
    second = Drive(JSONLinesFile("second", path, mode="replace"))
    with pytest.raises(StateError, match=r"second: .*rows.jsonl is being written by another sink or another process"):
        second.batch([2])
    with pytest.raises(StateError, match="is being written by another sink"):
        second.node.restore(state)
    first.batch([3]).finish()
    assert written(path) == [1, 3]


def test_what_cannot_be_is_told_when_it_is_drawn(tmp_path):
    with pytest.raises(GraphError, match='mode is "new", "append" or "replace", not \'w\''):
        JSONLinesFile("rows", tmp_path / "rows.jsonl", mode="w")
    with pytest.raises(GraphError, match=r"must not end in \.gz"):
        JSONLinesFile("rows", tmp_path / "rows.jsonl.gz")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        JSONLinesFile("rows", tmp_path / "nowhere" / "rows.jsonl")


def test_it_says_what_it_guarantees(path):
    assert JSONLinesFile("rows", path).guarantee == "effectively once"
