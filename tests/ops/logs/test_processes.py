"""Logs of processes of their own, whose sinks are full, closed, or not read by anybody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

SCRIPT = """
import asyncio, sys
import streamweave_lab as sw
from streamweave_lab.engine.observer import announce
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.cli.signals import obeyed
from streamweave_lab.ops.logs.log import from_environment

async def ticks():
    while True:
        yield 1
        await asyncio.sleep(0.001)

async def main():
    log = from_environment(sys.stderr)
    run = sw.Graph("service", sw.Replay("ticks", ticks()) >> sw.Count("n")).start()
    with obeyed(run, 30.0, print):
        for number in range(int(sys.argv[1])):  # more than a pipe holds
            announce("service", EventStatus(at=number, event=f"drill.n{number}", level="info", message="x" * 900))
        print("running", flush=True)
        await run.done()
        account = await run.drain()
    print("complete", account.complete, sum(account.dropped.values()), flush=True)

asyncio.run(main())
"""


def begin(folder: Path, log: str, lines: int = 200, **options: object) -> subprocess.Popen[str]:
    script = folder / "service.py"
    script.write_text(SCRIPT)
    environ = os.environ | {"PYTHONPATH": str(ROOT), "STREAMWEAVE_LOG": log}
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    process = subprocess.Popen([sys.executable, str(script), str(lines)], env=environ, cwd=folder, **piped)  # type: ignore[call-overload]
    assert process.stdout.readline() == "running\n"
    return process  # type: ignore[no-any-return]


def end(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Terminate it politely; its standard output and error. It must have drained, with code 0."""
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert out.endswith("complete True 0\n")
    return out, err or ""


def test_a_service_that_is_terminated_has_written_every_line(tmp_path: Path) -> None:
    _, err = end(begin(tmp_path, "info:events.jsonl"))
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    names = [event["event"] for event in events]
    assert names[:2] == ["run.started", "drill.n0"]
    assert names[-2:] == ["run.draining", "run.drained"]
    assert len([name for name in names if name.startswith("drill.")]) == 200
    assert {event.get("by") for event in events[-2:]} == {"signal SIGTERM"}
    assert err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_harms_no_run_and_is_told_once(tmp_path: Path) -> None:
    _, err = end(begin(tmp_path, "info:/dev/full"))
    (told,) = err.splitlines()
    assert told.startswith("streamweave_lab: the log to /dev/full fails: OSError(28, ")


def test_a_named_pipe_that_nobody_reads_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    _, err = end(begin(tmp_path, "info:pipe"))
    (told,) = err.splitlines()
    assert told == "streamweave_lab: the log to pipe takes nothing any more; 203 lines are lost"


def test_a_named_pipe_is_written_to_as_soon_as_somebody_reads_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    process = begin(tmp_path, "info:pipe", lines=1)
    with (tmp_path / "pipe").open() as reader:
        assert json.loads(reader.readline())["event"] == "run.started"
        _, err = end(process)
        assert json.loads(reader.readlines()[-1])["event"] == "run.drained"
    assert err == ""


def test_standard_error_that_nobody_reads_neither_holds_a_run_up_nor_breaks_its_end(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    process = begin(tmp_path, "info", stderr=writing)
    os.close(writing)
    end(process)
    lines = os.read(reading, 1_000_000).splitlines()
    os.close(reading)
    assert json.loads(lines[0])["event"] == "run.started"
    assert len(lines) < 100, "a pipe holds no more"


def test_a_closed_pipe_on_standard_error_harms_no_run(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = begin(tmp_path, "info", stderr=writing)
    os.close(writing)
    end(process)
