"""What signals do, and what systemd hears of it, in processes of their own."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep
from types import SimpleNamespace

import pytest

import streamweave_lab as sw
from streamweave_lab.cli.signals import obeyed
from streamweave_lab.clock import SYSTEM_CLOCK
from tests.cli.conftest import Start

SCRIPT = """
import asyncio, sys, time
import streamweave_lab as sw

class Settings(sw.Config):
    speed: float = sw.live(1.0, gt=0)

async def ticks():
    while True:
        yield 1
        await asyncio.sleep(0.005)

async def later():
    await asyncio.sleep(0.5)
    yield 1

async def forever(item):
    await asyncio.Event().wait()

def block(item):
    time.sleep(3600)

plain = sw.Graph("service", sw.Replay("ticks", ticks()) >> sw.Count("count"))
held = sw.Graph("service", sw.Replay("ticks", ticks()) >> sw.ForEach("forever", forever))
blocked = sw.Graph("service", sw.Replay("two", later()) >> sw.ForEach("block", block))
"""


class Service:
    """`streamweave-lab run` under a fake service manager."""

    def __init__(self, start: Start, folder: Path, here: Path, graph: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "notify"))
        self.socket.settimeout(120)
        self.settings, self.log = here / "settings.toml", here / "log"
        self.settings.write_text("schema_version = 1\nspeed = 2.0\n")
        (here / "flow.py").write_text(SCRIPT)
        environ = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "400000", "STREAMWEAVE_LOG": "info:log"}
        command = ("run", f"flow.py:{graph}", "--config", "settings.toml")
        self.process: subprocess.Popen[str] = start(*command, environ=environ)

    def hear(self) -> dict[str, str]:
        """The next message, as assignments."""
        return dict(line.split("=", 1) for line in self.socket.recv(10_000).decode().split("\n"))

    def hear_next(self, name: str) -> dict[str, str]:
        """The next message with this assignment; none may come before it but beats, STATUS and a wish for time."""
        while name not in (message := self.hear()):
            assert set(message) <= {"WATCHDOG", "STATUS", "EXTEND_TIMEOUT_USEC"}, message
        return message

    def falls_silent_within(self, beats: int) -> bool:
        """Whether a second goes by without a word, after so many more at most."""
        self.socket.settimeout(1.0)
        try:
            for _ in range(beats + 1):
                self.hear()
        except TimeoutError:
            return True
        return False

    def told(self) -> list[tuple[str, str | None]]:
        """The events in its log, and who asked for each."""
        events = map(json.loads, self.log.read_text().splitlines())
        return [(event["event"], event.get("by")) for event in events]

    def reload(self, settings: str) -> tuple[dict[str, str], dict[str, str]]:
        """Write the settings, and do as `systemctl reload`; the two answers."""
        self.settings.write_text(settings)
        self.process.send_signal(signal.SIGHUP)
        return self.hear_next("RELOADING"), self.hear_next("READY")


Begin = Callable[..., Service]


@pytest.fixture
def begun() -> Iterator[list[Service]]:
    services: list[Service] = []
    yield services
    for service in services:
        service.process.kill()
        service.process.communicate()
        service.socket.close()


@pytest.fixture
def service(start: Start, tmp_path: Path, begun: list[Service]) -> Iterator[Begin]:
    with tempfile.TemporaryDirectory() as folder:

        def make(graph: str) -> Service:
            begun.append(Service(start, Path(folder), tmp_path / "here", graph))
            return begun[-1]

        yield make


def test_systemd_hears_a_service_s_whole_life(service: Begin) -> None:
    """Ready, reloaded, refused to reload, asked to drain, at its end."""
    one = service("plain")
    assert one.hear_next("READY")["STATUS"].startswith("running; ")
    asked = SYSTEM_CLOCK.now()
    reloading, ready = one.reload("schema_version = 1\nspeed = 3.0\n")
    assert int(reloading["MONOTONIC_USEC"]) / 1e6 >= asked, "systemd waits for one later than its SIGHUP"
    assert "configuration version 2" in ready["STATUS"]
    reloading, ready = one.reload("schema_version = 1\nspeed = -1.0\n")
    assert "configuration version 2" in ready["STATUS"]
    assert "reload refused: " in ready["STATUS"]
    assert "speed" in ready["STATUS"]
    one.process.send_signal(signal.SIGTERM)
    assert one.hear_next("EXTEND_TIMEOUT_USEC")["EXTEND_TIMEOUT_USEC"] == "15000000"
    assert one.hear_next("STOPPING")["STATUS"].startswith("drained, 0 items dropped")
    one.process.communicate(timeout=120)
    assert one.process.returncode == 0
    assert one.told() == [
        ("run.started", None),
        ("config.applied", "signal SIGHUP"),
        ("config.rejected", "signal SIGHUP"),
        ("run.draining", "signal SIGTERM"),
        ("run.drained", "signal SIGTERM"),
    ]


def test_a_drain_is_not_yet_stopping_and_a_second_signal_stops_it(service: Begin) -> None:
    one = service("held")
    one.hear_next("READY")
    one.process.send_signal(signal.SIGTERM)
    assert re.match(r"draining for \d+ s, now ", one.hear_next("EXTEND_TIMEOUT_USEC")["STATUS"])
    one.hear_next("WATCHDOG")  # still alive, and not STOPPING
    one.process.send_signal(signal.SIGINT)
    assert "STATUS" in one.hear_next("STOPPING")
    one.process.communicate(timeout=120)
    assert one.process.returncode == 3, "items were dropped"
    assert one.told()[1:3] == [("run.draining", "signal SIGTERM"), ("run.stopped", "signal SIGINT")]


def test_a_blocked_loop_says_no_more_so_that_the_watchdog_bites(service: Begin) -> None:
    one = service("blocked")
    one.hear_next("READY")
    one.hear_next("WATCHDOG")
    assert one.falls_silent_within(beats=50), "it had begun, and stopped"
    assert one.process.poll() is None, "it lives; only its loop does not answer"


async def signalled(first: signal.Signals, second: signal.Signals, seconds: float | None) -> list[str]:
    """What is said where the second comes so many seconds after the first was obeyed, or at once with it."""

    async def forever(_: int) -> None:
        await asyncio.Event().wait()

    run = sw.Graph("held", sw.Replay("in", [1]) >> sw.ForEach("forever", forever)).start()
    said: list[str] = []
    with obeyed(run, 60.0, said.append):
        signal.raise_signal(first)
        if seconds is not None:
            while not said:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await asyncio.sleep(seconds)
        signal.raise_signal(second)
        await asyncio.sleep(0.05)
    await run.stop()
    return [sentence.partition(",")[0] for sentence in said]


def test_a_sigterm_that_comes_twice_at_once_is_the_same_one() -> None:
    """As `timeout` sends it: to its child, and to the group."""
    assert asyncio.run(signalled(signal.SIGTERM, signal.SIGTERM, None)) == ["draining"]


@pytest.mark.parametrize(
    ("seconds", "first", "second"),
    [(0.6, signal.SIGTERM, signal.SIGTERM), (0, signal.SIGTERM, signal.SIGINT), (0, signal.SIGINT, signal.SIGINT)],
)
def test_one_that_was_sent_to_stop_it_stops_it(seconds: float, first: signal.Signals, second: signal.Signals) -> None:
    assert asyncio.run(signalled(first, second, seconds)) == ["draining", "stopping"]


WINDOWED = """
from pathlib import Path
import streamweave_lab as sw

class Numbers(sw.Source[int]):
    time = staticmethod(float)

    def poll(self, limit):
        self.position = self.position or 0
        if self.position < int(Path("come").read_text()):
            self.position += 1
            return [self.position]
        return sw.END if self.position == 5 else sw.Wait(0.01)

    def snapshot(self):
        return self.position

    def restore(self, state):
        self.position = state

def seen(number):
    Path(f"seen{number}").touch()
    return number

def write(pane):
    with Path("panes").open("a") as panes:
        panes.write(f"{pane.value}\\n")

graph = sw.Graph(
    "windowed",
    Numbers("numbers") >> sw.Map("seen", seen) >> sw.Window("count", sw.count(), sw.Tumbling(seconds=10))
    >> sw.ForEach("write", write),
)
"""


@pytest.mark.parametrize(("on_term", "panes"), [("suspend", ["5"]), ("drain", ["3", "2"])])
def test_a_restart_keeps_windows_open_where_sigterm_suspends(
    start: Start, tmp_path: Path, on_term: str, panes: list[str]
) -> None:
    here = tmp_path / "here"
    (here / "flow.py").write_text(WINDOWED)
    (here / "come").write_text("3")
    command = ("run", "flow.py:graph", "--checkpoint", "kept", "--on-term", on_term)
    first = start(*command)
    until = SYSTEM_CLOCK.now() + 120
    while not (here / "seen3").exists():
        assert SYSTEM_CLOCK.now() < until
        assert first.poll() is None, first.communicate()
        sleep(0.01)
    first.send_signal(signal.SIGTERM)
    _, said = first.communicate(timeout=120)
    assert first.returncode == 0, said
    ended = {"suspend": "was suspended; checkpoint 2 holds its state", "drain": "was drained; nothing was dropped"}
    assert f"run windowed {ended[on_term]}" in said
    (here / "come").write_text("5")
    second = start(*command)
    _, said = second.communicate(timeout=120)
    assert second.returncode == 0, said
    assert (here / "panes").read_text().split() == panes


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]


async def watch_handlers() -> list[object]:
    run = sw.Graph("g", sw.Replay("in", [1]) >> sw.Count("n")).start()
    with obeyed(run, 1.0, print):
        found = handlers()
    await run.done()
    return found


def test_in_a_jupyter_kernel_signals_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = handlers()
    kernel = SimpleNamespace(IPKernelApp=SimpleNamespace(initialized=lambda: True))
    monkeypatch.setitem(sys.modules, "ipykernel.kernelapp", kernel)
    assert asyncio.run(watch_handlers())[1:] == before[1:], "asyncio has one of its own for SIGINT"


def test_a_terminal_s_run_has_handlers_only_while_it_is_obeyed() -> None:
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, where the tests run in background
    before = handlers()
    within = asyncio.run(watch_handlers())
    assert all(one not in before for one in within[1:])
    assert handlers() == before
    signal.signal(signal.SIGINT, inherited)


def test_on_a_thread_of_its_own_a_run_has_no_handlers() -> None:
    before = handlers()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asyncio.run, watch_handlers()).result() == before
