"""A run as a process of its own that is verified over HTTP, and one whose state is kept at a URL."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from streamweave_lab.cli.main import main
from tests.cli.conftest import Start
from tests.cli.test_run import CODE, Command, ended, said

CHECKED = """
import streamweave_lab as sw
from plant import Numbers, Settings

class Limits(Settings):
    limit: int = sw.live(10**9, ge=0)

def checked(item, config: Limits):
    if item > config.limit:
        raise ValueError("above the limit")
    return item

check, spill = sw.Map("check", checked, config=Limits), sw.Count("spill")
graph = sw.Graph("checked", Numbers("numbers", 10**9) >> check >> sw.Count("all"), check.error >> spill)
"""


@pytest.fixture
def here(start: Start, tmp_path: Path) -> Path:
    """The folder the command is started in, with some graphs."""
    (tmp_path / "here" / "plant.py").write_text(CODE)
    (tmp_path / "here" / "limits.py").write_text(CHECKED)
    return tmp_path / "here"


@contextmanager
def running(start: Start, *arguments: str, **options: Any) -> Iterator[Command]:
    """`streamweave-lab run <arguments>`, which is killed if it does not end by itself."""
    command = start("run", *arguments, **options)
    try:
        yield command
    finally:
        if command.poll() is None:
            command.kill()
        command.communicate()


def test_a_reload_over_http_after_which_a_run_with_verify_does_worse_is_rolled_back(start: Start, here: Path) -> None:
    settings = here / "limits.toml"
    settings.write_text("schema_version = 1\nlimit = 1000000000\n")
    options = ("--config", "limits.toml", "--config-class", "Limits", "--history", "journal", "--verify", "20")
    with running(start, "limits:graph", *options, "--serve", "0", "--token-file", "token") as command:
        url = said(command, "served at ").split()[2]
        bearer = {"Authorization": f"Bearer {(here / 'token').read_text().strip()}"}
        said(command, " running: ")
        settings.write_text("schema_version = 1\nlimit = 0\n")
        with httpx.Client(base_url=url, headers=bearer, timeout=60) as client:
            report = client.post("/reload?wait=30").json()["result"]
            assert (report["applied"], report["rolled_back"], report["version"]) == (False, True, 3)
            assert report["refused"][0] == "check refuses 100% of its items, before it were 0.0%"
            assert client.get("/config").json()["values"]["limit"] == 10**9
            versions = client.get("/config/history").json()["versions"]
        outcomes = [(each["version"], each["outcome"], each["who"]) for each in versions]
        assert outcomes == [(3, "applied", "http"), (2, "rolled_back", "http"), (1, "started", "cli")]
        command.send_signal(signal.SIGTERM)
        code, err = ended(command)
        assert (code, "so version 2 was rolled back after " in err) == (0, True)


def test_a_store_at_a_url_is_suspended_to_listed_and_gone_on_from(start: Start, here: Path) -> None:
    store = f"local://{here}/state"
    run = ("plant:endless", "--checkpoint", store, "--on-term", "suspend")
    with running(start, *run) as command:
        said(command, " running: ")
        command.send_signal(signal.SIGTERM)
        code, err = ended(command)
        assert (code, "was suspended; checkpoint 2 holds its state" in err) == (0, True)

    listed = CliRunner().invoke(main, ["checkpoints", "list", store])
    rows = [line.split() for line in listed.stdout.splitlines()]
    assert [(row[0], row[1], row[-1]) for row in rows[1:]] == [("sums", "2", "whole"), ("sums", "1", "whole")]

    with running(start, *run) as command:
        assert "from checkpoint 2" in said(command, "sums started")
        said(command, " running: ")
        command.send_signal(signal.SIGTERM)
        code, err = ended(command)
        assert (code, "was suspended; checkpoint " in err) == (0, True)
    totals = [json.loads(line) for line in (here / "rows.jsonl").read_text().splitlines()]
    assert totals == [n * (n + 1) // 2 for n in range(1, len(totals) + 1)]


LOGGED = """
import streamweave_lab as sw
from plant import Numbers, Settings

class Logged(Settings):
    log: sw.LogSettings = sw.LogSettings()

graph = sw.Graph("logged", Numbers("numbers", 20) >> sw.Count("all"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_a_terminal_shows_the_bar_and_the_address_where_the_configuration_has_a_log(start: Start, here: Path) -> None:
    import pty

    (here / "logged.py").write_text(LOGGED)
    options = ("logged:graph", "--config-class", "Logged", "--serve", "0", "--token-file")
    looked_at, terminal = pty.openpty()
    with (
        running(start, *options, "seen", stderr=terminal, environ={"TERM": "xterm"}) as at_terminal,
        running(start, *options, "logged") as service,
    ):
        os.close(terminal)
        shown = _until_closed(looked_at)
        _, logged = service.communicate(timeout=120)
        assert (at_terminal.wait(120), service.returncode) == (0, 0)
    assert '{"timestamp"' not in shown
    assert "(with a token; a new one was made, and is in seen)" in shown
    assert ("━" in shown, "run logged has come to its end" in shown) == (True, True)
    events = {event["event"]: event["message"] for event in map(json.loads, logged.splitlines())}
    assert events["server.started"].startswith("served at http://127.0.0.1:")
    assert events["server.started"].endswith(" (with a token; a new one was made, and is in logged)")
    assert (here / "logged").read_text().strip() not in logged


def _until_closed(terminal: int) -> str:
    """All that is shown there until nobody has it open any more."""
    shown = b""
    with contextlib.suppress(OSError), open(terminal, "rb", buffering=0) as screen:  # Linux ends it with EIO
        while part := screen.read(4096):
            shown += part
    return shown.decode()
