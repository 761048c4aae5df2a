"""Standard error that fails: neither a command nor its log comes to harm."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamweave_lab.ops.logs.sink import FileLines, lines_to
from streamweave_lab.ops.logs.steady import SteadyStream, steady_stderr

ROOT = Path(__file__).parents[3]

GRAPH = """
import streamweave_lab as sw
graph = sw.Graph("numbers", sw.Replay("n", range(100)) >> sw.Count("count"))
"""


def run(folder: Path, stderr: int, *arguments: str) -> int:
    (folder / "flow.py").write_text(GRAPH)
    command = [sys.executable, "-m", "streamweave_lab.cli.main", "run", "flow.py:graph", *arguments]
    environ = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environ, stderr=stderr, timeout=120).returncode


@pytest.mark.parametrize("arguments", [(), ("--log", "info")])
def test_a_command_whose_reader_has_gone_finishes_its_work(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert run(tmp_path, writing, *arguments) == 0
    os.close(writing)


def test_a_log_on_standard_error_is_json_from_its_first_line(tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w") as stderr:
        assert run(tmp_path, stderr.fileno(), "--log", "info,otel") == 0
    lines = (tmp_path / "stderr").read_text().splitlines()
    assert [json.loads(line)["EventName"] for line in lines[:3]] == ["run.started", "source.ended", "run.stopped"]


def test_a_steady_stream_passes_text_on_until_nobody_reads_and_drops_it_then() -> None:
    reading, writing = os.pipe()
    with io.TextIOWrapper(io.FileIO(writing, "w"), encoding="ascii") as stream:
        steady = SteadyStream(stream)
        assert print("grün", file=steady) is None
        assert os.read(reading, 100) == b"gr\\xfcn\n"
        os.close(reading)
        assert steady.write("lost") == 4
        os.close(steady.fileno())


def test_a_log_to_a_steady_stream_writes_to_what_it_stands_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(sys, "__stderr__", stream)
        steady_stderr()
        assert isinstance(sys.stderr, SteadyStream)
        lines = lines_to(sys.stderr)
        assert isinstance(lines, FileLines)
        lines.write("whole")
        lines.close()
        os.close(sys.stderr.fileno())
    assert (tmp_path / "stderr").read_text() == "whole\n"


def test_a_stream_that_is_no_file_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = io.StringIO()
    monkeypatch.setattr(sys, "stderr", ours)
    steady_stderr()
    assert sys.stderr is ours
