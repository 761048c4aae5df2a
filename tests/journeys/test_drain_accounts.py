"""A drain of a full graph by signal, by HTTP, by button and by magic: one account, whoever asked for it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streamweave_lab.cli.outcome import Exit
from tests.ipython.conftest import Kernel
from tests.journeys.plant import ROOT, Plant, until
from tests.journeys.saturated_graph import ROOM

GRAPH = f"{ROOT / 'tests/journeys/saturated_graph.py'}:saturated"
SHORT, LONG = 1.0, 25.0
"""Seconds that a drain may take: of one whose time will be up, and of one that will finish."""
PHASES = ["readiness off", "sources", "in flight", "windows", "sinks", "close"]
FULL = {"numbers.out -> double.in": ROOM, "double.out -> sink.in": ROOM}

Account = dict[str, Any]


def known(report: Account, by: str, events: list[tuple[str, str | None]]) -> Account:
    """What of an account is the same for each, and which of its phases took the time."""
    long = max(report["phases"], key=report["phases"].__getitem__)
    assert [who for name, who in events if name.startswith("run.drain")] == [by, by]
    told = [name for name, _ in events if name.startswith("run.")]
    return {**report, "seconds": report["seconds"] < LONG, "phases": [*report["phases"]], "longest": long, "told": told}


class Served(Plant):
    """A process with the full graph; it is drained by a signal, or over HTTP."""

    graph = GRAPH
    kept = False

    def account(self, by: str, timeout: float, let_go: Callable[[], None]) -> Account:
        self.start("--drain-timeout", f"{timeout}")
        until(lambda: [edge["queued"] for edge in self.status()["edges"]][:2] == [ROOM, ROOM])
        with ThreadPoolExecutor(1) as pool:
            if by == "http":
                report = pool.submit(self.ask, "POST", "/drain?wait=30", json={"timeout": timeout})
            else:
                self.send(signal.SIGTERM)
                until(lambda: self.status()["state"] != "running")
                report = pool.submit(self.ask, "POST", "/drain?wait=30")  # it waits for the drain that goes on
            until(lambda: self.status()["state"] != "running")
            let_go()
            document = report.result().json()
        assert document["state"] == "done", document
        complete = document["result"]["complete"]
        assert self.end() == (Exit.DRAINED if complete else Exit.DROPPED)
        events = [(event["event"], event.get("by")) for event in self.events()]
        return known(document["result"], "http" if by == "http" else "signal SIGTERM", events)


ACCOUNT = (
    "import dataclasses, json; print(json.dumps([dataclasses.asdict(report), [(e.event, e.by) for e in run.events]]))"
)


class Shown:
    """A kernel with the full graph; it is drained by the magic, or by a button of the console."""

    def __init__(self, kernel: Kernel, folder: Path) -> None:
        self.kernel, self.folder = kernel, folder

    def account(self, by: str, timeout: float, let_go: Callable[[], None]) -> Account:
        began = self.kernel.cell(
            "run = saturated().start()\n"
            f"while [edge.queued for edge in run.status().edges][:2] != [{ROOM}, {ROOM}]: await asyncio.sleep(0.01)\n"
            "board = sw.console(run)\nprint(board.comm.comm_id)"
        )
        assert began.status == "ok", began
        if by == "magic":
            assert self.kernel.cell(f"asked = %weave drain --timeout {timeout}").status == "ok"
            let_go()
            assert self.kernel.cell("report = await asked").status == "ok"
        else:
            self._press(began.printed.strip(), timeout)
            let_go()
            assert self.kernel.cell("await run.done()\nreport = await run.drain()").status == "ok"
        report, events = json.loads(self.kernel.cell(ACCOUNT).printed)
        return known(report, by, [*map(tuple, reversed(events))])

    def _press(self, comm: str, timeout: float) -> None:
        """As the page does it: a message to the widget."""
        client = self.kernel.client
        content = {"do": "drain", "id": "press", "timeout": timeout}
        data = {"comm_id": comm, "data": {"method": "custom", "content": content}}
        client.shell_channel.send(client.session.msg("comm_msg", data))


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("kernel")
    driven = Kernel(folder)
    try:
        begun = "import streamweave_lab as sw, asyncio\nfrom tests.journeys.saturated_graph import saturated"
        assert driven.cell(f"%load_ext streamweave_lab\n{begun}").status == "ok"
        yield Shown(driven, folder)
    finally:
        driven.close()


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    folder.mkdir()
    one = Served(folder)
    try:
        yield one
    finally:
        one.kill()


def accounts(kernel: Shown, tmp_path: Path, timeout: float, finishes: bool) -> dict[str, Account]:
    """What each way to ask for a drain answers."""

    def account(door: Served | Shown, by: str) -> Account:
        let_go = door.folder / "let_go"
        let_go.unlink(missing_ok=True)
        return door.account(by, timeout, let_go.touch if finishes else lambda: None)

    with served(tmp_path / "signal") as signalled, served(tmp_path / "http") as asked, ThreadPoolExecutor(2) as pool:
        found = {"signal": pool.submit(account, signalled, "signal"), "http": pool.submit(account, asked, "http")}
        shown = {by: account(kernel, by) for by in ("magic", "button")}
        return shown | {by: each.result() for by, each in found.items()}


def test_a_drain_that_finishes_gives_one_account_whoever_asked(kernel: Shown, tmp_path: Path) -> None:
    for by, account in accounts(kernel, tmp_path, LONG, finishes=True).items():
        assert account.pop("longest") in ("in flight", "sinks"), by
        assert account == {
            "complete": True, "seconds": True, "phases": PHASES, "dropped": {}, "held_by": [], "problem": None,
            "told": ["run.started", "run.draining", "run.drained"],
        }, by  # fmt: skip


def test_a_drain_whose_time_is_up_gives_one_account_to_the_item_whoever_asked(kernel: Shown, tmp_path: Path) -> None:
    for by, account in accounts(kernel, tmp_path, SHORT, finishes=False).items():
        in_sink, in_window = account["dropped"].pop("sink"), account["dropped"].pop("tens")
        assert in_sink == 1, "the one that it has in hand"
        assert in_window == ROOM + 1, "what has passed, once for each branch"
        assert account == {
            "complete": False, "seconds": True, "phases": PHASES, "longest": "in flight", "dropped": FULL,
            "held_by": ["sink"], "problem": None, "told": ["run.started", "run.draining", "run.drain_timed_out"],
        }, by  # fmt: skip
