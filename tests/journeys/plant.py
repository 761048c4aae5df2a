"""`streamweave-lab run` of the gated graph as a process, for those who do it harm."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, closing, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx

from streamweave_lab.state.folder_store import FolderStore
from streamweave_lab.state.sqlite_store import SqliteStore
from tests.journeys.gated_graph import TOTAL, Settings, gated
from tests.ops.http.conftest import NO_TLS

ROOT = Path(__file__).parents[2]
GRAPH = f"{ROOT / 'tests/journeys/gated_graph.py'}:gated"
COMMAND = ("-m", "streamweave_lab.cli.main")
PATIENCE = 120.0
TOKEN = "of-the-test-of-faults-0123456789"


def until(what: Callable[[], Any], why: object = "it has not come true", seconds: float = PATIENCE) -> Any:
    """What `what` gives as soon as it is true."""
    give_up = monotonic() + seconds
    while not (found := what()):
        assert monotonic() < give_up, why() if callable(why) else why
        sleep(0.02)
    return found


class Plant:
    """A folder in which one process after another runs the graph, and goes on where the one before was ended."""

    graph = GRAPH
    kept = True
    """It has a store."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store, self.environ = folder, "state.db", dict[str, str]()
        self.process: subprocess.Popen[str] | None = None
        self.url = ""
        self.number = 0
        (folder / "token").write_text(TOKEN + "\n")

    # The process

    def start(self, *options: str, serve: str = "0", program: Sequence[str] = COMMAND, **more: Any) -> Plant:
        """Start one, and wait until it is served. Its events are in `log`, what it says in `said`."""
        self.begin(*options, serve=serve, program=program, **more)
        self.url = until(self._served, lambda: self.said).split()[2]
        return self

    def begin(self, *options: str, serve: str | None = "0", program: Sequence[str] = COMMAND, **more: Any) -> None:
        """Start one; one that is not served is done a second sooner."""
        self.number += 1
        environ = {name: value for name, value in os.environ.items() if not name.startswith("STREAMWEAVE_")}
        environ |= {"PYTHONPATH": str(ROOT), "STREAMWEAVE_LOG": "info:log", "COLUMNS": "200", **self.environ}
        served = [] if serve is None else ["--serve", serve, "--token-file", "token"]
        kept = ["--checkpoint", self.store, "--checkpoint-every", "0.1"] if self.kept else []
        with (self.folder / f"said{self.number}").open("w") as said:
            self.process = subprocess.Popen(
                [sys.executable, *program, "run", self.graph, *served, *kept, *options], cwd=self.folder, env=environ,
                stderr=said, stdout=subprocess.DEVNULL, text=True, **more,
            )  # fmt: skip

    @property
    def said(self) -> str:
        """What it has said on stderr so far."""
        return (self.folder / f"said{self.number}").read_text()

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def pause(self) -> None:
        """Return when it stands still."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)

    def end(self, number: signal.Signals | None = None) -> int:
        """Send it a signal, wait for its end; its exit code."""
        assert self.process is not None
        if number is not None:
            self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        assert "Traceback" not in self.said, self.said
        return code

    def kill(self) -> None:
        """Whatever it does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def _served(self) -> str:
        assert self.process is not None
        assert self.process.poll() is None, self.said
        return next((line for line in self.said.splitlines(keepends=True) if "served at" in line and "\n" in line), "")

    # What it is asked

    def ask(self, method: str, path: str, token: str = TOKEN, **more: Any) -> httpx.Response:
        return httpx.request(
            method, self.url + path, headers={"Authorization": f"Bearer {token}"}, trust_env=False,
            verify=NO_TLS, **{"timeout": PATIENCE, **more},
        )  # fmt: skip

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", "/status").raise_for_status().json()
        return found

    def probe(self, name: str, timeout: float = 2.0) -> tuple[int, list[str]]:
        """The answer to a probe and its reasons; 0 if there is none in time."""
        try:
            answer = self.ask("GET", f"/{name}", timeout=timeout)
        except httpx.TransportError:
            return 0, []
        return answer.status_code, answer.json()["reasons"]

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """The events in the logs, oldest first; those that are called `name`, if it is given."""
        log = self.folder / "log"
        lines = log.read_text().splitlines(keepends=True) if log.exists() else []
        found = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in found if not name or event["event"] == name]

    # What it is made of

    def open_gate(self, upto: int = TOTAL) -> None:
        """Let the numbers in up to `upto`, which may be the last."""
        (self.folder / "gate.new").write_text(str(upto))
        (self.folder / "gate.new").rename(self.folder / "gate")

    def rows(self) -> list[int]:
        """The sums that are in the file, half a line left out."""
        rows = self.folder / "rows"
        text = rows.read_text() if rows.exists() else ""
        return [int(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def bring(self, upto: int) -> None:
        """Let numbers in, and wait until they are out."""
        self.open_gate(upto)
        until(lambda: len(self.rows()) >= upto, lambda: f"{len(self.rows())} rows; {self.said}")

    def finish(self) -> str:
        """Let the process that is there come to the end of all, or go on here and now; what it went on from."""
        self.open_gate()
        if self.process is not None and self.process.poll() is None:
            assert self.end() == 0, self.said
            return self.said
        store = (
            FolderStore(self.folder / self.store) if "." not in self.store else SqliteStore(self.folder / self.store)
        )
        with chdir(self.folder), closing(store):
            return gated().run_to_end(Settings(), store=store, resume=True).events[-1].message

    def output(self) -> tuple[str, str]:
        return (self.folder / "rows").read_text(), (self.folder / "windows").read_text()


@contextmanager
def plant(folder: Path) -> Iterator[Plant]:
    """One in a folder of its own; the process that is left is killed."""
    folder.mkdir(exist_ok=True)
    made = Plant(folder)
    try:
        yield made
    finally:
        made.kill()


def uninterrupted(folder: Path) -> tuple[str, str]:
    """The output of a run that nothing befalls."""
    folder.mkdir()
    whole = Plant(folder)
    whole.open_gate()
    with chdir(folder):
        gated(folder).run_to_end(Settings())
    return whole.output()
