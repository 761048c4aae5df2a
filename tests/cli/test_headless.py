"""The command in a terminal: its output, what signals do, and its exit codes."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from pathlib import Path
from time import sleep

import pytest

from tests.cli.conftest import ROOT, Start

Command = subprocess.Popen[str]

SCRIPT = """
import asyncio, sys
from rich.console import Console
import streamweave_lab as sw
from streamweave_lab.cli.headless import run_headless
from streamweave_lab.cli.outcome import exit_code, sentence

class Settings(sw.Config):
    speed: float = sw.live(1.0, gt=0)

async def ticks():
    while True:
        yield 1
        await asyncio.sleep(0.005)

async def forever(item):
    await asyncio.sleep(3600)

sink = sw.ForEach("forever", forever) if "held" in sys.argv else sw.Count("count")
graph = sw.Graph("endless", sw.Replay("ticks", ticks()) >> sink)
config = Settings.load("settings.toml") if "settings" in sys.argv else None
run = run_headless(graph, config, Console(stderr=True, width=200), drain_timeout=float(sys.argv[1]))
print(sentence(run.status(), run.dropped))
sys.exit(exit_code(run.status(), run.dropped))
"""


@pytest.fixture
def endless(start: Start, tmp_path: Path) -> Start:
    """Start an endless graph with run_headless in a process of its own, and wait until it runs."""
    script = tmp_path / "endless.py"
    script.write_text(SCRIPT)

    def begin(*arguments: str) -> Command:
        command = start(*arguments, program=[str(script)])
        assert command.stderr is not None
        assert command.stderr.readline().startswith("endless running")
        return command

    return begin


def until_said(command: Command, words: str) -> str:
    """The next line of stderr with these words."""
    assert command.stderr is not None
    for line in command.stderr:
        if words in line:
            return line
    raise AssertionError(f"{words!r} was never said")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_and_the_exit_code_is_0(endless: Start, number: int) -> None:
    command = endless("30")
    command.send_signal(number)
    until_said(command, "draining, at most 30 s; once more to stop at once")
    out, _ = command.communicate(timeout=120)
    assert (command.returncode, out) == (0, "run endless was drained; nothing was dropped\n")


def test_a_drain_that_takes_too_long_drops_items_and_the_exit_code_is_3(endless: Start) -> None:
    command = endless("0.2", "held")
    command.send_signal(signal.SIGTERM)
    out, _ = command.communicate(timeout=120)
    assert command.returncode == 3
    assert "was ended before everything was finished; dropped: " in out


def test_a_second_signal_stops_at_once(endless: Start) -> None:
    command = endless("3600", "held")
    command.send_signal(signal.SIGTERM)
    until_said(command, "draining")
    command.send_signal(signal.SIGINT)
    until_said(command, "stopping")
    command.communicate(timeout=120)
    assert command.returncode == 3


def test_sighup_reloads_the_configuration_or_says_why_not(endless: Start, tmp_path: Path) -> None:
    settings = tmp_path / "here" / "settings.toml"
    settings.write_text("schema_version = 1\nspeed = 2.0\n")
    command = endless("30", "settings")
    settings.write_text("schema_version = 1\nspeed = 3.0\n")
    command.send_signal(signal.SIGHUP)
    assert until_said(command, "reloaded") == "reloaded: speed: 2.0 → 3.0\n"
    settings.write_text("schema_version = 1\nspeed = -1.0\n")
    command.send_signal(signal.SIGHUP)
    assert "speed" in until_said(command, "reload refused")
    command.send_signal(signal.SIGTERM)
    command.communicate(timeout=120)
    assert command.returncode == 0


def test_sighup_without_a_configuration_says_so_and_the_run_goes_on(endless: Start) -> None:
    command = endless("30")
    command.send_signal(signal.SIGHUP)
    assert "it was started without a configuration" in until_said(command, "configuration")
    command.send_signal(signal.SIGTERM)
    command.communicate(timeout=120)
    assert command.returncode == 0


def test_the_quickstart_runs_the_whole_year_and_prints_its_result(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    command = start("quickstart", "--headless", environ={"STREAMWEAVE_LOG": f"info:{log}"})
    out, err = command.communicate(timeout=120)
    assert command.returncode == 0, err
    assert "336,776 rows: 328,521 flights and 8,255 cancelled" in out
    assert "B6" in out
    assert "flights running" in err
    assert err.endswith("run flights has come to its end\n")
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert events[0] == "run.started"
    assert events[-1] == "run.stopped"


def obeys(process: int, number: int) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{process}/status").read_text()
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (number - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
def test_the_quickstart_goes_on_where_nobody_reads_its_standard_error(start: Start) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = start("quickstart", "--headless", stderr=writing)
    os.close(writing)
    while command.poll() is None and not obeys(command.pid, signal.SIGTERM):
        sleep(0.01)
    command.send_signal(signal.SIGTERM)
    out, _ = command.communicate(timeout=120)
    assert command.returncode == 0
    assert "rows: " in out


def test_on_a_terminal_there_is_a_progress_bar_and_ctrl_c_drains(start: Start) -> None:
    ours, theirs = pty.openpty()
    command = start("quickstart", "--headless", stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    shown = ""
    while "━" not in shown or " items" not in shown:
        shown += os.read(ours, 4096).decode(errors="replace")
    command.send_signal(signal.SIGINT)
    try:
        while piece := os.read(ours, 4096):
            shown += piece.decode(errors="replace")
    except OSError:
        pass  # the terminal is gone with its last process
    os.close(ours)
    assert command.wait(120) == 0
    assert "draining" in shown
    assert "was drained; nothing was dropped" in shown


def test_settings_are_read_and_bad_ones_are_refused_with_78(start: Start, tmp_path: Path) -> None:
    settings = tmp_path / "here" / "flights.toml"
    settings.write_text("schema_version = 1\nleast_delay = 9999\n")
    command = start("quickstart", "--headless", "--config", "flights.toml")
    _, err = command.communicate(timeout=120)
    assert command.returncode == 78
    assert "least_delay" in err
    assert "600" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [(["--config", "missing.toml"], {}), ([], {"STREAMWEAVE_LOG": "loud"}), ([], {"STREAMWEAVE_SPEED": "fast"})],
)
def test_what_cannot_be_honoured_is_bad_configuration(
    start: Start, arguments: list[str], environ: dict[str, str]
) -> None:
    command = start("quickstart", "--headless", *arguments, environ=environ)
    _, err = command.communicate(timeout=120)
    assert command.returncode == 78
    assert err.startswith("streamweave-lab: ")
    assert "Traceback" not in err


def test_a_folder_that_cannot_be_made_is_told_with_78(start: Start, tmp_path: Path) -> None:
    (tmp_path / "here" / "taken").write_text("a file")
    command = start("quickstart", "--no-browser", "--folder", "taken/in")
    _, err = command.communicate(timeout=120)
    assert command.returncode == 78
    assert "taken" in err
    assert "Traceback" not in err


def test_settings_without_headless_are_refused_rather_than_ignored(start: Start) -> None:
    command = start("quickstart", "--config", "flights.toml")
    _, err = command.communicate(timeout=120)
    assert command.returncode == 2
    assert "--config goes with --headless" in err


def test_the_command_knows_its_version_and_explains_itself(start: Start) -> None:
    version, _ = start("--version").communicate(timeout=120)
    assert version == f"streamweave-lab, version {_version()}\n"
    told, _ = start("quickstart", "--help").communicate(timeout=120)
    for word in ("--headless", "--no-browser", "--port", "--allow-root", "Exit codes"):
        assert word in told


def _version() -> str:
    line = next(line for line in (ROOT / "pyproject.toml").read_text().splitlines() if line.startswith("version"))
    return line.split('"')[1]
