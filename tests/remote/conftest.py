"""Real processes that serve a run, to be killed, stopped and started again."""

from __future__ import annotations

import os
import signal
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
        self.port = 0
        """Any that is free for the first process, and the same for those that follow."""
        self.child: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        settings = str(self.settings) if self.settings.exists() else ""
        command = [sys.executable, str(ROOT / "tests/remote/served.py"), str(self.port), str(self.token_file)]
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self.child = subprocess.Popen(
            [*command, settings, self.certificate], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
        assert self.child.stdout is not None
        self.url = self.child.stdout.readline().strip()
        assert self.url
        self.port = int(self.url.rpartition(":")[2])

    def send(self, number: signal.Signals) -> None:
        assert self.child is not None
        self.child.send_signal(number)

    def end(self) -> int:
        """Nobody has anything more to ask: wait until it has ended with its run; its exit code."""
        assert self.child is not None
        assert self.child.stdin is not None
        self.child.stdin.close()
        return self.child.wait(60)

    def kill(self) -> None:
        assert self.child is not None
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()

    def attach(self, **more: Any) -> RemoteRun:
        return attach(self.url, **{"token": TOKEN, "timeout": 60.0, **more})


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


def until(what: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `what` gives as soon as it is true."""
    give_up = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < give_up, "it has not come true"
        time.sleep(0.02)
    return found
