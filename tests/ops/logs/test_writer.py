"""A sink that is slow, stuck or failing; the log's own thread."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.engine.observer import announce
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.ops.logs import writer as log_writer
from streamweave_lab.ops.logs.log import Log, log_to
from streamweave_lab.ops.logs.sink import FileLines, lines_to


def tell(number: int, **fields: Any) -> None:
    told: dict[str, Any] = {"at": float(number), "event": f"drill.n{number}", "level": "info", "message": str(number)}
    announce("g", EventStatus(**(told | fields)))


class Stuck:
    """A function that holds on to its first line until it is released."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.entered, self.released = threading.Event(), threading.Event()

    def __call__(self, line: str) -> None:
        self.entered.set()
        self.released.wait(120)
        self.lines.append(json.loads(line))


def test_a_sink_that_is_stuck_holds_nobody_up_and_what_had_no_room_is_counted_in_the_log() -> None:
    sink = Stuck()
    log = Log(sink, room=10)
    tell(0)
    assert sink.entered.wait(60)
    began = SYSTEM_CLOCK.now()
    for number in range(1, 31):
        tell(number)
    assert SYSTEM_CLOCK.now() - began < 60
    assert log.lost == 20
    sink.released.set()
    assert log.flush()
    log.close()
    assert [line["message"] for line in sink.lines if line["event"] != "log.lines_lost"] == [str(n) for n in range(11)]
    (lost,) = [line for line in sink.lines if line["event"] == "log.lines_lost"]
    assert (lost["level"], lost["lost"], lost["target"]) == ("warning", 20, "streamweave_lab.log")
    assert "20 lines are missing here" in lost["message"]


def test_closing_does_not_wait_for_ever_for_a_sink_that_is_stuck_and_says_so_once(
    capfd: pytest.CaptureFixture[str],
) -> None:
    sink = Stuck()
    log = log_to(sink)
    tell(0)
    assert sink.entered.wait(60)
    tell(1)
    assert not log.flush(0.01)
    began = SYSTEM_CLOCK.now()
    log.close(0.05)
    assert SYSTEM_CLOCK.now() - began < 60
    sink.released.set()
    log.close()
    assert "the log to Stuck takes nothing any more; 2 lines are lost\n" in stderr_of(capfd)


def stderr_of(capfd: pytest.CaptureFixture[str]) -> str:
    return capfd.readouterr().err


def test_a_sink_that_fails_is_told_once_on_stderr_and_where_lines_are_missing_when_it_takes_them_again(
    capfd: pytest.CaptureFixture[str],
) -> None:
    full, lines = True, list[str]()

    def disk(line: str) -> None:
        if full:
            raise OSError(28, "No space left on device")
        lines.append(line)

    with log_to(disk) as log:
        tell(0)
        tell(1)
        assert log.flush()
        assert log.lost == 2
        full = False
        tell(2)
    events = [json.loads(line)["event"] for line in lines]
    assert events == ["drill.n2", "log.lines_lost"]
    assert json.loads(lines[-1])["lost"] == 2
    assert stderr_of(capfd).count("No space left on device") == 1


def test_the_sink_is_called_on_a_thread_of_its_own_one_line_at_a_time() -> None:
    threads: set[str] = set()
    with log_to(lambda _: threads.add(threading.current_thread().name)):
        for number in range(5):
            tell(number)
    (name,) = threads
    assert name.startswith("streamweave log to ")
    assert name not in {thread.name for thread in threading.enumerate()}, "it has ended with the log"


def test_what_was_held_back_and_did_not_come_again_is_told_when_the_log_is_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_writer, "IDLE_SECONDS", 0.01)
    come = threading.Event()
    found: list[int] = []

    def sink(line: str) -> None:
        if suppressed := json.loads(line).get("suppressed"):
            found.append(suppressed)
            come.set()

    with log_to(sink):
        for _ in range(8):
            tell(0)
        assert come.wait(60)
    assert found == [2]


def test_the_level_may_change_at_any_time() -> None:
    lines: list[str] = []
    with log_to(lines.append, "error") as log:
        tell(0)
        log.level = "info"
        tell(1)
        log.level = "off"
        tell(2)
        with pytest.raises(ValueError, match="'loud' is not a level"):
            log.level = "loud"
    assert [json.loads(line)["message"] for line in lines] == ["1"]


def test_lines_of_several_logs_to_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "shared.jsonl"
    with log_to(path), log_to(path):
        for number in range(200):
            tell(number, message="x" * 3000)
    lines = path.read_text().splitlines()
    assert len(lines) == 400
    assert {len(json.loads(line)["message"]) for line in lines} == {3000}


def test_a_line_that_was_cut_short_is_ended_before_the_next(tmp_path: Path) -> None:
    lines = lines_to(tmp_path / "log")
    assert isinstance(lines, FileLines)
    lines._torn = True  # as a disk leaves it that takes half a line
    lines.write("whole")
    lines.write("next")
    lines.close()
    assert (tmp_path / "log").read_text() == "\nwhole\nnext\n"


def test_a_file_that_is_moved_away_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with log_to(path) as log:
        tell(0)
        assert log.flush()
        path.rename(tmp_path / "log.1")
        tell(1)
        assert log.flush()
        path.unlink()
        tell(2)
    assert json.loads((tmp_path / "log.1").read_text())["message"] == "0"
    assert json.loads(path.read_text())["message"] == "2"
