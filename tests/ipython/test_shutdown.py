"""Each of these tests ends a kernel of its own, as Jupyter does: shutdown_request, then SIGTERM, then SIGKILL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from streamweave_lab.ipython import shutdown
from tests.ipython.conftest import Kernel

IMPORTS = """
%load_ext streamweave_lab
import asyncio
import streamweave_lab as sw
"""

GRAPH = f"""
{IMPORTS}
async def ticks():
    for tick in range(1_000_000):
        yield tick
        await asyncio.sleep(0.002)

class Writer(sw.Sink[int]):
    def opened(self):
        self.items, self.file = 0, open("items.txt", "w")
    def on_item(self, item):
        self.items += 1
        print(item, file=self.file)      # buffered: only closed() brings the last items to disk
    def closed(self):
        print("closed after", self.items, file=self.file)
        self.file.close()

run = sw.Graph("writes", sw.Replay("ticks", ticks()) >> sw.Map("same", lambda n: n) >> Writer("writer")).start()
while run.status().node("writer").items_in["in"] < 20:
    await asyncio.sleep(0.01)
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    driven = Kernel(tmp_path)
    yield driven
    driven.close()


def lines(folder: Path) -> list[str]:
    return (folder / "items.txt").read_text().splitlines()


def everything_is_on_disk(folder: Path) -> bool:
    *items, last = lines(folder)
    return items == [str(n) for n in range(len(items))] and last == f"closed after {len(items)}"


def test_a_restart_drains_a_run_so_that_its_last_items_are_on_disk(kernel: Kernel, tmp_path: Path) -> None:
    assert kernel.cell(GRAPH).status == "ok"
    kernel.restart()
    assert everything_is_on_disk(tmp_path)
    assert kernel.cell("print('run' in globals())").printed == "False\n"


def test_a_shutdown_drains_a_run_too(kernel: Kernel, tmp_path: Path) -> None:
    kernel.cell(GRAPH)
    kernel.manager.shutdown_kernel(now=False)
    assert everything_is_on_disk(tmp_path)


def test_a_restart_while_a_cell_awaits_the_run_drains_it(kernel: Kernel, tmp_path: Path) -> None:
    kernel.cell(GRAPH)
    kernel.begin("await run.done()")
    kernel.restart()
    assert everything_is_on_disk(tmp_path)


def test_a_drain_that_takes_too_long_is_cut_off_in_time_and_counted(kernel: Kernel, tmp_path: Path) -> None:
    kernel.cell(
        f"{IMPORTS}\n"
        'log = sw.log_to("events.jsonl")\n'
        "async def forever(item): await asyncio.sleep(3600)\n"
        'stuck = sw.Graph("stuck", sw.Replay("ones", [1, 2, 3]) >> sw.ForEach("forever", forever)).start()\n'
        'while stuck.status().node("ones").items_out["out"] < 3: await asyncio.sleep(0.01)'
    )
    kernel.restart()
    told = (tmp_path / "events.jsonl").read_text()
    assert '"run.drain_timed_out"' in told
    assert "the drain took more than 2 s: 3 items dropped, held by forever" in told
    assert KernelManager().shutdown_wait_time / 2 > shutdown.BUDGET, "when Jupyter sends SIGTERM"


def test_a_run_with_a_store_is_suspended_and_goes_on_in_the_next_kernel(kernel: Kernel, tmp_path: Path) -> None:
    start = (
        f"{IMPORTS}\n"
        "from streamweave_lab.ipython import shutdown\n"
        "shutdown.remove(get_ipython().kernel)\n"
        "shutdown.install(get_ipython().kernel, 30.0)\n"
        "from streamweave_lab.state.sqlite_store import SqliteStore\n"
        "class Slow(sw.Replay):\n"
        "    def poll(self, limit):\n"
        "        self.rest = not getattr(self, 'rest', False)\n"
        "        return sw.Wait(0.05) if self.rest else super().poll(1)\n"
        'window = sw.Window("sum", sw.sum(float), sw.Tumbling(seconds=1000))\n'
        'graph = sw.Graph("kept", Slow("n", range(10**6), time=float) >> window >> sw.Collect("all"))\n'
        'run = graph.start(store=SqliteStore("state.db"), resume=True)\n'
        "four_more = run['n'].position + 4\n"
        "while run['n'].position < four_more: await asyncio.sleep(0.01)\n"
    )
    kernel.cell(start)
    kernel.restart()
    again = kernel.cell(f"{start}print(run.status().checkpoint.resumed_from, run['n'].position > 5)")
    assert again.printed == "2 True\n", "the first is what the run began with"
    kernel.cell("await run.stop()")


def test_a_kernel_without_runs_restarts_as_fast_as_ever(kernel: Kernel) -> None:
    kernel.cell("%load_ext streamweave_lab")
    began = time.monotonic()
    kernel.restart()
    assert time.monotonic() - began < 30, "not the 30 s after which it would be sent SIGTERM"
