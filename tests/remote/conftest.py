"""Real processes that serve a run, to be killed, stopped and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from streamweave_lab.remote.attach import attach
from streamweave_lab.remote.attached import attached
from streamweave_lab.remote.run import RemoteRun

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-that-is-long-enough"


class Process:
    """One port on which a run is served, by one process after another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token_file = folder / "token"
        self.token_file.write_text(TOKEN + "\n")
        self.settings = folder / "limits.toml"
        self.certificate = ""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.child: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        settings = str(self.settings) if self.settings.exists() else ""
        command = [sys.executable, str(ROOT / "tests/remote/served.py"), str(self.port), str(self.token_file)]
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self.child = subprocess.Popen(
            [*command, settings, self.certificate], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
        assert self.child.stdout is not None
        self.url = self.child.stdout.readline().strip()
        assert self.url

    def send(self, number: signal.Signals) -> None:
        assert self.child is not None
        self.child.send_signal(number)

    def kill(self) -> None:
        assert self.child is not None
        assert self.child.stdout is not None
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()

    def attach(self, **more: Any) -> RemoteRun:
        return attach(self.url, **{"token": TOKEN, **more})


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """Leave no run behind to be looked at."""
    yield
    for run in attached().values():
        run.detach()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    """A process of the test's own."""
    served = Process(tmp_path)
    served.start()
    yield served
    served.kill()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A process that goes on after the test, and is left as it was found."""
    served = Process(tmp_path_factory.mktemp("shared"))
    served.start()
    yield served
    served.kill()


def until(what: Callable[[], Any], seconds: float = 10.0) -> Any:
    """What `what` gives as soon as it is true."""
    give_up = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < give_up, "it has not come true"
        time.sleep(0.02)
    return found
