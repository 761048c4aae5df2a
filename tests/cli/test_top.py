"""`streamweave-lab top` from outside: a real process is served, a real terminal is drawn on."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
from contextlib import contextmanager, suppress
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ
from time import monotonic

import pytest
from click.testing import CliRunner

import streamweave_lab as sw
from streamweave_lab.cli.main import main
from streamweave_lab.cli.outcome import Exit
from streamweave_lab.graph.source import Wait

ROOT = Path(__file__).parents[2]
TOKEN = "of-the-test-of-top-1234567890"


class TopConfig(sw.Config):
    least: int = sw.live(0, ge=0)


class Trickle(sw.Source[int]):
    """A number every hundredth of a second."""

    def opened(self):
        self.position = 0

    def poll(self, limit):
        self.position += 1
        return [self.position] if self.position % 2 else Wait(0.01)


def enough(number, config):
    return number >= config.least


@contextmanager
def served(tmp_path):
    file = tmp_path / "top.toml"
    file.write_text("schema_version = 1\n")
    graph = sw.Graph("trickle", Trickle("numbers") >> sw.Filter("enough", enough, config=TopConfig) >> sw.Count("all"))
    run = graph.start(TopConfig.load(file), host="thread")
    server = run.serve(token=TOKEN)
    try:
        yield run, server.url, file
    finally:
        if not run.settled:
            run.ask("stop").result(60)
        server.close()


def once(*arguments):
    environ = {"STREAMWEAVE_TOKEN": TOKEN, "COLUMNS": "100"}
    return CliRunner().invoke(main, ["top", "--once", "--every", "0.2", *arguments], env=environ)


def test_one_frame_for_scripts_says_how_the_run_is_without_colours(tmp_path):
    with served(tmp_path) as (_, url, _):
        done = once("--url", url)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(" trickle  ● ready · up ")
    assert "\x1b" not in done.stdout
    assert re.search(r"^numbers +(idle|busy) +\d+", done.stdout, re.MULTILINE)
    assert re.search(r"^numbers.out → enough.in +·+ +0 +8,192", done.stdout, re.MULTILINE)
    assert "run.started" in done.stdout


def test_where_nobody_answers_it_says_so_and_may_be_tried_again():
    done = once("--url", "http://127.0.0.1:9")
    assert done.exit_code == Exit.TRY_AGAIN
    assert "http://127.0.0.1:9" in done.stderr


def test_without_a_terminal_it_proposes_one_frame():
    done = CliRunner().invoke(main, ["top", "--url", "http://127.0.0.1:9"])
    assert done.exit_code == 2
    assert "--once prints one frame" in done.stderr


class Terminal:
    """A terminal of 80 columns and 24 lines, and the command in it."""

    def __init__(self, url):
        self._master, slave = pty.openpty()
        self.resize(80, 24)
        command = [sys.executable, "-m", "streamweave_lab.cli.main", "top", "--url", url, "--every", "0.2"]
        environ = os.environ | {"STREAMWEAVE_TOKEN": TOKEN, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
        environ.pop("COLUMNS", None)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environ, close_fds=True)
        os.close(slave)
        self.text = ""

    def resize(self, columns, lines):
        ioctl(self._master, TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def press(self, key):
        self.text = ""
        os.write(self._master, key.encode())

    def shows(self, wanted, timeout=60.0):
        """Wait until this has been drawn since the last key."""
        until = monotonic() + timeout
        while wanted not in self._plain():
            there, _, _ = select.select([self._master], [], [], max(0.0, until - monotonic()))
            assert there, f"{wanted!r} is not shown; there is {self._plain()[-2000:]}"
            with suppress(OSError):
                self.text += os.read(self._master, 65536).decode("utf-8", "ignore")
        return self._plain()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)
        os.close(self._master)

    def _plain(self):
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.text)


@pytest.fixture
def terminal(tmp_path):
    with served(tmp_path) as (run, url, file):
        shown = Terminal(url)
        shown.run, shown.file = run, file
        try:
            yield shown
        finally:
            shown.close()


def test_in_a_terminal_it_draws_asks_before_it_acts_and_leaves_the_run_alone(terminal):
    terminal.shows("● ready")
    terminal.press("p")
    terminal.shows("y: yes  Pause trickle? Nothing flows until it is resumed.")
    terminal.press("n")
    terminal.shows("not done")
    assert terminal.run.status().state == "running"

    terminal.file.write_text("schema_version = 1\nleast = 7\n")
    terminal.press("r")
    terminal.shows("Reload? least: 0 → 7.")
    terminal.press("y")
    terminal.shows("configuration 2 is in force")

    terminal.resize(120, 40)
    terminal.shows("BUSY █ BLOCKED ▒")
    terminal.press("q")
    assert terminal.process.wait(60) == 0
    assert terminal.run.status().state == "running"


def test_a_drain_is_asked_for_and_what_the_run_came_to_stays_to_be_read(terminal):
    terminal.shows("● ready")
    terminal.press("d")
    terminal.shows("Drain trickle and end it, within 30 s? What is left then is dropped.")
    terminal.press("y")
    terminal.shows("■ stopped")
    terminal.shows("the run was drained in")
    assert terminal.run.settled
    assert terminal.run.status().drain.complete
    terminal.press("q")
    assert terminal.process.wait(60) == 0
