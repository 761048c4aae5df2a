"""A real kernel while a graph runs flat out on its loop: how soon cells and clicks are answered, and what is left."""

from __future__ import annotations

import asyncio
import time
from itertools import count

import streamweave_lab as sw
from tests.benchmarks.kernels import FLAT_OUT, Kernel
from tests.benchmarks.report import Result, alone, answer, median, percentile, told

CELLS, CLICKS = 1000, 300
GROUP = "A real kernel with a graph flat out"
SECONDS = 4.0
PAUSE = 0.003
"""A person does not type without one."""
_RATE = f"""
before = run["end"].count
await asyncio.sleep({SECONDS})
(run["end"].count - before) / {SECONDS}
"""


async def _headless() -> dict[str, float]:
    """The same graph, measured in the same way, on a loop with nothing else on it."""
    numbers = sw.Replay("numbers", count()) >> sw.Map("one", _one_more) >> sw.Map("two", _one_more)
    run = sw.Graph("flat-out", numbers >> sw.Count("end")).start()
    await asyncio.sleep(1)
    before = run["end"].count
    await asyncio.sleep(SECONDS)
    rate = (run["end"].count - before) / SECONDS
    await run.stop()
    return {"rate": rate}


def _one_more(x: int) -> int:
    return x + 1


def measure(rounds: int) -> list[Result]:
    """Cells and clicks in one kernel; then its speed and that of a bare loop, in turn."""
    with Kernel() as kernel:
        kernel.cell(FLAT_OUT)
        comm = kernel.value("from streamweave_lab.console.display import console\nconsole(run).model_id")
        cells, clicks, shares = [], [], []
        for number in range(CELLS):
            told(f"kernel: cell {number + 1} of {CELLS}")
            cells.append(kernel.timed_cell())
            time.sleep(PAUSE)
        for number in range(CLICKS):
            told(f"kernel: click {number + 1} of {CLICKS}")
            clicks.append(kernel.timed_click(comm, "resume", f"press-{number}"))
            time.sleep(PAUSE)
        for number in range(rounds):
            told(f"kernel: speed, round {number + 1} of {rounds}")
            rate = kernel.value(_RATE)
            kernel.cell("await run.pause()")
            shares.append(rate / alone("kernel")["rate"])
            kernel.cell("await run.resume()")
    return [*_answers("cell 1+1", cells), *_answers("a click", clicks), _kept(shares)]


def _answers(what: str, seconds: list[float]) -> list[Result]:
    return [
        Result(GROUP, f"{what}, p50", percentile(seconds, 0.5) * 1000, "ms", 12.0),
        Result(GROUP, f"{what}, p99", percentile(seconds, 0.99) * 1000, "ms", 40.0),
        Result(GROUP, f"{what}, of {len(seconds):,} over 250 ms", sum(each > 0.25 for each in seconds), "", 0),
    ]


def _kept(shares: list[float]) -> Result:
    return Result(GROUP, "the graph keeps of its headless speed", median(shares), "×", 0.85, at_least=True)


if __name__ == "__main__":
    answer(asyncio.run(_headless()))
