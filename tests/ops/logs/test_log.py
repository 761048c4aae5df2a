from __future__ import annotations

import asyncio
import io
import json
import re
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streamweave_lab.engine.observer import announce
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.errors import ConfigError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, Map, Replay
from streamweave_lab.ops.logs.limit import Limit
from streamweave_lab.ops.logs.log import from_environment, log_to
from streamweave_lab.ops.logs.record import Record
from streamweave_lab.testing.loop import run_virtual


def event(name: str = "node.item_refused", at: float = 0.0, **fields: Any) -> EventStatus:
    told: dict[str, Any] = {"at": at, "event": name, "level": "warning", "message": f"{name} at {at:g}"}
    return EventStatus(**(told | fields))


def numbers(name: str = "numbers", items: tuple[int, ...] = (1, 2)) -> Graph:
    invert = Map[int, float]("invert", lambda n: 1 / n)
    spill = Collect[object]("spill")
    return Graph(name, Replay("source", items) >> invert >> spill, invert.error >> spill)


async def never() -> AsyncIterator[int]:
    await asyncio.sleep(1e9)
    yield 0


def test_each_event_of_a_run_is_one_json_object_a_line() -> None:
    lines: list[str] = []
    with log_to(lines.append):
        numbers().run_to_end()
    told = [json.loads(line) for line in lines]
    assert [one["event"] for one in told] == ["run.started", "source.ended", "run.stopped"]
    assert list(told[0]) == ["timestamp", "level", "target", "event", "message", "graph_id", "virtual_seconds"]
    assert told[0] == {
        "timestamp": told[0]["timestamp"],
        "level": "info",
        "target": "streamweave_lab.run",
        "event": "run.started",
        "message": "started with 3 nodes",
        "graph_id": "numbers",
        "virtual_seconds": 0.0,
    }


def test_a_line_of_a_run_in_virtual_time_has_the_real_time_and_the_virtual_one_beside_it() -> None:
    async def main() -> None:
        run = Graph("hour", Replay[int]("none", never()) >> Collect[int]("end")).start()
        await asyncio.sleep(3600)
        await run.stop()

    lines: list[str] = []
    began = datetime.now(UTC)
    with log_to(lines.append):
        run_virtual(main())
    told = [json.loads(line) for line in lines]
    assert [(one["event"], one["virtual_seconds"]) for one in told] == [("run.started", 0.0), ("run.stopped", 3600.0)]
    for one in told:
        assert began <= datetime.fromisoformat(one["timestamp"]) <= datetime.now(UTC)


def test_a_run_in_real_time_has_no_other_time_beside_it() -> None:
    lines: list[str] = []
    with log_to(lines.append):
        numbers().run_to_end(deterministic=False)
    assert lines
    assert not any("virtual_seconds" in json.loads(line) for line in lines)


def test_what_repeats_in_virtual_time_is_held_back_by_the_real_one() -> None:
    lines: list[str] = []
    with log_to(lines.append):
        for virtual in range(8):
            announce("g", event(at=60.0 * virtual), 1_700_000_000.0)
    told = [json.loads(line) for line in lines]
    assert [one["virtual_seconds"] for one in told] == [0.0, 60.0, 120.0, 180.0, 240.0, 420.0]
    assert (told[-1]["timestamp"], told[-1]["suppressed"]) == ("2023-11-14T22:13:20.000000Z", 2)


def test_a_timestamp_is_rfc_3339_in_utc_with_microseconds() -> None:
    lines: list[str] = []
    with log_to(lines.append):
        announce("g", event(at=1_700_000_000.25))
    assert json.loads(lines[0])["timestamp"] == "2023-11-14T22:13:20.250000Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", json.loads(lines[0])["timestamp"])


def test_a_refused_item_names_node_and_port_but_not_the_item() -> None:
    lines: list[str] = []
    with log_to(lines.append, level="warning"):
        numbers(items=(0, 7)).run_to_end()
    (refused,) = map(json.loads, lines)
    assert (refused["event"], refused["node_id"], refused["port"]) == ("node.item_refused", "invert", "error")
    assert "ZeroDivisionError" in refused["message"]


def test_only_events_of_the_level_and_above_are_written() -> None:
    lines: list[str] = []
    with log_to(lines.append, level="error"):
        announce("g", event(level="info"))
        announce("g", event(level="warning"))
        announce("g", event("node.failed", level="error"))
    assert [json.loads(line)["event"] for line in lines] == ["node.failed"]


def test_a_path_is_appended_to_and_a_stream_is_flushed(tmp_path: Path) -> None:
    path = tmp_path / "weave.jsonl"
    path.write_text("before\n")
    stream = io.StringIO()
    with log_to(path) as one, log_to(stream):
        announce("g", event())
        announce("h", event())
        assert one.flush()
        assert len(path.read_text().splitlines()) == 3, "lines are there before it is closed"
    assert stream.getvalue() == path.read_text().removeprefix("before\n")


def test_after_close_nothing_more_is_written() -> None:
    lines: list[str] = []
    log = log_to(lines.append)
    log()
    log.close()
    announce("g", event())
    assert lines == []


def test_a_sink_that_fails_loses_its_lines_and_nothing_else() -> None:
    def full(_: str) -> None:
        raise OSError("disk full")

    with log_to(full) as log:
        assert numbers().run_to_end()["spill"].items == [1.0, 0.5]
        assert log.flush()
        assert log.lost == 3


def test_what_repeats_is_held_back_and_the_next_line_says_how_often() -> None:
    lines: list[str] = []
    with log_to(lines.append):
        for at in (*(n / 10 for n in range(20)), 30.0):
            announce("g", event(at=at, node="parse"))
    assert [json.loads(line).get("suppressed") for line in lines] == [None] * 5 + [15]


def test_what_was_held_back_is_told_before_a_run_s_last_line() -> None:
    lines: list[str] = []
    with log_to(lines.append):
        for at in range(8):
            announce("g", event(at=at))
        announce("g", event("run.failed", at=8, level="error"))
    assert [(json.loads(line)["event"], json.loads(line).get("suppressed")) for line in lines[5:]] == [
        ("node.item_refused", 2),
        ("run.failed", None),
    ]


def test_closing_tells_what_was_held_back() -> None:
    lines: list[str] = []
    with log_to(lines.append):
        for _ in range(7):
            announce("g", event())
        announce("h", event())
    assert [json.loads(line)["graph_id"] for line in lines] == ["g"] * 5 + ["h", "g"]
    assert json.loads(lines[-1])["suppressed"] == 1


def test_events_that_differ_in_graph_event_node_or_port_do_not_hold_each_other_back() -> None:
    limit = Limit(burst=1)
    keys = [
        ("g", "e", "n", "p"),
        ("h", "e", "n", "p"),
        ("g", "f", "n", "p"),
        ("g", "e", "m", "p"),
        ("g", "e", "n", "q"),
    ]
    told = [Record(graph, event(name, node=node, port=port), at=0.0) for graph, name, node, port in keys]
    assert [limit.admit(record) for record in told] == told
    assert [limit.admit(record) for record in told] == [None] * 5


def test_an_unknown_level_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'loud' is not a level; use one of debug, info, warning, error"):
        log_to(io.StringIO(), level="loud")  # type: ignore[arg-type]


def test_what_is_no_sink_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="a path, a text stream or a function, not to 3"):
        log_to(3)  # type: ignore[arg-type]


def test_a_message_with_line_breaks_stays_one_line() -> None:
    lines: list[str] = []
    with log_to(lines.append):
        announce("g", event(message="first\nsecond\r\n\u2028third"))
    assert len(lines[0].splitlines()) == 1
    assert json.loads(lines[0])["message"] == "first\nsecond\r\n\u2028third"


def test_the_environment_names_level_and_path(tmp_path: Path) -> None:
    path = tmp_path / "weave.jsonl"
    log = from_environment(sys.stderr, {"STREAMWEAVE_LOG": f"warning:{path}"})
    assert log is not None
    with log:
        announce("g", event(level="info"))
        announce("g", event("node.failed", level="error"))
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["node.failed"]


def test_the_environment_without_a_path_means_the_default_stream() -> None:
    stream = io.StringIO()
    log = from_environment(stream, {"STREAMWEAVE_LOG": "info"})
    assert log is not None
    with log:
        announce("g", event())
    assert json.loads(stream.getvalue())["graph_id"] == "g"


@pytest.mark.parametrize("environ", [{}, {"STREAMWEAVE_LOG": ""}, {"STREAMWEAVE_LOG": "off"}])
def test_without_the_variable_nothing_is_written(environ: dict[str, str]) -> None:
    assert from_environment(sys.stderr, environ) is None


@pytest.mark.parametrize("value", ["loud", "info:/no/such/folder/weave.jsonl"])
def test_a_variable_that_cannot_be_honoured_is_a_configuration_error(value: str) -> None:
    with pytest.raises(ConfigError, match="environment STREAMWEAVE_LOG"):
        from_environment(sys.stderr, {"STREAMWEAVE_LOG": value})


def test_a_log_shows_what_it_writes_and_where(tmp_path: Path) -> None:
    log = log_to(tmp_path / "run.jsonl", "warning")
    assert repr(log) == f"<Log of warning and above to {tmp_path / 'run.jsonl'}>"
    log.close()
    assert repr(log).endswith("run.jsonl, closed>")
