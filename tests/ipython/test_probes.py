"""A run in a kernel is probed from outside while a cell blocks it."""

from __future__ import annotations

import time
from statistics import median

import httpx

from tests.ipython.conftest import Kernel

SETUP = """
async def ticks():
    while True:
        yield 1
        await asyncio.sleep(0.01)

run = sw.Graph("probed", sw.Replay("ticks", ticks()) >> sw.Count("counted")).start()
server = run.serve()
print(server.url)
"""


def test_probes_answer_while_a_cell_sleeps_and_ready_says_that_a_cell_blocks(kernel: Kernel) -> None:
    with httpx.Client(base_url=kernel.cell(SETUP).printed.strip()) as client:
        assert client.get("/ready").status_code == 200
        kernel.client.execute("import time; time.sleep(3)")
        give_up = time.monotonic() + 10
        while (ready := client.get("/ready")).status_code == 200:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        assert ready.json()["reasons"] == ["the event loop has not answered for 1 s: a cell blocks it"]
        took = []
        for path in ("/live", "/ready", "/metrics") * 5:
            began = time.perf_counter()
            answer = client.get(path)
            took.append(time.perf_counter() - began)
            assert answer.status_code == (503 if path == "/ready" else 200)
        assert median(took) < 0.05
    assert kernel.cell("await run.stop()\nserver.close()\nprint(server)").printed.endswith("closed>\n")


def test_a_server_prints_nothing_into_any_cell(kernel: Kernel) -> None:
    shown = kernel.cell(SETUP + "\nimport urllib.request\nawait asyncio.to_thread(urllib.request.urlopen, server.url)")
    assert shown.complained == ""
    assert kernel.cell("await run.stop()\nserver.close()").complained == ""
