"""`streamweave-lab run` as a process of its own: signals, ports, settings, stores, and what each failure says."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Start

Command = subprocess.Popen[str]

CODE = """
import asyncio
from pydantic import SecretStr
import streamweave_lab as sw

class Settings(sw.Config):
    pace: float = sw.live(0.002, ge=0)
    key: SecretStr = SecretStr("")

class Numbers(sw.Source[int]):
    def __init__(self, name, total):
        super().__init__(name)
        self.total, self.position, self.pace, self.next = total, 0, 0.002, 0.0

    def configure(self, config: Settings):
        self.pace = config.pace

    def poll(self, limit):
        if self.position == self.total:
            return sw.END
        if self.clock.now() < self.next:
            return sw.Wait(self.next - self.clock.now())
        self.next = self.clock.now() + self.pace
        self.position += 1
        return [self.position]

    def snapshot(self):
        return self.position

    def restore(self, state):
        self.position = state

async def forever(item):
    await asyncio.sleep(3600)

def add(total, n):
    return total + n

def sums(total):
    summed = sw.Reduce("sum", add, initial=0)
    rows = sw.connectors.JSONLinesFile("rows", "rows.jsonl")
    return sw.Graph("sums", Numbers("numbers", total) >> summed >> rows)

endless = sums(10**9)
finite = sums(150)
held = sw.Graph("held", Numbers("numbers", 10**9) >> sw.ForEach("forever", forever))
failing = sw.Graph("failing", sw.Replay("zero", [0]) >> sw.Map("invert", lambda n: 1 / n) >> sw.Count("n"))
"""

FAILING = 'failing = sw.Graph("failing", sw.Replay("zero", [0]) >> sw.Map("invert", lambda n: 1 / n) >> sw.Count("n"))'


@pytest.fixture
def here(start: Start, tmp_path: Path) -> Path:
    """The folder the command is started in, with some graphs."""
    (tmp_path / "here" / "plant.py").write_text(CODE)
    return tmp_path / "here"


@pytest.fixture
def begin(start: Start, here: Path) -> Iterator[Start]:
    """Start `streamweave-lab run <arguments>`, and wait until the graph runs. What is left is killed."""
    begun: list[Command] = []

    def begin(*arguments: str) -> Command:
        begun.append(start("run", *arguments))
        said(begun[-1], " running: ")
        return begun[-1]

    yield begin
    for command in begun:
        if command.poll() is None:
            command.kill()
        command.communicate()


def said(command: Command, words: str) -> str:
    """The next line of stderr with these words."""
    assert command.stderr is not None
    lines = []
    for line in command.stderr:
        lines.append(line)
        if words in line:
            return line
    raise AssertionError(f"{words!r} was never said, but {''.join(lines)}")


def ended(command: Command) -> tuple[int, str]:
    """The exit code, and what was said on stderr since the last look."""
    _, err = command.communicate(timeout=120)
    assert "Traceback" not in err
    return command.returncode, err


def until_rows(here: Path, count: int) -> None:
    """Wait until so many rows are in the file."""
    give_up = time.monotonic() + 120
    rows = here / "rows.jsonl"
    while not rows.exists() or rows.read_bytes().count(b"\n") < count:
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_a_finite_graph_runs_to_its_end(start: Start, here: Path) -> None:
    code, err = ended(start("run", "plant:finite"))
    assert (code, err.splitlines()[-1]) == (0, "run sums has come to its end")
    assert "150 items" in err
    assert json.loads((here / "rows.jsonl").read_text().splitlines()[-1]) == 11_325


def test_sigterm_drains_and_a_second_signal_stops(begin: Start) -> None:
    command = begin("plant:endless", "--drain-timeout", "9")
    command.send_signal(signal.SIGTERM)
    said(command, "draining, at most 9 s; once more to stop at once")
    code, err = ended(command)
    assert (code, err.splitlines()[-1]) == (0, "run sums was drained; nothing was dropped")
    held = begin("plant:held")
    held.send_signal(signal.SIGINT)
    said(held, "draining, at most 30 s; once more to stop at once")
    held.send_signal(signal.SIGINT)
    code, err = ended(held)
    assert code == 3
    assert "run held was ended before everything was finished; dropped: " in err


def test_what_a_killed_run_had_not_finished_is_finished_by_the_next_and_nothing_is_doubled(
    begin: Start, start: Start, here: Path
) -> None:
    store = ("--checkpoint", "state.db", "--checkpoint-every", "0.1")
    (here / "plant.toml").write_text("schema_version = 1\npace = 0.05\n")
    command = begin("plant:finite", *store, "--config", "plant.toml")
    until_rows(here, 10)
    command.kill()
    command.wait(120)
    (here / "plant.toml").write_text("schema_version = 1\npace = 0.001\n")
    again = start("run", "plant:finite", *store, "--config", "plant.toml")
    said(again, "sums started with 3 nodes, from checkpoint ")
    assert said(again, "warning: the configuration differs from that of checkpoint ").endswith(": pace: 0.05 → 0.001\n")
    assert ended(again)[0] == 0
    rows = [json.loads(line) for line in (here / "rows.jsonl").read_text().splitlines()]
    assert rows == [n * (n + 1) // 2 for n in range(1, 151)]


def test_sighup_and_a_changed_file_reload_and_a_bad_one_is_refused(begin: Start, here: Path) -> None:
    settings = here / "plant.toml"
    settings.write_text("schema_version = 1\npace = 0.002\n")
    command = begin("plant:endless", "--config", "plant.toml", "--watch-config", "--history", "journal")
    settings.write_text("schema_version = 1\npace = 0.003\n")
    assert "pace: 0.002 → 0.003" in said(command, "pace")
    settings.write_text("schema_version = 1\npace = -1\n")
    command.send_signal(signal.SIGHUP)
    assert "pace = -1: must be at least 0, in plant.toml" in said(command, "refused")
    command.send_signal(signal.SIGTERM)
    assert ended(command)[0] == 0
    outcomes = [json.loads(line.partition(" ")[2])["outcome"] for line in (here / "journal").read_text().splitlines()]
    assert outcomes[:3] == ["started", "proposed", "applied"]
    assert "refused" in outcomes


def test_a_served_run_is_drained_from_elsewhere_with_the_token_that_was_made(
    begin: Start, start: Start, here: Path
) -> None:
    command = start("run", "plant:endless", "--serve", "0", "--token-file", "token")
    url = said(command, "served at ").split()[2]
    assert stat.S_IMODE((here / "token").stat().st_mode) == 0o600
    assert (here / "token").read_text().strip() not in url
    said(command, " running: ")
    drain = start("drain", "--url", url, "--token-file", "token")
    out, err = drain.communicate(timeout=120)
    assert (drain.returncode, err) == (0, "")
    assert out.endswith(" s; nothing was dropped\n")
    code, err = ended(command)
    assert (code, err.splitlines()[-1]) == (0, "run sums was drained; nothing was dropped")


def test_a_port_in_use_is_told_with_75_and_nothing_was_taken_in(start: Start, here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, err = ended(start("run", "plant:endless", "--serve", f"127.0.0.1:{port}"))
    assert code == 75
    assert err == (
        f"streamweave-lab: cannot listen on 127.0.0.1 port {port}: Address already in use; "
        f"end what listens there, or take a free one with --serve 0\n"
    )
    assert [each.name for each in here.iterdir() if each.suffix == ".jsonl" and each.stat().st_size] == []


def test_bad_settings_an_unreadable_secret_and_a_damaged_store_are_told_with_78(start: Start, here: Path) -> None:
    (here / "bad.toml").write_text("schema_version = 1\npce = 1\npace = -1\n")
    (here / "secret.toml").write_text('schema_version = 1\nkey_file = "/run/nowhere/key"\n')
    (here / "state.db").write_bytes(b"SQLite format 3\0" + os.urandom(4096))
    cases = {
        ("--config", "bad.toml"): ["bad.toml: 2 problems", "did you mean pace?", "pace = -1: must be at least 0"],
        ("--config", "secret.toml"): ["key", "/run/nowhere/key", "No such file or directory"],
        ("--checkpoint", "state.db"): ["state.db is damaged, or no SQLite file"],
    }
    begun = {options: start("run", "plant:endless", *options) for options in cases}
    for options, words in cases.items():
        code, err = ended(begun[options])
        assert code == 78, err
        assert err.startswith("streamweave-lab: ")
        assert [word for word in words if word not in err] == [], err


def test_a_node_that_fails_ends_the_run_with_70_and_a_log_on_stderr_is_nothing_but_json(
    start: Start, here: Path
) -> None:
    failing, logged = start("run", "plant:failing"), start("run", "plant:failing", "--log", "info")
    code, err = ended(failing)
    assert code == 70
    assert err.splitlines()[-1] == (
        "run failing has failed: invert: ZeroDivisionError('division by zero'); "
        f"raised in {here / 'plant.py'}, line {CODE.splitlines().index(FAILING) + 1}, in <lambda>"
    )
    _, err = logged.communicate(timeout=120)
    assert logged.returncode == 70
    events = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert [event["event"] for event in events][:1] == ["run.started"]
    assert [line for line in err.splitlines() if not line.startswith("{")] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fresh"], "--fresh goes with --checkpoint"),
        (["--keep", "3"], "--keep goes with --checkpoint"),
        (["--on-term", "suspend"], "--on-term suspend goes with --checkpoint, where it keeps the state"),
        (["--token-file", "x"], "--token-file goes with --serve"),
        (["--serve", "0", "--tls-cert", "x"], "--tls-cert and --tls-key go together"),
        (["--serve", "eight"], "'eight' is no address; write PORT or HOST:PORT, such as 8080 or 0.0.0.0:8080"),
    ],
)
def test_options_that_say_nothing_are_refused(options: list[str], said: str) -> None:
    from click.testing import CliRunner

    from streamweave_lab.cli.main import main

    answer = CliRunner().invoke(main, ["run", "x:y", *options])
    assert answer.exit_code == 2
    assert said in answer.stderr
