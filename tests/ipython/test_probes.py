"""A run in a kernel is probed from outside while a cell blocks it."""

from __future__ import annotations

import re
import time
from pathlib import Path
from statistics import median

import httpx

from tests.ipython.conftest import Kernel
from tests.remote.conftest import until

BLOCKED = re.compile(r'"the event loop has not answered for \d+ s: a cell blocks it"')

SETUP = """
async def ticks():
    while True:
        yield 1
        await asyncio.sleep(0.01)

run = sw.Graph("probed", sw.Replay("ticks", ticks()) >> sw.Count("counted")).start()
server = run.serve()
print(server.url)
"""


def test_probes_answer_while_a_cell_sleeps_and_ready_says_that_a_cell_blocks(kernel: Kernel, tmp_path: Path) -> None:
    wake = tmp_path / "wake"
    with httpx.Client(base_url=kernel.cell(SETUP).printed.strip(), timeout=60) as client:
        until(lambda: client.get("/ready").status_code == 200)
        kernel.client.execute(f"import os, time\nwhile not os.path.exists({str(wake)!r}): time.sleep(0.1)")
        until(lambda: BLOCKED.findall(client.get("/ready").text))
        took = []
        for path in ("/live", "/ready", "/metrics") * 5:
            began = time.perf_counter()
            answer = client.get(path)
            took.append(time.perf_counter() - began)
            assert answer.status_code == (503 if path == "/ready" else 200)
        assert median(took) < 1.0, "as long as who asks waits, where nobody says otherwise"
        wake.touch()
    assert kernel.cell("await run.stop()\nserver.close()\nprint(server)").printed.endswith("closed>\n")


def test_a_server_prints_nothing_into_any_cell(kernel: Kernel) -> None:
    shown = kernel.cell(SETUP + "\nimport urllib.request\nawait asyncio.to_thread(urllib.request.urlopen, server.url)")
    assert shown.complained == ""
    assert kernel.cell("await run.stop()\nserver.close()").complained == ""
